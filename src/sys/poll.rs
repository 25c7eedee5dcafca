//! poll(2) and ppoll(2). An interruption by a signal is the caller's to handle (EINTR). Called by
//! `bell`, the poller and the connection.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use super::signals::SignalSet;
use super::{cancel, cvt};

/// One descriptor to wait for; the layout of `struct pollfd`.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct PollFd(libc::pollfd);

impl PollFd {
    /// Waits for `events` (libc::POLLIN ...). A negative descriptor is ignored.
    pub(crate) const fn new(fd: RawFd, events: i16) -> PollFd {
        PollFd(libc::pollfd { fd, events, revents: 0 })
    }

    /// What the last poll found, POLLERR, POLLHUP and POLLNVAL included.
    pub(crate) fn revents(&self) -> i16 {
        self.0.revents
    }
}

/// How many items have something to tell; 0 when the time is over. `None` waits for ever.
pub(crate) fn poll(items: &mut [PollFd], timeout: Option<Duration>) -> io::Result<usize> {
    ppoll(items, timeout, None)
}

/// As `poll`, with the signal mask replaced while it waits.
pub(crate) fn ppoll(
    items: &mut [PollFd],
    timeout: Option<Duration>,
    mask: Option<&SignalSet>,
) -> io::Result<usize> {
    let timeout = timeout.map(timespec);
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let mask = mask.map_or(std::ptr::null(), SignalSet::as_ptr);
    let (place, count) = (items.as_mut_ptr().cast(), items.len() as libc::nfds_t);
    // SAFETY: PollFd has the layout of pollfd and the slice is valid for its length; timeout and
    // mask are null or point to values that outlive the call.
    let ready = cvt(cancel::off(|| unsafe { libc::ppoll(place, count, timeout, mask) }))?;
    Ok(ready as usize)
}

/// A duration as the kernel takes it; the absurdly long become "as long as can be said".
pub(super) fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos() as libc::c_long,
    }
}
