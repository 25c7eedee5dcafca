//! Rules for every descriptor the library makes: close-on-exec, non-blocking, and never 0, 1 or 2.
//!
//! A program that closed its standard streams would otherwise write its diagnostics into one of our
//! connections, or close it. Called by all that makes descriptors.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, RawFd};

use super::{cancel, cvt};

/// A descriptor that is ours, and is closed by no cancellation point.
#[derive(Debug)]
pub(crate) struct OwnedFd(ManuallyDrop<std::os::fd::OwnedFd>);

impl Drop for OwnedFd {
    fn drop(&mut self) {
        // SAFETY: it is not used again.
        cancel::off(|| unsafe { ManuallyDrop::drop(&mut self.0) });
    }
}

impl From<std::os::fd::OwnedFd> for OwnedFd {
    fn from(fd: std::os::fd::OwnedFd) -> OwnedFd {
        OwnedFd(ManuallyDrop::new(fd))
    }
}

impl FromRawFd for OwnedFd {
    unsafe fn from_raw_fd(fd: RawFd) -> OwnedFd {
        // SAFETY: the caller's promise is the same.
        unsafe { std::os::fd::OwnedFd::from_raw_fd(fd) }.into()
    }
}

impl AsFd for OwnedFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for OwnedFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// The first descriptor that is not one of the standard streams.
const FIRST: RawFd = 3;

/// Owns what a system call returned, moving it above the standard streams if need be.
///
/// # Safety
/// `fd` was just returned by a call that hands over its ownership.
pub(super) unsafe fn adopt(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the caller owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    if fd.as_raw_fd() >= FIRST {
        return Ok(fd);
    }
    // SAFETY: F_DUPFD_CLOEXEC takes a descriptor and a number.
    let lifted = cvt(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST) })?;
    // SAFETY: fcntl has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(lifted) })
}

/// Runs `make`, whose descriptors are made by code that is not ours, and sees to it that none of them
/// is a standard stream.
pub(crate) fn above_standard_streams<T>(make: impl FnOnce() -> T) -> T {
    let mut in_the_way = Vec::new();
    loop {
        // SAFETY: the path is NUL-terminated.
        let fd = unsafe { libc::open(c"/".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
        if fd == -1 {
            break;
        }
        // SAFETY: open has just made it for us.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        if fd.as_raw_fd() >= FIRST {
            break;
        }
        in_the_way.push(fd);
    }
    make()
}

/// Takes over a descriptor the application made for us (ZMQ_USE_FD); it is closed with its owner.
/// EBADF if it is not open.
pub(crate) fn inherit(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_GETFD only looks at the descriptor table.
    cvt(unsafe { libc::fcntl(fd, libc::F_GETFD) })?;
    // SAFETY: it is open, and by setting ZMQ_USE_FD the application handed it over.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Puts the descriptor into non-blocking mode.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: F_GETFL takes no argument.
    let flags = cvt(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    if flags & libc::O_NONBLOCK == 0 {
        // SAFETY: F_SETFL takes the flags.
        cvt(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) })?;
    }
    Ok(())
}

/// Marks the descriptor close-on-exec, where a call cannot make it so at once.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn set_cloexec(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: F_SETFD takes the flags.
    cvt(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) })?;
    Ok(())
}
