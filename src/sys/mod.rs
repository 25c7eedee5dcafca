//! Thin wrappers of the operating system's calls; the only room besides the data structures that
//! may use `unsafe`.
//!
//! What a platform must supply: sockets and their options (`net`, `sockopt`), a way to wake a
//! sleeping thread (`Signaler`, `Bell`), `poll`, where there is one `epoll`, names and interfaces
//! (`names`), a safe way to rename a file (`rename`), threads and signals (`thread`, `signals`, `cancel`), locks
//! (`lock`), asymmetric fences (`membarrier`), a lock on top of them (`biased`), what waits until no lock is held
//! (`errand`), hints about memory (`prefetch`, `pages`, `pieces`), and the detection of `fork` (`fork`). Used by
//! transport, runtime, socket and poller.

mod address;
pub(crate) mod bell;
pub(crate) mod biased;
pub(crate) mod cancel;
pub(crate) mod credentials;
pub(crate) mod epoll;
pub(crate) mod errand;
pub(crate) mod errno;
pub(crate) mod fd;
pub(crate) mod fork;
#[cfg(not(loom))]
mod front;
pub(crate) mod gssapi;
mod library;
pub(crate) mod lock;
pub(crate) mod membarrier;
pub(crate) mod memory;
pub(crate) mod names;
pub(crate) mod nap;
pub(crate) mod net;
pub(crate) mod norm;
pub(crate) mod pages;
pub(crate) mod pgm;
pub(crate) mod pieces;
mod poll;
pub(crate) mod poly1305;
pub(crate) mod prefetch;
pub(crate) mod rename;
pub(crate) mod reserve;
pub(crate) mod salsa20;
#[cfg(not(loom))]
mod signaler;
pub(crate) mod signals;
pub(crate) mod sockopt;
pub(crate) mod spin;
pub(crate) mod sync;
pub(crate) mod tcp;
pub(crate) mod thread;

pub(crate) use bell::Bell;
pub(crate) use poll::{PollFd, poll, ppoll};
#[cfg(not(loom))]
use signaler::Signaler;

// It runs, and is tested, on Linux. For FreeBSD it compiles, and no more is known.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
compile_error!("oxizmq runs on Linux; the calls it makes are not known for this system");

use std::io;

/// Turns the -1 of a C call into the errno it left behind.
fn cvt(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The same for calls that return a byte count.
fn cvt_size(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
