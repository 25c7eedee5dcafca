//! Writes the same message to every pipe that matches.
//!
//! A pipe that is full when a message begins misses the whole message, and one that comes or gets
//! room in the middle of a message waits for the next. Messages that go to the same pipes one after the
//! other are written once for all (`together`). Called by XPUB, XSUB, RADIO and DISH.

mod together;

use self::together::Together;
use crate::message::Message;
use crate::pipe::{Pipe, PipeId, Pipes};
use crate::routing::pipe_list::PipeList;

/// The pipes to write to.
#[derive(Default)]
pub(crate) struct Distributor {
    /// INVARIANT: `following <= matching <= active <= eligible <= len`. The first `matching` pipes get
    /// the message being sent, the first `following` of them by the log, the first `active` could, the
    /// first `eligible` can get the next one, the others are full.
    pipes: PipeList,
    following: usize,
    matching: usize,
    active: usize,
    eligible: usize,
    /// The last frame sent has more frames behind it.
    more: bool,
    together: Together,
    /// How many messages in a row went to the same pipes.
    streak: u32,
    /// Some pipe came or got room since the marks were made.
    outdated: bool,
}

impl Distributor {
    /// A new pipe.
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
            self.outdated = true;
        }
        if !self.more && place >= self.active {
            self.pipes.swap(place, self.active);
            self.active += 1;
            self.outdated = true;
        }
    }

    /// The pipe is gone.
    pub(crate) fn pipe_terminated(&mut self, id: PipeId) {
        // With the pipe ends what it gets from the log.
        self.leave_borders(id);
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
    pub(crate) fn unmark(&mut self, pipes: &mut Pipes) {
        if self.following > 0 {
            self.part(pipes);
        }
        self.matching = 0;
        self.streak = 0;
        self.outdated = false;
    }

    /// The next message is for the same pipes as the last one, as far as who subscribed to what is
    /// concerned. False: pipes came or got room that have to be marked.
    #[inline]
    pub(crate) fn repeat_marks(&mut self) -> bool {
        self.streak += u32::from(self.streak < u32::MAX);
        !self.outdated
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
        if !self.more {
            self.begin_together(pipes, &message);
        }
        if self.following > 0 {
            self.send_together(pipes, &message);
        }
        let mut place = self.following;
        while place < self.matching {
            let Some(id) = self.pipes.at(place) else { break };
            if pipes.get_mut(id).is_some_and(|pipe| {
                pipe.write_in_background();
                pipe.write_copy(&message)
            }) {
                place += 1;
            } else {
                self.refused(pipes, id);
            }
        }
        if !more {
            self.active = self.eligible;
        }
        self.more = more;
    }

    /// Whether every marked pipe has room for a message.
    pub(crate) fn marked_have_room(&self, pipes: &mut Pipes) -> bool {
        // Those that follow a log have room as long as it does not have to ask.
        let first = if self.log_has_allowance() { self.following } else { 0 };
        (first..self.matching)
            .filter_map(|place| self.pipes.at(place))
            .all(|id| pipes.get_mut(id).is_none_or(Pipe::check_write_as_known))
    }

    /// Whether the last frame sent has more frames behind it.
    pub(crate) fn is_within_message(&self) -> bool {
        self.more
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
            // Only XPUB marks repeatedly, so no pipe follows a log here.
            self.leave_first_borders(id, 3);
        }
    }

    /// A pipe has no room for a frame, or is gone: it misses the rest of the message.
    fn refused(&mut self, pipes: &mut Pipes, id: PipeId) {
        if self.more
            && let Some(pipe) = pipes.get_mut(id)
        {
            pipe.rollback();
        }
        self.leave_borders(id);
    }

    /// Moves a pipe behind the eligible ones.
    fn leave_borders(&mut self, id: PipeId) {
        self.leave_first_borders(id, 4);
    }

    /// Moves a pipe behind the first `borders` of: the following, the matching, the active, the
    /// eligible ones.
    fn leave_first_borders(&mut self, id: PipeId, borders: usize) {
        let all = [&mut self.following, &mut self.matching, &mut self.active, &mut self.eligible];
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
