//! The pipes of one socket, and the list of those that came to their end. Called by the socket and
//! by patterns.

#![forbid(unsafe_code)]

use std::ops::{Index, IndexMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use slab::Slab;

use super::{Pipe, PipeId};
use crate::sys::lock::Mutex;

/// Pipes that ended and wait for their socket to remove them.
#[derive(Default)]
pub(super) struct Ended {
    any: AtomicBool,
    ids: Mutex<Vec<PipeId>>,
}

impl Ended {
    /// This pipe has ended.
    pub(super) fn add(&self, id: PipeId) {
        self.ids.lock().push(id);
        self.any.store(true, Ordering::Release);
    }
}

/// The pipes of one socket.
#[derive(Default)]
pub(crate) struct Pipes {
    pipes: Slab<Pipe>,
    ended: Arc<Ended>,
}

impl Pipes {
    /// Takes a pipe in.
    pub(crate) fn insert(&mut self, mut pipe: Pipe) -> PipeId {
        let entry = self.pipes.vacant_entry();
        let id = PipeId(entry.key() as u32);
        pipe.register(self.ended.clone(), id);
        entry.insert(pipe);
        id
    }

    /// Takes a pipe out. Dropping it closes it.
    pub(crate) fn remove(&mut self, id: PipeId) -> Option<Pipe> {
        self.pipes.try_remove(id.0 as usize)
    }

    /// The pipe with this id, if it still exists.
    #[inline(always)]
    pub(crate) fn get_mut(&mut self, id: PipeId) -> Option<&mut Pipe> {
        self.pipes.get_mut(id.0 as usize)
    }

    /// These pipes will be read soon, one after the other, and may be answered.
    pub(crate) fn anticipate(&self, ids: &[u32]) {
        for step in [Pipe::anticipate, Pipe::anticipate_parts, Pipe::anticipate_messages] {
            ids.iter().filter_map(|&id| self.pipes.get(id as usize)).for_each(step);
        }
    }

    /// The ids of all pipes.
    pub(crate) fn ids(&self) -> Vec<PipeId> {
        self.pipes.iter().map(|(key, _)| PipeId(key as u32)).collect()
    }

    /// Whether any pipe ended since the last `take_ended`.
    #[inline]
    pub(crate) fn any_ended(&self) -> bool {
        self.ended.any.load(Ordering::Relaxed)
    }

    /// The pipes that ended since the last call.
    pub(crate) fn take_ended(&mut self) -> Vec<PipeId> {
        self.ended.any.store(false, Ordering::Relaxed);
        std::mem::take(&mut self.ended.ids.lock())
    }

    /// How many pipes there are.
    pub(crate) fn len(&self) -> usize {
        self.pipes.len()
    }
}

impl Index<PipeId> for Pipes {
    type Output = Pipe;
    fn index(&self, id: PipeId) -> &Pipe {
        &self.pipes[id.0 as usize]
    }
}

impl IndexMut<PipeId> for Pipes {
    fn index_mut(&mut self, id: PipeId) -> &mut Pipe {
        &mut self.pipes[id.0 as usize]
    }
}
