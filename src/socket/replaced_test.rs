//! Peers of a PAIR that come when the one before has gone: zmq_socket(3), "Exclusive pair pattern".

use std::time::Duration;

use super::endpoints_test::{Scene, send, set};
use super::immediate_test::{bound, heard, last_endpoint, wait_for};
use crate::error::Error;
use crate::options::numbers;
use crate::patterns::SocketType::{Dealer, Pair, Router};
use crate::socket::{DONTWAIT, Socket};

/// Sends as soon as there is a peer.
fn send_to_next(pair: &Socket, body: &[u8]) {
    wait_for("a peer", || pair.send_slice(body, DONTWAIT).ok());
}

#[test]
fn the_next_endpoint_gets_its_connection() {
    let scene = Scene::new();
    // Whether something of the first is unread, whether the second has its pipe at once, and over which transport.
    let cases = [false, true]
        .map(|unread| [(1, "tcp"), (0, "tcp"), (0, "inproc")].map(|case| (unread, case)));
    for (unread, (immediate, transport)) in cases.into_iter().flatten() {
        let first = bound(&scene, Pair, "tcp://127.0.0.1:*");
        let wanted = if transport == "tcp" { "tcp://127.0.0.1:*" } else { "inproc://second" };
        let second = bound(&scene, Pair, wanted);
        let pair = scene.socket(Pair);
        set(pair, numbers::IMMEDIATE, 1);
        pair.connect(&last_endpoint(first)).unwrap();
        send_to_next(pair, b"for the first");
        assert_eq!(heard(first), "for the first");
        send(first, b"one");
        send(first, b"two");
        assert_eq!(heard(pair), "one");
        if !unread {
            assert_eq!(heard(pair), "two");
        }
        pair.disconnect(&last_endpoint(first)).unwrap();
        set(pair, numbers::IMMEDIATE, immediate);
        pair.connect(&last_endpoint(second)).unwrap();
        send_to_next(pair, b"for the second");
        assert_eq!(heard(second), "for the second");
        send(second, b"three");
        for words in if unread { &["two", "three"][..] } else { &["three"] } {
            assert_eq!(heard(pair), *words);
        }
        for socket in [first, second, pair] {
            socket.close().unwrap();
        }
    }
    scene.0.terminate().unwrap();
}

#[test]
fn peers_come_and_go_while_nobody_looks() {
    let scene = Scene::new();
    let pair = bound(&scene, Pair, "inproc://pair");
    let numbers: Vec<String> = (0..5).map(|number| number.to_string()).collect();
    for number in &numbers {
        let peer = scene.socket(Pair);
        peer.connect("inproc://pair").unwrap();
        // Some have nothing to say.
        if number != "2" {
            send(peer, number.as_bytes());
        }
        peer.close().unwrap();
    }
    let last = scene.socket(Pair);
    last.connect("inproc://pair").unwrap();
    // One more is refused.
    let surplus = scene.socket(Pair);
    surplus.connect("inproc://pair").unwrap();
    send(pair, b"for the last");
    assert_eq!(heard(last), "for the last");
    assert_eq!(surplus.recv(DONTWAIT).err(), Some(Error::AGAIN));
    send(last, b"last");
    for words in ["0", "1", "3", "4", "last"] {
        assert_eq!(heard(pair), words);
    }
    assert_eq!(pair.recv(DONTWAIT).err(), Some(Error::AGAIN));
    for socket in [pair, last, surplus] {
        socket.close().unwrap();
    }
    scene.0.terminate().unwrap();
}

#[test]
fn of_too_many_that_have_gone_the_living_is_kept() {
    let scene = Scene::new();
    let pair = bound(&scene, Pair, "inproc://pair");
    for number in 0..150 {
        let peer = scene.socket(Pair);
        peer.connect("inproc://pair").unwrap();
        send(peer, &[number]);
        peer.close().unwrap();
    }
    let last = scene.socket(Pair);
    last.connect("inproc://pair").unwrap();
    send(last, b"last");
    send(pair, b"for the last");
    assert_eq!(heard(last), "for the last");
    for number in 0..100 {
        assert_eq!(pair.recv(DONTWAIT).unwrap().data(), [number]);
    }
    assert_eq!(heard(pair), "last");
    for socket in [pair, last] {
        socket.close().unwrap();
    }
    scene.0.terminate().unwrap();
}

/// A loop on ZMQ_FD hears of it when the next one can be read, though it came before the last one was read.
#[test]
fn a_loop_hears_of_the_next_peer() {
    const POLLIN: i32 = 1;
    let scene = Scene::new();
    for (kind, other) in [(Pair, Pair), (Router, Dealer)] {
        let socket = bound(&scene, kind, "inproc://loop");
        let int = |option| {
            let mut value = [0; 4];
            socket.option(option, &mut value).unwrap();
            i32::from_ne_bytes(value)
        };
        int(numbers::FD);
        for number in 0..3 {
            let peer = scene.socket(other);
            peer.set_option(numbers::ROUTING_ID, b"name").unwrap();
            peer.connect("inproc://loop").unwrap();
            send(peer, &[number]);
            peer.close().unwrap();
        }
        for number in 0..3 {
            assert_ne!(int(numbers::EVENTS) & POLLIN, 0, "{kind:?}, {number}");
            if kind == Router {
                assert_eq!(heard(socket), "name");
            }
            assert_eq!(socket.recv(DONTWAIT).unwrap().data(), [number]);
        }
        assert_eq!(int(numbers::EVENTS) & POLLIN, 0);
        socket.close().unwrap();
    }
    scene.0.terminate().unwrap();
}

#[test]
fn messages_that_two_peers_share_are_cut() {
    const SNDMORE: i32 = 2;
    let scene = Scene::new();
    let pair = bound(&scene, Pair, "inproc://pair");
    let first = scene.socket(Pair);
    first.connect("inproc://pair").unwrap();
    send(first, b"unread");
    pair.send_slice(b"begun", SNDMORE).unwrap();
    first.close().unwrap();
    let second = scene.socket(Pair);
    second.connect("inproc://pair").unwrap();
    // The rest of what the first was to get is nothing for the second.
    pair.send_slice(b"more", SNDMORE).unwrap();
    pair.send_slice(b"end", 0).unwrap();
    send(pair, b"whole");
    assert_eq!(heard(second), "whole");
    assert_eq!(heard(pair), "unread");
    for socket in [pair, second] {
        socket.close().unwrap();
    }
    scene.0.terminate().unwrap();
}

#[test]
fn a_peer_that_restarts_is_found_again() {
    let scene = Scene::new();
    for immediate in [0, 1] {
        let peer = bound(&scene, Pair, "tcp://127.0.0.1:*");
        let endpoint = last_endpoint(peer);
        let pair = scene.socket(Pair);
        set(pair, numbers::IMMEDIATE, immediate);
        pair.connect(&endpoint).unwrap();
        send_to_next(pair, b"before");
        assert_eq!(heard(peer), "before");
        set(peer, numbers::LINGER, -1);
        send(peer, b"unread");
        peer.close().unwrap();
        // The pair is away until it is connected again.
        let peer = bound(&scene, Pair, &endpoint);
        peer.send_slice(b"back", 0).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        send_to_next(pair, b"after");
        assert_eq!(heard(peer), "after");
        for words in ["unread", "back"] {
            assert_eq!(heard(pair), words);
        }
        for socket in [pair, peer] {
            socket.close().unwrap();
        }
    }
    scene.0.terminate().unwrap();
}
