//! PUB: sends each message to the peers that subscribed to its topic (29/PUBSUB).
//!
//! An XPUB that keeps quiet about the subscriptions. (`pub` is a keyword, hence the file's name.)

use crate::error::Result;
use crate::message::Message;
use crate::options::SocketOptions;
use crate::patterns::xpub::Xpub;
use crate::patterns::{Attach, Pattern};
use crate::pipe::{PipeId, Pipes};

/// A PUB socket.
pub(crate) struct Pub {
    xpub: Xpub,
}

impl Default for Pub {
    fn default() -> Pub {
        Pub { xpub: Xpub::mute() }
    }
}

impl Pattern for Pub {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, how: Attach) {
        if let Some(pipe) = pipes.get_mut(id) {
            // What a peer asked for before it went does not matter any more.
            pipe.set_nodelay();
        }
        self.xpub.attach(pipes, id, how);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xpub.readable(pipes, id);
    }

    fn writable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xpub.writable(pipes, id);
    }

    fn pipe_terminated(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xpub.pipe_terminated(pipes, id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        self.xpub.send(pipes, message)
    }

    fn has_out(&mut self, pipes: &mut Pipes) -> bool {
        self.xpub.has_out(pipes)
    }

    fn set_option(&mut self, pipes: &mut Pipes, option: i32, value: &[u8]) -> Result<()> {
        self.xpub.set_option(pipes, option, value)
    }

    fn option(&self, option: i32) -> Result<i32> {
        self.xpub.option(option)
    }

    fn options_changed(&mut self, options: &SocketOptions) {
        self.xpub.options_changed(options);
    }
}
