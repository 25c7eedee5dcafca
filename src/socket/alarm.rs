//! What an application's own loop sleeps on for the thread-safe sockets of a poller: zmq_poller_fd, see
//! libzmq's zmq_poller(3).
//!
//! Other threads, other pollers and the same thread may use such a socket meanwhile. So what one of
//! them takes in must not silence what another sleeps on: each poller has an alarm of its own, every
//! mailbox rings all alarms that are set on it, and only the poller silences its own. Called by
//! `poller` and `mailbox`.

use std::os::fd::RawFd;
use std::sync::Arc;

use super::Socket;
use crate::error::Result;
use crate::sys::Bell;
use crate::sys::sync::{AtomicBool, Ordering};

/// See the head of this file.
pub(crate) struct Alarm {
    /// Whether the bell is rung, or soon will be; saves a system call for all news but the first.
    rung: AtomicBool,
    pub(super) bell: Bell,
}

impl Alarm {
    /// EMFILE or ENFILE when descriptors ran out.
    pub(crate) fn new() -> Result<Alarm> {
        Ok(Alarm { rung: AtomicBool::new(false), bell: Bell::new()? })
    }

    /// Readable while it is rung.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.bell.descriptor()
    }

    /// Makes the descriptor readable. Call after what there is to be seen can be seen.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.bell.ring();
        }
    }

    /// Makes the descriptor unreadable; false if it was not readable. Whatever it told of is seen by
    /// who looks afterwards. Only for the one who looks.
    pub(crate) fn silence(&self) -> bool {
        // Whoever set the flag may have yet to ring. Then the next look silences it.
        let silenced = self.rung.load(Ordering::Acquire) && self.bell.silence();
        if silenced {
            // After the bell: who finds the flag set does not ring, and is seen by the look that follows.
            self.rung.swap(false, Ordering::AcqRel);
        }
        silenced
    }
}

impl Socket {
    /// Rings `alarm` from now on whenever there may be something new, and at once if one of `events` is
    /// there. Until it is removed, or dropped.
    pub(crate) fn set_alarm(&self, alarm: &Arc<Alarm>, events: i16) -> Result<()> {
        let mut core = self.lock()?;
        core.mailbox.set_alarm(alarm);
        // This also gives the connections to the I/O threads, which tell of everything.
        if core.events() & events != 0 || core.check_context().is_err() {
            alarm.ring();
        }
        Ok(())
    }

    /// Never rings `alarm` again.
    pub(crate) fn remove_alarm(&self, alarm: &Arc<Alarm>) {
        if let Ok(core) = self.lock() {
            core.mailbox.remove_alarm(alarm);
        }
    }
}
