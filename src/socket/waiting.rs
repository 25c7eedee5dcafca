//! Waiting for messages on the connections themselves.
//!
//! A thread that is about to sleep until a message comes takes over the descriptors of its
//! connections (`pipe::Direct`) and sleeps on them beside the mailbox; when one is readable it reads
//! it itself, and no I/O thread has to wake up first. Where there are many connections, those that
//! have spoken are in a crowd (`pipe::Crowd`), which is one descriptor. Called by `transfer` for a
//! blocking receive.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use super::Core;
use super::mailbox::Mailbox;
use crate::error::{Error, Result};
use crate::pipe::{Bed, Crowd, PipeId, Turn};
use crate::sys::bell::OTHERS;
use crate::sys::cancel;
use crate::sys::spin::Spin;

/// So many connections at most join a crowd before the next wait.
const JOINING: usize = 64;
/// So many waits in a row that follow an answer are a dialogue; and after so many no more are counted.
const DIALOGUE: u32 = 4;
const TALKATIVE: u32 = 8;

/// What a thread waits for besides its mailbox.
pub(super) enum Owned {
    Nothing,
    Few(Few),
    Many(Arc<dyn Crowd>, Turn),
}

/// Some connections, and which of them are readable.
pub(super) struct Few {
    pipes: [PipeId; OTHERS],
    descriptors: [RawFd; OTHERS],
    count: usize,
    ready: u32,
}

impl Few {
    fn add(&mut self, id: PipeId, descriptor: RawFd) {
        self.pipes[self.count] = id;
        self.descriptors[self.count] = descriptor;
        self.count += 1;
    }

    fn pipes(&self) -> &[PipeId] {
        &self.pipes[..self.count]
    }

    fn descriptors(&self) -> &[RawFd] {
        &self.descriptors[..self.count]
    }
}

impl Owned {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Owned::Nothing)
    }

    /// Sleeps until a command may have come or a connection is readable. `AGAIN` when the time is up,
    /// `INTR` after a signal. Call with a ticket.
    pub(super) fn wait(&mut self, mailbox: &Mailbox, timeout: Option<Duration>) -> Result<()> {
        match self {
            Owned::Nothing => mailbox.sleep(&[], timeout).map(|_| ()),
            Owned::Few(few) => {
                few.ready = mailbox.sleep(few.descriptors(), timeout)?;
                Ok(())
            }
            Owned::Many(crowd, turn) => crowd.wait(turn, timeout),
        }
    }

    /// Plans to sleep in the same way where the thread may be cancelled. False: it has to `wait`.
    pub(super) fn plan(&self, mailbox: &Mailbox, timeout: Option<Duration>) -> bool {
        match self {
            Owned::Nothing => mailbox.plan(&[], timeout),
            Owned::Few(few) => mailbox.plan(few.descriptors(), timeout),
            Owned::Many(crowd, _) => crowd.plan(timeout),
        }
    }

    /// What `wait` would have answered after such a sleep.
    pub(super) fn woken(&mut self, mailbox: &Mailbox) -> Result<()> {
        match self {
            Owned::Nothing => mailbox.woken().map(|_| ()),
            Owned::Few(few) => {
                few.ready = mailbox.woken()?;
                Ok(())
            }
            Owned::Many(crowd, turn) => crowd.woken(turn),
        }
    }

    /// The same without sleeping, for a little while; and what is to be learned from that. `AGAIN`: nothing came.
    pub(super) fn wait_awake(&mut self, mailbox: &Mailbox) -> (Result<()>, Option<bool>) {
        let mut result = Err(Error::AGAIN);
        let asked = Spin::asking(|| {
            result = match self {
                Owned::Nothing => mailbox.look(&[]).map(|_| ()),
                Owned::Few(few) => mailbox.look(few.descriptors()).map(|ready| few.ready = ready),
                Owned::Many(crowd, turn) => crowd.wait(turn, Some(Duration::ZERO)),
            };
            result != Err(Error::AGAIN)
        });
        (result, asked.lesson)
    }

    /// Whether a connection was readable.
    pub(super) fn any_ready(&self) -> bool {
        match self {
            Owned::Nothing => false,
            Owned::Few(few) => few.ready != 0,
            Owned::Many(_, turn) => !turn.numbers().is_empty(),
        }
    }
}

impl Core {
    /// Takes over whatever can be taken over. Nothing, if the application watches ZMQ_FD, or if other
    /// threads wait on this socket.
    pub(super) fn take_over(&mut self) -> Owned {
        if self.waiters > 0 || self.mailbox.is_exposed() {
            self.give_back();
            return Owned::Nothing;
        }
        if self.crowd.is_some() || self.pipes.len() > OTHERS {
            return self.take_over_many();
        }
        let (pipes, descriptors) = ([PipeId(0); OTHERS], [-1; OTHERS]);
        let mut few = Few { pipes, descriptors, count: 0, ready: 0 };
        for id in self.pipes.ids() {
            if self.pipes[id].is_worth_waiting_for()
                && let Some(direct) = self.pipes[id].direct()
                && let Some(descriptor) = direct.take_over()
            {
                few.add(id, descriptor);
            }
        }
        self.owns |= few.count > 0;
        if few.count > 0 { Owned::Few(few) } else { Owned::Nothing }
    }

    fn take_over_many(&mut self) -> Owned {
        if self.owns {
            // From the time when there were few.
            self.give_back();
        }
        // Where messages only come, each connection has but few of them at a time when somebody waits, and is
        // better left to a thread that lets them gather.
        let answered = std::mem::take(&mut self.answered);
        self.dialogue = if answered {
            TALKATIVE.min(self.dialogue + 1)
        } else {
            self.dialogue.saturating_sub(2)
        };
        if self.dialogue < DIALOGUE {
            self.give_back();
            return Owned::Nothing;
        }
        if !self.newcomers.is_empty() {
            self.admit_newcomers();
        }
        match &self.crowd {
            Some(crowd) if crowd.take_over() => Owned::Many(crowd.clone(), Turn::new()),
            _ => Owned::Nothing,
        }
    }

    /// Lets the connections of newcomers join the crowd, and founds it if there is none.
    #[cold]
    pub(super) fn admit_newcomers(&mut self) {
        let bell = self.mailbox.descriptor();
        let bed = self.front().map_or(Bed::Inside(bell), Bed::Outside);
        if self.crowd.is_none() && matches!(bed, Bed::Outside(_)) && !self.mailbox.front_is_there()
        {
            // What has its number now may be an epoll, too, and the application's own.
            return;
        }
        let rest = self.newcomers.len().saturating_sub(JOINING);
        for id in self.newcomers.split_off(rest) {
            let Some(pipe) = self.pipes.get_mut(id) else { continue };
            pipe.set_noticed(false);
            let Some(direct) = pipe.direct().cloned() else { continue };
            if self.crowd.is_none() {
                self.crowd = cancel::off(|| direct.found(bed));
            }
            if let Some(crowd) = &self.crowd {
                direct.join(crowd, id.0);
            }
        }
    }

    /// An I/O thread has told of this pipe. Where there are many the next wait shall include its
    /// connection.
    pub(super) fn notice(&mut self, id: PipeId) {
        let pipes = self.pipes.len();
        // Names of pipes that have gone take up room until they are asked.
        if (pipes > OTHERS || self.crowd.is_some() || self.front().is_some())
            && self.newcomers.len() < pipes
            && self.pipes.get_mut(id).is_some_and(|pipe| pipe.set_noticed(true))
        {
            self.newcomers.push(id);
        }
    }

    /// The wait is over: makes the pattern look at the pipes that are readable.
    pub(super) fn waited(&mut self, owned: &Owned) {
        match owned {
            Owned::Nothing => {}
            Owned::Few(few) => {
                for (index, &id) in few.pipes().iter().enumerate() {
                    let Some(pipe) = self.pipes.get_mut(id) else { continue };
                    if let Some(direct) = pipe.direct() {
                        direct.waited();
                    }
                    if few.ready & (1 << index) != 0 {
                        self.pattern.readable(&mut self.pipes, id);
                    }
                }
            }
            Owned::Many(crowd, turn) => {
                crowd.waited();
                self.hear(turn);
            }
        }
    }

    /// How often this thread has received by itself on these connections.
    pub(super) fn direct_reads(&mut self, owned: &Owned) -> u64 {
        let mut count =
            |id| self.pipes.get_mut(id).map_or(0, |pipe| u64::from(pipe.direct_reads()));
        match owned {
            Owned::Nothing => 0,
            Owned::Few(few) => few.pipes().iter().map(|&id| count(id)).sum(),
            Owned::Many(_, turn) => self.reads_of(turn),
        }
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
        if let Some(crowd) = &self.crowd {
            crowd.give_back();
            self.looping.rounds = 0;
        }
        if std::mem::take(&mut self.owns) {
            for id in self.pipes.ids() {
                if let Some(direct) = self.pipes[id].direct() {
                    direct.give_back();
                }
            }
        }
    }
}
