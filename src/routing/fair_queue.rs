//! Reads from many pipes in turn, one whole message from each.
//!
//! Called by every pattern that receives from more than one peer.

use crate::message::Message;
use crate::pipe::{PipeId, Pipes};
use crate::routing::turn::Turn;

/// The pipes to read from.
#[derive(Default)]
pub(crate) struct FairQueue {
    turn: Turn,
    /// The last frame read has more frames behind it; they come from the same pipe.
    more: bool,
    /// The pipe of a half-read message is gone; an empty last frame has to stand for the rest.
    severed: Option<PipeId>,
}

impl FairQueue {
    /// A new pipe.
    pub(crate) fn attach(&mut self, id: PipeId) {
        self.turn.attach(id);
    }

    /// The pipe may hold messages.
    pub(crate) fn activated(&mut self, id: PipeId) {
        self.turn.activated(id);
    }

    /// The pipe is gone.
    pub(crate) fn pipe_terminated(&mut self, id: PipeId) {
        if self.turn.remove(id) && self.more {
            self.more = false;
            self.severed = Some(id);
        }
    }

    /// What was read of the severed message was handed to nobody, so nothing has to stand for the rest; false:
    /// it is not from this pipe.
    pub(crate) fn forget_severed(&mut self, id: PipeId) -> bool {
        self.severed.take_if(|gone| *gone == id).is_some()
    }

    /// The next frame and the pipe it came from. The frames of a message come one after the other.
    #[inline]
    pub(crate) fn recv(&mut self, pipes: &mut Pipes) -> Option<(PipeId, Message)> {
        let mut message = Message::new();
        let id = self.recv_into(pipes, &mut message)?;
        Some((id, message))
    }

    /// The same, into a message that is left alone if there is none.
    #[inline(always)]
    pub(crate) fn recv_into(&mut self, pipes: &mut Pipes, message: &mut Message) -> Option<PipeId> {
        if let Some(id) = self.severed.take() {
            *message = Message::new();
            return Some(id);
        }
        while let Some(id) = self.turn.current() {
            if pipes.get_mut(id).is_some_and(|pipe| pipe.read_into(message)) {
                self.more = message.more();
                if !self.more {
                    self.turn.pass();
                }
                return Some(id);
            }
            self.more = false;
            self.turn.set_aside();
        }
        None
    }

    /// The next message of one frame; messages of more are skipped. For the thread-safe types,
    /// which know no others.
    pub(crate) fn recv_single(&mut self, pipes: &mut Pipes) -> Option<(PipeId, Message)> {
        loop {
            let (id, mut message) = self.recv(pipes)?;
            if !message.more() {
                return Some((id, message));
            }
            while message.more() {
                (_, message) = self.recv(pipes)?;
            }
        }
    }

    /// The pipe that all messages come from, between messages and as long as no other has any.
    pub(crate) fn straight(&self) -> Option<PipeId> {
        if self.more || self.severed.is_some() { None } else { self.turn.only() }
    }

    /// Whether `recv` would find something.
    pub(crate) fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        if self.more || self.severed.is_some() {
            return true;
        }
        while let Some(id) = self.turn.current() {
            if pipes.get_mut(id).is_some_and(|pipe| pipe.check_read()) {
                return true;
            }
            self.turn.set_aside();
        }
        false
    }
}
