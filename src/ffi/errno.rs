//! zmq_errno(3), zmq_strerror(3) and zmq_version(3).

use std::ffi::{c_char, c_int};

use super::constants::{ZMQ_VERSION_MAJOR, ZMQ_VERSION_MINOR, ZMQ_VERSION_PATCH};
use crate::error::Error;
use crate::sys::errno;

/// The errno of the calling thread, see zmq_errno(3).
#[unsafe(no_mangle)]
pub extern "C" fn zmq_errno() -> c_int {
    errno::get()
}

/// What an errno means, in words, see zmq_strerror(3).
#[unsafe(no_mangle)]
pub extern "C" fn zmq_strerror(errnum: c_int) -> *const c_char {
    let text = match Error::from_errno(errnum) {
        _ if errnum == 0 => None,
        Error::FSM => Some(c"Operation cannot be accomplished in current state"),
        Error::NOCOMPATPROTO => Some(c"The protocol is not compatible with the socket type"),
        Error::TERM => Some(c"Context was terminated"),
        Error::MTHREAD => Some(c"No thread available"),
        Error::HOSTUNREACH => Some(c"Host unreachable"),
        _ => None,
    };
    match text {
        Some(text) => text.as_ptr(),
        // SAFETY: strerror takes any number and gives a string that lives until the next call.
        None => unsafe { libc::strerror(errnum) },
    }
}

/// The version of the library, see zmq_version(3).
///
/// # Safety
/// Each pointer is null or points to an `int`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_version(major: *mut c_int, minor: *mut c_int, patch: *mut c_int) {
    let parts =
        [(major, ZMQ_VERSION_MAJOR), (minor, ZMQ_VERSION_MINOR), (patch, ZMQ_VERSION_PATCH)];
    for (place, value) in parts {
        if !place.is_null() {
            // SAFETY: not null, so it points to an `int`, by the contract of the function.
            unsafe { place.write(value) };
        }
    }
}
