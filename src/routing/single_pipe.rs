//! The one peer of PAIR, CHANNEL and DGRAM.
//!
//! It keeps messages whole when the peer is replaced in the middle of one: what is left of a
//! half-sent message is thrown away, a half-received one ends with an empty frame. A peer that comes when
//! the one before has gone, and left something to read, is written to and waits for its turn to be read;
//! further peers are refused.

use std::collections::VecDeque;

use crate::error::{Error, Result};
use crate::message::Message;
use crate::pipe::{Pipe, PipeId, Pipes};

/// So many peers may have come and gone while nothing was read, besides the one that is read. Of too many the last but
/// one is not read any more.
const MOST_LEFT: usize = 100;

/// At most one pipe that is not ending.
#[derive(Default)]
pub(crate) struct SinglePipe {
    /// The pipe that is read, and those that are read then, in the order in which they came.
    input: Option<PipeId>,
    behind: VecDeque<PipeId>,
    /// The newest.
    output: Option<PipeId>,
    more_in: bool,
    more_out: bool,
    /// The peer was lost in the middle of a message that we sent.
    dropping: bool,
    /// The peer was lost in the middle of a message that we received.
    severed: bool,
}

impl SinglePipe {
    /// A new pipe; ends it if there is one already that does not end.
    pub(crate) fn attach(&mut self, pipes: &mut Pipes, id: PipeId) {
        let is_taken = self.pipe_out(pipes).is_some_and(|pipe| !pipe.is_ending());
        if is_taken {
            if let Some(pipe) = pipes.get_mut(id) {
                pipe.terminate();
            }
            return;
        }
        if self.behind.len() == MOST_LEFT
            && let Some(newest) = self.behind.pop_back().and_then(|gone| pipes.get_mut(gone))
        {
            newest.terminate();
        }
        self.dropping |= self.more_out;
        self.output = Some(id);
        if self.input.is_none() {
            self.input = Some(id);
        } else {
            self.behind.push_back(id);
        }
    }

    /// The pipe is gone.
    pub(crate) fn pipe_terminated(&mut self, id: PipeId) {
        if self.output == Some(id) {
            self.output = None;
            self.dropping |= self.more_out;
        }
        if self.input == Some(id) {
            self.input = self.behind.pop_front();
            self.severed |= self.more_in;
            self.more_in = false;
        } else {
            self.behind.retain(|&other| other != id);
        }
    }

    /// Sends one frame. `AGAIN` without a peer or room.
    pub(crate) fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        let more = message.more();
        if !self.dropping {
            let pipe = self.pipe_out(pipes).ok_or(Error::AGAIN)?;
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
        let message = self.pipe_in(pipes).and_then(Pipe::read).ok_or(Error::AGAIN)?;
        self.more_in = message.more();
        Ok(message)
    }

    /// The same, into a message that is left alone on failure.
    pub(crate) fn recv_into(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        if std::mem::take(&mut self.severed) {
            *message = Message::new();
        } else if !self.pipe_in(pipes).is_some_and(|pipe| pipe.read_into(message)) {
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
        if self.more_out || self.dropping { None } else { self.output }
    }

    /// The peer, between messages that are received.
    pub(crate) fn straight_in(&self) -> Option<PipeId> {
        if self.more_in || self.severed { None } else { self.input }
    }

    /// Whether `recv` would find something.
    pub(crate) fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        self.severed || self.more_in || self.pipe_in(pipes).is_some_and(Pipe::check_read)
    }

    /// Whether `send` would find room.
    pub(crate) fn has_out(&mut self, pipes: &mut Pipes) -> bool {
        self.dropping || self.more_out || self.pipe_out(pipes).is_some_and(Pipe::check_write)
    }

    fn pipe_in<'a>(&self, pipes: &'a mut Pipes) -> Option<&'a mut Pipe> {
        pipes.get_mut(self.input?)
    }

    fn pipe_out<'a>(&self, pipes: &'a mut Pipes) -> Option<&'a mut Pipe> {
        pipes.get_mut(self.output?)
    }
}
