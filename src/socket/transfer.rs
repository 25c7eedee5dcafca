//! Sending and receiving: zmq_send(3), zmq_recv(3), zmq_msg_send(3), zmq_msg_recv(3).

use std::time::{Duration, Instant};

use super::waiting::Owned;
use super::{Core, Locked, Socket};
use crate::error::{Error, Result};
use crate::message::{MORE, Message};
use crate::sys::spin::Spin;

/// `ZMQ_DONTWAIT` and `ZMQ_SNDMORE`.
pub(crate) const DONTWAIT: i32 = 1;
pub(crate) const SNDMORE: i32 = 2;

impl Core {
    /// Sends a frame that the application, or a peer, has made: with these flags, and from here.
    #[inline]
    pub(super) fn try_send_as(&mut self, message: &mut Message, flags: u8) -> Result<()> {
        message.set_flags(flags);
        message.set_metadata(None);
        self.try_send(message)
    }

    #[inline]
    fn try_send(&mut self, message: &mut Message) -> Result<()> {
        self.answered = true;
        let result = self.pattern.send(&mut self.pipes, message);
        self.reap();
        result
    }

    /// Receives a frame if there is one; else the message is left alone.
    #[inline]
    pub(super) fn try_recv(&mut self, message: &mut Message) -> Result<()> {
        let mut result = self.pattern.recv_into(&mut self.pipes, message);
        while self.reap() && result == Err(Error::AGAIN) {
            result = self.pattern.recv_into(&mut self.pipes, message);
        }
        if result.is_ok() {
            self.receive_more = message.more();
            self.looping.told = 0;
        }
        result
    }
}

impl Socket {
    /// Sends one frame and leaves `message` empty; on failure the message stays as it was.
    /// `AGAIN` with DONTWAIT or after ZMQ_SNDTIMEO, `INTR` after a signal, `TERM`, `NOTSUP`, `FSM`,
    /// `HOSTUNREACH` as the pattern says.
    #[inline]
    pub(crate) fn send(&self, message: &mut Message, flags: i32) -> Result<()> {
        let mut core = self.enter()?;
        let more = if flags & SNDMORE != 0 { MORE } else { 0 };
        match core.try_send_as(message, more) {
            Ok(()) => {
                core.pattern.name_out(&self.straight);
                return Ok(());
            }
            Err(Error::AGAIN) if flags & DONTWAIT == 0 => {}
            result => return result,
        }
        let timeout = core.options.send_timeout();
        self.block(core, timeout, false, |core| core.try_send(message))
    }

    /// Sends a copy of `bytes` as one frame; see `send`.
    pub(crate) fn send_slice(&self, bytes: &[u8], flags: i32) -> Result<()> {
        self.send(&mut Message::from_slice(bytes)?, flags)
    }

    /// Receives one frame. `AGAIN` with DONTWAIT or after ZMQ_RCVTIMEO, `INTR` after a signal,
    /// `TERM`, `NOTSUP`, `FSM` as the pattern says.
    pub(crate) fn recv(&self, flags: i32) -> Result<Message> {
        let mut message = Message::new();
        self.recv_into(&mut message, flags)?;
        Ok(message)
    }

    /// Receives one frame in place of `message`, which is left alone on failure; see `recv`.
    #[inline]
    pub(crate) fn recv_into(&self, message: &mut Message, flags: i32) -> Result<()> {
        let mut core = self.enter()?;
        core.share_connections();
        match core.try_recv(message) {
            Ok(()) => {
                if core.waiters == 0 {
                    core.pattern.name_input(&self.straight);
                }
                return Ok(());
            }
            Err(Error::AGAIN) if flags & DONTWAIT == 0 => {}
            Err(Error::AGAIN) if core.looks_again() => return core.try_recv(message),
            result => return result,
        }
        let timeout = core.options.receive_timeout();
        self.block(core, timeout, true, |core| core.try_recv(message))
    }

    /// Tries again whenever something happened, until the time is up. `receiving`: what is waited
    /// for are messages, so that the connections may be waited for directly.
    #[cold]
    fn block<'a, T>(
        &'a self,
        mut core: Locked<'a>,
        timeout: Option<Duration>,
        receiving: bool,
        mut attempt: impl FnMut(&mut Core) -> Result<T>,
    ) -> Result<T> {
        if self.is_inherited() {
            return Err(Error::INTR);
        }
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut direct = receiving;
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(Error::AGAIN);
            }
            core.pattern.forget();
            let mut owned = if direct { core.take_over() } else { Owned::Nothing };
            let mailbox = core.mailbox.clone();
            if owned.is_empty() && core.spin.worthwhile() {
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
            let awake = !owned.is_empty() && core.spin.worthwhile();
            let ticket = mailbox.prepare_wait();
            core.waiters += 1;
            // Another thread may have been here meanwhile.
            core.pattern.forget();
            drop(core);
            let (looked, lesson) =
                if awake { owned.wait_awake(&mailbox) } else { (Err(Error::AGAIN), None) };
            let waited = if looked == Err(Error::AGAIN) {
                owned.wait(&mailbox, ticket, left)
            } else {
                mailbox.finish_wait(ticket);
                looked
            };
            core = self.lock_again(&mailbox)?;
            core.spin.take_in(lesson);
            core.waiters -= 1;
            core.waited(&owned);
            core.take_in()?;
            waited?;
            let reads = core.direct_reads(&owned);
            match attempt(&mut core) {
                Err(Error::AGAIN) => {}
                result => return result,
            }
            if owned.any_ready() && core.direct_reads(&owned) == reads {
                // Readable, but not what the pattern wants to read now: leave it to others.
                core.give_back();
                direct = false;
            }
        }
    }
}
