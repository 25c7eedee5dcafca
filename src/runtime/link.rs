//! An established connection with the session's end of its pipe, shared by two threads.
//!
//! The I/O thread works on it when the reactor or a pipe says so. The application's thread may work
//! on it too (`pipe::Direct`): it sends at once what it has just written, and while it waits for
//! messages it owns the reading side: the reactor no longer reports it, and the application waits
//! for the descriptor and reads it itself, so that no other thread has to wake up.
//!
//! ```text
//!                    take_over (about to wait)
//!     I/O thread  -------------------------------> application
//!                 <-------------------------------
//!                    give_back, or the watchdog: away for a whole tick
//! ```
//! The watchdog is the session's timer. It ticks every millisecond while the application owns the
//! descriptor, and parks when the application does nothing but wait; whoever ends a wait restarts it.
//!
//! Lock order: a socket's core, then `joint`. Under `joint` only leaves are taken (mailboxes, the
//! reactor, monitors' sinks never).

use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::connection::{Connection, End};
use super::io_thread::Shared;
use super::outgoing::Sent;
use super::reactor::Reactor;
use super::task::Io;
use crate::pipe::{Direct, Pipe};
use crate::sys::fork;

/// How long the application may be away before the I/O thread takes over.
const TICK: Duration = Duration::from_millis(1);
/// Ticks of nothing but waiting before the watchdog parks.
const QUIET: u32 = 10;
/// Reads in a row of the I/O thread, so that one connection does not starve the others.
const TURN: usize = 16;

/// What the two threads share.
pub(super) struct Joint {
    pub(super) connection: Connection,
    pub(super) pipe: Pipe,
    /// The application found the connection broken; the session has to deal with it.
    ended: Option<End>,
}

/// See the head of this file.
pub(super) struct Link {
    /// `None` after `dissolve`.
    joint: Mutex<Option<Joint>>,
    /// The application owns the reading side. Changed with `joint` locked.
    taken: AtomicBool,
    /// The application waits for the descriptor.
    waiting: AtomicBool,
    /// The watchdog does not tick.
    parked: AtomicBool,
    /// Counts what the application receives by itself.
    activity: AtomicU32,
    /// The application wanted to receive and could not, as the I/O thread was at it.
    missed: AtomicBool,
    descriptor: RawFd,
    /// The stream can be waited for by its descriptor alone, and frames are read as they come.
    suitable: bool,
    thread: Arc<Shared>,
    reactor: Arc<Reactor>,
    key: u32,
    /// The process it was made in: in a forked child the application can do nothing here.
    generation: u32,
}

/// The watchdog's memory, kept by the session.
#[derive(Default)]
pub(super) struct Watch {
    activity: u32,
    quiet: u32,
    /// The next tick; `None` when it is parked.
    due: Option<Instant>,
}

impl Link {
    /// Joins an established connection with its pipe and offers it to the application.
    pub(super) fn new(io: &Io<'_>, connection: Box<Connection>, mut pipe: Pipe) -> Arc<Link> {
        let suitable = connection.is_direct();
        let link = Arc::new(Link {
            joint: Mutex::new(None),
            taken: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
            parked: AtomicBool::new(true),
            activity: AtomicU32::new(0),
            missed: AtomicBool::new(false),
            descriptor: connection.stream.descriptor(),
            suitable,
            thread: io.thread.clone(),
            reactor: io.reactor.clone(),
            key: io.key,
            generation: fork::generation(),
        });
        if suitable {
            pipe.offer_direct(Some(link.clone()));
        }
        *link.joint.lock() = Some(Joint { connection: *connection, pipe, ended: None });
        link
    }

    /// Takes connection and pipe apart again; the application can do nothing here any more.
    pub(super) fn dissolve(&self) -> Option<(Connection, Pipe)> {
        self.taken.store(false, Ordering::Release);
        let mut joint = self.joint.lock().take()?;
        joint.pipe.offer_direct(None);
        Some((joint.connection, joint.pipe))
    }

    /// The joint, for the I/O thread.
    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Joint>> {
        self.joint.lock()
    }

    /// Moves whatever can be moved; on the I/O thread.
    pub(super) fn pump(&self, io: &mut Io<'_>) -> Result<Sent, End> {
        let mut joint = self.joint.lock();
        let Some(joint) = &mut *joint else { return Ok(Sent::All) };
        if let Some(end) = joint.ended.take() {
            return Err(end);
        }
        let received = if self.taken.load(Ordering::Acquire) {
            Ok(false)
        } else {
            joint.connection.receive(io.now, TURN, &mut joint.pipe)
        };
        let sent = joint.connection.send(&mut joint.pipe)?;
        if received? || sent == Sent::Soon {
            io.again();
        }
        Ok(sent)
    }

    /// Lets go of the reading side; the caller holds the joint.
    fn release(&self, joint: &mut Joint) {
        if self.taken.swap(false, Ordering::AcqRel) {
            self.reactor.watch_reading(self.descriptor, self.key, true);
            joint.connection.set_readable();
        }
    }

    /// The watchdog: whether and when to look again.
    pub(super) fn tick(&self, now: Instant, watch: &mut Watch) -> Option<Instant> {
        if !self.taken.load(Ordering::Acquire) || self.parked.load(Ordering::Acquire) {
            return None;
        }
        if let Some(due) = watch.due
            && now < due
        {
            return watch.due;
        }
        let due = Some(now + TICK);
        let activity = self.activity.load(Ordering::Relaxed);
        if watch.due.is_none() {
            watch.activity = activity;
        } else if activity != watch.activity {
            *watch = Watch { activity, quiet: 0, due };
        } else if self.waiting.load(Ordering::Acquire) {
            watch.quiet += 1;
            if watch.quiet >= QUIET {
                *watch = Watch::default();
                self.parked.store(true, Ordering::Relaxed);
                fence(Ordering::SeqCst);
                if self.waiting.load(Ordering::Relaxed)
                    || !self.parked.swap(false, Ordering::AcqRel)
                {
                    return None;
                }
            }
        } else if let Some(joint) = &mut *self.joint.lock() {
            *watch = Watch::default();
            self.release(joint);
            return None;
        }
        watch.due = due;
        due
    }

    fn is_ours(&self) -> bool {
        self.generation == fork::generation()
    }

    /// The application has found something for the session to do.
    fn wake_session(&self) {
        self.thread.wake_task(self.key);
    }
}

impl Direct for Link {
    fn receive(&self, arm: &mut dyn FnMut()) -> bool {
        if !self.taken.load(Ordering::Acquire) || !self.is_ours() {
            return false;
        }
        let Some(mut guard) = self.joint.try_lock() else {
            self.missed.store(true, Ordering::Relaxed);
            return false;
        };
        let Some(joint) = &mut *guard else { return false };
        if joint.ended.is_some() || !self.taken.load(Ordering::Relaxed) {
            return false;
        }
        self.activity.fetch_add(1, Ordering::Relaxed);
        joint.connection.set_readable();
        match joint.connection.receive(Instant::now(), 1, &mut joint.pipe) {
            Ok(_) => {
                if joint.connection.has_control() {
                    self.wake_session();
                }
                arm();
                true
            }
            Err(end) => {
                joint.ended = Some(end);
                self.release(joint);
                self.wake_session();
                false
            }
        }
    }

    fn send(&self) -> bool {
        if !self.is_ours() {
            return false;
        }
        let Some(mut guard) = self.joint.try_lock() else { return false };
        let Some(joint) = &mut *guard else { return false };
        if joint.ended.is_some() {
            return false;
        }
        match joint.connection.send_directly(&mut joint.pipe) {
            Ok(sent) => sent == Sent::All,
            Err(end) => {
                joint.ended = Some(end);
                false
            }
        }
    }

    fn take_over(&self) -> Option<RawFd> {
        if !self.suitable || !self.is_ours() {
            return None;
        }
        // The I/O thread holds it for some reads or writes at most, and there is nothing else to do.
        let mut guard = self.joint.lock();
        let joint = guard.as_mut()?;
        if joint.ended.is_some() {
            return None;
        }
        let missed = self.missed.swap(false, Ordering::Relaxed);
        let taken = self.taken.load(Ordering::Relaxed);
        if !taken {
            if !self.reactor.watch_reading(self.descriptor, self.key, false) {
                return None;
            }
            self.parked.store(true, Ordering::Relaxed);
            self.taken.store(true, Ordering::Release);
        }
        // What was read, and left alone at the high water mark, the descriptor does not tell of;
        // and when the I/O thread hears that there is room, it is ours.
        if (missed || !taken)
            && let Err(end) = joint.connection.receive(Instant::now(), 0, &mut joint.pipe)
        {
            joint.ended = Some(end);
            self.release(joint);
            drop(guard);
            self.wake_session();
            return None;
        }
        Some(self.descriptor)
    }

    fn waits(&self, waiting: bool) {
        self.waiting.store(waiting, Ordering::Relaxed);
        if !waiting {
            fence(Ordering::SeqCst);
            if self.parked.load(Ordering::Relaxed) && self.parked.swap(false, Ordering::AcqRel) {
                self.wake_session();
            }
        }
    }

    fn give_back(&self) {
        if !self.taken.load(Ordering::Acquire) || !self.is_ours() {
            return;
        }
        if let Some(joint) = &mut *self.joint.lock() {
            self.release(joint);
        }
        self.wake_session();
    }
}
