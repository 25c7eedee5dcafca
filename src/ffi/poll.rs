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

/// The items of the application. `INVAL` for a negative number, `FAULT` for null.
///
/// # Safety
/// `items` is null or points to `nitems` items.
unsafe fn item_array<'a>(items: *mut PollItem, nitems: c_int) -> Result<&'a mut [PollItem]> {
    let len = usize::try_from(nitems).map_err(|_| Error::INVAL)?;
    // SAFETY: passed on.
    unsafe { arg::array(items, len, Error::FAULT) }
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
        let (items, mask) = unsafe { (item_array(items, nitems)?, signal_mask(sigmask)) };
        poll_again(items, mask.as_ref())
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
        || poll_items(unsafe { item_array(items, nitems) }?, timeout, None),
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
        let (items, mask) = unsafe { (item_array(items, nitems)?, signal_mask(sigmask)) };
        poll_items(items, timeout, mask.as_ref())
    };
    // SAFETY: by the contract of the function.
    sleeping(poll, || unsafe { again(items, nitems, sigmask) })
}
