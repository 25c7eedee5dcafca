//! Timers of tasks, without a thread: the test makes the calls that the loop would make.

use std::cell::RefCell;

use super::*;
use crate::runtime::reactor::Ready;

/// What was done: the key of the task, and the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Done {
    Ready,
    Turn,
    Timer,
}

thread_local! {
    static LOG: RefCell<Vec<(u32, Done)>> = const { RefCell::new(Vec::new()) };
}

fn log(io: &Io<'_>, done: Done) {
    LOG.with_borrow_mut(|log| log.push((io.key, done)));
}

fn logged() -> Vec<(u32, Done)> {
    LOG.take()
}

/// A task that is never done.
#[derive(Clone, Copy)]
struct Busy {
    /// Whenever it is ready its timer moves to so much later.
    patience: Option<Duration>,
}

impl Task for Busy {
    fn start(&mut self, _io: &mut Io<'_>) {}

    fn ready(&mut self, io: &mut Io<'_>, _ready: Ready) {
        log(io, Done::Ready);
        if let Some(patience) = self.patience {
            io.set_timer(Some(io.now + patience));
        }
    }

    fn timer(&mut self, io: &mut Io<'_>) {
        log(io, Done::Timer);
    }

    fn wake(&mut self, io: &mut Io<'_>) {
        log(io, Done::Turn);
    }

    fn close(&mut self, io: &mut Io<'_>, _linger: Option<Duration>) {
        io.finish();
    }
}

/// A loop with so many such tasks, whose keys are 0, 1 and so on.
fn with(tasks: u32, task: Busy) -> Loop {
    let (reactor, _waiter, waker) = reactor().unwrap();
    let mut state = Loop::new(reactor, Arc::new(Handle::new(waker)));
    for key in 0..tasks {
        state.handle.add(key, Box::new(task));
    }
    let mut orders = Vec::new();
    state.handle.take(&mut orders, false);
    for order in orders {
        state.obey(order, Instant::now());
    }
    state
}

fn ready(state: &mut Loop, key: u32, now: Instant) {
    state.call(key, now, |task, io| task.ready(io, Ready::default()));
}

#[test]
fn a_timer_that_moves_all_the_time_is_one_timer() {
    let patience = Duration::from_secs(1000);
    let mut state = with(2, Busy { patience: Some(patience) });
    let start = Instant::now();
    ready(&mut state, 1, start);
    for ms in 0..1000 {
        ready(&mut state, 0, start + Duration::from_millis(ms));
        assert_eq!(state.timers.len(), 2);
    }
    assert_eq!(state.next_timer(), Some(start + patience));
    logged();
    state.run_timers(start + patience + Duration::from_millis(998));
    assert_eq!(logged(), [(1, Done::Timer)]);
    state.run_timers(start + patience + Duration::from_millis(999));
    assert_eq!(logged(), [(0, Done::Timer)]);
    assert_eq!(state.next_timer(), None);
}

#[test]
fn a_task_that_ends_leaves_no_timer() {
    let mut state = with(1, Busy { patience: Some(Duration::from_secs(1)) });
    ready(&mut state, 0, Instant::now());
    assert_eq!(state.timers.len(), 1);
    state.obey(Order::Close(0, None), Instant::now());
    assert_eq!((state.timers.len(), state.tasks.len()), (0, 0));
}
