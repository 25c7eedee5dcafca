//! CURVE: handshakes, encrypted frames, and everything a forger may try.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dryoc::classic::crypto_core::crypto_scalarmult_base;

use crate::patterns::SocketType::{Dealer, Pub, Router, Sub};
use crate::zmtp::testing::{Pair, Side, config};
use crate::zmtp::{CurveConfig, EngineConfig, Failure, FailureKind, MechanismConfig, error_code};

const SERVER_SECRET: [u8; 32] = [7; 32];
const CLIENT_SECRET: [u8; 32] = [9; 32];

fn public(secret: &[u8; 32]) -> [u8; 32] {
    let mut public = [0; 32];
    crypto_scalarmult_base(&mut public, secret);
    public
}

/// Different bytes at each call, as a generator would give.
fn random(bytes: &mut [u8]) -> crate::error::Result<()> {
    static CALLS: AtomicU64 = AtomicU64::new(1);
    let mut state = CALLS.fetch_add(1, Ordering::Relaxed);
    for byte in bytes {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        *byte = (state >> 56) as u8;
    }
    Ok(())
}

fn client() -> EngineConfig {
    let mut config = config(Dealer);
    config.random = random;
    config.mechanism = MechanismConfig::CurveClient(Box::new(CurveConfig {
        public_key: public(&CLIENT_SECRET),
        secret_key: CLIENT_SECRET.into(),
        server_key: public(&SERVER_SECRET),
    }));
    config
}

fn server() -> EngineConfig {
    let mut config = config(Router);
    config.random = random;
    config.mechanism = MechanismConfig::CurveServer { secret_key: SERVER_SECRET.into() };
    // Strict, and without a domain: no handler is asked.
    config.zap.enforce = true;
    config
}

fn established() -> Pair {
    Pair::established(client(), server())
}

fn code(side: &Side) -> u32 {
    match side.failure.map(|failure| failure.event) {
        Some(FailureKind::HandshakeFailedProtocol(code)) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_sides_learn_of_each_other_however_the_bytes_come() {
    for (piece, prepare) in [(usize::MAX, false), (50, false), (1, false), (50, true), (1, true)] {
        let mut own = client();
        own.routing_id = b"me".to_vec();
        let mut pair = Pair::new(own, server());
        (pair.one.prepares, pair.two.prepares) = (prepare, prepare);
        pair.run(piece);
        assert_eq!(pair.one.property("Socket-Type"), Some("ROUTER"));
        assert_eq!(pair.two.property("Socket-Type"), Some("DEALER"));
        assert_eq!(pair.two.peer().metadata.routing_id(), b"me");
        assert!(!pair.one.engine.inbound_raw() && !pair.one.engine.outbound_raw());
    }
}

#[test]
fn the_client_speaks_as_soon_as_it_knows_the_version() {
    for prepares in [false, true] {
        let mut pair = Pair::new(client(), server());
        pair.one.prepares = prepares;
        assert_eq!(pair.one.sent().len(), 10);
        // The server's signature and major version.
        let greeting = pair.two.sent();
        pair.one.feed(pair.now, &[&greeting[..], &[3]].concat(), 1);
        let sent = pair.one.sent();
        assert_eq!(sent[..2], [3, 1]);
        assert!(body(&sent[54..]).starts_with(b"\x05HELLO"));
        // What is behind the version shows that the peer does not speak CURVE.
        let null = [&[1][..], b"NULL", &[0; 48]].concat();
        pair.one.feed(pair.now, &null, usize::MAX);
        assert_eq!(code(&pair.one), error_code::ZMTP_MECHANISM_MISMATCH);
    }
}

#[test]
fn an_old_peer_hears_nothing_of_a_handshake() {
    for revision in [0, 1] {
        let mut pair = Pair::new(client(), server());
        pair.one.prepares = true;
        assert_eq!(pair.one.sent().len(), 10);
        let greeting = pair.two.sent();
        pair.one.feed(pair.now, &[&greeting[..], &[revision, 6]].concat(), 1);
        assert!(pair.one.sent().len() <= 2);
        assert!(pair.one.failure.is_some());
    }
}

#[test]
fn frames_pass_encrypted_both_ways() {
    let mut pair = established();
    let large = vec![5; 100_000];
    let frames = [(1, b"secret".to_vec()), (0, Vec::new()), (0, large), (4, b"\x04JOINx".to_vec())];
    for there in [true, false] {
        let (from, to) =
            if there { (&mut pair.one, &mut pair.two) } else { (&mut pair.two, &mut pair.one) };
        let mut wire = Vec::new();
        for (flags, body) in &frames {
            from.engine.encode(*flags, body, &mut wire).unwrap();
        }
        assert!(!wire.windows(6).any(|window| window == b"secret"));
        let mut seen = Vec::new();
        for piece in wire.chunks(777) {
            to.inbox.extend_from_slice(piece);
            seen.extend(to.frames(pair.now).unwrap());
        }
        assert_eq!(seen, frames);
    }
}

#[test]
fn long_and_short_frames_pass_in_any_order() {
    let mut pair = established();
    let lens =
        [1000, 5, 5000, 3, 481, 480, 479, 100_000, 1, 2, 3, 4, 5, 900, 0, 1024, 16, 16, 70_000];
    for shift in 0..lens.len() {
        let mut lens = lens;
        lens.rotate_left(shift);
        let frames: Vec<_> = lens.iter().map(|len| (0, vec![*len as u8; *len])).collect();
        let mut canonical = Vec::new();
        for (flags, body) in &frames {
            crate::zmtp::frame::put_frame(*flags, body, &mut canonical);
        }
        let sealed = pair.one.engine.seal(&canonical, usize::MAX, &mut pair.two.inbox).unwrap();
        assert_eq!((sealed.taken, sealed.more), (canonical.len(), Some(false)));
        assert_eq!(pair.two.frames(pair.now).unwrap(), frames);
    }
}

#[test]
fn pings_are_encrypted_in_the_order_of_the_wire() {
    let mut beating = client();
    beating.heartbeat_interval = Some(std::time::Duration::from_secs(1));
    let mut pair = Pair::established(beating, server());
    let due = pair.one.engine.poll_timeout().unwrap();
    pair.one.engine.handle_timeout(due).unwrap();
    let mut wire = Vec::new();
    pair.one.engine.encode(0, b"before", &mut wire).unwrap();
    pair.one.engine.poll_transmit(&mut wire);
    pair.one.engine.encode(0, b"after", &mut wire).unwrap();
    pair.two.inbox = wire;
    let frames = pair.two.frames(pair.now).unwrap();
    assert_eq!(frames[0], (0, b"before".to_vec()));
    assert_eq!((frames[1].0, &frames[1].1[..5]), (4, &b"\x04PING"[..]));
    assert_eq!(frames[2..], [(0, b"after".to_vec())]);
    pair.one.inbox = pair.two.sent();
    assert_eq!(pair.one.frames(pair.now).unwrap(), [(4, b"\x04PONG".to_vec())]);
}

#[test]
fn subscriptions_reach_old_peers_as_messages() {
    let mut own = client();
    own.kind = Sub;
    let mut publisher = server();
    publisher.kind = Pub;
    let mut pair = Pair::new(own, publisher);
    // Make the publisher's greeting one of ZMTP 3.0: byte 11 is the minor version.
    let mut sent = 0;
    for _ in 0..10 {
        let mut from_two = pair.two.sent();
        if sent <= 11 && sent + from_two.len() > 11 {
            from_two[11 - sent] = 0;
        }
        sent += from_two.len();
        pair.one.feed(pair.now, &from_two, usize::MAX);
        let from_one = pair.one.sent();
        pair.two.feed(pair.now, &from_one, usize::MAX);
    }
    assert_eq!(pair.one.peer().version, (3, 0));
    let mut wire = Vec::new();
    pair.one.engine.encode(4, b"\x09SUBSCRIBEtopic", &mut wire).unwrap();
    pair.two.inbox = wire;
    assert_eq!(pair.two.frames(pair.now).unwrap(), [(0, b"\x01topic".to_vec())]);
}

#[test]
fn the_handler_decides_by_the_key() {
    for strict in [true, false] {
        let mut own = server();
        own.zap.enforce = strict;
        own.zap.domain = b"global".to_vec();
        let mut pair = Pair::new(client(), own.clone());
        pair.run(usize::MAX);
        let request = pair.two.zap.clone().unwrap();
        assert_eq!(request[6..], [&b"CURVE"[..], &public(&CLIENT_SECRET)]);
        pair.two.answer_zap(pair.now, "200", "tom");
        pair.run(usize::MAX);
        pair.one.peer();
        assert_eq!(pair.two.property("User-Id"), Some("tom"));

        for (status, told) in [(300, false), (400, true), (500, true)] {
            let mut pair = Pair::new(client(), own.clone());
            pair.run(usize::MAX);
            pair.two.answer_zap(pair.now, &status.to_string(), "");
            assert_eq!(pair.two.failure, Some(Failure::denied(status)));
            pair.run(usize::MAX);
            assert_eq!(pair.one.failure, told.then_some(Failure::denied(status)));
        }

        let mut pair = Pair::new(client(), own);
        pair.run(usize::MAX);
        assert_eq!(pair.two.engine.zap_unavailable(pair.now).is_err(), strict);
        assert_eq!(pair.two.engine.is_established(), !strict);
    }
}

#[test]
fn a_client_that_expects_another_server_does_not_connect() {
    let mut own = client();
    if let MechanismConfig::CurveClient(keys) = &mut own.mechanism {
        keys.server_key = public(&[8; 32]);
    }
    let mut pair = Pair::new(own, server());
    pair.run(usize::MAX);
    assert_eq!(code(&pair.two), error_code::ZMTP_CRYPTOGRAPHIC);
    assert!(pair.one.peer.is_none());
}

#[test]
fn keys_of_low_order_are_refused() {
    let mut own = client();
    if let MechanismConfig::CurveClient(keys) = &mut own.mechanism {
        keys.server_key = [0; 32];
    }
    let mut pair = Pair::new(own, server());
    pair.run(usize::MAX);
    assert_eq!(code(&pair.one), error_code::ZMTP_CRYPTOGRAPHIC);
}

#[test]
fn without_randomness_there_is_no_connection() {
    let mut own = server();
    own.random = |_| Err(crate::error::Error::INTR);
    let mut pair = Pair::new(client(), own);
    pair.run(usize::MAX);
    assert!(matches!(
        pair.two.failure.unwrap().event,
        FailureKind::HandshakeFailedNoDetail(libc::EINTR)
    ));
}

/// Changes the client's `nth` command behind its greeting and says how the server fails.
fn forge(nth: usize, change: impl Fn(&mut Vec<u8>)) -> Option<Failure> {
    let mut pair = Pair::new(client(), server());
    let (mut greeting, mut commands) = (64, 0);
    for _ in 0..10 {
        let mut from_one = pair.one.sent();
        let mut command = from_one.split_off(greeting.min(from_one.len()));
        greeting -= from_one.len();
        if !command.is_empty() {
            if commands == nth {
                let mut body = body(&command).to_vec();
                change(&mut body);
                command.clear();
                crate::zmtp::frame::put_frame(4, &body, &mut command);
            }
            commands += 1;
        }
        pair.two.feed(pair.now, &[from_one, command].concat(), usize::MAX);
        let from_two = pair.two.sent();
        pair.one.feed(pair.now, &from_two, usize::MAX);
    }
    assert!(pair.two.failure.is_some() || pair.two.peer.is_some());
    pair.two.failure
}

fn body(frame: &[u8]) -> &[u8] {
    let header = crate::zmtp::frame::parse_header(frame).unwrap();
    &frame[header.header_len..]
}

#[test]
fn forged_hellos_fail_with_the_numbers_of_libzmq() {
    use error_code::*;
    type Change = fn(&mut Vec<u8>);
    let table: &[(Change, u32)] = &[
        (|hello| hello.truncate(199), ZMTP_MALFORMED_COMMAND_HELLO),
        (|hello| hello.push(0), ZMTP_MALFORMED_COMMAND_HELLO),
        (|hello| hello[6] = 2, ZMTP_MALFORMED_COMMAND_HELLO),
        (|hello| hello[7] = 1, ZMTP_MALFORMED_COMMAND_HELLO),
        (|hello| hello[1] = b'J', ZMTP_UNEXPECTED_COMMAND),
        (|hello| hello.truncate(1), ZMTP_MALFORMED_COMMAND_UNSPECIFIED),
        (|hello| hello.clear(), ZMTP_MALFORMED_COMMAND_UNSPECIFIED),
        (|hello| hello[80..112].fill(0), ZMTP_CRYPTOGRAPHIC),
        (|hello| hello[112] ^= 1, ZMTP_CRYPTOGRAPHIC),
        (|hello| hello[199] ^= 1, ZMTP_CRYPTOGRAPHIC),
    ];
    for (change, code) in table {
        assert_eq!(forge(0, change), Some(Failure::handshake(*code)));
    }
}

#[test]
fn forged_initiates_fail_with_the_numbers_of_libzmq() {
    use error_code::*;
    assert_eq!(forge(1, |_| {}), None);
    type Change = fn(&mut Vec<u8>);
    let table: &[(Change, u32)] = &[
        (|initiate| initiate.truncate(256), ZMTP_MALFORMED_COMMAND_INITIATE),
        (|initiate| initiate.truncate(257), ZMTP_CRYPTOGRAPHIC),
        (|initiate| initiate.truncate(9), ZMTP_MALFORMED_COMMAND_INITIATE),
        (|initiate| initiate.truncate(8), ZMTP_MALFORMED_COMMAND_UNSPECIFIED),
        (|initiate| initiate[2] = b'J', ZMTP_UNEXPECTED_COMMAND),
        (|initiate| initiate[9] ^= 1, ZMTP_CRYPTOGRAPHIC),
        (|initiate| initiate[30] ^= 1, ZMTP_CRYPTOGRAPHIC),
        (|initiate| initiate[105] ^= 1, ZMTP_CRYPTOGRAPHIC),
        (|initiate| initiate[150] ^= 1, ZMTP_CRYPTOGRAPHIC),
        // CVE-2019-13132: metadata far longer than any buffer, from anybody.
        (|initiate| initiate.resize(60_000, 0), ZMTP_CRYPTOGRAPHIC),
    ];
    for (change, code) in table {
        assert_eq!(forge(1, change), Some(Failure::handshake(*code)));
    }
    let endless = forge(1, |initiate| initiate.resize(200_000, 0));
    assert_eq!(endless, Some(Failure::too_large()));
}

#[test]
fn a_large_routing_id_and_metadata_pass() {
    let mut own = client();
    own.routing_id = vec![1; 255];
    own.properties = vec![(b"X-Long".to_vec(), vec![b'x'; 50_000])];
    let pair = Pair::established(own, server());
    assert_eq!(pair.two.property("X-Long").map(str::len), Some(50_000));
}

#[test]
fn the_cookie_of_another_connection_is_worth_nothing() {
    let mut pair = Pair::new(client(), server());
    let mut stranger = Pair::new(client(), server());
    // Both clients get a WELCOME, then the INITIATE of one goes to the other's server.
    let mut initiates = Vec::new();
    for pair in [&mut pair, &mut stranger] {
        for _ in 0..2 {
            let from_one = pair.one.sent();
            pair.two.feed(pair.now, &from_one, usize::MAX);
            let from_two = pair.two.sent();
            pair.one.feed(pair.now, &from_two, usize::MAX);
        }
        initiates.push(pair.one.sent());
    }
    assert!(body(&initiates[1]).starts_with(b"\x08INITIATE"));
    pair.two.feed(pair.now, &initiates[1], usize::MAX);
    assert_eq!(code(&pair.two), error_code::ZMTP_CRYPTOGRAPHIC);
}

#[test]
fn messages_are_not_replayed_reordered_or_forged() {
    use error_code::*;
    let mut wire = [Vec::new(), Vec::new(), Vec::new()];
    type Play = fn(&[Vec<u8>; 3]) -> Vec<u8>;
    let forged = |wire: &[Vec<u8>; 3], at: usize, value: u8| {
        let mut frame = wire[0].clone();
        frame[at] ^= value;
        frame
    };
    let table: &[(Play, u32)] = &[
        // CVE-2014-7203.
        (|wire| [&wire[0][..], &wire[0]].concat(), ZMTP_INVALID_SEQUENCE),
        (|wire| [&wire[1][..], &wire[0]].concat(), ZMTP_INVALID_SEQUENCE),
        (|_| b"\0\x05\x04PING".to_vec(), ZMTP_UNEXPECTED_COMMAND),
        (|_| b"\0\0".to_vec(), ZMTP_MALFORMED_COMMAND_UNSPECIFIED),
        (|_| b"\0\x02\x05x".to_vec(), ZMTP_MALFORMED_COMMAND_UNSPECIFIED),
        (|_| b"\0\x07\x07MESSAG".to_vec(), ZMTP_MALFORMED_COMMAND_UNSPECIFIED),
        (|_| b"\0\x08\x07MESSAGE".to_vec(), ZMTP_MALFORMED_COMMAND_MESSAGE),
        (|_| b"\0\x09\x07MESSAGEx".to_vec(), ZMTP_MALFORMED_COMMAND_MESSAGE),
        (
            |_| [&b"\0\x20\x07MESSAGE\0\0\0\0\0\0\0\x09"[..], &[0; 16]].concat(),
            ZMTP_MALFORMED_COMMAND_MESSAGE,
        ),
    ];
    for (play, expected) in table {
        let mut pair = established();
        for (index, frame) in wire.iter_mut().enumerate() {
            frame.clear();
            pair.one.engine.encode(0, &[index as u8; 10], frame).unwrap();
        }
        pair.two.inbox = play(&wire);
        let failure = pair.two.frames(pair.now).unwrap_err();
        assert_eq!(failure, Failure::handshake(*expected), "{:?}", pair.two.inbox);
    }
    for at in [12, 20, 30, 40] {
        let mut pair = established();
        pair.one.engine.encode(0, b"0123456789", &mut wire[0]).unwrap();
        wire[0].clear();
        pair.one.engine.encode(0, b"0123456789", &mut wire[0]).unwrap();
        pair.two.inbox = forged(&wire, at, 1);
        let failure = pair.two.frames(pair.now).unwrap_err();
        assert_eq!(failure, Failure::handshake(ZMTP_CRYPTOGRAPHIC), "{at}");
    }
}

#[test]
fn maxmsgsize_counts_the_body_and_not_its_wrapping() {
    let mut limited = server();
    limited.maxmsgsize = 10;
    for (len, fits) in [(10, true), (11, false), (1000, false)] {
        let mut pair = Pair::established(client(), limited.clone());
        let mut wire = Vec::new();
        pair.one.engine.encode(0, &vec![0; len], &mut wire).unwrap();
        pair.two.inbox = wire;
        let result = pair.two.frames(pair.now);
        assert_eq!(result.is_ok(), fits, "{len}");
        if !fits {
            assert_eq!(result, Err(Failure::too_large()));
        }
    }
}

#[test]
fn unencrypted_peers_do_not_get_in() {
    // A ZMTP 1.0 greeting and a message behind it.
    let now = Instant::now();
    let mut side = Side::new(server(), now);
    side.feed(now, b"\x01\0\x08\0sneaky\0", usize::MAX);
    assert_eq!(side.failure, Some(Failure::protocol()));

    for other in [MechanismConfig::Null, MechanismConfig::PlainServer] {
        let mut own = config(Dealer);
        own.mechanism = other;
        let mut pair = Pair::new(own, server());
        pair.run(usize::MAX);
        assert_eq!(code(&pair.two), error_code::ZMTP_MECHANISM_MISMATCH);
    }
}
