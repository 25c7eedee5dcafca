//! What the fuzzer feeds to the mechanisms: commands in any order, replies of any ZAP handler. What
//! needs the keys is in `curve::fuzz_test`. See `crate::fuzz`.

use std::time::Instant;

use crate::fuzz::Input;
use crate::mechanism::{self, Status, zap};
use crate::patterns::SocketType::{Dealer, Router};
use crate::zmtp::testing::{GREETING, READY, Side, config};
use crate::zmtp::{CurveConfig, EngineConfig, MechanismConfig, command};

/// Gives commands to one side of a handshake as they come. Says whether it went through, and
/// whether the handler let the peer in.
fn drive(config: &EngineConfig, mut input: Input<'_>, prefixes: &[&[u8]]) -> (bool, bool) {
    let Ok(mut mechanism) = mechanism::new(config) else { return (false, false) };
    let mut granted = false;
    for _ in 0..12 {
        while let Ok(Some(command)) = mechanism.next_command() {
            assert!(!command.is_empty());
        }
        if mechanism.zap_request().is_some() {
            let reply = match input.byte() % 4 {
                0 => None,
                1 => Some(zap::Reply { status: 300, ..zap::Reply::default() }),
                _ => Some(zap::Reply { status: 200, ..zap::Reply::default() }),
            };
            granted |= reply.as_ref().is_some_and(|reply| reply.status == 200);
            if mechanism.zap_reply(reply).is_err() {
                return (false, granted);
            }
            continue;
        }
        match mechanism.status() {
            Status::Ready => {
                assert!(mechanism.finish().is_some());
                return (true, granted);
            }
            Status::Failed(_) => return (false, granted),
            Status::Handshaking if input.is_empty() => return (false, granted),
            Status::Handshaking => {}
        }
        let command = [input.choose(prefixes), input.bytes()].concat();
        if mechanism.process(&command).is_err() {
            return (false, granted);
        }
    }
    (false, granted)
}

const NAMES: &[&[u8]] =
    &[b"", command::HELLO, command::WELCOME, command::INITIATE, command::READY, command::ERROR];

/// Both sides of PLAIN; the server lets nobody in whom the handler did not.
pub(crate) fn plain(data: &[u8]) {
    let mut input = Input(data);
    let mut config = config(if input.flag() { Router } else { Dealer });
    config.mechanism = MechanismConfig::PlainServer;
    let (ready, granted) = drive(&config, input, NAMES);
    assert!(granted || !ready, "PLAIN without a handler");
    config.mechanism = MechanismConfig::PlainClient {
        username: b"user".to_vec(),
        password: b"password".to_vec().into(),
    };
    drive(&config, input, NAMES);
}

/// Both sides of CURVE with a peer that has no keys: nobody gets in, and no frame opens.
pub(crate) fn curve(data: &[u8]) {
    let mut config = config(Router);
    config.mechanism = MechanismConfig::CurveServer { secret_key: [7; 32].into() };
    let (ready, _) = drive(&config, Input(data), NAMES);
    assert!(!ready, "a client without keys");
    config.mechanism = MechanismConfig::CurveClient(Box::new(CurveConfig {
        public_key: mechanism::public_key(&[9; 32]),
        secret_key: [9; 32].into(),
        server_key: mechanism::public_key(&[7; 32]),
    }));
    let (ready, _) = drive(&config, Input(data), NAMES);
    assert!(!ready, "a server without keys");
}

/// Replies of a ZAP handler: NULL with a domain, PLAIN; in by 200 only.
pub(crate) fn zap(data: &[u8]) {
    let mut input = Input(data);
    let now = Instant::now();
    let plain = input.flag();
    let mut config = config(Router);
    config.zap.domain = b"domain".to_vec();
    if plain {
        config.mechanism = MechanismConfig::PlainServer;
    }
    let mut side = Side::new(config, now);
    if plain {
        let mut greeting = GREETING.to_vec();
        greeting[12..17].copy_from_slice(b"PLAIN");
        side.feed(now, &greeting, usize::MAX);
        side.feed(now, b"\x04\x0a\x05HELLO\x01u\x01p", usize::MAX);
    } else {
        side.feed(now, GREETING, usize::MAX);
    }
    assert!(side.zap.is_some() && side.failure.is_none());
    // Mostly a proper reply with some frames changed.
    let mut frames: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"1.0".to_vec(),
        b"1".to_vec(),
        input.choose(&[b"200", b"300", b"400", b"500", b"2oo"]).to_vec(),
        b"text".to_vec(),
        input.bytes().to_vec(),
        input.bytes().to_vec(),
    ];
    while !input.is_empty() {
        let (action, at) = (input.byte(), usize::from(input.byte()) % (frames.len() + 1));
        let body = input.bytes().to_vec();
        let inside = at < frames.len();
        match action % 4 {
            0 | 2 if inside => frames[at] = body,
            1 if inside => drop(frames.remove(at)),
            _ if frames.len() < 12 => frames.insert(at, body),
            _ => {}
        }
    }
    let parsed = zap::parse_reply(&frames, Router);
    let answered = side.engine.handle_zap_reply(now, &frames);
    let let_in = parsed.as_ref().is_ok_and(|reply| reply.status == 200);
    assert_eq!(answered.is_ok(), let_in);
    if answered.is_ok() && !plain {
        side.feed(now, READY, usize::MAX);
        side.peer();
    }
    assert!(let_in || !side.engine.is_established());
}
