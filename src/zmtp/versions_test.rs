//! Peers that speak an older ZMTP, and frames that are read one by one.

use std::time::Instant;

use crate::patterns::SocketType::{Pub, Pull, Router, Sub, Xpub};
use crate::zmtp::Failure;
use crate::zmtp::testing::{Collect, GREETING, Side, config, side};

#[test]
fn zmtp_1_0_without_a_greeting() {
    for piece in [usize::MAX, 1] {
        let mut own = config(Router);
        own.routing_id = b"me".to_vec();
        let now = Instant::now();
        let mut side = Side::new(own, now);
        assert_eq!(side.sent(), b"\xff\0\0\0\0\0\0\0\x03\x7f");
        side.feed(now, b"\x04\0you\x06\0hello\x03\x01hi\x01\0", piece);
        assert_eq!(side.sent(), b"me");
        assert_eq!(side.peer().version, (1, 0));
        assert_eq!(side.peer().metadata.routing_id(), b"you");
        assert!(!side.engine.inbound_raw() && !side.engine.outbound_raw());
        let frames = side.frames(now).unwrap();
        assert_eq!(frames, [(0, b"hello".to_vec()), (1, b"hi".to_vec()), (0, Vec::new())]);

        let mut out = Vec::new();
        side.engine.encode(1, b"a", &mut out).unwrap();
        side.engine.encode(0, &[7; 253], &mut out).unwrap();
        side.engine.encode(0, &[7; 254], &mut out).unwrap();
        assert_eq!(&out[..5], b"\x02\x01a\xfe\0");
        assert_eq!(&out[258..268], b"\xff\0\0\0\0\0\0\0\xff\0");
    }
}

#[test]
fn zmtp_1_0_with_a_long_identity_looks_like_a_signature_at_first() {
    let (mut side, now) = side(Router);
    let mut bytes = b"\xff\0\0\0\0\0\0\0\x04\0abc".to_vec();
    bytes.extend_from_slice(b"\x02\0x");
    side.feed(now, &bytes, 1);
    assert_eq!(side.peer().metadata.routing_id(), b"abc");
    assert_eq!(side.frames(now).unwrap(), [(0, b"x".to_vec())]);
}

#[test]
fn zmtp_1_0_with_an_empty_identity_in_a_long_frame() {
    for piece in [usize::MAX, 1] {
        let (mut side, now) = side(Router);
        side.feed(now, b"\xff\0\0\0\0\0\0\0\x01\0\x02\0x", piece);
        assert_eq!(side.peer().metadata.routing_id(), b"");
        assert_eq!(side.frames(now).unwrap(), [(0, b"x".to_vec())]);
    }
}

#[test]
fn zmtp_1_0_frames_that_cannot_be() {
    for bytes in [&b"\x00"[..], b"\xff\0\0\0\0\0\0\0\0", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\0"]
    {
        for piece in [usize::MAX, 1] {
            let (mut side, now) = side(Pull);
            side.feed(now, b"\x01\0", usize::MAX);
            side.feed(now, bytes, piece);
            let mut sink = Collect(Vec::new(), usize::MAX);
            assert!(side.engine.decode(now, bytes, &mut sink).is_err(), "{bytes:?}");
        }
    }
}

#[test]
fn a_large_frame_is_not_allocated_before_it_comes() {
    // CVE-2021-20235: messages over 8192 bytes from a ZMTP 1.0 peer.
    let (mut side, now) = side(Pull);
    side.feed(now, b"\x01\0", usize::MAX);
    let mut sink = Collect(Vec::new(), usize::MAX);
    let claim = b"\xff\0\0\x7f\xff\xff\xff\xff\xff\0";
    assert_eq!(side.engine.decode(now, claim, &mut sink), Ok(claim.len()));

    let (mut side, now) = established_v1();
    let mut sink = Collect(Vec::new(), usize::MAX);
    for _ in 0..2 {
        let mut frame = b"\xff\0\0\0\0\0\0\x27\x11\0".to_vec();
        frame.extend_from_slice(&[1; 10_000]);
        for piece in frame.chunks(1000) {
            assert_eq!(side.engine.decode(now, piece, &mut sink), Ok(piece.len()));
        }
    }
    assert_eq!(sink.0, [(0, vec![1; 10_000]), (0, vec![1; 10_000])]);
}

#[test]
fn an_identity_is_a_message_to_the_limit() {
    let whole: [&[u8]; 2] = [b"\x07\0abcdef", &[&GREETING[..10], b"\x01\x08\0\x06abcdef"].concat()];
    for (limit, fails) in [(-1, false), (6, false), (5, true), (0, true)] {
        for hello in whole {
            let mut own = config(Pull);
            own.maxmsgsize = limit;
            let now = Instant::now();
            let mut side = Side::new(own, now);
            side.feed(now, hello, 1);
            assert_eq!(side.failure.is_some(), fails, "{limit} {hello:?}");
        }
    }
}

fn established_v1() -> (Side, Instant) {
    let (mut side, now) = side(Pull);
    side.feed(now, b"\x01\0", usize::MAX);
    (side, now)
}

#[test]
fn the_sink_can_stop_the_decoder() {
    let (mut side, now) = established_v1();
    let input = b"\x02\0a\x02\0b\x02\0c";
    let mut sink = Collect(Vec::new(), 2);
    assert_eq!(side.engine.decode(now, input, &mut sink), Ok(6));
    assert_eq!(side.engine.decode(now, &input[6..], &mut sink), Ok(3));
    assert_eq!(sink.0.len(), 3);
}

#[test]
fn a_subscriber_too_old_to_subscribe_gets_everything() {
    for kind in [Pub, Xpub] {
        let (mut side, now) = side(kind);
        side.feed(now, b"\x01\0", usize::MAX);
        assert_eq!(side.frames(now).unwrap(), [(0, vec![1])]);
        assert_eq!(side.frames(now).unwrap(), []);
    }
}

#[test]
fn zmtp_2_0_and_versioned_1_0() {
    for (revision, version, identity, own, sub) in [
        (b"\x01\x02", (2, 0), &b"\0\x03you"[..], &b"\0\0"[..], &b"\0\x02\x01A"[..]),
        (b"\x00\x02", (1, 0), b"\x04\0you", b"\x01\0", b"\x03\0\x01A"),
    ] {
        for piece in [usize::MAX, 1] {
            let (mut side, now) = side(Sub);
            let input = [&GREETING[..10], revision, identity].concat();
            side.feed(now, &input, piece);
            assert_eq!(side.peer().version, version);
            assert_eq!(side.peer().metadata.routing_id(), b"you");
            let sent = side.sent();
            assert_eq!(&sent[10..12], b"\x03\x02", "major, then our socket type");
            assert_eq!(&sent[12..], own);
            assert_eq!(side.engine.inbound_raw(), version == (2, 0));
            assert!(!side.engine.outbound_raw());
            let mut out = Vec::new();
            side.engine.encode(4, b"\x09SUBSCRIBEA", &mut out).unwrap();
            side.engine.encode(4, b"\x04JOINx", &mut out).unwrap();
            assert_eq!(out, sub);
        }
    }
}

#[test]
fn zmtp_3_0_takes_subscriptions_as_messages() {
    let (mut side, now) = side(Sub);
    let mut greeting = GREETING.to_vec();
    greeting[11] = 0;
    side.feed(now, &[&greeting, &b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB"[..]].concat(), 1);
    assert_eq!(side.peer().version, (3, 0));
    assert!(!side.engine.outbound_raw() && side.engine.inbound_raw());
    let mut out = Vec::new();
    side.engine.encode(4, b"\x06CANCELtopic", &mut out).unwrap();
    side.engine.encode(1, b"x", &mut out).unwrap();
    assert_eq!(out, b"\0\x06\0topic\x01\x01x");
}

#[test]
fn old_peers_do_not_slip_past_a_mechanism_or_a_zap_domain() {
    // CVE-2014-7202 and CVE-2014-9721.
    let hellos: [&[u8]; 3] = [
        b"\x01\0\x08\0sneaky\0",
        &[&GREETING[..10], b"\x01\x05"].concat(),
        &[&GREETING[..10], b"\0\x05"].concat(),
    ];
    for hello in hellos {
        for piece in [usize::MAX, 1] {
            let mut own = config(Router);
            own.zap.domain = b"global".to_vec();
            let now = Instant::now();
            let mut side = Side::new(own, now);
            side.feed(now, hello, piece);
            assert_eq!(side.failure, Some(Failure::protocol()), "{hello:?}");
            assert!(side.peer.is_none());
        }
    }
}
