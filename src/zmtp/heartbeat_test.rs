//! Heartbeats on whole engines, in virtual time.

use std::time::{Duration, Instant};

use crate::patterns::SocketType::{Dealer, Router};
use crate::zmtp::testing::{Pair, Side, config, established};
use crate::zmtp::{Delivery, EngineConfig, Failure, FailureKind};

const SECOND: Duration = Duration::from_secs(1);
const PING: &[u8] = b"\x04\x07\x04PING\0\x1e";

fn beating() -> EngineConfig {
    let mut config = config(Dealer);
    config.heartbeat_interval = Some(10 * SECOND);
    config.heartbeat_timeout = Some(4 * SECOND);
    config.heartbeat_ttl_deciseconds = 30;
    config
}

#[test]
fn a_ping_goes_out_at_each_interval() {
    let Pair { mut one, now, .. } = Pair::established(beating(), config(Router));
    assert_eq!(one.engine.poll_timeout(), Some(now + 10 * SECOND));
    one.engine.handle_timeout(now + 9 * SECOND).unwrap();
    assert!(!one.engine.has_transmit());
    one.engine.handle_timeout(now + 10 * SECOND).unwrap();
    assert_eq!(one.sent(), PING);
    one.engine.transmitted(now + 10 * SECOND);
    assert_eq!(one.engine.poll_timeout(), Some(now + 14 * SECOND));
    let failure = one.engine.handle_timeout(now + 14 * SECOND).unwrap_err();
    assert_eq!(failure.event, FailureKind::Timeout);
    assert!(failure.may_reconnect());
}

#[test]
fn any_byte_is_a_sign_of_life() {
    for sign in 0..3 {
        let Pair { mut one, now, .. } = Pair::established(beating(), config(Router));
        one.engine.handle_timeout(now + 10 * SECOND).unwrap();
        assert_eq!(one.sent(), PING);
        one.engine.transmitted(now + 10 * SECOND);
        let heard = now + 11 * SECOND;
        match sign {
            0 => drop(one.engine.scan(heard, &mut [2], 1)),
            1 => one.engine.note_activity(heard),
            _ => drop(one.engine.note_large_frame(heard, 2, 1)),
        }
        assert_eq!(one.engine.handle_timeout(now + 19 * SECOND), Ok(()));
        assert_eq!(one.engine.poll_timeout(), Some(now + 20 * SECOND));
    }
}

#[test]
fn silence_is_not_the_fault_of_a_peer_we_do_not_read() {
    // libzmq #3937 and #4767: a slow application made the heartbeat kill the connection.
    let Pair { mut one, now, .. } = Pair::established(beating(), config(Router));
    one.engine.set_input_paused(now, true);
    for second in 0..100 {
        assert_eq!(one.engine.handle_timeout(now + second * SECOND), Ok(()));
    }
    assert_eq!(one.sent(), PING, "unsent PINGs do not pile up");
    one.engine.set_input_paused(now + 100 * SECOND, false);
    assert_eq!(one.engine.handle_timeout(now + 100 * SECOND), Ok(()));
    assert_eq!(one.sent(), PING);
    one.engine.transmitted(now + 100 * SECOND);
    assert!(one.engine.handle_timeout(now + 104 * SECOND).is_err());
}

/// What its system says of a peer that took so much of what was sent, relative to the end of the PING.
fn taken(taken: i64) -> Delivery {
    Delivery { taken, silence: Duration::ZERO }
}

#[test]
fn nobody_answers_a_ping_before_it_has_left() {
    let Pair { mut one, now, .. } = Pair::established(beating(), config(Router));
    one.engine.handle_timeout(now + 10 * SECOND).unwrap();
    // Behind a large message to a slow reader, say.
    for second in 10..100 {
        let now = now + second * SECOND;
        if one.engine.is_overdue(now) {
            one.engine.reconsider(now, taken(second as i64));
        }
        assert_eq!(one.engine.handle_timeout(now), Ok(()));
    }
    assert_eq!(one.sent(), PING, "unsent PINGs do not pile up");
    assert!(one.engine.transmitted(now + 99 * SECOND));
    assert!(!one.engine.transmitted(now + 101 * SECOND));
    assert!(!one.engine.is_overdue(now + 102 * SECOND));
    assert!(one.engine.is_overdue(now + 103 * SECOND));
    assert!(one.engine.handle_timeout(now + 103 * SECOND).is_err());
}

#[test]
fn nor_before_the_peer_has_it() {
    let Pair { mut one, now, .. } = Pair::established(beating(), config(Router));
    one.engine.handle_timeout(now + 10 * SECOND).unwrap();
    assert_eq!(one.sent(), PING);
    assert!(one.engine.transmitted(now + 10 * SECOND));
    // It takes what is before, without haste.
    one.engine.reconsider(now + 14 * SECOND, taken(-2));
    assert_eq!(one.engine.handle_timeout(now + 17 * SECOND), Ok(()));
    one.engine.reconsider(now + 18 * SECOND, taken(-1));
    assert_eq!(one.engine.handle_timeout(now + 21 * SECOND), Ok(()));
    // Now it has the PING, and something of what came behind; since when is not known, so it may answer still.
    one.engine.reconsider(now + 22 * SECOND, taken(100));
    assert_eq!(one.engine.handle_timeout(now + 25 * SECOND), Ok(()));
    one.engine.reconsider(now + 26 * SECOND, taken(200));
    assert!(one.engine.handle_timeout(now + 26 * SECOND).is_err());
}

#[test]
fn a_peer_is_not_borne_with_for_ever() {
    for left in [false, true] {
        let Pair { mut one, now, .. } = Pair::established(beating(), config(Router));
        one.engine.handle_timeout(now + 10 * SECOND).unwrap();
        if left {
            one.sent();
            assert!(one.engine.transmitted(now + 10 * SECOND));
        }
        // Its system answers, and takes nothing.
        for second in 14..54 {
            let now = now + second * SECOND;
            if one.engine.is_overdue(now) {
                one.engine.reconsider(now, taken(-5));
            }
            assert_eq!(one.engine.handle_timeout(now), Ok(()), "{second}");
        }
        one.engine.reconsider(now + 54 * SECOND, taken(-5));
        assert!(one.engine.handle_timeout(now + 54 * SECOND).is_err());
    }
}

#[test]
fn a_system_that_does_not_answer_has_no_excuse() {
    let Pair { mut one, now, .. } = Pair::established(beating(), config(Router));
    one.engine.handle_timeout(now + 10 * SECOND).unwrap();
    one.engine.reconsider(now + 14 * SECOND, Delivery { taken: -5, silence: 4 * SECOND });
    assert!(one.engine.handle_timeout(now + 14 * SECOND).is_err());
}

#[test]
fn pings_that_gathered_do_not_make_us_talkative() {
    let (mut side, start) = established();
    for second in [10, 20, 20, 20] {
        let mut ping = b"\x04\x07\x04PING\0\0".to_vec();
        side.engine.scan(start + second * SECOND, &mut ping, 1).unwrap();
    }
    let now = start + 20 * SECOND;
    side.engine.set_input_paused(now, true);
    assert_eq!(side.engine.poll_timeout(), Some(now + 5 * SECOND));
}

#[test]
fn a_peer_that_we_do_not_read_is_told_that_we_live() {
    let (mut side, now) = established();
    for second in [0, 10] {
        let mut ping = b"\x04\x07\x04PING\0\0".to_vec();
        side.engine.scan(now + second * SECOND, &mut ping, 1).unwrap();
        side.sent();
    }
    let now = now + 10 * SECOND;
    assert_eq!(side.engine.poll_timeout(), None);
    side.engine.set_input_paused(now, true);
    assert_eq!(side.engine.poll_timeout(), Some(now + 5 * SECOND));
    side.engine.handle_timeout(now + 5 * SECOND).unwrap();
    assert_eq!(side.sent(), b"\x04\x05\x04PONG");
    side.engine.set_input_paused(now, false);
    assert_eq!(side.engine.poll_timeout(), None);
}

/// PINGs are read at these times, in seconds.
fn read_pings(side: &mut Side, start: Instant, seconds: impl IntoIterator<Item = u32>) {
    for second in seconds {
        let mut ping = b"\x04\x07\x04PING\0\0".to_vec();
        side.engine.scan(start + second * SECOND, &mut ping, 1).unwrap();
        side.sent();
    }
}

#[test]
fn how_slow_we_are_does_not_tell_how_often_it_asks() {
    let (mut side, start) = established();
    read_pings(&mut side, start, [10]);
    // It is read for moments only, and comes upon the PINGs of a minute ago, all or a few of them.
    for (from, to, pings) in [(20, 60, 4), (60, 120, 1), (120, 180, 2)] {
        side.engine.set_input_paused(start + from * SECOND, true);
        side.engine.set_input_paused(start + to * SECOND, false);
        read_pings(&mut side, start, std::iter::repeat_n(to, pings));
        side.engine.set_input_paused(start + to * SECOND, true);
        assert_eq!(side.engine.poll_timeout(), Some(start + (to + 5) * SECOND), "{to}");
    }
    // Who has time again learns that it asks less often by now.
    side.engine.set_input_paused(start + 180 * SECOND, false);
    read_pings(&mut side, start, [200, 220]);
    side.engine.set_input_paused(start + 220 * SECOND, true);
    assert_eq!(side.engine.poll_timeout(), Some(start + 230 * SECOND));
}

#[test]
fn who_stops_reading_again_and_again_says_that_it_lives() {
    let (mut side, start) = established();
    read_pings(&mut side, start, [10]);
    let mut said = 0;
    for second in 11..=40 {
        let now = start + second * SECOND;
        // It reads a message every other second.
        side.engine.set_input_paused(now, second % 2 == 0);
        side.engine.set_input_paused(now, true);
        side.engine.handle_timeout(now).unwrap();
        let pong = b"\x04\x05\x04PONG";
        let sent = side.sent();
        assert!(sent.is_empty() || sent == pong);
        said += u32::from(!sent.is_empty());
    }
    assert_eq!(said, 6);
}

#[test]
fn a_first_ping_at_once_says_nothing_of_the_next() {
    for (next, wanted) in [(30 * SECOND, 15 * SECOND), (SECOND / 500, SECOND / 200)] {
        let (mut side, start) = established();
        let first = start + SECOND / 1000;
        for now in [first, first + next] {
            let mut ping = b"\x04\x07\x04PING\0\0".to_vec();
            side.engine.scan(now, &mut ping, 1).unwrap();
            side.engine.set_input_paused(now, true);
            let due = if now == first { None } else { Some(now + wanted.max(SECOND / 100)) };
            assert_eq!(side.engine.poll_timeout(), due);
            side.engine.set_input_paused(now, false);
        }
    }
}

#[test]
fn it_is_told_so_in_time_after_its_first_ping() {
    // It comes an interval after the handshake, and the answer is waited for as long.
    let (mut side, start) = established();
    let now = start + 2 * SECOND;
    let mut ping = b"\x04\x07\x04PING\0\0".to_vec();
    side.engine.scan(now, &mut ping, 1).unwrap();
    side.engine.set_input_paused(now, true);
    assert_eq!(side.engine.poll_timeout(), Some(now + SECOND));
}

#[test]
fn our_own_pings_tell_it_only_if_they_come_often_enough() {
    for (ours, wanted) in [(4, 3), (3, 3), (2, 2)] {
        let beating = EngineConfig { heartbeat_interval: Some(ours * SECOND), ..config(Router) };
        let Pair { mut one, now, .. } = Pair::established(beating, config(Dealer));
        let mut ping = b"\x04\x07\x04PING\0\0".to_vec();
        one.engine.scan(now + 6 * SECOND, &mut ping, 1).unwrap();
        one.engine.handle_timeout(now + 6 * SECOND).unwrap();
        one.engine.set_input_paused(now + 6 * SECOND, true);
        assert_eq!(one.engine.poll_timeout(), Some(now + (6 + wanted) * SECOND), "{ours}");
    }
}

#[test]
fn the_ttl_of_a_ping_counts_in_deciseconds_and_does_not_wrap() {
    // libzmq #4226: 65.6 s and more wrapped round.
    for (ttl, millis) in [(1u16, 100u64), (656, 65_600), (u16::MAX, 6_553_500)] {
        let (mut side, now) = established();
        let mut ping = b"\x04\x07\x04PING\0\0".to_vec();
        ping[7..9].copy_from_slice(&ttl.to_be_bytes());
        side.engine.scan(now, &mut ping, 1).unwrap();
        let deadline = now + Duration::from_millis(millis);
        assert_eq!(side.engine.poll_timeout(), Some(deadline));
        assert_eq!(side.engine.handle_timeout(deadline - Duration::from_millis(1)), Ok(()));
        assert_eq!(side.engine.handle_timeout(deadline), Err(Failure::silent()));
    }
}

#[test]
fn a_peer_that_the_layer_has_answered_is_told_that_we_live() {
    let below = EngineConfig { layered: true, ..config(Router) };
    let Pair { one: mut layered, now, .. } = Pair::established(below, config(Dealer));
    layered.engine.note_ping(now + 10 * SECOND);
    assert!(!layered.engine.has_transmit(), "the layer has answered");
    layered.engine.set_input_paused(now + 10 * SECOND, true);
    let due = now + 15 * SECOND;
    assert_eq!(layered.engine.poll_timeout(), Some(due));
    layered.engine.handle_timeout(due).unwrap();
    assert_eq!(layered.sent(), b"\x04\x05\x04LIVE");
    // Who asks by a command hears by a command, as there is nothing else that it can read.
    let mut ping = b"\x04\x07\x04PING\0\0".to_vec();
    layered.engine.scan(due, &mut ping, 1).unwrap();
    assert_eq!(layered.sent(), b"\x04\x05\x04PONG");
}

#[test]
fn old_peers_get_no_ping() {
    let now = Instant::now();
    let mut side = Side::new(beating(), now);
    side.feed(now, b"\x01\0", usize::MAX);
    side.peer();
    assert_eq!(side.engine.poll_timeout(), None);
}

#[test]
fn old_peers_below_whom_a_layer_pings_are_pinged() {
    let now = Instant::now();
    let mut side = Side::new(EngineConfig { layered: true, ..beating() }, now);
    side.feed(now, b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x06\0\0", usize::MAX);
    assert_eq!(side.peer().version, (2, 0));
    side.sent();
    side.engine.handle_timeout(now + 10 * SECOND).unwrap();
    assert_eq!(side.sent(), PING);
}
