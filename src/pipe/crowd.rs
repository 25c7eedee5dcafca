//! Very many connections that a socket waits for together.
//!
//! A thread that is about to sleep takes over a few descriptors one by one (`Direct::take_over`). Of many
//! those that have spoken are in a crowd: one descriptor stands for all of them, and changes hands as a whole.
//! The I/O threads make crowds (`runtime::link`), a socket founds one when it needs it (`socket::waiting`).

use std::os::fd::RawFd;
use std::sync::Weak;
use std::time::Duration;

use super::Direct;
use crate::error::Result;

/// How many connections at most are reported at once, so that everybody has a turn before long.
const REPORTED: usize = 64;

/// Which members of a crowd have something to read, by their numbers.
pub(crate) struct Turn {
    numbers: [u32; REPORTED],
    count: usize,
}

impl Turn {
    pub(crate) fn new() -> Turn {
        Turn { numbers: [0; REPORTED], count: 0 }
    }

    /// Notes a member; one too many is reported again the next time.
    pub(crate) fn add(&mut self, number: u32) {
        if let Some(place) = self.numbers.get_mut(self.count) {
            *place = number;
            self.count += 1;
        }
    }

    /// The members, in no order.
    pub(crate) fn numbers(&self) -> &[u32] {
        self.numbers.get(..self.count).unwrap_or_default()
    }
}

/// What the socket of a crowd sleeps on.
#[derive(Clone, Copy)]
pub(crate) enum Bed {
    /// A thread sleeps in the crowd; this is what wakes it for other reasons.
    Inside(RawFd),
    /// The application's own loop sleeps on this epoll (ZMQ_FD), where the crowd can be shown.
    Outside(RawFd),
}

/// See the head of this file. `take_over`, `waited` and `close` come with the socket's lock held.
pub(crate) trait Crowd: Send + Sync {
    /// Makes reading the business of the calling thread, which is about to `wait`. False: it cannot
    /// be had.
    fn take_over(&self) -> bool;

    /// Sleeps until the bell is rung or a member is readable. `AGAIN` when the time is up, `INTR`
    /// after a signal.
    fn wait(&self, turn: &mut Turn, timeout: Option<Duration>) -> Result<()>;

    /// Plans to sleep in the same way where the thread may be cancelled. False: it has to `wait`.
    fn plan(&self, _timeout: Option<Duration>) -> bool {
        false
    }

    /// What `wait` would have answered after such a sleep.
    fn woken(&self, _turn: &mut Turn) -> Result<()> {
        Ok(())
    }

    /// The wait is over.
    fn waited(&self);

    /// Makes reading the business of an application that may sleep on ZMQ_FD afterwards, and tells
    /// who is readable now. When it does not look again before long, the I/O thread takes over.
    /// False: it cannot be had.
    fn look(&self, turn: &mut Turn) -> bool;

    /// Whether reading is the business of the socket's threads.
    fn is_taken(&self) -> bool;

    /// The same for a thread of the socket that reads a member if so, which is a sign of life.
    fn is_read(&self) -> bool;

    /// Makes it the I/O thread's.
    fn give_back(&self);

    /// The socket is closed: the members leave.
    fn close(&self);

    /// The I/O thread it lives on, as a number.
    fn place(&self) -> usize;

    /// Watches a member's descriptor. False: it cannot be done.
    fn watch(&self, descriptor: RawFd, number: u32, member: Weak<dyn Direct>) -> bool;

    /// Forgets a member's descriptor.
    fn forget(&self, descriptor: RawFd);
}
