//! The mailbox of a socket: what other threads have to tell it, and the descriptor that says so.
//!
//! Pipe events, new pipes and the end of the context arrive here from I/O threads and from other
//! sockets; the application's thread takes them in at its next call. The signaler behind it is what
//! a blocked call sleeps on, and ZMQ_FD once the application asked for it. A writer pays for a
//! system call only when somebody may be watching.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::Result;
use crate::patterns::Attach;
use crate::pipe::{Notify, Pipe, PipeEvent};
use crate::sys::{PollFd, Signaler, poll};

/// At most this many descriptors are waited for besides the mailbox's own.
pub(crate) const OTHERS: usize = 16;

/// Something a socket shall take in.
pub(crate) enum Command {
    /// Something happened to the pipe with this key.
    Pipe(u32, PipeEvent),
    /// A new pipe, from a connection or from a socket that connected over inproc.
    Attach(Pipe, Attach),
    /// A connection has come to its end for good; `endpoint` entries that name it are obsolete.
    Gone(u32),
    /// The context is being terminated.
    Stop,
}

/// The mailbox of one socket.
pub(crate) struct Mailbox {
    /// Whether `commands` may hold something; lets the fast path look without the lock.
    pending: AtomicBool,
    inner: Mutex<Inner>,
    signaler: Signaler,
}

#[derive(Default)]
struct Inner {
    commands: Vec<Command>,
    /// Threads that sleep on the signaler.
    waiting: u32,
    /// The application knows the descriptor and may be watching it at any time.
    exposed: bool,
    /// The socket has endpoints: whoever starts to watch shall look at ZMQ_EVENTS once.
    stirred: bool,
    signalled: bool,
    /// The socket is closed: nothing is taken in any more.
    closed: bool,
}

impl Mailbox {
    /// EMFILE if there is no descriptor left for it.
    pub(crate) fn new() -> Result<Mailbox> {
        Ok(Mailbox {
            pending: AtomicBool::new(false),
            inner: Mutex::new(Inner::default()),
            signaler: Signaler::new()?,
        })
    }

    /// Delivers a command. It is dropped, and a pipe in it closed, if the socket is closed.
    pub(crate) fn send(&self, command: Command) {
        let mut inner = self.inner.lock();
        if inner.closed {
            // A pipe that is dropped notifies its peer, which must not happen under the lock.
            drop(inner);
            drop(command);
            return;
        }
        inner.commands.push(command);
        self.pending.store(true, Ordering::Release);
        self.signal(&mut inner);
    }

    fn signal(&self, inner: &mut Inner) {
        if (inner.waiting > 0 || inner.exposed) && !std::mem::replace(&mut inner.signalled, true) {
            self.signaler.signal();
        }
    }

    /// Whether there may be commands.
    #[inline]
    pub(crate) fn pending(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// Takes all commands.
    pub(crate) fn take(&self) -> Vec<Command> {
        let mut inner = self.inner.lock();
        self.pending.store(false, Ordering::Relaxed);
        if std::mem::take(&mut inner.signalled) {
            self.signaler.drain();
        }
        std::mem::take(&mut inner.commands)
    }

    /// Announces that this thread is about to sleep. Call with the socket's lock held, so that
    /// nothing that comes later is missed; every call needs a `wait`.
    pub(crate) fn prepare_wait(&self) {
        let mut inner = self.inner.lock();
        inner.waiting += 1;
        if !inner.commands.is_empty() {
            self.signal(&mut inner);
        }
    }

    /// Sleeps until a command may have come or one of the other descriptors is readable. `AGAIN`
    /// when the time is up, `INTR` after a signal.
    ///
    /// A bit for each of `others` that is readable.
    pub(crate) fn wait(&self, others: &[RawFd], timeout: Option<Duration>) -> Result<u32> {
        let own = self.signaler.descriptor();
        let mut items = [const { PollFd::new(-1, 0) }; 1 + OTHERS];
        let mut count = 0;
        for &descriptor in std::iter::once(&own).chain(others.iter().take(OTHERS)) {
            items[count] = PollFd::new(descriptor, libc::POLLIN);
            count += 1;
        }
        let result = poll(&mut items[..count], timeout);
        let mut inner = self.inner.lock();
        inner.waiting -= 1;
        drop(inner);
        match result {
            Ok(0) => Err(crate::error::Error::AGAIN),
            Ok(_) => {
                let ready = items[1..count].iter().enumerate();
                let bits = ready.map(|(index, item)| u32::from(item.revents() != 0) << index);
                Ok(bits.fold(0, |all, bit| all | bit))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Wakes the other threads that wait on this socket: what one of them took in may concern them.
    pub(crate) fn pass_on(&self) {
        let mut inner = self.inner.lock();
        if inner.waiting > 0 {
            self.pending.store(true, Ordering::Release);
            self.signal(&mut inner);
        }
    }

    /// The socket was bound or connected. The descriptor becomes readable, as libzmq's does:
    /// programs that wait for it before they first look at ZMQ_EVENTS rely on it.
    pub(crate) fn stir(&self) {
        let mut inner = self.inner.lock();
        inner.stirred = true;
        if inner.exposed {
            self.pending.store(true, Ordering::Release);
            self.signal(&mut inner);
        }
    }

    /// Whether the application was given the descriptor, or threads wait already.
    pub(crate) fn is_watched(&self) -> bool {
        let inner = self.inner.lock();
        inner.exposed || inner.waiting > 0
    }

    /// The descriptor that becomes readable when there are commands (ZMQ_FD).
    pub(crate) fn expose(&self) -> RawFd {
        let mut inner = self.inner.lock();
        if !inner.exposed {
            inner.exposed = true;
            if inner.stirred || !inner.commands.is_empty() {
                self.pending.store(true, Ordering::Release);
                self.signal(&mut inner);
            }
        }
        self.signaler.descriptor()
    }

    /// The socket is closed: drops what came and what will come, and wakes whoever waits.
    pub(crate) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        let commands = std::mem::take(&mut inner.commands);
        self.signal(&mut inner);
        drop(inner);
        drop(commands);
    }
}

impl Notify for Mailbox {
    fn notify(&self, key: u32, event: PipeEvent) {
        self.send(Command::Pipe(key, event));
    }
}
