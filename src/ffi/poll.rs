//! zmq_poll(3) and zmq_ppoll(3).

use std::ffi::{c_int, c_long};

use super::arg;
use super::boundary::boundary;
use crate::error::{Error, Result};
use crate::poller::poll_items;
pub use crate::poller::{Descriptor, PollItem};
use crate::sys::memory::Plain;
#[cfg(feature = "draft")]
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

/// Waits for sockets and descriptors, see zmq_poll(3).
///
/// # Safety
/// `items` is null or points to `nitems` items.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poll(items: *mut PollItem, nitems: c_int, timeout: c_long) -> c_int {
    // SAFETY: by the contract of the function.
    boundary(|| poll_items(unsafe { item_array(items, nitems) }?, timeout, None))
}

/// The same with a signal mask in force while it waits, see zmq_ppoll(3).
///
/// # Safety
/// `items` is null or points to `nitems` items; `sigmask` is null or points to a set of signals.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ppoll(
    items: *mut PollItem,
    nitems: c_int,
    timeout: c_long,
    sigmask: *const libc::sigset_t,
) -> c_int {
    boundary(|| {
        // SAFETY: by the contract of the function.
        let (items, mask) = unsafe {
            let mask = (!sigmask.is_null()).then(|| SignalSet::from_ptr(sigmask));
            (item_array(items, nitems)?, mask)
        };
        poll_items(items, timeout, mask.as_ref())
    })
}
