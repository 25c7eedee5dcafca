//! A thread that waits for messages reads its connections itself (src/runtime/link). What changes hands
//! with them is not forgotten. The peer is a script, so that several messages come by one read, or one
//! by several.

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

/// The same over WebSocket.
fn ws_pair(endpoint: &str) -> TcpStream {
    let address = endpoint.trim_start_matches("ws://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: ZWS2.0/NULL\r\n\r\n";
    stream.write_all(request).unwrap();
    stream.write_all(b"\x82\x9b\0\0\0\0\x02\x05READY\x0bSocket-Type\0\0\0\x04PAIR").unwrap();
    stream.read_exact(&mut [0; 64]).unwrap();
    stream
}

/// Takes one message and is then busy elsewhere, while the watchdog gives the connection back; the
/// others of the same read were held back at the high water mark. Its peer reads nothing, so that the
/// reactor has nothing to say of the connection, either.
fn after_a_pause(next: impl Fn(Socket) -> Result<Vec<u8>, i32>) {
    over("tcp", &next);
    over("ws", &next);
}

fn over(transport: &str, next: impl Fn(Socket) -> Result<Vec<u8>, i32>) {
    // What stands before a body of one byte; over WebSocket with a mask that changes nothing.
    let (peer, header): (fn(&str) -> TcpStream, &'static [u8]) = match transport {
        "ws" => (ws_pair, b"\x82\x82\0\0\0\0\0"),
        _ => (pair, b"\0\x01"),
    };
    let context = Context::new();
    let socket = context.socket(ZMQ_PAIR);
    for (option, value) in [(ZMQ_RCVHWM, 1), (ZMQ_SNDHWM, 1), (ZMQ_LINGER, 0)] {
        socket.set(option, value).unwrap();
    }
    let endpoint = socket.bind_any(transport);
    let mut peer = peer(&endpoint);
    socket.set(ZMQ_SNDTIMEO, 100).unwrap();
    while socket.send(&[0; 1 << 20], 0).is_ok() {}
    for round in 0..20u8 {
        let feeder = thread::spawn(move || {
            a_moment(round.into(), Duration::from_millis(2));
            let frames = [b"a", b"b", b"c"].map(|body| [header, body].concat());
            peer.write_all(&frames.concat()).unwrap();
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

/// A frame without flags.
fn frame(body: &[u8]) -> Vec<u8> {
    match u8::try_from(body.len()) {
        Ok(len) => [&[0, len], body].concat(),
        Err(_) => [&[2][..], &(body.len() as u64).to_be_bytes(), body].concat(),
    }
}

/// The processor time of this thread so far.
fn time_of_this_thread() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is live.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) }, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The newest message of a socket that keeps no other is taken by the I/O thread, and who waits for it sleeps.
#[test]
fn who_wants_only_the_newest_message_sleeps_until_it_comes() {
    within(60, || {
        let context = Context::new();
        let [pull, push] = [ZMQ_PULL, ZMQ_PUSH].map(|kind| context.socket(kind));
        pull.set(ZMQ_CONFLATE, 1).unwrap();
        push.connect(&pull.bind_any("tcp")).unwrap();
        let sender = thread::spawn(move || {
            for _ in 0..100 {
                thread::sleep(Duration::from_millis(10));
                push.send(b"new", 0).unwrap();
            }
            push.send(b"end", 0).unwrap();
        });
        let before = time_of_this_thread();
        while pull.recv(0).unwrap() != b"end" {}
        let used = time_of_this_thread() - before;
        assert!(used < Duration::from_millis(50), "{used:?} to sleep");
        sender.join().unwrap();
        pull.close().unwrap();
        push.close().unwrap();
        context.term().unwrap();
    });
}

/// Receives, and compares with what was sent.
fn expect(socket: Socket, buffer: &mut [u8], body: &[u8]) {
    // SAFETY: the buffer is as long as it says.
    let size = unsafe { zmq_recv(socket.0, buffer.as_mut_ptr().cast(), buffer.len(), 0) };
    assert_eq!(usize::try_from(size), Ok(body.len()));
    assert!(buffer[..body.len()] == *body);
}

/// A long frame begins in a chunk of the queue and outgrows it: what had come of it moves along, and the chunk
/// may be left empty. Where chunks end is the library's business: each connection begins with some more short
/// frames than the one before. (An empty chunk that is read as a frame shows itself only where two are left in
/// a row, in the queue's own test, or where nothing of the frame was in it, as with CURVE below.)
#[test]
fn frames_that_outgrow_the_chunk_they_began_in_are_whole() {
    within(120, || {
        let context = Context::new();
        let mut buffer = vec![0; 1 << 18];
        let short = [1; 198];
        for (round, count) in (0..180).step_by(2).enumerate() {
            let socket = context.socket(ZMQ_PAIR);
            let mut peer = pair(&socket.bind_any("tcp"));
            peer.set_nodelay(true).unwrap();
            peer.write_all(&frame(&short).repeat(count)).unwrap();
            (0..count).for_each(|_| expect(socket, &mut buffer, &short));
            let long = vec![2; [6_000, 20_000, 31_000, 65_530, 131_000][round % 5]];
            let wire = [frame(&long), frame(&short)].concat();
            let (first, rest) = wire.split_at([1, 5, 12][round % 3]);
            peer.write_all(first).unwrap();
            // It is read alone.
            thread::sleep(Duration::from_millis(3));
            peer.write_all(rest).unwrap();
            expect(socket, &mut buffer, &long);
            expect(socket, &mut buffer, &short);
            drop(peer);
            socket.close().unwrap();
        }
        context.term().unwrap();
    });
}

/// The same between two sockets: frames of 60 to 132 KB among short ones, NULL and CURVE, where a whole
/// frame needs room at once.
#[test]
fn long_frames_among_short_ones_are_whole_with_either_mechanism() {
    within(120, || {
        let context = Context::new();
        let mut buffer = vec![0; 1 << 18];
        let [mut public, mut secret] = [[0; 41]; 2];
        // SAFETY: both have room for 41 bytes.
        assert_eq!(unsafe { zmq_curve_keypair(public.as_mut_ptr(), secret.as_mut_ptr()) }, 0);
        for (round, long) in (60_000..=132_000).step_by(1_500).enumerate() {
            for curve in [false, true] {
                let [bound, connected] = [ZMQ_PAIR; 2].map(|kind| context.socket(kind));
                let key = |socket: Socket, option, key: &[std::ffi::c_char; 41]| {
                    // SAFETY: the key is valid for its length.
                    let result =
                        unsafe { zmq_setsockopt(socket.0, option, key.as_ptr().cast(), 41) };
                    assert_eq!(result, 0);
                };
                if curve {
                    bound.set(ZMQ_CURVE_SERVER, 1).unwrap();
                    key(connected, ZMQ_CURVE_SERVERKEY, &public);
                    key(connected, ZMQ_CURVE_PUBLICKEY, &public);
                    key(bound, ZMQ_CURVE_SECRETKEY, &secret);
                    key(connected, ZMQ_CURVE_SECRETKEY, &secret);
                }
                connected.connect(&bound.bind_any("tcp")).unwrap();
                let sizes = [round * 40, long, 3, long + 700, round % 7, 20];
                for burst in [1, 2, 6] {
                    for sizes in sizes.chunks(burst) {
                        let bodies = sizes.iter().map(|&size| vec![size as u8; size]);
                        let bodies: Vec<_> = bodies.collect();
                        for body in &bodies {
                            connected.send(body, 0).unwrap();
                        }
                        bodies.iter().for_each(|body| expect(bound, &mut buffer, body));
                    }
                }
                bound.close().unwrap();
                connected.close().unwrap();
            }
        }
        context.term().unwrap();
    });
}
