//! SUB: receives the messages of the topics it subscribed to (29/PUBSUB).
//!
//! An XSUB that subscribes by ZMQ_SUBSCRIBE, filters what it receives, and cannot send.

use crate::error::{Error, Result};
use crate::message::Message;
use crate::options::{SocketOptions, numbers};
use crate::patterns::xsub::Xsub;
use crate::patterns::{Attach, Pattern};
use crate::pipe::{PipeId, Pipes};

/// A SUB socket.
#[derive(Default)]
pub(crate) struct Sub {
    xsub: Xsub,
}

impl Pattern for Sub {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, how: Attach) {
        self.xsub.attach(pipes, id, how);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xsub.readable(pipes, id);
    }

    fn writable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xsub.writable(pipes, id);
    }

    fn hiccuped(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xsub.hiccuped(pipes, id);
    }

    fn pipe_terminated(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xsub.pipe_terminated(pipes, id);
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        self.xsub.recv(pipes)
    }

    fn recv_into(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        self.xsub.recv_into(pipes, message)
    }

    fn straight_in(&self) -> Option<PipeId> {
        self.xsub.straight_in()
    }

    fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        self.xsub.has_in(pipes)
    }

    fn set_option(&mut self, pipes: &mut Pipes, option: i32, value: &[u8]) -> Result<()> {
        match option {
            numbers::SUBSCRIBE => self.xsub.subscribe(pipes, value),
            numbers::UNSUBSCRIBE => self.xsub.unsubscribe(pipes, value),
            _ => Err(Error::INVAL),
        }
    }

    fn option(&self, option: i32) -> Result<i32> {
        self.xsub.option(option)
    }

    fn options_changed(&mut self, options: &SocketOptions) {
        self.xsub.options_changed(options);
    }
}
