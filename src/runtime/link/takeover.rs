//! Who works on a connection, and who wakes whom: two threads share it, and nothing is left lying.
//!
//! ```text
//!                    take_over (about to wait)
//!     I/O thread  -------------------------------> application
//!                 <-------------------------------
//!                    give_back, or the watchdog: away for a whole tick
//! ```
//! The watchdog is the session's timer. It ticks every millisecond while the application owns the
//! reading side, and parks when the application does nothing but wait; whoever ends a wait restarts
//! it. What is shared, and the world around it, are parameters, so that loom runs this very code
//! (`loom_test`). Here is the I/O thread's side, called by `session`; the application's is in
//! `application`.

mod application;

use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Instant;

use super::{QUIET, TICK};
use crate::error::Error;
use crate::pipe::{Bed, Crowd};
use crate::runtime::end::End;
use crate::runtime::outgoing::Sent;
use crate::sys::fork;
use crate::sys::sync::{AtomicBool, AtomicU32, Mutex, MutexGuard, Ordering, fence};

/// Reads in a row of the I/O thread, so that one connection does not starve the others. Where several are busy, half as
/// many move a sixth to a quarter less.
const TURN: usize = 32;

/// What the two threads share, one at a time: a connection and the session's end of its pipe.
pub(in crate::runtime) trait Shared: Send {
    /// Receives into the pipe, what was left at the high water mark first, with at most so many
    /// reads. True: there may be more.
    fn receive(&mut self, now: Instant, turns: usize) -> Result<bool, End>;
    /// Sends from the pipe, and lets its reader sleep when nothing is left.
    fn send(&mut self, now: Instant) -> Result<Sent, End>;
    /// The same on the thread that writes into the pipe.
    fn send_directly(&mut self) -> Result<Sent, End>;
    /// Whether there is something to read of which the descriptor does not tell.
    fn holds(&self) -> bool;
    /// Says that there may be something to read.
    fn set_readable(&mut self);
    /// Whether there may be something that was not read.
    fn is_readable(&self) -> bool;
    /// Whether the connection may take more; it was told to wait otherwise.
    fn is_writable(&self) -> bool;
    /// Whether there is something to send besides what is in the pipe.
    fn has_control(&self) -> bool;
    /// That the application found the connection broken; the session has to deal with it.
    fn ended(&mut self) -> &mut Option<End>;
    /// Where the descriptor is watched, if not by the I/O thread.
    fn crowd(&mut self) -> &mut Option<Arc<dyn Crowd>>;
    /// Ends the application's wait for the descriptor.
    fn end_wait(&mut self);
}

/// The I/O thread that the connection belongs to.
pub(in crate::runtime) trait Station: Send + Sync {
    /// Watches the connection, or leaves that to the application. False: it cannot be done.
    fn watch(&self, watch: bool) -> bool;
    /// Watches for room to write while the application watches for something to read.
    fn watch_writing(&self) -> bool;
    /// Has the session look at the link.
    fn wake_session(&self);
    /// What the application waits for while it owns the reading side.
    fn descriptor(&self) -> RawFd;
    /// Founds a crowd on this thread.
    fn found(&self, bed: Bed) -> Option<Arc<dyn Crowd>>;
    /// See `Crowd::place`.
    fn place(&self) -> usize;
}

/// See the head of this file.
pub(in crate::runtime) struct Takeover<S, T> {
    /// `None` after `dissolve`.
    shared: Mutex<Option<S>>,
    /// The application owns the reading side. Changed with `shared` locked.
    taken: AtomicBool,
    /// The application waits for the descriptor, whether or not it still owns it. Set with `shared` locked.
    waiting: AtomicBool,
    /// The watchdog does not tick.
    parked: AtomicBool,
    /// Counts what the application receives by itself.
    activity: AtomicU32,
    /// The application wanted to receive and could not, as the I/O thread was at it.
    missed: AtomicBool,
    /// It is in a crowd, and not the application's alone. Changed with `shared` locked.
    member: AtomicBool,
    pub(super) station: T,
    /// Frames are read as they come, and the descriptor can be waited for. Cleared with `shared` locked,
    /// when the session is about to end. No part of the protocol: not loom's.
    suitable: std::sync::atomic::AtomicBool,
    /// It tells of all there is to read: where a layer may hold back some, that is the I/O thread's.
    simple: bool,
    /// The process it was made in: in a forked child the application can do nothing here.
    generation: u32,
}

/// The watchdog's memory, kept by the session.
#[derive(Default)]
pub(in crate::runtime) struct Watch {
    activity: u32,
    quiet: u32,
    /// The next tick; `None` when it is parked.
    due: Option<Instant>,
}

/// What a turn of the I/O thread came to.
pub(in crate::runtime) struct Pumped {
    pub(in crate::runtime) sent: Sent,
    /// There is more to do as soon as others had their turn.
    pub(in crate::runtime) again: bool,
}

impl<S: Shared, T: Station> Takeover<S, T> {
    pub(super) fn new(station: T, suitable: bool, simple: bool) -> Takeover<S, T> {
        Takeover {
            shared: Mutex::new(None),
            taken: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
            parked: AtomicBool::new(true),
            activity: AtomicU32::new(0),
            missed: AtomicBool::new(false),
            member: AtomicBool::new(false),
            station,
            suitable: suitable.into(),
            simple,
            generation: fork::generation(),
        }
    }

    /// What is shared, for the I/O thread.
    pub(in crate::runtime) fn lock(&self) -> MutexGuard<'_, Option<S>> {
        self.shared.lock()
    }

    /// Takes it away for good: the application can do nothing here any more.
    ///
    /// Its wait is ended as well. A poll(2) of another thread goes on after close(2), and until it is over the
    /// kernel keeps the connection: the peer would hear of nothing. One that is about to begin would wait for
    /// whatever has the number by then.
    pub(super) fn end(&self) -> Option<S> {
        let mut shared = self.shared.lock();
        self.taken.store(false, Ordering::Release);
        let mut shared = shared.take()?;
        if let Some(crowd) = shared.crowd().take() {
            self.member.store(false, Ordering::Release);
            crowd.forget(self.station.descriptor());
        }
        if self.waiting.load(Ordering::Relaxed) {
            shared.end_wait();
        }
        Some(shared)
    }

    /// Leaves the connection to the I/O thread for good. Call `pump` afterwards.
    pub(super) fn retire(&self) {
        if let Some(shared) = &mut *self.shared.lock() {
            self.suitable.store(false, Ordering::Relaxed);
            self.release(shared);
        }
    }

    /// Takes the reading side back, whether the application waits for it or not. Call `pump` afterwards.
    pub(in crate::runtime) fn reclaim(&self) {
        if let Some(shared) = &mut *self.shared.lock() {
            self.release(shared);
            shared.set_readable();
        }
    }

    fn is_suitable(&self) -> bool {
        self.suitable.load(Ordering::Relaxed)
    }

    /// Moves whatever can be moved; on the I/O thread.
    pub(in crate::runtime) fn pump(&self, now: Instant) -> Result<Pumped, End> {
        let mut shared = self.shared.lock();
        let Some(shared) = &mut *shared else {
            return Ok(Pumped { sent: Sent::All, again: false });
        };
        if let Some(end) = shared.ended().take() {
            return Err(end);
        }
        // Nothing goes to a peer whose end is read: what is in the pipe is for the next one.
        let received = !self.taken.load(Ordering::Acquire) && shared.receive(now, TURN)?;
        let sent = shared.send(now)?;
        if self.is_left() && !shared.is_writable() && !self.station.watch_writing() {
            return Err(End::Closed(Error::BADF));
        }
        let again = received || sent == Sent::Soon;
        Ok(Pumped { sent, again })
    }

    /// Whether somebody else watches the connection; the caller holds the lock.
    fn is_left(&self) -> bool {
        self.taken.load(Ordering::Relaxed) || self.member.load(Ordering::Relaxed)
    }

    /// Leaves watching to somebody else, but for the room that is waited for. False: it cannot be done.
    fn leave_watching(&self, shared: &S) -> bool {
        if shared.is_writable() { self.station.watch(false) } else { self.station.watch_writing() }
    }

    /// Lets go of the reading side; the caller holds the lock, and wakes the session afterwards.
    fn release(&self, shared: &mut S) {
        let crowd = shared.crowd().take();
        if let Some(crowd) = &crowd {
            self.member.store(false, Ordering::Release);
            crowd.forget(self.station.descriptor());
        }
        if self.taken.swap(false, Ordering::AcqRel) || crowd.is_some() {
            shared.set_readable();
            // If nobody would tell of what comes, the connection is of no use any more.
            if !self.station.watch(true) && shared.ended().is_none() {
                *shared.ended() = Some(End::Closed(Error::BADF));
            }
        }
    }

    /// The watchdog: whether and when to look again.
    pub(in crate::runtime) fn tick(&self, now: Instant, watch: &mut Watch) -> Option<Instant> {
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
        } else if let Some(shared) = &mut *self.shared.lock() {
            *watch = Watch::default();
            self.release(shared);
            // What was held back at the high water mark the reactor does not tell of, and if the
            // pipe told that there is room, that was before.
            self.station.wake_session();
            return None;
        }
        watch.due = due;
        due
    }

    fn is_ours(&self) -> bool {
        self.generation == fork::generation()
    }
}

#[cfg(test)]
#[path = "takeover_test.rs"]
mod takeover_test;

#[cfg(all(test, loom))]
#[path = "loom_test.rs"]
mod loom_test;
#[cfg(all(test, loom))]
#[path = "world_test.rs"]
mod world;
