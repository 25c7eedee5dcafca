//! Whose turn it is among many pipes.
//!
//! Pipes that had nothing to offer are set aside until `activated`, so that idle peers cost
//! nothing. Called by the fair queue and the load balancer.

use crate::pipe::PipeId;
use crate::routing::pipe_list::PipeList;

/// The pipes that are asked one after the other, and those set aside.
#[derive(Default)]
pub(super) struct Turn {
    /// INVARIANT: the first `active` pipes may have something; `current < active` or both are 0.
    pipes: PipeList,
    active: usize,
    current: usize,
}

impl Turn {
    /// A new pipe, which may have something.
    pub(super) fn attach(&mut self, id: PipeId) {
        self.pipes.push(id);
        self.activated(id);
    }

    /// The pipe may have something again.
    pub(super) fn activated(&mut self, id: PipeId) {
        if let Some(place) = self.pipes.place(id)
            && place >= self.active
        {
            self.pipes.swap(place, self.active);
            self.active += 1;
        }
    }

    /// Forgets a pipe. True: it was its turn.
    pub(super) fn remove(&mut self, id: PipeId) -> bool {
        let mut its_turn = false;
        if let Some(place) = self.pipes.place(id)
            && place < self.active
        {
            its_turn = place == self.current;
            self.deactivate(place);
        }
        self.pipes.remove(id);
        its_turn
    }

    /// The pipe whose turn it is, unless all are set aside.
    #[inline(always)]
    pub(super) fn current(&self) -> Option<PipeId> {
        if self.active == 0 { None } else { self.pipes.at(self.current) }
    }

    /// The pipe whose turn it always is, since all others are set aside.
    pub(super) fn only(&self) -> Option<PipeId> {
        if self.active == 1 { self.current() } else { None }
    }

    /// It is the next one's turn.
    #[inline(always)]
    pub(super) fn pass(&mut self) {
        self.current += 1;
        if self.current >= self.active {
            self.current = 0;
        }
    }

    /// Sets the pipe aside whose turn it is; there is one.
    pub(super) fn set_aside(&mut self) {
        self.deactivate(self.current);
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
