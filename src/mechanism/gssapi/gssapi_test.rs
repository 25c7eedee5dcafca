//! GSSAPI against a key distribution centre, where `ctests/gssapi/realm cargo test` has set one up: it
//! exports `KRB5_KTNAME` and `KRB5_CLIENT_KTNAME`. `make check-gssapi` does that. Without it only
//! malformed commands.

use crate::error::Error;
use crate::mechanism::gssapi::message::Messages;
use crate::mechanism::gssapi::server::Server;
use crate::mechanism::gssapi::{exact, initiate, token};
use crate::mechanism::{Mechanism, Transform};
use crate::patterns::SocketType::{Dealer, Router};
use crate::sys::gssapi::{Context, Credential, Name, NameType, is_available};
use crate::zmtp::testing::{Pair, config};
use crate::zmtp::{EngineConfig, Failure, GssapiConfig, MechanismConfig, error_code};

fn side(as_server: bool, plaintext: bool) -> EngineConfig {
    let mut config = config(if as_server { Router } else { Dealer });
    config.mechanism = MechanismConfig::Gssapi(Box::new(GssapiConfig {
        as_server,
        principal: b"zmqtest2".to_vec(),
        principal_type: 0,
        service_principal: b"zmqtest2".to_vec(),
        service_principal_type: 0,
        plaintext,
    }));
    config
}

fn has_realm() -> bool {
    std::env::var_os("KRB5_KTNAME").is_some() && std::env::var_os("KRB5_CLIENT_KTNAME").is_some()
}

#[test]
fn tokens_have_their_length_and_nothing_else() {
    use error_code::*;
    assert_eq!(token(&initiate(b"abc")), Ok(&b"abc"[..]));
    assert_eq!(token(&initiate(b"")), Ok(&b""[..]));
    let table: &[(&[u8], u32)] = &[
        (b"", ZMTP_MALFORMED_COMMAND_UNSPECIFIED),
        (b"\x05READY", ZMTP_UNEXPECTED_COMMAND),
        (b"\x08INITIATE", ZMTP_MALFORMED_COMMAND_INITIATE),
        (b"\x08INITIATE\0\0\0", ZMTP_MALFORMED_COMMAND_INITIATE),
        (b"\x08INITIATE\0\0\0\x02a", ZMTP_MALFORMED_COMMAND_INITIATE),
        (b"\x08INITIATE\0\0\0\x02abc", ZMTP_MALFORMED_COMMAND_INITIATE),
        (b"\x08INITIATE\xff\xff\xff\xffabc", ZMTP_MALFORMED_COMMAND_INITIATE),
    ];
    for (command, code) in table {
        assert_eq!(token(command), Err(Failure::handshake(*code)), "{command:?}");
    }
    assert_eq!(exact(b"\0\0\0\0"), Some(&b""[..]));
}

#[test]
fn what_is_no_end_of_the_exchange_ends_the_connection() {
    if !is_available() {
        return;
    }
    for (command, good) in
        [(&b""[..], true), (b"\x08INITIATE", true), (b"\x05READY", false), (b"\x05HELLO", false)]
    {
        let client = Name::import(b"somebody@TEST", NameType::Krb5Principal).unwrap();
        let mut server = Server::expecting_end(&config(Router), client);
        let unexpected = Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND);
        let expected = if good { Ok(()) } else { Err(unexpected) };
        assert_eq!(server.process(command), expected, "{command:?}");
        assert_eq!(server.zap_request().is_some(), good);
    }
}

#[test]
fn a_frame_that_is_too_large_is_refused_by_its_header() {
    if !is_available() {
        return;
    }
    let mut messages = Messages::new(Context::new().unwrap());
    for (len, refused) in [(266, false), (267, true)] {
        let header = [&[2][..], &u64::to_be_bytes(len)].concat();
        let opened = messages.open(&header, 266, &mut [0; 10]);
        assert_eq!(opened.failure, refused.then_some(Failure::too_large()));
        assert_eq!((opened.taken, opened.given), (0, 0));
    }
}

#[test]
fn a_wrapping_around_nothing_is_malformed() {
    if !has_realm() {
        return;
    }
    let name = Name::import(b"zmqtest2", NameType::Hostbased).unwrap();
    let credential = Credential::acquire(&name).unwrap();
    let (mut client, mut server) = (Context::new().unwrap(), Context::new().unwrap());
    let mut token = Vec::new();
    loop {
        let ours = client.initiate(Some(&credential), &name, &token).unwrap();
        if ours.complete && ours.token.is_empty() {
            break;
        }
        token = server.accept(Some(&credential), &ours.token).unwrap().0.token;
        if ours.complete {
            break;
        }
    }
    let mut messages = Messages::new(server);
    let malformed = Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_MESSAGE);
    // The last two are what libzmq after 4.3.5 makes of a subscription and its end.
    for (plain, expected) in [
        (&b""[..], Err(malformed)),
        (b"\0", Ok((0, vec![]))),
        (b"\x03x", Ok((5, b"x".to_vec()))),
        (b"\x02\x09SUBSCRIBEx", Ok((4, b"\x09SUBSCRIBEx".to_vec()))),
        (b"\x04topic", Ok((4, b"\x09SUBSCRIBEtopic".to_vec()))),
        (b"\x08", Ok((4, b"\x06CANCEL".to_vec()))),
    ] {
        let token = client.wrap(plain).unwrap();
        let len = (token.len() as u32).to_be_bytes();
        let message = [b"\x07MESSAGE", &len[..], &token].concat();
        let wire = [&[0, message.len() as u8], &message[..]].concat();
        let mut room = [0; 512];
        let opened = messages.open(&wire, u64::MAX, &mut room);
        let found = match opened.failure {
            Some(failure) => Err(failure),
            None => Ok((room[0], room[2..opened.given].to_vec())),
        };
        assert_eq!(found, expected, "{plain:?}");
    }
}

#[test]
fn a_client_with_a_ticket_gets_in() {
    if !has_realm() {
        return;
    }
    for plaintext in [false, true] {
        let mut pair = Pair::new(side(false, plaintext), side(true, plaintext));
        pair.run(100);
        assert_eq!((pair.one.failure, pair.two.failure), (None, None));
        let request = pair.two.zap.clone().expect("a ZAP request");
        assert_eq!(request[6], b"GSSAPI");
        assert!(request[7].starts_with(b"zmqtest2/"), "{:?}", request[7]);
        pair.two.answer_zap(pair.now, "200", "tom");
        pair.run(100);
        assert_eq!(pair.one.property("Socket-Type"), Some("ROUTER"));
        assert_eq!(pair.two.property("Socket-Type"), Some("DEALER"));
        assert_eq!(pair.two.property("User-Id"), Some("tom"));
        assert_eq!(pair.two.engine.inbound_raw(), plaintext);
        if plaintext {
            continue;
        }
        let frames = [(1, b"secret".to_vec()), (0, vec![7; 100_000]), (4, b"\x04JOINx".to_vec())];
        let mut wire = Vec::new();
        for (flags, body) in &frames {
            pair.one.engine.encode(*flags, body, &mut wire).unwrap();
        }
        assert!(!wire.windows(6).any(|window| window == b"secret"));
        pair.two.inbox = wire.clone();
        assert_eq!(pair.two.frames(pair.now).unwrap(), frames);
        pair.two.inbox = wire;
        let replayed = pair.two.frames(pair.now);
        assert_eq!(replayed, Err(Failure::handshake(error_code::ZMTP_CRYPTOGRAPHIC)));
    }
}

#[test]
fn a_client_without_a_ticket_may_have_one_later() {
    if !has_realm() {
        return;
    }
    for (principal, service) in [(&b"nobody"[..], &b"zmqtest2"[..]), (b"zmqtest2", b"nothing")] {
        let mut own = side(false, false);
        if let MechanismConfig::Gssapi(gssapi) = &mut own.mechanism {
            gssapi.principal = principal.to_vec();
            gssapi.service_principal = service.to_vec();
        }
        let mut pair = Pair::new(own, side(true, false));
        pair.run(usize::MAX);
        let failure = pair.one.failure.unwrap();
        assert_eq!(failure, Failure::no_detail(Error::ACCES));
        assert!(failure.may_reconnect());
    }
}

#[test]
fn a_denied_client_stays_outside() {
    if !has_realm() {
        return;
    }
    for (status, told) in [(300, false), (400, true), (500, true)] {
        let mut pair = Pair::new(side(false, false), side(true, false));
        pair.run(usize::MAX);
        pair.two.answer_zap(pair.now, &status.to_string(), "");
        assert_eq!(pair.two.failure, Some(Failure::denied(status)));
        pair.run(usize::MAX);
        assert_eq!(pair.one.failure, told.then_some(Failure::denied(status)));
    }
}

#[test]
fn forged_and_impatient_clients_are_refused() {
    if !has_realm() {
        return;
    }
    let crypto = Failure::handshake(error_code::ZMTP_CRYPTOGRAPHIC);
    let unexpected = Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND);
    for (command, expected) in
        [(initiate(b"no token at all"), crypto), (b"\x05READY".to_vec(), unexpected)]
    {
        let mut pair = Pair::new(side(false, false), side(true, false));
        // The client's greeting is 64 bytes; what follows is ours.
        let mut left = 64;
        while left > 0 {
            let mut from_one = pair.one.sent();
            from_one.truncate(left);
            left -= from_one.len();
            pair.two.feed(pair.now, &from_one, usize::MAX);
            let from_two = pair.two.sent();
            pair.one.feed(pair.now, &from_two, usize::MAX);
        }
        let mut frame = Vec::new();
        crate::zmtp::frame::put_frame(4, &command, &mut frame);
        pair.two.feed(pair.now, &frame, 1);
        assert_eq!(pair.two.failure, Some(expected), "{command:?}");
    }
}
