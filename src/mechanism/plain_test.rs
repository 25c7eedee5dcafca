//! PLAIN: who gets in, and what a misbehaving client or server gets told.

use crate::patterns::SocketType::{Dealer, Router};
use crate::zmtp::testing::{Pair, Side, config};
use crate::zmtp::{EngineConfig, Failure, FailureKind, MechanismConfig, error_code};

fn client() -> EngineConfig {
    let mut config = config(Dealer);
    config.mechanism = MechanismConfig::PlainClient {
        username: b"tom".to_vec(),
        password: b"secret".to_vec().into(),
    };
    config
}

fn server() -> EngineConfig {
    let mut config = config(Router);
    config.mechanism = MechanismConfig::PlainServer;
    config
}

#[test]
fn a_client_with_the_right_password_gets_in() {
    for piece in [usize::MAX, 5, 1] {
        let mut pair = Pair::new(client(), server());
        pair.run(piece);
        let request = pair.two.zap.clone().unwrap();
        assert_eq!(request[6..], [&b"PLAIN"[..], b"tom", b"secret"]);
        assert!(pair.two.peer.is_none());
        pair.two.answer_zap(pair.now, "200", "tom");
        pair.run(piece);
        assert_eq!(pair.one.property("Socket-Type"), Some("ROUTER"));
        assert_eq!(pair.two.property("Socket-Type"), Some("DEALER"));
        assert_eq!(pair.two.property("User-Id"), Some("tom"));
        assert!(pair.two.engine.inbound_raw() && pair.two.engine.outbound_raw());
    }
}

#[test]
fn a_denied_client_is_told() {
    for (status, told) in [(300, false), (400, true), (500, true)] {
        let mut pair = Pair::new(client(), server());
        pair.run(usize::MAX);
        pair.two.answer_zap(pair.now, &status.to_string(), "");
        assert_eq!(pair.two.failure, Some(Failure::denied(status)));
        pair.run(usize::MAX);
        assert_eq!(pair.one.failure, told.then_some(Failure::denied(status)));
    }
}

#[test]
fn without_a_handler_nobody_gets_in() {
    let mut pair = Pair::new(client(), server());
    pair.run(usize::MAX);
    let failure = pair.two.engine.zap_unavailable(pair.now).unwrap_err();
    assert!(matches!(failure.event, FailureKind::HandshakeFailedNoDetail(_)));
}

#[test]
fn two_clients_or_two_servers_do_not_connect() {
    let mut pair = Pair::new(client(), client());
    pair.run(usize::MAX);
    let unexpected = Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND);
    assert_eq!((pair.one.failure, pair.two.failure), (Some(unexpected), Some(unexpected)));
    let mut pair = Pair::new(server(), server());
    pair.run(usize::MAX);
    assert!(pair.one.peer.is_none() && pair.two.peer.is_none());
}

fn greeting() -> Vec<u8> {
    let mut side = Side::new(client(), std::time::Instant::now());
    side.feed(std::time::Instant::now(), b"\xff\0\0\0\0\0\0\0\x01\x7f\x03", 1);
    side.sent()
}

#[test]
fn misbehaving_clients_fail_with_the_numbers_of_libzmq() {
    use error_code::*;
    let table: &[(&[u8], u32)] = &[
        (b"", ZMTP_MALFORMED_COMMAND_UNSPECIFIED),
        (b"\x05", ZMTP_MALFORMED_COMMAND_UNSPECIFIED),
        (b"\x05HELL", ZMTP_MALFORMED_COMMAND_UNSPECIFIED),
        (b"\x05READY", ZMTP_UNEXPECTED_COMMAND),
        (b"\x08INITIATE", ZMTP_UNEXPECTED_COMMAND),
        (b"\x05HELLO", ZMTP_MALFORMED_COMMAND_HELLO),
        (b"\x05HELLO\x04tom", ZMTP_MALFORMED_COMMAND_HELLO),
        (b"\x05HELLO\x03tom", ZMTP_MALFORMED_COMMAND_HELLO),
        (b"\x05HELLO\x03tom\x04pas", ZMTP_MALFORMED_COMMAND_HELLO),
        (b"\x05HELLO\x03tom\x01pas", ZMTP_MALFORMED_COMMAND_HELLO),
        (b"\x05HELLO\xff\xff", ZMTP_MALFORMED_COMMAND_HELLO),
    ];
    for (hello, code) in table {
        let now = std::time::Instant::now();
        let mut side = Side::new(server(), now);
        side.feed(now, &greeting(), usize::MAX);
        side.feed(now, &[&[4, hello.len() as u8], *hello].concat(), 1);
        assert_eq!(side.failure, Some(Failure::handshake(*code)), "{hello:?}");
    }
}

#[test]
fn an_impatient_client_is_refused() {
    let now = std::time::Instant::now();
    let mut side = Side::new(server(), now);
    side.feed(now, &greeting(), usize::MAX);
    side.feed(now, b"\x04\x08\x05HELLO\0\0\x04\x09\x08INITIATE", usize::MAX);
    assert_eq!(side.failure, Some(Failure::handshake(error_code::ZMTP_UNSPECIFIED)));
}

#[test]
fn misbehaving_servers_fail_with_the_numbers_of_libzmq() {
    use error_code::*;
    let table: &[(&[u8], FailureKind)] = &[
        (b"\x07WELCOMEx", FailureKind::HandshakeFailedProtocol(ZMTP_MALFORMED_COMMAND_WELCOME)),
        (b"\x05READY", FailureKind::HandshakeFailedProtocol(ZMTP_UNEXPECTED_COMMAND)),
        (b"\x05ERROR", FailureKind::HandshakeFailedProtocol(ZMTP_MALFORMED_COMMAND_ERROR)),
        (b"\x05ERROR\x03400", FailureKind::HandshakeFailedAuth(400)),
    ];
    for (command, expected) in table {
        let now = std::time::Instant::now();
        let mut side = Side::new(client(), now);
        side.feed(now, &greeting(), usize::MAX);
        side.feed(now, &[&[4, command.len() as u8], *command].concat(), 1);
        assert_eq!(side.failure.map(|failure| failure.event), Some(*expected), "{command:?}");
    }
}
