//! DEALER: sends to its peers in turn, receives from all of them fairly (28/REQREP).
//!
//! REQ is made of one.

use crate::error::{Error, Result};
use crate::message::Message;
use crate::options::numbers;
use crate::patterns::{Attach, Pattern, value};
use crate::pipe::{PipeId, Pipes};
use crate::routing::{FairQueue, LoadBalancer};

/// A DEALER socket.
#[derive(Default)]
pub(crate) struct Dealer {
    queue: FairQueue,
    out: LoadBalancer,
    /// Greet each new peer with an empty message (ZMQ_PROBE_ROUTER).
    probe: bool,
}

impl Dealer {
    /// Sends a frame and says to whom; `None` if it was dropped because the peer of the frames
    /// before it is gone.
    pub(super) fn send_to(
        &mut self,
        pipes: &mut Pipes,
        message: &mut Message,
    ) -> Result<Option<PipeId>> {
        self.out.send(pipes, message)
    }

    /// Receives a frame and says from whom.
    pub(super) fn recv_from(&mut self, pipes: &mut Pipes) -> Result<(PipeId, Message)> {
        self.queue.recv(pipes).ok_or(Error::AGAIN)
    }
}

/// Sends the empty message of ZMQ_PROBE_ROUTER; a pipe that refuses it is not worth an error.
pub(super) fn probe(pipes: &mut Pipes, id: PipeId) {
    if let Some(pipe) = pipes.get_mut(id) {
        pipe.write(&mut Message::new());
    }
}

impl Pattern for Dealer {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, _how: Attach) {
        if self.probe {
            probe(pipes, id);
        }
        self.queue.attach(id);
        self.out.attach(id);
    }

    fn readable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.queue.activated(id);
    }

    fn writable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.out.activated(id);
    }

    fn pipe_terminated(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.queue.pipe_terminated(id);
        self.out.pipe_terminated(id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        self.send_to(pipes, message).map(drop)
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        self.recv_from(pipes).map(|(_, message)| message)
    }

    fn recv_into(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        self.queue.recv_into(pipes, message).map(drop).ok_or(Error::AGAIN)
    }

    fn straight_out(&self) -> Option<PipeId> {
        self.out.straight()
    }

    fn straight_in(&self) -> Option<PipeId> {
        self.queue.straight()
    }

    fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.has_in(pipes)
    }

    fn has_out(&mut self, pipes: &mut Pipes) -> bool {
        self.out.has_out(pipes)
    }

    fn set_option(&mut self, _pipes: &mut Pipes, option: i32, value: &[u8]) -> Result<()> {
        match option {
            numbers::PROBE_ROUTER => self.probe = value::flag(value)?,
            _ => return Err(Error::INVAL),
        }
        Ok(())
    }
}
