//! Unit tests of messages of which a part was not handed out, or is not told: what is left is whole.

use super::SocketType as T;
use super::testing::TestSocket;
use crate::options::numbers;

#[test]
fn what_was_only_seen_of_a_message_goes_with_its_pipe() {
    for (kind, peer_kind, frames) in [
        (T::Rep, T::Req, &[&b"question"[..]][..]),
        (T::Router, T::Dealer, &[b"one", b"two"]),
        (T::Sub, T::Pub, &[b"one", b"two"]),
        (T::Xsub, T::Xpub, &[b"one", b"two"]),
    ] {
        let (mut socket, mut peer) = (TestSocket::new(kind), TestSocket::new(peer_kind));
        let (id, _) = socket.connect(&mut peer);
        match kind {
            T::Sub => socket.set(numbers::SUBSCRIBE, b"").unwrap(),
            T::Xsub => socket.send(b"\x01").unwrap(),
            _ => {}
        }
        peer.pump();
        peer.send_all(frames).unwrap();
        assert!(socket.has_in());
        socket.end_pipe(id);
        assert!(!socket.has_in(), "{kind:?}");
        socket.expect_nothing();
    }
}

#[test]
fn a_message_of_which_a_frame_was_received_ends_with_its_pipe() {
    let (mut router, mut dealer) = (TestSocket::new(T::Router), TestSocket::new(T::Dealer));
    let (id, _) = router.connect(&mut dealer);
    dealer.send_all(&[b"one", b"two"]).unwrap();
    assert!(router.has_in());
    assert!(router.recv_frame().unwrap().more());
    router.end_pipe(id);
    router.expect(&[b"one", b""]);
    router.expect_nothing();
}

#[test]
fn a_subscription_is_told_though_the_frame_behind_it_is_not() {
    let (mut xsub, mut xpub) = (TestSocket::new(T::Xsub), TestSocket::new(T::Xpub));
    xsub.connect(&mut xpub);
    // Of "q" nobody had heard: this cancels nothing.
    xsub.send_all(&[b"\x01a", b"\x00q"]).unwrap();
    xsub.send(b"\x01z").unwrap();
    xpub.expect(&[b"\x01a"]);
    xpub.expect(&[b"\x01z"]);
    xpub.send(b"a2").unwrap();
    xsub.expect(&[b"a2"]);
}

#[test]
fn a_message_ends_though_its_last_frame_is_a_subscription_that_is_not_new() {
    let (mut xsub, mut xpub) = (TestSocket::new(T::Xsub), TestSocket::new(T::Xpub));
    xsub.connect(&mut xpub);
    xsub.send(b"\x01a").unwrap();
    xsub.send_all(&[b"said", b"\x01a"]).unwrap();
    xsub.send(b"next").unwrap();
    xpub.expect(&[b"\x01a"]);
    xpub.expect(&[b"said"]);
    xpub.expect(&[b"next"]);
    xpub.expect_nothing();
}
