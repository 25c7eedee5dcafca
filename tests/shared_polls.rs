//! Threads that wait in zmq_poll, or at pollers, for one and the same socket: what one of them takes in
//! is news for the others, and none sleeps through it. STRESS_ROUNDS sets how often.

mod stress;

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use stress::*;
use zmq::ffi::*;

const POLLIN: i16 = ZMQ_POLLIN as i16;
const POLLOUT: i16 = ZMQ_POLLOUT as i16;

/// The three ways in which a thread may wait for a message.
fn wait_for_input(socket: Socket, way: u32) -> Answer {
    match way % 3 {
        0 => socket.poll(POLLIN, -1),
        1 => socket.poller_wait(POLLIN, -1),
        // Sleeps in the receive below.
        _ => Ok(1),
    }
}

/// Takes messages until the socket is closed; how many there were.
fn take_until_closed(socket: Socket, way: u32, taken: &AtomicU32) {
    loop {
        let flags = if way % 3 == 2 { 0 } else { ZMQ_DONTWAIT };
        match wait_for_input(socket, way).and_then(|_| socket.recv(flags).map(|_| 1)) {
            Ok(_) => drop(taken.fetch_add(1, Ordering::Relaxed)),
            // Another thread was faster.
            Err(libc::EAGAIN) => {}
            Err(libc::ENOTSOCK) => return,
            Err(errno) => panic!("errno {errno}"),
        }
    }
}

#[test]
fn each_message_is_taken_however_threads_wait_for_it() {
    const MESSAGES: u32 = 3000;
    within(240, || {
        for transport in ["inproc", "tcp", "ipc"] {
            for ways in [[0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 2, 0]] {
                let context = Context::new();
                let (pull, push) = context.pair(transport, (ZMQ_PULL, ZMQ_PUSH));
                let taken = AtomicU32::new(0);
                thread::scope(|scope| {
                    for way in ways {
                        let taken = &taken;
                        scope.spawn(move || take_until_closed(pull, way, taken));
                    }
                    for number in 0..MESSAGES {
                        push.send(&number.to_ne_bytes(), 0).unwrap();
                        if number % 37 == 0 {
                            a_moment(number, Duration::from_micros(400));
                        }
                    }
                    while taken.load(Ordering::Relaxed) < MESSAGES {
                        thread::sleep(Duration::from_millis(1));
                    }
                    // Those that sleep now are told of the end.
                    thread::sleep(Duration::from_millis(5));
                    pull.close().unwrap();
                });
                assert_eq!(taken.load(Ordering::Relaxed), MESSAGES);
                push.close().unwrap();
                context.term().unwrap();
            }
        }
    });
}

/// One thread waits for room and one for messages; either may take in what the other waits for.
#[test]
fn input_and_room_are_waited_for_by_different_threads() {
    within(240, || {
        for round in 0..rounds(6) {
            let context = Context::new();
            let (a, b) = (context.socket(ZMQ_DEALER), context.socket(ZMQ_DEALER));
            for socket in [a, b] {
                for (option, value) in [(ZMQ_SNDHWM, 2), (ZMQ_RCVHWM, 2), (ZMQ_LINGER, 0)] {
                    socket.set(option, value).unwrap();
                }
            }
            let endpoint = a.bind_any(["inproc", "tcp", "ipc"][round as usize % 3]);
            b.connect(&endpoint).unwrap();
            thread::scope(|scope| {
                for socket in [a, b] {
                    scope.spawn(move || {
                        for _ in 0..500 {
                            while socket.send(b"body", ZMQ_DONTWAIT).is_err() {
                                socket.poll(POLLOUT, -1).unwrap();
                            }
                        }
                    });
                    scope.spawn(move || {
                        for _ in 0..500 {
                            while socket.recv(ZMQ_DONTWAIT).is_err() {
                                socket.poll(POLLIN, -1).unwrap();
                            }
                        }
                    });
                }
            });
            a.close().unwrap();
            b.close().unwrap();
            context.term().unwrap();
        }
    });
}

#[test]
fn who_polls_learns_that_another_thread_closed_the_socket() {
    within(60, || {
        for round in 0..rounds(40) {
            let context = Context::new();
            let socket = context.socket(ZMQ_PULL);
            socket.bind_any(if round % 2 == 0 { "inproc" } else { "tcp" });
            thread::scope(|scope| {
                for way in 0..3 {
                    scope.spawn(move || {
                        let found =
                            wait_for_input(socket, way).and_then(|_| socket.recv(0).map(|_| 1));
                        assert_eq!(found, Err(libc::ENOTSOCK));
                    });
                }
                a_moment(round, Duration::from_millis(4));
                socket.close().unwrap();
            });
            context.term().unwrap();
        }
    });
}
