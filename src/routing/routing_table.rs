//! Which pipe leads to the peer of which routing id: ROUTER, REP and STREAM.
//!
//! Ids the peers announce, ids the application chooses (ZMQ_CONNECT_ROUTING_ID) and ids made here:
//! a zero byte and a running number, so that they never meet an announced one (28/REQREP).

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::error::Result;
use crate::message::Message;
use crate::pipe::PipeId;

/// The table of routing ids.
pub(crate) struct RoutingTable {
    pipes: HashMap<Box<[u8]>, PipeId>,
    /// The routing id of each pipe as a frame that has more behind it; indexed by pipe id.
    /// INVARIANT: holds exactly the entries of `pipes`.
    frames: Vec<Option<Message>>,
    next: u32,
}

impl Default for RoutingTable {
    fn default() -> RoutingTable {
        RoutingTable { pipes: HashMap::new(), frames: Vec::new(), next: random() }
    }
}

impl RoutingTable {
    /// The pipe to the peer with this routing id.
    #[inline]
    pub(crate) fn find(&self, routing_id: &[u8]) -> Option<PipeId> {
        self.pipes.get(routing_id).copied()
    }

    /// Whether this is the routing id of that pipe: quicker than to look for it.
    #[inline]
    pub(crate) fn is_of(&self, routing_id: &[u8], id: PipeId) -> bool {
        let frame = self.frames.get(id.0 as usize).and_then(Option::as_ref);
        frame.is_some_and(|frame| frame.data() == routing_id)
    }

    /// The routing id of a pipe, as the frame that goes before its messages.
    #[inline]
    pub(crate) fn frame(&self, id: PipeId) -> Option<Message> {
        Some(self.frames.get(id.0 as usize)?.as_ref()?.share())
    }

    /// All pipes, in no order.
    pub(crate) fn pipes(&self) -> impl Iterator<Item = PipeId> {
        self.pipes.values().copied()
    }

    /// Gives a pipe a routing id that no other has; a former one of the pipe is forgotten.
    /// Fails only for want of memory.
    pub(crate) fn insert(&mut self, routing_id: &[u8], id: PipeId) -> Result<()> {
        let mut frame = Message::from_slice(routing_id)?;
        frame.set_more(true);
        self.remove(id);
        let slot = id.0 as usize;
        if slot >= self.frames.len() {
            self.frames.resize_with(slot + 1, || None);
        }
        if let Some(other) = self.pipes.insert(routing_id.into(), id)
            && let Some(frame) = self.frames.get_mut(other.0 as usize)
        {
            *frame = None;
        }
        self.frames[slot] = Some(frame);
        Ok(())
    }

    /// Gives a pipe a routing id made here.
    pub(crate) fn insert_integral(&mut self, id: PipeId) -> Result<()> {
        loop {
            let mut routing_id = [0; 5];
            routing_id[1..].copy_from_slice(&self.next.to_be_bytes());
            self.next = self.next.wrapping_add(1);
            if !self.pipes.contains_key(&routing_id[..]) {
                return self.insert(&routing_id, id);
            }
        }
    }

    /// Forgets a pipe; says whether it was there.
    pub(crate) fn remove(&mut self, id: PipeId) -> bool {
        match self.frames.get_mut(id.0 as usize).and_then(Option::take) {
            Some(frame) => self.pipes.remove(frame.data()).is_some(),
            None => false,
        }
    }
}

/// A number to start counting from, so that ids of an earlier run mean nobody.
pub(crate) fn random() -> u32 {
    RandomState::new().build_hasher().finish() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_found_by_its_id_until_removed() {
        let mut table = RoutingTable::default();
        table.insert(b"alice", PipeId(4)).unwrap();
        table.insert_integral(PipeId(1)).unwrap();
        assert_eq!(table.find(b"alice"), Some(PipeId(4)));
        let frame = table.frame(PipeId(1)).unwrap();
        assert!(frame.more());
        assert_eq!((frame.len(), frame.data()[0]), (5, 0));
        assert_eq!(table.find(frame.data()), Some(PipeId(1)));
        assert!(table.is_of(b"alice", PipeId(4)) && !table.is_of(b"alice", PipeId(1)));
        assert!(table.remove(PipeId(4)));
        assert!(!table.remove(PipeId(4)));
        assert_eq!(table.find(b"alice"), None);
        assert!(table.frame(PipeId(4)).is_none());
        assert!(!table.is_of(b"alice", PipeId(4)));
    }

    #[test]
    fn ids_made_here_that_come_round_skip_who_is_there() {
        let mut table = RoutingTable { next: u32::MAX, ..RoutingTable::default() };
        (0..2).for_each(|id| table.insert_integral(PipeId(id)).unwrap());
        table.next = u32::MAX;
        table.insert_integral(PipeId(2)).unwrap();
        let ids = [0, 1, 2].map(|id| table.frame(PipeId(id)).unwrap().data().to_vec());
        assert_eq!(ids, [[0, 255, 255, 255, 255], [0; 5], [0, 0, 0, 0, 1]]);
    }

    #[test]
    fn a_pipe_that_is_renamed_loses_its_old_name() {
        let mut table = RoutingTable::default();
        table.insert(b"alice", PipeId(0)).unwrap();
        table.insert_integral(PipeId(0)).unwrap();
        assert_eq!(table.find(b"alice"), None);
        table.insert(b"alice", PipeId(1)).unwrap();
        assert_eq!(table.pipes().count(), 2);
    }
}
