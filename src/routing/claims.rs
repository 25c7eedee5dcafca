//! Pipes that wait for a routing id that another one has, in the order in which they came. Called by ROUTER.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::pipe::PipeId;

/// How many may wait whose peers have gone: what these have sent is kept.
const MOST_LEFT: usize = 100;

/// A name, and who came how many before.
type Place = (Arc<[u8]>, u64);

/// See the head of this file. Whatever is asked of it takes the same time, however many wait.
#[derive(Default)]
pub(crate) struct Claims {
    waiting: BTreeMap<Place, PipeId>,
    places: HashMap<PipeId, Place>,
    came: u64,
    /// Those whose peers have gone, in the order in which they went.
    left: VecDeque<PipeId>,
}

impl Claims {
    /// Has a pipe wait, that does not yet.
    pub(crate) fn add(&mut self, name: &[u8], id: PipeId) {
        let place = (Arc::from(name), self.came);
        self.came += 1;
        self.waiting.insert(place.clone(), id);
        self.places.insert(id, place);
    }

    /// Forgets a pipe; says whether it was there.
    pub(crate) fn remove(&mut self, id: PipeId) -> bool {
        self.left.retain(|&other| other != id);
        self.places.remove(&id).is_some_and(|place| self.waiting.remove(&place).is_some())
    }

    /// The peer of this pipe has gone. Gives the pipe that waits no longer, if there were too many of this
    /// kind. Of a pipe that does not wait nothing is noted.
    pub(crate) fn peer_left(&mut self, id: PipeId) -> Option<PipeId> {
        if !self.places.contains_key(&id) || self.left.contains(&id) {
            return None;
        }
        self.left.push_back(id);
        let oldest = (self.left.len() > MOST_LEFT).then(|| self.left.pop_front()).flatten()?;
        self.remove(oldest);
        Some(oldest)
    }

    /// Whether this pipe waits.
    pub(crate) fn has(&self, id: PipeId) -> bool {
        self.places.contains_key(&id)
    }

    /// Takes out who has waited for this name for the longest time.
    pub(crate) fn next(&mut self, name: &[u8]) -> Option<PipeId> {
        if self.waiting.is_empty() {
            return None;
        }
        let ((wanted, _), &id) = self.waiting.range((Arc::from(name), 0)..).next()?;
        let id = (wanted.as_ref() == name).then_some(id)?;
        self.remove(id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_first_is_next() {
        let mut claims = Claims::default();
        assert_eq!(claims.next(b"a"), None);
        for (name, id) in [(b"b", 5), (b"a", 4), (b"b", 3), (b"b", 2)] {
            claims.add(name, PipeId(id));
        }
        assert!(claims.remove(PipeId(3)));
        assert!(!claims.remove(PipeId(3)));
        assert_eq!(claims.next(b""), None);
        assert_eq!(claims.next(b"aa"), None);
        assert_eq!(claims.next(b"b"), Some(PipeId(5)));
        claims.add(b"b", PipeId(5));
        assert_eq!(claims.next(b"b"), Some(PipeId(2)));
        assert_eq!(claims.next(b"b"), Some(PipeId(5)));
        assert_eq!(claims.next(b"b"), None);
        assert_eq!(claims.next(b"a"), Some(PipeId(4)));
        assert!(claims.waiting.is_empty() && claims.places.is_empty());
    }

    #[test]
    fn only_so_many_wait_for_those_who_have_gone() {
        let mut claims = Claims::default();
        let most = MOST_LEFT as u32;
        for id in 0..=most {
            claims.add(b"a", PipeId(id));
        }
        // The first two have not gone.
        for id in (2..=most).chain(2..=most) {
            assert_eq!(claims.peer_left(PipeId(id)), None);
        }
        assert_eq!(claims.peer_left(PipeId(1)), None);
        assert_eq!(claims.peer_left(PipeId(0)), Some(PipeId(2)));
        assert!(!claims.has(PipeId(2)) && claims.has(PipeId(3)));
        assert_eq!(claims.peer_left(PipeId(2)), None);
        assert_eq!(claims.next(b"a"), Some(PipeId(0)));
        claims.add(b"a", PipeId(2));
        assert_eq!(claims.peer_left(PipeId(2)), None);
        assert_eq!(claims.left.len(), MOST_LEFT);
    }
}
