//! A thread that waits for messages reads its connections itself (src/runtime/link). What changes hands
//! with them is not forgotten. The peer is a script, so that several messages come by one read.

mod stress;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use stress::*;
use zmq::ffi::*;

/// A PAIR of ZMTP 3.0 without security, connected to `endpoint`.
fn pair(endpoint: &str) -> TcpStream {
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("tcp://")).unwrap();
    let mut greeting = [0; 64];
    (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
    greeting[12..16].copy_from_slice(b"NULL");
    stream.write_all(&greeting).unwrap();
    stream.write_all(b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PAIR").unwrap();
    let mut answer = [0; 64];
    stream.read_exact(&mut answer).unwrap();
    stream
}

/// Takes one message and is then busy elsewhere, while the watchdog gives the connection back; the
/// others of the same read were held back at the high water mark. Its peer reads nothing, so that the
/// reactor has nothing to say of the connection, either.
fn after_a_pause(next: impl Fn(Socket) -> Result<Vec<u8>, i32>) {
    let context = Context::new();
    let socket = context.socket(ZMQ_PAIR);
    for (option, value) in [(ZMQ_RCVHWM, 1), (ZMQ_SNDHWM, 1), (ZMQ_LINGER, 0)] {
        socket.set(option, value).unwrap();
    }
    let endpoint = socket.bind_any("tcp");
    let mut peer = pair(&endpoint);
    socket.set(ZMQ_SNDTIMEO, 100).unwrap();
    while socket.send(&[0; 1 << 20], 0).is_ok() {}
    for round in 0..20u8 {
        let feeder = thread::spawn(move || {
            a_moment(round.into(), Duration::from_millis(2));
            peer.write_all(&[0, 1, b'a', 0, 1, b'b', 0, 1, b'c']).unwrap();
            peer
        });
        assert_eq!(socket.recv(0).unwrap(), b"a");
        a_moment(u32::from(round) * 7, Duration::from_millis(6));
        assert_eq!(next(socket).unwrap(), b"b");
        a_moment(u32::from(round) * 3, Duration::from_millis(6));
        assert_eq!(next(socket).unwrap(), b"c");
        peer = feeder.join().unwrap();
    }
    socket.close().unwrap();
    context.term().unwrap();
}

#[test]
fn what_was_held_back_comes_after_a_pause_to_who_polls() {
    within(60, || {
        after_a_pause(|socket| {
            assert_eq!(socket.poll(ZMQ_POLLIN as i16, 10_000), Ok(1));
            socket.recv(ZMQ_DONTWAIT)
        });
    });
}

#[test]
fn what_was_held_back_comes_after_a_pause_to_who_asks_again_and_again() {
    within(60, || {
        after_a_pause(|socket| {
            for _ in 0..10_000 {
                match socket.recv(ZMQ_DONTWAIT) {
                    Err(libc::EAGAIN) => thread::sleep(Duration::from_millis(1)),
                    other => return other,
                }
            }
            Err(libc::EAGAIN)
        });
    });
}
