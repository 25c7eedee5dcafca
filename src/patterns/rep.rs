//! REP: takes a request, gives its reply, in strict turns (28/REQREP).
//!
//! The frames before the body of a request, up to an empty one, are its envelope; they are copied
//! to the reply. A request without an empty frame is malformed and skipped.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::message::Message;
use crate::options::SocketOptions;
use crate::patterns::router::Router;
use crate::patterns::{Attach, Pattern};
use crate::pipe::{PipeId, Pipes};

/// A REP socket.
#[derive(Default)]
pub(crate) struct Rep {
    router: Router,
    /// A request was received and its reply is to be sent.
    replying: bool,
    /// The body of a request is being handed out.
    in_request: bool,
    /// A frame of the envelope that there was no memory for.
    kept: Option<Message>,
}

impl Rep {
    /// Copies the envelope of the next well-formed request to the reply.
    fn open_envelope(&mut self, pipes: &mut Pipes) -> Result<()> {
        loop {
            let mut frame = match self.kept.take() {
                Some(frame) => frame,
                None => self.router.recv(pipes)?,
            };
            if frame.more() {
                let bottom = frame.is_empty();
                if let Err(error) = self.router.send_envelope(pipes, &mut frame) {
                    self.kept = Some(frame);
                    return Err(error);
                }
                if bottom {
                    return Ok(());
                }
            } else {
                self.router.rollback(pipes);
            }
        }
    }
}

impl Pattern for Rep {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, how: Attach) {
        self.router.attach(pipes, id, how);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.router.readable(pipes, id);
    }

    fn writable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.router.writable(pipes, id);
    }

    fn pipe_terminated(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.router.pipe_terminated(pipes, id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        if !self.replying {
            return Err(Error::FSM);
        }
        let more = message.more();
        self.router.send_envelope(pipes, message)?;
        self.replying = more;
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        if self.replying {
            return Err(Error::FSM);
        }
        if !self.in_request {
            self.open_envelope(pipes)?;
            self.in_request = true;
        }
        let message = self.router.recv(pipes)?;
        if !message.more() {
            self.in_request = false;
            self.replying = true;
        }
        Ok(message)
    }

    fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        !self.replying && self.router.has_in(pipes)
    }

    fn has_out(&mut self, pipes: &mut Pipes) -> bool {
        self.replying && self.router.has_out(pipes)
    }

    fn set_option(&mut self, pipes: &mut Pipes, option: i32, value: &[u8]) -> Result<()> {
        self.router.set_option(pipes, option, value)
    }

    fn exchange_name(&mut self, name: Option<Arc<Vec<u8>>>) -> Option<Arc<Vec<u8>>> {
        self.router.exchange_name(name)
    }

    fn options_changed(&mut self, options: &SocketOptions) {
        self.router.options_changed(options);
    }

    fn peer_state(&mut self, pipes: &mut Pipes, routing_id: &[u8]) -> Result<i32> {
        self.router.peer_state(pipes, routing_id)
    }
}
