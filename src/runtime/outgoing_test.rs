//! Turns of sending, to a peer that reads as fast as it is written to.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::*;
use crate::message::Message;
use crate::pipe::{EndConfig, Notify, PipeConfig, PipeEvent, Style, pair};
use crate::transport::bottomless_test::bottomless;
use crate::zmtp::testing::established;

struct Nobody;

impl Notify for Nobody {
    fn notify(&self, _key: u64, _event: PipeEvent) {}
}

const BODY: usize = 100_000;

/// The session's end of a pipe with so many messages, and the socket's.
fn filled(messages: usize) -> (Pipe, Pipe) {
    let config = PipeConfig { styles: (Style::Memory, Style::Wire), conflate: (false, false) };
    let end = |marks| EndConfig { owner: Arc::new(Nobody), marks };
    let (mut session, mut socket) = pair(config, end(None), end(Some((0, 0))));
    for _ in 0..messages {
        assert!(socket.write(&mut Message::from_slice(&[7; BODY]).unwrap()));
    }
    assert!(session.check_read());
    (session, socket)
}

/// Sends it all to a peer that takes so much of each write; bytes and writes of every turn.
fn turns(mut engine: Option<Engine>, messages: usize, mouthful: usize) -> Vec<(usize, usize)> {
    let (stream, taken) = bottomless(mouthful);
    let (mut pipe, _socket) = filled(messages);
    let (mut outgoing, mut writable, mut turns) = (Outgoing::default(), true, Vec::new());
    loop {
        let sent =
            outgoing.send(Instant::now(), &stream, &mut engine, &mut pipe, &mut writable).unwrap();
        let turn =
            (taken.bytes.swap(0, Ordering::Relaxed), taken.writes.swap(0, Ordering::Relaxed));
        turns.push(turn);
        match sent {
            Sent::Soon => assert!(turns.len() < 10_000, "it never ends"),
            sent => {
                assert_eq!(sent, Sent::All);
                return turns;
            }
        }
    }
}

fn total(turns: &[(usize, usize)]) -> usize {
    turns.iter().map(|(bytes, _)| bytes).sum()
}

/// How much a peer that takes so much of each write has had when it has the answer to its PING.
fn until_the_answer(mouthful: usize) -> usize {
    let (stream, taken) = bottomless(mouthful);
    let (mut pipe, _socket) = filled(200);
    let (mut side, now) = established();
    let (mut outgoing, mut writable) = (Outgoing::default(), true);
    let mut engine = Some(side.engine);
    assert_eq!(
        outgoing.send(now, &stream, &mut engine, &mut pipe, &mut writable).unwrap(),
        Sent::Soon
    );
    side.engine = engine.unwrap();
    let mut ping = *b"\x04\x07\x04PING\0\0";
    side.engine.scan(now, &mut ping, 1).unwrap();
    assert!(side.engine.has_transmit());
    engine = Some(side.engine);
    taken.bytes.store(0, Ordering::Relaxed);
    while engine.as_ref().is_some_and(Engine::has_transmit) || outgoing.has_unsent() {
        let sent = outgoing.send(now, &stream, &mut engine, &mut pipe, &mut writable).unwrap();
        assert_eq!(sent, Sent::Soon, "only at the end of all");
    }
    assert!(!pipe.is_drained());
    taken.bytes.load(Ordering::Relaxed)
}

#[test]
fn what_the_engine_says_does_not_wait_for_the_end_of_the_queue() {
    for mouthful in [999, 65_536, 150_000, usize::MAX] {
        let count = until_the_answer(mouthful);
        assert!(count < TURN + BATCH + 9 + BODY, "{mouthful}: {count}");
    }
}

#[test]
fn a_turn_of_frames_as_they_are_ends() {
    let turns = turns(Some(established().0.engine), 200, usize::MAX);
    assert_eq!(total(&turns), 200 * (9 + BODY));
    assert!(turns.iter().all(|(bytes, _)| *bytes < TURN + BATCH), "{turns:?}");
}

#[test]
fn a_turn_of_what_is_encoded_ends() {
    let turns = turns(None, 200, usize::MAX);
    assert_eq!(total(&turns), 200 * BODY);
    assert!(turns.iter().all(|(bytes, _)| *bytes < TURN + BATCH), "{turns:?}");
}

#[test]
fn a_turn_of_little_writes_ends() {
    for engine in [Some(established().0.engine), None] {
        let turns = turns(engine, 20, 1000);
        assert!(total(&turns) >= 20 * BODY);
        assert!(turns.iter().all(|(_, writes)| *writes <= TURN / WRITE + 1), "{turns:?}");
    }
}
