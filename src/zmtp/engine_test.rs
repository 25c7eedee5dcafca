//! The whole of an engine: versions, handshakes with NULL, and the data phase.

use std::time::{Duration, Instant};

use crate::patterns::SocketType::{Dealer, Pub, Pull, Push, Router, Sub, Xpub};
use crate::zmtp::testing::{Collect, Pair, Side, config};
use crate::zmtp::{Failure, FailureKind, error_code};

/// A greeting of ZMTP 3.1 with NULL.
const GREETING: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// READY of a DEALER without an identity.
const READY: &[u8] = b"\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0";

fn side(kind: crate::patterns::SocketType) -> (Side, Instant) {
    let now = Instant::now();
    (Side::new(config(kind), now), now)
}

fn established() -> (Side, Instant) {
    let (mut side, now) = side(Router);
    side.feed(now, &[GREETING, READY].concat(), usize::MAX);
    side.peer();
    side.sent();
    (side, now)
}

#[test]
fn two_engines_shake_hands_however_the_bytes_come() {
    for piece in [usize::MAX, 64, 7, 3, 1] {
        let mut dealer = config(Dealer);
        dealer.routing_id = b"\0me".to_vec();
        dealer.properties = vec![(b"X-Colour".to_vec(), b"blue".to_vec())];
        let mut pair = Pair::new(dealer, config(Router));
        pair.run(piece);
        assert_eq!(pair.one.peer().version, (3, 1));
        assert_eq!(pair.one.property("Socket-Type"), Some("ROUTER"));
        assert_eq!(pair.two.property("Socket-Type"), Some("DEALER"));
        assert_eq!(pair.two.property("X-Colour"), Some("blue"));
        assert_eq!(pair.two.property("Peer-Address"), Some("192.0.2.1"));
        assert_eq!(pair.two.peer().metadata.routing_id(), b"\0me");
        assert!(pair.one.inbox.is_empty() && pair.two.inbox.is_empty());
        assert!(pair.one.engine.inbound_raw() && pair.one.engine.outbound_raw());
    }
}

#[test]
fn the_bytes_are_those_of_libzmq() {
    let (mut side, now) = side(Dealer);
    assert_eq!(side.sent(), b"\xff\0\0\0\0\0\0\0\x01\x7f");
    side.feed(now, &GREETING[..10], 1);
    assert_eq!(side.sent(), b"\x03");
    side.feed(now, &GREETING[10..11], 1);
    assert_eq!(side.sent(), &GREETING[11..]);
    side.feed(now, &GREETING[11..], 1);
    assert_eq!(side.sent(), READY);
}

#[test]
fn the_handshake_ends_where_data_begins() {
    let (mut side, now) = side(Router);
    side.feed(now, &[GREETING, READY, b"\0\x05hello"].concat(), usize::MAX);
    side.peer();
    assert_eq!(side.inbox, b"\0\x05hello");
}

#[test]
fn sockets_that_do_not_fit_are_refused() {
    let mut pair = Pair::new(config(Push), config(Dealer));
    pair.run(usize::MAX);
    let failure = Failure::handshake(error_code::ZMTP_INVALID_METADATA);
    assert_eq!((pair.one.failure, pair.two.failure), (Some(failure), Some(failure)));
    assert!(!failure.may_reconnect());
}

#[test]
fn property_names_have_no_case_and_reserved_ones_no_effect() {
    let (mut side, now) = side(Router);
    let ready = b"\x04\x35\x05READY\x0bsocket-TYPE\0\0\0\x06DEALER\x08IDENTITY\0\0\0\x02me\
        \x07User-Id\0\0\0\x01x";
    let mut ready = ready.to_vec();
    ready[1] = (ready.len() - 2) as u8;
    side.feed(now, &[GREETING, &ready].concat(), usize::MAX);
    assert_eq!(side.peer().metadata.routing_id(), b"me");
    assert_eq!(side.property("Socket-Type"), Some("DEALER"));
    assert_eq!(side.property("User-Id"), None);
}

#[test]
fn malformed_handshakes_fail_with_the_numbers_of_libzmq() {
    use error_code::*;
    let handshake = FailureKind::HandshakeFailedProtocol;
    let table: &[(&[u8], FailureKind)] = &[
        (b"\x04\x00", handshake(ZMTP_UNEXPECTED_COMMAND)),
        (b"\x04\x01\x05", handshake(ZMTP_UNEXPECTED_COMMAND)),
        (b"\x04\x05\x04PING", handshake(ZMTP_UNEXPECTED_COMMAND)),
        (b"\x04\x07\x05READY\x01", handshake(ZMTP_INVALID_METADATA)),
        (b"\x04\x08\x05READY\x02A", handshake(ZMTP_INVALID_METADATA)),
        (b"\x04\x08\x05READY\x01A", handshake(ZMTP_INVALID_METADATA)),
        (b"\x04\x0b\x05READY\x00\0\0\0", handshake(ZMTP_INVALID_METADATA)),
        (b"\x04\x0c\x05READY\x01A\xff\xff\xff\xff", handshake(ZMTP_INVALID_METADATA)),
        (b"\x04\x0d\x05READY\x01A\0\0\0\x02x", handshake(ZMTP_INVALID_METADATA)),
        (b"\x04\x06\x05ERROR", handshake(ZMTP_MALFORMED_COMMAND_ERROR)),
        (b"\x04\x08\x05ERROR\x02x", handshake(ZMTP_MALFORMED_COMMAND_ERROR)),
        (b"\x04\x0a\x05ERROR\x03400", FailureKind::HandshakeFailedAuth(400)),
        (b"\x04\x0a\x05ERROR\x03not", FailureKind::Protocol),
        (b"\x06\xff\xff\xff\xff\xff\xff\xff\xff", FailureKind::Protocol),
        (b"\x06\x7f\xff\xff\xff\xff\xff\xff\xff", FailureKind::Protocol),
    ];
    for (command, expected) in table {
        for piece in [1, usize::MAX] {
            let (mut side, now) = side(Router);
            let mut command = command.to_vec();
            if command[0] == 4 {
                command[1] = (command.len() - 2) as u8;
            }
            side.feed(now, &[GREETING, &command].concat(), piece);
            assert_eq!(side.failure.map(|failure| failure.event), Some(*expected), "{command:?}");
        }
    }
}

#[test]
fn another_mechanism_is_a_mismatch() {
    for name in [&b"PLAIN"[..], b"NULLX", b"", b"null"] {
        let (mut side, now) = side(Router);
        let mut greeting = GREETING.to_vec();
        greeting[12..17].fill(0);
        greeting[12..12 + name.len()].copy_from_slice(name);
        side.feed(now, &greeting, usize::MAX);
        let expected = Failure::handshake(error_code::ZMTP_MECHANISM_MISMATCH);
        assert_eq!(side.failure, Some(expected), "{name:?}");
    }
}

#[test]
fn a_silent_peer_does_not_hold_the_handshake_for_ever() {
    let (mut side, now) = side(Router);
    let deadline = side.engine.poll_timeout().unwrap();
    assert_eq!(deadline - now, Duration::from_secs(30));
    assert_eq!(side.engine.handle_timeout(deadline - Duration::from_millis(1)), Ok(()));
    let failure = side.engine.handle_timeout(deadline).unwrap_err();
    assert!(failure.may_reconnect());
    assert!(matches!(failure.event, FailureKind::HandshakeFailedNoDetail(_)));
}

#[test]
fn frames_are_delimited_in_place() {
    let (mut side, now) = established();
    let mut bytes = b"\x00\x02hi\x01\x01a\x00\x01b\x01\x00\x00\x05hel".to_vec();
    let scan = side.engine.scan(now, &mut bytes, usize::MAX).unwrap();
    assert_eq!((scan.frames_end, scan.messages_end, scan.messages), (12, 10, 2));
    assert_eq!(scan.next, Some((2, 5)));

    // The first frame of a message is remembered.
    let mut rest = bytes[scan.frames_end..].to_vec();
    rest.extend_from_slice(b"lo\xf8\x01x");
    let scan = side.engine.scan(now, &mut rest, 1).unwrap();
    assert_eq!((scan.frames_end, scan.messages_end, scan.messages), (7, 7, 1));
    let mut rest = rest[7..].to_vec();
    let scan = side.engine.scan(now, &mut rest, usize::MAX).unwrap();
    assert_eq!((scan.frames_end, scan.messages), (3, 1));
    assert_eq!(rest, b"\x00\x01x", "reserved flags are cleared");

    let mut header = b"\x02\0\0\0\0\0\0\x01\0".to_vec();
    for end in 0..=header.len() {
        let scan = side.engine.scan(now, &mut header[..end], usize::MAX).unwrap();
        assert_eq!(scan.next, (end == 9).then_some((9, 256)));
    }
    assert_eq!(side.engine.note_large_frame(now, 2 | 1), Ok(false));
    assert_eq!(side.engine.note_large_frame(now, 2), Ok(true));
}

#[test]
fn a_length_that_nobody_can_mean_is_refused() {
    for header in [&b"\x02\xff\xff\xff\xff\xff\xff\xff\xff"[..], b"\x02\x80\0\0\0\0\0\0\0"] {
        let (mut side, now) = established();
        let result = side.engine.scan(now, &mut header.to_vec(), usize::MAX);
        assert_eq!(result, Err(Failure::too_large()));
    }
}

#[test]
fn maxmsgsize_is_checked_before_the_body_comes() {
    let mut limited = config(Pull);
    limited.maxmsgsize = 4;
    let mut pair = Pair::established(config(Push), limited);
    let side = &mut pair.two;
    assert!(side.engine.scan(pair.now, &mut b"\0\x04four".to_vec(), usize::MAX).is_ok());
    for header in [&b"\0\x05"[..], b"\x02\0\0\0\0\0\0\0\x05"] {
        let result = side.engine.scan(pair.now, &mut header.to_vec(), usize::MAX);
        assert_eq!(result, Err(Failure::too_large()));
    }
}

#[test]
fn commands_pass_between_the_frames_of_a_message() {
    let (mut side, now) = established();
    let mut bytes = b"\x01\x01a\x04\x07\x04PING\0\0\0\x01b\x04\x0b\x09SUBSCRIBEx".to_vec();
    let scan = side.engine.scan(now, &mut bytes, usize::MAX).unwrap();
    assert_eq!((scan.messages, scan.messages_end), (1, bytes.len()));
    assert_eq!(side.sent(), b"\x04\x05\x04PONG");
}

#[test]
fn malformed_commands_end_the_connection() {
    for body in [&b""[..], b"\x05PING", b"\xff", b"\x04PING", b"\x04PING\0"] {
        let (mut side, now) = established();
        let mut bytes = vec![4, body.len() as u8];
        bytes.extend_from_slice(body);
        let result = side.engine.scan(now, &mut bytes, usize::MAX);
        assert_eq!(result, Err(Failure::protocol()), "{body:?}");
    }
}

#[test]
fn a_ping_is_answered_with_its_context() {
    let (mut side, now) = established();
    let mut bytes = b"\x04\x0a\x04PING\0\0abc\x04\x18\x04PING\0\0".to_vec();
    bytes.extend_from_slice(b"0123456789abcdefX");
    side.engine.scan(now, &mut bytes, usize::MAX).unwrap();
    assert_eq!(side.sent(), b"\x04\x08\x04PONGabc\x04\x15\x04PONG0123456789abcdef");
}

#[test]
fn unread_answers_are_bounded() {
    let (mut side, now) = established();
    let mut bytes = b"\x04\x07\x04PING\0\0".repeat(10_000);
    side.engine.scan(now, &mut bytes, usize::MAX).unwrap();
    assert_eq!(side.sent(), b"\x04\x05\x04PONG".repeat(16));
}

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

#[test]
fn garbage_never_panics() {
    let mut state = 1u64;
    for round in 0..2000 {
        let (mut side, now) = if round % 2 == 0 { side(Router) } else { established() };
        let bytes: Vec<u8> = (0..200)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let byte = (state >> 56) as u8;
                if byte < 128 { byte & 7 } else { byte }
            })
            .collect();
        side.feed(now, &bytes, 1 + round % 17);
        if side.engine.is_established() && side.failure.is_none() {
            let _ = side.frames(now);
        }
        let _ = side.engine.handle_timeout(now + Duration::from_secs(1));
    }
}

mod heartbeats {
    use super::*;
    use crate::zmtp::EngineConfig;

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
            let heard = now + 11 * SECOND;
            match sign {
                0 => drop(one.engine.scan(heard, &mut [2], 1)),
                1 => one.engine.note_activity(heard),
                _ => drop(one.engine.note_large_frame(heard, 2)),
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
        assert!(one.engine.handle_timeout(now + 104 * SECOND).is_err());
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
        assert_eq!(side.engine.poll_timeout(), Some(now + 10 * SECOND));
        side.engine.handle_timeout(now + 10 * SECOND).unwrap();
        assert_eq!(side.sent(), b"\x04\x05\x04PONG");
        side.engine.set_input_paused(now, false);
        assert_eq!(side.engine.poll_timeout(), None);
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
    fn old_peers_get_no_ping() {
        let now = Instant::now();
        let mut side = Side::new(beating(), now);
        side.feed(now, b"\x01\0", usize::MAX);
        side.peer();
        assert_eq!(side.engine.poll_timeout(), None);
    }
}

mod zap {
    use super::*;

    fn guarded() -> crate::zmtp::EngineConfig {
        let mut own = config(Router);
        own.zap.domain = b"global".to_vec();
        own
    }

    #[test]
    fn null_with_a_domain_asks_the_handler() {
        let mut pair = Pair::new(config(Dealer), guarded());
        pair.run(3);
        assert!(pair.two.peer.is_none());
        let request = pair.two.zap.clone().unwrap();
        assert_eq!(request, [&b""[..], b"1.0", b"1", b"global", b"192.0.2.1", b"", b"NULL"]);
        pair.two.answer_zap(pair.now, "200", "tom");
        pair.run(3);
        pair.one.peer();
        assert_eq!(pair.two.property("User-Id"), Some("tom"));
        assert_eq!(pair.two.property("Hello"), Some("World"));
    }

    #[test]
    fn a_denied_peer_is_told_unless_it_shall_try_again() {
        for (status, told) in [(300, false), (400, true), (500, true)] {
            let mut pair = Pair::new(config(Dealer), guarded());
            pair.run(usize::MAX);
            pair.two.answer_zap(pair.now, &status.to_string(), "");
            assert_eq!(pair.two.failure, Some(Failure::denied(status)));
            pair.run(usize::MAX);
            assert_eq!(pair.one.failure, told.then_some(Failure::denied(status)));
        }
    }

    #[test]
    fn without_a_handler_the_domain_counts_only_if_enforced() {
        for enforce in [false, true] {
            let mut own = guarded();
            own.zap.enforce = enforce;
            let mut pair = Pair::new(config(Dealer), own);
            pair.run(usize::MAX);
            let result = pair.two.engine.zap_unavailable(pair.now);
            assert_eq!(result.is_err(), enforce);
            assert_eq!(pair.two.engine.is_established(), !enforce);
        }
    }

    #[test]
    fn malformed_replies_fail_with_the_numbers_of_libzmq() {
        use error_code::*;
        let good: [&[u8]; 7] = [b"", b"1.0", b"1", b"200", b"", b"", b""];
        let table: &[(usize, &[u8], u32)] = &[
            (0, b"x", ZAP_UNSPECIFIED),
            (1, b"2.0", ZAP_BAD_VERSION),
            (2, b"2", ZAP_BAD_REQUEST_ID),
            (3, b"100", ZAP_INVALID_STATUS_CODE),
            (3, b"201", ZAP_INVALID_STATUS_CODE),
            (3, b"2000", ZAP_INVALID_STATUS_CODE),
            (6, b"\x01", ZAP_INVALID_METADATA),
        ];
        for (frame, value, code) in table {
            let mut pair = Pair::new(config(Dealer), guarded());
            pair.run(usize::MAX);
            let mut reply = good;
            reply[*frame] = value;
            let result = pair.two.engine.handle_zap_reply(pair.now, &reply);
            assert_eq!(result, Err(Failure::handshake(*code)));
        }
        let mut pair = Pair::new(config(Dealer), guarded());
        pair.run(usize::MAX);
        let result = pair.two.engine.handle_zap_reply(pair.now, &good[..6]);
        assert_eq!(result, Err(Failure::handshake(ZAP_MALFORMED_REPLY)));
    }
}
