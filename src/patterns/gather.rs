//! GATHER: takes messages of one frame from all its peers, fairly
//! (zmq_socket(3) "Scatter-gather pattern").

use crate::error::{Error, Result};
use crate::message::Message;
use crate::patterns::{Attach, Pattern};
use crate::pipe::{PipeId, Pipes};
use crate::routing::FairQueue;

/// A GATHER socket.
#[derive(Default)]
pub(crate) struct Gather {
    queue: FairQueue,
}

impl Pattern for Gather {
    fn attach(&mut self, _pipes: &mut Pipes, id: PipeId, _how: Attach) {
        self.queue.attach(id);
    }

    fn readable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.queue.activated(id);
    }

    fn pipe_terminated(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.queue.pipe_terminated(id);
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        self.queue.recv_single(pipes).map(|(_, message)| message).ok_or(Error::AGAIN)
    }

    fn straight_in(&self) -> Option<PipeId> {
        self.queue.straight()
    }

    fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.has_in(pipes)
    }
}
