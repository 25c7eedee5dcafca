//! A stream that takes whatever is written to it at once, for the tests of the runtime.

use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::sys::fd::OwnedFd;
use crate::sys::lock::Mutex;
use crate::transport::Stream;
use crate::transport::stream::Layer;

/// What such a stream has taken.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) bytes: AtomicUsize,
    pub(crate) writes: AtomicUsize,
    /// It has something of its own to say, until it is asked to write.
    pub(crate) owes: AtomicBool,
}

/// Takes at most `mouthful` bytes of each write, and never refuses one.
pub(crate) fn bottomless(mouthful: usize) -> (Stream, Arc<Taken>) {
    let taken = Arc::new(Taken::default());
    let (one, _) = UnixStream::pair().unwrap();
    let layer = Bottomless { taken: taken.clone(), mouthful };
    let stream = Stream::new(OwnedFd::from(std::os::fd::OwnedFd::from(one)), "test")
        .layered(Box::new(Mutex::new(layer)));
    (stream, taken)
}

struct Bottomless {
    taken: Arc<Taken>,
    mouthful: usize,
}

impl Layer for Bottomless {
    fn read(&mut self, _fd: BorrowedFd<'_>, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&mut self, _fd: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let offered: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let count = offered.min(self.mouthful);
        self.taken.bytes.fetch_add(count, Ordering::Relaxed);
        self.taken.writes.fetch_add(1, Ordering::Relaxed);
        self.taken.owes.store(false, Ordering::Relaxed);
        Ok(count)
    }

    fn owes(&self) -> bool {
        self.taken.owes.load(Ordering::Relaxed)
    }
}
