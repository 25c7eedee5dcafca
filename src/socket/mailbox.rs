//! The mailbox of a socket: what other threads have to tell it, and the descriptor that says so.
//!
//! Pipe events, new pipes and the end of the context arrive here from I/O threads and from other
//! sockets; the application's thread takes them in at its next call. The bell behind it is what a
//! blocked call sleeps on, and ZMQ_FD once the application asked for it. A writer pays for a system
//! call only when somebody may be watching. Written by pipes (`Notify`), the runtime (`Owner`) and
//! the context (`Member`), read by this room.

use std::os::fd::RawFd;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::alarm::Alarm;
use super::quiet::Quiet;
use crate::error::Result;
use crate::patterns::Attach;
use crate::pipe::{Notify, Pipe, PipeEvent, PipeId};
use crate::sys::sync::{AtomicBool, Mutex, MutexGuard, Ordering, yield_now};
use crate::sys::{Bell, cancel};

/// So often a thread that was woken for others lets them go first before it pauses each time, and for how long: the
/// bell stays rung meanwhile, for who does not come as well.
const PATIENCE: u32 = 1000;
const PAUSE: Duration = Duration::from_millis(1);

/// Something a socket shall take in.
pub(crate) enum Command {
    /// Something happened to this pipe.
    Pipe(PipeId, PipeEvent),
    /// A new pipe, from a connection or from a socket that connected over inproc.
    Attach(Pipe, Attach),
    /// The session with this key has come to its end for good.
    Gone(u64),
    /// The same, and its endpoint is the socket's no more.
    Renounced(u64),
    /// A call has changed what there is to report, and told nobody.
    Look,
    /// The context is being terminated.
    Stop,
}

/// The mailbox of one socket.
pub(crate) struct Mailbox {
    /// Whether `commands` may hold something, or somebody shall hear of the next call; lets the
    /// fast path look without the lock.
    pending: AtomicBool,
    inner: Mutex<Inner>,
    bell: Bell,
}

#[derive(Default)]
struct Inner {
    commands: Vec<Command>,
    /// Threads that sleep on the bell.
    waiting: u32,
    /// Those of them that began before the last commands were taken, which may concern them: the
    /// bell stays rung until each of them has looked.
    behind: u32,
    /// How often commands were taken.
    takes: u64,
    /// At which of them somebody was last woken for those who are behind, and how often since.
    awaited: (u64, u32),
    /// The application knows the descriptor and may be watching it at any time.
    exposed: bool,
    /// The socket has endpoints: whoever starts to watch shall look at ZMQ_EVENTS once.
    stirred: bool,
    rung: bool,
    /// Who found that the socket has nothing to report, and under which number.
    quiet: Vec<(Weak<Quiet>, u32)>,
    /// What pollers sleep on; each silences its own.
    alarms: Vec<Weak<Alarm>>,
    /// The socket is closed: nothing is taken in any more.
    closed: bool,
}

impl Inner {
    /// Something happens to the socket.
    #[inline]
    fn disturb(&mut self) {
        for (quiet, number) in self.quiet.drain(..) {
            if let Some(quiet) = quiet.upgrade() {
                quiet.disturb(number);
            }
        }
    }

    /// Whether those who are behind have been waited for long. They may be somewhere else altogether: in a cleanup
    /// handler, or out of the call by siglongjmp(3).
    fn are_late(&mut self) -> bool {
        if self.awaited.0 != self.takes {
            self.awaited = (self.takes, 0);
        }
        self.awaited.1 = PATIENCE.min(self.awaited.1 + 1);
        self.awaited.1 == PATIENCE
    }

    /// There is something new for whoever polls.
    #[inline]
    fn alarm(&mut self) {
        if !self.alarms.is_empty() {
            self.ring_alarms();
        }
    }

    #[cold]
    fn ring_alarms(&mut self) {
        // Those of pollers that have gone are forgotten.
        self.alarms.retain(|alarm| {
            alarm.upgrade().is_some_and(|alarm| {
                alarm.ring();
                true
            })
        });
    }
}

/// The right to sleep on the bell, and the duty to call `finish_wait` then.
#[must_use]
pub(crate) struct Ticket {
    takes: u64,
}

impl Mailbox {
    /// EMFILE if there is no descriptor left for it.
    pub(crate) fn new() -> Result<Mailbox> {
        Ok(Mailbox {
            pending: AtomicBool::new(false),
            inner: Mutex::new(Inner::default()),
            bell: Bell::new()?,
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
        inner.disturb();
        self.pending.store(true, Ordering::Release);
        inner.alarm();
        self.ring(inner);
    }

    /// Rings if somebody may be listening; without the lock, which whoever wakes up wants first.
    fn ring(&self, mut inner: MutexGuard<'_, Inner>) {
        if (inner.waiting > 0 || inner.exposed) && !std::mem::replace(&mut inner.rung, true) {
            drop(inner);
            self.bell.ring();
        }
    }

    fn silence(&self, inner: &mut Inner) {
        if inner.rung {
            inner.rung = !self.bell.silence();
            if inner.rung {
                // Whoever set the flag has yet to ring. The next call tries again.
                self.pending.store(true, Ordering::Release);
            }
        }
    }

    /// Whether there may be commands.
    #[inline]
    pub(crate) fn pending(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// Whether there are commands.
    pub(super) fn has_commands(&self) -> bool {
        self.pending() && !self.inner.lock().commands.is_empty()
    }

    /// Disturbs `quiet` under this number when something happens: when a command comes, and when
    /// the socket is used, which is why it seems to have something to take in. Call with the
    /// socket's lock held, after it was found to have nothing to report.
    pub(super) fn keep_quiet(&self, quiet: &Arc<Quiet>, number: u32) {
        let mut inner = self.inner.lock();
        if !inner.commands.is_empty() || inner.closed {
            // It came in between.
            return quiet.disturb(number);
        }
        if inner.quiet.len() == inner.quiet.capacity() {
            // Threads that have gone since are forgotten whenever the list would have to grow.
            inner.quiet.retain(|(quiet, _)| quiet.strong_count() > 0);
        }
        inner.quiet.push((Arc::downgrade(quiet), number));
        self.pending.store(true, Ordering::Release);
    }

    /// The socket was used by a call that takes nothing in: whoever found nothing to report shall look again.
    /// Call with the socket's lock held.
    pub(super) fn unsettle(&self) {
        // In a forked child the lock may be held for ever.
        if self.bell.is_ours() {
            self.inner.lock().disturb();
        }
    }

    /// Takes all commands, and wakes the other threads that wait on this socket: what one of them
    /// takes in may concern them. Call with the socket's lock held, so that they come behind.
    pub(crate) fn take(&self) -> Vec<Command> {
        if !self.bell.is_ours() {
            // A forked child. What came is for the parent, and the lock may be held for ever.
            return Vec::new();
        }
        let mut inner = self.inner.lock();
        inner.disturb();
        self.pending.store(false, Ordering::Relaxed);
        if !inner.commands.is_empty() {
            inner.takes += 1;
            inner.behind = inner.waiting;
        }
        let commands = std::mem::take(&mut inner.commands);
        if inner.behind > 0 {
            self.ring(inner);
        } else {
            self.silence(&mut inner);
        }
        commands
    }

    /// Announces that this thread is about to sleep. Call with the socket's lock held, so that
    /// nothing that comes later is missed.
    pub(crate) fn prepare_wait(&self) -> Ticket {
        let mut inner = self.inner.lock();
        inner.waiting += 1;
        let ticket = Ticket { takes: inner.takes };
        if !inner.commands.is_empty() {
            self.ring(inner);
        }
        ticket
    }

    /// Sleeps until a command may have come or one of the other descriptors is readable; gives a
    /// bit for each of them that is. `AGAIN` when the time is up, `INTR` after a signal. Call with a ticket, and
    /// `finish_wait` afterwards.
    pub(crate) fn sleep(&self, others: &[RawFd], timeout: Option<Duration>) -> Result<u32> {
        self.bell.wait(others, timeout)
    }

    /// The same without sleeping and without an end, as often as is wanted: `AGAIN` when there is nothing.
    pub(crate) fn look(&self, others: &[RawFd]) -> Result<u32> {
        self.bell.wait(others, Some(Duration::ZERO))
    }

    /// Plans to sleep as `sleep` does, but where the thread may be cancelled, with the ticket kept; false if that
    /// cannot be.
    pub(crate) fn plan(&self, others: &[RawFd], timeout: Option<Duration>) -> bool {
        self.bell.plan(others, timeout)
    }

    /// What came of such a sleep; see `sleep`.
    pub(crate) fn woken(&self) -> Result<u32> {
        self.bell.woken()
    }

    /// What a thread sleeps on that holds a ticket and waits for other things as well.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.bell.descriptor()
    }

    /// This thread no longer sleeps, and will look at what the mailbox holds if that concerns it.
    pub(crate) fn finish_wait(&self, ticket: Ticket) {
        let mut inner = self.inner.lock();
        inner.waiting -= 1;
        if ticket.takes != inner.takes {
            inner.behind -= 1;
            // What is pending, and the end of the socket, others have yet to see.
            if inner.behind == 0 && !self.pending() && !inner.closed {
                self.silence(&mut inner);
            }
        } else if inner.behind > 0 {
            // It was rung for others; they shall have the processor.
            let late = inner.are_late();
            drop(inner);
            if late { cancel::off(|| std::thread::sleep(PAUSE)) } else { yield_now() }
        }
    }

    /// The socket was bound or connected, or took something in that nobody was told of. The descriptor becomes
    /// readable, as libzmq's does: programs that wait for it before they first look at ZMQ_EVENTS rely on it.
    pub(crate) fn stir(&self) {
        let mut inner = self.inner.lock();
        inner.stirred = true;
        // Who found nothing to report looks again: the caller may not have taken anything in.
        inner.disturb();
        inner.alarm();
        if inner.exposed {
            self.pending.store(true, Ordering::Release);
            self.ring(inner);
        }
    }

    /// Whether the application was given the descriptor, or that of a poller with this socket.
    pub(crate) fn is_exposed(&self) -> bool {
        let inner = &mut *self.inner.lock();
        inner.alarms.retain(|alarm| alarm.strong_count() > 0);
        inner.exposed || !inner.alarms.is_empty()
    }

    /// Rings `alarm` whenever there is something new, and at once if there is. Call with the socket's lock held.
    pub(super) fn set_alarm(&self, alarm: &Arc<Alarm>) {
        // In a forked child the lock may be held for ever.
        if !self.bell.is_ours() {
            return;
        }
        let mut inner = self.inner.lock();
        inner.alarms.retain(|other| other.strong_count() > 0);
        let weak = Arc::downgrade(alarm);
        if !inner.alarms.iter().any(|other| other.ptr_eq(&weak)) {
            inner.alarms.push(weak);
            if inner.stirred || !inner.commands.is_empty() || inner.closed {
                alarm.ring();
            }
        }
    }

    /// Does so no longer.
    pub(super) fn remove_alarm(&self, alarm: &Arc<Alarm>) {
        if self.bell.is_ours() {
            self.inner.lock().alarms.retain(|other| other.as_ptr() != Arc::as_ptr(alarm));
        }
    }

    /// The descriptor that becomes readable when there are commands (ZMQ_FD).
    pub(crate) fn expose(&self) -> RawFd {
        let mut inner = self.inner.lock();
        if !inner.exposed {
            inner.exposed = true;
            if inner.stirred || !inner.commands.is_empty() {
                self.pending.store(true, Ordering::Release);
                self.ring(inner);
            }
        }
        self.bell.descriptor()
    }

    /// An epoll with the descriptor in it, see `Bell::front`.
    pub(super) fn front(&self) -> Option<RawFd> {
        self.bell.front()
    }

    /// Whether that epoll still is what its number names.
    pub(super) fn front_is_there(&self) -> bool {
        self.bell.front_is_there()
    }

    /// The socket is closed: drops what came and what will come, and wakes whoever waits.
    pub(crate) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        inner.disturb();
        inner.alarm();
        let commands = std::mem::take(&mut inner.commands);
        self.ring(inner);
        drop(commands);
    }
}

impl Notify for Mailbox {
    fn notify(&self, key: u64, event: PipeEvent) {
        // The key of a socket's end is its name there.
        self.send(Command::Pipe(PipeId(key as u32), event));
    }
}

#[cfg(all(test, loom))]
#[path = "mailbox_loom_test.rs"]
mod loom_test;
