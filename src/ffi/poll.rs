//! zmq_poll(3) and zmq_ppoll(3).

use std::ffi::{c_int, c_long};

use super::arg;
use super::boundary::{go_on, sleeping};
use crate::error::{Error, Result};
pub use crate::poller::{Descriptor, PollItem};
use crate::poller::{poll_again, poll_items};
use crate::sys::memory::Plain;
use crate::sys::signals::SignalSet;

// SAFETY: the fields are a pointer, an int and two shorts in C's layout; as they fill the size of the
// whole, which is checked here, nothing lies between them.
unsafe impl Plain for PollItem {}
const _: () = assert!(size_of::<PollItem>() == size_of::<*mut ()>() + 8);

/// Calls `act` with the items of the application, or with a copy that is put back if they are not aligned, which
/// libzmq does not mind where the processor does not. `INVAL` for a negative number, `FAULT` for null.
///
/// # Safety
/// `items` is null or points to `nitems` items.
#[inline]
unsafe fn with_items(
    items: *mut PollItem,
    nitems: c_int,
    act: impl FnOnce(&mut [PollItem]) -> Result<usize>,
) -> Result<usize> {
    let len = usize::try_from(nitems).map_err(|_| Error::INVAL)?;
    if !items.is_aligned() {
        // SAFETY: passed on.
        return unsafe { with_copies(items, len, act) };
    }
    // SAFETY: passed on.
    act(unsafe { arg::array(items, len, Error::FAULT) }?)
}

#[cold]
#[inline(never)]
unsafe fn with_copies(
    items: *mut PollItem,
    len: usize,
    act: impl FnOnce(&mut [PollItem]) -> Result<usize>,
) -> Result<usize> {
    let mut copies = Vec::new();
    copies.try_reserve_exact(len).map_err(|_| Error::NOMEM)?;
    // SAFETY: the caller vouches for so many items.
    copies.extend((0..len).map(|place| unsafe { items.add(place).read_unaligned() }));
    let result = act(&mut copies);
    for (place, copy) in copies.into_iter().enumerate() {
        // SAFETY: as above.
        unsafe { items.add(place).write_unaligned(copy) };
    }
    result
}

/// The signal mask of the application, if there is one.
///
/// # Safety
/// `sigmask` is null or points to a set of signals.
unsafe fn signal_mask(sigmask: *const libc::sigset_t) -> Option<SignalSet> {
    // SAFETY: not null, so it points to a set.
    (!sigmask.is_null()).then(|| unsafe { SignalSet::from_ptr(sigmask) })
}

/// Goes on after a sleep.
///
/// # Safety
/// As for `zmq_ppoll`.
#[cold]
#[inline(never)]
unsafe fn again(items: *mut PollItem, nitems: c_int, sigmask: *const libc::sigset_t) -> c_int {
    go_on(move || {
        // SAFETY: passed on.
        unsafe {
            let mask = signal_mask(sigmask);
            with_items(items, nitems, |items| poll_again(items, mask.as_ref()))
        }
    })
}

/// Waits for sockets and descriptors, see zmq_poll(3).
///
/// # Safety
/// `items` is null or points to `nitems` items.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_poll(
    items: *mut PollItem,
    nitems: c_int,
    timeout: c_long,
) -> c_int {
    sleeping(
        // SAFETY: by the contract of the function.
        || unsafe { with_items(items, nitems, |items| poll_items(items, timeout, None)) },
        // SAFETY: by the contract of the function.
        || unsafe { again(items, nitems, std::ptr::null()) },
    )
}

/// The same with a signal mask in force while it waits, see zmq_ppoll(3).
///
/// # Safety
/// `items` is null or points to `nitems` items; `sigmask` is null or points to a set of signals.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_ppoll(
    items: *mut PollItem,
    nitems: c_int,
    timeout: c_long,
    sigmask: *const libc::sigset_t,
) -> c_int {
    let poll = || {
        // SAFETY: by the contract of the function.
        unsafe {
            let mask = signal_mask(sigmask);
            with_items(items, nitems, |items| poll_items(items, timeout, mask.as_ref()))
        }
    };
    // SAFETY: by the contract of the function.
    sleeping(poll, || unsafe { again(items, nitems, sigmask) })
}
