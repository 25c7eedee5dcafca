//! The straight way of short messages: zmq_send(3), zmq_recv(3), zmq_msg_send(3), zmq_msg_recv(3).
//!
//! Where it is certain which pipe the next message goes to, or comes from, its bytes go between the
//! application's memory and that pipe's queue, and nobody else is asked. The pattern says so when it has just
//! passed a message on; whatever else happens to the pattern ends it. What is not that simple - more frames,
//! a high water mark, something in the mailbox, a lock that is another thread's - is left alone here, and done
//! by `transfer`. Called by `ffi`.

use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};

use super::transfer::SNDMORE;
use super::{Core, Socket};
use crate::message::Message;
use crate::patterns::Pattern;
use crate::pipe::{COPIED, Pipe, PipeId};

/// No pipe has this number.
const NONE: PipeId = PipeId(u32::MAX);

/// The pattern of a socket, and the pipes that it has named.
pub(super) struct Named {
    pattern: Box<dyn Pattern>,
    /// Whole messages go to this pipe, and come from that one, as long as the pattern is not touched.
    out: PipeId,
    input: PipeId,
}

/// Whether a socket's pattern ever named a pipe. Most types never do, and need not lock the socket to find out.
#[derive(Default)]
pub(super) struct Seen {
    out: AtomicBool,
    input: AtomicBool,
}

impl Seen {
    /// The slot is a new socket's.
    pub(super) fn clear(&self) {
        self.out.store(false, Ordering::Relaxed);
        self.input.store(false, Ordering::Relaxed);
    }
}

impl Named {
    pub(super) fn new(pattern: Box<dyn Pattern>) -> Named {
        Named { pattern, out: NONE, input: NONE }
    }

    /// Asks the pattern where the next message goes.
    #[inline]
    pub(super) fn name_out(&mut self, seen: &Seen) {
        if let Some(pipe) = self.pattern.straight_out() {
            self.out = pipe;
            seen.out.store(true, Ordering::Relaxed);
        }
    }

    /// Asks the pattern where the next message comes from.
    #[inline]
    pub(super) fn name_input(&mut self, seen: &Seen) {
        if let Some(pipe) = self.pattern.straight_in() {
            self.input = pipe;
            seen.input.store(true, Ordering::Relaxed);
        }
    }

    /// What was said of pipes does not hold any more.
    #[inline]
    pub(super) fn forget(&mut self) {
        (self.out, self.input) = (NONE, NONE);
    }
}

impl Deref for Named {
    type Target = dyn Pattern;

    #[inline]
    fn deref(&self) -> &(dyn Pattern + 'static) {
        &*self.pattern
    }
}

impl DerefMut for Named {
    #[inline]
    fn deref_mut(&mut self) -> &mut (dyn Pattern + 'static) {
        self.forget();
        &mut *self.pattern
    }
}

impl Core {
    /// The pipe that the next message goes to. `answered` was set by the message for which it was named.
    #[inline(always)]
    fn straight_out(&mut self) -> Option<&mut Pipe> {
        if self.mailbox.pending() { None } else { self.pipes.get_mut(self.pattern.out) }
    }

    /// The pipe that the next message comes from. It was named when a whole message had just been received.
    #[inline(always)]
    fn straight_in(&mut self) -> Option<&mut Pipe> {
        if self.mailbox.pending() { None } else { self.pipes.get_mut(self.pattern.input) }
    }
}

impl Socket {
    /// Sends a copy of `bytes` as one frame. False: nothing was done.
    #[inline(always)]
    pub(crate) fn send_straight(&self, bytes: &[u8], flags: i32) -> bool {
        if flags & SNDMORE != 0 || !self.straight.out.load(Ordering::Relaxed) {
            return false;
        }
        let Some(mut core) = self.core.lock_own() else { return false };
        let Some(core) = core.as_deref_mut() else { return false };
        core.straight_out().is_some_and(|pipe| pipe.write_bytes(bytes))
    }

    /// Sends a message whose bytes lie in it as one frame, and leaves it empty. False: nothing was done.
    #[inline(always)]
    pub(crate) fn send_message_straight(&self, message: &mut Message, flags: i32) -> bool {
        let Some(bytes) = message.plain() else { return false };
        let sent = self.send_straight(bytes, flags);
        if sent {
            message.empty();
        }
        sent
    }

    /// The same for a message whose bytes lie elsewhere, and are to be copied.
    #[inline(always)]
    pub(crate) fn send_copied_straight(&self, message: &mut Message, flags: i32) -> bool {
        let Some(bytes) = message.shared_bytes() else { return false };
        let sent = bytes.len() <= COPIED && self.send_straight(bytes, flags);
        if sent {
            message.clear();
        }
        sent
    }

    /// Receives a message of one frame into `buffer`, as much of it as fits, and gives its length. `None`: nothing
    /// was done.
    #[inline(always)]
    pub(crate) fn recv_straight(&self, buffer: &mut [MaybeUninit<u8>]) -> Option<usize> {
        if !self.straight.input.load(Ordering::Relaxed) {
            return None;
        }
        let mut core = self.core.lock_own()?;
        core.as_deref_mut()?.straight_in()?.read_bytes(buffer)
    }

    /// Receives a message of one frame that is copied in place of `message`. False: nothing was done.
    #[inline(always)]
    pub(crate) fn recv_message_straight(&self, message: &mut Message) -> bool {
        if !self.straight.input.load(Ordering::Relaxed) {
            return false;
        }
        let Some(mut core) = self.core.lock_own() else { return false };
        let Some(core) = core.as_deref_mut() else { return false };
        core.straight_in().is_some_and(|pipe| pipe.read_straight(message))
    }
}
