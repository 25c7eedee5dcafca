//! A defect of ours while one connection is served: a panic on the I/O thread costs that connection,
//! the monitor hears of it, and everything else goes on.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::error::Result;
use crate::options::{ContextOptions, SocketOptions};
use crate::pipe::Notify;
use crate::runtime::{IoThread, Owner, ThreadConfig, Threads, listen};
use crate::sys::lock::Mutex;
use crate::transport::brittle_test::Brittle;

const PATIENCE: Duration = Duration::from_secs(20);

/// Takes the pipes of new connections.
struct Pipes(Mutex<Sender<Pipe>>);

impl Notify for Pipes {
    fn notify(&self, _key: u64, _event: PipeEvent) {}
}

impl Owner for Pipes {
    fn attach(&self, pipe: Pipe, _how: Attach) {
        let _ = self.0.lock().send(pipe);
    }
    fn gone(&self, _session: u64) {}
    fn renounced(&self, _session: u64) {}
}

struct OneThread(Arc<IoThread>);

impl Threads for OneThread {
    fn choose(&self, _affinity: u64) -> Result<Arc<IoThread>> {
        Ok(self.0.clone())
    }
    fn enter(&self) {}
    fn leave(&self) {}
    fn zap_pipe(&self, _client: Arc<dyn Notify>) -> crate::error::Result<Option<Pipe>> {
        Ok(None)
    }
}

/// A PUSH of ZMTP 3.0, and the socket's end of its pipe.
fn peer(address: &str, pipes: &Receiver<Pipe>) -> (TcpStream, Pipe) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut greeting = [0; 64];
    (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
    greeting[12..16].copy_from_slice(b"NULL");
    stream.write_all(&greeting).unwrap();
    stream.write_all(b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH").unwrap();
    (stream, pipes.recv_timeout(PATIENCE).unwrap())
}

fn comes_through(peer: &mut (TcpStream, Pipe)) {
    peer.0.write_all(b"\0\x04fine").unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !peer.1.check_read() {
        assert!(Instant::now() < deadline, "nothing comes");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(peer.1.read().unwrap().data(), b"fine");
}

#[test]
fn a_panic_costs_one_connection_and_the_others_go_on() {
    let thread = Arc::new(IoThread::start(ThreadConfig::default()).unwrap());
    let options = SocketOptions::new(SocketType::Pull, &ContextOptions::default());
    let (sender, pipes) = channel();
    let monitor = Arc::new(crate::monitor::Monitor::default());
    let (lost, losses) = channel();
    monitor.install(
        Event::Disconnected as u64,
        1,
        Box::new(move |_, frames| drop(lost.send(frames[0].data().to_vec()))),
    );
    let brittle = Brittle::listen("tcp://127.0.0.1:*", &options);
    let address = brittle.address();
    let home = Home {
        owner: Arc::new(Pipes(Mutex::new(sender))),
        monitor,
        threads: Arc::new(OneThread(thread.clone())),
        options: Arc::new(options),
    };
    let listener = listen(home, Box::new(brittle)).unwrap();
    let mut before = peer(&address, &pipes);
    let mut broken = peer(&address, &pipes);
    comes_through(&mut before);
    comes_through(&mut broken);

    broken.0.write_all(Brittle::TRIGGER).unwrap();
    // The bytes of the handshake come first.
    let mut rest = Vec::new();
    match broken.0.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    let event = losses.recv_timeout(PATIENCE).unwrap();
    assert_eq!(event, [&0x200u16.to_ne_bytes()[..], &(-1i32).to_ne_bytes()].concat());
    let deadline = Instant::now() + PATIENCE;
    while !broken.1.peer_closed() {
        assert!(Instant::now() < deadline, "the socket does not learn of it");
        std::thread::sleep(Duration::from_millis(1));
    }

    comes_through(&mut before);
    let mut after = peer(&address, &pipes);
    comes_through(&mut after);
    assert!(losses.try_recv().is_err());
    listener.close(None);
    thread.stop();
}
