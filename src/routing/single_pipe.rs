//! The one peer of PAIR, CHANNEL and DGRAM.
//!
//! It keeps messages whole when the peer is replaced in the middle of one: what is left of a
//! half-sent message is thrown away, a half-received one ends with an empty frame. Further peers
//! are refused.

use crate::error::{Error, Result};
use crate::message::Message;
use crate::pipe::{Pipe, PipeId, Pipes};

/// At most one pipe.
#[derive(Default)]
pub(crate) struct SinglePipe {
    id: Option<PipeId>,
    more_in: bool,
    more_out: bool,
    /// The peer was lost in the middle of a message that we sent.
    dropping: bool,
    /// The peer was lost in the middle of a message that we received.
    severed: bool,
}

impl SinglePipe {
    /// A new pipe; ends it if there is one already.
    pub(crate) fn attach(&mut self, pipes: &mut Pipes, id: PipeId) {
        if self.id.is_none() {
            self.id = Some(id);
        } else if let Some(pipe) = pipes.get_mut(id) {
            pipe.terminate();
        }
    }

    /// The pipe is gone.
    pub(crate) fn pipe_terminated(&mut self, id: PipeId) {
        if self.id == Some(id) {
            self.id = None;
            self.dropping |= self.more_out;
            self.severed |= self.more_in;
            self.more_in = false;
        }
    }

    /// Sends one frame. `AGAIN` without a peer or room.
    pub(crate) fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        let more = message.more();
        if !self.dropping {
            let pipe = self.pipe(pipes).ok_or(Error::AGAIN)?;
            if !pipe.write(message) {
                if pipe.take_ran_short() {
                    return Err(Error::NOMEM);
                }
                if !self.more_out {
                    return Err(Error::AGAIN);
                }
                pipe.rollback();
                self.dropping = true;
            }
        }
        if self.dropping {
            message.take();
            self.dropping = more;
        }
        self.more_out = more;
        Ok(())
    }

    /// Receives one frame. `AGAIN` if there is none.
    pub(crate) fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        if std::mem::take(&mut self.severed) {
            return Ok(Message::new());
        }
        let message = self.pipe(pipes).and_then(Pipe::read).ok_or(Error::AGAIN)?;
        self.more_in = message.more();
        Ok(message)
    }

    /// The same, into a message that is left alone on failure.
    pub(crate) fn recv_into(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        if std::mem::take(&mut self.severed) {
            *message = Message::new();
        } else if !self.pipe(pipes).is_some_and(|pipe| pipe.read_into(message)) {
            return Err(Error::AGAIN);
        }
        self.more_in = message.more();
        Ok(())
    }

    /// Whether the frame sent last has more frames behind it.
    pub(crate) fn more_out(&self) -> bool {
        self.more_out
    }

    /// The peer, between messages that are sent.
    pub(crate) fn straight_out(&self) -> Option<PipeId> {
        if self.more_out || self.dropping { None } else { self.id }
    }

    /// The peer, between messages that are received.
    pub(crate) fn straight_in(&self) -> Option<PipeId> {
        if self.more_in || self.severed { None } else { self.id }
    }

    /// Whether `recv` would find something.
    pub(crate) fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        self.severed || self.more_in || self.pipe(pipes).is_some_and(Pipe::check_read)
    }

    /// Whether `send` would find room.
    pub(crate) fn has_out(&mut self, pipes: &mut Pipes) -> bool {
        self.dropping || self.more_out || self.pipe(pipes).is_some_and(Pipe::check_write)
    }

    fn pipe<'a>(&self, pipes: &'a mut Pipes) -> Option<&'a mut Pipe> {
        pipes.get_mut(self.id?)
    }
}
