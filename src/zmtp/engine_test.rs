//! The whole of an engine: handshakes with NULL, and frames that are read in place.

use std::time::Duration;

use crate::patterns::SocketType::{Dealer, Dish, Pub, Pull, Push, Radio, Router, Sub, Xpub};
use crate::zmtp::testing::{Collect, GREETING, Pair, READY, Side, config, established, side};
use crate::zmtp::{Failure, FailureKind, error_code};

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
    assert_eq!(side.engine.note_large_frame(now, 2 | 1, 256), Ok(false));
    assert_eq!(side.engine.note_large_frame(now, 2, 256), Ok(true));
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
fn a_peer_has_so_many_properties_and_no_more() {
    for (count, good) in [(255, true), (256, false), (10_000, false)] {
        let (mut side, now) = side(Router);
        let mut ready = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER".to_vec();
        for number in 0..count {
            crate::zmtp::metadata::put(format!("X{number}").as_bytes(), b"", &mut ready);
        }
        let mut bytes = GREETING.to_vec();
        crate::zmtp::frame::put_frame(4, &ready, &mut bytes);
        side.feed(now, &bytes, usize::MAX);
        assert_eq!(side.engine.is_established(), good, "{count}");
        let invalid = Failure::handshake(error_code::ZMTP_INVALID_METADATA);
        assert_eq!(side.failure, (!good).then_some(invalid));
    }
}

#[test]
fn what_came_before_a_broken_frame_counts() {
    let broken = [&b"\x04\x01\xff"[..], b"\x02\xff\xff\xff\xff\xff\xff\xff\xff"];
    for broken in broken {
        let (mut side, now) = established();
        let mut bytes = [b"\x00\x01a\x01\x01b", broken].concat();
        let scan = side.engine.scan(now, &mut bytes, usize::MAX).unwrap();
        assert_eq!((scan.messages, scan.messages_end, scan.frames_end), (1, 3, 6));
        assert!(scan.broken);
        assert!(side.engine.scan(now, &mut bytes[6..], usize::MAX).is_err());
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
fn commands_without_a_reader_are_void() {
    let ping = b"\x04\x07\x04PING\0\0";
    let wish = b"\x04\x0b\x09SUBSCRIBEx";
    let (mut side, now) = established();
    // Also in the middle of a message.
    for before in [&b""[..], b"\x01\x01a"] {
        side.engine.scan(now, &mut before.to_vec(), usize::MAX).unwrap();
        let mut bytes = [&ping[..], wish, ping].concat();
        let scan = side.engine.scan(now, &mut bytes, usize::MAX).unwrap();
        assert!(scan.is_void());
        assert_eq!((scan.frames_end, scan.commands), (bytes.len(), 0));
    }
    let mut bytes = [&ping[..], b"\x00\x01b"].concat();
    assert!(!side.engine.scan(now, &mut bytes, usize::MAX).unwrap().is_void());

    for (peer, kind) in [(Sub, Pub), (Sub, Xpub), (Dish, Radio)] {
        let mut side = Pair::established(config(peer), config(kind)).two;
        assert!(side.engine.scan(now, &mut ping.to_vec(), usize::MAX).unwrap().is_void());
        let scan = side.engine.scan(now, &mut [&ping[..], wish].concat(), usize::MAX).unwrap();
        assert!(!scan.is_void());
        assert_eq!(scan.commands, wish.len());
    }
}

/// A side whose messages may have 400 bytes, `ENOUGH` in tests, or `count` times `frame`.
fn limited(frame: i64, count: i32) -> (Side, std::time::Instant) {
    let mut own = config(Router);
    (own.maxmsgsize, own.rcvhwm) = (frame, count);
    let now = std::time::Instant::now();
    (Side::new(own, now), now)
}

#[test]
fn a_message_does_not_grow_for_ever() {
    let hello = [GREETING, READY].concat();
    let part = b"\x01\x02xy";
    for together in [1, 7, 100] {
        let (mut side, now) = limited(100, 1);
        side.feed(now, &hello, usize::MAX);
        let mut scan = |bytes: &[u8]| side.engine.scan(now, &mut bytes.to_vec(), usize::MAX);
        for _ in 0..3 {
            // A hundred of them are the most. What ends is forgotten, and heartbeats do not count.
            for _ in 0..100 / together {
                scan(&part.repeat(together)).unwrap();
                scan(b"\x04\x07\x04PING\0\0").unwrap();
            }
            assert_eq!(scan(b"\x00\x00\x01\x00").unwrap().messages, 1);
            scan(b"\x00\x00").unwrap();
        }
        scan(&part.repeat(101)).unwrap();
        assert_eq!(scan(part), Err(Failure::too_large()));
    }

    // Without one of the limits there is none; else as much as that many messages of one frame.
    for (frame, count, most) in
        [(-1, 1000, None), (2, 0, None), (200, 3, Some(150)), (2, 3, Some(100))]
    {
        let (mut side, now) = limited(frame, count);
        side.feed(now, &hello, usize::MAX);
        let mut scan = |count| side.engine.scan(now, &mut part.repeat(count), usize::MAX);
        scan(most.unwrap_or(1000)).unwrap();
        scan(1).unwrap();
        assert_eq!(scan(1).is_err(), most.is_some(), "{frame} {count}");
    }

    let (mut side, now) = limited(300, 1);
    side.feed(now, &hello, usize::MAX);
    assert_eq!(side.engine.note_large_frame(now, 2 | 1, 300), Ok(false));
    assert_eq!(side.engine.note_large_frame(now, 2, 300), Ok(true));
    assert_eq!(side.engine.note_large_frame(now, 2 | 1, 300), Ok(false));
    assert_eq!(side.engine.note_large_frame(now, 2 | 1, 300), Err(Failure::too_large()));

    // ZMTP 1.0.
    let (mut side, now) = limited(100, 1);
    side.feed(now, b"\x01\0", usize::MAX);
    let mut sink = Collect(Vec::new(), usize::MAX);
    let mut decode = |count| side.engine.decode(now, &b"\x03\x01xy".repeat(count), &mut sink);
    assert_eq!(decode(100), Ok(400));
    assert_eq!(decode(1), Err(Failure::too_large()));
}
