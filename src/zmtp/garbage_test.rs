//! Bytes that nobody should send: at random, and what a true peer sends with changes. An engine may
//! refuse them, but neither panic nor let anybody in whom it cannot know.

use std::time::{Duration, Instant};

use crate::patterns::SocketType::{Dealer, Pub, Router};
use crate::zmtp::testing::{Side, config, established};
use crate::zmtp::{CurveConfig, EngineConfig, MechanismConfig};

/// A generator that gives the same numbers at each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit.max(1)
    }
}

#[test]
fn garbage_does_not_panic() {
    let mut random = Random(1);
    for round in 0..3000 {
        let (mut side, now) = match round % 3 {
            0 => established(),
            1 => (Side::new(config(Router), Instant::now()), Instant::now()),
            _ => (Side::new(config(Pub), Instant::now()), Instant::now()),
        };
        // Small numbers are flags and lengths.
        let mut byte = || match random.next() {
            value if value % 2 == 0 => value as u8 & 7,
            value => (value >> 8) as u8,
        };
        let bytes: Vec<u8> = (0..200).map(|_| byte()).collect();
        side.feed(now, &bytes, 1 + round % 17);
        if side.engine.is_established() && side.failure.is_none() {
            let _ = side.frames(now);
        }
        let _ = side.engine.handle_timeout(now + Duration::from_secs(1));
        side.sent();
    }
}

/// What one side sends the other in a handshake and one message, step by step.
fn transcript(one: &EngineConfig, two: &EngineConfig) -> Vec<Vec<u8>> {
    let now = Instant::now();
    let (mut from, mut to) = (Side::new(one.clone(), now), Side::new(two.clone(), now));
    let mut steps = Vec::new();
    for _ in 0..10 {
        let mut step = from.sent();
        if from.engine.is_established() && steps.last().is_none_or(Vec::is_empty) {
            from.engine.encode(1, b"hello", &mut step).unwrap();
            from.engine.encode(0, &[7; 300], &mut step).unwrap();
        }
        to.feed(now, &step, usize::MAX);
        steps.push(step);
        let back = to.sent();
        from.feed(now, &back, usize::MAX);
        for side in [&mut from, &mut to] {
            if side.zap.is_some() {
                side.answer_zap(now, "200", "");
            }
        }
    }
    to.peer();
    steps
}

#[test]
fn changed_transcripts_do_not_panic() {
    let with = |kind, mechanism| {
        let mut config = config(kind);
        config.mechanism = mechanism;
        config
    };
    let secret_key = [7; 32];
    let server_key = crate::mechanism::public_key(&secret_key);
    let curve = CurveConfig { public_key: server_key, secret_key: secret_key.into(), server_key };
    let pairs = [
        (MechanismConfig::Null, MechanismConfig::Null),
        (
            MechanismConfig::PlainClient { username: vec![b'x'; 9], password: vec![0].into() },
            MechanismConfig::PlainServer,
        ),
        (
            MechanismConfig::CurveClient(Box::new(curve)),
            MechanismConfig::CurveServer { secret_key: secret_key.into() },
        ),
    ];
    let mut random = Random(2);
    for (client, server) in pairs {
        let encrypted = matches!(client, MechanismConfig::CurveClient(_));
        let (client, server) = (with(Dealer, client), with(Router, server));
        for (from, to) in [(&client, &server), (&server, &client)] {
            let steps = transcript(from, to);
            for _ in 0..if encrypted { 60 } else { 600 } {
                let now = Instant::now();
                let mut side = Side::new(to.clone(), now);
                let changed = random.below(steps.len());
                for (number, step) in steps.iter().enumerate() {
                    let mut step = step.clone();
                    if number == changed {
                        change(&mut step, &mut random);
                    }
                    side.feed(now, &step, 1 + random.below(40));
                    side.sent();
                    if side.zap.is_some() && side.failure.is_none() {
                        side.answer_zap(now, "200", "");
                    }
                }
                if side.engine.is_established() && side.failure.is_none() {
                    let _ = side.frames(now);
                }
                let _ = side.engine.handle_timeout(now);
            }
        }
    }
}

/// One of the ways in which bytes can go wrong.
fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    match random.below(4) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at.min(bytes.len()), random.next() as u8),
        2 => drop(bytes.drain(at..bytes.len().min(at + 1 + random.below(9)))),
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}
