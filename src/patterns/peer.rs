//! PEER: a SERVER that also connects, and learns the number of the peer it connected to
//! (zmq_connect_peer(3)).

use crate::error::Result;
use crate::message::Message;
use crate::patterns::server::Server;
use crate::patterns::{Attach, Pattern};
use crate::pipe::{PipeId, Pipes};

/// A PEER socket.
#[derive(Default)]
pub(crate) struct Peer {
    server: Server,
}

impl Pattern for Peer {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, how: Attach) {
        self.server.attach(pipes, id, how);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.server.readable(pipes, id);
    }

    fn pipe_terminated(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.server.pipe_terminated(pipes, id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        self.server.send(pipes, message)
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        self.server.recv(pipes)
    }

    fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        self.server.has_in(pipes)
    }

    fn has_out(&mut self, pipes: &mut Pipes) -> bool {
        self.server.has_out(pipes)
    }

    fn peer_number(&self, id: PipeId) -> Option<u32> {
        self.server.peer_number(id)
    }

    fn peer_pipe(&self, number: u32) -> Option<PipeId> {
        self.server.peer_pipe(number)
    }
}
