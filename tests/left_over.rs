//! What came together with something else, and ends later, is not forgotten. The peer is a script, so that
//! one read brings the end of the one and the beginning of the other.

mod stress;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use stress::*;
use zmq::ffi::*;

/// All that a PUSH, or a PULL, of ZMTP 3.0 without security says until it is connected.
fn handshake_of(kind: &[u8; 4]) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    (bytes[0], bytes[9], bytes[10]) = (0xff, 0x7f, 3);
    bytes[12..16].copy_from_slice(b"NULL");
    bytes.extend_from_slice(b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04");
    bytes.extend_from_slice(kind);
    bytes
}

fn handshake() -> Vec<u8> {
    handshake_of(b"PUSH")
}

/// The same over WebSocket, with masks that change nothing.
fn ws_handshake() -> Vec<u8> {
    let mut bytes = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: ZWS2.0/NULL\r\n\r\n"
        .to_vec();
    bytes.extend_from_slice(b"\x82\x9b\0\0\0\0\x02\x05READY\x0bSocket-Type\0\0\0\x04PUSH");
    bytes
}

fn frame(body: &[u8]) -> Vec<u8> {
    [&[2][..], &(body.len() as u64).to_be_bytes(), body].concat()
}

fn ws_frame(body: &[u8]) -> Vec<u8> {
    let length = body.len() as u64 + 1;
    [b"\x82\xff", &length.to_be_bytes()[..], &[0; 5], body].concat()
}

/// Sends a message whose first bytes come with the end of the handshake, and two more.
fn begin_with_the_handshake(transport: &str, size: usize, conflate: bool) {
    type Script = (fn() -> Vec<u8>, fn(&[u8]) -> Vec<u8>);
    let (handshake, frame): Script = match transport {
        "ws" => (ws_handshake, ws_frame),
        _ => (handshake, frame),
    };
    let context = Context::new();
    let pull = context.socket(ZMQ_PULL);
    pull.set(ZMQ_CONFLATE, conflate.into()).unwrap();
    pull.set(ZMQ_RCVTIMEO, 10_000).unwrap();
    let endpoint = pull.bind_any(transport);
    let address = endpoint.split("://").nth(1).unwrap().trim_end_matches('/');
    let body: Vec<u8> = (0..size).map(|at| (at / 100) as u8).collect();
    let bytes = [handshake(), frame(&body), frame(b"second"), frame(b"third")].concat();
    let (first, rest) = bytes.split_at(handshake().len() + 100);
    let mut peer = TcpStream::connect(address).unwrap();
    peer.write_all(first).unwrap();
    // Until the handshake is done.
    peer.read_exact(&mut [0; 64]).unwrap();
    thread::sleep(Duration::from_millis(50));
    peer.write_all(rest).unwrap();
    if conflate {
        while pull.recv(0).unwrap() != b"third" {}
    } else {
        // So much `recv` has room for.
        assert!(pull.recv(0).unwrap() == body[..size.min(4096)], "{transport}, {size} bytes");
        assert_eq!(pull.recv(0).unwrap(), b"second");
        assert_eq!(pull.recv(0).unwrap(), b"third");
    }
    pull.close().unwrap();
    context.term().unwrap();
}

#[test]
fn a_message_may_begin_behind_the_handshake() {
    within(60, || {
        for transport in ["tcp", "ws"] {
            for size in [200, 40_000, 100_000] {
                begin_with_the_handshake(transport, size, false);
                begin_with_the_handshake(transport, size, true);
            }
        }
    });
}

/// A connection ends amidst a message, which is lost with it; the one that waits for its room is not.
#[test]
fn room_of_a_message_that_is_lost_is_told() {
    within(60, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let context = Context::new();
        let push = context.socket(ZMQ_PUSH);
        for (option, value) in [(ZMQ_SNDHWM, 1), (ZMQ_SNDBUF, 4096), (ZMQ_SNDTIMEO, 20_000)] {
            push.set(option, value).unwrap();
        }
        push.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
        let meet = || {
            let (mut peer, _) = listener.accept().unwrap();
            let handshake = handshake_of(b"PULL");
            peer.write_all(&handshake[..64]).unwrap();
            // Its greeting, and its READY, after which it has nothing more to say.
            let mut header = [0; 66];
            peer.read_exact(&mut header).unwrap();
            peer.read_exact(&mut vec![0; header[65].into()]).unwrap();
            thread::sleep(Duration::from_millis(50));
            peer.write_all(&handshake[64..]).unwrap();
            peer
        };
        let mut first = meet();
        push.send(&[1; 20_000_000], 0).unwrap();
        first.read_exact(&mut [0; 1000]).unwrap();
        let waits = thread::spawn(move || push.send(b"second", 0).map(|_| push));
        thread::sleep(Duration::from_millis(200));
        drop(first);
        let mut second = meet();
        let push = waits.join().unwrap().unwrap();
        let mut frame = [0; 8];
        second.read_exact(&mut frame).unwrap();
        assert_eq!(&frame, b"\x00\x06second");
        push.close().unwrap();
        context.term().unwrap();
    });
}
