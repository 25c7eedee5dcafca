//! The end of a listener: its connections take nothing more in, on whichever thread they live, and those
//! that have something to send are within reach until it is sent.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use super::*;
use crate::error::Result;
use crate::message::Message;
use crate::options::{ContextOptions, SocketOptions};
use crate::patterns::{Attach, SocketType};
use crate::pipe::{Notify, Pipe, PipeEvent};
use crate::runtime::{Owner, TaskHandle, ThreadConfig, Threads, listen};
use crate::transport::brittle_test::Brittle;

const A_WHILE: Duration = Duration::from_millis(50);

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

/// Two threads, by turns.
struct Two([Arc<IoThread>; 2], AtomicUsize);

impl Threads for Two {
    fn choose(&self, _affinity: u64) -> Result<Arc<IoThread>> {
        Ok(self.0[self.1.fetch_add(1, Ordering::Relaxed) % 2].clone())
    }
    fn enter(&self) {}
    fn leave(&self) {}
    fn zap_pipe(&self, _client: Arc<dyn Notify>) -> crate::error::Result<Option<Pipe>> {
        Ok(None)
    }
}

/// Keeps its thread from everything else.
struct Busy;

impl Task for Busy {
    fn start(&mut self, io: &mut Io<'_>) {
        std::thread::sleep(A_WHILE);
        io.finish();
    }
    fn ready(&mut self, _io: &mut Io<'_>, _ready: Ready) {}
    fn timer(&mut self, _io: &mut Io<'_>) {}
    fn close(&mut self, _io: &mut Io<'_>, _linger: Option<Duration>) {}
}

/// A PUSH with a connection on each of two threads.
struct Bound {
    threads: [Arc<IoThread>; 2],
    handle: TaskHandle,
    peers: Vec<(TcpStream, Pipe)>,
}

impl Bound {
    fn new() -> Bound {
        let threads = [(); 2].map(|()| Arc::new(IoThread::start(ThreadConfig::default()).unwrap()));
        let options = SocketOptions::new(SocketType::Push, &ContextOptions::default());
        let listener = Brittle::listen("tcp://127.0.0.1:*", &options);
        let address = listener.address();
        let (sender, pipes) = channel();
        let home = Home {
            owner: Arc::new(Pipes(Mutex::new(sender))),
            monitor: Arc::default(),
            threads: Arc::new(Two(threads.clone(), AtomicUsize::new(0))),
            options: Arc::new(options),
        };
        let handle = listen(home, Box::new(listener)).unwrap();
        let peers = (0..2).map(|_| {
            let mut stream = TcpStream::connect(&address).unwrap();
            let mut greeting = [0; 64];
            (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
            greeting[12..16].copy_from_slice(b"NULL");
            stream.write_all(&greeting).unwrap();
            stream.write_all(b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PULL").unwrap();
            (stream, pipes.recv().unwrap())
        });
        Bound { threads, handle, peers: peers.collect() }
    }
}

fn keep_busy(threads: &[Arc<IoThread>]) {
    threads.iter().for_each(|thread| thread.add(Box::new(Busy)));
}

#[test]
fn whoever_waits_waits_for_all_threads() {
    let Bound { threads, handle, peers } = Bound::new();
    // The listener lives on the first.
    keep_busy(&threads[1..]);
    handle.close_and_wait(Some(Duration::ZERO));
    assert!(peers.iter().all(|(_, pipe)| pipe.peer_closed()));
    threads.iter().for_each(|thread| thread.stop());
}

#[test]
fn what_is_left_has_the_last_linger_time() {
    let Bound { threads, handle, mut peers } = Bound::new();
    for (_, pipe) in &mut peers {
        // More than the kernel takes for a peer that does not read.
        for _ in 0..150 {
            assert!(pipe.write(&mut Message::from_slice(&[7; 100_000]).unwrap()));
        }
    }
    keep_busy(&threads);
    let leftovers = handle.close_and_wait(None).unwrap();
    for (_, pipe) in &mut peers {
        assert!(pipe.peer_finished() && !pipe.peer_closed());
        // The socket's answer.
        pipe.peer_has_closed();
        assert!(!pipe.check_write());
    }
    assert!(leftovers.remain());
    keep_busy(&threads);
    leftovers.close(Some(Duration::ZERO));
    let deadline = Instant::now() + PATIENCE;
    while leftovers.remain() {
        assert!(Instant::now() < deadline, "connections that nobody can reach");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(peers.iter().all(|(_, pipe)| pipe.peer_closed()));
    threads.iter().for_each(|thread| thread.stop());
}
