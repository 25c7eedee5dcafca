//! Writes the same message to every pipe that matches.
//!
//! A pipe that is full when a message begins misses the whole message, and one that comes or gets
//! room in the middle of a message waits for the next. Called by XPUB, XSUB, RADIO and DISH.

use crate::message::Message;
use crate::pipe::{Pipe, PipeId, Pipes};
use crate::routing::pipe_list::PipeList;

/// The pipes to write to.
#[derive(Default)]
pub(crate) struct Distributor {
    /// INVARIANT: `matching <= active <= eligible <= len`. The first `matching` pipes get the
    /// message being sent, the first `active` could, the first `eligible` can get the next one,
    /// the others are full.
    pipes: PipeList,
    matching: usize,
    active: usize,
    eligible: usize,
    /// The last frame sent has more frames behind it.
    more: bool,
}

impl Distributor {
    pub(crate) fn attach(&mut self, id: PipeId) {
        self.pipes.push(id);
        self.activated(id);
    }

    /// The pipe may have room.
    pub(crate) fn activated(&mut self, id: PipeId) {
        let Some(mut place) = self.pipes.place(id) else { return };
        if place >= self.eligible {
            self.pipes.swap(place, self.eligible);
            place = self.eligible;
            self.eligible += 1;
        }
        if !self.more && place >= self.active {
            self.pipes.swap(place, self.active);
            self.active += 1;
        }
    }

    pub(crate) fn pipe_terminated(&mut self, id: PipeId) {
        self.disable(id);
        self.pipes.remove(id);
    }

    /// Marks a pipe as wanting the next message.
    #[inline]
    pub(crate) fn mark(&mut self, id: PipeId) {
        if let Some(place) = self.pipes.place(id)
            && (self.matching..self.active).contains(&place)
        {
            self.pipes.swap(place, self.matching);
            self.matching += 1;
        }
    }

    /// Marks the pipes that were not marked, and those only.
    pub(crate) fn invert_marks(&mut self) {
        let marked = self.matching;
        self.matching = 0;
        for place in marked..self.active {
            self.pipes.swap(place, self.matching);
            self.matching += 1;
        }
    }

    /// Forgets all marks.
    pub(crate) fn unmark(&mut self) {
        self.matching = 0;
    }

    /// Sends a frame to all pipes that have room.
    pub(crate) fn send_to_all(&mut self, pipes: &mut Pipes, message: &mut Message) {
        self.matching = self.active;
        self.send_to_marked(pipes, message);
    }

    /// Sends a frame to the marked pipes; a pipe that refuses it misses the rest of the message.
    pub(crate) fn send_to_marked(&mut self, pipes: &mut Pipes, message: &mut Message) {
        let more = message.more();
        let mut message = message.take();
        // What came with a received message concerns the peer it came from.
        message.set_metadata(None);
        let mut place = 0;
        while place < self.matching {
            let Some(id) = self.pipes.at(place) else { break };
            if pipes.get_mut(id).is_some_and(|pipe| {
                pipe.write_in_background();
                pipe.write_copy(&message)
            }) {
                place += 1;
            } else {
                if self.more
                    && let Some(pipe) = pipes.get_mut(id)
                {
                    pipe.rollback();
                }
                self.disable(id);
            }
        }
        if !more {
            self.active = self.eligible;
        }
        self.more = more;
    }

    /// Whether every marked pipe has room for a message.
    pub(crate) fn marked_have_room(&self, pipes: &mut Pipes) -> bool {
        (0..self.matching)
            .filter_map(|place| self.pipes.at(place))
            .all(|id| pipes.get_mut(id).is_none_or(Pipe::check_write_as_known))
    }

    /// Does `write` to every pipe, full ones too: for subscriptions, which no mark holds up.
    pub(crate) fn for_each(&self, pipes: &mut Pipes, mut write: impl FnMut(&mut Pipe)) {
        for place in 0..self.pipes.len() {
            if let Some(pipe) = self.pipes.at(place).and_then(|id| pipes.get_mut(id)) {
                write(pipe);
            }
        }
    }

    /// The pipe gets nothing more of the message being sent.
    pub(crate) fn skip_rest(&mut self, id: PipeId) {
        if self.more {
            self.leave_border(id, 2);
        }
    }

    /// Moves a pipe behind the eligible ones.
    fn disable(&mut self, id: PipeId) {
        self.leave_border(id, 3);
    }

    /// Moves a pipe behind the first `borders` of: the matching, the active, the eligible ones.
    fn leave_border(&mut self, id: PipeId, borders: usize) {
        let all = [&mut self.matching, &mut self.active, &mut self.eligible];
        for border in all.into_iter().take(borders) {
            if let Some(place) = self.pipes.place(id)
                && place < *border
            {
                *border -= 1;
                self.pipes.swap(place, *border);
            }
        }
    }
}
