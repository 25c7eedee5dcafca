//! Waiting for messages on the connections themselves.
//!
//! A thread that is about to sleep until a message comes takes over the descriptors of its
//! connections (`pipe::Direct`) and sleeps on them beside the mailbox; when one is readable it reads
//! it itself, and no I/O thread has to wake up first. Called by `transfer` for a blocking receive.

use std::os::fd::RawFd;

use super::Core;
use crate::pipe::PipeId;
use crate::sys::bell::OTHERS;

/// The connections that a thread waits for.
pub(super) struct Owned {
    pipes: [PipeId; OTHERS],
    descriptors: [RawFd; OTHERS],
    count: usize,
}

impl Owned {
    /// None.
    pub(super) fn nothing() -> Owned {
        Owned { pipes: [PipeId(0); OTHERS], descriptors: [-1; OTHERS], count: 0 }
    }

    pub(super) fn descriptors(&self) -> &[RawFd] {
        &self.descriptors[..self.count]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Core {
    /// Takes over what can be taken over. Nothing, if the application watches ZMQ_FD, if other
    /// threads wait on this socket, or if there are many connections.
    pub(super) fn take_over(&mut self) -> Owned {
        let mut owned = Owned::nothing();
        if self.pipes.len() > OTHERS {
            return owned;
        }
        if self.waiters > 0 || self.mailbox.is_exposed() {
            self.give_back();
            return owned;
        }
        for id in self.pipes.ids() {
            if self.pipes[id].is_worth_waiting_for()
                && let Some(direct) = self.pipes[id].direct()
                && let Some(descriptor) = direct.take_over()
            {
                direct.waits(true);
                owned.pipes[owned.count] = id;
                owned.descriptors[owned.count] = descriptor;
                owned.count += 1;
            }
        }
        self.owns |= !owned.is_empty();
        owned
    }

    /// The wait is over: makes the pattern look at the pipes whose bits are set in `ready`.
    pub(super) fn waited(&mut self, owned: &Owned, ready: u32) {
        for (index, &id) in owned.pipes[..owned.count].iter().enumerate() {
            let Some(pipe) = self.pipes.get_mut(id) else { continue };
            if let Some(direct) = pipe.direct() {
                direct.waits(false);
            }
            if ready & (1 << index) != 0 {
                self.pattern.readable(&mut self.pipes, id);
            }
        }
    }

    /// How often this thread has received by itself on these connections.
    pub(super) fn direct_reads(&mut self, owned: &Owned) -> u64 {
        let pipes = owned.pipes[..owned.count].iter();
        pipes.filter_map(|&id| Some(self.pipes.get_mut(id)?.direct_reads())).sum()
    }

    /// Gives the connections back if another thread sleeps on them: it would not learn of messages
    /// that this one receives and leaves behind. The I/O thread tells everybody.
    #[inline]
    pub(super) fn share_connections(&mut self) {
        if self.waiters > 0 {
            self.give_back();
        }
    }

    /// Gives all connections back to the I/O threads.
    pub(super) fn give_back(&mut self) {
        if std::mem::take(&mut self.owns) {
            for id in self.pipes.ids() {
                if let Some(direct) = self.pipes[id].direct() {
                    direct.give_back();
                }
            }
        }
    }
}
