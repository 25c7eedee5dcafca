//! A set of registered sockets and descriptors to wait for, see libzmq's zmq_poller(3).
//!
//! Called by `ffi::poller`.

use std::ffi::{c_long, c_short, c_void};
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Poll, Token};

use super::{
    Deadline, Descriptor, POLLERR, POLLIN, POLLOUT, POLLPRI, announce, from_kernel, to_kernel, wait,
};
use crate::error::{Error, Result};
use crate::socket::{self, Socket};
use crate::sys::{PollFd, fd};

/// One event found by zmq_poller_wait.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct PollerEvent {
    /// The socket, or null if it is a descriptor.
    pub socket: *mut c_void,
    /// The descriptor, or -1 if it is a socket.
    pub fd: Descriptor,
    /// What the application gave when it registered the socket or descriptor.
    pub user_data: *mut c_void,
    /// The events that have occurred.
    pub events: c_short,
}

impl PollerEvent {
    /// What fills the entries that have no event.
    pub(crate) const NONE: PollerEvent =
        PollerEvent { socket: ptr::null_mut(), fd: -1, user_data: ptr::null_mut(), events: 0 };
}

/// What is registered.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// The handle of a socket. It is looked up at every use, so that a socket that was closed in
    /// the meantime is noticed.
    Socket(usize),
    /// A plain descriptor.
    Descriptor(Descriptor),
}

impl Target {
    /// A socket as a target, be the handle good or not.
    pub(crate) fn socket(handle: *mut c_void) -> Target {
        Target::Socket(handle.expose_provenance())
    }
}

/// The socket behind a registered handle. `NOTSOCK` if it is closed, or never was one.
fn look_up(handle: usize) -> Result<&'static Socket> {
    socket::from_handle(ptr::without_provenance_mut(handle))
}

struct Item {
    target: Target,
    /// An address of the application, only handed back.
    user_data: usize,
    events: c_short,
}

impl Item {
    /// A plain descriptor as the kernel waits for it; the place of a socket is empty.
    fn in_the_kernel(&self) -> PollFd {
        match self.target {
            Target::Descriptor(descriptor) if self.events != 0 => {
                PollFd::new(descriptor, to_kernel(self.events))
            }
            _ => PollFd::new(-1, 0),
        }
    }

    /// The handle of a socket, or null, and the events.
    fn as_socket(&self) -> (*mut c_void, c_short) {
        match self.target {
            Target::Socket(handle) => (ptr::with_exposed_provenance_mut(handle), self.events),
            Target::Descriptor(_) => (ptr::null_mut(), 0),
        }
    }
}

/// The registrations of one `zmq_poller_new`.
pub(crate) struct Poller {
    items: Vec<Item>,
    /// One entry per item; empty when it must be built anew.
    fds: Vec<PollFd>,
    /// Joins the descriptors of the thread-safe sockets into the one `zmq_poller_fd` hands out.
    joined: Option<Poll>,
}

impl Poller {
    /// Nothing registered.
    pub(crate) fn new() -> Poller {
        Poller { items: Vec::new(), fds: Vec::new(), joined: None }
    }

    /// How many sockets and descriptors are registered.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Registers a target. `INVAL` if it is already, or for unknown events; `NOTSOCK` for what is
    /// no socket.
    pub(crate) fn add(
        &mut self,
        target: Target,
        user_data: *mut c_void,
        events: c_short,
    ) -> Result<()> {
        let socket = checked(target, events)?;
        if self.position(target).is_ok() {
            return Err(Error::INVAL);
        }
        if let Some(socket) = socket.filter(|socket| socket.is_thread_safe()) {
            self.join(socket)?;
        }
        self.fds.clear();
        self.items.push(Item { target, user_data: user_data.expose_provenance(), events });
        Ok(())
    }

    /// Changes the events of a target. `INVAL` if it is not registered, or for unknown events.
    pub(crate) fn modify(&mut self, target: Target, events: c_short) -> Result<()> {
        checked(target, events)?;
        let position = self.position(target)?;
        self.items[position].events = events;
        self.fds.clear();
        Ok(())
    }

    /// Forgets a target; a socket may be closed already. `INVAL` if it is not registered.
    pub(crate) fn remove(&mut self, target: Target) -> Result<()> {
        let Ok(position) = self.position(target) else {
            return checked(target, 0).and(Err(Error::INVAL));
        };
        self.items.remove(position);
        self.fds.clear();
        if let (Target::Socket(handle), Some(joined)) = (target, &self.joined)
            && let Ok(socket) = look_up(handle)
            && socket.is_thread_safe()
            && let Ok(descriptor) = socket.descriptor()
        {
            // A descriptor that is closed by now has left the set on its own.
            let _ = joined.registry().deregister(&mut SourceFd(&descriptor));
        }
        Ok(())
    }

    /// A descriptor that becomes readable when a thread-safe socket has news. `INVAL` if no such
    /// socket was ever registered.
    pub(crate) fn descriptor(&self) -> Result<Descriptor> {
        self.joined.as_ref().map(AsRawFd::as_raw_fd).ok_or(Error::INVAL)
    }

    /// Waits until something happens and writes it to `events`; gives the number of events.
    /// `AGAIN` when the time is up, `FAULT` when it would wait for nothing for ever.
    pub(crate) fn wait(&mut self, events: &mut [PollerEvent], timeout: c_long) -> Result<usize> {
        if timeout < 0 && (events.is_empty() || self.items.iter().all(|item| item.events == 0)) {
            return Err(Error::FAULT);
        }
        if self.fds.is_empty() {
            self.fds = self.items.iter().map(Item::in_the_kernel).collect();
        }
        // The kernel before the sockets: see `poll_items`.
        if self.has_descriptors() {
            wait(&mut self.fds, Some(Duration::ZERO), None)?;
        }
        let found = self.check(events)?;
        if found > 0 || timeout == 0 {
            return if found > 0 { Ok(found) } else { Err(Error::AGAIN) };
        }
        let deadline = Deadline::after(timeout);
        let mut watches = Vec::new();
        loop {
            let left = deadline.left();
            let wanted = self.items.iter().map(Item::as_socket);
            let idle = announce(wanted, &mut self.fds, &mut watches)?;
            wait(&mut self.fds, if idle { left } else { Some(Duration::ZERO) }, None)?;
            watches.clear();
            let found = self.check(events)?;
            if found > 0 {
                return Ok(found);
            }
            if left == Some(Duration::ZERO) {
                return Err(Error::AGAIN);
            }
        }
    }

    fn position(&self, target: Target) -> Result<usize> {
        self.items.iter().position(|item| item.target == target).ok_or(Error::INVAL)
    }

    fn has_descriptors(&self) -> bool {
        self.items.iter().any(|item| matches!(item.target, Target::Descriptor(_)))
    }

    /// What the sockets have, and what the kernel found last, in the order of registration.
    fn check(&self, events: &mut [PollerEvent]) -> Result<usize> {
        let mut found = 0;
        for (index, item) in self.items.iter().enumerate() {
            let Some(slot) = events.get_mut(found) else { break };
            let (socket, fd, occurred) = match item.target {
                Target::Socket(handle) => {
                    let occurred = look_up(handle)?.events()? & item.events;
                    (ptr::with_exposed_provenance_mut(handle), -1, occurred)
                }
                Target::Descriptor(fd) => {
                    let occurred = self.fds.get(index).map_or(0, |fd| from_kernel(fd.revents()));
                    (ptr::null_mut(), fd, occurred)
                }
            };
            if occurred != 0 {
                let user_data = ptr::with_exposed_provenance_mut(item.user_data);
                *slot = PollerEvent { socket, fd, user_data, events: occurred };
                found += 1;
            }
        }
        if found > 0 {
            events[found..].fill(PollerEvent::NONE);
        }
        Ok(found)
    }

    fn join(&mut self, socket: &Socket) -> Result<()> {
        if self.joined.is_none() {
            self.joined = Some(fd::above_standard_streams(Poll::new)?);
        }
        if let Some(joined) = &self.joined {
            let descriptor = socket.descriptor()?;
            let source = &mut SourceFd(&descriptor);
            // Another thread may have closed the socket since, and its descriptor with it.
            let result = joined.registry().register(source, Token(0), Interest::READABLE);
            result.map_err(|error| match error.into() {
                Error::BADF => Error::NOTSOCK,
                other => other,
            })?;
        }
        Ok(())
    }
}

/// Checks the arguments of a registration and gives the socket, if it is one.
fn checked(target: Target, events: c_short) -> Result<Option<&'static Socket>> {
    let socket = match target {
        Target::Socket(handle) => Some(look_up(handle)?),
        Target::Descriptor(_) => None,
    };
    let known = POLLIN | POLLOUT | POLLERR | POLLPRI;
    if events & !known == 0 { Ok(socket) } else { Err(Error::INVAL) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn registrations_are_unique() {
        let (a, _b) = UnixStream::pair().unwrap();
        let (target, mut poller) = (Target::Descriptor(a.as_raw_fd()), Poller::new());
        assert_eq!(poller.modify(target, POLLIN), Err(Error::INVAL));
        assert_eq!(poller.remove(target), Err(Error::INVAL));
        assert_eq!(poller.add(target, ptr::null_mut(), c_short::MAX), Err(Error::INVAL));
        assert_eq!(poller.add(target, ptr::null_mut(), POLLIN), Ok(()));
        assert_eq!(poller.add(target, ptr::null_mut(), POLLIN), Err(Error::INVAL));
        assert_eq!((poller.len(), poller.descriptor()), (1, Err(Error::INVAL)));
        assert_eq!(poller.remove(target), Ok(()));
        assert_eq!(poller.len(), 0);
    }

    #[test]
    fn events_come_with_the_user_data() {
        let (a, b) = UnixStream::pair().unwrap();
        let (mut mark, mut poller) = (0u8, Poller::new());
        let mark = (&raw mut mark).cast();
        let gone = Target::Descriptor(a.as_raw_fd());
        poller.add(gone, ptr::null_mut(), POLLIN).unwrap();
        poller.add(Target::Descriptor(b.as_raw_fd()), mark, POLLOUT).unwrap();
        let mut events = [PollerEvent { events: 77, ..PollerEvent::NONE }; 2];
        assert_eq!(poller.wait(&mut events, -1), Ok(1));
        assert_eq!((events[0].fd, events[0].user_data, events[0].events), (b.as_raw_fd(), mark, 2));
        assert_eq!((events[1].fd, events[1].events), (-1, 0));
        drop(a);
        poller.modify(Target::Descriptor(b.as_raw_fd()), 0).unwrap();
        poller.remove(gone).unwrap();
        assert_eq!(poller.wait(&mut events, 5), Err(Error::AGAIN));
    }

    #[test]
    fn waiting_for_nothing_is_refused() {
        let mut poller = Poller::new();
        let mut events = [PollerEvent::NONE];
        assert_eq!(poller.wait(&mut events, -1), Err(Error::FAULT));
        assert_eq!(poller.wait(&mut events, 0), Err(Error::AGAIN));
        assert_eq!(poller.wait(&mut events, 1), Err(Error::AGAIN));
    }

    #[test]
    fn what_comes_between_looking_and_waiting_is_told() {
        use crate::context::Context;
        use crate::patterns::SocketType;
        use crate::sys::poll;
        use std::time::Duration;

        let context = Context::create().unwrap();
        let [pull, push] = [SocketType::Pull, SocketType::Push]
            .map(|kind| Socket::create(&context.core().unwrap(), kind as i32).unwrap());
        pull.bind("inproc://between").unwrap();
        push.connect("inproc://between").unwrap();
        for _ in 0..3 {
            assert_eq!(pull.descriptor().and_then(|_| pull.events()), Ok(0));
            push.send_slice(b"now", 0).unwrap();
            let mut items = [PollFd::new(pull.descriptor().unwrap(), libc::POLLIN)];
            assert_eq!(poll(&mut items, Some(Duration::from_secs(5))).unwrap(), 1);
            assert_eq!(pull.recv(0).unwrap().data(), b"now");
        }
        pull.close().unwrap();
        push.close().unwrap();
        context.terminate().unwrap();
    }
}
