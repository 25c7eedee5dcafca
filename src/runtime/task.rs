//! What runs on an I/O thread, and what the thread offers to it. Implemented by `session`, `listener`,
//! `datagrams`, `multicast` and `link::crowd`; called by `io_thread`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::orders::Handle;
use super::reactor::{Reactor, Ready};
use crate::pipe::PipeEvent;

/// An I/O thread, as its tasks and other threads see it.
pub(super) type ThreadHandle = Handle<Box<dyn Task>>;

/// A session or a listener. All calls come from the one thread it lives on and must not block.
pub(super) trait Task: Send {
    /// The task has just been put on its thread.
    fn start(&mut self, io: &mut Io<'_>);
    /// The registered descriptor became ready. Edge triggered: go on until it would block.
    fn ready(&mut self, io: &mut Io<'_>, ready: Ready);
    /// The time given to `set_timer` has come.
    fn timer(&mut self, io: &mut Io<'_>);
    /// Something happened to the task's pipe.
    fn pipe_event(&mut self, _io: &mut Io<'_>, _event: PipeEvent) {}
    /// Somebody called the task's waker, or the task asked for another turn.
    fn wake(&mut self, _io: &mut Io<'_>) {}
    /// The socket is done with the task: finish what is to be sent within `linger` (`None`: for
    /// as long as it takes), then `finish`.
    fn close(&mut self, io: &mut Io<'_>, linger: Option<Duration>);
    /// The task that it ends with: a listener, for what it accepted.
    fn parent(&self) -> Option<u64> {
        None
    }
    /// The task panicked. It is dropped next.
    fn broken(&mut self) {}
}

/// The thread, as a task sees it during a call.
pub(super) struct Io<'a> {
    pub(super) reactor: &'a Arc<Reactor>,
    pub(super) key: u64,
    pub(super) now: Instant,
    /// Room for bytes that pass through a transformation.
    pub(super) scratch: &'a mut Vec<u8>,
    pub(super) thread: &'a Arc<ThreadHandle>,
    pub(super) timer: Option<Option<Instant>>,
    pub(super) finished: bool,
    /// A turn that was asked for before comes when this call and others are done: what is much work may wait for it.
    pub(super) has_turn: bool,
    pub(super) again: bool,
    pub(super) expecting: bool,
}

impl Io<'_> {
    /// Calls `Task::timer` at this time, and not at any time set before.
    pub(super) fn set_timer(&mut self, at: Option<Instant>) {
        self.timer = Some(at);
    }

    /// Drops the task after this call.
    pub(super) fn finish(&mut self) {
        self.finished = true;
    }

    /// Calls `Task::wake` after the other tasks had their turn.
    pub(super) fn again(&mut self) {
        self.again = true;
    }

    /// Says that the descriptor will probably be ready within microseconds: not worth a sleep.
    pub(super) fn stay_awake(&mut self) {
        self.expecting = true;
    }

    /// A function that calls `Task::wake`, from any thread.
    pub(super) fn waker(&self) -> Box<dyn Fn() + Send> {
        let (thread, key) = (self.thread.clone(), self.key);
        Box::new(move || thread.wake_task(key))
    }
}
