//! PUSH: hands each message to one of its peers in turn (30/PIPELINE).

use crate::error::Result;
use crate::message::Message;
use crate::patterns::{Attach, Pattern};
use crate::pipe::{PipeId, Pipes};
use crate::routing::LoadBalancer;

/// A PUSH socket.
#[derive(Default)]
pub(crate) struct Push {
    out: LoadBalancer,
}

impl Pattern for Push {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, _how: Attach) {
        if let Some(pipe) = pipes.get_mut(id) {
            // Nobody reads what the peer may have sent, so its end need not wait for that.
            pipe.set_nodelay();
        }
        self.out.attach(id);
    }

    fn writable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.out.activated(id);
    }

    fn pipe_terminated(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.out.pipe_terminated(id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        self.out.send(pipes, message).map(drop)
    }

    fn straight_out(&self) -> Option<PipeId> {
        self.out.straight()
    }

    fn has_out(&mut self, pipes: &mut Pipes) -> bool {
        self.out.has_out(pipes)
    }
}
