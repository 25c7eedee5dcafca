//! Which pipes want the messages of which topics: the publisher's side of 29/PUBSUB.
//!
//! A pipe counts once for a topic however often it subscribed. Called by XPUB (and so PUB).

use crate::error::{Error, Result};
use crate::pipe::PipeId;
use crate::routing::prefix_map::{KeyId, PrefixMap};

/// The subscribers of one topic. Sorted, never empty.
enum PipeSet {
    One(PipeId),
    Many(Vec<PipeId>),
}

impl PipeSet {
    #[inline]
    fn as_slice(&self) -> &[PipeId] {
        match self {
            PipeSet::One(id) => std::slice::from_ref(id),
            PipeSet::Many(ids) => ids,
        }
    }

    fn place(&self, id: PipeId) -> std::result::Result<usize, usize> {
        self.as_slice().binary_search_by_key(&id.0, |other| other.0)
    }

    /// Whether the pipe is new.
    fn insert(&mut self, id: PipeId) -> Result<bool> {
        let Err(place) = self.place(id) else { return Ok(false) };
        match self {
            PipeSet::One(other) => {
                let mut ids = vec![*other];
                ids.insert(place, id);
                *self = PipeSet::Many(ids);
            }
            PipeSet::Many(ids) => {
                ids.try_reserve(1).map_err(|_| Error::NOMEM)?;
                ids.insert(place, id);
            }
        }
        Ok(true)
    }
}

/// What became of a topic from which a pipe was to be removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Removed {
    /// The pipe did not subscribe to the topic.
    NotFound,
    /// Others still want the topic.
    OthersRemain,
    /// Nobody wants the topic any more.
    Last,
}

/// What the topics, or groups, of one pipe may cost: millions of them, and yet not all of the memory. What is
/// behind a pipe may be a stranger.
pub(crate) const MOST_OF_ONE_PIPE: u64 = if cfg!(test) { 1 << 20 } else { 256 << 20 };

/// About what it costs to remember a topic or group of one pipe, besides its bytes.
const COST_OF_EACH: u64 = 64;

/// What it costs to remember that a pipe wants this.
pub(crate) fn cost_of(topic: &[u8]) -> u64 {
    COST_OF_EACH + topic.len() as u64
}

/// So many stale entries are not worth a sweep.
const SLACK: usize = 16;

/// The topics of one pipe, so that its end does not cost a walk over everybody's.
#[derive(Default)]
struct PipeTopics {
    /// Every topic of the pipe; also stale and repeated entries, swept when they are more than the
    /// others and `SLACK`.
    keys: Vec<KeyId>,
    /// How many topics the pipe has, and what they cost.
    live: usize,
    cost: u64,
}

/// The map from topics to pipes.
#[derive(Default)]
pub(crate) struct Subscriptions {
    map: PrefixMap<PipeSet>,
    /// Indexed by pipe id.
    pipes: Vec<PipeTopics>,
    /// The topics that the last message matched, and whether anything has changed since.
    last: Vec<KeyId>,
    changed: bool,
}

impl Subscriptions {
    /// How many topics somebody wants.
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// Subscribes a pipe; says whether it is the first to want the topic. `NOMEM`, and nothing has
    /// changed, without memory for that.
    pub(crate) fn add(&mut self, topic: &[u8], id: PipeId) -> Result<bool> {
        let slot = id.0 as usize;
        if slot >= self.pipes.len() {
            self.pipes.try_reserve(slot + 1 - self.pipes.len()).map_err(|_| Error::NOMEM)?;
            self.pipes.resize_with(slot + 1, PipeTopics::default);
        }
        self.pipes[slot].keys.try_reserve(1).map_err(|_| Error::NOMEM)?;
        self.changed = true;
        let before = self.map.len();
        let (key, subscribers) = self.map.get_or_insert_with(topic, || PipeSet::One(id))?;
        let added = subscribers.insert(id)?;
        let first = self.map.len() > before;
        if first || added {
            self.pipes[slot].live += 1;
            self.pipes[slot].cost += cost_of(topic);
            self.pipes[slot].keys.push(key);
            if self.pipes[slot].keys.len() > 2 * self.pipes[slot].live + SLACK {
                self.sweep(id);
            }
        }
        Ok(first)
    }

    /// Takes a subscription back, all of them if the pipe subscribed more than once.
    pub(crate) fn remove(&mut self, topic: &[u8], id: PipeId) -> Removed {
        let Some(key) = self.map.find(topic) else { return Removed::NotFound };
        let removed = self.remove_from_key(key, id);
        if removed != Removed::NotFound
            && let Some(topics) = self.pipes.get_mut(id.0 as usize)
        {
            topics.live -= 1;
            topics.cost = topics.cost.saturating_sub(cost_of(topic));
        }
        removed
    }

    /// What the topics of a pipe cost.
    pub(crate) fn cost(&self, id: PipeId) -> u64 {
        self.pipes.get(id.0 as usize).map_or(0, |topics| topics.cost)
    }

    /// Takes all subscriptions of a pipe back. `removed` is told each topic, in ascending order,
    /// and whether the pipe was the last to want it.
    pub(crate) fn remove_pipe(&mut self, id: PipeId, mut removed: impl FnMut(&[u8], bool)) {
        self.sweep(id);
        let Some(topics) = self.pipes.get_mut(id.0 as usize) else { return };
        let mut keys = std::mem::take(topics).keys;
        keys.sort_unstable_by(|&one, &other| self.map.key(one).cmp(self.map.key(other)));
        for key in keys {
            let last = self.map.value(key).is_some_and(|ids| ids.as_slice() == [id]);
            removed(self.map.key(key), last);
            self.remove_from_key(key, id);
        }
    }

    /// Finds out who wants a message; says whether it is those who wanted the last one.
    #[inline]
    pub(crate) fn look_up(&mut self, message: &[u8]) -> bool {
        let mut same = !std::mem::take(&mut self.changed);
        let mut count = 0;
        for key in self.map.keys_before(message) {
            match self.last.get_mut(count) {
                Some(last) => same &= std::mem::replace(last, key) == key,
                None => {
                    same = false;
                    self.last.push(key);
                }
            }
            count += 1;
        }
        same &= count == self.last.len();
        self.last.truncate(count);
        same
    }

    /// Names the pipes that want the message that was looked up, some perhaps more than once.
    #[inline]
    pub(crate) fn for_each_match(&self, mut wanted: impl FnMut(PipeId)) {
        for &key in &self.last {
            for &id in self.map.value(key).map_or(&[][..], PipeSet::as_slice) {
                wanted(id);
            }
        }
    }

    fn remove_from_key(&mut self, key: KeyId, id: PipeId) -> Removed {
        self.changed = true;
        let Some(subscribers) = self.map.value_mut(key) else { return Removed::NotFound };
        let Ok(place) = subscribers.place(id) else { return Removed::NotFound };
        if let PipeSet::Many(ids) = subscribers
            && ids.len() > 1
        {
            ids.remove(place);
            ids.shrink_to(2 * ids.len());
            return Removed::OthersRemain;
        }
        self.map.remove(key);
        Removed::Last
    }

    /// Drops the entries of a pipe's topics that are stale or repeated.
    fn sweep(&mut self, id: PipeId) {
        let map = &self.map;
        if let Some(topics) = self.pipes.get_mut(id.0 as usize) {
            topics.keys.retain(|&key| map.value(key).is_some_and(|ids| ids.place(id).is_ok()));
            topics.keys.sort_unstable();
            topics.keys.dedup();
            topics.keys.shrink_to(2 * topics.keys.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PipeId = PipeId(3);
    const B: PipeId = PipeId(0);

    fn matches(subs: &mut Subscriptions, message: &[u8]) -> Vec<u32> {
        let mut ids = Vec::new();
        subs.look_up(message);
        subs.for_each_match(|id| ids.push(id.0));
        ids
    }

    #[test]
    fn a_pipe_counts_once_for_a_topic() {
        let mut subs = Subscriptions::default();
        assert!(subs.add(b"a", A).unwrap());
        assert!(!subs.add(b"a", A).unwrap());
        assert!(!subs.add(b"a", B).unwrap());
        assert_eq!(matches(&mut subs, b"abc"), [0, 3]);
        assert_eq!(subs.remove(b"a", A), Removed::OthersRemain);
        assert_eq!(subs.remove(b"a", A), Removed::NotFound);
        assert_eq!(subs.remove(b"a", B), Removed::Last);
        assert_eq!(subs.remove(b"a", B), Removed::NotFound);
        assert_eq!(subs.remove(b"never", B), Removed::NotFound);
        assert_eq!(subs.len(), 0);
    }

    #[test]
    fn the_end_of_a_pipe_takes_its_topics_along_in_order() {
        let mut subs = Subscriptions::default();
        for topic in [&b"b"[..], b"", b"abc", b"a"] {
            subs.add(topic, A).unwrap();
        }
        subs.add(b"a", B).unwrap();
        let mut gone = Vec::new();
        subs.remove_pipe(A, |topic, last| gone.push((topic.to_vec(), last)));
        let expected = [(&b""[..], true), (b"a", false), (b"abc", true), (b"b", true)];
        assert_eq!(gone, expected.map(|(topic, last)| (topic.to_vec(), last)));
        assert_eq!(matches(&mut subs, b"abcd"), [0]);
        subs.remove_pipe(A, |_, _| panic!("nothing is left"));
        subs.remove_pipe(PipeId(77), |_, _| panic!("never was here"));
    }

    #[test]
    fn subscribing_and_unsubscribing_for_ever_costs_no_memory() {
        let mut subs = Subscriptions::default();
        subs.add(b"kept", A).unwrap();
        let before = subs.cost(A);
        for round in 0..10_000u32 {
            subs.add(&round.to_be_bytes(), A).unwrap();
            subs.add(&round.to_be_bytes(), A).unwrap();
            assert_eq!(subs.cost(A), before + 64 + 4);
            assert_eq!(subs.remove(&round.to_be_bytes(), A), Removed::Last);
        }
        assert_eq!((subs.cost(A), subs.cost(B)), (before, 0));
        assert!(subs.pipes[A.0 as usize].keys.len() < 32);
        let mut gone = 0;
        subs.remove_pipe(A, |topic, _| {
            assert_eq!(topic, b"kept");
            gone += 1;
        });
        assert_eq!(gone, 1);
    }

    #[test]
    fn ten_thousand_topics_and_pipes_find_their_way() {
        let mut subs = Subscriptions::default();
        for number in 0..10_000u32 {
            subs.add(format!("topic.{number:05}").as_bytes(), PipeId(number)).unwrap();
        }
        assert_eq!(subs.len(), 10_000);
        assert_eq!(matches(&mut subs, b"topic.04711 and more"), [4711]);
        for number in 0..10_000 {
            subs.remove_pipe(PipeId(number), |_, last| assert!(last));
        }
        assert_eq!(subs.len(), 0);
    }
}
