//! CURVE with peers that have keys and lie: whose they are, which connection they are for, and what was
//! said before. What forgers without keys may try is in `mechanism::curve_forgery_test`.

use crate::mechanism::curve::boxes;
use crate::mechanism::curve::fuzz_test::{CLIENT, NONCE, SERVER, SHORT, welcomed};
use crate::mechanism::curve::key::KEY;
use crate::mechanism::curve::message::{Counter, Messages, Role};
use crate::mechanism::curve::{Client, Server, public_key};
use crate::mechanism::{Mechanism, Transform, zap};
use crate::patterns::SocketType::Dealer;
use crate::zmtp::testing::config;
use crate::zmtp::{CurveConfig, Failure, command, error_code};

const OTHER: [u8; KEY] = [11; KEY];
const PROPERTIES: &[u8] = b"\x0bSocket-Type\0\0\0\x06DEALER";

/// An INITIATE with this counter of a client that calls itself `client` and has a vouch by `voucher` for the
/// connection with `vouched`; what the server says to it, and the server.
fn introduce(
    counter: u64,
    client: &[u8; KEY],
    voucher: &[u8; KEY],
    vouched: &[u8; KEY],
) -> (Result<(), Failure>, Server, [u8; KEY]) {
    let (mut server, server_short, cookie) = welcomed();
    let mut vouch = Vec::new();
    let key = boxes::shared_key(&server_short, voucher).unwrap();
    let parts: [&[u8]; 2] = [&public_key(vouched), &public_key(&SERVER)];
    boxes::seal(&key, &boxes::long_nonce(b"VOUCH---", &NONCE), &parts, &mut vouch);

    let mut initiate = [command::INITIATE, &cookie, &counter.to_be_bytes()].concat();
    let key = boxes::shared_key(&server_short, &SHORT).unwrap();
    let nonce = boxes::short_nonce(b"CurveZMQINITIATE", counter);
    let parts: [&[u8]; 4] = [&public_key(client), &NONCE, &vouch, PROPERTIES];
    boxes::seal(&key, &nonce, &parts, &mut initiate);
    (server.process(&initiate), server, server_short)
}

#[test]
fn who_has_not_the_secret_key_does_not_get_in_with_the_public_one() {
    assert_eq!(introduce(2, &CLIENT, &CLIENT, &SHORT).0, Ok(()));
    let (result, mut server, _) = introduce(2, &CLIENT, &OTHER, &SHORT);
    assert_eq!(result, Err(boxes::cryptographic()));
    assert!(server.zap_request().is_none());
}

#[test]
fn a_vouch_is_for_one_connection() {
    let (result, mut server, _) = introduce(2, &CLIENT, &CLIENT, &OTHER);
    assert_eq!(result, Err(Failure::handshake(error_code::ZMTP_KEY_EXCHANGE)));
    assert!(server.zap_request().is_none());
}

#[test]
fn frames_are_counted_on_from_the_handshake() {
    for (next, fresh) in [(1, false), (7, false), (8, true), (u64::MAX, true)] {
        let (result, mut server, server_short) = introduce(7, &CLIENT, &CLIENT, &SHORT);
        assert_eq!(result, Ok(()));
        let granted = zap::Reply { status: 200, ..zap::Reply::default() };
        server.zap_reply(Some(granted)).unwrap();
        server.next_command().unwrap().unwrap();
        let mut transform = Box::new(server).finish().unwrap().transform.unwrap();

        let key = boxes::shared_key(&server_short, &SHORT).unwrap();
        let own = Counter::used(next - 1);
        let mut client = Messages::new(key, Role::Client, own, Counter::new());
        let mut wire = Vec::new();
        client.encode(0, &[], b"hello", &mut wire).unwrap();
        let opened = transform.open(&wire, 1 << 20, &mut [0; 100]);
        let old = Failure::handshake(error_code::ZMTP_INVALID_SEQUENCE);
        assert_eq!(opened.failure, (!fresh).then_some(old), "{next}");
    }
}

#[test]
fn a_welcome_has_its_length() {
    for (len, good) in [(96, true), (95, false), (97, false), (1000, false)] {
        let keys = CurveConfig {
            public_key: public_key(&CLIENT),
            secret_key: CLIENT.into(),
            server_key: public_key(&SERVER),
        };
        let mut client = Client::new(&config(Dealer), &keys).unwrap();
        let hello = client.next_command().unwrap().unwrap();
        let at = command::HELLO.len() + 2 + 72;
        let client_short: [u8; KEY] = hello[at..at + KEY].try_into().unwrap();
        let mut welcome = [command::WELCOME, &NONCE].concat();
        let key = boxes::shared_key(&client_short, &SERVER).unwrap();
        let nonce = boxes::long_nonce(b"WELCOME-", &NONCE);
        boxes::seal(&key, &nonce, &[&public_key(&SHORT), &vec![0; len]], &mut welcome);
        let expected = if good { Ok(()) } else { Err(boxes::cryptographic()) };
        assert_eq!(client.process(&welcome), expected, "{len}");
    }
}
