//! Waiting for several sockets and descriptors at once, see zmq_poll(3) and libzmq's zmq_poller(3).
//!
//! `zmq_poll` works on the application's own array of [`PollItem`]s; a [`Poller`] remembers what is
//! registered. Asking a socket needs no system call; both enter the kernel only to look at plain
//! descriptors or to sleep: a socket that has nothing to report wakes who sleeps when that changes,
//! be it one thread or many (`socket::watching`). Called by `ffi::poll`, `ffi::poller` and `proxy`.

#![forbid(unsafe_code)]

mod recall;
#[cfg(feature = "draft")]
mod set;

use std::ffi::{c_int, c_long, c_short, c_void};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::socket::{self, Socket, Watch, aside};
use crate::sys::signals::SignalSet;
use crate::sys::{self, PollFd, nap};

#[cfg(feature = "draft")]
pub use set::PollerEvent;
#[cfg(feature = "draft")]
pub(crate) use set::{Poller, Target};

/// A descriptor of the operating system (`zmq_fd_t`).
pub type Descriptor = c_int;

/// At least one message can be received, or bytes be read.
pub(crate) const POLLIN: c_short = 1;
/// At least one message can be sent, or bytes be written.
pub(crate) const POLLOUT: c_short = 2;
/// The descriptor is in error, hung up or not open.
pub(crate) const POLLERR: c_short = 4;
/// The descriptor has urgent data.
pub(crate) const POLLPRI: c_short = 8;

/// What zmq_poll waits for, and what it found.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct PollItem {
    /// A socket; null to wait for the descriptor.
    pub socket: *mut c_void,
    /// A descriptor, ignored if there is a socket.
    pub fd: Descriptor,
    /// The events to wait for.
    pub events: c_short,
    /// The events that have occurred.
    pub revents: c_short,
}

/// When a call shall give up.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// `timeout` milliseconds from now; never if it is negative or beyond what a clock can hold.
    pub(crate) fn after(timeout: c_long) -> Deadline {
        let timeout = u64::try_from(timeout).ok().map(Duration::from_millis);
        Deadline(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// The time that is left: zero when it is over, `None` for ever.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.0.map(|end| end.saturating_duration_since(Instant::now()))
    }
}

/// Waits until one of `items` has an event it asks for, and gives the number of those that have.
/// `NOTSOCK` for a stale socket, `TERM` when its context ended, `INTR` when a signal came. `ASLEEP` when the
/// caller has to sleep and then to `poll_again`.
pub(crate) fn poll_items(
    items: &mut [PollItem],
    timeout: c_long,
    mask: Option<&SignalSet>,
) -> Result<usize> {
    if timeout == 0
        && mask.is_none()
        && let Some(found) = recall::poll_at_once(items)
    {
        return found;
    }
    let descriptors = items.iter().any(|item| item.socket.is_null());
    // As with ppoll(2) what has just come is told before a signal that waits; as in libzmq the signal is not kept from
    // who leaves alone what he was told of.
    let first = mask.filter(|_| !items.iter().any(has_news));
    let mut found = 0;
    if !descriptors {
        found = collect(items, &[])?;
        if first.is_none() && (found > 0 || timeout == 0) {
            return Ok(found);
        }
    }
    with_descriptors(items, |items, fds| {
        // The kernel comes first, as in libzmq: a socket that is asked takes notice of its news, and then
        // its own descriptor (ZMQ_FD), which may be among these, has nothing to tell.
        if descriptors || found > 0 || timeout == 0 {
            wait(fds, Some(Duration::ZERO), first)?;
            found = collect(items, fds)?;
            if found > 0 || timeout == 0 {
                return Ok(found);
            }
        }
        sleep(items, fds, Deadline::after(timeout), mask)
    })
}

/// Whether something came for the item's socket that no call has taken in.
fn has_news(item: &PollItem) -> bool {
    socket::from_handle(item.socket).is_ok_and(Socket::has_news)
}

/// Goes on with the same items after the sleep.
#[cold]
pub(crate) fn poll_again(items: &mut [PollItem], mask: Option<&SignalSet>) -> Result<usize> {
    let deadline = end_sleep()?;
    let collected = nap::outcome(|_, fds, _| collect(items, fds));
    let found = collected.unwrap_or(Err(Error::INTR))?;
    if found > 0 {
        return Ok(found);
    }
    with_descriptors(items, |items, fds| sleep(items, fds, deadline, mask))
}

/// Takes back what was put aside. `INTR` after a signal, and when its handler has called the library, which it
/// should not.
pub(crate) fn end_sleep() -> Result<Deadline> {
    let (_watches, deadline) = aside::take_watches().ok_or(Error::INTR)?;
    nap::outcome(|ready, _, _| ready).unwrap_or(Err(Error::INTR))?;
    Ok(Deadline(deadline))
}

/// Calls `act` with the kernel's array, in which the descriptors among the items are.
fn with_descriptors<R>(
    items: &mut [PollItem],
    act: impl FnOnce(&mut [PollItem], &mut [PollFd]) -> R,
) -> R {
    let mut few = [const { PollFd::new(-1, 0) }; FEW];
    let mut many = Vec::new();
    let fds: &mut [PollFd] = if items.len() <= FEW {
        &mut few[..items.len()]
    } else {
        many.resize(items.len(), PollFd::new(-1, 0));
        &mut many
    };
    for (item, fd) in items.iter().zip(fds.iter_mut()) {
        if item.socket.is_null() {
            *fd = PollFd::new(item.fd, to_kernel(item.events));
        }
    }
    act(items, fds)
}

/// Sleeps, or lets the caller do so.
fn sleep(
    items: &mut [PollItem],
    fds: &mut [PollFd],
    deadline: Deadline,
    mask: Option<&SignalSet>,
) -> Result<usize> {
    aside::take_back();
    let mut watches = Vec::new();
    loop {
        let left = deadline.left();
        let wanted = items.iter().map(|item| (item.socket, item.events));
        let idle = announce(wanted, fds, &mut watches)?;
        let elsewhere = idle && left != Some(Duration::ZERO) && aside::may_put_aside();
        if elsewhere && nap::plan_poll(fds.iter().copied(), left, mask) {
            aside::put_watches(watches, deadline.0);
            return Err(Error::ASLEEP);
        }
        let waited = wait(fds, if idle { left } else { Some(Duration::ZERO) }, mask);
        // What is there already was taken in, and nobody else is told of it: no signal comes before that.
        if idle {
            waited?;
        }
        watches.clear();
        let found = collect(items, fds)?;
        if found > 0 || left == Some(Duration::ZERO) {
            return Ok(found);
        }
    }
}

/// Looks at the sockets once more, announces to each that has nothing that this thread is about to
/// sleep, and puts what it sleeps on in place of the socket. False: one of them has something.
fn announce(
    sockets: impl Iterator<Item = (*mut c_void, c_short)>,
    fds: &mut [PollFd],
    watches: &mut Vec<Watch>,
) -> Result<bool> {
    for ((handle, events), fd) in sockets.zip(fds) {
        if handle.is_null() || events == 0 {
            continue;
        }
        let Some(watch) = socket::from_handle(handle)?.watch(events)? else { return Ok(false) };
        *fd = PollFd::new(watch.descriptor(), libc::POLLIN);
        watches.push(watch);
    }
    Ok(true)
}

/// `INTR` when a signal came before anything else.
fn wait(fds: &mut [PollFd], timeout: Option<Duration>, mask: Option<&SignalSet>) -> Result<usize> {
    Ok(match mask {
        Some(_) => sys::ppoll(fds, timeout, mask)?,
        None => sys::poll(fds, timeout)?,
    })
}

/// Up to this many items the kernel's array lies on the stack.
const FEW: usize = 16;

/// Asks the sockets, and notes what the kernel found for the descriptors. Without `fds` there are
/// none of these.
fn collect(items: &mut [PollItem], fds: &[PollFd]) -> Result<usize> {
    let mut found = 0;
    for (place, item) in items.iter_mut().enumerate() {
        item.revents = if item.socket.is_null() {
            fds.get(place).map_or(0, |fd| from_kernel(fd.revents()))
        } else {
            socket::from_handle(item.socket)?.events()? & item.events
        };
        found += usize::from(item.revents != 0);
    }
    Ok(found)
}

/// The kernel's flags for the events of a descriptor; errors are always reported.
fn to_kernel(events: c_short) -> i16 {
    let flag = |ours: c_short, theirs: i16| if events & ours != 0 { theirs } else { 0 };
    flag(POLLIN, libc::POLLIN) | flag(POLLOUT, libc::POLLOUT) | flag(POLLPRI, libc::POLLPRI)
}

/// Our flags for what the kernel found; everything it may add on its own is an error.
fn from_kernel(found: i16) -> c_short {
    let flag = |ours: c_short, theirs: i16| if found & theirs != 0 { ours } else { 0 };
    flag(POLLIN, libc::POLLIN)
        | flag(POLLOUT, libc::POLLOUT)
        | flag(POLLPRI, libc::POLLPRI)
        | flag(POLLERR, !(libc::POLLIN | libc::POLLOUT | libc::POLLPRI))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::ptr;

    use super::*;

    /// The call as C makes it.
    fn poll_items(
        items: &mut [PollItem],
        timeout: c_long,
        mask: Option<&SignalSet>,
    ) -> Result<usize> {
        let mut result = super::poll_items(items, timeout, mask);
        while result == Err(Error::ASLEEP) {
            nap::sleep();
            result = poll_again(items, mask);
        }
        result
    }

    fn item(fd: Descriptor, events: c_short) -> PollItem {
        PollItem { socket: ptr::null_mut(), fd, events, revents: -1 }
    }

    #[test]
    fn descriptors_report_what_was_asked() {
        let (mut a, b) = UnixStream::pair().unwrap();
        let mut items = [item(b.as_raw_fd(), POLLIN), item(b.as_raw_fd(), POLLIN | POLLOUT)];
        assert_eq!(poll_items(&mut items[..1], 0, None), Ok(0));
        assert_eq!((poll_items(&mut items, -1, None), items[1].revents), (Ok(1), POLLOUT));
        a.write_all(b"x").unwrap();
        assert_eq!((poll_items(&mut items, -1, None), items[0].revents), (Ok(2), POLLIN));
        drop(a);
        assert_eq!(poll_items(&mut items[..1], 10, None), Ok(1));
        assert_eq!(items[0].revents, POLLIN | POLLERR);
    }

    #[test]
    fn many_descriptors_are_no_different() {
        let (_a, b) = UnixStream::pair().unwrap();
        let mut items = vec![item(-1, POLLIN); FEW + 1];
        assert_eq!(poll_items(&mut items, 1, None), Ok(0));
        items[FEW] = item(b.as_raw_fd(), POLLOUT);
        assert_eq!((poll_items(&mut items, 1000, None), items[FEW].revents), (Ok(1), POLLOUT));
    }

    #[test]
    fn closed_descriptors_are_errors() {
        let mut items = [item(999_999, POLLIN)];
        assert_eq!((poll_items(&mut items, -1, None), items[0].revents), (Ok(1), POLLERR));
    }

    #[test]
    fn the_timeout_is_kept() {
        let start = Instant::now();
        assert_eq!(poll_items(&mut [], 20, None), Ok(0));
        assert!(start.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn stale_sockets_are_refused() {
        let mut nothing = 0u64;
        let mut items = [item(0, POLLIN)];
        items[0].socket = (&raw mut nothing).cast();
        assert_eq!(poll_items(&mut items, 0, None), Err(Error::NOTSOCK));
    }

    #[test]
    fn deadlines_may_be_far() {
        assert_eq!(Deadline::after(-1).left(), None);
        assert_eq!(Deadline::after(0).left(), Some(Duration::ZERO));
        assert!(Deadline::after(c_long::MAX).left().is_none_or(|left| left.as_secs() > 1 << 40));
    }
}
