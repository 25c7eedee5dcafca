//! An application that sleeps on ZMQ_FD in a loop of its own: asyncio, libuv, gevent.
//!
//! Whenever the descriptor is readable such a loop asks for ZMQ_EVENTS, receives what there is, and asks again until
//! there is nothing. When it has done so some times in quick succession, the connections that have spoken join
//! a crowd (`pipe::Crowd`) that is shown in the descriptor: the loop wakes up by a connection itself, and the next
//! look reads it here, without an I/O thread. Before the application is told that there is nothing, the crowd is
//! looked at, so that whatever comes later makes the descriptor readable again.
//!
//! The descriptor must never be readable for long while the application can do nothing about it. So the crowd goes
//! back to the I/O thread when the application leaves alone what it is told of, when the pattern does not want
//! what has come, and when nobody looks for a while (its watchdog). Called by `option` and `transfer`.

use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use super::Core;
use crate::pipe::{Pipe, PipeId, Turn};

/// So many times in a row something came after there was nothing, each within this time, until the crowd is taken over.
const ROUNDS: u32 = 16;
const SPAN: Duration = Duration::from_millis(1);
/// How often the application may be told of messages and receive none.
const PATIENCE: u32 = 8;
/// After so many answers in a row that there is something, the others are looked at.
const OTHERS: u32 = 16;

/// What is known of the application's loop.
#[derive(Default)]
pub(super) struct Looping {
    /// The epoll that the application was given, unless it had to be something else.
    front: Option<RawFd>,
    /// The application was told that there is nothing.
    idle: bool,
    /// Quick rounds in a row, and the time of the last one.
    pub(super) rounds: u32,
    last: Option<Instant>,
    /// The crowd was taken over, and not given back by this side.
    owned: bool,
    /// How often it was told of messages since it received one.
    pub(super) told: u32,
    /// How often it was told of messages since it was told that there is nothing.
    answers: u32,
}

impl Core {
    /// ZMQ_FD: the same at every call.
    pub(super) fn descriptor_for_loops(&mut self) -> RawFd {
        self.give_back();
        let bell = self.mailbox.expose();
        let front = self.mailbox.front();
        if self.looping.front != front
            && let Some(crowd) = self.crowd.take()
        {
            // From the time when threads waited in it.
            crowd.close();
        }
        self.looping.front = front;
        front.unwrap_or(bell)
    }

    /// The epoll of ZMQ_FD, if the application has it.
    pub(super) fn front(&self) -> Option<RawFd> {
        self.looping.front
    }

    /// ZMQ_EVENTS, which the application asks for because the descriptor is readable, or before it sleeps on it.
    pub(super) fn events_for_loops(&mut self) -> i16 {
        if self.looping.front.is_none() || self.waiters > 0 {
            return self.events();
        }
        if self.looping.owned && !self.is_taken() {
            // The application was away.
            self.looping.owned = false;
            self.looping.rounds = 0;
        }
        // Who ends now may make room for another who was heard of before, and is not again.
        let input = self.ask(|pattern, pipes| pattern.has_in(pipes)) || self.looks() && self.look();
        if !input {
            (self.looping.told, self.looping.answers) = (0, 0);
        } else if self.is_taken() {
            self.looping.told += 1;
            self.looping.answers = self.looping.answers.wrapping_add(1);
            if self.looping.told > PATIENCE {
                self.give_back();
            } else if self.looping.answers.is_multiple_of(OTHERS) {
                // Where there is always something, others shall have their turn.
                self.look();
            }
        } else if self.looping.idle {
            self.count_round();
        }
        self.looping.idle = !input;
        self.events_with(input)
    }

    /// Before the application is told that nothing can be received: true if there may be something now.
    #[inline]
    pub(super) fn looks_again(&mut self) -> bool {
        self.looping.front.is_some() && self.is_taken() && self.waiters == 0 && self.look()
    }

    fn count_round(&mut self) {
        let now = Instant::now();
        let quick = self.looping.last.is_some_and(|last| now.duration_since(last) < SPAN);
        self.looping.rounds = if quick { self.looping.rounds.saturating_add(1) } else { 0 };
        self.looping.last = Some(now);
    }

    fn is_taken(&self) -> bool {
        self.crowd.as_ref().is_some_and(|crowd| crowd.is_taken())
    }

    fn looks(&self) -> bool {
        self.looping.rounds >= ROUNDS && (self.crowd.is_some() || !self.newcomers.is_empty())
    }

    /// Looks at the crowd, and takes it over if it is not the application's. True: something can be received.
    #[cold]
    fn look(&mut self) -> bool {
        if !self.newcomers.is_empty() {
            self.admit_newcomers();
        }
        let mut turn = Turn::new();
        let Some(crowd) = self.crowd.clone().filter(|crowd| crowd.look(&mut turn)) else {
            self.looping.rounds = 0;
            return false;
        };
        drop(crowd);
        self.looping.owned = true;
        if turn.numbers().is_empty() {
            return false;
        }
        let before = self.reads_of(&turn);
        self.hear(&turn);
        let input = self.ask(|pattern, pipes| pattern.has_in(pipes));
        if !input && self.reads_of(&turn) == before {
            // Not what the pattern wants to read now.
            self.give_back();
        }
        input
    }

    /// Makes the pattern look at the connections that are readable.
    pub(super) fn hear(&mut self, turn: &Turn) {
        self.pipes.anticipate(turn.numbers());
        for id in turn.numbers().iter().map(|&number| PipeId(number)) {
            if let Some(direct) = self.pipes.get_mut(id).and_then(Pipe::direct) {
                direct.expect();
                self.pattern.readable(&mut self.pipes, id);
            }
        }
    }

    /// How often this thread has received by itself on these connections.
    pub(super) fn reads_of(&mut self, turn: &Turn) -> u64 {
        let mut count =
            |id| self.pipes.get_mut(id).map_or(0, |pipe| u64::from(pipe.direct_reads()));
        turn.numbers().iter().map(|&number| count(PipeId(number))).sum()
    }
}
