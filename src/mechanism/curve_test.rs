//! CURVE: handshakes and encrypted frames. What a forger may try is in `curve_forgery_test`.

use std::sync::atomic::{AtomicU64, Ordering};

use dryoc::classic::crypto_core::crypto_scalarmult_base;

use crate::error::Error;
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

pub(super) fn client() -> EngineConfig {
    let mut config = config(Dealer);
    config.random = random;
    config.mechanism = MechanismConfig::CurveClient(Box::new(CurveConfig {
        public_key: public(&CLIENT_SECRET),
        secret_key: CLIENT_SECRET.into(),
        server_key: public(&SERVER_SECRET),
    }));
    config
}

pub(super) fn server() -> EngineConfig {
    let mut config = config(Router);
    config.random = random;
    config.mechanism = MechanismConfig::CurveServer { secret_key: SERVER_SECRET.into() };
    // Strict, and without a domain: no handler is asked.
    config.zap.enforce = true;
    config
}

pub(super) fn established() -> Pair {
    Pair::established(client(), server())
}

pub(super) fn code(side: &Side) -> u32 {
    match side.failure.map(|failure| failure.event) {
        Some(FailureKind::HandshakeFailedProtocol(code)) => code,
        other => panic!("{other:?}"),
    }
}

pub(super) fn body(frame: &[u8]) -> &[u8] {
    let header = crate::zmtp::frame::parse_header(frame).unwrap();
    &frame[header.header_len..]
}

#[test]
fn a_ping_that_a_layer_answers_is_not_wrapped() {
    let second = std::time::Duration::from_secs(1);
    for (layered, wrapped) in [(false, true), (true, false)] {
        let mut own = client();
        (own.heartbeat_interval, own.layered) = (Some(second), layered);
        let Pair { mut one, now, .. } = Pair::established(own, server());
        one.engine.handle_timeout(now + second).unwrap();
        assert_eq!(one.sent() != b"\x04\x07\x04PING\0\0", wrapped);
    }
}

#[test]
fn a_side_without_entropy_may_have_it_later() {
    let mut own = client();
    own.random = |_| Err(Error::from_errno(libc::EIO));
    let mut pair = Pair::new(own, server());
    pair.run(usize::MAX);
    let failure = pair.one.failure.unwrap();
    assert_eq!(failure, Failure::no_detail(Error::from_errno(libc::EIO)));
    assert!(failure.may_reconnect());
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

#[test]
fn a_large_routing_id_and_metadata_pass() {
    let mut own = client();
    own.routing_id = vec![1; 255];
    own.properties = vec![(b"X-Long".to_vec(), vec![b'x'; 50_000])];
    let pair = Pair::established(own, server());
    assert_eq!(pair.two.property("X-Long").map(str::len), Some(50_000));
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
fn a_frame_that_is_too_large_is_refused_by_its_header() {
    // The wrapping may take 256 bytes; more cannot be a body of 10.
    for (limit, announced, refused) in
        [(10, 266, false), (10, 267, true), (-1, 1 << 40, false), (-1, 1 << 63, true)]
    {
        let mut limited = server();
        limited.maxmsgsize = limit;
        let mut pair = Pair::established(client(), limited);
        pair.two.inbox = [&[2][..], &u64::to_be_bytes(announced)].concat();
        let expected = if refused { Err(Failure::too_large()) } else { Ok(Vec::new()) };
        assert_eq!(pair.two.frames(pair.now), expected, "{announced}");
    }
}
