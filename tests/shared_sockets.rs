//! Sockets that several threads use at once or one after the other, without a fence between them:
//! every call does its work or says why not, and nothing hangs. STRESS_ROUNDS sets how often.

mod stress;

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use stress::*;
use zmq::ffi::*;

const KINDS: &[(c_int, c_int)] = &[
    (ZMQ_PAIR, ZMQ_PAIR),
    (ZMQ_PULL, ZMQ_PUSH),
    (ZMQ_PUB, ZMQ_SUB),
    (ZMQ_XPUB, ZMQ_XSUB),
    (ZMQ_REP, ZMQ_REQ),
    (ZMQ_ROUTER, ZMQ_DEALER),
    (ZMQ_SERVER, ZMQ_CLIENT),
    (ZMQ_GATHER, ZMQ_SCATTER),
    (ZMQ_DEALER, ZMQ_DEALER),
];

/// What a call on a socket that is in use elsewhere, or closed meanwhile, may fail with.
const EXPECTED: &[c_int] = &[
    libc::EAGAIN,
    libc::EINVAL,
    libc::ENOTSUP,
    libc::EHOSTUNREACH,
    libc::ENOENT,
    libc::EADDRINUSE,
    libc::ENOTSOCK,
    EFSM,
    ETERM,
];

#[track_caller]
fn may_fail<T>(answer: Result<T, c_int>) -> bool {
    match answer {
        Ok(_) => true,
        Err(errno) => {
            assert!(EXPECTED.contains(&errno), "errno {errno}");
            errno != libc::ENOTSOCK
        }
    }
}

/// One thread's doings until the socket is gone.
fn use_it(socket: Socket, what: u32, over: &AtomicBool) {
    let (mut turn, large) = (0u32, vec![7u8; 3000]);
    while !over.load(Ordering::Relaxed) {
        turn += 1;
        let more = if turn.is_multiple_of(3) { ZMQ_SNDMORE } else { 0 };
        let body = if turn.is_multiple_of(7) { &large[..] } else { b"body" };
        let alive = match what {
            0 => may_fail(socket.send(body, ZMQ_DONTWAIT | more)),
            1 => may_fail(socket.send(body, more)),
            2 => may_fail(socket.recv(0)),
            3 => may_fail(socket.recv(ZMQ_DONTWAIT)),
            4 => may_fail(socket.poll(ZMQ_POLLIN as i16 | ZMQ_POLLOUT as i16, 3)),
            5 => may_fail(socket.poller_wait(ZMQ_POLLIN as i16, 3)),
            6 => {
                may_fail(socket.set(ZMQ_SNDHWM, (turn % 5) as c_int))
                    && may_fail(socket.get(ZMQ_EVENTS))
                    && may_fail(socket.get(ZMQ_RCVMORE))
            }
            _ => {
                let name = format!("inproc://more-{:x}", socket.0 as usize);
                may_fail(socket.bind(&name)) && may_fail(socket.connect(&name))
            }
        };
        if !alive {
            return;
        }
    }
}

fn shared(transport: &'static str) {
    for round in 0..rounds(4) {
        for &kinds in KINDS {
            let context = Context::new();
            let (a, b) = context.pair(transport, kinds);
            for socket in [a, b] {
                socket.set(ZMQ_SNDTIMEO, 5).unwrap();
                socket.set(ZMQ_RCVTIMEO, 5).unwrap();
            }
            let over = AtomicBool::new(false);
            thread::scope(|scope| {
                for socket in [a, b] {
                    for what in 0..8 {
                        let over = &over;
                        scope.spawn(move || use_it(socket, what, over));
                    }
                }
                a_moment(round, Duration::from_millis(40));
                a.close().unwrap();
                a_moment(round * 3, Duration::from_millis(5));
                b.close().unwrap();
                over.store(true, Ordering::Relaxed);
            });
            context.term().unwrap();
        }
    }
}

#[test]
fn threads_share_sockets_over_inproc_and_close_them_under_each_other() {
    within(300, || shared("inproc"));
}

#[test]
fn threads_share_sockets_over_tcp_and_close_them_under_each_other() {
    within(300, || shared("tcp"));
}

#[test]
fn threads_share_sockets_over_ipc_and_close_them_under_each_other() {
    within(300, || shared("ipc"));
}

/// Several threads sleep in `recv` on one socket while several send to it.
fn many_receivers(transport: &'static str, kinds: (c_int, c_int)) {
    const EACH: u32 = 2000;
    let context = Context::new();
    let (pull, push) = context.pair(transport, kinds);
    push.set(ZMQ_LINGER, -1).unwrap();
    let received = Arc::new(Mutex::new(Vec::new()));
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            let received = received.clone();
            thread::spawn(move || {
                while let Ok(body) = pull.recv(0) {
                    let body: [u8; 4] = body.try_into().unwrap();
                    received.lock().unwrap().push(u32::from_ne_bytes(body));
                }
            })
        })
        .collect();
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            thread::spawn(move || {
                for number in 0..EACH {
                    push.send(&(sender * EACH + number).to_ne_bytes(), 0).unwrap();
                    if number.is_multiple_of(500) {
                        thread::sleep(Duration::from_millis(2));
                    }
                }
            })
        })
        .collect();
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    while received.lock().unwrap().len() < 4 * EACH as usize {
        thread::sleep(Duration::from_millis(1));
    }
    // Four threads that wait on one socket cost nothing while they wait.
    thread::sleep(Duration::from_millis(50));
    let before = processor_time();
    thread::sleep(Duration::from_millis(200));
    let spent = processor_time() - before;
    let busy = (pull, spent > Duration::from_millis(60));
    busy.0.close().unwrap();
    receivers.into_iter().for_each(|receiver| receiver.join().unwrap());
    push.close().unwrap();
    context.term().unwrap();
    let mut all = std::mem::take(&mut *received.lock().unwrap());
    all.sort_unstable();
    assert!(all.into_iter().eq(0..4 * EACH), "each message once");
    assert!(!busy.1, "{spent:?} of work in 200 ms of rest");
}

#[test]
fn each_message_reaches_one_of_the_threads_that_wait_for_it() {
    // One test, so that nothing else runs while the processor time is measured.
    if std::env::var_os("STRESS_ALONE").is_none() {
        let me = std::env::current_exe().unwrap();
        let name = "each_message_reaches_one_of_the_threads_that_wait_for_it";
        let mut alone = std::process::Command::new(me);
        alone.args(["--exact", name, "--nocapture"]).env("STRESS_ALONE", "1");
        let done = alone.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        return;
    }
    within(120, || {
        for transport in ["inproc", "tcp"] {
            many_receivers(transport, (ZMQ_PULL, ZMQ_PUSH));
            many_receivers(transport, (ZMQ_GATHER, ZMQ_SCATTER));
        }
    });
}

#[test]
fn threads_that_wait_for_room_in_one_socket_all_get_it() {
    within(120, || {
        for round in 0..rounds(40) {
            let context = Context::new();
            let (pull, push) = (context.socket(ZMQ_PULL), context.socket(ZMQ_PUSH));
            pull.set(ZMQ_RCVHWM, 1).unwrap();
            push.set(ZMQ_SNDHWM, 1).unwrap();
            let endpoint = pull.bind_any(if round % 2 == 0 { "inproc" } else { "tcp" });
            push.connect(&endpoint).unwrap();
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(move || {
                        for _ in 0..50 {
                            push.send(b"x", 0).unwrap();
                        }
                    });
                }
                for _ in 0..200 {
                    pull.recv(0).unwrap();
                }
            });
            pull.close().unwrap();
            push.close().unwrap();
            context.term().unwrap();
        }
    });
}

#[test]
fn a_socket_that_moves_between_threads_keeps_its_order() {
    within(120, || {
        for transport in ["inproc", "ipc", "tcp"] {
            for _ in 0..rounds(5) {
                let context = Context::new();
                let (a, b) = context.pair(transport, (ZMQ_PAIR, ZMQ_PAIR));
                // Only a relaxed counter says whose turn it is.
                let (sent, taken) = (AtomicU32::new(0), AtomicU32::new(0));
                thread::scope(|scope| {
                    for me in 0..3 {
                        let (sent, taken) = (&sent, &taken);
                        scope.spawn(move || {
                            in_turn(me, sent, |number| {
                                a.send(&number.to_ne_bytes(), 0).unwrap();
                            });
                        });
                        scope.spawn(move || {
                            in_turn(me, taken, |number| {
                                assert_eq!(b.recv(0).unwrap(), number.to_ne_bytes());
                            });
                        });
                    }
                });
                a.close().unwrap();
                b.close().unwrap();
                context.term().unwrap();
            }
        }
    });
}

fn in_turn(me: u32, counter: &AtomicU32, mut step: impl FnMut(u32)) {
    loop {
        let number = counter.load(Ordering::Relaxed);
        if number >= 600 {
            return;
        }
        if number % 3 == me {
            step(number);
            counter.store(number + 1, Ordering::Relaxed);
        } else {
            thread::yield_now();
        }
    }
}
