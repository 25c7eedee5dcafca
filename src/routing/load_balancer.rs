//! Writes to many pipes in turn, one whole message to each, skipping those that are full.
//!
//! Called by the patterns that send each message to one peer of their choosing: PUSH, DEALER, REQ,
//! CLIENT, SCATTER.

use crate::error::{Error, Result};
use crate::message::Message;
use crate::pipe::{PipeId, Pipes};
use crate::routing::pipe_list::PipeList;

/// The pipes to write to.
#[derive(Default)]
pub(crate) struct LoadBalancer {
    /// INVARIANT: the first `active` pipes may have room; `current < active` or both are 0.
    pipes: PipeList,
    active: usize,
    current: usize,
    /// The last frame sent has more frames behind it; they go to `current`.
    more: bool,
    /// The peer was lost in the middle of a message; its other frames are thrown away.
    dropping: bool,
}

impl LoadBalancer {
    pub(crate) fn attach(&mut self, id: PipeId) {
        self.pipes.push(id);
        self.activated(id);
    }

    /// The pipe may have room.
    pub(crate) fn activated(&mut self, id: PipeId) {
        if let Some(place) = self.pipes.place(id)
            && place >= self.active
        {
            self.pipes.swap(place, self.active);
            self.active += 1;
        }
    }

    pub(crate) fn pipe_terminated(&mut self, id: PipeId) {
        if let Some(place) = self.pipes.place(id)
            && place < self.active
        {
            if place == self.current && self.more {
                self.dropping = true;
            }
            self.deactivate(place);
        }
        self.pipes.remove(id);
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
        while self.active > 0 {
            let Some(id) = self.pipes.at(self.current) else { break };
            if pipes.get_mut(id).is_some_and(|pipe| pipe.write(message)) {
                self.more = more;
                if !more {
                    self.current += 1;
                    if self.current >= self.active {
                        self.current = 0;
                    }
                }
                return Ok(Some(id));
            }
            if self.more {
                // The peer is gone, its first frames are lost: the others must not reach a new one.
                if let Some(pipe) = pipes.get_mut(id) {
                    pipe.rollback();
                }
                self.more = more;
                self.dropping = more;
                self.deactivate(self.current);
                message.take();
                return Ok(None);
            }
            self.deactivate(self.current);
        }
        Err(Error::AGAIN)
    }

    /// Whether `send` would find room.
    pub(crate) fn has_out(&mut self, pipes: &mut Pipes) -> bool {
        if self.more {
            return true;
        }
        while self.active > 0 {
            let Some(id) = self.pipes.at(self.current) else { return false };
            if pipes.get_mut(id).is_some_and(|pipe| pipe.check_write()) {
                return true;
            }
            self.deactivate(self.current);
        }
        false
    }

    fn deactivate(&mut self, place: usize) {
        self.active -= 1;
        self.pipes.swap(place, self.active);
        // The pipe that was last has moved to `place`; a turn that was its own goes with it.
        if self.current == self.active {
            self.current = if place == self.active { 0 } else { place };
        }
    }
}
