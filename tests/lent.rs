//! A connection may end while a thread of the application sleeps on its descriptor (src/runtime/link). The peer
//! hears of it at once, and not when that thread wakes up for another reason. The peers are scripts.

mod stress;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use stress::*;
use zmq::ffi::*;

/// So long a peer waits for the end, and far longer a receiver for a message.
const PATIENCE: Duration = Duration::from_secs(10);

trait Peer: Read + Write + Send {}
impl<T: Read + Write + Send> Peer for T {}

/// Says all that a peer of ZMTP 3.0 without security says until it is connected, and hears the same.
fn greet(mut stream: impl Peer + 'static, kind: &str) -> Box<dyn Peer> {
    let mut bytes = vec![0; 64];
    (bytes[0], bytes[9], bytes[10]) = (0xff, 0x7f, 3);
    bytes[12..16].copy_from_slice(b"NULL");
    bytes.extend([4, 22 + kind.len() as u8]);
    bytes.extend_from_slice(b"\x05READY\x0bSocket-Type\0\0\0");
    bytes.push(kind.len() as u8);
    bytes.extend_from_slice(kind.as_bytes());
    stream.write_all(&bytes).unwrap();
    let mut header = [0; 66];
    stream.read_exact(&mut header).unwrap();
    stream.read_exact(&mut vec![0; header[65].into()]).unwrap();
    Box::new(stream)
}

/// One that has connected to `endpoint`, over tcp or ipc.
fn connect(endpoint: &str, kind: &str) -> Box<dyn Peer> {
    if let Some(path) = endpoint.strip_prefix("ipc://") {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        return greet(stream, kind);
    }
    let stream = TcpStream::connect(endpoint.trim_start_matches("tcp://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    greet(stream, kind)
}

/// One that the socket has connected to, and its endpoint.
fn accept(socket: Socket, listener: &TcpListener) -> (Box<dyn Peer>, String) {
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    socket.connect(&endpoint).unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    (greet(stream, "DEALER"), endpoint)
}

/// Has a thread wait for one message after the other, and tell the routing id of each, until the context ends;
/// the peer says some, so that the thread takes the connection over.
fn sleep_on(socket: Socket, peer: &mut dyn Peer) -> (thread::JoinHandle<()>, Receiver<u32>) {
    let (told, heard) = channel();
    let receiver = thread::spawn(move || {
        let (socket, mut room) = (&socket, [0u64; 8]);
        let message = room.as_mut_ptr().cast();
        // SAFETY: there is room for a message, which is this thread's, and the handle is valid or stale.
        unsafe {
            zmq_msg_init(message);
            while zmq_msg_recv(message, socket.0, 0) != -1 {
                let _ = told.send(zmq_msg_routing_id(message));
            }
            zmq_msg_close(message);
        }
        assert_eq!(zmq_errno(), ETERM);
    });
    for _ in 0..10 {
        peer.write_all(b"\0\x01x").unwrap();
        heard.recv_timeout(PATIENCE).unwrap();
        thread::sleep(Duration::from_millis(10));
    }
    (receiver, heard)
}

/// The peer reads the end of the connection.
fn hears_the_end(peer: &mut dyn Peer) {
    let mut buffer = [0; 256];
    loop {
        match peer.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => return assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
}

fn finish(context: Context, socket: Socket, receiver: thread::JoinHandle<()>) {
    context.shutdown().unwrap();
    receiver.join().unwrap();
    socket.close().unwrap();
    context.term().unwrap();
}

/// The session goes on, and connects again.
#[test]
fn a_peer_that_is_silent_for_too_long_hears_the_end() {
    within(60, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let context = Context::new();
        let socket = context.socket(ZMQ_DEALER);
        socket.set(ZMQ_HEARTBEAT_IVL, 200).unwrap();
        socket.set(ZMQ_HEARTBEAT_TIMEOUT, 300).unwrap();
        let (mut peer, _) = accept(socket, &listener);
        let (receiver, _heard) = sleep_on(socket, &mut *peer);
        hears_the_end(&mut *peer);
        finish(context, socket, receiver);
    });
}

#[test]
fn a_peer_that_the_application_disconnects_by_its_number_hears_the_end() {
    for transport in ["tcp", "ipc"] {
        within(60, move || {
            let context = Context::new();
            let socket = context.socket(ZMQ_SERVER);
            let mut peer = connect(&socket.bind_any(transport), "CLIENT");
            let (receiver, heard) = sleep_on(socket, &mut *peer);
            peer.write_all(b"\0\x01x").unwrap();
            let number = heard.recv_timeout(PATIENCE).unwrap();
            thread::sleep(Duration::from_millis(20));
            // SAFETY: the handle is valid.
            assert_eq!(unsafe { zmq_disconnect_peer(socket.0, number) }, 0);
            hears_the_end(&mut *peer);
            finish(context, socket, receiver);
        });
    }
}

#[test]
fn a_peer_that_is_disconnected_hears_the_end() {
    within(60, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let context = Context::new();
        let socket = context.socket(ZMQ_DEALER);
        let (mut peer, endpoint) = accept(socket, &listener);
        let (receiver, _heard) = sleep_on(socket, &mut *peer);
        socket.disconnect(&endpoint).unwrap();
        hears_the_end(&mut *peer);
        finish(context, socket, receiver);
    });
}
