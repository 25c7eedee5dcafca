//! The end of a context while threads sleep in, or are about to enter, every call that blocks: all
//! of them come back with ETERM and the context ends. STRESS_ROUNDS sets how often.

mod stress;

use std::ffi::c_int;
use std::thread;
use std::time::Duration;

use stress::*;
use zmq::ffi::*;

const POLLIN: i16 = ZMQ_POLLIN as i16;
const POLLOUT: i16 = ZMQ_POLLOUT as i16;

/// A thread that blocks in one call, and closes its sockets when the call has failed.
fn blocked(context: Context, what: usize, endpoint: &str) -> Result<(), c_int> {
    let kind = [ZMQ_PULL, ZMQ_PUSH, ZMQ_DEALER, ZMQ_DEALER, ZMQ_ROUTER, ZMQ_SERVER, ZMQ_PUSH];
    let (socket, other) = (context.try_socket(kind[what]), context.try_socket(ZMQ_DEALER));
    let answer = work(socket, other, what, endpoint);
    for socket in [socket, other] {
        if !socket.0.is_null() {
            socket.close().unwrap();
        }
    }
    answer
}

fn work(socket: Socket, other: Socket, what: usize, endpoint: &str) -> Result<(), c_int> {
    if socket.0.is_null() || other.0.is_null() {
        return Err(ETERM);
    }
    for socket in [socket, other] {
        socket.set(ZMQ_LINGER, 0)?;
        socket.set(ZMQ_SNDHWM, 2)?;
    }
    loop {
        match what {
            0 => drop(socket.recv(0)?),
            1 => drop(socket.send(b"nobody takes this", 0)?),
            2 => drop(socket.poll(POLLIN, -1)?),
            3 => drop(socket.proxy(other)?),
            4 => drop(socket.poller_wait(POLLIN, -1)?),
            5 => drop(socket.recv(0)?),
            _ => {
                // To the high water mark of a connection, and then in the middle of a message.
                socket.connect(endpoint)?;
                while socket.send(&[0; 2000], ZMQ_SNDMORE | ZMQ_DONTWAIT).is_ok() {
                    socket.send(&[0; 2000], 0)?;
                }
                socket.poll(POLLOUT, -1)?;
            }
        }
    }
}

fn ends(by_shutdown: bool) {
    for round in 0..rounds(60) {
        let context = Context::new();
        let silent = context.socket(ZMQ_PULL);
        silent.set(ZMQ_RCVHWM, 1).unwrap();
        let endpoint = silent.bind_any(if round % 2 == 0 { "tcp" } else { "inproc" });
        let workers: Vec<_> = (0..7)
            .map(|what| {
                let endpoint = endpoint.clone();
                thread::spawn(move || blocked(context, what, &endpoint))
            })
            .collect();
        a_moment(round, Duration::from_millis(20));
        if by_shutdown {
            context.shutdown().unwrap();
            silent.close().unwrap();
        } else {
            let closer = thread::spawn(move || {
                assert_eq!(
                    silent.recv(0).and_then(|_| silent.recv(0)).and_then(endless(silent)),
                    Err(ETERM)
                );
                silent.close().unwrap();
            });
            context.term().unwrap();
            closer.join().unwrap();
        }
        for worker in workers {
            assert_eq!(worker.join().unwrap(), Err(ETERM));
        }
        if by_shutdown {
            context.term().unwrap();
        }
    }
}

fn endless(socket: Socket) -> impl FnOnce(Vec<u8>) -> Result<(), c_int> {
    move |_| {
        loop {
            socket.recv(0)?;
        }
    }
}

#[test]
fn every_blocked_call_ends_when_the_context_is_terminated() {
    within(300, || ends(false));
}

#[test]
fn every_blocked_call_ends_when_the_context_is_shut_down() {
    within(300, || ends(true));
}

#[test]
fn several_threads_may_end_one_context() {
    within(300, || {
        for round in 0..rounds(200) {
            let context = Context::new();
            let sockets = [context.socket(ZMQ_PUSH), context.socket(ZMQ_PULL)];
            sockets[1].bind_any("tcp");
            let enders: Vec<_> = (0..3).map(|_| thread::spawn(move || context.term())).collect();
            a_moment(round, Duration::from_millis(2));
            for socket in sockets {
                socket.close().unwrap();
            }
            let answers: Vec<_> = enders.into_iter().map(|ender| ender.join().unwrap()).collect();
            assert!(answers.contains(&Ok(0)), "{answers:?}");
            assert!(answers.iter().all(|answer| matches!(answer, Ok(0) | Err(libc::EFAULT))));
        }
    });
}

#[test]
fn sockets_may_come_and_go_while_the_context_ends() {
    within(300, || {
        for round in 0..rounds(100) {
            let context = Context::new();
            let makers: Vec<_> = (0..4)
                .map(|maker| {
                    thread::spawn(move || {
                        loop {
                            let socket = context.try_socket(ZMQ_DEALER);
                            if socket.0.is_null() {
                                return zmq_errno();
                            }
                            let _ = socket.set(ZMQ_LINGER, 0);
                            let _ = match maker {
                                0 => socket.bind("tcp://127.0.0.1:*"),
                                1 => socket.bind("inproc://meeting"),
                                2 => socket.connect("inproc://meeting"),
                                _ => socket.connect("tcp://127.0.0.1:9"),
                            };
                            let _ = socket.send(b"hello", ZMQ_DONTWAIT);
                            socket.close().unwrap();
                        }
                    })
                })
                .collect();
            a_moment(round, Duration::from_millis(5));
            context.term().unwrap();
            for maker in makers {
                let errno = maker.join().unwrap();
                assert!(errno == ETERM || errno == libc::EFAULT, "errno {errno}");
            }
        }
    });
}

#[test]
fn what_lingers_is_sent_before_the_context_ends() {
    within(300, || {
        for round in 0..rounds(60) {
            let transport = ["tcp", "ipc"][round as usize % 2];
            let (here, there) = (Context::new(), Context::new());
            let (pull, push) = (here.socket(ZMQ_PULL), there.socket(ZMQ_PUSH));
            push.connect(&pull.bind_any(transport)).unwrap();
            push.set(ZMQ_LINGER, -1).unwrap();
            let count = 1 + round as usize * 7 % 900;
            for number in 0..count {
                push.send(&number.to_ne_bytes(), 0).unwrap();
            }
            push.close().unwrap();
            let ender = thread::spawn(move || there.term().unwrap());
            for number in 0..count {
                assert_eq!(pull.recv(0).unwrap(), number.to_ne_bytes());
            }
            ender.join().unwrap();
            pull.close().unwrap();
            here.term().unwrap();
        }
    });
}

/// Closing drops the pipes before the listeners: a connection that is made in between has no socket
/// any more. It ends, with all that it holds, or the context would not.
#[test]
fn a_socket_closes_while_peers_connect() {
    within(300, || {
        for round in 0..rounds(100) {
            let (here, there) = (Context::new(), Context::new());
            let pull = here.socket(ZMQ_PULL);
            let near = round % 2 == 0;
            let endpoint = pull.bind_any(if near { "inproc" } else { "tcp" });
            let peers = thread::spawn(move || {
                for _ in 0..8 {
                    let push = if near { here } else { there }.socket(ZMQ_PUSH);
                    push.set(ZMQ_LINGER, 0).unwrap();
                    push.connect(&endpoint).unwrap();
                    for _ in 0..3 {
                        let _ = push.send(&[7; 20_000], ZMQ_DONTWAIT);
                    }
                    push.close().unwrap();
                }
            });
            a_moment(round, Duration::from_millis(4));
            pull.close().unwrap();
            peers.join().unwrap();
            here.term().unwrap();
            there.term().unwrap();
        }
    });
}
