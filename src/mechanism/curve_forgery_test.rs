//! CURVE: everything a forger may try, in the handshake and after it.

use std::time::Instant;

use super::curve_test::{body, client, code, established, server};
use crate::patterns::SocketType::Dealer;
use crate::zmtp::testing::{Pair, Side, config};
use crate::zmtp::{Failure, MechanismConfig, error_code};

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
fn what_comes_before_a_forged_message_is_good() {
    for (count, forged, size) in
        [(2, 1, 10), (10, 9, 10), (10, 4, 10), (40, 18, 10), (4, 0, 10), (6, 5, 5000)]
    {
        // With something behind the forged one that is wrong as well, but comes later.
        for replays in [false, true] {
            let mut pair = established();
            let mut wire = vec![Vec::new(); count];
            for (index, frame) in wire.iter_mut().enumerate() {
                pair.one.engine.encode(0, &vec![index as u8; size], frame).unwrap();
            }
            *wire[forged].last_mut().unwrap() ^= 1;
            if replays {
                wire.push(wire[0].clone());
            }
            pair.two.inbox = wire.concat();
            let failure = pair.two.unwrap(pair.now);
            assert_eq!(failure, Some(Failure::handshake(error_code::ZMTP_CRYPTOGRAPHIC)));
            let mut good = Vec::new();
            for index in 0..forged {
                crate::zmtp::frame::put_frame(0, &vec![index as u8; size], &mut good);
            }
            assert_eq!(pair.two.canonical, good, "{forged} of {count}");
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
