//! CHANNEL: a PAIR whose messages have one frame, for use from many threads.

use crate::error::{Error, Result};
use crate::message::Message;
use crate::patterns::{Attach, Pattern};
use crate::pipe::{PipeId, Pipes};
use crate::routing::SinglePipe;

/// A CHANNEL socket.
#[derive(Default)]
pub(crate) struct Channel {
    peer: SinglePipe,
}

impl Pattern for Channel {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, _how: Attach) {
        self.peer.attach(pipes, id);
    }

    fn pipe_terminated(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.peer.pipe_terminated(id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        if message.more() {
            return Err(Error::INVAL);
        }
        self.peer.send(pipes, message)
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        loop {
            let mut message = self.peer.recv(pipes)?;
            if !message.more() {
                return Ok(message);
            }
            // A message of more frames than one is skipped.
            while message.more() {
                message = self.peer.recv(pipes)?;
            }
        }
    }

    fn straight_out(&self) -> Option<PipeId> {
        self.peer.straight_out()
    }

    fn straight_in(&self) -> Option<PipeId> {
        self.peer.straight_in()
    }

    fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        self.peer.has_in(pipes)
    }

    fn has_out(&mut self, pipes: &mut Pipes) -> bool {
        self.peer.has_out(pipes)
    }
}
