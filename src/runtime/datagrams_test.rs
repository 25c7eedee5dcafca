//! Datagram tasks on the loopback interface, with a bare socket as the peer.

use std::borrow::Cow;
use std::net::UdpSocket as Peer;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::error::Result;
use crate::options::{ContextOptions, SocketOptions};
use crate::patterns::{Attach, SocketType};
use crate::pipe::{EndConfig, Notify, PipeConfig, Style, pair};
use crate::runtime::{IoThread, Owner, TaskHandle, ThreadConfig, Threads, exchange};

struct Nobody;

impl Notify for Nobody {
    fn notify(&self, _key: u64, _event: PipeEvent) {}
}

impl Owner for Nobody {
    fn attach(&self, _pipe: Pipe, _how: Attach) {}
    fn gone(&self, _session: u64) {}
    fn renounced(&self, _session: u64) {}
}

/// One thread, and a count of the tasks.
struct OneThread(Arc<IoThread>, Arc<AtomicU32>);

impl Threads for OneThread {
    fn choose(&self, _affinity: u64) -> Result<Arc<IoThread>> {
        Ok(self.0.clone())
    }
    fn enter(&self) {
        self.1.fetch_add(1, Ordering::AcqRel);
    }
    fn leave(&self) {
        self.1.fetch_sub(1, Ordering::AcqRel);
    }
    fn zap_pipe(&self, _client: Arc<dyn Notify>) -> crate::error::Result<Option<Pipe>> {
        Ok(None)
    }
}

/// A task with the socket's end of its pipe and a peer it talks with.
struct Fixture {
    thread: Arc<IoThread>,
    tasks: Arc<AtomicU32>,
    handle: TaskHandle,
    pipe: Pipe,
    peer: Peer,
}

impl Fixture {
    fn new(kind: SocketType, set: impl FnOnce(&mut SocketOptions)) -> Fixture {
        let thread = Arc::new(IoThread::start(ThreadConfig::default()).unwrap());
        let tasks = Arc::new(AtomicU32::new(0));
        let mut options = SocketOptions::new(kind, &ContextOptions::default());
        set(&mut options);
        let peer = Peer::bind("127.0.0.1:0").unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let socket = if kind == SocketType::Radio {
            UdpSocket::connect(&peer.local_addr().unwrap().to_string(), &options).unwrap()
        } else {
            let address = Peer::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            peer.connect(address).unwrap();
            UdpSocket::bind(&address.to_string(), &options).unwrap()
        };
        let threads = Arc::new(OneThread(thread.clone(), tasks.clone()));
        let options = Arc::new(options);
        let home = Home { owner: Arc::new(Nobody), monitor: Arc::default(), threads, options };
        let (handle, pipe) = exchange(home, socket).unwrap();
        Fixture { thread, tasks, handle, pipe, peer }
    }

    fn send(&mut self, parts: &[&[u8]]) {
        for (index, part) in parts.iter().enumerate() {
            let mut message = Message::from_slice(part).unwrap();
            message.set_more(index + 1 < parts.len());
            assert!(self.pipe.write(&mut message));
        }
    }

    fn received(&self) -> Vec<u8> {
        let mut buffer = vec![0; DATAGRAM_MAX];
        let count = self.peer.recv(&mut buffer).unwrap();
        buffer[..count].to_vec()
    }

    fn recv(&mut self) -> (Vec<u8>, Vec<u8>) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.pipe.check_read() {
            assert!(Instant::now() < deadline, "nothing came");
            std::thread::sleep(Duration::from_millis(1));
        }
        let (head, body) = (self.pipe.read().unwrap(), self.pipe.read().unwrap());
        assert!(head.more() && !body.more());
        (head.data().to_vec(), body.data().to_vec())
    }

    /// Closes the socket's side; true if the task ended then.
    fn close(self, linger: Option<Duration>) -> bool {
        drop(self.pipe);
        self.handle.close(linger);
        self.thread.stop();
        self.tasks.load(Ordering::Acquire) == 0
    }
}

#[test]
fn a_radio_sends_group_and_body_up_to_the_largest_datagram() {
    let mut radio = Fixture::new(SocketType::Radio, |_| {});
    radio.send(&[b"movies", b"Terminator"]);
    assert_eq!(radio.received(), b"\x06moviesTerminator");
    // libzmq writes these behind the end of its buffer.
    let (group, body) = (vec![b'g'; 255], vec![b'b'; 60_000]);
    radio.send(&[&group, &body]);
    assert_eq!(radio.received(), [&[255][..], &group, &body].concat());
    // What does not fit into a datagram is lost, and nothing else.
    radio.send(&[b"g", &vec![0; 1 << 17]]);
    radio.send(&[&[b'g'; 256], b"too long a group"]);
    radio.send(&[b"one part"]);
    radio.send(&[b"more", b"than", b"two"]);
    radio.send(&[b"g", b"last"]);
    assert_eq!(radio.received(), b"\x01glast");
    assert!(radio.close(None));
}

#[test]
fn a_dish_survives_malformed_datagrams() {
    let mut dish = Fixture::new(SocketType::Dish, |_| {});
    dish.send(&[b"nobody", b"hears this"]);
    for datagram in [&b""[..], b"\xff", b"\x80abc", b"\x04abc", b"\xff\xff"] {
        dish.peer.send(datagram).unwrap();
    }
    dish.peer.send(&[&[200][..], &[b'g'; 200], b"body"].concat()).unwrap();
    assert_eq!(dish.recv(), (vec![b'g'; 200], b"body".to_vec()));
    dish.peer.send(b"\x00").unwrap();
    assert_eq!(dish.recv(), (Vec::new(), Vec::new()));
    assert!(dish.close(None));
}

#[test]
fn a_dgram_answers_whom_it_heard() {
    let mut dgram = Fixture::new(SocketType::Dgram, |_| {});
    dgram.peer.send(b"\xffhello").unwrap();
    let (from, body) = dgram.recv();
    assert_eq!(from, format!("{}\0", dgram.peer.local_addr().unwrap()).into_bytes());
    assert_eq!(body, b"\xffhello");
    dgram.send(&[b"nonsense", b"lost"]);
    dgram.send(&[&from, b"world"]);
    assert_eq!(dgram.received(), b"world");
    assert!(dgram.close(Some(Duration::ZERO)));
}

#[test]
fn reading_stops_at_the_high_water_mark_and_goes_on_behind_it() {
    let mut dish = Fixture::new(SocketType::Dish, |options| options.rcvhwm = 2);
    for number in 0..10 {
        dish.peer.send(&[1, b'g', number]).unwrap();
    }
    for number in 0..10 {
        assert_eq!(dish.recv().1, [number]);
    }
    assert!(dish.close(None));
}

#[test]
fn what_was_said_before_the_close_is_sent() {
    let mut radio = Fixture::new(SocketType::Radio, |_| {});
    for number in 0..100 {
        radio.send(&[b"g", &[number]]);
    }
    let peer = radio.peer.try_clone().unwrap();
    assert!(radio.close(None));
    for number in 0..100 {
        let mut buffer = [0; 8];
        assert_eq!(peer.recv(&mut buffer).unwrap(), 3);
        assert_eq!(buffer[2], number);
    }
}

#[test]
fn a_datagram_is_received_as_a_whole_or_not_at_all() {
    let config = PipeConfig { styles: (Style::Memory, Style::Memory), conflate: (false, false) };
    let end = || EndConfig { owner: Arc::new(Nobody), marks: Some((0, 0)) };
    let (mut pipe, mut reader) = pair(config, end(), end());
    let datagram = |body| Datagram { head: Cow::Borrowed(b"group"), body };
    for written in 0..2 {
        pipe.run_short(written);
        write(&mut pipe, &datagram(b"lost"));
        assert!(!reader.check_read());
    }
    write(&mut pipe, &datagram(b"whole"));
    let frames: Vec<_> =
        std::iter::from_fn(|| reader.read()).map(|frame| frame.data().to_vec()).collect();
    assert_eq!(frames, [b"group", b"whole"]);
}
