//! Wakes a thread that sleeps in `poll`: an eventfd, or a pipe where there is none.
//!
//! Signals do not add up: any number of them before a drain is one wake-up. The reading end is what
//! ZMQ_FD hands to applications. One that an application closes is the library's no more: its
//! number may soon be another file's, so it is left alone from then on. Called by `bell`.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::fd::{self, OwnedFd};
use super::{cancel, cvt, cvt_size};

/// More than the largest pipe holds.
const READS: usize = (1 << 20) / 64 + 64;

/// A descriptor that the application gets to see.
#[derive(Debug)]
struct Shown {
    descriptor: ManuallyDrop<OwnedFd>,
    /// The application has closed it.
    lost: AtomicBool,
}

impl Shown {
    fn new(descriptor: OwnedFd) -> Shown {
        Shown { descriptor: ManuallyDrop::new(descriptor), lost: AtomicBool::new(false) }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if !*self.lost.get_mut() {
            // SAFETY: it is not used again.
            unsafe { ManuallyDrop::drop(&mut self.descriptor) };
        }
    }
}

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct Signaler {
    reader: Shown,
    /// Only a pipe has a separate end to write to.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    writer: OwnedFd,
}

impl Signaler {
    /// EMFILE or ENFILE when descriptors ran out.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn new() -> io::Result<Signaler> {
        // SAFETY: eventfd(2) takes numbers alone.
        let raw = cvt(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: eventfd has just made it for us.
        Ok(Signaler { reader: Shown::new(unsafe { fd::adopt(raw) }?) })
    }

    /// EMFILE or ENFILE when descriptors ran out.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn new() -> io::Result<Signaler> {
        use std::os::fd::AsFd;

        let mut ends = [0; 2];
        // SAFETY: pipe writes two descriptors into the array.
        cvt(unsafe { libc::pipe(ends.as_mut_ptr()) })?;
        // SAFETY: pipe has just made both for us.
        let (reader, writer) = unsafe { (fd::adopt(ends[0]), fd::adopt(ends[1])) };
        let (reader, writer) = (reader?, writer?);
        for end in [&reader, &writer] {
            fd::set_cloexec(end.as_fd())?;
            fd::set_nonblocking(end.as_fd())?;
        }
        Ok(Signaler { reader: Shown::new(reader), writer })
    }

    /// Readable while a signal is pending.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.reader.descriptor.as_raw_fd()
    }

    /// Whether the application has closed the descriptor: nothing wakes by it any more.
    pub(crate) fn is_lost(&self) -> bool {
        self.reader.lost.load(Relaxed)
    }

    /// The kernel does not know the descriptor any more.
    pub(crate) fn give_up(&self) {
        self.reader.lost.store(true, Relaxed);
    }

    /// Whether an error says that.
    fn gives_up(&self, error: &io::Error) -> bool {
        if error.raw_os_error() == Some(libc::EBADF) {
            self.give_up();
        }
        self.is_lost()
    }

    /// Makes the descriptor readable. Never blocks; a full counter is a signal already.
    pub(crate) fn signal(&self) {
        let one = 1u64.to_ne_bytes();
        while !self.is_lost() {
            let end = self.writing_end();
            // SAFETY: the buffer is valid for its length.
            let write = || unsafe { libc::write(end, one.as_ptr().cast(), one.len()) };
            let written = cancel::off(write);
            match cvt_size(written) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if self.gives_up(&error) => {}
                _ => return,
            }
        }
    }

    /// Takes every pending signal; whether there was one, or the application has closed the
    /// descriptor, so that there will never be one.
    pub(crate) fn drain(&self) -> bool {
        let mut buffer = [0u8; 64];
        let mut any = false;
        // A pipe may hold more than one read takes. But should the application have put another file
        // in the place of ours, that may go on for ever.
        for _ in 0..READS {
            if self.is_lost() {
                return true;
            }
            let (end, place) = (self.descriptor(), buffer.as_mut_ptr().cast());
            // SAFETY: the buffer is valid for its length.
            let read = || unsafe { libc::read(end, place, buffer.len()) };
            match cvt_size(cancel::off(read)) {
                // An eventfd is empty after one read, a pipe when less came than was asked for.
                Ok(count) if count < buffer.len() => return true,
                Ok(_) => any = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.gives_up(&error) || any,
            }
        }
        any
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn writing_end(&self) -> RawFd {
        self.descriptor()
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn writing_end(&self) -> RawFd {
        self.writer.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fork::in_child;
    use super::*;
    use crate::sys::{PollFd, poll};

    #[test]
    fn signals_collapse_and_drain() {
        let signaler = Signaler::new().unwrap();
        assert!(signaler.descriptor() >= 3);
        assert!(!signaler.drain());
        signaler.signal();
        signaler.signal();
        let mut items = [PollFd::new(signaler.descriptor(), libc::POLLIN)];
        assert_eq!(poll(&mut items, Some(Duration::ZERO)).unwrap(), 1);
        assert!(signaler.drain());
        assert_eq!(poll(&mut items, Some(Duration::ZERO)).unwrap(), 0);
    }

    /// In a child, where no other test takes the number meanwhile.
    #[test]
    fn a_descriptor_that_was_closed_is_left_alone() {
        let untouched = || {
            let signaler = Signaler::new().unwrap();
            let number = signaler.descriptor();
            // SAFETY: no pointers; so does an application that should not.
            let closed = unsafe { libc::close(number) } == 0;
            signaler.signal();
            let noticed = signaler.is_lost() && signaler.drain();
            // SAFETY: no pointers.
            let taken = unsafe { libc::dup2(2, number) } == number;
            drop(signaler);
            // SAFETY: no pointers.
            let kept = unsafe { libc::fcntl(number, libc::F_GETFD) } != -1;
            closed && noticed && taken && kept
        };
        assert!(in_child(untouched));
    }
}
