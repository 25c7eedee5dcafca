//! What a new socket starts with, and what its durations mean.

use std::time::Duration;

use crate::options::table::set;
use crate::options::{ContextOptions, SocketOptions, numbers};
use crate::patterns::SocketType;

fn options(kind: SocketType) -> SocketOptions {
    SocketOptions::new(kind, &ContextOptions::default())
}

#[test]
fn a_socket_inherits_from_its_context_and_its_type() {
    let context = ContextOptions { blocky: false, ipv6: true, ..Default::default() };
    let o = SocketOptions::new(SocketType::Push, &context);
    assert_eq!((o.linger, o.ipv6), (0, true));
    assert_eq!(options(SocketType::Push).linger, -1);
    for kind in [SocketType::Sub, SocketType::Xsub, SocketType::Dish] {
        assert_eq!(options(kind).linger, 0);
    }
    let mut router = options(SocketType::Router);
    assert!(router.recv_routing_id && !router.raw_socket);
    set(&mut router, numbers::ROUTER_RAW, Some(&1i32.to_ne_bytes())).unwrap();
    set(&mut router, numbers::ROUTER_RAW, Some(&0i32.to_ne_bytes())).unwrap();
    assert!(!router.recv_routing_id && router.raw_socket);
}

#[test]
fn durations_mean_what_the_manual_says() {
    let mut o = options(SocketType::Pair);
    assert_eq!((o.linger(), o.receive_timeout(), o.connect_timeout()), (None, None, None));
    assert_eq!(o.reconnect_interval(), Some(Duration::from_millis(100)));
    assert_eq!(o.reconnect_interval_max(), None);
    for never in [0, -1] {
        o.reconnect_ivl = never;
        assert_eq!(o.reconnect_interval(), None);
    }
    o.reconnect_ivl = 100;
    assert_eq!(o.handshake_timeout(), Some(Duration::from_secs(30)));
    assert_eq!((o.heartbeat_interval(), o.heartbeat_timeout()), (None, None));
    o.heartbeat_interval = 50;
    assert_eq!(o.heartbeat_timeout(), Some(Duration::from_millis(50)));
    o.heartbeat_timeout = 0;
    assert_eq!(o.heartbeat_timeout(), None);
    o.reconnect_ivl_max = 99;
    assert_eq!(o.reconnect_interval_max(), None);
    o.reconnect_ivl_max = 100;
    assert_eq!(o.reconnect_interval_max(), Some(Duration::from_millis(100)));
    o.reconnect_ivl_max = 1000;
    assert_eq!(o.reconnect_interval_max(), Some(Duration::from_secs(1)));
    o.rcvtimeo = 0;
    assert_eq!(o.receive_timeout(), Some(Duration::ZERO));
}
