//! Unit tests of the patterns that choose peers in turn: PUSH, PULL, DEALER, PAIR, CLIENT and kin.

use super::SocketType as T;
use super::testing::{TestSocket, frame, write_all};
use super::{Attach, SocketType};
use crate::error::Error;
use crate::options::numbers;

/// A socket and `N` peers connected to it.
fn star<const N: usize>(hub: SocketType, leaf: SocketType) -> (TestSocket, [TestSocket; N]) {
    let mut hub = TestSocket::new(hub);
    let leaves = std::array::from_fn(|_| {
        let mut leaf = TestSocket::new(leaf);
        leaf.connect(&mut hub);
        leaf
    });
    (hub, leaves)
}

#[test]
fn messages_are_dealt_out_in_turn() {
    for (from, to) in [(T::Push, T::Pull), (T::Dealer, T::Dealer), (T::Scatter, T::Gather)] {
        let (mut hub, mut leaves) = star::<3>(from, to);
        for number in 0..9 {
            hub.send(&[number]).unwrap();
        }
        let mut all: Vec<u8> = Vec::new();
        for leaf in &mut leaves {
            let got: Vec<u8> = (0..3).map(|_| leaf.recv().unwrap()[0][0]).collect();
            assert!(got.windows(2).all(|pair| pair[1] == pair[0] + 3));
            leaf.expect_nothing();
            all.extend(got);
        }
        all.sort_unstable();
        assert_eq!(all, (0..9).collect::<Vec<_>>());
    }
}

#[test]
fn messages_are_taken_fairly() {
    for (to, from) in [(T::Pull, T::Push), (T::Dealer, T::Dealer), (T::Gather, T::Scatter)] {
        let (mut hub, mut leaves) = star::<3>(to, from);
        for (number, leaf) in leaves.iter_mut().enumerate() {
            for _ in 0..4 {
                leaf.send(&[number as u8]).unwrap();
            }
        }
        for _ in 0..4 {
            let mut round: Vec<u8> = (0..3).map(|_| hub.recv().unwrap()[0][0]).collect();
            round.sort_unstable();
            assert_eq!(round, [0, 1, 2]);
        }
        hub.expect_nothing();
    }
}

#[test]
fn without_peers_nothing_is_sent() {
    for kind in [T::Push, T::Dealer, T::Pair, T::Req, T::Client, T::Scatter, T::Channel, T::Dgram] {
        let mut socket = TestSocket::new(kind);
        assert!(!socket.has_out());
        assert_eq!(socket.send_frame(b"x", kind == T::Dgram), Err(Error::AGAIN));
    }
}

#[test]
fn a_full_peer_is_skipped_and_comes_back() {
    let mut push = TestSocket::with(T::Push, |options| options.sndhwm = 2);
    let mut slow = TestSocket::with(T::Pull, |options| options.rcvhwm = 2);
    let mut fast = TestSocket::with(T::Pull, |options| options.rcvhwm = 0);
    slow.connect(&mut push);
    fast.connect(&mut push);
    for number in 0..100 {
        push.send(&[number]).unwrap();
    }
    let slow_got = std::iter::from_fn(|| slow.recv().ok()).count();
    let fast_got = std::iter::from_fn(|| fast.recv().ok()).count();
    assert_eq!((slow_got, fast_got), (4, 96));
    push.send(b"a").unwrap();
    push.send(b"b").unwrap();
    assert!(slow.recv().is_ok() && fast.recv().is_ok());
}

#[test]
fn when_all_are_full_send_waits_for_room() {
    let mut push = TestSocket::with(T::Push, |options| options.sndhwm = 1);
    let mut pull = TestSocket::with(T::Pull, |options| options.rcvhwm = 1);
    pull.connect(&mut push);
    push.send(b"1").unwrap();
    push.send(b"2").unwrap();
    assert!(!push.has_out());
    assert_eq!(push.send(b"3"), Err(Error::AGAIN));
    pull.expect(&[b"1"]);
    pull.expect(&[b"2"]);
    assert!(push.has_out());
    push.send(b"3").unwrap();
    pull.expect(&[b"3"]);
}

#[test]
fn a_multipart_message_goes_to_one_peer() {
    let (mut push, mut pulls) = star::<2>(T::Push, T::Pull);
    push.send_all(&[b"a", b"b", b"c"]).unwrap();
    push.send_all(&[b"d", b"e"]).unwrap();
    for pull in &mut pulls {
        let first = pull.recv().unwrap();
        assert!(first == [b"a", b"b", b"c"] || first == [b"d", b"e"]);
        pull.expect_nothing();
    }
}

#[test]
fn the_rest_of_a_message_whose_peer_went_away_is_dropped() {
    for kind in [T::Push, T::Pair, T::Dealer] {
        let other = if kind == T::Push { T::Pull } else { kind };
        let mut socket = TestSocket::new(kind);
        let mut peer = TestSocket::new(other);
        let (_, id) = peer.connect(&mut socket);
        socket.send_frame(b"lost", true).unwrap();
        socket.end_pipe(id);
        let mut next = TestSocket::new(other);
        next.connect(&mut socket);
        socket.send_frame(b"lost too", true).unwrap();
        socket.send_frame(b"and the end", false).unwrap();
        socket.send(b"whole").unwrap();
        next.expect(&[b"whole"]);
        next.expect_nothing();
        peer.expect_nothing();
    }
}

#[test]
fn a_peer_that_closes_is_read_to_its_end() {
    for (to, from) in [(T::Pull, T::Push), (T::Pair, T::Pair), (T::Dealer, T::Dealer)] {
        let mut socket = TestSocket::new(to);
        let mut peer = TestSocket::new(from);
        peer.connect(&mut socket);
        peer.send_all(&[b"a", b"b"]).unwrap();
        peer.send(b"c").unwrap();
        peer.send_frame(b"never finished", true).unwrap();
        drop(peer);
        socket.expect(&[b"a", b"b"]);
        socket.expect(&[b"c"]);
        socket.expect_nothing();
        assert_eq!(socket.pipes.len(), 0);
    }
}

#[test]
fn a_message_cut_short_ends_with_an_empty_frame() {
    for (to, from) in [(T::Pull, T::Push), (T::Pair, T::Pair)] {
        let mut socket = TestSocket::new(to);
        let mut peer = TestSocket::new(from);
        let (_, id) = peer.connect(&mut socket);
        peer.send_all(&[b"a", b"b"]).unwrap();
        assert!(socket.recv_frame().unwrap().more());
        socket.end_pipe(id);
        socket.expect(&[b""]);
        socket.expect_nothing();
    }
}

#[test]
fn a_pair_refuses_a_second_peer() {
    for kind in [T::Pair, T::Channel] {
        let (mut pair, mut peers) = star::<2>(kind, kind);
        pair.pump();
        assert_eq!(pair.pipes.len(), 1);
        pair.send(b"hello").unwrap();
        peers[0].expect(&[b"hello"]);
        peers[1].expect_nothing();
        let [first, _] = peers;
        drop(first);
        pair.pump();
        let mut third = TestSocket::new(kind);
        third.connect(&mut pair);
        third.send(b"me").unwrap();
        pair.expect(&[b"me"]);
    }
}

#[test]
fn types_of_one_frame_refuse_to_send_more_and_skip_what_has_more() {
    for kind in [T::Client, T::Scatter, T::Channel, T::Server, T::Peer, T::Radio] {
        let mut socket = TestSocket::new(kind);
        assert_eq!(socket.send_frame(b"x", true), Err(Error::INVAL));
    }
    for kind in [T::Client, T::Gather, T::Channel, T::Server, T::Peer] {
        let mut socket = TestSocket::new(kind);
        let (_, mut peer) = socket.attach_raw(Attach::default());
        write_all(&mut peer, &[b"a", b"b", b"c"]);
        write_all(&mut peer, &[b"single"]);
        assert_eq!(socket.recv().unwrap(), [b"single"]);
        socket.expect_nothing();
    }
}

#[test]
fn a_client_and_a_server_find_each_other_by_number() {
    let mut server = TestSocket::new(T::Server);
    let mut clients: [TestSocket; 2] = std::array::from_fn(|_| TestSocket::new(T::Client));
    for client in &mut clients {
        client.connect(&mut server);
    }
    clients[1].send(b"hi").unwrap();
    let request = server.recv_frame().unwrap();
    assert_ne!(request.routing_id(), 0);
    let mut reply = frame(b"reply", false);
    assert_eq!(server.pattern.send(&mut server.pipes, &mut reply), Err(Error::HOSTUNREACH));
    reply.set_routing_id(request.routing_id());
    server.pattern.send(&mut server.pipes, &mut reply).unwrap();
    clients[1].pump();
    assert_eq!(clients[1].recv_frame().unwrap().routing_id(), 0);
    clients[0].expect_nothing();
    // Who has gone makes no room, whatever of his is unread.
    let mut brief = TestSocket::new(T::Client);
    brief.connect(&mut server);
    for body in [b"1", b"2"] {
        brief.send(body).unwrap();
    }
    let mut late = frame(b"late", false);
    late.set_routing_id(server.recv_frame().unwrap().routing_id());
    drop(brief);
    assert_eq!(server.pattern.send(&mut server.pipes, &mut late), Err(Error::HOSTUNREACH));
    server.pump();
    assert_eq!(server.pattern.send(&mut server.pipes, &mut late), Err(Error::HOSTUNREACH));
    assert_eq!(server.recv_frame().unwrap().data(), b"2");
    let pipe = server.pattern.peer_pipe(request.routing_id()).unwrap();
    assert_eq!(server.pattern.peer_number(pipe), Some(request.routing_id()));
}

#[test]
fn a_datagram_has_an_address_and_a_body() {
    let mut socket = TestSocket::new(T::Dgram);
    let (_, mut peer) = socket.attach_raw(Attach::default());
    assert_eq!(socket.send(b"no body"), Err(Error::INVAL));
    socket.send_frame(b"127.0.0.1:1", true).unwrap();
    assert_eq!(socket.send_frame(b"third", true), Err(Error::INVAL));
    socket.send(b"body").unwrap();
    assert_eq!(peer.read().unwrap().data(), b"127.0.0.1:1");
    assert_eq!(peer.read().unwrap().data(), b"body");
}

#[test]
fn a_probe_greets_each_peer() {
    for kind in [T::Dealer, T::Router, T::Req] {
        let mut router = TestSocket::new(T::Router);
        let mut socket = TestSocket::named(kind, b"prober");
        socket.set_int(numbers::PROBE_ROUTER, 1);
        socket.connect(&mut router);
        router.expect(&[b"prober", b""]);
    }
}

#[test]
fn ten_thousand_peers_come_and_go() {
    let mut pull = TestSocket::new(T::Pull);
    let mut peers: Vec<_> = (0..10_000).map(|_| pull.attach_raw(Attach::default()).1).collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        if number % 100 == 0 {
            write_all(peer, &[b"x"]);
        }
    }
    for _ in 0..100 {
        pull.expect(&[b"x"]);
    }
    pull.expect_nothing();
    drop(peers);
    pull.pump();
    assert_eq!(pull.pipes.len(), 0);
}
