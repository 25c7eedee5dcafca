//! Handles: the opaque pointers of the C API, which may be stale, foreign or null.
//!
//! Contexts and sockets live in tables of slots that are never unmapped and never move. A handle is
//! an address inside its slot that depends on how often the slot was used, so a pointer to a closed
//! socket, even one whose slot was taken again since, is recognised by arithmetic alone; nothing is
//! read through the pointer. Called by `context` and `socket` for `ffi`.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

/// The first segment holds this many slots, each later one twice as many as the one before.
const FIRST: usize = 64;
/// Enough for 2^24 slots.
const SEGMENTS: usize = 18;
/// Distinct addresses a slot offers, and their distance: a pointer's alignment.
const ADDRESSES: usize = 16;
const STEP: usize = 8;

/// One slot: the object and the number of times it was taken or freed (odd: taken).
#[repr(align(128))]
struct Slot<T> {
    uses: AtomicU32,
    value: T,
}

impl<T> Slot<T> {
    /// How far into the slot the handle of its present use points.
    fn offset(&self) -> usize {
        (self.uses.load(Ordering::Acquire) as usize / 2 % ADDRESSES) * STEP
    }

    fn taken(&self) -> bool {
        self.uses.load(Ordering::Acquire) % 2 == 1
    }
}

/// A table of objects of one kind.
pub(crate) struct Table<T: 'static> {
    segments: [OnceLock<&'static [Slot<T>]>; SEGMENTS],
    /// Free slots, the longest unused first.
    free: Mutex<VecDeque<(usize, usize)>>,
}

impl<T: Default + Sync> Table<T> {
    pub(crate) const fn new() -> Table<T> {
        Table { segments: [const { OnceLock::new() }; SEGMENTS], free: Mutex::new(VecDeque::new()) }
    }

    /// Takes a free slot. `None`: there are 2^24 objects already.
    pub(crate) fn take(&self) -> Option<&'static T> {
        let mut free = self.free.lock();
        if free.is_empty() {
            let segment = self.segments.iter().position(|segment| segment.get().is_none())?;
            let slots: Vec<Slot<T>> = (0..FIRST << segment)
                .map(|_| Slot { uses: AtomicU32::new(0), value: T::default() })
                .collect();
            free.extend((0..slots.len()).map(|index| (segment, index)));
            // Leaked on purpose: a handle may be looked up at any later time.
            let _ = self.segments[segment].set(Vec::leak(slots));
        }
        let (segment, index) = free.pop_front()?;
        let slot = &self.segments[segment].get()?[index];
        slot.uses.fetch_add(1, Ordering::AcqRel);
        Some(&slot.value)
    }

    /// The handle of an object of this table.
    pub(crate) fn handle(&self, value: &T) -> usize {
        self.find(std::ptr::from_ref(value) as usize)
            .map_or(0, |(slot, base, _)| base + slot.offset())
    }

    /// The object a handle stands for, if it is one and is not stale.
    #[inline]
    pub(crate) fn lookup(&self, handle: usize) -> Option<&'static T> {
        let (slot, base, _) = self.find(handle)?;
        (slot.taken() && handle - base == slot.offset()).then_some(&slot.value)
    }

    /// Frees the slot of an object: its handle is stale from now on. Nothing happens when it is
    /// free already.
    pub(crate) fn free(&self, value: &T) {
        if let Some((slot, _, place)) = self.find(std::ptr::from_ref(value) as usize) {
            let uses = slot.uses.load(Ordering::Acquire);
            let freed = uses.wrapping_add(1);
            // If this fails, somebody else has freed the slot since.
            if uses % 2 == 1
                && slot
                    .uses
                    .compare_exchange(uses, freed, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
            {
                self.free.lock().push_back(place);
            }
        }
    }

    /// The slot an address lies in: the slot, its own address, and its place.
    #[inline]
    fn find(&self, address: usize) -> Option<(&'static Slot<T>, usize, (usize, usize))> {
        for (segment, slots) in self.segments.iter().enumerate() {
            let slots: &'static [Slot<T>] = slots.get()?;
            let base = slots.as_ptr() as usize;
            let offset = address.wrapping_sub(base);
            if offset < size_of_val(slots) {
                let index = offset / size_of::<Slot<T>>();
                let slot = &slots[index];
                return Some((slot, base + index * size_of::<Slot<T>>(), (segment, index)));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_and_foreign_handles_are_recognised() {
        static TABLE: Table<Mutex<u32>> = Table::new();
        let object = TABLE.take().unwrap();
        let handle = TABLE.handle(object);
        assert!(std::ptr::eq(TABLE.lookup(handle).unwrap(), object));
        for wrong in [0, 1, 8, handle + 1, handle + 8, handle.wrapping_sub(8), usize::MAX] {
            assert!(TABLE.lookup(wrong).is_none());
        }
        TABLE.free(object);
        TABLE.free(object);
        assert!(TABLE.lookup(handle).is_none());
        // The same slot comes back with another handle.
        let mut taken = Vec::new();
        loop {
            let again = TABLE.take().unwrap();
            taken.push(again);
            if std::ptr::eq(again, object) {
                break;
            }
        }
        assert!(TABLE.lookup(handle).is_none());
        assert_ne!(TABLE.handle(object), handle);
        assert_eq!(taken.len(), FIRST);
    }

    #[test]
    fn the_table_grows() {
        static TABLE: Table<Mutex<u32>> = Table::new();
        let all: Vec<usize> = (0..1000).map(|_| TABLE.handle(TABLE.take().unwrap())).collect();
        assert!(all.iter().all(|&handle| TABLE.lookup(handle).is_some()));
    }
}
