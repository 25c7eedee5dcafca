//! The task that joins a pipe to a socket of reliable multicast (norm, pgm).
//!
//! Like udp it has no connections and no handshake, and it goes one way: a publisher's messages go
//! out frame by frame, a subscriber's come in whole. What a subscriber says of its topics is
//! dropped, as nobody could hear it; its own filter does all the work. Started by
//! `runtime::multicast`.

use std::time::{Duration, Instant};

use super::reactor::Ready;
use super::task::{Io, Task};
use super::{Entered, Home};
use crate::pipe::{Pipe, PipeEvent};
use crate::transport::multicast::Multicast;

/// Messages in one turn, so that a flood does not starve the other tasks.
const TURN: usize = 64;
/// How long a close waits for the library to send what it has taken, though nobody seems to hear it.
/// libzmq does not wait for that at all.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a close asks whether somebody does.
const ASK: Duration = Duration::from_millis(200);

/// See the head of this file.
pub(super) struct MulticastTask {
    home: Home,
    socket: Box<dyn Multicast>,
    pipe: Pipe,
    /// The socket is done with this task; nothing is sent after the time, if there is one.
    closing: Option<Option<Instant>>,
    /// A close waits for the library alone: when to ask next whether somebody hears it, and since
    /// when nobody has.
    ask: Option<Instant>,
    unheard: Option<Instant>,
    _entered: Entered,
}

impl MulticastTask {
    pub(super) fn new(home: Home, socket: Box<dyn Multicast>, pipe: Pipe) -> MulticastTask {
        let entered = Entered::new(&home);
        MulticastTask {
            home,
            socket,
            pipe,
            closing: None,
            ask: None,
            unheard: None,
            _entered: entered,
        }
    }

    fn pump(&mut self, io: &mut Io<'_>) {
        let more = if self.socket.sends() { self.send() } else { self.receive() };
        let ended = self.closing.is_some() || self.pipe.peer_finished();
        let emptied = ended && !more && self.pipe.is_drained();
        if emptied && (self.socket.is_idle() || self.is_in_vain(io.now)) {
            return self.end(io);
        }
        if more {
            io.again();
        }
        let again = self.socket.again_in().map(|time| io.now + time);
        io.set_timer([self.closing.flatten(), again, self.ask].into_iter().flatten().min());
    }

    /// Whether nobody has heard for a while what the library still has to send. What waits in the
    /// pipe has all the time that linger allows.
    fn is_in_vain(&mut self, now: Instant) -> bool {
        if !self.socket.has_taken_all() {
            return false;
        }
        if self.ask.is_none_or(|at| at <= now) {
            self.ask = Some(now + ASK);
            let heard = self.socket.is_heard();
            self.unheard = if heard { None } else { self.unheard.or(Some(now)) };
        }
        self.unheard.is_some_and(|since| now.duration_since(since) >= PATIENCE)
    }

    /// Sends from the pipe. True: there is more, and room for it.
    fn send(&mut self) -> bool {
        for _ in 0..TURN {
            if !self.socket.can_send() {
                return false;
            }
            let Some(message) = self.pipe.read() else {
                self.socket.flush();
                return false;
            };
            self.socket.send(message);
        }
        true
    }

    /// Receives into the pipe. True: there may be more, and room for it.
    fn receive(&mut self) -> bool {
        while self.pipe.read().is_some() {}
        for _ in 0..TURN {
            if self.closing.is_some() || !self.pipe.check_write() {
                return false;
            }
            let Some(frames) = self.socket.receive() else { return false };
            self.pipe.write_all(frames);
        }
        true
    }

    fn end(&mut self, io: &mut Io<'_>) {
        for descriptor in self.socket.descriptors() {
            io.reactor.deregister(descriptor);
        }
        if self.closing.is_none() {
            self.home.owner.gone(io.key);
        }
        io.finish();
    }
}

impl Task for MulticastTask {
    fn start(&mut self, io: &mut Io<'_>) {
        for descriptor in self.socket.descriptors() {
            if io.reactor.register(descriptor, io.key).is_err() {
                return self.end(io);
            }
        }
        self.socket.work();
        self.pump(io);
    }

    fn ready(&mut self, io: &mut Io<'_>, _ready: Ready) {
        self.socket.work();
        self.pump(io);
    }

    fn timer(&mut self, io: &mut Io<'_>) {
        if self.closing.flatten().is_some_and(|at| at <= io.now) {
            return self.end(io);
        }
        self.socket.work();
        self.pump(io);
    }

    fn pipe_event(&mut self, io: &mut Io<'_>, _event: PipeEvent) {
        self.pump(io);
    }

    fn wake(&mut self, io: &mut Io<'_>) {
        self.pump(io);
    }

    fn close(&mut self, io: &mut Io<'_>, linger: Option<Duration>) {
        self.closing = Some(linger.map(|linger| io.now + linger));
        if linger == Some(Duration::ZERO) || !self.socket.sends() {
            return self.end(io);
        }
        self.pump(io);
    }
}
