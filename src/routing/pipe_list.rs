//! A list of pipes that knows where each pipe stands, so that ten thousand pipes cost no search.
//!
//! The users keep it partitioned: the pipes before some index are active, the others are not, and a
//! pipe changes sides by one swap. Called by the turn and the distributor.

use crate::pipe::PipeId;

const ABSENT: u32 = u32::MAX;

/// Pipes in an order that the user decides by swapping.
#[derive(Default)]
pub(super) struct PipeList {
    pipes: Vec<PipeId>,
    /// INVARIANT: `places[pipes[i].0] == i`, and `ABSENT` for every other id. Ids are dense.
    places: Vec<u32>,
}

impl PipeList {
    pub(super) fn len(&self) -> usize {
        self.pipes.len()
    }

    /// The pipe at `index`, if the list is that long.
    #[inline]
    pub(super) fn at(&self, index: usize) -> Option<PipeId> {
        self.pipes.get(index).copied()
    }

    /// Where the pipe stands, if it is in the list.
    #[inline]
    pub(super) fn place(&self, id: PipeId) -> Option<usize> {
        match self.places.get(id.0 as usize) {
            Some(&ABSENT) | None => None,
            Some(&place) => Some(place as usize),
        }
    }

    /// Appends a pipe that is not in the list yet; gives its index.
    pub(super) fn push(&mut self, id: PipeId) -> usize {
        if let Some(place) = self.place(id) {
            return place;
        }
        let slot = id.0 as usize;
        if slot >= self.places.len() {
            self.places.resize(slot + 1, ABSENT);
        }
        let place = self.pipes.len();
        self.places[slot] = place as u32;
        self.pipes.push(id);
        place
    }

    /// Lets two pipes change places.
    #[inline]
    pub(super) fn swap(&mut self, one: usize, other: usize) {
        if one != other {
            self.pipes.swap(one, other);
            self.places[self.pipes[one].0 as usize] = one as u32;
            self.places[self.pipes[other].0 as usize] = other as u32;
        }
    }

    /// Removes a pipe; the last one takes its place.
    pub(super) fn remove(&mut self, id: PipeId) {
        if let Some(place) = self.place(id) {
            self.swap(place, self.pipes.len() - 1);
            self.pipes.pop();
            self.places[id.0 as usize] = ABSENT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_swaps_and_removals() {
        let mut list = PipeList::default();
        for id in [5, 0, 9, 2] {
            list.push(PipeId(id));
        }
        assert_eq!(list.push(PipeId(9)), 2);
        list.swap(0, 3);
        list.remove(PipeId(0));
        list.remove(PipeId(0));
        list.remove(PipeId(1000));
        assert_eq!(list.len(), 3);
        for index in 0..list.len() {
            assert_eq!(list.place(list.at(index).unwrap()), Some(index));
        }
        assert_eq!(list.place(PipeId(0)), None);
        assert_eq!(list.at(3), None);
    }
}
