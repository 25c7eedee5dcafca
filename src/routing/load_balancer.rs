//! Writes to many pipes in turn, one whole message to each, skipping those that are full.
//!
//! Called by the patterns that send each message to one peer of their choosing: PUSH, DEALER, REQ,
//! CLIENT, SCATTER.

use crate::error::{Error, Result};
use crate::message::Message;
use crate::pipe::{Pipe, PipeId, Pipes};
use crate::routing::turn::Turn;

/// The pipes to write to.
#[derive(Default)]
pub(crate) struct LoadBalancer {
    turn: Turn,
    /// The last frame sent has more frames behind it; they go to the same pipe.
    more: bool,
    /// The peer was lost in the middle of a message; its other frames are thrown away.
    dropping: bool,
}

impl LoadBalancer {
    /// A new pipe.
    pub(crate) fn attach(&mut self, id: PipeId) {
        self.turn.attach(id);
    }

    /// The pipe may have room.
    pub(crate) fn activated(&mut self, id: PipeId) {
        self.turn.activated(id);
    }

    /// The pipe is gone.
    pub(crate) fn pipe_terminated(&mut self, id: PipeId) {
        if self.turn.remove(id) && self.more {
            self.dropping = true;
        }
    }

    /// Sends a frame and says to whom; `None` if it was thrown away with the rest of its message.
    #[inline(always)]
    pub(crate) fn send(
        &mut self,
        pipes: &mut Pipes,
        message: &mut Message,
    ) -> Result<Option<PipeId>> {
        let more = message.more();
        if self.dropping {
            self.more = more;
            self.dropping = more;
            message.take();
            return Ok(None);
        }
        let mut refusal = Error::AGAIN;
        while let Some(id) = self.turn.current() {
            if pipes.get_mut(id).is_some_and(|pipe| pipe.write(message)) {
                self.more = more;
                if !more {
                    self.turn.pass();
                }
                return Ok(Some(id));
            }
            if pipes.get_mut(id).is_some_and(Pipe::take_ran_short) {
                refusal = Error::NOMEM;
                if self.more {
                    // The frames before stay, and wait for this one.
                    break;
                }
            } else if self.more {
                // The peer is gone, its first frames are lost: the others must not reach a new one.
                if let Some(pipe) = pipes.get_mut(id) {
                    pipe.rollback();
                }
                self.more = more;
                self.dropping = more;
                self.turn.set_aside();
                message.take();
                return Ok(None);
            }
            self.turn.set_aside();
        }
        Err(refusal)
    }

    /// The pipe that all messages go to, between messages and as long as there is no other.
    pub(crate) fn straight(&self) -> Option<PipeId> {
        if self.more || self.dropping { None } else { self.turn.only() }
    }

    /// Whether `send` would find room.
    pub(crate) fn has_out(&mut self, pipes: &mut Pipes) -> bool {
        if self.more {
            return true;
        }
        while let Some(id) = self.turn.current() {
            if pipes.get_mut(id).is_some_and(|pipe| pipe.check_write()) {
                return true;
            }
            self.turn.set_aside();
        }
        false
    }
}
