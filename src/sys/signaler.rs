//! Wakes a thread that sleeps in `poll`: an eventfd, or a pipe where there is none.
//!
//! Signals do not add up: any number of them before a drain is one wake-up. The reading end is what
//! ZMQ_FD hands to applications.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use super::{cvt, cvt_size, fd};

/// More than the largest pipe holds.
const READS: usize = (1 << 20) / 64 + 64;

#[derive(Debug)]
pub(crate) struct Signaler {
    reader: OwnedFd,
    /// Only a pipe has a separate end to write to.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    writer: OwnedFd,
}

impl Signaler {
    /// EMFILE or ENFILE when descriptors ran out.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn new() -> io::Result<Signaler> {
        // SAFETY: no pointers.
        let raw = cvt(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: eventfd has just made it for us.
        Ok(Signaler { reader: unsafe { fd::adopt(raw) }? })
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
        let signaler = Signaler { reader: reader?, writer: writer? };
        for end in [&signaler.reader, &signaler.writer] {
            fd::set_cloexec(end.as_fd())?;
            fd::set_nonblocking(end.as_fd())?;
        }
        Ok(signaler)
    }

    /// Readable while a signal is pending.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    /// Makes the descriptor readable. Never blocks; a full counter is a signal already.
    pub(crate) fn signal(&self) {
        let one = 1u64.to_ne_bytes();
        loop {
            // SAFETY: the buffer is valid for its length.
            let written =
                unsafe { libc::write(self.writing_end(), one.as_ptr().cast(), one.len()) };
            match cvt_size(written) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
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
            // SAFETY: the buffer is valid for its length.
            let read =
                unsafe { libc::read(self.descriptor(), buffer.as_mut_ptr().cast(), buffer.len()) };
            match cvt_size(read) {
                // An eventfd is empty after one read, a pipe when less came than was asked for.
                Ok(count) if count < buffer.len() => return true,
                Ok(_) => any = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return any || error.kind() != io::ErrorKind::WouldBlock,
            }
        }
        any
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn writing_end(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn writing_end(&self) -> RawFd {
        self.writer.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
}
