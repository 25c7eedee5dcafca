//! Whole streams on the loopback interface, as a session sees them.

use std::io::{ErrorKind, IoSliceMut, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::*;
use crate::transport::find;
use crate::transport::testing::{accept, connect, listen, options};

/// A greeting of which the layer must not care.
const OURS: [u8; 64] = [0xaa; 64];

fn theirs(mechanism: &str, as_server: u8) -> Vec<u8> {
    let mut greeting = vec![0; 64];
    (greeting[0], greeting[8], greeting[9], greeting[10]) = (0xff, 1, 0x7f, 3);
    greeting[12..12 + mechanism.len()].copy_from_slice(mechanism.as_bytes());
    greeting[32] = as_server;
    greeting
}

/// Reads until so much is there, letting the other side go on meanwhile.
fn read_exactly(stream: &Stream, other: &Stream, count: usize) -> Vec<u8> {
    let start = Instant::now();
    let mut all = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    while all.len() < count {
        assert!(start.elapsed() < Duration::from_secs(10), "{} of {count}", all.len());
        match stream.read(&mut buffer) {
            Ok(0) => panic!("closed"),
            Ok(read) => all.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => match other.read(&mut []) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => assert_eq!(other.unwrap(), 0),
            },
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(all.len(), count);
    all
}

/// Something comes that is nothing for who reads.
fn hears(stream: &Stream) {
    let start = Instant::now();
    loop {
        let nothing = stream.read(&mut [0; 100]).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        if stream.heard() {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

fn meet(options: &SocketOptions, path: &str) -> (Stream, Stream) {
    let listener = listen(&format!("ws://127.0.0.1:*{path}"), options).unwrap();
    let client = connect(&listener.endpoint(), options).unwrap();
    let server = accept(&*listener, options);
    assert!(!client.is_direct() && !client.holds());
    for stream in [&client, &server] {
        assert_eq!(stream.write(&OURS[..10]).unwrap(), 10);
    }
    let greeting = theirs(Security::new(options).name(), u8::from(!options.as_server));
    assert_eq!(read_exactly(&server, &client, 64), greeting);
    assert_eq!(read_exactly(&client, &server, 64), greeting);
    for stream in [&client, &server] {
        assert_eq!(stream.write(&OURS[10..]).unwrap(), 54);
    }
    (client, server)
}

#[test]
fn frames_cross() {
    for (mechanism, as_server) in [(MechanismKind::Null, false), (MechanismKind::Curve, true)] {
        let options = SocketOptions { mechanism, as_server, ..options() };
        let (client, server) = meet(&options, "/a/b:c");
        for (from, to) in [(&client, &server), (&server, &client)] {
            let frame = b"\x04\x06\x05READY\x01\x02hi\x00\x00";
            assert_eq!(from.write(frame).unwrap(), frame.len());
            assert_eq!(read_exactly(to, from, frame.len()), frame);
        }
    }
}

/// A session reads a large body to where it belongs and what follows beside it, and takes a read
/// with room to spare for the end of what there is.
#[test]
fn what_follows_a_large_body_is_not_left_behind() {
    let (client, server) = meet(&options(), "");
    let body = vec![7; 5_000];
    let small = b"\x00\x02hi\x01\x03abc";
    let frames = [&b"\x02\0\0\0\0\0\0\x13\x88"[..], &body, small].concat();
    assert_eq!(client.write(&frames).unwrap(), frames.len());
    assert_eq!(client.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut header = [0; 9];
    let start = Instant::now();
    while server.read(&mut header).is_err() {
        assert!(start.elapsed() < Duration::from_secs(10));
    }
    std::thread::sleep(Duration::from_millis(50));
    let (mut large, mut rest) = (vec![0; body.len()], [0; 512]);
    let mut pieces = [IoSliceMut::new(&mut large), IoSliceMut::new(&mut rest)];
    assert_eq!(server.read_vectored(&mut pieces).unwrap(), body.len() + small.len());
    assert_eq!((large, &rest[..small.len()]), (body, &small[..]));
}

#[test]
fn endpoints_have_paths() {
    let options = options();
    for (address, path) in [("*:*", "/"), ("127.0.0.1:*/x", "/x"), ("127.0.0.1:*/x/y", "/x/y")] {
        let endpoint = listen(&format!("ws://{address}"), &options).unwrap().endpoint();
        assert!(endpoint.starts_with("ws://") && endpoint.ends_with(path), "{endpoint}");
        assert!(!endpoint.contains('*'), "{endpoint}");
    }
    let ws = find("ws").unwrap();
    assert_eq!(ws.connect_endpoint("ws://a:1", "a:1"), "ws://a:1/");
    assert_eq!(ws.connect_endpoint("ws://a:1/b/c", "a:1/b/c"), "ws://a:1/b/c");
    for (address, good) in [
        ("a:1", true),
        ("[::1]:5/x", false),
        ("a", false),
        ("a/b:5", false),
        ("a:*", false),
        ("*:5", false),
        ("*:5/x", false),
        (":5", false),
        (":5/x", false),
        ("127.0.0.1:0;:5", false),
    ] {
        assert_eq!(ws.check_connect(address, &options).is_ok(), good, "{address}");
    }
}

/// More than the kernel takes, in writes and reads of odd sizes, with pings in between.
#[test]
fn nothing_is_lost_when_the_stream_is_full() {
    let options = SocketOptions { sndbuf: 4096, rcvbuf: 4096, ..options() };
    let (client, server) = meet(&options, "");
    let ping = b"\x04\x07\x04PING\x00\x00";
    let mut stream = Vec::new();
    let mut expected = Vec::new();
    for size in (0..400).chain([5_000, 100_000, 1_000_000, 3]) {
        let start = expected.len();
        match u8::try_from(size) {
            Ok(short) => expected.extend([1, short]),
            Err(_) => {
                expected.push(2);
                expected.extend((size as u64).to_be_bytes());
            }
        }
        expected.extend((0..size).map(|index: usize| (index * 7 + size) as u8));
        stream.extend_from_slice(&expected[start..]);
        if size % 50 == 0 {
            stream.extend_from_slice(ping);
        }
    }
    let (mut sent, mut received) = (0, Vec::new());
    let (mut sizes, mut blocked) = ([1, 2, 7, 100, 4_000, 300_000].into_iter().cycle(), 0);
    let mut buffer = vec![0; 70_001];
    let start = Instant::now();
    while received.len() < expected.len() {
        assert!(start.elapsed() < Duration::from_secs(30));
        let mut full = false;
        while sent < stream.len() && !full {
            let end = stream.len().min(sent + sizes.next().unwrap_or(1));
            match client.write(&stream[sent..end]) {
                Ok(count) => sent += count,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    (full, blocked) = (true, blocked + 1);
                }
            }
        }
        let room = sizes.next().unwrap_or(1).min(buffer.len());
        match server.read(&mut buffer[..room]) {
            Ok(count) => received.extend_from_slice(&buffer[..count]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    assert!(blocked > 10, "{blocked}");
    assert!(received == expected);
    // The answers to all those pings say that the peer is alive.
    hears(&client);
}

/// A browser's side of it, by hand.
fn raw_client(options: &SocketOptions, request: &str) -> (TcpStream, Stream) {
    let listener = listen("ws://127.0.0.1:*", options).unwrap();
    let endpoint = listener.endpoint();
    let address = endpoint.strip_prefix("ws://").unwrap().strip_suffix('/').unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(request.as_bytes()).unwrap();
    (client, accept(&*listener, options))
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: ZWS2.0\r\n\r\n";

#[test]
fn bare_protocol_and_good_bye() {
    let (mut client, server) = raw_client(&options(), REQUEST);
    client.write_all(&[0x82, 0x83, 0, 0, 0, 0, 0, b'i', b'd']).unwrap();
    client.write_all(&[0x88, 0x82, 1, 1, 1, 1, 3 ^ 1, 0xe8 ^ 1]).unwrap();
    assert_eq!(server.write(&OURS[..10]).unwrap(), 10);
    let mut all = Vec::new();
    let mut buffer = [0; 64];
    loop {
        match server.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => all.extend_from_slice(&buffer[..count]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    assert_eq!(all, b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x00\x00\x02id");
    assert_eq!(server.write(&[&OURS[..2], &[0, 0]].concat()).unwrap(), 4);
    drop(server);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    assert_eq!(answer[end + 4..], *b"\x88\x02\x03\xe8\x82\x01\x00");
}

#[test]
fn strangers_are_turned_away() {
    let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(upgrade_max()));
    for request in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "nonsense\r\n\r\n", &long] {
        let (mut client, server) = raw_client(&options(), request);
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < Duration::from_secs(5));
            match server.read(&mut [0; 64]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => {
                    assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidData);
                    break;
                }
            }
        }
        drop(server);
        let mut answer = Vec::new();
        // The rest of a long request makes the kernel reset the connection.
        if client.read_to_end(&mut answer).is_ok() && request.len() < 100 {
            assert!(answer.starts_with(b"HTTP/1.1 400 "));
        }
    }
}

fn upgrade_max() -> usize {
    super::upgrade::HEAD_MAX
}

#[test]
fn server_that_is_none() {
    for (source, answer, kind) in [
        ("", "HTTP/1.1 404 Not Found\r\n\r\n", ErrorKind::InvalidData),
        ("", "HTTP/1.1 502 Bad Gateway\r\n\r\n", ErrorKind::ConnectionRefused),
        ("127.0.0.1:0;", "\u{7f}\0\r\n", ErrorKind::InvalidData),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = connect(&format!("ws://{source}{address}/x"), &options()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        assert_eq!(client.write(&OURS[..10]).unwrap(), 10);
        let mut request = [0; 1024];
        let count = peer.read(&mut request).unwrap();
        let request = str::from_utf8(&request[..count]).unwrap();
        assert!(request.starts_with(&format!("GET /x HTTP/1.1\r\nHost: {address}\r\n")));
        assert!(request.contains("\r\nSec-WebSocket-Protocol: ZWS2.0/NULL,ZWS2.0\r\n"));
        peer.write_all(answer.as_bytes()).unwrap();
        let start = Instant::now();
        let error = loop {
            assert!(start.elapsed() < Duration::from_secs(5));
            match client.read(&mut [0; 64]).unwrap_err() {
                error if error.kind() == ErrorKind::WouldBlock => {}
                error => break error,
            }
        };
        assert_eq!((error.kind(), error.raw_os_error()), (kind, None), "{answer}");
    }
}

/// Nobody is kept by what is nothing for him, however fast it comes: pings, and pieces of a message without a
/// content.
#[test]
fn a_read_ends_although_more_comes() {
    for nothing in [[0x89, 0x80, 0, 0, 0, 0], [0x00, 0x80, 0, 0, 0, 0]] {
        let (mut client, server) = raw_client(&options(), REQUEST);
        let mut buffer = [0; 4096];
        let begun = [0x02, 0x81, 0, 0, 0, 0, 1];
        let message = if nothing[0] == 0 { &begun[..] } else { &[] };
        client.write_all(message).unwrap();
        assert_eq!(server.read(&mut buffer).unwrap(), 12);
        client.set_nonblocking(true).unwrap();
        let much = nothing.repeat(100_000);
        let mut sent = 0;
        while let Ok(count) = client.write(&much[sent..]) {
            sent = (sent + count) % much.len();
        }
        let (mut early, start) = (0, Instant::now());
        while early < 3 {
            assert!(start.elapsed() < Duration::from_secs(20));
            let error = server.read(&mut buffer).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            early += u32::from(server.left_early());
        }
        // With the rest of the last one, and what ends it: all of it is read at last.
        client.set_nonblocking(false).unwrap();
        let writer = std::thread::spawn(move || {
            let rest = &much[sent..][..(6 - sent % 6) % 6];
            let end: &[u8] = if nothing[0] == 0 {
                &[0x80, 0x82, 0, 0, 0, 0, 7, 8]
            } else {
                &[0x82, 0x83, 0, 0, 0, 0, 1, 7, 8]
            };
            client.write_all(&[rest, end].concat()).unwrap();
            client
        });
        let read = loop {
            assert!(start.elapsed() < Duration::from_secs(20));
            match server.read(&mut buffer) {
                Ok(count) => break buffer[..count].to_vec(),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        };
        assert_eq!(read, [1, 2, 7, 8]);
        assert!(!server.left_early());
        drop(writer.join().unwrap());
    }
}

/// Before the handshake is over a message in fragments is no larger than a frame may be; but who says all that is
/// wanted of it, and a large message right behind it, is not taken for a stranger.
#[test]
fn strangers_have_nothing_large_collected() {
    for known in [false, true] {
        let (mut client, mut server) = raw_client(&options(), REQUEST);
        let piece = |first| [&[first, 0xfe, 0x40, 0, 0, 0, 0, 0][..], &[0; 0x4000]].concat();
        let name = vec![0x82, 0x81, 0, 0, 0, 0, 0];
        let message = [piece(2), piece(0).repeat(62), piece(0x80)].concat();
        let writer = std::thread::spawn(move || {
            let _ = client.write_all(&[name, message].concat());
            client
        });
        let mut buffer = vec![0; 100_000];
        let (mut count, start) = (0, Instant::now());
        let end = loop {
            assert!(start.elapsed() < Duration::from_secs(20));
            match server.read(&mut buffer) {
                Ok(read) => count += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => break Some(error.kind()),
            }
            if known && count == 14 {
                server.settle();
            }
            if count == 14 + 9 + (1 << 20) - 1 {
                break None;
            }
        };
        let told = if known { None } else { Some(ErrorKind::InvalidData) };
        assert_eq!(end, told);
        assert!(known || count == 14);
        drop(server);
        drop(writer.join().unwrap());
    }
}

/// Nothing of them reaches who reads the stream, whatever mechanism it is for.
#[test]
fn a_ping_and_its_answer_are_signs_of_life() {
    for (mechanism, as_server) in [(MechanismKind::Null, false), (MechanismKind::Curve, true)] {
        let options = SocketOptions { mechanism, as_server, ..options() };
        let (client, server) = meet(&options, "");
        for (from, to) in [(&client, &server), (&server, &client)] {
            assert_eq!(from.write(b"\x04\x07\x04PING\x00\x00").unwrap(), 9);
            for (stream, pinged) in [(to, true), (from, false)] {
                hears(stream);
                assert_eq!(stream.pinged(), pinged);
                assert!(!stream.pinged(), "it is said once");
                assert_eq!(stream.read(&mut [0; 100]).unwrap_err().kind(), ErrorKind::WouldBlock);
                assert!(!stream.heard());
            }
        }
    }
}
