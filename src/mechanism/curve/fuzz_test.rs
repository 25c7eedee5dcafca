//! CURVE with a peer that has the keys and writes what it likes into the boxes. See `crate::fuzz`.

use crate::fuzz::Input;
use crate::mechanism::curve::boxes::{self, MAC};
use crate::mechanism::curve::key::KEY;
use crate::mechanism::curve::message::{Counter, Messages, Role};
use crate::mechanism::curve::{Client, Server, public_key};
use crate::mechanism::{Mechanism, Secured, Status, Transform, zap};
use crate::patterns::SocketType::{Dealer, Router};
use crate::zmtp::testing::config;
use crate::zmtp::{CurveConfig, Failure, command, frame, metadata};

pub(super) const SERVER: [u8; KEY] = [7; KEY];
pub(super) const CLIENT: [u8; KEY] = [9; KEY];
/// The other side's key for this connection.
pub(super) const SHORT: [u8; KEY] = [3; KEY];
pub(super) const NONCE: [u8; 16] = [5; 16];

pub(crate) fn keyed(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 3 {
        0 => to_server(&mut input),
        1 => to_client(&mut input),
        _ => frames(&mut input),
    }
}

/// Sometimes changes a byte; says whether it did.
fn spoil(bytes: &mut [u8], input: &mut Input<'_>) -> bool {
    let (how, at) = (input.byte(), usize::from(input.word()));
    match bytes.len() {
        0 => false,
        length if how & 1 != 0 && how > 1 => {
            bytes[at % length] ^= how & 0xfe;
            true
        }
        _ => false,
    }
}

/// A server that has said WELCOME to a client with `SHORT`: with its key for this connection, and the cookie.
pub(super) fn welcomed() -> (Server, [u8; KEY], Vec<u8>) {
    let mut server = Server::new(&config(Router), &SERVER.into()).unwrap();
    let hello_key = boxes::shared_key(&public_key(&SERVER), &SHORT).unwrap();
    let mut hello = [command::HELLO, &[1, 0], &[0; 72], &public_key(&SHORT)].concat();
    hello.extend_from_slice(&1u64.to_be_bytes());
    let nonce = boxes::short_nonce(b"CurveZMQHELLO---", 1);
    boxes::seal(&hello_key, &nonce, &[&[0; 64]], &mut hello);
    server.process(&hello).unwrap();
    let welcome = server.next_command().unwrap().unwrap();

    let welcome = welcome.strip_prefix(command::WELCOME).unwrap();
    let (nonce, boxed) = welcome.split_first_chunk().unwrap();
    let mut plain = Vec::new();
    boxes::open(&hello_key, &boxes::long_nonce(b"WELCOME-", nonce), boxed, &mut plain).unwrap();
    let (server_short, cookie) = plain.split_first_chunk::<KEY>().unwrap();
    (server, *server_short, cookie.to_vec())
}

/// A client with keys and any INITIATE. It gets in with an intact vouch, and metadata that is some.
fn to_server(input: &mut Input<'_>) {
    let (mut server, server_short, mut cookie) = welcomed();
    let mut vouch = Vec::new();
    let vouch_key = boxes::shared_key(&server_short, &CLIENT).unwrap();
    let vouch_nonce = boxes::long_nonce(b"VOUCH---", &NONCE);
    let parts: [&[u8]; 2] = [&public_key(&SHORT), &public_key(&SERVER)];
    boxes::seal(&vouch_key, &vouch_nonce, &parts, &mut vouch);
    let mut intact = !spoil(&mut cookie, input) & !spoil(&mut vouch, input);
    let mut properties = input.rest();
    let mut inside = [&public_key(&CLIENT)[..], &NONCE, &vouch, properties].concat();
    // Also boxes that are too short for all of that, or for the properties alone.
    if let [1, 255, cut] = properties {
        let before = inside.len() - properties.len();
        inside.truncate(usize::from(*cut));
        intact &= inside.len() >= before;
        properties = &properties[..inside.len().saturating_sub(before)];
    }
    let mut initiate = [command::INITIATE, &cookie, &2u64.to_be_bytes()].concat();
    let key = boxes::shared_key(&server_short, &SHORT).unwrap();
    let nonce = boxes::short_nonce(b"CurveZMQINITIATE", 2);
    boxes::seal(&key, &nonce, &[&inside], &mut initiate);

    let fits = metadata::parse_peer(properties, Router).is_ok();
    assert_eq!(server.process(&initiate).is_ok(), intact && fits);
    if intact && fits {
        let request = server.zap_request().unwrap();
        assert_eq!(request.last().unwrap(), &public_key(&CLIENT));
        server.zap_reply(Some(zap::Reply { status: 200, ..zap::Reply::default() })).unwrap();
        server.next_command().unwrap().unwrap();
        assert_eq!(server.status(), Status::Ready);
    }
}

/// A server with keys and any WELCOME and READY.
fn to_client(input: &mut Input<'_>) {
    let config = config(Dealer);
    let keys = CurveConfig {
        public_key: public_key(&CLIENT),
        secret_key: CLIENT.into(),
        server_key: public_key(&SERVER),
    };
    let mut client = Client::new(&config, &keys).unwrap();
    let hello = client.next_command().unwrap().unwrap();
    let at = command::HELLO.len() + 2 + 72;
    let client_short: [u8; KEY] = hello[at..at + KEY].try_into().unwrap();

    let mut inside = [&public_key(&SHORT)[..], &[0; 96]].concat();
    let short = input.byte();
    if short > 250 {
        inside.truncate(usize::from(short) / 2);
    }
    let mut welcome = [command::WELCOME, &NONCE].concat();
    let key = boxes::shared_key(&client_short, &SERVER).unwrap();
    boxes::seal(&key, &boxes::long_nonce(b"WELCOME-", &NONCE), &[&inside], &mut welcome);
    let intact = !spoil(&mut welcome, input) && short <= 250;
    assert_eq!(client.process(&welcome).is_ok(), intact);
    if !intact {
        return;
    }
    let initiate = client.next_command().unwrap().unwrap();
    assert!(initiate.starts_with(command::INITIATE));

    let mut ready = [command::READY, &7u64.to_be_bytes()].concat();
    let spoilt = input.byte();
    let properties = input.rest();
    let key = boxes::shared_key(&client_short, &SHORT).unwrap();
    let nonce = boxes::short_nonce(b"CurveZMQREADY---", 7);
    boxes::seal(&key, &nonce, &[properties], &mut ready);
    if let (true, Some(last)) = (spoilt == 255, ready.last_mut()) {
        *last ^= 1;
    }
    let fits = metadata::parse_peer(properties, Dealer).is_ok() && spoilt != 255;
    assert_eq!(client.process(&ready).is_ok(), fits);
    let Secured { transform, .. } = match Box::new(client).finish() {
        Some(secured) if fits => secured,
        None if !fits => return,
        _ => panic!("finished without READY"),
    };
    let mut transform = transform.unwrap();
    assert!(open(&mut *transform, properties).is_err());
}

/// Flags and body of one frame that came in a wrapping.
fn open(transform: &mut dyn Transform, wrapped: &[u8]) -> Result<(u8, Vec<u8>), Failure> {
    let mut wire = Vec::new();
    frame::put_frame(0, wrapped, &mut wire);
    let mut out = vec![0; wire.len()];
    let opened = transform.open(&wire, u64::MAX, &mut out);
    if let Some(failure) = opened.failure {
        return Err(failure);
    }
    assert_eq!((opened.taken, opened.missing), (wire.len(), 0));
    let header = frame::parse_header(&out).unwrap();
    assert_eq!(header.header_len as u64 + header.len, opened.given as u64);
    Ok((header.flags & !frame::LARGE, out[header.header_len..opened.given].to_vec()))
}

/// Frames of any content, in order and out of it.
fn frames(input: &mut Input<'_>) {
    let key = boxes::shared_key(&public_key(&SERVER), &CLIENT).unwrap();
    let side = |role| Messages::new(key.clone(), role, Counter::new(), Counter::new());
    let (mut client, mut server) = (side(Role::Client), side(Role::Server));
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut newest = None;
    for _ in 0..20 {
        let (flags, again) = (input.byte(), usize::from(input.byte()));
        let body = input.bytes().repeat(1 + usize::from(flags >> 6) * 3);
        let mut wire = Vec::new();
        client.encode(flags, &[], &body, &mut wire).unwrap();
        let header = frame::parse_header(&wire).unwrap();
        let mut wrapped = wire.split_off(header.header_len);
        assert_eq!(wrapped.len() as u64, header.len);
        if spoil(&mut wrapped, input) {
            // The counter itself may be what was changed: then later frames are old.
            assert!(open(&mut server, &wrapped).is_err());
            return;
        }
        kept.push(wrapped);
        let number = if again & 3 == 3 { again % kept.len() } else { kept.len() - 1 };
        let fresh = newest.is_none_or(|newest| number > newest);
        match open(&mut server, &kept[number]) {
            Ok((got, inside)) => {
                assert!(fresh, "a frame was taken twice");
                newest = Some(number);
                if number + 1 == kept.len() {
                    assert_eq!((got, inside), (flags & 5, body));
                }
            }
            // CVE-2014-7203: a connection ends with the first replay.
            Err(_) => {
                assert!(!fresh);
                return;
            }
        }
        if input.is_empty() {
            break;
        }
    }
    // Somebody in between.
    let forged = [command::MESSAGE, input.rest()].concat();
    assert!(forged.len() > 15 + MAC || open(&mut server, &forged).is_err());
}
