//! NULL with a ZAP handler, and the replies such a handler may send.

use crate::patterns::SocketType::{Dealer, Router};
use crate::zmtp::testing::{GREETING, Pair, READY, Side, config};
use crate::zmtp::{EngineConfig, Failure, error_code};

fn guarded() -> EngineConfig {
    let mut own = config(Router);
    own.zap.domain = b"global".to_vec();
    own
}

#[test]
fn null_with_a_domain_asks_the_handler() {
    let mut pair = Pair::new(config(Dealer), guarded());
    pair.run(3);
    assert!(pair.two.peer.is_none());
    let request = pair.two.zap.clone().unwrap();
    assert_eq!(request, [&b""[..], b"1.0", b"1", b"global", b"192.0.2.1", b"", b"NULL"]);
    pair.two.answer_zap(pair.now, "200", "tom");
    pair.run(3);
    pair.one.peer();
    assert_eq!(pair.two.property("User-Id"), Some("tom"));
    assert_eq!(pair.two.property("Hello"), Some("World"));
}

#[test]
fn the_handler_may_name_the_peer() {
    let invalid = Some(Failure::handshake(error_code::ZAP_INVALID_METADATA));
    let long = [&b"\x08Identity\0\0\x01\0"[..], &[b'x'; 256]].concat();
    let table: &[(&[u8], &[u8], Option<Failure>)] = &[
        (b"\x08Identity\0\0\0\x05byzap", b"byzap", None),
        (b"\x08Identity\0\0\0\x01a\x08Identity\0\0\0\x01b", b"a", None),
        (b"\x08Identity\0\0\0\0", b"", None),
        (b"\x05Hello\0\0\0\x05World", b"own", None),
        (b"\x0bSocket-Type\0\0\0\x06DEALER", b"own", None),
        (b"\x0bSocket-Type\0\0\0\x03PUB", b"", invalid),
        (&long, b"", invalid),
    ];
    for (properties, name, failure) in table {
        let mut own = config(Dealer);
        own.routing_id = b"own".to_vec();
        let mut pair = Pair::new(own, guarded());
        pair.run(usize::MAX);
        pair.two.answer_zap_with(pair.now, "200", "tom", properties);
        pair.run(usize::MAX);
        assert_eq!(pair.two.failure, *failure);
        if failure.is_none() {
            assert_eq!(pair.two.peer().metadata.routing_id(), *name);
            assert_eq!(pair.two.property("Identity").map(str::as_bytes), Some(*name));
        }
    }
}

#[test]
fn a_peer_introduces_itself_once() {
    // Not even while the handler is asked, who was told of the first introduction.
    let now = std::time::Instant::now();
    let mut side = Side::new(guarded(), now);
    side.feed(now, &[GREETING, READY].concat(), usize::MAX);
    assert!(side.zap.is_some() && side.failure.is_none());
    side.feed(now, READY, usize::MAX);
    let unexpected = Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND);
    assert_eq!(side.failure, Some(unexpected));
}

#[test]
fn a_denied_peer_is_told_unless_it_shall_try_again() {
    for (status, told) in [(300, false), (400, true), (500, true)] {
        let mut pair = Pair::new(config(Dealer), guarded());
        pair.run(usize::MAX);
        pair.two.answer_zap(pair.now, &status.to_string(), "");
        assert_eq!(pair.two.failure, Some(Failure::denied(status)));
        pair.run(usize::MAX);
        assert_eq!(pair.one.failure, told.then_some(Failure::denied(status)));
    }
}

#[test]
fn without_a_handler_the_domain_counts_only_if_enforced() {
    for enforce in [false, true] {
        let mut own = guarded();
        own.zap.enforce = enforce;
        let mut pair = Pair::new(config(Dealer), own);
        pair.run(usize::MAX);
        let result = pair.two.engine.zap_unavailable(pair.now);
        assert_eq!(result.is_err(), enforce);
        assert_eq!(pair.two.engine.is_established(), !enforce);
    }
}

#[test]
fn malformed_replies_fail_with_the_numbers_of_libzmq() {
    use error_code::*;
    let good: [&[u8]; 7] = [b"", b"1.0", b"1", b"200", b"", b"", b""];
    let table: &[(usize, &[u8], u32)] = &[
        (0, b"x", ZAP_UNSPECIFIED),
        (1, b"2.0", ZAP_BAD_VERSION),
        (2, b"2", ZAP_BAD_REQUEST_ID),
        (3, b"100", ZAP_INVALID_STATUS_CODE),
        (3, b"201", ZAP_INVALID_STATUS_CODE),
        (3, b"2000", ZAP_INVALID_STATUS_CODE),
        (6, b"\x01", ZAP_INVALID_METADATA),
    ];
    for (frame, value, code) in table {
        let mut pair = Pair::new(config(Dealer), guarded());
        pair.run(usize::MAX);
        let mut reply = good;
        reply[*frame] = value;
        let result = pair.two.engine.handle_zap_reply(pair.now, &reply);
        assert_eq!(result, Err(Failure::handshake(*code)));
    }
    let mut pair = Pair::new(config(Dealer), guarded());
    pair.run(usize::MAX);
    let result = pair.two.engine.handle_zap_reply(pair.now, &good[..6]);
    assert_eq!(result, Err(Failure::handshake(ZAP_MALFORMED_REPLY)));
}
