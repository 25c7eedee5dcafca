//! Whose business reading a crowd is: the waiting application's or the I/O thread's.
//!
//! As for a single connection (`takeover`), but for all members at once and by a lock: a thread that is about to
//! wait takes over, and a watchdog that ticks every millisecond gives back what the application has not looked at
//! for a whole tick, nor answered: of very many that are readable at once each has its turn, one after the other, and
//! that may take longer. It parks when the application does nothing but wait; who ends a wait restarts it.
//!
//! Nobody relies on it being exclusive: members are read with their own lock held, by whoever it is, and what is
//! unread is reported again and again. It must only be somebody's business at any time.

use std::time::Instant;

use super::{QUIET, TICK};
use crate::sys::sync::{AtomicBool, AtomicU32, Mutex, Ordering};

/// Who reads so many members within a tick goes from one to the next, and will look before long.
const BUSY: u32 = 8;

/// What has to be switched.
pub(super) trait Gate {
    /// Has the I/O thread told of what is readable, or not.
    fn tell_thread(&self, tell: bool) -> bool;
    /// Wakes a waiting application by all that concerns it, or not.
    fn wake_application(&self, wake: bool) -> bool;
    /// Whether the application, which does not say when it waits, may be doing so: there is nothing for it.
    fn may_sleep_unseen(&self) -> bool;
    /// Has the I/O thread call `tick`.
    fn wake_thread(&self);
}

#[derive(Default)]
struct State {
    /// A thread of the application waits.
    waiting: bool,
    /// How often that has ended, and how often the application has looked.
    waits: u32,
    /// The watchdog does not tick.
    parked: bool,
    /// The application has nothing more to do here.
    over: bool,
}

/// See the head of this file.
pub(super) struct Shift<G> {
    pub(super) gate: G,
    state: Mutex<State>,
    /// It is the application's. Changed with `state` locked.
    taken: AtomicBool,
    /// How many members the application has read. It counts with the socket's lock held.
    reads: AtomicU32,
}

/// The watchdog's memory, kept by the I/O thread.
#[derive(Default)]
pub(super) struct Watch {
    waits: u32,
    reads: u32,
    quiet: u32,
    /// The next tick; `None` when it is parked.
    due: Option<Instant>,
}

impl<G: Gate> Shift<G> {
    /// The I/O thread's.
    pub(super) fn new(gate: G) -> Shift<G> {
        let (taken, reads) = (AtomicBool::new(false), AtomicU32::new(0));
        Shift { gate, state: Mutex::new(State::default()), taken, reads }
    }

    /// The application reads a member.
    #[inline]
    pub(super) fn note_read(&self) {
        // Not an addition in one step, which would cost more than the message: only one thread at a time is here.
        self.reads.store(self.reads.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Whether it is the application's.
    pub(super) fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Acquire)
    }

    /// Whether `finish` was called.
    pub(super) fn is_over(&self) -> bool {
        self.state.lock().over
    }

    /// A thread is about to wait. False: it must be told in another way.
    pub(super) fn begin(&self) -> bool {
        let mut state = self.state.lock();
        if state.over {
            return false;
        }
        if !self.is_taken() {
            if !self.gate.wake_application(true) {
                return false;
            }
            self.gate.tell_thread(false);
            state.parked = true;
            self.taken.store(true, Ordering::Release);
        }
        state.waiting = true;
        true
    }

    /// The wait is over.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        state.waiting = false;
        state.waits = state.waits.wrapping_add(1);
        if !self.is_taken() {
            self.gate.wake_application(false);
        } else if std::mem::take(&mut state.parked) {
            self.gate.wake_thread();
        }
    }

    /// The application looks, and may wait afterwards without saying so. False: it must be told in another way.
    pub(super) fn visit(&self) -> bool {
        let mut state = self.state.lock();
        if state.over {
            return false;
        }
        state.waits = state.waits.wrapping_add(1);
        if !self.is_taken() {
            if !self.gate.wake_application(true) {
                return false;
            }
            self.gate.tell_thread(false);
            state.parked = false;
            self.taken.store(true, Ordering::Release);
            self.gate.wake_thread();
        }
        true
    }

    /// The I/O thread has to do it from now on.
    pub(super) fn give_back(&self) {
        if self.is_taken() {
            self.release(&self.state.lock());
        }
    }

    /// The same for good.
    pub(super) fn finish(&self) {
        let mut state = self.state.lock();
        state.over = true;
        self.release(&state);
    }

    fn release(&self, state: &State) {
        if self.taken.swap(false, Ordering::AcqRel) {
            // Who waits still needs the bell, and does not mind being told of the members.
            if !state.waiting {
                self.gate.wake_application(false);
            }
            self.gate.tell_thread(true);
        }
    }

    /// The watchdog: whether and when to look again.
    pub(super) fn tick(&self, now: Instant, watch: &mut Watch) -> Option<Instant> {
        let mut state = self.state.lock();
        if !self.is_taken() || state.parked {
            *watch = Watch::default();
            return None;
        }
        if let Some(due) = watch.due
            && now < due
        {
            return watch.due;
        }
        let due = Some(now + TICK);
        let reads = self.reads.load(Ordering::Relaxed);
        let busy = reads.wrapping_sub(watch.reads) >= BUSY;
        if watch.due.is_none() || state.waits != watch.waits || busy {
            *watch = Watch { waits: state.waits, reads, quiet: 0, due };
        } else if !state.waiting && !self.gate.may_sleep_unseen() {
            *watch = Watch::default();
            self.release(&state);
        } else if watch.quiet + 1 >= QUIET {
            *watch = Watch::default();
            if state.waiting {
                state.parked = true;
            } else {
                // Nobody would wake the watchdog again when something comes and the application does not.
                self.release(&state);
            }
        } else {
            *watch = Watch { quiet: watch.quiet + 1, due, ..*watch };
        }
        watch.due
    }
}

#[cfg(all(test, not(loom)))]
#[path = "shift_test.rs"]
mod shift_test;

#[cfg(all(test, loom))]
#[path = "shift_loom_test.rs"]
mod loom_test;
