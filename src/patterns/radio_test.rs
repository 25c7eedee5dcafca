//! Unit tests of RADIO and DISH.

use super::Attach;
use super::SocketType as T;
use super::testing::{TestSocket, frame, write_all};
use crate::error::Error;
use crate::message::Subscription;

#[test]
fn a_dish_gets_the_messages_of_its_groups() {
    let (mut radio, mut dish) = (TestSocket::new(T::Radio), TestSocket::new(T::Dish));
    dish.connect(&mut radio);
    let send = |radio: &mut TestSocket, group: &std::ffi::CStr, body: &[u8]| {
        radio.pump();
        let mut message = frame(body, false);
        message.set_group(group).unwrap();
        radio.pattern.send(&mut radio.pipes, &mut message).unwrap();
    };
    dish.pattern.join(&mut dish.pipes, b"movies").unwrap();
    assert_eq!(dish.pattern.join(&mut dish.pipes, b"movies"), Err(Error::INVAL));
    assert_eq!(dish.pattern.join(&mut dish.pipes, &[b'g'; 256]), Err(Error::INVAL));
    assert_eq!(dish.pattern.leave(&mut dish.pipes, b"tv"), Err(Error::INVAL));
    send(&mut radio, c"movies", b"Godfather");
    send(&mut radio, c"tv", b"Friends");
    let message = dish.recv_frame().unwrap();
    assert_eq!((message.data(), message.group()), (&b"Godfather"[..], c"movies"));
    dish.expect_nothing();
    dish.pattern.leave(&mut dish.pipes, b"movies").unwrap();
    send(&mut radio, c"movies", b"Godfather II");
    dish.expect_nothing();
    assert_eq!(dish.send(b"x"), Err(Error::NOTSUP));
    assert_eq!(radio.recv(), Err(Error::NOTSUP));
}

#[test]
fn a_dish_skips_what_is_no_group_and_body() {
    let mut dish = TestSocket::new(T::Dish);
    dish.pattern.join(&mut dish.pipes, b"g").unwrap();
    let (_, mut peer) = dish.attach_raw(Attach::default());
    write_all(&mut peer, &[b"g"]);
    write_all(&mut peer, &[b"g", b"a", b"b"]);
    write_all(&mut peer, &[&[b'g'; 300], b"a"]);
    write_all(&mut peer, &[b"g", b"good"]);
    dish.expect(&[b"good"]);
    dish.expect_nothing();
}

#[test]
fn a_radio_forgets_the_members_that_went_away() {
    let mut radio = TestSocket::new(T::Radio);
    let (_, mut peer) = radio.attach_raw(Attach::default());
    for subscription in [
        Subscription::Join(b"g"),
        Subscription::Leave(b"never joined"),
        Subscription::Join(&[b'g'; 256]),
    ] {
        peer.write_control(subscription.to_command().unwrap());
    }
    write_all(&mut peer, &[b"\x01g"]);
    radio.pump();
    drop(peer);
    radio.pump();
    assert_eq!(radio.pipes.len(), 0);
    let mut message = frame(b"x", false);
    message.set_group(c"g").unwrap();
    radio.pattern.send(&mut radio.pipes, &mut message).unwrap();
}

#[test]
fn a_peer_that_joins_more_than_one_peer_may_is_sent_away() {
    for limited in [true, false] {
        let mut radio =
            TestSocket::with(T::Radio, |options| options.rcvhwm = if limited { 1000 } else { 0 });
        let (_, mut modest) = radio.attach_raw(Attach::default());
        let (_, mut greedy) = radio.attach_raw(Attach::default());
        modest.write_control(Subscription::Join(b"g").to_command().unwrap());
        // The same group again and again counts each time, as it does for leaving.
        for _ in 0..20_000 {
            greedy.write_control(Subscription::Join(b"g").to_command().unwrap());
            greedy.write_control(Subscription::Leave(b"g").to_command().unwrap());
        }
        radio.pump();
        assert!(!greedy.is_refused());
        for _ in 0..20_000 {
            greedy.write_control(Subscription::Join(b"g").to_command().unwrap());
        }
        radio.pump();
        assert_eq!((greedy.is_refused(), greedy.peer_closed()), (limited, limited));
        assert_eq!(radio.pipes.len(), if limited { 1 } else { 2 });
        assert!(!modest.is_refused());
    }
}
