//! The takeover under loom: whoever owns the reading side, whatever comes is received, the watchdog
//! ticks when it must and parks when it may, and all that is written leaves in its order. A thread
//! that would sleep for ever is a deadlock, and loom says so. Run by `make check-loom`.

use loom::thread;

use super::world::{Hall, Model, Socket, World, io_thread, joined};
use super::*;
use crate::pipe::Direct;

fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 20_000;
    builder.check(test);
}

/// What an application does with a socket of this mark while an I/O thread looks after the link.
fn beside_an_io_thread(
    mark: i32,
    story: impl Fn(&Arc<World>, &mut Socket) + Sync + Send + 'static,
) {
    model(move || {
        let world = World::new();
        let (link, mut socket) = joined(&world, mark);
        let io = io_thread(world.clone(), link);
        story(&world, &mut socket);
        world.stop();
        io.join().unwrap();
    });
}

/// High enough to be never reached here, and low enough to be exact.
const ENOUGH: i32 = 50;

#[test]
fn loom_what_comes_is_received_by_a_thread_that_waits_for_it() {
    beside_an_io_thread(ENOUGH, |world, socket| {
        let peer = world.clone();
        let peer = thread::spawn(move || {
            peer.arrive(&[1]);
            peer.arrive(&[2]);
        });
        assert_eq!([socket.recv(), socket.recv()], [Some(1), Some(2)]);
        peer.join().unwrap();
    });
}

#[test]
fn loom_the_watchdog_takes_back_what_an_application_that_computes_leaves_alone() {
    beside_an_io_thread(ENOUGH, |world, socket| {
        world.arrive(&[1]);
        assert_eq!(socket.recv(), Some(1));
        world.arrive(&[2]);
        // It does something else until the I/O thread has read.
        drop(world.until(|state| state.unread.is_empty()));
        assert_eq!(socket.recv(), Some(2));
    });
}

#[test]
fn loom_what_was_held_back_at_the_mark_is_not_forgotten() {
    beside_an_io_thread(1, |world, socket| {
        world.arrive(&[1]);
        assert_eq!(socket.recv(), Some(1));
        // Both are read at once, by whoever owns the reading side.
        world.arrive(&[2, 3]);
        assert_eq!(socket.recv(), Some(2));
        assert_eq!(socket.poll(), Some(3));
    });
}

#[test]
fn loom_what_was_held_back_comes_to_who_waits_for_it() {
    beside_an_io_thread(1, |world, socket| {
        world.arrive(&[1, 2, 3]);
        assert_eq!([socket.recv(), socket.recv(), socket.recv()], [Some(1), Some(2), Some(3)]);
    });
}

#[test]
fn loom_what_was_held_back_comes_though_the_watchdog_takes_the_descriptor() {
    beside_an_io_thread(1, |world, socket| {
        world.arrive(&[1, 2]);
        assert_eq!(socket.recv(), Some(1));
        // It computes until the I/O thread has the descriptor, and asks without waiting.
        drop(world.until(|state| state.watched));
        while socket.try_recv() != Some(2) {
            thread::yield_now();
        }
    });
}

#[test]
fn loom_the_end_of_the_connection_reaches_session_and_application() {
    model(|| {
        let world = World::new();
        let (link, mut socket) = joined(&world, ENOUGH);
        let io = io_thread(world.clone(), link);
        let peer = world.clone();
        let peer = thread::spawn(move || {
            peer.arrive(&[1]);
            peer.close();
        });
        assert_eq!([socket.recv(), socket.recv()], [Some(1), None]);
        peer.join().unwrap();
        io.join().unwrap();
        assert!(world.lock().lost);
    });
}

#[test]
fn loom_the_end_is_found_by_the_session_when_the_application_is_away() {
    model(|| {
        let world = World::new();
        let (link, mut socket) = joined(&world, ENOUGH);
        let io = io_thread(world.clone(), link);
        world.arrive(&[1]);
        assert_eq!(socket.recv(), Some(1));
        world.close();
        drop(world.until(|state| state.lost));
        io.join().unwrap();
    });
}

#[test]
fn loom_the_application_may_do_anything_while_the_link_ends() {
    model(|| {
        let world = World::new();
        let (link, mut socket) = joined(&world, ENOUGH);
        let session = link.clone();
        let session = thread::spawn(move || session.end().unwrap().part());
        let direct: &dyn Direct = &*link;
        let taken = direct.take_over().is_some();
        if taken {
            direct.waited();
        }
        direct.receive(&mut || {});
        socket.send(1);
        direct.give_back();
        session.join().unwrap();
        assert!(!direct.receive(&mut || {}) && !direct.send() && direct.take_over().is_none());
        assert!(link.pump(Instant::now()).is_ok_and(|pumped| !pumped.again));
        assert!(link.tick(Instant::now(), &mut Watch::default()).is_none());
    });
}

#[test]
fn loom_a_wait_does_not_outlast_the_connection() {
    model(|| {
        let world = World::new();
        let (link, _socket) = joined(&world, ENOUGH);
        let session = link.clone();
        // It goes on with the pipe: that does not tell of an end.
        let session = thread::spawn(move || {
            session.reclaim();
            session.end()
        });
        if link.take_over().is_some() {
            drop(world.until(|state| state.told));
            link.waited();
        }
        session.join().unwrap().unwrap().part();
    });
}

#[test]
fn loom_whoever_writes_everything_leaves_in_order() {
    beside_an_io_thread(ENOUGH, |world, socket| {
        for byte in [1, 2, 3] {
            socket.send(byte);
        }
        assert_eq!(world.until(|state| state.wire.len() == 3).wire, [1, 2, 3]);
    });
}

#[test]
fn loom_what_found_no_room_leaves_when_there_is_some() {
    model(|| {
        let world = World::new();
        world.lock().room = 1;
        let (link, mut socket) = joined(&world, ENOUGH);
        let io = io_thread(world.clone(), link);
        let peer = world.clone();
        let peer = thread::spawn(move || {
            drop(peer.until(|state| state.room == 0));
            peer.make_room(2);
        });
        for byte in [1, 2, 3] {
            socket.send(byte);
        }
        assert_eq!(world.until(|state| state.wire.len() == 3).wire, [1, 2, 3]);
        peer.join().unwrap();
        world.stop();
        io.join().unwrap();
    });
}

#[test]
fn loom_what_found_no_room_leaves_while_the_application_waits() {
    model(|| {
        let world = World::new();
        world.lock().room = 1;
        let (link, mut socket) = joined(&world, ENOUGH);
        let io = io_thread(world.clone(), link);
        let peer = world.clone();
        let peer = thread::spawn(move || {
            drop(peer.until(|state| state.room == 0));
            peer.make_room(1);
            drop(peer.until(|state| state.wire.len() == 2));
            peer.arrive(&[3]);
        });
        socket.send(1);
        socket.send(2);
        assert_eq!(socket.recv(), Some(3));
        peer.join().unwrap();
        world.stop();
        io.join().unwrap();
    });
}

#[test]
fn loom_questions_and_answers_pass_while_the_descriptor_changes_hands() {
    beside_an_io_thread(ENOUGH, |world, socket| {
        let peer = world.clone();
        let peer = thread::spawn(move || {
            for count in 1..=2 {
                drop(peer.until(|state| state.wire.len() == count));
                peer.arrive(&[count as u8]);
            }
        });
        socket.send(1);
        assert_eq!(socket.recv(), Some(1));
        socket.send(2);
        assert_eq!(socket.poll(), Some(2));
        peer.join().unwrap();
    });
}

#[test]
fn loom_a_watchdog_that_parks_just_as_the_wait_ends_is_woken() {
    beside_an_io_thread(ENOUGH, |world, socket| {
        // The end of the first wait starts the watchdog; the second may last until it parks.
        world.arrive(&[1]);
        assert_eq!(socket.recv(), Some(1));
        let peer = world.clone();
        let peer = thread::spawn(move || peer.arrive(&[2]));
        assert_eq!(socket.recv(), Some(2));
        world.arrive(&[3]);
        drop(world.until(|state| state.unread.is_empty()));
        peer.join().unwrap();
    });
}

/// A world whose connection is in a crowd.
fn gathered(mark: i32) -> (Arc<World>, Arc<Model>, Socket) {
    let world = World::new();
    let (link, socket) = joined(&world, mark);
    let crowd: Arc<dyn Crowd> = Arc::new(Hall(world.clone()));
    assert!(link.clone().join(&crowd, 1));
    (world, link, socket)
}

#[test]
fn loom_a_member_is_read_by_whoever_has_the_crowd() {
    model(|| {
        let (world, link, mut socket) = gathered(ENOUGH);
        let io = io_thread(world.clone(), link);
        let peer = world.clone();
        let peer = thread::spawn(move || {
            peer.arrive(&[1]);
            peer.arrive(&[2]);
        });
        assert_eq!(socket.recv_in_crowd(), Some(1));
        // It is given back, and maybe read behind the application's back.
        world.change(|state| state.taken = false);
        assert_eq!(socket.recv_in_crowd(), Some(2));
        peer.join().unwrap();
        world.stop();
        io.join().unwrap();
    });
}

#[test]
fn loom_a_member_at_its_mark_leaves_and_nothing_is_forgotten() {
    model(|| {
        let (world, link, mut socket) = gathered(1);
        let io = io_thread(world.clone(), link);
        world.arrive(&[1, 2, 3]);
        for byte in 1..=3 {
            assert_eq!(socket.recv_in_crowd(), Some(byte));
        }
        world.stop();
        io.join().unwrap();
    });
}

#[test]
fn loom_the_end_of_a_member_is_found_by_whoever_reads_it() {
    model(|| {
        let (world, link, mut socket) = gathered(ENOUGH);
        let io = io_thread(world.clone(), link);
        let peer = world.clone();
        let peer = thread::spawn(move || {
            peer.arrive(&[1]);
            peer.close();
        });
        assert_eq!([socket.recv_in_crowd(), socket.recv_in_crowd()], [Some(1), None]);
        peer.join().unwrap();
        io.join().unwrap();
        assert!(world.lock().lost && !world.lock().member);
    });
}
