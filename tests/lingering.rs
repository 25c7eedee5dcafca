//! Closing a socket while the system still has to deliver what it was given (src/runtime/session/lingering.rs):
//! a peer that reads slowly, and answers, gets all of it; one that does not read is waited for as long as
//! ZMQ_LINGER says, and not for ever. The peers are scripts.

mod stress;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use stress::*;
use zmq::ffi::*;

/// More than a socket takes in of which nobody reads, and less than the system holds for both sides.
const SIZE: usize = 600_000;

/// All that a DEALER of ZMTP 3.0 without security says until it is connected.
fn handshake() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    (bytes[0], bytes[9], bytes[10]) = (0xff, 0x7f, 3);
    bytes[12..16].copy_from_slice(b"NULL");
    bytes.extend_from_slice(b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06DEALER");
    bytes
}

/// A listener whose connections have little room, whatever the settings of the system are.
fn listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let room: libc::c_int = 65_536;
    let (name, size) = (libc::SO_RCVBUF, size_of_val(&room) as libc::socklen_t);
    // SAFETY: an int, and its size.
    let set = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::SOL_SOCKET,
            name,
            (&raw const room).cast(),
            size,
        )
    };
    assert_eq!(set, 0);
    listener
}

/// A DEALER that has sent `SIZE` bytes, and its peer, that has read none of them.
fn conversation(context: Context) -> (Socket, TcpStream) {
    let listener = listener();
    let dealer = context.socket(ZMQ_DEALER);
    dealer.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    peer.write_all(&handshake()).unwrap();
    // Its greeting and its READY.
    let mut header = [0; 66];
    peer.read_exact(&mut header).unwrap();
    peer.read_exact(&mut vec![0; header[65].into()]).unwrap();
    dealer.send(&vec![7; SIZE], 0).unwrap();
    (dealer, peer)
}

/// Reads all that comes, slowly, and says something behind each piece. How much it was.
fn read_slowly(peer: &mut TcpStream, answer: &[u8]) -> usize {
    let (mut buffer, mut count) = (vec![0; 50_000], 0);
    loop {
        match peer.read(&mut buffer) {
            Ok(0) | Err(_) => return count,
            Ok(more) => count += more,
        }
        // Who has all may be gone.
        let _ = peer.write_all(answer);
        thread::sleep(Duration::from_millis(5));
    }
}

/// Closes the socket, and ends its context in a thread of its own that tells how long it took.
fn end(socket: Socket, context: Context) -> thread::JoinHandle<Duration> {
    let began = Instant::now();
    socket.close().unwrap();
    thread::spawn(move || {
        context.term().unwrap();
        began.elapsed()
    })
}

#[test]
fn a_peer_that_answers_gets_all() {
    within(60, || {
        let context = Context::new();
        let (dealer, mut peer) = conversation(context);
        let end = end(dealer, context);
        thread::sleep(Duration::from_millis(100));
        // The frame has a header of nine bytes.
        assert_eq!(read_slowly(&mut peer, b"\0\x06answer"), 9 + SIZE);
        end.join().unwrap();
    });
}

#[test]
fn a_client_of_stream_gets_all() {
    within(60, || {
        let context = Context::new();
        let stream = context.socket(ZMQ_STREAM);
        let endpoint = stream.bind_any("tcp");
        let mut client = TcpStream::connect(endpoint.strip_prefix("tcp://").unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let name = stream.recv(0).unwrap();
        assert_eq!(stream.recv(0).unwrap(), b"");
        // The answer, and then the end of the connection.
        for body in [&vec![7; SIZE][..], b""] {
            stream.send(&name, ZMQ_SNDMORE).unwrap();
            stream.send(body, 0).unwrap();
        }
        thread::sleep(Duration::from_millis(100));
        assert_eq!(read_slowly(&mut client, b"more"), SIZE);
        stream.close().unwrap();
        context.term().unwrap();
    });
}

#[test]
fn linger_is_the_limit() {
    within(60, || {
        for linger in [0, 300] {
            let context = Context::new();
            let (dealer, peer) = conversation(context);
            dealer.set(ZMQ_LINGER, linger).unwrap();
            let took = end(dealer, context).join().unwrap();
            // A peer that reads nothing is given up after five seconds.
            assert!(took < Duration::from_secs(4), "{took:?}");
            assert!(took >= Duration::from_millis(linger as u64), "{took:?}");
            drop(peer);
        }
    });
}

#[test]
fn a_peer_that_does_not_read_is_given_up() {
    within(60, || {
        let context = Context::new();
        let (dealer, peer) = conversation(context);
        let took = end(dealer, context).join().unwrap();
        assert!(took >= Duration::from_millis(900), "{took:?}");
        drop(peer);
    });
}

#[test]
fn a_peer_that_goes_is_not_waited_for() {
    within(60, || {
        let context = Context::new();
        let (dealer, peer) = conversation(context);
        let end = end(dealer, context);
        thread::sleep(Duration::from_millis(50));
        drop(peer);
        let took = end.join().unwrap();
        assert!(took < Duration::from_secs(4), "{took:?}");
    });
}
