//! A set of registered sockets and descriptors to wait for, see libzmq's zmq_poller(3).
//!
//! Called by `ffi::poller`.

use std::ffi::{c_long, c_short, c_void};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use super::{
    Deadline, Descriptor, POLLERR, POLLIN, POLLOUT, POLLPRI, announce, end_sleep, from_kernel,
    to_kernel, wait,
};
use crate::error::{Error, Result};
use crate::socket::{self, Alarm, Socket, aside};
use crate::sys::{PollFd, errand, nap};

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

    /// The socket, if the descriptor of the poller tells of it.
    fn thread_safe(&self) -> Option<&'static Socket> {
        match self.target {
            Target::Socket(handle) => look_up(handle).ok().filter(|socket| socket.is_thread_safe()),
            Target::Descriptor(_) => None,
        }
    }

    /// Whether the descriptor has to tell of it.
    fn has_news(&self) -> bool {
        let has =
            |socket: &Socket| socket.events().map_or(true, |events| events & self.events != 0);
        self.thread_safe().is_some_and(has)
    }

    /// Rings from now on when the socket has news, if it is a thread-safe one.
    fn set_alarm(&self, alarm: Option<&Arc<Alarm>>) {
        if let (Some(alarm), Some(socket)) = (alarm, self.thread_safe()) {
            // One that is closed meanwhile is found out by who waits.
            let _ = socket.set_alarm(alarm, self.events);
        }
    }
}

/// The registrations of one `zmq_poller_new`.
pub(crate) struct Poller {
    items: Vec<Item>,
    /// One entry per item; empty when it must be built anew.
    fds: Vec<PollFd>,
    /// A thread-safe socket was registered.
    thread_safe: bool,
    /// What `zmq_poller_fd` handed out, set on all thread-safe sockets. Silent, it says that no one
    /// of them has news but for what the last wait has told.
    alarm: Option<Arc<Alarm>>,
    /// A wait was broken off that lasts until then, see `paused`.
    paused: Option<Deadline>,
}

impl Poller {
    /// Nothing registered.
    pub(crate) fn new() -> Poller {
        Poller { items: Vec::new(), fds: Vec::new(), thread_safe: false, alarm: None, paused: None }
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
        self.thread_safe |= socket.is_some_and(Socket::is_thread_safe);
        self.fds.clear();
        let item = Item { target, user_data: user_data.expose_provenance(), events };
        item.set_alarm(self.alarm.as_ref());
        self.items.push(item);
        Ok(())
    }

    /// Changes the events of a target. `INVAL` if it is not registered, or for unknown events.
    pub(crate) fn modify(&mut self, target: Target, events: c_short) -> Result<()> {
        checked(target, events)?;
        let position = self.position(target)?;
        let item = &mut self.items[position];
        item.events = events;
        item.set_alarm(self.alarm.as_ref());
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
        if let (Target::Socket(handle), Some(alarm)) = (target, &self.alarm)
            && let Ok(socket) = look_up(handle)
        {
            socket.remove_alarm(alarm);
        }
        Ok(())
    }

    /// A descriptor that becomes readable when a thread-safe socket has news. `INVAL` if no such
    /// socket was ever registered. Those who never ask for it pay nothing for it.
    pub(crate) fn descriptor(&mut self) -> Result<Descriptor> {
        if !self.thread_safe {
            return Err(Error::INVAL);
        }
        if let Some(alarm) = &self.alarm {
            return Ok(alarm.descriptor());
        }
        let alarm = self.alarm.insert(Arc::new(Alarm::new()?));
        self.items.iter().for_each(|item| item.set_alarm(Some(alarm)));
        Ok(alarm.descriptor())
    }

    /// Waits until something happens and writes it to `events`; gives the number of events.
    /// `AGAIN` when the time is up, `FAULT` when it would wait for nothing for ever. `ASLEEP` when the caller has to
    /// sleep and then to `wait_again`.
    pub(crate) fn wait(&mut self, events: &mut [PollerEvent], timeout: c_long) -> Result<usize> {
        if timeout < 0 && (events.is_empty() || self.items.iter().all(|item| item.events == 0)) {
            return Err(Error::FAULT);
        }
        let found = self.look(events)?;
        if found > 0 || timeout == 0 {
            return if found > 0 { Ok(found) } else { Err(Error::AGAIN) };
        }
        self.sleep(events, Deadline::after(timeout))
    }

    /// Goes on after the sleep. Meanwhile other threads may have changed what is registered.
    #[cold]
    pub(crate) fn wait_again(&mut self, events: &mut [PollerEvent]) -> Result<usize> {
        let deadline = end_sleep()?;
        self.wait_until(events, deadline)
    }

    /// Whether the wait that has just ended is to go on, until when, as soon as the poller was let go: the application
    /// has to be called first, and may want it.
    pub(crate) fn paused(&mut self) -> Option<Deadline> {
        self.paused.take()
    }

    /// Goes on until then.
    #[cold]
    pub(crate) fn wait_until(
        &mut self,
        events: &mut [PollerEvent],
        deadline: Deadline,
    ) -> Result<usize> {
        let found = self.look(events)?;
        if found > 0 { Ok(found) } else { self.sleep(events, deadline) }
    }

    /// What there is without waiting.
    fn look(&mut self, events: &mut [PollerEvent]) -> Result<usize> {
        if self.fds.is_empty() {
            self.fds = self.items.iter().map(Item::in_the_kernel).collect();
        }
        // The kernel before the sockets: see `poll_items`.
        if self.has_descriptors() {
            wait(&mut self.fds, Some(Duration::ZERO), None)?;
        }
        self.check(events)
    }

    /// Sleeps, or lets the caller do so.
    fn sleep(&mut self, events: &mut [PollerEvent], deadline: Deadline) -> Result<usize> {
        aside::take_back();
        let mut watches = Vec::new();
        loop {
            let left = deadline.left();
            let wanted = self.items.iter().map(Item::as_socket);
            let idle = announce(wanted, &mut self.fds, &mut watches)?;
            if errand::is_waiting() {
                self.paused = Some(deadline);
                return Err(Error::AGAIN);
            }
            let elsewhere = idle && left != Some(Duration::ZERO) && aside::may_put_aside();
            if elsewhere && nap::plan_poll(self.fds.iter().copied(), left, None) {
                aside::put_watches(watches, deadline.0);
                return Err(Error::ASLEEP);
            }
            let waited = wait(&mut self.fds, if idle { left } else { Some(Duration::ZERO) }, None);
            // As in zmq_poll: no signal comes before what was taken in already.
            if idle {
                waited?;
            }
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
        // Before the sockets are asked: what comes later rings again.
        let silenced = self.alarm.as_ref().filter(|alarm| alarm.silence());
        let mut asked = 0;
        let result = self.ask(events, &mut asked);
        if let Some(alarm) = silenced {
            // It rang for the others, too. Of an error nothing but that is told.
            let told = if result.is_ok() { 0..asked } else { asked.saturating_sub(1)..asked };
            let mut others = self.items.iter().enumerate().filter(|(at, _)| !told.contains(at));
            if others.any(|(_, item)| item.has_news()) {
                alarm.ring();
            }
        }
        result
    }

    /// The same, and how many were asked before there was no room for more.
    fn ask(&self, events: &mut [PollerEvent], asked: &mut usize) -> Result<usize> {
        let mut found = 0;
        for (index, item) in self.items.iter().enumerate() {
            let Some(slot) = events.get_mut(found) else { break };
            *asked = index + 1;
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
#[path = "set_test.rs"]
mod tests;
