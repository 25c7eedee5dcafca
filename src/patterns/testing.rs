//! What the tests of the patterns share: a socket without its shell, joined to others by real pipes.

use std::sync::Arc;

use super::{Attach, Pattern, SocketType, new};
use crate::error::{Error, Result};
use crate::message::{Message, Metadata};
use crate::options::{ContextOptions, SocketOptions};
use crate::pipe::{EndConfig, Notify, Pipe, PipeConfig, PipeEvent, PipeId, Pipes, Style, pair};

/// Where the events of a socket's pipes wait.
#[derive(Default)]
struct Mailbox(std::sync::Mutex<Vec<(u64, PipeEvent)>>);

impl Notify for Mailbox {
    fn notify(&self, key: u64, event: PipeEvent) {
        self.0.lock().unwrap().push((key, event));
    }
}

/// A pattern, its pipes and its events.
pub(crate) struct TestSocket {
    pub(crate) pattern: Box<dyn Pattern>,
    pub(crate) pipes: Pipes,
    pub(crate) options: SocketOptions,
    mailbox: Arc<Mailbox>,
}

impl TestSocket {
    pub(crate) fn new(kind: SocketType) -> TestSocket {
        TestSocket::with(kind, |_| {})
    }

    pub(crate) fn with(kind: SocketType, set: impl FnOnce(&mut SocketOptions)) -> TestSocket {
        let mut options = SocketOptions::new(kind, &ContextOptions::default());
        set(&mut options);
        TestSocket {
            pattern: new(kind, &options),
            pipes: Pipes::default(),
            options,
            mailbox: Arc::default(),
        }
    }

    /// A socket that announces this routing id.
    pub(crate) fn named(kind: SocketType, routing_id: &[u8]) -> TestSocket {
        TestSocket::with(kind, |options| options.routing_id = routing_id.to_vec())
    }

    fn end(&self) -> EndConfig {
        let marks = Some((self.options.sndhwm, self.options.rcvhwm));
        EndConfig { owner: self.mailbox.clone(), marks }
    }

    /// What the peers learn of this socket.
    fn metadata(&self) -> Arc<Metadata> {
        let mut metadata = Metadata::new();
        metadata.set("Socket-Type", self.options.kind.name().as_bytes());
        metadata.set_routing_id(&self.options.routing_id);
        Arc::new(metadata)
    }

    /// Connects to a socket that has bound; gives our id of the pipe and the other's.
    pub(crate) fn connect(&mut self, bound: &mut TestSocket) -> (PipeId, PipeId) {
        let ids = self.join(bound);
        self.shake_hands(bound, ids);
        self.attach(bound, ids);
        ids
    }

    /// Connects, but what the sides know of each other is on its way.
    pub(crate) fn connect_without_handshake(&mut self, bound: &mut TestSocket) -> (PipeId, PipeId) {
        let ids = self.join(bound);
        self.attach(bound, ids);
        ids
    }

    fn join(&mut self, bound: &mut TestSocket) -> (PipeId, PipeId) {
        let (ours, theirs) = self.pair(bound.end(), Style::Memory);
        (self.pipes.insert(ours), bound.pipes.insert(theirs))
    }

    fn attach(&mut self, bound: &mut TestSocket, (ours, theirs): (PipeId, PipeId)) {
        let how = Attach { name: self.pattern.exchange_name(None), ..Attach::default() };
        self.pattern.attach(&mut self.pipes, ours, how);
        bound.pattern.attach(&mut bound.pipes, theirs, Attach::default());
    }

    pub(crate) fn shake_hands(&mut self, bound: &mut TestSocket, ids: (PipeId, PipeId)) {
        let (ours, theirs) = (self.metadata(), bound.metadata());
        self.pipes[ids.0].write_metadata(ours).unwrap();
        bound.pipes[ids.1].write_metadata(theirs).unwrap();
    }

    /// Attaches a pipe whose other end the test holds: a peer that may send anything.
    pub(crate) fn attach_raw(&mut self, how: Attach) -> (PipeId, Pipe) {
        let owner = Arc::new(Mailbox::default());
        let (ours, theirs) = self.pair(EndConfig { owner, marks: None }, Style::Memory);
        self.attach_pair(how, ours, theirs)
    }

    /// The same, but what is sent to the peer is for a network.
    pub(crate) fn attach_wire(&mut self) -> (PipeId, Pipe) {
        let owner = Arc::new(Mailbox::default());
        let (ours, theirs) = self.pair(EndConfig { owner, marks: None }, Style::Wire);
        self.attach_pair(Attach::default(), ours, theirs)
    }

    fn attach_pair(&mut self, how: Attach, ours: Pipe, mut theirs: Pipe) -> (PipeId, Pipe) {
        theirs.write_metadata(Arc::new(Metadata::new())).unwrap();
        let id = self.pipes.insert(ours);
        self.pattern.attach(&mut self.pipes, id, how);
        (id, theirs)
    }

    fn pair(&self, other: EndConfig, style: Style) -> (Pipe, Pipe) {
        let styles = (style, Style::Memory);
        pair(PipeConfig { styles, conflate: (false, false) }, self.end(), other)
    }

    /// Does what the shell does between calls: tells events, removes pipes that ended.
    pub(crate) fn pump(&mut self) {
        loop {
            let events = std::mem::take(&mut *self.mailbox.0.lock().unwrap());
            if events.is_empty() && !self.pipes.any_ended() {
                return;
            }
            for (key, event) in events {
                let id = PipeId(key as u32);
                let (pattern, pipes) = (&mut self.pattern, &mut self.pipes);
                let Some(pipe) = pipes.get_mut(id) else { continue };
                match event {
                    PipeEvent::Readable => pattern.readable(pipes, id),
                    PipeEvent::Writable => pattern.writable(pipes, id),
                    PipeEvent::Hiccuped => pattern.hiccuped(pipes, id),
                    PipeEvent::Closed => {
                        if pipe.peer_has_closed() {
                            pattern.readable(pipes, id);
                        }
                    }
                }
            }
            for id in self.pipes.take_ended() {
                self.pattern.pipe_terminated(&mut self.pipes, id);
                self.pipes.remove(id);
            }
        }
    }

    /// Ends a pipe from this side, as zmq_disconnect does.
    pub(crate) fn end_pipe(&mut self, id: PipeId) {
        self.pipes[id].terminate();
        self.pump();
    }

    pub(crate) fn send(&mut self, body: &[u8]) -> Result<()> {
        self.send_frame(body, false)
    }

    pub(crate) fn send_frame(&mut self, body: &[u8], more: bool) -> Result<()> {
        self.pump();
        let mut message = Message::from_slice(body)?;
        message.set_more(more);
        let sent = self.pattern.send(&mut self.pipes, &mut message);
        assert_eq!(message.data(), if sent.is_ok() { b"" } else { body });
        self.pump();
        sent
    }

    pub(crate) fn send_all(&mut self, frames: &[&[u8]]) -> Result<()> {
        for (place, frame) in frames.iter().enumerate() {
            self.send_frame(frame, place + 1 < frames.len())?;
        }
        Ok(())
    }

    pub(crate) fn recv_frame(&mut self) -> Result<Message> {
        self.pump();
        let received = self.pattern.recv(&mut self.pipes);
        self.pump();
        received
    }

    /// The next whole message.
    pub(crate) fn recv(&mut self) -> Result<Vec<Vec<u8>>> {
        let mut frames = Vec::new();
        loop {
            let message = self.recv_frame()?;
            frames.push(message.data().to_vec());
            if !message.more() {
                return Ok(frames);
            }
        }
    }

    /// Asserts what the next message is.
    #[track_caller]
    pub(crate) fn expect(&mut self, frames: &[&[u8]]) {
        let expected: Vec<Vec<u8>> = frames.iter().map(|frame| frame.to_vec()).collect();
        assert!(self.has_in());
        assert_eq!(self.recv(), Ok(expected));
    }

    /// Asserts that there is no message.
    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) {
        assert_eq!(self.recv(), Err(Error::AGAIN));
        assert!(!self.has_in());
    }

    pub(crate) fn has_in(&mut self) -> bool {
        self.pump();
        self.pattern.has_in(&mut self.pipes)
    }

    pub(crate) fn has_out(&mut self) -> bool {
        self.pump();
        self.pattern.has_out(&mut self.pipes)
    }

    pub(crate) fn set(&mut self, option: i32, value: &[u8]) -> Result<()> {
        self.pump();
        self.pattern.set_option(&mut self.pipes, option, value)
    }

    pub(crate) fn set_int(&mut self, option: i32, value: i32) {
        self.set(option, &value.to_ne_bytes()).unwrap();
    }

    /// Changes an option that all sockets have.
    pub(crate) fn change(&mut self, set: impl FnOnce(&mut SocketOptions)) {
        set(&mut self.options);
        self.pattern.options_changed(&self.options);
    }
}

/// A message to write to a raw pipe.
pub(crate) fn frame(body: &[u8], more: bool) -> Message {
    let mut message = Message::from_slice(body).unwrap();
    message.set_more(more);
    message
}

/// Writes a whole message to a raw pipe.
pub(crate) fn write_all(pipe: &mut Pipe, frames: &[&[u8]]) {
    for (place, body) in frames.iter().enumerate() {
        assert!(pipe.write(&mut frame(body, place + 1 < frames.len())));
    }
}
