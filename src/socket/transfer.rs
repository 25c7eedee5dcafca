//! Sending and receiving: zmq_send(3), zmq_recv(3), zmq_msg_send(3), zmq_msg_recv(3).

use super::blocking::{self, Sleeper};
use super::{Core, Socket};
use crate::error::{Error, Result};
use crate::message::{MORE, Message};

/// `ZMQ_DONTWAIT` and `ZMQ_SNDMORE`.
pub(crate) const DONTWAIT: i32 = 1;
pub(crate) const SNDMORE: i32 = 2;

/// The flag of a frame that more are to follow.
#[inline]
fn more(flags: i32) -> u8 {
    if flags & SNDMORE != 0 { MORE } else { 0 }
}

/// Goes on sending the same message, after the caller's sleep.
pub(crate) fn send_again(message: &mut Message, flags: i32) -> Result<()> {
    message.set_flags(more(flags));
    message.set_metadata(None);
    blocking::go_on(|core| core.try_send(message))
}

/// Goes on receiving, perhaps into another message.
pub(crate) fn recv_again(message: &mut Message) -> Result<()> {
    blocking::go_on(|core| core.try_recv(message))
}

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
    pub(crate) fn send(&self, message: &mut Message, flags: i32) -> Result<()> {
        self.send_by(Sleeper::Here, message, flags)
    }

    /// The same; `ASLEEP` if the caller has to sleep and then to `send_again`.
    #[inline]
    pub(crate) fn send_or_sleep(&self, message: &mut Message, flags: i32) -> Result<()> {
        self.send_by(Sleeper::Caller, message, flags)
    }

    #[inline]
    fn send_by(&self, sleeper: Sleeper, message: &mut Message, flags: i32) -> Result<()> {
        let mut core = self.enter()?;
        match core.try_send_as(message, more(flags)) {
            Ok(()) => {
                core.pattern.name_out(&self.straight);
                return Ok(());
            }
            Err(Error::AGAIN) if flags & DONTWAIT == 0 => {}
            result => return result,
        }
        let timeout = core.options.send_timeout();
        self.block(core, timeout, false, sleeper, |core| core.try_send(message))
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
    pub(crate) fn recv_into(&self, message: &mut Message, flags: i32) -> Result<()> {
        self.recv_by(Sleeper::Here, message, flags)
    }

    /// The same; `ASLEEP` if the caller has to sleep and then to `recv_again`.
    #[inline]
    pub(crate) fn recv_or_sleep(&self, message: &mut Message, flags: i32) -> Result<()> {
        self.recv_by(Sleeper::Caller, message, flags)
    }

    #[inline]
    fn recv_by(&self, sleeper: Sleeper, message: &mut Message, flags: i32) -> Result<()> {
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
        self.block(core, timeout, true, sleeper, |core| core.try_recv(message))
    }
}
