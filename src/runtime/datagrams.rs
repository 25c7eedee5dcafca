//! The task that joins a pipe to a socket for datagrams: libzmq's zmq_udp(7). RADIO, DISH and DGRAM.
//!
//! There is no connection and no handshake. A message is two frames in the pipe, the group or the
//! address and the body, and one datagram on the wire. What cannot be sent is lost, as datagrams
//! are; but while the system only has no room for it, it waits here. Started by `runtime::exchange`.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::reactor::Ready;
use super::task::{Io, Task};
use super::{Entered, Home};
use crate::message::Message;
use crate::pipe::{Pipe, PipeEvent};
use crate::transport::udp::{DATAGRAM_MAX, Datagram, UdpSocket};

/// Datagrams in each direction per turn, so that a flood does not starve the other tasks.
const TURN: usize = 64;

/// See the head of this file.
pub(super) struct Datagrams {
    home: Home,
    socket: UdpSocket,
    pipe: Pipe,
    /// A message that left the pipe and was not sent: the system had no room for it.
    unsent: Option<(Message, Message)>,
    readable: bool,
    writable: bool,
    /// The socket is done with this task; nothing is sent after the time, if there is one.
    closing: Option<Option<Instant>>,
    _entered: Entered,
}

impl Datagrams {
    pub(super) fn new(home: Home, socket: UdpSocket, pipe: Pipe) -> Datagrams {
        let entered = Entered::new(&home);
        Datagrams {
            home,
            socket,
            pipe,
            unsent: None,
            readable: true,
            writable: true,
            closing: None,
            _entered: entered,
        }
    }

    /// Moves whatever can be moved.
    fn pump(&mut self, io: &mut Io<'_>) {
        let idle = self.send();
        let more = self.receive(io.scratch);
        let told_to_end = self.closing.is_some() || self.pipe.peer_finished();
        if told_to_end && idle && self.unsent.is_none() && self.pipe.is_drained() {
            return self.end(io);
        }
        if more || (!idle && self.writable) {
            io.again();
        }
    }

    /// Sends from the pipe. True: there is nothing left, and the pipe notifies of more.
    fn send(&mut self) -> bool {
        if !self.socket.sends() {
            // Those who only receive say which groups they want, but there is nobody to tell.
            while self.pipe.read().is_some() {}
            return true;
        }
        for _ in 0..TURN {
            let Some((head, body)) = self.unsent.take().or_else(|| next_message(&mut self.pipe))
            else {
                return true;
            };
            if !self.writable {
                self.unsent = Some((head, body));
                return false;
            }
            match self.socket.send(head.data(), body.data()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => continue,
            }
            self.unsent = Some((head, body));
        }
        false
    }

    /// Receives into the pipe. True: there may be more.
    fn receive(&mut self, buffer: &mut Vec<u8>) -> bool {
        if !self.socket.receives() || self.closing.is_some() {
            return false;
        }
        buffer.resize(DATAGRAM_MAX, 0);
        let mut errors = 0;
        for _ in 0..TURN {
            if !self.readable || !self.pipe.check_write() {
                return false;
            }
            match self.socket.receive(buffer) {
                Ok(Some(datagram)) => write(&mut self.pipe, &datagram),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Ok(None) => {}
                // The fate of another message; but a descriptor that is out of order for good must
                // not keep the thread busy.
                Err(_) => errors += 1,
            }
        }
        self.readable &= errors < TURN;
        self.readable
    }

    fn end(&mut self, io: &mut Io<'_>) {
        io.reactor.deregister(self.socket.descriptor());
        if self.closing.is_none() {
            self.home.owner.gone(io.key);
        }
        io.finish();
    }
}

/// The next message of two frames; others cannot be sent.
fn next_message(pipe: &mut Pipe) -> Option<(Message, Message)> {
    loop {
        let head = pipe.read()?;
        if !head.more() {
            continue;
        }
        let body = pipe.read()?;
        if !body.more() {
            return Some((head, body));
        }
        while pipe.read()?.more() {}
    }
}

/// Writes both frames, or none for want of memory.
fn write(pipe: &mut Pipe, datagram: &Datagram<'_>) {
    let frames = (Message::from_slice(&datagram.head), Message::from_slice(datagram.body));
    if let (Ok(mut head), Ok(body)) = frames {
        head.set_more(true);
        pipe.write_all([head, body]);
    }
}

impl Task for Datagrams {
    fn start(&mut self, io: &mut Io<'_>) {
        if io.reactor.register(self.socket.descriptor(), io.key).is_err() {
            return self.end(io);
        }
        self.pump(io);
    }

    fn ready(&mut self, io: &mut Io<'_>, ready: Ready) {
        self.readable |= ready.readable;
        self.writable |= ready.writable;
        self.pump(io);
    }

    fn timer(&mut self, io: &mut Io<'_>) {
        self.end(io);
    }

    fn pipe_event(&mut self, io: &mut Io<'_>, _event: PipeEvent) {
        self.pump(io);
    }

    fn wake(&mut self, io: &mut Io<'_>) {
        self.pump(io);
    }

    fn close(&mut self, io: &mut Io<'_>, linger: Option<Duration>) {
        let deadline = linger.map(|linger| io.now + linger);
        self.closing = Some(deadline);
        if linger == Some(Duration::ZERO) {
            return self.end(io);
        }
        io.set_timer(deadline);
        self.pump(io);
    }
}

#[cfg(test)]
#[path = "datagrams_test.rs"]
mod datagrams_test;
