//! epoll(7). `zmq_poll` nests one inside another; the reactor of the I/O threads uses mio instead.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

use super::{cvt, fd};

/// What was found, and the key the descriptor was registered with.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Event(libc::epoll_event);

impl Event {
    /// An empty slot for [`Epoll::wait`] to fill.
    pub(crate) const EMPTY: Event = Event(libc::epoll_event { events: 0, u64: 0 });

    /// libc::EPOLLIN and so on, as found.
    pub(crate) fn events(&self) -> u32 {
        self.0.events
    }

    pub(crate) fn key(&self) -> u64 {
        self.0.u64
    }
}

#[derive(Debug)]
pub(crate) struct Epoll(OwnedFd);

impl Epoll {
    pub(crate) fn new() -> io::Result<Epoll> {
        // SAFETY: no pointers.
        let raw = cvt(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: epoll_create1 has just made it for us.
        Ok(Epoll(unsafe { fd::adopt(raw) }?))
    }

    /// Readable while any of the registered descriptors has something to tell.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// EEXIST if it is registered already, EPERM if it cannot be waited for (a regular file).
    pub(crate) fn add(&self, fd: RawFd, events: u32, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, events, key)
    }

    pub(crate) fn modify(&self, fd: RawFd, events: u32, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, events, key)
    }

    pub(crate) fn remove(&self, fd: RawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, 0)
    }

    /// How many slots were filled; EINTR is the caller's to handle.
    pub(crate) fn wait(
        &self,
        events: &mut [Event],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let capacity = libc::c_int::try_from(events.len()).unwrap_or(libc::c_int::MAX);
        // Rounded up, so that a wait never ends early and spins through the rest.
        let milliseconds = match timeout {
            None => -1,
            Some(timeout) => libc::c_int::try_from(timeout.as_nanos().div_ceil(1_000_000))
                .unwrap_or(libc::c_int::MAX),
        };
        // SAFETY: Event has the layout of epoll_event and `capacity` does not exceed the slice.
        let count = cvt(unsafe {
            libc::epoll_wait(self.descriptor(), events.as_mut_ptr().cast(), capacity, milliseconds)
        })?;
        Ok(count as usize)
    }

    fn control(&self, operation: i32, fd: RawFd, events: u32, key: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events, u64: key };
        // SAFETY: the event outlives the call; a bad descriptor is answered with EBADF.
        cvt(unsafe { libc::epoll_ctl(self.descriptor(), operation, fd, &raw mut event) })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Signaler;

    #[test]
    fn nested_epoll_tells_the_key() {
        let (inner, outer) = (Epoll::new().unwrap(), Epoll::new().unwrap());
        let signaler = Signaler::new().unwrap();
        inner.add(signaler.descriptor(), libc::EPOLLIN as u32, 7).unwrap();
        outer.add(inner.descriptor(), libc::EPOLLIN as u32, 8).unwrap();
        let mut events = [Event::EMPTY; 4];
        assert_eq!(outer.wait(&mut events, Some(Duration::ZERO)).unwrap(), 0);
        signaler.signal();
        assert_eq!(outer.wait(&mut events, None).unwrap(), 1);
        assert_eq!(events[0].key(), 8);
        assert_eq!(inner.wait(&mut events, None).unwrap(), 1);
        assert_eq!((events[0].key(), events[0].events()), (7, libc::EPOLLIN as u32));
        inner.remove(signaler.descriptor()).unwrap();
        assert_eq!(outer.wait(&mut events, Some(Duration::ZERO)).unwrap(), 0);
    }
}
