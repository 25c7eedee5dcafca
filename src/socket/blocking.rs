//! Calls that have to wait, for room or for a message, and the sleep in between.
//!
//! The thread sleeps below all this ([`Sleeper::Here`]), or what it has begun is put aside and its caller sleeps,
//! with nothing of the library on the stack ([`Sleeper::Caller`]): there it may be cancelled, and its end finds what
//! was put aside. Called by `transfer`.

use std::ffi::c_void;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::aside::{self, Aside, may_put_aside};
use super::mailbox::{Mailbox, Ticket};
use super::waiting::Owned;
use super::{Core, Locked, Socket};
use crate::error::{Error, Result};
use crate::sys::nap;
use crate::sys::spin::Spin;

/// One in so many calls that wait lets the caller look whether the thread was cancelled, even if it need not sleep.
const OFTEN: u8 = 16;

/// Who sleeps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sleeper {
    Here,
    /// The caller, who is told so by `ASLEEP`.
    Caller,
}

/// A call that waits.
pub(super) struct Wait {
    /// The handle of the socket it is put aside for.
    socket: usize,
    mailbox: Arc<Mailbox>,
    deadline: Option<Instant>,
    /// What is waited for are messages, so that the connections may be waited for directly.
    direct: bool,
    /// It was announced, and is to be taken back.
    ticket: Option<Ticket>,
    owned: Owned,
    /// What spinning has taught.
    lesson: Option<bool>,
}

impl Drop for Wait {
    /// The thread was cancelled, or has begun another call instead of going on.
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        self.mailbox.finish_wait(ticket);
        let socket = super::from_handle(self.handle());
        if let Ok(mut core) = socket.and_then(|socket| socket.lock_again(&self.mailbox)) {
            core.waiters -= 1;
            core.waited(&self.owned);
        }
    }
}

impl Wait {
    fn handle(&self) -> *mut c_void {
        std::ptr::without_provenance_mut(self.socket)
    }

    /// Puts it aside until the caller has slept as planned. Call with no lock held.
    fn put_aside(mut self, socket: &Socket) -> Error {
        self.socket = socket.as_handle().addr();
        aside::put(Aside::Call(self));
        Error::ASLEEP
    }
}

/// The sleep of the caller is over: goes on with what the thread has put aside.
#[cold]
pub(super) fn go_on<T>(mut attempt: impl FnMut(&mut Core) -> Result<T>) -> Result<T> {
    let mut wait = aside::take_call().ok_or(Error::INTR)?;
    let socket = super::from_handle(wait.handle())?;
    let woken = match wait.ticket {
        Some(_) => wait.owned.woken(&wait.mailbox),
        None => Ok(()),
    };
    match socket.look(&mut wait, woken, &mut attempt)? {
        Look::Over(result) => result,
        Look::Again(core) => socket.wait(core, wait, Sleeper::Caller, attempt),
    }
}

/// How a look went.
enum Look<'a, T> {
    Over(Result<T>),
    Again(Locked<'a>),
}

impl Socket {
    /// Tries again whenever something happened, until the time is up. `receiving`: what is waited
    /// for are messages, so that the connections may be waited for directly.
    #[cold]
    pub(super) fn block<'a, T>(
        &'a self,
        mut core: Locked<'a>,
        timeout: Option<Duration>,
        receiving: bool,
        sleeper: Sleeper,
        mut attempt: impl FnMut(&mut Core) -> Result<T>,
    ) -> Result<T> {
        if self.is_inherited() {
            return Err(Error::INTR);
        }
        if aside::is_left() {
            let mailbox = core.mailbox.clone();
            drop(core);
            aside::take_back();
            core = self.lock_again(&mailbox)?;
            core.take_in()?;
            match attempt(&mut core) {
                Err(Error::AGAIN) => {}
                result => return result,
            }
        }
        let wait = Wait {
            socket: 0,
            mailbox: core.mailbox.clone(),
            deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
            direct: receiving,
            ticket: None,
            owned: Owned::Nothing,
            lesson: None,
        };
        core.blocked = core.blocked.wrapping_add(1);
        if sleeper == Sleeper::Caller
            && core.blocked.is_multiple_of(OFTEN)
            && may_put_aside()
            && nap::plan_none()
        {
            drop(core);
            return Err(wait.put_aside(self));
        }
        self.wait(core, wait, sleeper, attempt)
    }

    fn wait<'a, T>(
        &'a self,
        mut core: Locked<'a>,
        mut wait: Wait,
        sleeper: Sleeper,
        mut attempt: impl FnMut(&mut Core) -> Result<T>,
    ) -> Result<T> {
        let mailbox = wait.mailbox.clone();
        loop {
            let left = wait.deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(Error::AGAIN);
            }
            core.pattern.forget();
            wait.owned = if wait.direct { core.take_over() } else { Owned::Nothing };
            if wait.owned.is_empty() && core.spin.worthwhile() {
                drop(core);
                let success = Spin::wait(|| mailbox.pending());
                core = self.lock_again(&mailbox)?;
                core.take_in()?;
                core.spin.learn(success);
                // Entering took in what came, in time or just too late.
                match attempt(&mut core) {
                    Err(Error::AGAIN) if success => continue,
                    Err(Error::AGAIN) => {}
                    result => return result,
                }
            }
            let awake = !wait.owned.is_empty() && core.spin.worthwhile();
            wait.ticket = Some(mailbox.prepare_wait());
            core.waiters += 1;
            // Another thread may have been here meanwhile.
            core.pattern.forget();
            drop(core);
            let mut woken = Err(Error::AGAIN);
            if awake {
                (woken, wait.lesson) = wait.owned.wait_awake(&mailbox);
            }
            if woken == Err(Error::AGAIN) {
                let elsewhere = sleeper == Sleeper::Caller && may_put_aside();
                if elsewhere && wait.owned.plan(&mailbox, left) {
                    return Err(wait.put_aside(self));
                }
                woken = wait.owned.wait(&mailbox, left);
            }
            core = match self.look(&mut wait, woken, &mut attempt)? {
                Look::Over(result) => return result,
                Look::Again(core) => core,
            };
        }
    }

    /// Looks what came, after a sleep.
    fn look<'a, T>(
        &'a self,
        wait: &mut Wait,
        woken: Result<()>,
        attempt: &mut impl FnMut(&mut Core) -> Result<T>,
    ) -> Result<Look<'a, T>> {
        let ticket = wait.ticket.take();
        let slept = ticket.is_some();
        if let Some(ticket) = ticket {
            wait.mailbox.finish_wait(ticket);
        }
        let mut core = self.lock_again(&wait.mailbox)?;
        core.spin.take_in(wait.lesson.take());
        if slept {
            core.waiters -= 1;
            core.waited(&wait.owned);
        }
        if let Err(error) = woken
            && error != Error::AGAIN
        {
            // What came stays in the mailbox, so that ZMQ_FD goes on telling of it.
            core.check_context()?;
            return Err(error);
        }
        core.take_in()?;
        let reads = core.direct_reads(&wait.owned);
        match attempt(&mut core) {
            Err(Error::AGAIN) => {}
            result => return Ok(Look::Over(result)),
        }
        // The time is up, but not before this look: nobody else is told of what was just taken in.
        woken?;
        if wait.owned.any_ready() && core.direct_reads(&wait.owned) == reads {
            // Readable, but not what the pattern wants to read now: leave it to others.
            core.give_back();
            wait.direct = false;
        }
        Ok(Look::Again(core))
    }
}

#[cfg(test)]
#[path = "blocking_test.rs"]
mod blocking_test;
