//! Which pipes want the messages of which topics: the publisher's side of 29/PUBSUB.
//!
//! A pipe counts once for a topic however often it subscribed. Called by XPUB (and so PUB).

use crate::pipe::PipeId;
use crate::routing::prefix_tree::{NodeId, PrefixTree};

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

    fn place(&self, id: PipeId) -> Result<usize, usize> {
        self.as_slice().binary_search_by_key(&id.0, |other| other.0)
    }

    /// Whether the pipe is new.
    fn insert(&mut self, id: PipeId) -> bool {
        let Err(place) = self.place(id) else { return false };
        match self {
            PipeSet::One(other) => {
                let mut ids = vec![*other];
                ids.insert(place, id);
                *self = PipeSet::Many(ids);
            }
            PipeSet::Many(ids) => ids.insert(place, id),
        }
        true
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

/// The topics of one pipe, so that its end does not cost a walk over everybody's.
#[derive(Default)]
struct PipeTopics {
    /// Every topic of the pipe; also stale and repeated entries, swept now and then.
    nodes: Vec<NodeId>,
    /// How many topics the pipe has.
    live: usize,
}

/// The map from topics to pipes.
#[derive(Default)]
pub(crate) struct SubscriptionTrie {
    tree: PrefixTree<PipeSet>,
    /// Indexed by pipe id.
    pipes: Vec<PipeTopics>,
}

impl SubscriptionTrie {
    /// How many topics somebody wants.
    pub(crate) fn len(&self) -> usize {
        self.tree.len()
    }

    /// Subscribes a pipe; says whether it is the first to want the topic.
    pub(crate) fn add(&mut self, topic: &[u8], id: PipeId) -> bool {
        let before = self.tree.len();
        let (node, subscribers) = self.tree.get_or_insert_with(topic, || PipeSet::One(id));
        let added = subscribers.insert(id);
        let first = self.tree.len() > before;
        if first || added {
            let slot = id.0 as usize;
            if slot >= self.pipes.len() {
                self.pipes.resize_with(slot + 1, PipeTopics::default);
            }
            self.pipes[slot].live += 1;
            self.pipes[slot].nodes.push(node);
            if self.pipes[slot].nodes.len() > 2 * self.pipes[slot].live + 16 {
                self.sweep(id);
            }
        }
        first
    }

    /// Takes a subscription back, all of them if the pipe subscribed more than once.
    pub(crate) fn remove(&mut self, topic: &[u8], id: PipeId) -> Removed {
        let Some(node) = self.tree.find(topic) else { return Removed::NotFound };
        let removed = self.remove_from_node(node, id);
        if removed != Removed::NotFound
            && let Some(topics) = self.pipes.get_mut(id.0 as usize)
        {
            topics.live -= 1;
        }
        removed
    }

    /// Takes all subscriptions of a pipe back. `removed` is told each topic, in ascending order,
    /// and whether the pipe was the last to want it.
    pub(crate) fn remove_pipe(&mut self, id: PipeId, mut removed: impl FnMut(&[u8], bool)) {
        self.sweep(id);
        let Some(topics) = self.pipes.get_mut(id.0 as usize) else { return };
        let nodes = std::mem::take(topics).nodes;
        let mut topics: Vec<_> = nodes.iter().map(|&node| (self.tree.key(node), node)).collect();
        topics.sort_unstable();
        for (topic, node) in topics {
            let last = self.remove_from_node(node, id) == Removed::Last;
            removed(&topic, last);
        }
    }

    /// Names the pipes that want a message, some perhaps more than once.
    #[inline]
    pub(crate) fn for_each_match(&self, message: &[u8], mut wanted: impl FnMut(PipeId)) {
        for subscribers in self.tree.prefixes_of(message) {
            for &id in subscribers.as_slice() {
                wanted(id);
            }
        }
    }

    fn remove_from_node(&mut self, node: NodeId, id: PipeId) -> Removed {
        let Some(subscribers) = self.tree.value_mut(node) else { return Removed::NotFound };
        let Ok(place) = subscribers.place(id) else { return Removed::NotFound };
        if let PipeSet::Many(ids) = subscribers
            && ids.len() > 1
        {
            ids.remove(place);
            ids.shrink_to(2 * ids.len());
            return Removed::OthersRemain;
        }
        self.tree.remove(node);
        Removed::Last
    }

    /// Drops the entries of a pipe's topics that are stale or repeated.
    fn sweep(&mut self, id: PipeId) {
        let tree = &self.tree;
        if let Some(topics) = self.pipes.get_mut(id.0 as usize) {
            topics.nodes.retain(|&node| tree.value(node).is_some_and(|ids| ids.place(id).is_ok()));
            topics.nodes.sort_unstable();
            topics.nodes.dedup();
            topics.nodes.shrink_to(2 * topics.nodes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PipeId = PipeId(3);
    const B: PipeId = PipeId(0);

    fn matches(trie: &SubscriptionTrie, message: &[u8]) -> Vec<u32> {
        let mut ids = Vec::new();
        trie.for_each_match(message, |id| ids.push(id.0));
        ids
    }

    #[test]
    fn a_pipe_counts_once_for_a_topic() {
        let mut trie = SubscriptionTrie::default();
        assert!(trie.add(b"a", A));
        assert!(!trie.add(b"a", A));
        assert!(!trie.add(b"a", B));
        assert_eq!(matches(&trie, b"abc"), [0, 3]);
        assert_eq!(trie.remove(b"a", A), Removed::OthersRemain);
        assert_eq!(trie.remove(b"a", A), Removed::NotFound);
        assert_eq!(trie.remove(b"a", B), Removed::Last);
        assert_eq!(trie.remove(b"a", B), Removed::NotFound);
        assert_eq!(trie.remove(b"never", B), Removed::NotFound);
        assert_eq!(trie.len(), 0);
    }

    #[test]
    fn the_end_of_a_pipe_takes_its_topics_along_in_order() {
        let mut trie = SubscriptionTrie::default();
        for topic in [&b"b"[..], b"", b"abc", b"a"] {
            trie.add(topic, A);
        }
        trie.add(b"a", B);
        let mut gone = Vec::new();
        trie.remove_pipe(A, |topic, last| gone.push((topic.to_vec(), last)));
        let expected = [(&b""[..], true), (b"a", false), (b"abc", true), (b"b", true)];
        assert_eq!(gone, expected.map(|(topic, last)| (topic.to_vec(), last)));
        assert_eq!(matches(&trie, b"abcd"), [0]);
        trie.remove_pipe(A, |_, _| panic!("nothing is left"));
        trie.remove_pipe(PipeId(77), |_, _| panic!("never was here"));
    }

    #[test]
    fn subscribing_and_unsubscribing_for_ever_costs_no_memory() {
        let mut trie = SubscriptionTrie::default();
        trie.add(b"kept", A);
        for round in 0..10_000u32 {
            trie.add(&round.to_be_bytes(), A);
            assert_eq!(trie.remove(&round.to_be_bytes(), A), Removed::Last);
        }
        assert!(trie.pipes[A.0 as usize].nodes.len() < 32);
        let mut gone = 0;
        trie.remove_pipe(A, |topic, _| {
            assert_eq!(topic, b"kept");
            gone += 1;
        });
        assert_eq!(gone, 1);
    }

    #[test]
    fn ten_thousand_topics_and_pipes_find_their_way() {
        let mut trie = SubscriptionTrie::default();
        for number in 0..10_000u32 {
            trie.add(format!("topic.{number:05}").as_bytes(), PipeId(number));
        }
        assert_eq!(trie.len(), 10_000);
        assert_eq!(matches(&trie, b"topic.04711 and more"), [4711]);
        for number in 0..10_000 {
            trie.remove_pipe(PipeId(number), |_, last| assert!(last));
        }
        assert_eq!(trie.len(), 0);
    }
}
