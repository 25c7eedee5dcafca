//! PAIR: exactly one peer (31/EXPAIR, zmq_socket(3) "Exclusive pair pattern").

use crate::error::Result;
use crate::message::Message;
use crate::patterns::{Attach, Pattern};
use crate::pipe::{PipeId, Pipes};
use crate::routing::SinglePipe;

/// A PAIR socket.
#[derive(Default)]
pub(crate) struct Pair {
    peer: SinglePipe,
}

impl Pattern for Pair {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, _how: Attach) {
        self.peer.attach(pipes, id);
    }

    fn pipe_terminated(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.peer.pipe_terminated(id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        self.peer.send(pipes, message)
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        self.peer.recv(pipes)
    }

    fn recv_into(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        self.peer.recv_into(pipes, message)
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
