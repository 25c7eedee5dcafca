//! Certificates that clients trust or do not. The files in `testdata` were made with
//! `openssl req -x509 -newkey ec ...`: `self` is its own authority and has a common name only,
//! `leaf` is signed by `ca` and has alternative names. `old_leaf` is signed by `old_ca`, and so are those of
//! version 1 (`openssl ca` without extensions) but for `v1_self`; the other authorities have the same name
//! and key. All of these are valid from 2000 or 2010 to 2090, or as their names say.
//!
//! Those in `testdata/signed` were made with Python's `cryptography` and are valid from 2010 to 2090; all have
//! the key of `old_leaf`. Each `ca` has the name `Some authority`, which signs itself: `ca` without limits,
//! `ca_names` for the name `good.test` alone, `ca_length_0` and `_1` with so many between itself and a server,
//! `ca_critical` with an extension nobody knows, `ca_silent` without extensions, and so `ca_silent_other`,
//! which another authority signed. It signed the others, all for `host.test`: `host` by its common name alone,
//! and likewise `agrees` and `signs` with a key usage, those that are `for` a purpose, and `two_names`, which
//! is `other.test` as well; `good` has the alternative name `good.test`. A `chain` has one other or (`_3`) two
//! others between, for alternative names; in `chain_names` and `chain_good` that one signs for `good.test`
//! alone, and the server has just the common name or that alternative one.

use std::io::{ErrorKind, IoSlice};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::super::{Security, Side, layered};
use super::*;
use crate::transport::testing::{accept, connect, listen, options};
use crate::transport::{Stream, find};

const SELF: (&str, &str) =
    (include_str!("testdata/self.pem"), include_str!("testdata/self_key.pem"));
const LEAF: (&str, &str) =
    (include_str!("testdata/leaf.pem"), include_str!("testdata/leaf_key.pem"));
const CA: &str = include_str!("testdata/ca.pem");

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("testdata/", $name, ".pem"))
    };
}

const OLD_CA: &str = file!("old_ca");
const OLD_KEY: &str = file!("old_key");
const V1: (&str, &str) = (file!("v1"), OLD_KEY);
const V1_SELF: (&str, &str) = (file!("v1_self"), OLD_KEY);
const OLD_LEAF: (&str, &str) = (file!("old_leaf"), OLD_KEY);
const EXPIRED: (&str, &str) = (file!("expired"), file!("expired_key"));
const FUTURE: (&str, &str) = (file!("future"), file!("expired_key"));

fn server((certificate, key): (&str, &str)) -> SocketOptions {
    SocketOptions { wss_cert_pem: certificate.into(), wss_key_pem: key.into(), ..options() }
}

fn client(trust: &str, hostname: &str) -> SocketOptions {
    SocketOptions { wss_trust_pem: trust.into(), wss_hostname: hostname.into(), ..options() }
}

/// Reads what both sides have until they are done or fail; how much came.
fn exchange(streams: [&Stream; 2], count: usize) -> Result<[usize; 2], std::io::Error> {
    let mut received = [0; 2];
    let mut buffer = vec![0; 4096];
    let start = Instant::now();
    while received != [count; 2] {
        assert!(start.elapsed() < Duration::from_secs(20), "{received:?}");
        for (stream, received) in streams.iter().zip(&mut received) {
            match stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => *received += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(received)
}

fn meet(server: &SocketOptions, client: &SocketOptions) -> Result<(Stream, Stream), ()> {
    let listener = listen("wss://127.0.0.1:*/x", server).unwrap();
    let dialed = connect(&listener.endpoint(), client).unwrap();
    let accepted = accept(&*listener, server);
    greet([&dialed, &accepted])?;
    Ok((dialed, accepted))
}

fn greet(streams: [&Stream; 2]) -> Result<(), ()> {
    for stream in streams {
        assert_eq!(stream.write(&[0xff; 10]).unwrap(), 10);
    }
    exchange(streams, 64).map_err(drop)?;
    for stream in streams {
        assert_eq!(stream.write(&[0; 54]).unwrap(), 54);
    }
    Ok(())
}

#[test]
fn the_system_trusts_what_is_in_the_first_file_that_is_there() {
    let file = |name| format!("{}/src/transport/ws/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    let (ca, own) = (file("ca.pem"), file("self.pem"));
    assert_eq!(system(&["/nowhere", &ca, &own]), certificates(CA.as_bytes()).unwrap());
    assert_eq!(system(&["/nowhere"]), []);
    // A key is no certificate.
    assert_eq!(system(&[&file("self_key.pem")]), []);
}

#[test]
fn trust() {
    for (name, server_options, client_options, good) in [
        ("itself", server(SELF), client(SELF.0, "self.test"), true),
        ("any name", server(SELF), client(SELF.0, ""), true),
        ("other name", server(SELF), client(SELF.0, "leaf.test"), false),
        ("no trust", server(SELF), client("", "self.test"), false),
        ("other trust", server(SELF), client(CA, "self.test"), false),
        ("signed", server(LEAF), client(CA, "leaf.test"), true),
        ("address", server(LEAF), client(CA, "127.0.0.1"), true),
        ("signed, any name", server(LEAF), client(CA, ""), true),
        ("signed, with the final NUL", server(LEAF), client(CA, "leaf.test\0"), true),
        ("other name, with the final NUL", server(LEAF), client(CA, "self.test\0"), false),
        ("common name beside others", server(LEAF), client(CA, "other.test"), false),
        ("signed by another", server(LEAF), client(SELF.0, "leaf.test"), false),
        ("signed, common name", server(OLD_LEAF), client(OLD_CA, "host.test"), true),
        ("signed by version 1", server(OLD_LEAF), client(file!("v1_ca"), "host.test"), true),
        ("signed by none", server(OLD_LEAF), client(file!("no_ca"), "host.test"), false),
        ("signed, once", server(OLD_LEAF), client(file!("expired_ca"), "host.test"), false),
        ("expired", server(EXPIRED), client(EXPIRED.0, "exp.test"), false),
        ("not yet", server(FUTURE), client(FUTURE.0, "exp.test"), false),
        ("v1", server(V1), client(OLD_CA, "host.test"), true),
        ("v1, any name", server(V1), client(OLD_CA, ""), true),
        ("v1, other name", server(V1), client(OLD_CA, "other.test"), false),
        ("v1, an address", server(V1), client(OLD_CA, "127.0.0.1"), false),
        ("v1 by version 1", server(V1), client(file!("v1_ca"), "host.test"), true),
        ("v1, no trust", server(V1), client("", ""), false),
        ("v1 by another", server(V1), client(CA, ""), false),
        ("v1 by none", server(V1), client(file!("no_ca"), ""), false),
        ("v1, signed once", server(V1), client(file!("expired_ca"), ""), false),
        ("v1, expired", server((file!("v1_expired"), OLD_KEY)), client(OLD_CA, ""), false),
        ("v1, not yet", server((file!("v1_future"), OLD_KEY)), client(OLD_CA, ""), false),
        ("v1, itself", server(V1_SELF), client(V1_SELF.0, "host.test"), true),
        ("v1, itself, other name", server(V1_SELF), client(V1_SELF.0, "other.test"), false),
        ("v1, itself, not trusted", server(V1_SELF), client(OLD_CA, ""), false),
    ] {
        assert_eq!(meet(&server_options, &client_options).is_ok(), good, "{name}");
    }
}

/// Each of these GnuTLS takes or refuses alike.
#[test]
fn limits_of_who_signs() {
    macro_rules! signed {
        ($name:literal) => {
            include_str!(concat!("testdata/signed/", $name, ".pem"))
        };
    }
    let ca = signed!("ca");
    let host = signed!("host");
    let for_clients = signed!("for_clients");
    for (name, own, trust, hostname, good) in [
        ("signed", host, ca, "host.test", true),
        ("signed by one that is silent", host, signed!("ca_silent"), "host.test", true),
        ("signed by a server", host, signed!("ca_silent_other"), "host.test", false),
        ("signed by a server, any name", host, signed!("ca_silent_other"), "", false),
        ("a server, any name", signed!("ca_silent_other"), signed!("ca_silent_other"), "", true),
        ("itself", host, host, "host.test", true),
        ("names, common", host, signed!("ca_names"), "host.test", false),
        ("names, common, any name", host, signed!("ca_names"), "", false),
        ("names, alternative", signed!("good"), signed!("ca_names"), "good.test", true),
        ("names, other alternative", signed!("chain"), signed!("ca_names"), "host.test", false),
        ("names between, common", signed!("chain_names"), ca, "host.test", false),
        ("names between, common, any name", signed!("chain_names"), ca, "", false),
        ("names between, alternative", signed!("chain_good"), ca, "good.test", true),
        ("one between", signed!("chain"), ca, "host.test", true),
        ("one between, none allowed", signed!("chain"), signed!("ca_length_0"), "", false),
        ("none between, none allowed", host, signed!("ca_length_0"), "host.test", true),
        ("one between, one allowed", signed!("chain"), signed!("ca_length_1"), "host.test", true),
        ("two between", signed!("chain_3"), ca, "host.test", true),
        ("two between, one allowed", signed!("chain_3"), signed!("ca_length_1"), "", false),
        ("first common name", signed!("two_names"), ca, "host.test", false),
        ("second common name", signed!("two_names"), ca, "other.test", false),
        (
            "two common names, itself",
            signed!("two_names"),
            signed!("two_names"),
            "host.test",
            false,
        ),
        ("two common names, any name", signed!("two_names"), ca, "", true),
        ("agrees on keys", signed!("agrees"), ca, "host.test", false),
        ("agrees on keys, itself", signed!("agrees"), signed!("agrees"), "", false),
        ("signs", signed!("signs"), ca, "host.test", true),
        ("critical", host, signed!("ca_critical"), "", false),
        ("for clients, itself", for_clients, for_clients, "host.test", false),
        ("for clients, itself, any name", for_clients, for_clients, "", true),
        ("for servers", signed!("for_servers"), ca, "host.test", true),
        ("for all, itself", signed!("for_any"), signed!("for_any"), "host.test", true),
    ] {
        let met = meet(&server((own, OLD_KEY)), &client(trust, hostname));
        assert_eq!(met.is_ok(), good, "{name}");
    }
    // Who allows more is asked with more.
    for trust in [[signed!("ca_length_0"), ca], [ca, signed!("ca_length_0")]] {
        let met = meet(&server((signed!("chain"), OLD_KEY)), &client(&trust.concat(), "host.test"));
        assert!(met.is_ok());
    }
}

/// TLS in memory; the server's certificate, and the key with which it signs.
fn shakes_hands(
    version: &'static rustls::SupportedProtocolVersion,
    (certificate, key): (&str, &str),
    client: &SocketOptions,
) -> Result<(), rustls::Error> {
    let provider = ring::default_provider();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let chain = certificates(certificate.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key))));
    let mut server = ServerConnection::new(Arc::new(config)).unwrap();
    let Tls::Client(config, name) = Tls::client(client).unwrap() else { panic!("no client") };
    let mut client = ClientConnection::new(config, name).unwrap();
    let mut wire = Vec::new();
    while client.is_handshaking() || server.is_handshaking() {
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut &wire[..]).unwrap();
        server.process_new_packets()?;
        wire.clear();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut &wire[..]).unwrap();
        client.process_new_packets()?;
        wire.clear();
    }
    Ok(())
}

#[test]
fn who_shows_a_certificate_has_its_key() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (own, trust) in [(OLD_LEAF.0, OLD_CA), (V1.0, OLD_CA), (V1_SELF.0, V1_SELF.0)] {
            let client = client(trust, "host.test");
            assert_eq!(shakes_hands(version, (own, OLD_KEY), &client), Ok(()));
            for other in [LEAF.1, EXPIRED.1] {
                let result = shakes_hands(version, (own, other), &client);
                let bad = matches!(result, Err(rustls::Error::InvalidCertificate(_)));
                assert!(bad, "{version:?} {result:?}");
            }
        }
    }
}

#[test]
fn much_passes() {
    let (dialed, accepted) = meet(&server(SELF), &client(SELF.0, "self.test")).unwrap();
    let body = vec![7; 3_000_000];
    let frame = [&[2][..], &(body.len() as u64).to_be_bytes(), &body].concat();
    let mut buffer = vec![0; 50_000];
    for (from, to) in [(&dialed, &accepted), (&accepted, &dialed)] {
        let (mut sent, mut received) = (0, Vec::new());
        let start = Instant::now();
        while received.len() < frame.len() {
            assert!(start.elapsed() < Duration::from_secs(60));
            if sent < frame.len() {
                match from.write(&frame[sent..]) {
                    Ok(count) => sent += count,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
            }
            match to.read(&mut buffer) {
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        assert!(received == frame);
    }
}

/// Server and client on a pair of unix sockets, with TLS or without.
fn unix_pair(encrypted: bool) -> (Stream, Stream) {
    let (left, right) = UnixStream::pair().unwrap();
    let stream = |socket: UnixStream, tls: Tls, side| {
        socket.set_nonblocking(true).unwrap();
        let stream = Stream::new(OwnedFd::from(socket).into(), "wss");
        let tls = encrypted.then_some(&tls);
        layered(stream, tls, side, Security::new(&options()), u64::MAX).unwrap()
    };
    let from = stream(left, Tls::server(&server(SELF)).unwrap(), Side::Server);
    let side = Side::Client { host: "a".into(), path: "/".into() };
    let to = stream(right, Tls::client(&client(SELF.0, "self.test")).unwrap(), side);
    greet([&from, &to]).unwrap();
    (from, to)
}

/// Whoever has to wait is told of room that comes, and not of what is there: a unix socket takes more when its
/// peer has read, and not before.
#[test]
fn nobody_waits_beside_room() {
    let (from, to) = unix_pair(true);
    let frame = [&[2, 0, 0, 0, 0, 0, 1, 0x86, 0xa0][..], &[7; 100_000]].concat().repeat(100);
    // More than TLS keeps: two bodies that are not in one piece.
    let write = |sent| {
        let (first, rest) = frame[sent..].split_at(60_000.min(frame.len() - sent));
        from.write_vectored(&[IoSlice::new(first), IoSlice::new(rest)])
    };
    let (mut sent, mut received, mut blocked) = (0, Vec::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    while received.len() < frame.len() {
        while sent < frame.len() {
            match write(sent) {
                Ok(count) => sent += count,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    blocked += 1;
                    // Nobody has read since.
                    let again = write(sent).map_err(|error| error.kind());
                    assert_eq!(again, Err(ErrorKind::WouldBlock), "{sent}, the {blocked}. time");
                    break;
                }
            }
        }
        while let Ok(count) = to.read(&mut buffer) {
            received.extend_from_slice(&buffer[..count]);
        }
    }
    assert!(received == frame && blocked > 10, "{blocked}");
}

/// A peer sends much, and a ping amidst it, and is gone while something is on its way to it.
#[test]
fn what_was_sent_before_the_end_is_read() {
    for encrypted in [false, true] {
        let (server, client) = unix_pair(encrypted);
        let frame = [&[2, 0, 0, 0, 0, 0, 1, 0x86, 0xa0][..], &[7; 100_000]].concat();
        let mut sent = 0;
        while let Ok(count) = server.write(&frame[sent..]) {
            sent = (sent + count) % frame.len();
        }
        let said = b"\x00\x02hi\x04\x07\x04PING\x00\x00\x00\x03you";
        for piece in [said, said] {
            assert_eq!(client.write(piece).unwrap(), piece.len());
        }
        drop(client);
        let mut heard = Vec::new();
        let mut buffer = [0; 64];
        while heard.len() < 18 {
            let count = server.read(&mut buffer).unwrap();
            assert!(count > 0, "{encrypted}, {} came", heard.len());
            heard.extend_from_slice(&buffer[..count]);
        }
        assert_eq!(heard, b"\x00\x02hi\x00\x03you".repeat(2));
    }
}

#[test]
fn options_that_do_not_work() {
    let wss = find("wss").unwrap();
    for options in [
        options(),
        server(("", SELF.1)),
        server((SELF.0, "")),
        server((SELF.0, LEAF.1)),
        server((V1.0, LEAF.1)),
        server(("nonsense", "nonsense")),
    ] {
        assert_eq!(wss.listen("127.0.0.1:*", &options).err(), Some(Error::INVAL));
    }
    let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    for options in [client(broken, ""), client(CA, "not a name"), client(CA, "\u{fc}")] {
        assert_eq!(wss.check_connect("127.0.0.1:5", &options), Err(Error::INVAL));
    }
    // Only a value of length 0 asks for no name. A buffer of which nobody has written the name does not.
    for nothing in ["\0", "\0leaf.test", "\0\0\0\0"] {
        let options = client(CA, nothing);
        assert_eq!(wss.check_connect("127.0.0.1:5", &options), Err(Error::INVAL), "{nothing:?}");
    }
    assert_eq!(wss.check_connect("127.0.0.1:5", &client(CA, "")), Ok(()));
}

#[test]
fn common_names() {
    let certificate = |pem: &str| certificates(pem.as_bytes()).unwrap().remove(0);
    let name = |der: &[u8]| Certificate::parse(der)?.common_name().map(<[u8]>::to_vec);
    assert_eq!(name(&certificate(SELF.0)), Some(b"self.test".to_vec()));
    assert_eq!(name(&certificate(LEAF.0)), Some(b"other.test".to_vec()));
    let der = certificate(SELF.0);
    for end in 0..der.len() {
        assert!(Certificate::parse(&der[..end]).is_none());
    }
    assert!(Certificate::parse(&[&der[..], &[0]].concat()).is_none());
    // Whatever a stranger makes of it, it is read or refused.
    for at in 0..der.len() {
        for change in [1, 2, 0x20, 0x80, 0xff] {
            let mut other = der.to_vec();
            other[at] ^= change;
            if let Some(certificate) = Certificate::parse(&other) {
                let _ = (certificate.common_name(), certificate.signs());
            }
        }
    }
}
