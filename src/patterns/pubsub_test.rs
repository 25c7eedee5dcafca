//! Unit tests of PUB, SUB, XPUB and XSUB.

use super::SocketType as T;
use super::testing::{TestSocket, frame, write_all};
use super::{Attach, SocketType};
use crate::error::Error;
use crate::message::{Message, Subscription};
use crate::options::numbers;

/// A publisher and a subscriber connected to it.
pub(super) fn pub_sub(publisher: SocketType, subscriber: SocketType) -> (TestSocket, TestSocket) {
    let (mut publisher, mut subscriber) = (TestSocket::new(publisher), TestSocket::new(subscriber));
    subscriber.connect(&mut publisher);
    (publisher, subscriber)
}

pub(super) fn topics(socket: &TestSocket) -> i32 {
    socket.pattern.option(numbers::TOPICS_COUNT).unwrap()
}

#[test]
fn subscribers_get_what_they_subscribed_to() {
    let (mut publisher, mut sub) = pub_sub(T::Pub, T::Sub);
    publisher.send(b"nobody listens").unwrap();
    sub.set(numbers::SUBSCRIBE, b"a").unwrap();
    sub.set(numbers::SUBSCRIBE, b"abc").unwrap();
    publisher.pump();
    assert_eq!((topics(&publisher), topics(&sub)), (2, 2));
    publisher.send_all(&[b"abcd", b"x"]).unwrap();
    publisher.send(b"b").unwrap();
    publisher.send(b"").unwrap();
    sub.expect(&[b"abcd", b"x"]);
    sub.expect_nothing();
    sub.set(numbers::UNSUBSCRIBE, b"a").unwrap();
    publisher.send(b"ab").unwrap();
    publisher.send(b"abc").unwrap();
    sub.expect(&[b"abc"]);
    sub.set(numbers::UNSUBSCRIBE, b"abc").unwrap();
    sub.set(numbers::UNSUBSCRIBE, b"abc").unwrap();
    sub.set(numbers::UNSUBSCRIBE, b"never was").unwrap();
    publisher.send(b"abc").unwrap();
    sub.expect_nothing();
    assert_eq!((topics(&publisher), topics(&sub)), (0, 0));
    assert_eq!(publisher.recv(), Err(Error::NOTSUP));
    assert_eq!(sub.send(b"x"), Err(Error::NOTSUP));
}

#[test]
fn subscriptions_are_counted_on_the_subscribers_side() {
    let (mut xpub, mut sub) = pub_sub(T::Xpub, T::Sub);
    sub.set(numbers::SUBSCRIBE, b"a").unwrap();
    sub.set(numbers::SUBSCRIBE, b"a").unwrap();
    xpub.expect(&[b"\x01a"]);
    xpub.expect_nothing();
    sub.set(numbers::UNSUBSCRIBE, b"a").unwrap();
    xpub.expect_nothing();
    sub.set(numbers::UNSUBSCRIBE, b"a").unwrap();
    xpub.expect(&[b"\x00a"]);
    xpub.expect_nothing();
}

#[test]
fn what_was_not_subscribed_to_is_filtered_on_arrival() {
    let mut sub = TestSocket::new(T::Sub);
    sub.set(numbers::SUBSCRIBE, b"a").unwrap();
    let (_, mut peer) = sub.attach_raw(Attach::default());
    write_all(&mut peer, &[b"b", b"a", b"a"]);
    write_all(&mut peer, &[b"a", b"b"]);
    write_all(&mut peer, &[b""]);
    sub.expect(&[b"a", b"b"]);
    sub.expect_nothing();
}

#[test]
fn every_publisher_learns_all_subscriptions_full_or_not() {
    let mut sub = TestSocket::with(T::Sub, |options| options.sndhwm = 1);
    for number in 0..2000u32 {
        sub.set(numbers::SUBSCRIBE, &number.to_be_bytes()).unwrap();
    }
    let mut publisher = TestSocket::with(T::Pub, |options| options.rcvhwm = 1);
    let (id, _) = sub.connect(&mut publisher);
    publisher.pump();
    assert_eq!(topics(&publisher), 2000);
    // The connection is made anew: a publisher that forgot all learns all again.
    let mut fresh = TestSocket::new(T::Pub);
    let (other, _) = sub.connect(&mut fresh);
    fresh.pump();
    assert_eq!(topics(&fresh), 2000);
    for id in [id, other] {
        sub.pattern.hiccuped(&mut sub.pipes, id);
    }
    fresh.pump();
    assert_eq!(topics(&fresh), 2000);
}

#[test]
fn a_slow_subscriber_loses_whole_messages() {
    let mut publisher = TestSocket::with(T::Pub, |options| options.sndhwm = 2);
    let mut slow = TestSocket::with(T::Sub, |options| options.rcvhwm = 2);
    let mut fast = TestSocket::with(T::Sub, |options| options.rcvhwm = 0);
    for sub in [&mut slow, &mut fast] {
        sub.connect(&mut publisher);
        sub.set(numbers::SUBSCRIBE, b"").unwrap();
    }
    for number in 0..10 {
        publisher.send_all(&[&[number], b"x", b"y"]).unwrap();
    }
    for number in 0..4 {
        slow.expect(&[&[number], b"x", b"y"]);
    }
    slow.expect_nothing();
    for number in 0..10 {
        fast.expect(&[&[number], b"x", b"y"]);
    }
    publisher.send(b"again").unwrap();
    slow.expect(&[b"again"]);
    fast.expect(&[b"again"]);
}

#[test]
fn room_found_in_the_middle_of_a_message_counts_for_the_next() {
    let mut publisher = TestSocket::with(T::Pub, |options| options.sndhwm = 1);
    let mut sub = TestSocket::with(T::Sub, |options| options.rcvhwm = 1);
    sub.connect(&mut publisher);
    sub.set(numbers::SUBSCRIBE, b"").unwrap();
    publisher.send(b"1").unwrap();
    publisher.send(b"2").unwrap();
    publisher.send_frame(b"3", true).unwrap();
    sub.expect(&[b"1"]);
    sub.expect(&[b"2"]);
    let mut late = TestSocket::new(T::Sub);
    late.set(numbers::SUBSCRIBE, b"").unwrap();
    late.connect(&mut publisher);
    publisher.send(b"end of 3").unwrap();
    sub.expect_nothing();
    late.expect_nothing();
    publisher.send(b"4").unwrap();
    sub.expect(&[b"4"]);
    late.expect(&[b"4"]);
}

#[test]
fn with_nodrop_a_publisher_waits_for_its_slowest_subscriber() {
    let mut publisher = TestSocket::with(T::Xpub, |options| options.sndhwm = 1);
    publisher.set_int(numbers::XPUB_NODROP, 1);
    let mut slow = TestSocket::with(T::Sub, |options| options.rcvhwm = 1);
    let mut other = TestSocket::new(T::Sub);
    slow.connect(&mut publisher);
    slow.set(numbers::SUBSCRIBE, b"a").unwrap();
    other.connect(&mut publisher);
    other.set(numbers::SUBSCRIBE, b"").unwrap();
    publisher.send(b"a1").unwrap();
    publisher.send_all(&[b"a2", b"x"]).unwrap();
    assert_eq!(publisher.send_frame(b"a3", true), Err(Error::AGAIN));
    publisher.send(b"b").unwrap();
    slow.expect(&[b"a1"]);
    slow.expect(&[b"a2", b"x"]);
    publisher.send_all(&[b"a3", b"x"]).unwrap();
    slow.expect(&[b"a3", b"x"]);
    for expected in [&[&b"a1"[..]][..], &[b"a2", b"x"], &[b"b"], &[b"a3", b"x"]] {
        other.expect(expected);
    }
}

#[test]
fn a_publisher_survives_whatever_a_peer_sends() {
    for kind in [T::Pub, T::Xpub] {
        let mut publisher = TestSocket::new(kind);
        let (_, mut peer) = publisher.attach_raw(Attach::default());
        write_all(&mut peer, &[b"\x00never subscribed"]);
        write_all(&mut peer, &[b""]);
        write_all(&mut peer, &[b"\x02garbage", b"", b"\xff"]);
        for body in [&b"\x04PING"[..], b"", b"\x09SUBSCRIBE", b"\x06CANCEL", b"\x06CANCELx"] {
            let mut command = frame(body, false);
            command.set_flags(crate::message::COMMAND);
            assert!(peer.write_control(command));
        }
        write_all(&mut peer, &[b"\x01"]);
        publisher.pump();
        publisher.send(b"x").unwrap();
        assert_eq!(peer.read().unwrap().data(), b"x");
        let mut received = Vec::new();
        while let Ok(message) = publisher.recv() {
            received.push(message);
        }
        if kind == T::Xpub {
            let expected: [&[&[u8]]; 7] = [
                &[b"\x00never subscribed"],
                &[b""],
                &[b"\x02garbage", b"", b"\xff"],
                &[b"\x01"],
                &[b"\x00"],
                &[b"\x00x"],
                &[b"\x01"],
            ];
            assert_eq!(received, expected);
        } else {
            assert!(received.is_empty());
        }
    }
}

#[test]
fn matching_can_be_inverted() {
    let (mut publisher, mut sub) = pub_sub(T::Pub, T::Sub);
    let mut other = TestSocket::new(T::Sub);
    other.connect(&mut publisher);
    for socket in [&mut publisher, &mut sub, &mut other] {
        socket.change(|options| options.invert_matching = true);
    }
    sub.set(numbers::SUBSCRIBE, b"not").unwrap();
    publisher.send(b"not this").unwrap();
    publisher.send(b"this").unwrap();
    sub.expect(&[b"this"]);
    sub.expect_nothing();
    other.expect(&[b"not this"]);
    other.expect(&[b"this"]);
}

#[test]
fn a_pipe_that_cannot_subscribe_gets_everything() {
    let mut publisher = TestSocket::new(T::Pub);
    let how = Attach { subscribe_to_all: true, ..Attach::default() };
    let (_, mut peer) = publisher.attach_raw(how);
    publisher.send(b"anything").unwrap();
    assert_eq!(peer.read().unwrap().data(), b"anything");
}

#[test]
fn large_bodies_are_shared_between_subscribers() {
    let mut publisher = TestSocket::new(T::Pub);
    let mut subs: [_; 3] = std::array::from_fn(|_| TestSocket::new(T::Sub));
    for sub in &mut subs {
        sub.connect(&mut publisher);
        sub.set(numbers::SUBSCRIBE, b"").unwrap();
    }
    publisher.send(&[7; 100_000]).unwrap();
    let messages: Vec<Message> = subs.iter_mut().map(|sub| sub.recv_frame().unwrap()).collect();
    assert!(messages.iter().all(|message| message.data() == [7; 100_000]));
    assert!(messages.iter().all(|message| message.data().as_ptr() == messages[0].data().as_ptr()));
}

#[test]
fn a_peer_that_wants_more_than_one_peer_may_is_sent_away() {
    for (kind, manual) in [(T::Pub, false), (T::Xpub, false), (T::Xpub, true)] {
        for limited in [true, false] {
            let mut publisher = TestSocket::with(kind, |options| {
                options.rcvhwm = if limited { 1000 } else { 0 };
            });
            if manual {
                publisher.set(numbers::XPUB_MANUAL, &1i32.to_ne_bytes()).unwrap();
            }
            let (_, mut modest) = publisher.attach_raw(Attach::default());
            let (_, mut greedy) = publisher.attach_raw(Attach::default());
            let ask = |peer: &mut crate::pipe::Pipe, subscription: Subscription<'_>| {
                peer.write_control(subscription.to_command().unwrap());
            };
            ask(&mut modest, Subscription::Subscribe(b"a"));
            // What is asked for twice, or taken back, costs nothing.
            for number in 0..40u8 {
                let topic = [number; 100_000];
                ask(&mut greedy, Subscription::Subscribe(&topic));
                ask(&mut greedy, Subscription::Subscribe(&topic));
                publisher.pump();
                ask(&mut greedy, Subscription::Cancel(&topic));
                publisher.pump();
            }
            assert!(!greedy.is_refused());
            for number in 0..11u8 {
                assert!(!greedy.is_refused(), "{number}");
                ask(&mut greedy, Subscription::Subscribe(&[number; 100_000]));
                publisher.pump();
            }
            assert_eq!((greedy.is_refused(), greedy.peer_closed()), (limited, limited));
            assert_eq!(publisher.pipes.len(), if limited { 1 } else { 2 });
            assert!(!modest.is_refused());
        }
    }
}
