//! CLIENT: sends to its servers in turn, receives from all of them fairly
//! (zmq_socket(3) "Client-server pattern"). Messages have one frame.

use crate::error::{Error, Result};
use crate::message::Message;
use crate::patterns::{Attach, Pattern};
use crate::pipe::{PipeId, Pipes};
use crate::routing::{FairQueue, LoadBalancer};

/// A CLIENT socket.
#[derive(Default)]
pub(crate) struct Client {
    queue: FairQueue,
    out: LoadBalancer,
}

impl Pattern for Client {
    fn attach(&mut self, _pipes: &mut Pipes, id: PipeId, _how: Attach) {
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
        if message.more() {
            return Err(Error::INVAL);
        }
        self.out.send(pipes, message).map(drop)
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        self.queue.recv_single(pipes).map(|(_, message)| message).ok_or(Error::AGAIN)
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
}
