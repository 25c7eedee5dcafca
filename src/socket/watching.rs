//! Waiting for a socket among other things: zmq_poll(3), zmq_poller_wait(3).
//!
//! A thread that found nothing announces itself before it sleeps, as a blocked call does: then it is
//! woken whoever takes in what came, and who receives meanwhile leaves the connections to the I/O
//! threads. It sleeps on the descriptor of the mailbox without giving it to the application, so that
//! nobody rings when nobody sleeps. Called by `poller`.

use std::os::fd::RawFd;
use std::sync::Arc;

use super::Socket;
use super::mailbox::{Mailbox, Ticket};
use crate::error::{Error, Result};

/// A thread that waits for a socket, until it is dropped.
pub(crate) struct Watch {
    socket: &'static Socket,
    /// Its descriptor stays open for as long as the thread sleeps, even if the socket is closed.
    mailbox: Arc<Mailbox>,
    ticket: Option<Ticket>,
}

impl Socket {
    /// Whether something came that no call has taken in.
    pub(crate) fn has_news(&self) -> bool {
        self.lock().is_ok_and(|core| core.mailbox.has_commands())
    }

    /// Announces that this thread is about to sleep, unless one of `events` is there: then `None`.
    /// `TERM` once the context ends, `INTR` in a forked child, which nobody would wake.
    pub(crate) fn watch(&'static self, events: i16) -> Result<Option<Watch>> {
        let mut core = self.enter()?;
        if self.is_inherited() {
            return Err(Error::INTR);
        }
        if core.events() & events != 0 {
            return Ok(None);
        }
        core.waiters += 1;
        let mailbox = core.mailbox.clone();
        let ticket = Some(mailbox.prepare_wait());
        Ok(Some(Watch { socket: self, mailbox, ticket }))
    }
}

impl Watch {
    /// Becomes readable when the events may have changed.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.mailbox.descriptor()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.mailbox.finish_wait(ticket);
        }
        if let Ok(mut core) = self.socket.lock_again(&self.mailbox) {
            core.waiters -= 1;
        }
    }
}
