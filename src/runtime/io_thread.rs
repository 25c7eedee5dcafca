//! An I/O thread: a loop over descriptors, timers and orders, and the tasks they belong to.
//!
//! Tasks are kept apart: a panic in one is caught, that task is dropped with its connection, and
//! the thread goes on. Lock order: the inbox is a leaf, nothing is called with it held. Started by
//! the context when a task needs one.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::orders::{Handle, Order, Receipt, keys_of, reserve_key};
use super::reactor::{Reactor, Waiter, reactor};
use super::task::{Io, Task, ThreadHandle};
use crate::error::{Error, Result};
use crate::pipe::Notify;
use crate::sys;
use crate::sys::errand::hold;
use crate::sys::lock::Mutex;
use crate::sys::spin::Spin;

/// How often the thread looks for new orders before it looks at its descriptors and timers.
const ROUNDS: usize = 8;

/// So long further turns are given before the thread looks at orders, descriptors and timers again.
const SLICE: Duration = Duration::from_micros(250);

/// The stack of a thread in bytes. It is memory only where it was touched.
const STACK: usize = 8 << 20;

/// What zmq_ctx_set(3) says about threads.
#[derive(Clone, Default)]
pub(crate) struct ThreadConfig {
    pub(crate) name: String,
    pub(crate) affinity: Vec<i32>,
    /// Scheduling policy and priority; `None`: leave alone.
    pub(crate) policy: Option<i32>,
    pub(crate) priority: Option<i32>,
}

/// A running I/O thread. Stopped and joined by `stop`.
pub(crate) struct IoThread {
    handle: Arc<ThreadHandle>,
    join: Mutex<Option<sys::thread::Thread>>,
}

impl IoThread {
    /// Starts a thread. EMFILE, EAGAIN or ENOMEM when the system has no room for one.
    pub(crate) fn start(config: ThreadConfig) -> Result<IoThread> {
        let (reactor, waiter, waker) = reactor()?;
        let handle = Arc::new(Handle::new(waker));
        let state = Loop::new(reactor, handle.clone());
        // Signals are the application's: the new thread inherits a full mask.
        let _blocked = sys::signals::block_all();
        let join = sys::thread::start(STACK, move || {
            sys::thread::set_name(&config.name);
            let _ = sys::thread::set_affinity(config.affinity.iter().copied());
            let _ = sys::thread::set_scheduling(config.policy, config.priority);
            state.run(waiter);
        })
        .map_err(|error| Error::from_errno(error.raw_os_error().unwrap_or(libc::EAGAIN)))?;
        Ok(IoThread { handle, join: Mutex::new(Some(join)) })
    }

    /// Where pipes of this thread's tasks send their events.
    pub(crate) fn mailbox(&self) -> Arc<dyn Notify> {
        self.handle.clone()
    }

    /// How many tasks the thread has.
    pub(crate) fn load(&self) -> usize {
        self.handle.load()
    }

    /// A key for a task that `add_reserved` will add.
    pub(super) fn reserve(&self) -> u64 {
        reserve_key()
    }

    /// Adds a task under a key of `reserve`.
    pub(super) fn add_reserved(&self, key: u64, task: Box<dyn Task>) {
        self.handle.add(key, task);
    }

    /// Adds a task that nobody needs the key of.
    pub(super) fn add(&self, task: Box<dyn Task>) {
        self.add_reserved(self.reserve(), task);
    }

    /// Closes a task; what it has to send goes out within `linger`.
    pub(super) fn close(&self, key: u64, linger: Option<Duration>) {
        self.handle.order(Order::Close(key, linger));
    }

    /// The same for all tasks with this parent.
    pub(super) fn close_children(
        &self,
        parent: u64,
        linger: Option<Duration>,
        receipt: Option<Receipt>,
    ) {
        self.handle.order(Order::CloseChildren(parent, linger, receipt));
    }

    /// Ends the thread and waits for it. Called when no task is left.
    pub(crate) fn stop(&self) {
        self.handle.order(Order::Stop);
        if let Some(join) = self.join.lock().take() {
            join.join();
        }
    }
}

struct Slot {
    task: Box<dyn Task>,
    timer: Option<Instant>,
}

struct Loop {
    reactor: Arc<Reactor>,
    handle: Arc<ThreadHandle>,
    tasks: HashMap<u64, Slot>,
    /// `Slot::timer` of every task that has one.
    timers: BTreeSet<(Instant, u64)>,
    /// Tasks that asked for another turn, each once however often it asked: busy ones are called for other reasons, too.
    turns: BTreeSet<u64>,
    /// Those who asked before, and get theirs before anybody gets two.
    pass: BTreeSet<u64>,
    /// Empty but in `run_timers`.
    due: Vec<u64>,
    scratch: Vec<u8>,
    /// A task expects something soon; and whether such expectations are met.
    expecting: bool,
    spin: Spin,
}

impl Loop {
    fn new(reactor: Reactor, handle: Arc<ThreadHandle>) -> Loop {
        Loop {
            reactor: Arc::new(reactor),
            handle,
            tasks: HashMap::new(),
            timers: BTreeSet::new(),
            turns: BTreeSet::new(),
            pass: BTreeSet::new(),
            due: Vec::new(),
            scratch: Vec::new(),
            expecting: false,
            spin: Spin::default(),
        }
    }

    fn run(mut self, mut waiter: Waiter) {
        let mut orders = Vec::new();
        let mut ready = Vec::new();
        loop {
            // Orders first, with those that they lead to: what was closed is closed before its
            // descriptor is looked at again. But they may come as fast as they are carried out.
            let mut caught_up = false;
            for _ in 0..ROUNDS {
                self.handle.take(&mut orders, !self.has_turns());
                if orders.is_empty() {
                    caught_up = true;
                    break;
                }
                let now = Instant::now();
                for order in orders.drain(..) {
                    match order {
                        Order::Stop => return,
                        order => self.obey(order, now),
                    }
                }
            }
            let now = Instant::now();
            let timeout = if caught_up && !self.has_turns() {
                self.next_timer().map(|at| at.saturating_duration_since(now))
            } else {
                Some(Duration::ZERO)
            };
            self.give_turns(now);
            let expecting = std::mem::take(&mut self.expecting) && timeout != Some(Duration::ZERO);
            let at_once = Some(Duration::ZERO);
            let looked =
                expecting && self.spin.ask(|| waiter.wait(at_once, &mut ready).unwrap_or(true));
            if !looked && waiter.wait(timeout, &mut ready).is_err() {
                // Only a descriptor that the application closed under us gets here; do not spin.
                std::thread::sleep(Duration::from_millis(1));
            }
            self.handle.awake();
            let now = Instant::now();
            for (token, ready) in ready.drain(..) {
                for key in keys_of(token) {
                    self.call(key, now, |task, io| task.ready(io, ready));
                }
            }
            self.run_timers(now);
        }
    }

    fn obey(&mut self, order: Order<Box<dyn Task>>, now: Instant) {
        match order {
            Order::Add(key, task) => {
                self.tasks.insert(key, Slot { task, timer: None });
                self.call(key, now, |task, io| task.start(io));
            }
            Order::Pipe(key, event) => self.call(key, now, |task, io| task.pipe_event(io, event)),
            Order::Wake(key) => self.call(key, now, |task, io| task.wake(io)),
            Order::Close(key, linger) => self.call(key, now, |task, io| task.close(io, linger)),
            Order::CloseChildren(parent, linger, receipt) => {
                let children =
                    self.tasks.iter().filter(|(_, slot)| slot.task.parent() == Some(parent));
                let keys: Vec<_> = children.map(|(key, _)| *key).collect();
                for key in keys {
                    self.call(key, now, |task, io| task.close(io, linger));
                }
                drop(receipt);
            }
            Order::Stop => {}
        }
    }

    /// Calls a task, catches its panic, and does what it asked for.
    fn call(&mut self, key: u64, now: Instant, f: impl FnOnce(&mut dyn Task, &mut Io<'_>)) {
        // A task locks what it shares with the application's threads.
        let _hold = hold();
        let Some(slot) = self.tasks.get_mut(&key) else { return };
        let mut io = Io {
            reactor: &self.reactor,
            key,
            now,
            scratch: &mut self.scratch,
            thread: &self.handle,
            timer: None,
            finished: false,
            has_turn: self.turns.contains(&key) || self.pass.contains(&key),
            again: false,
            expecting: false,
        };
        let task = slot.task.as_mut();
        let result = catch_unwind(AssertUnwindSafe(|| f(task, &mut io)));
        if result.is_err() {
            // A defect of ours costs this connection, not the process.
            let _ = catch_unwind(AssertUnwindSafe(|| slot.task.broken()));
            io.finished = true;
        }
        let Io { timer, finished, again, expecting, .. } = io;
        self.expecting |= expecting;
        let set = timer.unwrap_or(slot.timer).filter(|_| !finished);
        if set != slot.timer {
            // A task that hears of its peer all the time moves its timer all the time.
            if let Some(at) = slot.timer {
                self.timers.remove(&(at, key));
            }
            self.timers.extend(set.map(|at| (at, key)));
            slot.timer = set;
        }
        if finished {
            let slot = self.tasks.remove(&key);
            self.handle.finished();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(slot)));
            return;
        }
        if again {
            self.turns.insert(key);
        }
    }

    fn has_turns(&self) -> bool {
        !self.turns.is_empty() || !self.pass.is_empty()
    }

    /// Gives those who asked another turn, in slices: however many are busy, what is new waits for few of them.
    fn give_turns(&mut self, now: Instant) {
        if self.pass.is_empty() {
            std::mem::swap(&mut self.turns, &mut self.pass);
        }
        while let Some(key) = self.pass.pop_first() {
            self.call(key, now, |task, io| task.wake(io));
            if now.elapsed() >= SLICE {
                break;
            }
        }
    }

    fn next_timer(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Calls the tasks whose time has come. One that asks for another call at once waits until the others, and the
    /// orders, have had their turn.
    fn run_timers(&mut self, now: Instant) {
        let mut due = std::mem::take(&mut self.due);
        while self.next_timer().is_some_and(|at| at <= now) {
            if let Some((_, key)) = self.timers.pop_first()
                && let Some(slot) = self.tasks.get_mut(&key)
            {
                slot.timer = None;
                due.push(key);
            }
        }
        for key in due.drain(..) {
            self.call(key, now, |task, io| task.timer(io));
        }
        self.due = due;
    }
}

#[cfg(test)]
#[path = "io_thread_test.rs"]
mod io_thread_test;
