//! Remembering that sockets have nothing to report, so that zmq_poll(3) need not ask them again.
//!
//! Who asks a socket for its events and finds none of those it wants leaves a [`Quiet`] in the
//! socket's mailbox, and lets the mailbox pretend to hold something. So whatever happens to the
//! socket next, be it news from another thread or a call of the application, passes through the
//! mailbox and disturbs the quiet; a call that takes nothing in but may change what there is to
//! report, as that of an option, says so itself (`Mailbox::unsettle`). Until then one load says that nothing has changed, for any
//! number of sockets. Called by `poller::recall`.

use std::sync::Arc;

use super::Socket;
use crate::error::Result;
use crate::sys::sync::{AtomicBool, Mutex, Ordering};

/// A set of sockets that had nothing to report, each known by a number.
#[derive(Default)]
pub(crate) struct Quiet {
    changed: AtomicBool,
    /// The numbers of those to which something has happened.
    disturbed: Mutex<Vec<u32>>,
}

impl Quiet {
    /// Whether something may have happened to one of the sockets.
    #[inline]
    pub(crate) fn is_disturbed(&self) -> bool {
        self.changed.load(Ordering::Acquire)
    }

    /// Adds to `numbers` those to which something has happened, each once.
    pub(crate) fn take(&self, numbers: &mut Vec<u32>) {
        let mut disturbed = self.disturbed.lock();
        self.changed.store(false, Ordering::Relaxed);
        numbers.append(&mut disturbed);
    }

    /// Something has happened to the socket with this number.
    pub(super) fn disturb(&self, number: u32) {
        self.disturbed.lock().push(number);
        self.changed.store(true, Ordering::Release);
    }
}

impl Socket {
    /// ZMQ_EVENTS, of them those that are `wanted`. If there are none, `quiet` will be disturbed
    /// under this number as soon as something happens.
    pub(crate) fn events_or_quiet(
        &self,
        wanted: i16,
        quiet: &Arc<Quiet>,
        number: u32,
    ) -> Result<i16> {
        let mut core = self.lock()?;
        if core.mailbox.has_commands() {
            core.take_in()?;
        }
        core.check_context()?;
        let events = core.events() & wanted;
        if events == 0 {
            core.mailbox.keep_quiet(quiet, number);
        }
        Ok(events)
    }
}
