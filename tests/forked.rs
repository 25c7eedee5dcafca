//! fork(2) in a process with live contexts, sockets and busy threads: the child may close and end
//! what it inherited and have contexts of its own; the parent notices nothing. See zmq_ctx_term(3).

mod stress;

use std::ffi::c_int;
use std::io::Write;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use stress::*;
use zmq::ffi::*;

/// A child that panics says so and leaves at once with 99. The usual hook asks for locks that a thread of
/// the parent may have held at the fork, and a backtrace takes longer than the child has.
fn panics_end_children() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (parent, usual) = (std::process::id(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |info| {
            if std::process::id() == parent {
                return usual(info);
            }
            let mut text = [0; 1024];
            let mut rest = &mut text[..];
            // What does not fit is left out.
            let _ = writeln!(rest, "child: {info}");
            let length = 1024 - rest.len();
            // SAFETY: writes what was initialised; leaves without running anything of the parent's.
            unsafe {
                libc::write(2, text.as_ptr().cast(), length);
                libc::_exit(99)
            }
        }));
    });
}

/// Runs `work` in a child, and gives what it ended with. A child that hangs ends by SIGALRM.
fn in_child(work: impl FnOnce() -> c_int) -> c_int {
    panics_end_children();
    // SAFETY: the child calls this library and leaves without returning to the test harness.
    match unsafe { libc::fork() } {
        -1 => panic!("no more processes"),
        // SAFETY: neither call takes a pointer.
        0 => unsafe {
            libc::alarm(10);
            libc::_exit(work())
        },
        child => {
            let mut status = 0;
            // SAFETY: waits for our own child.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -status }
        }
    }
}

/// Goes on in other threads while the process forks: sockets exchange messages, come and go.
fn busy(context: Context, over: &AtomicBool, transport: &str) {
    while !over.load(Ordering::Relaxed) {
        let (pull, push) = context.pair(transport, (ZMQ_PULL, ZMQ_PUSH));
        for _ in 0..50 {
            push.send(&[1; 1500], 0).unwrap();
        }
        for _ in 0..50 {
            pull.recv(0).unwrap();
        }
        pull.close().unwrap();
        push.close().unwrap();
    }
}

fn among_busy_threads(child: impl Fn(Context, Socket, Socket) -> c_int) {
    let context = Context::new();
    let (pull, push) = context.pair("tcp", (ZMQ_PULL, ZMQ_PUSH));
    let over = AtomicBool::new(false);
    let failure = thread::scope(|scope| {
        for transport in ["inproc", "tcp", "ipc"] {
            let over = &over;
            scope.spawn(move || busy(context, over, transport));
        }
        // One that sleeps in the very socket that the child will close.
        let receiver = scope.spawn(move || {
            let mut count = 0;
            while pull.recv(0).unwrap() != b"end" {
                count += 1;
            }
            count
        });
        let (count, mut failure) = (rounds(60), None);
        for round in 0..count {
            push.send(b"message", 0).unwrap();
            a_moment(round, Duration::from_millis(2));
            match in_child(|| child(context, pull, push)) {
                0 => {}
                code => failure = failure.or(Some((round, code))),
            }
        }
        push.send(b"end", 0).unwrap();
        assert_eq!(receiver.join().unwrap(), count);
        over.store(true, Ordering::Relaxed);
        failure
    });
    assert_eq!(failure, None, "round and exit code, or signal below zero");
    pull.close().unwrap();
    push.close().unwrap();
    context.term().unwrap();
}

#[test]
fn a_child_may_close_and_end_what_it_inherited() {
    within(200, || {
        among_busy_threads(|context, pull, push| {
            let closed = (push.close(), pull.close()) == (Ok(0), Ok(0));
            let ended = context.term() == Err(libc::EINTR);
            c_int::from(!closed) + 2 * c_int::from(!ended)
        });
    });
}

#[test]
fn a_child_that_uses_an_inherited_socket_neither_blocks_nor_takes_from_the_parent() {
    within(200, || {
        among_busy_threads(|_context, pull, _push| {
            // What was there at the fork is there twice, as all memory is.
            while pull.recv(0).is_ok() {}
            match (pull.recv(0), pull.close()) {
                (Err(libc::EINTR), Ok(0)) => 0,
                _ => 1,
            }
        });
    });
}

#[test]
fn a_child_may_have_a_context_of_its_own() {
    within(200, || {
        among_busy_threads(|_context, _pull, _push| {
            let own = Context::new();
            for transport in ["inproc", "tcp", "ipc"] {
                let (pull, push) = own.pair(transport, (ZMQ_PULL, ZMQ_PUSH));
                for _ in 0..100 {
                    push.send(&[2; 3000], 0).unwrap();
                }
                for _ in 0..100 {
                    assert_eq!(pull.recv(0).unwrap(), [2; 3000]);
                }
                pull.close().unwrap();
                push.close().unwrap();
            }
            own.term().unwrap();
            0
        });
    });
}

/// With so many peers their descriptors are in an epoll, which the child has as well: neither what
/// it does nor that it keeps connections open which the parent has closed changes what the parent
/// waits for.
#[test]
fn a_child_leaves_the_connections_alone_that_its_parent_waits_for() {
    within(200, || {
        let context = Context::new();
        let server = context.socket(ZMQ_DEALER);
        let endpoint = server.bind_any("tcp");
        let connected = || {
            let peer = context.socket(ZMQ_DEALER);
            peer.connect(&endpoint).unwrap();
            peer
        };
        let mut peers: Vec<Socket> = (0..24).map(|_| connected()).collect();
        let receiver = thread::spawn(move || {
            let (mut count, mut all) = (0, None);
            while Some(count) != all {
                match server.recv(0).unwrap() {
                    end if end[0] == b'=' => all = String::from_utf8_lossy(&end[1..]).parse().ok(),
                    _ => count += 1,
                }
                // It waits so only for those whom it answers.
                let _ = server.send(b"answer", ZMQ_DONTWAIT);
            }
        });
        let mut sent = 0;
        for round in 0..rounds(40) as usize {
            for peer in &peers {
                peer.send(b"message", 0).unwrap();
                sent += 1;
            }
            thread::scope(|scope| {
                let child = scope.spawn(|| {
                    in_child(|| {
                        // What was there at the fork is there twice.
                        while server.recv(0).is_ok() {}
                        let refused = server.recv(0) == Err(libc::EINTR) && server.close() == Ok(0);
                        thread::sleep(Duration::from_millis(10));
                        c_int::from(!refused)
                    })
                });
                for place in [round % 24, (round + 7) % 24] {
                    peers[place].send(b"last", 0).unwrap();
                    peers[place].close().unwrap();
                    peers[place] = connected();
                    peers[place].send(b"first", 0).unwrap();
                    sent += 2;
                    a_moment(round as u32, Duration::from_millis(8));
                }
                assert_eq!(child.join().unwrap(), 0);
            });
        }
        // What goes by other connections may come later.
        peers[0].send(format!("={sent}").as_bytes(), 0).unwrap();
        receiver.join().unwrap();
        assert_eq!(server.recv(ZMQ_DONTWAIT), Err(libc::EAGAIN));
        for socket in peers.into_iter().chain([server]) {
            socket.close().unwrap();
        }
        context.term().unwrap();
    });
}
