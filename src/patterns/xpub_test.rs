//! Unit tests of what XPUB and XSUB offer beyond PUB and SUB: who subscribed, and who decides on it.

use super::Attach;
use super::SocketType as T;
use super::pubsub_test::{pub_sub, topics};
use super::testing::{TestSocket, write_all};
use crate::error::Error;
use crate::options::numbers;

#[test]
fn verbose_publishers_report_every_subscription() {
    let mut xpub = TestSocket::new(T::Xpub);
    let mut subs: [_; 2] = std::array::from_fn(|_| TestSocket::new(T::Sub));
    for sub in &mut subs {
        sub.connect(&mut xpub);
    }
    for (option, subscribed, unsubscribed) in [
        (numbers::XPUB_VERBOSE, 2, 1),
        (numbers::XPUB_VERBOSER, 2, 2),
        (numbers::XPUB_VERBOSE, 2, 1),
    ] {
        xpub.set_int(option, 1);
        for sub in &mut subs {
            sub.set(numbers::SUBSCRIBE, b"a").unwrap();
        }
        for _ in 0..subscribed {
            xpub.expect(&[b"\x01a"]);
        }
        for sub in &mut subs {
            sub.set(numbers::UNSUBSCRIBE, b"a").unwrap();
        }
        for _ in 0..unsubscribed {
            xpub.expect(&[b"\x00a"]);
        }
        xpub.expect_nothing();
    }
}

#[test]
fn the_end_of_a_subscriber_unsubscribes() {
    let (mut xpub, mut first) = pub_sub(T::Xpub, T::Sub);
    let mut second = TestSocket::new(T::Sub);
    second.connect(&mut xpub);
    for topic in [&b"b"[..], b"a", b"shared"] {
        first.set(numbers::SUBSCRIBE, topic).unwrap();
        xpub.pump();
    }
    second.set(numbers::SUBSCRIBE, b"shared").unwrap();
    for topic in [&b"\x01b"[..], b"\x01a", b"\x01shared"] {
        xpub.expect(&[topic]);
    }
    drop(first);
    xpub.expect(&[b"\x00a"]);
    xpub.expect(&[b"\x00b"]);
    xpub.expect_nothing();
    drop(second);
    xpub.expect(&[b"\x00shared"]);
    assert_eq!(topics(&xpub), 0);
}

#[test]
fn a_welcome_message_greets_each_subscriber() {
    let mut xpub = TestSocket::new(T::Xpub);
    xpub.set(numbers::XPUB_WELCOME_MSG, b"W").unwrap();
    let mut sub = TestSocket::new(T::Sub);
    sub.set(numbers::SUBSCRIBE, b"W").unwrap();
    sub.connect(&mut xpub);
    sub.expect(&[b"W"]);
    xpub.set(numbers::XPUB_WELCOME_MSG, b"").unwrap();
    let mut next = TestSocket::new(T::Sub);
    next.set(numbers::SUBSCRIBE, b"").unwrap();
    next.connect(&mut xpub);
    next.expect_nothing();
}

#[test]
fn in_manual_mode_the_application_subscribes_for_its_peers() {
    let (mut xpub, mut sub) = pub_sub(T::Xpub, T::Xsub);
    assert_eq!(xpub.set(numbers::SUBSCRIBE, b"x"), Err(Error::INVAL));
    xpub.set_int(numbers::XPUB_MANUAL, 1);
    xpub.set(numbers::SUBSCRIBE, b"nobody to subscribe for").unwrap();
    sub.send(b"\x01A").unwrap();
    sub.send(b"hello").unwrap();
    xpub.expect(&[b"\x01A"]);
    xpub.expect(&[b"hello"]);
    xpub.set(numbers::SUBSCRIBE, b"XA").unwrap();
    xpub.send(b"A").unwrap();
    xpub.send(b"XA").unwrap();
    sub.expect(&[b"XA"]);
    sub.expect_nothing();
    sub.send(b"\x00A").unwrap();
    xpub.expect(&[b"\x00A"]);
    xpub.set(numbers::UNSUBSCRIBE, b"XA").unwrap();
    xpub.send(b"XA").unwrap();
    sub.expect_nothing();
}

#[test]
fn in_manual_mode_a_peer_that_is_gone_is_no_subject() {
    let (mut xpub, mut sub) = pub_sub(T::Xpub, T::Xsub);
    xpub.set_int(numbers::XPUB_MANUAL, 1);
    sub.send(b"\x01A").unwrap();
    xpub.pump();
    drop(sub);
    xpub.pump();
    // A new peer may get the number of the old one.
    let mut other = TestSocket::new(T::Sub);
    other.set(numbers::SUBSCRIBE, b"B").unwrap();
    other.connect(&mut xpub);
    xpub.expect(&[b"\x01A"]);
    xpub.set(numbers::SUBSCRIBE, b"A").unwrap();
    xpub.expect(&[b"\x00A"]);
    xpub.set(numbers::SUBSCRIBE, b"A").unwrap();
    assert_eq!(topics(&xpub), 0);
    xpub.expect(&[b"\x01B"]);
    xpub.set(numbers::SUBSCRIBE, b"B").unwrap();
    assert_eq!(topics(&xpub), 1);
    xpub.send(b"B").unwrap();
    other.expect(&[b"B"]);
}

#[test]
fn the_last_value_goes_to_the_newest_subscriber_alone() {
    let mut xpub = TestSocket::new(T::Xpub);
    xpub.set_int(numbers::XPUB_MANUAL_LAST_VALUE, 1);
    let mut subs: [_; 2] = std::array::from_fn(|_| TestSocket::new(T::Sub));
    for sub in &mut subs {
        sub.connect(&mut xpub);
        sub.set(numbers::SUBSCRIBE, b"A").unwrap();
        xpub.expect(&[b"\x01A"]);
        xpub.set(numbers::SUBSCRIBE, b"A").unwrap();
        xpub.send(b"A last").unwrap();
        sub.expect(&[b"A last"]);
    }
    subs[0].expect_nothing();
    xpub.send(b"A all").unwrap();
    for sub in &mut subs {
        sub.expect(&[b"A all"]);
    }
}

#[test]
fn messages_travel_upstream_and_subscriptions_among_them() {
    let (mut xpub, mut xsub) = pub_sub(T::Xpub, T::Xsub);
    xsub.send_all(&[b"hello", b"\x01A", b"bye"]).unwrap();
    // As in libzmq, the report of a subscription ends the message it stood in.
    xpub.expect(&[b"hello", b"\x01A"]);
    xpub.expect(&[b"bye"]);
    xpub.send(b"A").unwrap();
    xsub.expect(&[b"A"]);
}

#[test]
fn only_the_first_frame_subscribes_if_so_wished() {
    let (mut xpub, mut xsub) = pub_sub(T::Xpub, T::Xsub);
    xpub.set_int(numbers::ONLY_FIRST_SUBSCRIBE, 1);
    xsub.set_int(numbers::ONLY_FIRST_SUBSCRIBE, 1);
    xsub.send_all(&[b"hello", b"\x01A", b"\x00B"]).unwrap();
    xpub.expect(&[b"hello", b"\x01A", b"\x00B"]);
    assert_eq!((topics(&xpub), topics(&xsub)), (0, 0));
    xsub.send_all(&[b"\x01C", b"\x01D"]).unwrap();
    xpub.expect(&[b"\x01C"]);
    xpub.expect(&[b"\x01D"]);
    assert_eq!((topics(&xpub), topics(&xsub)), (2, 2));
}

#[test]
fn an_xsub_forwards_only_the_last_unsubscription_unless_verbose() {
    let (mut xpub, mut xsub) = pub_sub(T::Xpub, T::Xsub);
    xpub.set_int(numbers::XPUB_VERBOSER, 1);
    for (verbose, unsubscribed) in [(0, 1), (1, 3)] {
        xsub.set_int(numbers::XSUB_VERBOSE_UNSUBSCRIBE, verbose);
        for _ in 0..2 {
            xsub.send(b"\x01A").unwrap();
            xpub.expect(&[b"\x01A"]);
        }
        for _ in 0..3 {
            xsub.send(b"\x00A").unwrap();
        }
        for _ in 0..unsubscribed {
            xpub.expect(&[b"\x00A"]);
        }
        xpub.expect_nothing();
    }
}

#[test]
fn a_peer_that_is_refused_in_the_middle_of_a_message_is_heard_to_its_end() {
    let mut xpub = TestSocket::new(T::Xpub);
    let (_, mut greedy) = xpub.attach_raw(Attach::default());
    let (_, mut modest) = xpub.attach_raw(Attach::default());
    let asks = |number: u8| [&[1][..], &[number; 300_000]].concat();
    for number in 0..3 {
        write_all(&mut greedy, &[&asks(number)]);
    }
    write_all(&mut greedy, &[b"head", &asks(3), &asks(4), b"tail"]);
    write_all(&mut greedy, &[b"unread"]);
    for number in 0..3 {
        xpub.expect(&[&asks(number)]);
    }
    assert!(greedy.is_refused());
    // What the one asked for before too much was in its message stands there as libzmq has it.
    xpub.expect(&[b"head", &asks(3)]);
    xpub.expect(&[b"tail"]);
    for number in 0..4 {
        xpub.expect(&[&[&[0][..], &asks(number)[1..]].concat()]);
    }
    write_all(&mut modest, &[b"\x01a", b"b"]);
    xpub.expect(&[b"\x01a"]);
    xpub.expect(&[b"b"]);
    xpub.expect_nothing();
    assert_eq!(topics(&xpub), 1);
}
