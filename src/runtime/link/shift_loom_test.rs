//! The shifts of a crowd under loom: whatever comes is read by the application that waits or, when that does something
//! else, by the I/O thread; the watchdog ticks when it must and parks when it may. A thread that would sleep for ever
//! is a deadlock, and loom says so. Run by `make check-loom`.

use std::collections::VecDeque;
use std::sync::Arc;

use loom::sync::{Condvar, Mutex, MutexGuard};
use loom::thread;

use super::*;

/// What the threads see of each other besides the shift.
#[derive(Default)]
struct State {
    /// What members have not read; and what the I/O thread has read for them.
    unread: VecDeque<u8>,
    read: VecDeque<u8>,
    /// The crowd's epoll is watched by the reactor, which has an edge that it has not reported.
    told: bool,
    edge: bool,
    /// The bell is rung, and it is in the crowd's epoll.
    rung: bool,
    heard: bool,
    /// The application sleeps on its own descriptor and does not say so.
    outside: bool,
    /// Somebody woke the task.
    woken: bool,
    over: bool,
}

#[derive(Default)]
struct World {
    state: Mutex<State>,
    changed: Condvar,
}

impl World {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn until(&self, ready: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap();
        while !ready(&state) {
            state = self.changed.wait(state).unwrap();
        }
        state
    }

    fn arrive(&self, byte: u8) {
        self.change(|state| {
            state.unread.push_back(byte);
            state.edge = true;
        });
    }
}

impl Gate for Arc<World> {
    fn tell_thread(&self, tell: bool) -> bool {
        self.change(|state| {
            state.told = tell;
            // What is there already is reported once more.
            state.edge |= tell && !state.unread.is_empty();
        });
        true
    }

    fn wake_application(&self, tell: bool) -> bool {
        self.change(|state| state.heard = tell);
        true
    }

    fn may_sleep_unseen(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.outside && state.unread.is_empty()
    }

    fn wake_thread(&self) {
        self.change(|state| state.woken = true);
    }
}

/// A world with its I/O thread.
fn inhabited() -> (Arc<World>, Arc<Shift<Arc<World>>>, thread::JoinHandle<()>) {
    let world = Arc::new(World::default());
    world.change(|state| state.told = true);
    let shift = Arc::new(Shift::new(world.clone()));
    let (shared, there) = (shift.clone(), world.clone());
    let io = thread::spawn(move || {
        let (mut now, mut watch, mut due) = (Instant::now(), Watch::default(), false);
        loop {
            let mut state =
                there.until(|state| state.woken || state.told && state.edge || state.over || due);
            if state.over {
                break;
            }
            state.woken = false;
            state.edge &= !state.told;
            drop(state);
            now += TICK;
            if !shared.is_taken() {
                there.change(|state| {
                    let unread = std::mem::take(&mut state.unread);
                    // Who publishes tells a reader that sleeps.
                    state.rung |= !unread.is_empty();
                    state.read.extend(unread);
                });
            }
            due = shared.tick(now, &mut watch).is_some();
            if due {
                thread::yield_now();
            }
        }
    });
    (world, shift, io)
}

/// As `Socket::block`: the next byte, by whichever way it comes.
fn receive(world: &World, shift: &Shift<Arc<World>>) -> u8 {
    loop {
        if let Some(byte) = world.state.lock().unwrap().read.pop_front() {
            return byte;
        }
        let direct = shift.begin();
        let mut state = world.until(|state| {
            let rung = state.rung && (state.heard || !direct);
            rung || direct && !state.unread.is_empty()
        });
        state.rung = false;
        drop(state);
        if direct {
            shift.end();
            if shift.is_taken() {
                // What the I/O thread has read is older.
                let state = &mut *world.state.lock().unwrap();
                if state.read.is_empty()
                    && let Some(byte) = state.unread.pop_front()
                {
                    return byte;
                }
            }
        }
    }
}

/// As an application with a loop of its own: it looks, and sleeps on its descriptor without saying so.
fn receive_in_loop(world: &World, shift: &Shift<Arc<World>>) -> u8 {
    loop {
        let looks = shift.visit();
        let mut state = world.state.lock().unwrap();
        // What it is told of now it takes in now.
        state.rung = false;
        if let Some(byte) = state.read.pop_front() {
            return byte;
        }
        if looks && let Some(byte) = state.unread.pop_front() {
            return byte;
        }
        drop(state);
        drop(world.until(|state| state.rung || state.heard && !state.unread.is_empty()));
    }
}

fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 20_000;
    builder.check(test);
}

#[test]
fn loom_what_members_have_is_received_by_a_thread_that_waits_for_it() {
    model(|| {
        let (world, shift, io) = inhabited();
        let peer = world.clone();
        let peer = thread::spawn(move || {
            peer.arrive(1);
            peer.arrive(2);
        });
        assert_eq!([receive(&world, &shift), receive(&world, &shift)], [1, 2]);
        peer.join().unwrap();
        world.change(|state| state.over = true);
        io.join().unwrap();
    });
}

#[test]
fn loom_the_watchdog_hands_a_crowd_over_that_is_left_alone() {
    model(|| {
        let (world, shift, io) = inhabited();
        world.arrive(1);
        assert_eq!(receive(&world, &shift), 1);
        world.arrive(2);
        // It does something else until the I/O thread has read.
        drop(world.until(|state| state.unread.is_empty()));
        assert_eq!(receive(&world, &shift), 2);
        world.change(|state| state.over = true);
        io.join().unwrap();
    });
}

#[test]
fn loom_a_watchdog_that_parks_just_as_the_wait_for_a_crowd_ends_is_woken() {
    model(|| {
        let (world, shift, io) = inhabited();
        world.arrive(1);
        assert_eq!(receive(&world, &shift), 1);
        let peer = world.clone();
        let peer = thread::spawn(move || peer.arrive(2));
        assert_eq!(receive(&world, &shift), 2);
        peer.join().unwrap();
        world.arrive(3);
        drop(world.until(|state| state.unread.is_empty()));
        world.change(|state| state.over = true);
        io.join().unwrap();
    });
}

#[test]
fn loom_whoever_gives_a_crowd_back_leaves_nobody_asleep() {
    model(|| {
        let (world, shift, io) = inhabited();
        let other = shift.clone();
        let other = thread::spawn(move || {
            other.give_back();
            other.finish();
        });
        let peer = world.clone();
        let peer = thread::spawn(move || peer.arrive(1));
        assert_eq!(receive(&world, &shift), 1);
        other.join().unwrap();
        peer.join().unwrap();
        assert!(!shift.begin() && !shift.is_taken());
        world.change(|state| state.over = true);
        io.join().unwrap();
    });
}

#[test]
fn loom_an_application_that_sleeps_on_its_own_descriptor_hears_of_everything() {
    model(|| {
        let (world, shift, io) = inhabited();
        world.change(|state| state.outside = true);
        let peer = world.clone();
        let peer = thread::spawn(move || {
            peer.arrive(1);
            peer.arrive(2);
        });
        for byte in 1..=2 {
            assert_eq!(receive_in_loop(&world, &shift), byte);
        }
        peer.join().unwrap();
        world.change(|state| state.over = true);
        io.join().unwrap();
    });
}

#[test]
fn loom_what_comes_while_an_application_with_a_loop_computes_is_received() {
    model(|| {
        let (world, shift, io) = inhabited();
        world.change(|state| state.outside = true);
        world.arrive(1);
        assert_eq!(receive_in_loop(&world, &shift), 1);
        world.arrive(2);
        drop(world.until(|state| state.unread.is_empty()));
        assert_eq!(receive_in_loop(&world, &shift), 2);
        world.change(|state| state.over = true);
        io.join().unwrap();
    });
}

#[test]
fn loom_an_application_with_a_loop_may_give_a_crowd_back_at_any_time() {
    model(|| {
        let (world, shift, io) = inhabited();
        world.change(|state| state.outside = true);
        let peer = world.clone();
        let peer = thread::spawn(move || peer.arrive(1));
        let looked = shift.visit();
        shift.give_back();
        assert!(looked);
        assert_eq!(receive_in_loop(&world, &shift), 1);
        peer.join().unwrap();
        shift.finish();
        assert!(!shift.visit() && !shift.is_taken());
        world.change(|state| state.over = true);
        io.join().unwrap();
    });
}
