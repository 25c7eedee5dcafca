//! Unit tests of STREAM, and of ROUTER with ZMQ_ROUTER_RAW, which is like it.

use super::Attach;
use super::SocketType as T;
use super::testing::{TestSocket, write_all};
use crate::error::Error;
use crate::options::numbers;

#[test]
fn a_raw_router_closes_by_an_empty_message() {
    let mut router = TestSocket::new(T::Router);
    router.change(|options| options.raw_socket = true);
    router.set_int(numbers::ROUTER_RAW, 1);
    let (_, mut peer) = router.attach_raw(Attach::default());
    write_all(&mut peer, &[b"bytes"]);
    let name = router.recv().unwrap().remove(0);
    assert_eq!(name.len(), 5);
    router.send_frame(&name, true).unwrap();
    router.send_frame(b"answer", true).unwrap();
    assert!(!peer.read().unwrap().more());
    router.send_all(&[&name, b""]).unwrap();
    assert_eq!(router.pipes.len(), 0);
}

#[test]
fn a_stream_names_connections_and_closes_them() {
    let mut stream = TestSocket::new(T::Stream);
    assert!(stream.has_out());
    assert_eq!(stream.send_frame(b"nobody", true), Err(Error::HOSTUNREACH));
    let (_, mut peer) = stream.attach_raw(Attach::default());
    write_all(&mut peer, &[b""]);
    write_all(&mut peer, &[b"GET /"]);
    let name = stream.pattern.routing_id().unwrap().to_vec();
    stream.expect(&[&name, b""]);
    stream.expect(&[&name, b"GET /"]);
    stream.expect_nothing();
    stream.send_frame(&name, true).unwrap();
    stream.send_frame(b"200 OK", true).unwrap();
    let reply = peer.read().unwrap();
    assert_eq!((reply.data(), reply.more()), (&b"200 OK"[..], false));
    stream.send_all(&[&name, b""]).unwrap();
    assert_eq!(stream.pipes.len(), 0);
    assert_eq!(stream.send_frame(&name, true), Err(Error::HOSTUNREACH));
}

#[test]
fn a_stream_may_choose_the_name_of_its_connection() {
    let mut stream = TestSocket::new(T::Stream);
    stream.set(numbers::CONNECT_ROUTING_ID, b"web").unwrap();
    let how = Attach { name: stream.pattern.exchange_name(None), ..Attach::default() };
    let (_, mut peer) = stream.attach_raw(how);
    stream.send_all(&[b"web", b"GET /"]).unwrap();
    assert_eq!(peer.read().unwrap().data(), b"GET /");
}

#[test]
fn to_who_has_gone_a_stream_says_so_although_last_words_are_unread() {
    let mut stream = TestSocket::new(T::Stream);
    let (_, mut peer) = stream.attach_raw(Attach::default());
    let name = stream.pattern.routing_id().unwrap().to_vec();
    write_all(&mut peer, &[b"GET /"]);
    drop(peer);
    assert_eq!(stream.send_frame(&name, true), Err(Error::HOSTUNREACH));
    stream.expect(&[&name, b"GET /"]);
    stream.expect_nothing();
    assert_eq!(stream.pipes.len(), 0);
}
