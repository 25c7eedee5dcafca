//! Certificates that clients trust or do not. The files in `testdata` were made with
//! `openssl req -x509 -newkey ec ...`: `self` is its own authority and has a common name only,
//! `leaf` is signed by `ca` and has alternative names.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::*;
use crate::transport::testing::{accept, connect, listen, options};
use crate::transport::{Stream, find};

const SELF: (&str, &str) =
    (include_str!("testdata/self.pem"), include_str!("testdata/self_key.pem"));
const LEAF: (&str, &str) =
    (include_str!("testdata/leaf.pem"), include_str!("testdata/leaf_key.pem"));
const CA: &str = include_str!("testdata/ca.pem");

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
    for stream in [&dialed, &accepted] {
        assert_eq!(stream.write(&[0xff; 10]).unwrap(), 10);
    }
    exchange([&dialed, &accepted], 64).map_err(drop)?;
    for stream in [&dialed, &accepted] {
        assert_eq!(stream.write(&[0; 54]).unwrap(), 54);
    }
    Ok((dialed, accepted))
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
        ("common name beside others", server(LEAF), client(CA, "other.test"), false),
        ("signed by another", server(LEAF), client(SELF.0, "leaf.test"), false),
    ] {
        assert_eq!(meet(&server_options, &client_options).is_ok(), good, "{name}");
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

#[test]
fn options_that_do_not_work() {
    let wss = find("wss").unwrap();
    for options in [
        options(),
        server(("", SELF.1)),
        server((SELF.0, "")),
        server((SELF.0, LEAF.1)),
        server(("nonsense", "nonsense")),
    ] {
        assert_eq!(wss.listen("127.0.0.1:*", &options).err(), Some(Error::INVAL));
    }
    let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    for options in [client(broken, ""), client(CA, "not a name"), client(CA, "\u{fc}")] {
        assert_eq!(wss.check_connect("127.0.0.1:5", &options), Err(Error::INVAL));
    }
}

#[test]
fn common_names() {
    let certificate = |pem: &str| certificates(pem.as_bytes()).unwrap().remove(0);
    assert_eq!(common_name(&certificate(SELF.0)), Some(&b"self.test"[..]));
    assert_eq!(common_name(&certificate(LEAF.0)), Some(&b"other.test"[..]));
    let der = certificate(SELF.0);
    for end in 0..der.len() {
        assert_eq!(common_name(&der[..end]), None);
    }
}
