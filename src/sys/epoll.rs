//! epoll(7), level triggered and for reading only: waiting for one of very many descriptors.
//!
//! A watched descriptor is known by a number. Where there is no epoll none can be made, and the caller does
//! without. Used by `runtime::link`.

/// At most this many are reported by one call.
pub(crate) const EVENTS: usize = 64;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use self::none::Epoll;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use self::real::Epoll;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod real {
    use std::io;
    use std::os::fd::{AsRawFd, RawFd};
    use std::ptr;
    use std::time::Duration;

    use super::EVENTS;
    use crate::sys::fd::{self, OwnedFd};
    use crate::sys::{cancel, cvt};

    const READING: u32 = (libc::EPOLLIN | libc::EPOLLRDHUP) as u32;

    /// See the head of this file.
    pub(crate) struct Epoll(OwnedFd);

    impl Epoll {
        /// EMFILE or ENFILE when descriptors ran out.
        pub(crate) fn new() -> io::Result<Epoll> {
            // SAFETY: epoll_create1(2) takes numbers alone.
            let raw = cvt(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
            // SAFETY: epoll_create1 has just made it for us.
            Ok(Epoll(unsafe { fd::adopt(raw) }?))
        }

        /// Readable while one of the watched descriptors is.
        pub(crate) fn descriptor(&self) -> RawFd {
            self.0.as_raw_fd()
        }

        /// Watches one more descriptor, or for now only remembers it.
        pub(crate) fn add(&self, descriptor: RawFd, number: u64, watch: bool) -> io::Result<()> {
            self.control(libc::EPOLL_CTL_ADD, descriptor, number, watch)
        }

        /// Watches a descriptor, or no longer.
        pub(crate) fn change(&self, descriptor: RawFd, number: u64, watch: bool) -> io::Result<()> {
            self.control(libc::EPOLL_CTL_MOD, descriptor, number, watch)
        }

        /// Forgets a descriptor. Fails harmlessly if it is not known.
        pub(crate) fn remove(&self, descriptor: RawFd) {
            let _ = self.control(libc::EPOLL_CTL_DEL, descriptor, 0, false);
        }

        /// Becomes known to another epoll, which does not watch it yet.
        pub(crate) fn enter(&self, other: RawFd) -> io::Result<()> {
            control(other, libc::EPOLL_CTL_ADD, self.descriptor(), 0, false)
        }

        /// Has that epoll watch it, or no longer.
        pub(crate) fn show(&self, other: RawFd, show: bool) -> io::Result<()> {
            control(other, libc::EPOLL_CTL_MOD, self.descriptor(), 0, show)
        }

        fn control(&self, how: i32, descriptor: RawFd, number: u64, watch: bool) -> io::Result<()> {
            control(self.descriptor(), how, descriptor, number, watch)
        }

        /// Waits until something is readable, and writes the numbers of what is; how many there are.
        /// 0 when the time is over, which is rounded up to milliseconds.
        pub(crate) fn wait(
            &self,
            numbers: &mut [u64; EVENTS],
            timeout: Option<Duration>,
        ) -> io::Result<usize> {
            let milliseconds = timeout.map_or(-1, |timeout| {
                i32::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
            });
            let mut events = [const { libc::epoll_event { events: 0, u64: 0 } }; EVENTS];
            let (epoll, place) = (self.descriptor(), events.as_mut_ptr());
            // SAFETY: there is room for so many events.
            let wait = || unsafe { libc::epoll_wait(epoll, place, EVENTS as i32, milliseconds) };
            let count = cvt(cancel::off(wait))? as usize;
            for (number, event) in numbers.iter_mut().zip(events.iter().take(count)) {
                *number = event.u64;
            }
            Ok(count)
        }
    }

    fn control(
        epoll: RawFd,
        how: i32,
        descriptor: RawFd,
        number: u64,
        watch: bool,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event { events: if watch { READING } else { 0 }, u64: number };
        // SAFETY: the event outlives the call.
        cvt(unsafe { libc::epoll_ctl(epoll, how, descriptor, ptr::from_mut(&mut event)) })?;
        Ok(())
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod none {
    use std::io;
    use std::os::fd::RawFd;
    use std::time::Duration;

    use super::EVENTS;

    /// There is none.
    pub(crate) enum Epoll {}

    impl Epoll {
        pub(crate) fn new() -> io::Result<Epoll> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn descriptor(&self) -> RawFd {
            match *self {}
        }

        pub(crate) fn add(&self, _: RawFd, _: u64, _: bool) -> io::Result<()> {
            match *self {}
        }

        pub(crate) fn change(&self, _: RawFd, _: u64, _: bool) -> io::Result<()> {
            match *self {}
        }

        pub(crate) fn remove(&self, _: RawFd) {
            match *self {}
        }

        pub(crate) fn enter(&self, _: RawFd) -> io::Result<()> {
            match *self {}
        }

        pub(crate) fn show(&self, _: RawFd, _: bool) -> io::Result<()> {
            match *self {}
        }

        pub(crate) fn wait(&self, _: &mut [u64; EVENTS], _: Option<Duration>) -> io::Result<usize> {
            match *self {}
        }
    }
}

#[cfg(all(test, not(loom), any(target_os = "linux", target_os = "android")))]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_watched_is_reported_until_it_is_read() {
        let epoll = Epoll::new().unwrap();
        let mut numbers = [0; EVENTS];
        let (mut a, b) = UnixStream::pair().unwrap();
        epoll.add(b.as_raw_fd(), 7, true).unwrap();
        assert_eq!(epoll.wait(&mut numbers, Some(Duration::ZERO)).unwrap(), 0);
        a.write_all(b"x").unwrap();
        for _ in 0..2 {
            assert_eq!(epoll.wait(&mut numbers, None).unwrap(), 1);
            assert_eq!(numbers[0], 7);
        }
        epoll.change(b.as_raw_fd(), 7, false).unwrap();
        assert_eq!(epoll.wait(&mut numbers, Some(Duration::from_micros(1))).unwrap(), 0);
        epoll.change(b.as_raw_fd(), 8, true).unwrap();
        assert_eq!(epoll.wait(&mut numbers, None).unwrap(), 1);
        assert_eq!(numbers[0], 8);
        epoll.remove(b.as_raw_fd());
        assert_eq!(epoll.wait(&mut numbers, Some(Duration::ZERO)).unwrap(), 0);
    }
}
