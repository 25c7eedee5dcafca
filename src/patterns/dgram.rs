//! DGRAM: UDP datagrams as messages of two frames, the address and the body (libzmq's zmq_udp(7)).

use crate::error::{Error, Result};
use crate::message::Message;
use crate::patterns::{Attach, Pattern};
use crate::pipe::{PipeId, Pipes};
use crate::routing::SinglePipe;

/// A DGRAM socket.
#[derive(Default)]
pub(crate) struct Dgram {
    peer: SinglePipe,
}

impl Pattern for Dgram {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, _how: Attach) {
        self.peer.attach(pipes, id);
    }

    fn pipe_terminated(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.peer.pipe_terminated(id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        // The address has the body behind it, the body has nothing.
        if message.more() == self.peer.more_out() {
            return Err(Error::INVAL);
        }
        self.peer.send(pipes, message)
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        self.peer.recv(pipes)
    }

    fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        self.peer.has_in(pipes)
    }

    fn has_out(&mut self, pipes: &mut Pipes) -> bool {
        self.peer.has_out(pipes)
    }
}
