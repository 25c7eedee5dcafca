//! Waiting for descriptors: mio's poll, edge triggered. One for each I/O thread, called by it and by
//! its tasks.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token, Waker};

use crate::sys::fd;

/// The token of the thread's own waker.
const WAKER: Token = Token(usize::MAX);
/// So many descriptors at most are reported by one wait.
const EVENTS: usize = 256;

/// What a descriptor is ready for.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Ready {
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The peer has closed its direction, or the descriptor is in error: read to the end.
    pub(super) hung_up: bool,
}

/// The token of a task's descriptor; `orders::keys_of` is the way back.
fn token_of(key: u64) -> Token {
    Token(key as usize)
}

/// Registers descriptors for the tasks of one thread.
pub(super) struct Reactor {
    registry: Registry,
}

/// The waiting half, used by the thread's loop alone.
pub(super) struct Waiter {
    poll: Poll,
    events: Events,
}

/// A reactor with its waiting half and its waker.
pub(super) fn reactor() -> io::Result<(Reactor, Waiter, Waker)> {
    fd::above_standard_streams(|| {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = Waker::new(&registry, WAKER)?;
        Ok((Reactor { registry }, Waiter { poll, events: Events::with_capacity(EVENTS) }, waker))
    })
}

impl Reactor {
    /// Reports both directions of a descriptor under the key, at each change.
    pub(super) fn register(&self, descriptor: RawFd, key: u64) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.registry.register(&mut SourceFd(&descriptor), token_of(key), interest)
    }

    /// Reports a registered descriptor's reading side, or leaves it to somebody else.
    pub(super) fn watch_reading(&self, descriptor: RawFd, key: u64, watch: bool) -> bool {
        let interest =
            if watch { Interest::READABLE | Interest::WRITABLE } else { Interest::WRITABLE };
        let token = token_of(key);
        self.registry.reregister(&mut SourceFd(&descriptor), token, interest).is_ok()
    }

    /// Reports both directions of a descriptor again that was left to somebody else.
    pub(super) fn watch(&self, descriptor: RawFd, key: u64) -> bool {
        self.watch_again(descriptor, key, Interest::READABLE | Interest::WRITABLE)
    }

    /// Reports that a descriptor which was left to somebody else takes more.
    pub(super) fn watch_writing(&self, descriptor: RawFd, key: u64) -> bool {
        self.watch_again(descriptor, key, Interest::WRITABLE)
    }

    fn watch_again(&self, descriptor: RawFd, key: u64, interest: Interest) -> bool {
        let (mut source, token) = (SourceFd(&descriptor), token_of(key));
        self.registry.reregister(&mut source, token, interest).is_ok()
            || self.registry.register(&mut source, token, interest).is_ok()
    }

    /// Leaves a descriptor to somebody else altogether. As long as it is known here the kernel calls on us for
    /// every message, and a unix socket says that it takes more whenever the peer has read something.
    pub(super) fn leave(&self, descriptor: RawFd) -> bool {
        self.registry.deregister(&mut SourceFd(&descriptor)).is_ok()
    }

    /// Reports only incoming connections.
    pub(super) fn register_listener(&self, descriptor: RawFd, key: u64) -> io::Result<()> {
        let token = token_of(key);
        self.registry.register(&mut SourceFd(&descriptor), token, Interest::READABLE)
    }

    /// Forgets a descriptor. Fails harmlessly if it is not registered.
    pub(super) fn deregister(&self, descriptor: RawFd) {
        let _ = self.registry.deregister(&mut SourceFd(&descriptor));
    }
}

impl Waiter {
    /// Waits and adds every ready token, see `orders::keys_of`; false if the time passed and nothing happened.
    pub(super) fn wait(
        &mut self,
        timeout: Option<Duration>,
        ready: &mut Vec<(usize, Ready)>,
    ) -> io::Result<bool> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            other => other?,
        }
        for event in &self.events {
            if event.token() != WAKER {
                let hung_up = event.is_read_closed() || event.is_error() || event.is_write_closed();
                let state = Ready {
                    readable: event.is_readable() || hung_up,
                    writable: event.is_writable() || hung_up,
                    hung_up,
                };
                ready.push((event.token().0, state));
            }
        }
        Ok(!self.events.is_empty())
    }
}
