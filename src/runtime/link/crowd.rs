//! A crowd (`pipe::Crowd`): an epoll in which the descriptors of its members are watched instead of in the reactor
//! of their I/O thread, where it is nested.
//!
//! ```text
//!   I/O thread's reactor --+-- connections that are alone
//!                          +-- crowd's epoll --+-- members
//!   waiting application ---------------------->+-- bell of the socket's mailbox
//!
//!   application's loop --- ZMQ_FD, an epoll ---+-- crowd's epoll
//!                                              +-- bell of the socket's mailbox
//! ```
//! The second picture is that of a socket whose application sleeps on ZMQ_FD, in a loop of its own (`pipe::Bed`).
//! Only one of the two arrows into it is open at a time (`shift`). While it is the I/O thread's, the task here reads
//! for the members; a member that is at its high water mark leaves, and is welcome again when it has been heard
//! by way of its own I/O thread. Descriptors are level triggered: what one of the two was told of and did not
//! read, the other is told of. Founded by `socket::waiting` through a member's link.

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::shift::{Gate, Shift, Watch};
use crate::error::{Error, Result};
use crate::pipe::{self, Bed, Direct, Turn};
use crate::runtime::orders::reserve_key;
use crate::runtime::reactor::{Reactor, Ready};
use crate::runtime::task::{Io, Task, ThreadHandle};
use crate::sys::epoll::{EVENTS, Epoll};
use crate::sys::sync::Mutex;
use crate::sys::{fork, nap};

/// The number of the bell; those of members have the pipe's below and the descriptor above.
const BELL: u64 = u64::MAX;

/// See the head of this file.
pub(super) struct Crowd {
    shift: Shift<Doors>,
    members: Mutex<HashMap<RawFd, Weak<dyn Direct>>>,
    /// The process it was made in: what a forked child did would befall the parent.
    generation: u32,
}

/// What leads into the crowd's epoll.
struct Doors {
    epoll: Epoll,
    bed: Bed,
    thread: Arc<ThreadHandle>,
    reactor: Arc<Reactor>,
    key: u64,
}

impl Gate for Doors {
    fn tell_thread(&self, tell: bool) -> bool {
        self.reactor.watch_reading(self.epoll.descriptor(), self.key, tell)
    }

    fn wake_application(&self, wake: bool) -> bool {
        match self.bed {
            Bed::Inside(bell) => self.epoll.change(bell, BELL, wake).is_ok(),
            Bed::Outside(front) => self.epoll.show(front, wake).is_ok(),
        }
    }

    fn may_sleep_unseen(&self) -> bool {
        let nothing =
            || self.epoll.wait(&mut [0; EVENTS], Some(Duration::ZERO)).is_ok_and(|n| n == 0);
        matches!(self.bed, Bed::Outside(_)) && nothing()
    }

    fn wake_thread(&self) {
        self.thread.wake_task(self.key);
    }
}

impl Crowd {
    /// An empty crowd, whose task is on its way to the thread.
    pub(super) fn found(
        thread: &Arc<ThreadHandle>,
        reactor: &Arc<Reactor>,
        bed: Bed,
    ) -> Option<Arc<Crowd>> {
        let epoll = Epoll::new().ok()?;
        match bed {
            Bed::Inside(bell) => epoll.add(bell, BELL, false).ok()?,
            Bed::Outside(front) => epoll.enter(front).ok()?,
        }
        let key = reserve_key();
        // While it is empty: the kernel looks at all of it when it is nested.
        reactor.register(epoll.descriptor(), key).ok()?;
        let (thread, reactor) = (thread.clone(), reactor.clone());
        let doors = Doors { epoll, bed, thread: thread.clone(), reactor, key };
        let crowd = Arc::new(Crowd {
            shift: Shift::new(doors),
            members: Mutex::new(HashMap::new()),
            generation: fork::generation(),
        });
        thread.add(key, Box::new(CrowdTask { crowd: crowd.clone(), watch: Watch::default() }));
        Some(crowd)
    }

    fn epoll(&self) -> &Epoll {
        &self.shift.gate.epoll
    }

    fn is_ours(&self) -> bool {
        self.generation == fork::generation()
    }

    /// Waits until something is readable, and notes which members are; how many there are, the bell
    /// included.
    fn find(&self, turn: &mut Turn, timeout: Option<Duration>) -> Result<usize> {
        let mut numbers = [0; EVENTS];
        let count = self.epoll().wait(&mut numbers, timeout)?;
        note(turn, numbers.get(..count).unwrap_or_default());
        Ok(count)
    }

    /// Reads for the members that have something. True: there may be more.
    fn read(&self) -> bool {
        let mut numbers = [0; EVENTS];
        let count = self.epoll().wait(&mut numbers, Some(Duration::ZERO)).unwrap_or(0);
        let mut more = count == EVENTS;
        for number in numbers.iter().take(count).filter(|number| **number != BELL) {
            let member = self.members.lock().get(&((number >> 32) as RawFd)).cloned();
            if let Some(member) = member.and_then(|member| member.upgrade()) {
                member.receive_for_crowd();
                // Behind what it read may be the end. This epoll says so again; the reactor, which tells of
                // changes, has told of all there was.
                more = true;
            }
        }
        more
    }

    /// Everybody leaves, for good.
    fn disband(&self) {
        self.shift.finish();
        let members = std::mem::take(&mut *self.members.lock());
        for member in members.into_values().filter_map(|member| member.upgrade()) {
            member.leave();
        }
    }
}

/// Notes the members among what the epoll has found.
fn note(turn: &mut Turn, numbers: &[u64]) {
    for &number in numbers.iter().filter(|number| **number != BELL) {
        turn.add(number as u32);
    }
}

impl pipe::Crowd for Crowd {
    fn take_over(&self) -> bool {
        self.is_ours() && self.shift.begin()
    }

    fn wait(&self, turn: &mut Turn, timeout: Option<Duration>) -> Result<()> {
        if !self.is_ours() {
            return Err(Error::INTR);
        }
        if self.find(turn, timeout)? == 0 { Err(Error::AGAIN) } else { Ok(()) }
    }

    fn plan(&self, timeout: Option<Duration>) -> bool {
        self.is_ours() && nap::plan_epoll(self.epoll().descriptor(), timeout)
    }

    fn woken(&self, turn: &mut Turn) -> Result<()> {
        let woken = nap::outcome(|ready, _, numbers| {
            note(turn, numbers);
            if ready? == 0 { Err(Error::AGAIN) } else { Ok(()) }
        });
        woken.unwrap_or(Err(Error::INTR))
    }

    fn look(&self, turn: &mut Turn) -> bool {
        self.is_ours() && self.shift.visit() && self.find(turn, Some(Duration::ZERO)).is_ok()
    }

    fn waited(&self) {
        if self.is_ours() {
            self.shift.end();
        }
    }

    fn is_taken(&self) -> bool {
        self.shift.is_taken()
    }

    fn is_read(&self) -> bool {
        self.shift.is_taken() && {
            self.shift.note_read();
            true
        }
    }

    fn give_back(&self) {
        if self.is_ours() {
            self.shift.give_back();
        }
    }

    fn close(&self) {
        if self.is_ours() {
            self.shift.finish();
            self.shift.gate.thread.close_task(self.shift.gate.key);
        }
    }

    fn place(&self) -> usize {
        self.shift.gate.thread.place()
    }

    fn watch(&self, descriptor: RawFd, number: u32, member: Weak<dyn Direct>) -> bool {
        let mut members = self.members.lock();
        if self.shift.is_over() {
            return false;
        }
        members.insert(descriptor, member);
        drop(members);
        let number = (descriptor as u64) << 32 | u64::from(number);
        let watched = self.epoll().add(descriptor, number, true).is_ok();
        if !watched {
            self.members.lock().remove(&descriptor);
        }
        watched
    }

    fn forget(&self, descriptor: RawFd) {
        if self.is_ours() {
            self.members.lock().remove(&descriptor);
            self.epoll().remove(descriptor);
        }
    }
}

/// The crowd's watchdog, and its reader when nobody waits.
struct CrowdTask {
    crowd: Arc<Crowd>,
    watch: Watch,
}

impl CrowdTask {
    fn go_on(&mut self, io: &mut Io<'_>) {
        if !io.has_turn && !self.crowd.shift.is_taken() && self.crowd.read() {
            io.again();
        }
        io.set_timer(self.crowd.shift.tick(io.now, &mut self.watch));
    }
}

impl Task for CrowdTask {
    fn start(&mut self, io: &mut Io<'_>) {
        self.go_on(io);
    }

    fn ready(&mut self, io: &mut Io<'_>, _ready: Ready) {
        self.go_on(io);
    }

    fn timer(&mut self, io: &mut Io<'_>) {
        self.go_on(io);
    }

    fn wake(&mut self, io: &mut Io<'_>) {
        self.go_on(io);
    }

    fn close(&mut self, io: &mut Io<'_>, _linger: Option<Duration>) {
        self.crowd.disband();
        io.reactor.deregister(self.crowd.epoll().descriptor());
        io.finish();
    }

    fn broken(&mut self) {
        self.crowd.disband();
    }
}
