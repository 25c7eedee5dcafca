//! Turns and timers of tasks, without a thread: the test makes the calls that the loop would make.

use std::cell::RefCell;

use super::*;
use crate::runtime::reactor::Ready;

/// What was done: the key of the task, and the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Done {
    Ready { has_turn: bool },
    Turn,
    Timer,
}

thread_local! {
    static LOG: RefCell<Vec<(u64, Done)>> = const { RefCell::new(Vec::new()) };
}

fn log(io: &Io<'_>, done: Done) {
    LOG.with_borrow_mut(|log| log.push((io.key, done)));
}

fn logged() -> Vec<(u64, Done)> {
    LOG.take()
}

/// A task that is never done.
#[derive(Clone, Copy, Default)]
struct Busy {
    /// How long a turn takes.
    turn: Duration,
    /// Asks for another turn in each turn.
    insatiable: bool,
    /// Whenever it is ready its timer moves to so much later.
    patience: Option<Duration>,
}

impl Task for Busy {
    fn start(&mut self, _io: &mut Io<'_>) {}

    fn ready(&mut self, io: &mut Io<'_>, _ready: Ready) {
        log(io, Done::Ready { has_turn: io.has_turn });
        io.again();
        if let Some(patience) = self.patience {
            io.set_timer(Some(io.now + patience));
        }
    }

    fn timer(&mut self, io: &mut Io<'_>) {
        log(io, Done::Timer);
    }

    fn wake(&mut self, io: &mut Io<'_>) {
        log(io, Done::Turn);
        std::thread::sleep(self.turn);
        if self.insatiable {
            io.again();
        }
    }

    fn close(&mut self, io: &mut Io<'_>, _linger: Option<Duration>) {
        io.finish();
    }
}

/// A loop with so many such tasks, whose keys are 0, 1 and so on.
fn with(tasks: u64, task: Busy) -> Loop {
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

fn ready(state: &mut Loop, key: u64, now: Instant) {
    state.call(key, now, |task, io| task.ready(io, Ready::default()));
}

#[test]
fn who_asks_many_times_gets_one_turn() {
    let mut state = with(2, Busy::default());
    for key in [0, 0, 1, 0, 1, 0] {
        ready(&mut state, key, Instant::now());
    }
    let has_turn = |has_turn| Done::Ready { has_turn };
    let told = [(0, false), (0, true), (1, false), (0, true), (1, true), (0, true)];
    assert_eq!(logged(), told.map(|(key, told)| (key, has_turn(told))));
    while state.has_turns() {
        state.give_turns(Instant::now());
    }
    assert_eq!(logged(), [(0, Done::Turn), (1, Done::Turn)]);
}

#[test]
fn nobody_gets_a_second_turn_before_everybody_had_one() {
    let mut state = with(3, Busy { insatiable: true, ..Busy::default() });
    for key in [2, 0, 1] {
        ready(&mut state, key, Instant::now());
    }
    logged();
    for _ in 0..100 {
        // They are ready all the time as well.
        ready(&mut state, 1, Instant::now());
        state.give_turns(Instant::now());
    }
    let log = logged();
    let turns = log.iter().filter(|(_, done)| *done == Done::Turn).map(|(key, _)| *key);
    assert!(turns.clone().count() >= 100);
    assert!(turns.eq([0, 1, 2].into_iter().cycle().take(log.len() - 100)), "{log:?}");
}

#[test]
fn what_is_new_waits_for_one_turn_of_the_busy_ones_and_not_for_all() {
    let mut state = with(5, Busy { turn: 2 * SLICE, insatiable: true, ..Busy::default() });
    for key in 0..5 {
        ready(&mut state, key, Instant::now());
    }
    logged();
    for key in [0, 1, 2, 3, 4, 0] {
        state.give_turns(Instant::now());
        assert_eq!(logged(), [(key, Done::Turn)]);
    }
}

#[test]
fn a_timer_that_moves_all_the_time_is_one_timer() {
    let patience = Duration::from_secs(1000);
    let mut state = with(2, Busy { patience: Some(patience), ..Busy::default() });
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
    let mut state = with(1, Busy { patience: Some(Duration::from_secs(1)), ..Busy::default() });
    ready(&mut state, 0, Instant::now());
    assert_eq!(state.timers.len(), 1);
    state.obey(Order::Close(0, None), Instant::now());
    assert_eq!((state.timers.len(), state.tasks.len()), (0, 0));
}
