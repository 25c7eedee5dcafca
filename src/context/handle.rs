//! Handles: the opaque pointers of the C API, which may be stale, foreign or null.
//!
//! Contexts and sockets live in tables of slots that are never unmapped and never move. A handle is
//! an address inside its slot that depends on how often the slot was used, so a pointer to a closed
//! socket, even one whose slot was taken again since, is recognised by arithmetic alone; nothing is
//! read through the pointer. Called by `context` and `socket` for `ffi`.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use once_cell::race::OnceBox;

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
        offset_in(self.uses.load(Ordering::Acquire))
    }

    /// Adds to the number of uses, if it is still this one.
    fn change(&self, uses: u32, step: u32) -> bool {
        let new = uses.wrapping_add(step);
        self.uses.compare_exchange(uses, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// The same after so many uses.
#[inline]
fn offset_in(uses: u32) -> usize {
    (uses as usize / 2 % ADDRESSES) * STEP
}

/// A table of objects of one kind. It has no lock, since a forked child uses it, too, and a thread
/// that held the lock at that moment would not be there to give it back.
pub(crate) struct Table<T: 'static> {
    /// Each is made when it is needed; of those that two threads make at once, one is dropped.
    first: OnceBox<[Slot<T>; FIRST]>,
    further: [OnceBox<Box<[Slot<T>]>>; SEGMENTS - 1],
    taken: AtomicUsize,
    /// Where the search for a free slot goes on: round the table, so that the handle of a closed
    /// object stays unused as long as possible.
    next: AtomicUsize,
}

impl<T: Default + Sync> Table<T> {
    pub(crate) const fn new() -> Table<T> {
        let further = [const { OnceBox::new() }; SEGMENTS - 1];
        Table {
            first: OnceBox::new(),
            further,
            taken: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
        }
    }

    /// Takes a free slot. `None`: there are 2^24 objects already.
    pub(crate) fn take(&'static self) -> Option<&'static T> {
        loop {
            let segments = (0..SEGMENTS).take_while(|&index| self.segment(index).is_some()).count();
            let size = (FIRST << segments) - FIRST;
            // Half of the table is kept free, so that the search is short.
            if segments == SEGMENTS || self.taken.load(Ordering::Relaxed) < size / 2 {
                let found = (0..size).find_map(|_| self.try_next(size));
                if found.is_some() || segments == SEGMENTS {
                    return found;
                }
            }
            let slot = |_| Slot { uses: AtomicU32::new(0), value: T::default() };
            // If another thread was quicker, there is room as well.
            let slots: Box<[Slot<T>]> = (0..FIRST << segments).map(slot).collect();
            let _ = match segments.checked_sub(1) {
                None => self.first.set(slots.try_into().ok()?).is_ok(),
                Some(further) => self.further.get(further)?.set(Box::new(slots)).is_ok(),
            };
        }
    }

    fn segment(&'static self, index: usize) -> Option<&'static [Slot<T>]> {
        match index.checked_sub(1) {
            None => Some(self.first.get()?),
            Some(further) => Some(&**self.further.get(further)?.get()?),
        }
    }

    /// Takes the next slot of the first `size`, if it is free.
    fn try_next(&'static self, size: usize) -> Option<&'static T> {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % size;
        let segment = (index / FIRST + 1).ilog2() as usize;
        let slot = self.segment(segment)?.get(index + FIRST - (FIRST << segment))?;
        let uses = slot.uses.load(Ordering::Acquire);
        if !uses.is_multiple_of(2) || !slot.change(uses, 1) {
            return None;
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        Some(&slot.value)
    }

    /// The handle of an object of this table.
    pub(crate) fn handle(&'static self, value: &T) -> usize {
        self.find(std::ptr::from_ref(value) as usize).map_or(0, |(slot, base)| base + slot.offset())
    }

    /// The object a handle stands for, if it is one and is not stale.
    #[inline(always)]
    pub(crate) fn lookup(&'static self, handle: usize) -> Option<&'static T> {
        let (slot, base) = self.find(handle)?;
        let uses = slot.uses.load(Ordering::Acquire);
        (uses % 2 == 1 && handle - base == offset_in(uses)).then_some(&slot.value)
    }

    /// Frees the slot of an object: its handle is stale from now on. Nothing happens when it is
    /// free already.
    pub(crate) fn free(&'static self, value: &T) {
        if self.end_use(value, 1) {
            self.taken.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The same, but the slot is not used again.
    pub(crate) fn abandon(&'static self, value: &T) {
        self.end_use(value, 2);
    }

    fn end_use(&'static self, value: &T, step: u32) -> bool {
        let Some((slot, _)) = self.find(std::ptr::from_ref(value) as usize) else { return false };
        let uses = slot.uses.load(Ordering::Acquire);
        // If the change fails, somebody else has freed the slot since.
        !uses.is_multiple_of(2) && slot.change(uses, step)
    }

    /// The slot an address lies in, and the slot's own address. Most programs have no more objects than
    /// the first segment holds.
    #[inline(always)]
    fn find(&'static self, address: usize) -> Option<(&'static Slot<T>, usize)> {
        let found = Self::find_in(self.first.get()?, address);
        if found.is_some() { found } else { self.find_further(address) }
    }

    #[cold]
    #[inline(never)]
    fn find_further(&'static self, address: usize) -> Option<(&'static Slot<T>, usize)> {
        let segments = self.further.iter().map_while(OnceBox::get);
        segments.filter_map(|slots| Self::find_in(slots, address)).next()
    }

    #[inline(always)]
    fn find_in(slots: &'static [Slot<T>], address: usize) -> Option<(&'static Slot<T>, usize)> {
        let base = slots.as_ptr() as usize;
        let index = address.wrapping_sub(base) / size_of::<Slot<T>>();
        Some((slots.get(index)?, base + index * size_of::<Slot<T>>()))
    }
}

#[cfg(test)]
mod tests {
    use crate::sys::lock::Mutex;

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
        // The same slot comes back, but not soon, and with another handle.
        let mut others = 0;
        loop {
            let again = TABLE.take().unwrap();
            if std::ptr::eq(again, object) {
                break;
            }
            others += 1;
            TABLE.free(again);
        }
        assert!(TABLE.lookup(handle).is_none());
        assert_ne!(TABLE.handle(object), handle);
        assert_eq!(others, FIRST - 1);
    }

    #[test]
    fn an_abandoned_slot_does_not_come_back() {
        static TABLE: Table<Mutex<u32>> = Table::new();
        let object = TABLE.take().unwrap();
        let handle = TABLE.handle(object);
        TABLE.abandon(object);
        assert!(TABLE.lookup(handle).is_none());
        for _ in 0..2 * FIRST {
            let another = TABLE.take().unwrap();
            assert!(!std::ptr::eq(another, object));
            TABLE.free(another);
        }
    }

    #[test]
    fn threads_take_different_slots() {
        static TABLE: Table<Mutex<u32>> = Table::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..2000 {
                        let object = TABLE.take().unwrap();
                        assert!(object.try_lock().is_some_and(|mut count| {
                            *count += 1;
                            // On a busy machine that takes milliseconds.
                            if round % 20 == 0 {
                                std::thread::yield_now();
                            }
                            true
                        }));
                        TABLE.free(object);
                    }
                });
            }
        });
    }

    #[test]
    fn the_table_grows() {
        static TABLE: Table<Mutex<u32>> = Table::new();
        let all: Vec<usize> = (0..1000).map(|_| TABLE.handle(TABLE.take().unwrap())).collect();
        assert!(all.iter().all(|&handle| TABLE.lookup(handle).is_some()));
    }
}
