//! Passing messages from one socket to another, many under one lock.
//!
//! By calls of its own the proxy (zmq_proxy(3)) would lock a socket four times for each message: is
//! there one, is there room for it, take it, send it. Called by `proxy`, which goes on by such calls
//! where something has to be waited for.

use super::{Core, Locked, Socket};
use crate::error::{Error, Result};
use crate::message::{MORE, Message};

/// At most so many messages pass before the sockets are let go and hear what happened to them.
const RUN: usize = 64;

/// What came in or went out; every part of a message counts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl Traffic {
    /// Counts a part of so many bytes.
    #[inline]
    pub(crate) fn count(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }
}

/// One direction of a proxy.
#[derive(Default)]
pub(crate) struct Relay {
    pub(crate) received: Traffic,
    pub(crate) sent: Traffic,
    /// The parts of a message that was received and is not sent yet, the last one first.
    pub(crate) parts: Vec<Message>,
    /// The next part has been captured already.
    pub(crate) captured: bool,
}

/// Why a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// There is nothing to read, or no room.
    Idle,
    /// It has been long enough.
    Turn,
    /// A socket refused a part although it had room: it, and those behind it, are in `parts`.
    Refused,
    /// Two of the sockets are the same, or another thread uses one.
    Locked,
}

impl Relay {
    /// Passes messages on as long as `to` has room, and copies to `capture`; says how many.
    pub(crate) fn run(
        &mut self,
        from: &Socket,
        to: &Socket,
        capture: Option<&Socket>,
    ) -> Result<(usize, Stop)> {
        let same = |other: &Socket| std::ptr::eq(from, other) || std::ptr::eq(to, other);
        if std::ptr::eq(from, to) || capture.is_some_and(same) {
            return Ok((0, Stop::Locked));
        }
        let from = &mut *from.enter()?;
        // Who holds a socket's lock does not wait for another's: there is no order among them.
        let Some(mut to) = to.try_enter()? else { return Ok((0, Stop::Locked)) };
        let mut capture = match capture {
            None => None,
            Some(capture) => match capture.try_enter()? {
                None => return Ok((0, Stop::Locked)),
                entered => entered,
            },
        };
        if !from.may_receive() || !to.may_send() {
            return Ok((0, Stop::Idle));
        }
        let mut part = Message::new();
        for passed in 0..RUN {
            if passed > 0 && !to.has_room() {
                return Ok((passed, Stop::Idle));
            }
            match from.try_recv(&mut part) {
                // A REP that owes an answer has nothing to read either.
                Err(Error::AGAIN | Error::FSM) => return Ok((passed, Stop::Idle)),
                other => other?,
            }
            self.received.count(part.len());
            if part.more() {
                self.gather(&mut part, from)?;
            }
            // What was gathered lies in front of the last part read.
            loop {
                if !self.pass(&mut part, &mut to, capture.as_deref_mut())? {
                    self.parts.push(part);
                    return Ok((passed + 1, Stop::Refused));
                }
                match self.parts.pop() {
                    Some(next) => part = next,
                    None => break,
                }
            }
        }
        Ok((RUN, Stop::Turn))
    }

    /// Reads the rest of a message, whose first part stays where it is. It is read whole before any
    /// of it is written, since a REP answers only whole requests.
    #[cold]
    fn gather(&mut self, first: &mut Message, from: &mut Core) -> Result<()> {
        let mut more = first.more();
        while more {
            let mut part = Message::new();
            from.try_recv(&mut part)?;
            self.received.count(part.len());
            more = part.more();
            self.parts.push(part);
        }
        self.parts.reverse();
        Ok(())
    }

    /// Sends a part; false, with the part as it was, if a socket has no room for it.
    #[inline]
    fn pass(
        &mut self,
        part: &mut Message,
        to: &mut Core,
        capture: Option<&mut Core>,
    ) -> Result<bool> {
        let (size, flags) = (part.len(), if part.more() { MORE } else { 0 });
        if let Some(capture) = capture
            && !self.captured
        {
            if !accepted(capture.try_send_as(&mut part.copy(), flags))? {
                return Ok(false);
            }
            self.captured = true;
        }
        if !accepted(to.try_send_as(part, flags))? {
            return Ok(false);
        }
        self.captured = false;
        self.sent.count(size);
        Ok(true)
    }
}

/// Whether there was room.
#[inline]
fn accepted(sent: Result<()>) -> Result<bool> {
    match sent {
        Err(Error::AGAIN) => Ok(false),
        other => other.map(|()| true),
    }
}

impl Core {
    /// POLLIN, for who asks once for many messages.
    fn may_receive(&mut self) -> bool {
        // Who asks for events sleeps elsewhere; the I/O threads have to tell.
        self.give_back();
        self.ask(|pattern, pipes| pattern.has_in(pipes))
    }

    /// POLLOUT, the same.
    fn may_send(&mut self) -> bool {
        self.give_back();
        self.has_room()
    }

    #[inline]
    fn has_room(&mut self) -> bool {
        self.ask(|pattern, pipes| pattern.has_out(pipes))
    }
}

impl Socket {
    /// `enter`, unless that has to wait.
    fn try_enter(&self) -> Result<Option<Locked<'_>>> {
        let Some(mut core) = self.try_lock()? else { return Ok(None) };
        core.take_in()?;
        Ok(Some(core))
    }
}
