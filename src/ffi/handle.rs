//! What the `void *` of the C API stand for.
//!
//! Contexts and sockets look after their own handles. The small objects - pollers, timers,
//! counters, stopwatches, threads - live in a [`Shelf`]: slots that are made once, used again and
//! never given back, so that a pointer can be compared with their addresses before it is followed.
//! A stale or foreign pointer is found out without a wild read.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::context::{self, Context};
use crate::error::{Error, Result};
use crate::socket::{self, Socket};

/// The context behind a handle. `FAULT` if there is none.
#[inline]
pub(super) fn context(handle: *mut c_void) -> Result<&'static Context> {
    context::from_handle(handle)
}

/// The socket behind a handle. `NOTSOCK` if there is none.
#[inline]
pub(super) fn socket(handle: *mut c_void) -> Result<&'static Socket> {
    socket::from_handle(handle)
}

/// The socket behind a handle, if it is not null.
pub(super) fn optional_socket(handle: *mut c_void) -> Result<Option<&'static Socket>> {
    if handle.is_null() { Ok(None) } else { socket(handle).map(Some) }
}

struct Slot<T> {
    in_use: AtomicBool,
    value: T,
}

/// Objects of one kind. `T` is reset by whoever takes a slot.
pub(super) struct Shelf<T: 'static> {
    /// Row `n` holds `FIRST_ROW << n` slots.
    rows: [OnceLock<&'static [Slot<T>]>; ROWS],
    /// Slots that were given back, the oldest first, so that stale pointers stay stale for long.
    free: Mutex<VecDeque<&'static Slot<T>>>,
}

const FIRST_ROW: usize = 64;
const ROWS: usize = 24;

impl<T: Default> Shelf<T> {
    /// No objects.
    pub(super) const fn new() -> Shelf<T> {
        Shelf { rows: [const { OnceLock::new() }; ROWS], free: Mutex::new(VecDeque::new()) }
    }

    /// Takes a slot, lets `set` fill it and gives its handle. `MFILE` when there are no more.
    pub(super) fn take(&self, set: impl FnOnce(&T)) -> Result<*mut c_void> {
        let mut free = self.free.lock();
        if free.len() < FIRST_ROW / 2 {
            self.add_row(&mut free);
        }
        let slot = free.pop_front().ok_or(Error::MFILE)?;
        drop(free);
        set(&slot.value);
        slot.in_use.store(true, Ordering::Release);
        Ok(std::ptr::from_ref(slot).cast_mut().cast())
    }

    /// The object behind a handle. `FAULT` if it is none of this kind or was given back.
    pub(super) fn get(&self, handle: *mut c_void) -> Result<&'static T> {
        self.slot(handle).map(|slot| &slot.value)
    }

    /// Takes an object out of use, lets `clear` empty it and keeps its slot for another.
    pub(super) fn give_back<R>(
        &self,
        handle: *mut c_void,
        clear: impl FnOnce(&T) -> R,
    ) -> Result<R> {
        let slot = self.slot(handle)?;
        if !slot.in_use.swap(false, Ordering::AcqRel) {
            return Err(Error::FAULT);
        }
        let result = clear(&slot.value);
        self.free.lock().push_back(slot);
        Ok(result)
    }

    #[inline]
    fn slot(&self, handle: *mut c_void) -> Result<&'static Slot<T>> {
        for row in &self.rows {
            let Some(&row) = row.get() else { break };
            let offset = handle.addr().wrapping_sub(row.as_ptr().addr());
            if offset < size_of_val(row) && offset.is_multiple_of(size_of::<Slot<T>>()) {
                let slot = &row[offset / size_of::<Slot<T>>()];
                if slot.in_use.load(Ordering::Acquire) {
                    return Ok(slot);
                }
                break;
            }
        }
        Err(Error::FAULT)
    }

    fn add_row(&self, free: &mut VecDeque<&'static Slot<T>>) {
        let made = self.rows.iter().take_while(|row| row.get().is_some()).count();
        if let Some(place) = self.rows.get(made) {
            let slot = || Slot { in_use: AtomicBool::new(false), value: T::default() };
            let row: Vec<Slot<T>> = (0..FIRST_ROW << made).map(|_| slot()).collect();
            let row = place.get_or_init(|| row.leak());
            free.extend(row.iter());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;
    use std::sync::atomic::AtomicI32;

    use super::*;

    static SHELF: Shelf<AtomicI32> = Shelf::new();

    #[test]
    fn handles_are_told_from_other_pointers() {
        let handle = SHELF.take(|value| value.store(7, Ordering::Relaxed)).unwrap();
        assert_eq!(SHELF.get(handle).unwrap().load(Ordering::Relaxed), 7);
        let mut foreign = 0u64;
        let foreign = (&raw mut foreign).cast::<c_void>();
        for wrong in [ptr::null_mut(), foreign, handle.wrapping_byte_add(1)] {
            assert!(SHELF.get(wrong).is_err());
        }
        SHELF.give_back(handle, |_| ()).unwrap();
        assert!(SHELF.get(handle).is_err());
        assert_eq!(SHELF.give_back(handle, |_| ()), Err(Error::FAULT));
    }

    #[test]
    fn shelves_grow() {
        static MANY: Shelf<AtomicI32> = Shelf::new();
        let handles: Vec<_> = (0..1000)
            .map(|n| MANY.take(|value| value.store(n, Ordering::Relaxed)).unwrap())
            .collect();
        for (n, &handle) in handles.iter().enumerate() {
            assert_eq!(MANY.get(handle).unwrap().load(Ordering::Relaxed), n as i32);
            MANY.give_back(handle, |_| ()).unwrap();
        }
    }
}
