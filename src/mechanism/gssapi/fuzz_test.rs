//! GSSAPI with a peer that sends what it likes: commands in any order, tokens that are none, wrapped frames
//! without a context. Kerberos itself is the system's library and is not the one that is tried here; without
//! it only what comes before it. See `crate::fuzz`.

use crate::fuzz::Input;
use crate::mechanism::gssapi::client::Client;
use crate::mechanism::gssapi::message::Messages;
use crate::mechanism::gssapi::server::Server;
use crate::mechanism::gssapi::{exact, initiate, token};
use crate::mechanism::{Mechanism, Status, Transform, zap};
use crate::patterns::SocketType::{Dealer, Router};
use crate::sys::gssapi::{Context, Name, NameType, is_available};
use crate::zmtp::testing::config;
use crate::zmtp::{EngineConfig, command, frame, metadata};

const NAMES: &[&[u8]] =
    &[b"", command::INITIATE, command::READY, command::ERROR, command::MESSAGE, b"\x05HELLO"];

pub(crate) fn gssapi(data: &[u8]) {
    tokens(data);
    if !is_available() {
        return;
    }
    let mut input = Input(data);
    match input.byte() % 4 {
        0 => to_server(&mut input),
        1 => to_client(&mut input),
        2 => without_a_ticket(&mut input),
        _ => frames(&mut input),
    }
}

/// A token comes out as it went in, and out of nothing else.
fn tokens(data: &[u8]) {
    assert_eq!(token(&initiate(data)), Ok(data));
    if let Ok(found) = token(data) {
        assert_eq!(initiate(found), data);
    }
    assert_eq!(
        exact(data).is_some(),
        data.len() >= 4 && data[..4] == (data.len() as u32 - 4).to_be_bytes()
    );
}

/// Any command, mostly one that has a name.
fn any_command(input: &mut Input<'_>) -> Vec<u8> {
    [input.choose(NAMES), input.bytes()].concat()
}

/// A server that knows who the client is: nobody gets in whom the handler did not let in, or who does not
/// say what it is.
fn to_server(input: &mut Input<'_>) {
    let config = config(Router);
    let Ok(name) = Name::import(b"somebody@TEST", NameType::Krb5Principal) else { return };
    let mut server = Server::expecting_end(&config, name);
    let (mut granted, mut introduced) = (false, false);
    while !input.is_empty() && server.status() == Status::Handshaking {
        let command = any_command(input);
        let may_introduce = granted && command.starts_with(command::READY);
        if server.process(&command).is_err() {
            break;
        }
        introduced |= may_introduce;
        if let Some(request) = server.zap_request() {
            assert_eq!(request[6], b"GSSAPI");
            let status = input.choose(&[200, 300, 400, 500]);
            granted = status == 200;
            let reply = zap::Reply { status, ..zap::Reply::default() };
            if server.zap_reply(Some(reply)).is_err() {
                break;
            }
        }
        while let Ok(Some(command)) = server.next_command() {
            assert!(!command.is_empty());
        }
    }
    let ready = server.status() == Status::Ready;
    assert!(!ready || (granted && introduced));
    assert_eq!(Box::new(server).finish().is_some(), ready);
}

/// A client that has proved who it is: the server gets as far as its properties allow.
fn to_client(input: &mut Input<'_>) {
    let config = config(Dealer);
    let Ok(service) = Name::import(b"service", NameType::Hostbased) else { return };
    let mut client = Client::expecting_ready(&config, service);
    let command = any_command(input);
    let properties = command.strip_prefix(command::READY);
    let fits =
        properties.is_some_and(|properties| metadata::parse_peer(properties, Dealer).is_ok());
    assert_eq!(client.process(&command).is_ok(), fits);
    if fits {
        assert!(client.next_command().is_ok_and(|ready| ready.is_some()));
        assert_eq!(client.status(), Status::Ready);
        // Nothing more is to come.
        assert!(client.process(&any_command(input)).is_err());
    }
}

/// Tokens for a server that has asked for none yet.
fn without_a_ticket(input: &mut Input<'_>) {
    let config: EngineConfig = config(Router);
    let Ok(mut server) = Server::expecting_token(&config) else { return };
    for _ in 0..3 {
        let command = if input.flag() { initiate(input.bytes()) } else { any_command(input) };
        if server.process(&command).is_err() {
            break;
        }
        while let Ok(Some(_)) = server.next_command() {}
    }
    assert!(server.zap_request().is_none() && server.status() != Status::Ready);
}

/// Frames that nobody has wrapped: none opens.
fn frames(input: &mut Input<'_>) {
    let Ok(context) = Context::new() else { return };
    let mut messages = Messages::new(context);
    let mut wire = Vec::new();
    if input.flag() {
        let body = input.bytes();
        let length = if input.flag() { body.len() as u32 } else { u32::from(input.word()) };
        let message = [command::MESSAGE, &length.to_be_bytes(), body].concat();
        assert!(messages.unwrap(&message).is_err());
        frame::put_frame(0, &message, &mut wire);
    }
    wire.extend_from_slice(input.rest());
    let mut out = vec![0; wire.len() + 100];
    let opened = messages.open(&wire, 1 << 20, &mut out);
    assert_eq!((opened.taken, opened.given), (0, 0));
    let whole = frame::first(&wire).is_some();
    assert!(opened.failure.is_some() || !whole);
}
