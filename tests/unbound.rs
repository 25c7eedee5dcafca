//! Endpoints given up while messages wait to be sent, whoever works on the connections at that time
//! (src/runtime/session, src/runtime/listener.rs): what was sent goes out, nothing more is received,
//! nobody spins, what came before is told, and the end of the socket or of the context ends it. STRESS_ROUNDS
//! sets how often.
//! `ctests/t_unbound.c` has what libzmq does, too.

mod stress;

use std::ffi::c_int;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use stress::*;
use zmq::ffi::*;

/// Processor time is the process's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// More than are waited for one by one.
const MANY: usize = 24;
/// More than the kernel holds for both sides.
const PENDING: usize = 150;
static LARGE: [u8; 100_000] = [7; 100_000];

/// A DEALER that takes next to nothing by itself.
fn slow_peer(context: Context, endpoint: &str) -> Socket {
    let peer = context.socket(ZMQ_DEALER);
    let options = [(ZMQ_LINGER, 0), (ZMQ_RCVHWM, 1), (ZMQ_RCVBUF, 20_000), (ZMQ_RCVTIMEO, 20_000)];
    for (option, value) in options {
        peer.set(option, value).unwrap();
    }
    peer.connect(endpoint).unwrap();
    peer
}

/// The next message's sender and body.
fn next(router: Socket) -> Result<(Vec<u8>, Vec<u8>), c_int> {
    let id = router.recv(0)?;
    Ok((id, router.recv(0)?))
}

/// All peers have spoken several times, and were answered: the application's thread reads their
/// connections while it waits. The names of the peers, in their order.
fn dialogue(router: Socket, peers: &[Socket]) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    for _ in 0..6 {
        names.clear();
        for peer in peers {
            let speaker = *peer;
            let speech = thread::spawn(move || {
                // So that it is waited for.
                thread::sleep(Duration::from_micros(300));
                speaker.send(b"here", 0).unwrap();
            });
            let (name, body) = next(router).unwrap();
            assert_eq!(body, b"here");
            router.send(&name, ZMQ_SNDMORE).unwrap();
            router.send(b"welcome", 0).unwrap();
            assert_eq!(peer.recv(0).unwrap(), b"welcome");
            speech.join().unwrap();
            names.push(name);
        }
    }
    names
}

/// One of these peers has `unread` messages on the way to a socket that is about to forget it.
fn gives_up_one(transport: &str, others: usize, unread: usize, idle: bool) {
    let context = Context::new();
    let router = context.socket(ZMQ_ROUTER);
    for (option, value) in [(ZMQ_LINGER, -1), (ZMQ_RCVTIMEO, 20_000), (ZMQ_SNDBUF, 20_000)] {
        router.set(option, value).unwrap();
    }
    let (endpoint, given_up) = (router.bind_any(transport), router.bind_any(transport));
    let mut peers: Vec<_> = (0..others).map(|_| slow_peer(context, &endpoint)).collect();
    peers.push(slow_peer(context, &given_up));
    let names = dialogue(router, &peers);
    let peer = peers.pop().unwrap();
    for _ in 0..PENDING {
        router.send(&names[others], ZMQ_SNDMORE).unwrap();
        router.send(&LARGE, 0).unwrap();
    }
    for _ in 0..unread {
        peer.send(b"unread", 0).unwrap();
    }
    thread::sleep(Duration::from_millis(100));

    router.unbind(&given_up).unwrap();
    let late = thread::spawn(move || {
        // While nobody looks, and while somebody waits.
        for _ in 0..2 {
            for _ in 0..20 {
                let _ = peer.send(b"late", ZMQ_DONTWAIT);
            }
            thread::sleep(Duration::from_millis(200));
        }
    });
    if idle {
        let before = processor_time();
        thread::sleep(Duration::from_millis(150));
        let used = processor_time() - before;
        assert!(used < Duration::from_millis(50), "{used:?} while nobody does anything");
    }
    for _ in 0..unread {
        assert_eq!(next(router).unwrap().1, b"unread");
    }
    dialogue(router, &peers);
    router.set(ZMQ_RCVTIMEO, 300).unwrap();
    let before = processor_time();
    assert_eq!(next(router), Err(libc::EAGAIN));
    let used = processor_time() - before;
    assert!(used < Duration::from_millis(50), "{used:?} to wait for nothing");
    router.set(ZMQ_RCVTIMEO, 20_000).unwrap();
    late.join().unwrap();

    // All that was sent arrives, the rest of the world goes on, and both end.
    for _ in 0..PENDING {
        assert_eq!(peer.recv(0).unwrap()[..9], LARGE[..9]);
    }
    dialogue(router, &peers);
    for socket in peers.into_iter().chain([peer, router]) {
        socket.close().unwrap();
    }
    context.term().unwrap();
}

#[test]
fn one_peer_of_few_or_many_is_given_up() {
    within(100, || {
        let _alone = ALONE.lock();
        for (transport, others) in [("tcp", 0), ("tcp", MANY), ("ipc", 3)] {
            for (unread, idle) in [(0, false), (3, false), (3, true)] {
                gives_up_one(transport, others, unread, idle);
            }
        }
    });
}

/// Unbinds with time without end, closes with none, and meanwhile peers and the context go, too.
fn ends(round: u32) {
    let (context, others) = (Context::new(), Context::new());
    context.set(ZMQ_IO_THREADS, 3).unwrap();
    let push = context.socket(ZMQ_PUSH);
    for (option, value) in [(ZMQ_LINGER, -1), (ZMQ_SNDBUF, 20_000)] {
        push.set(option, value).unwrap();
    }
    let endpoint = push.bind_any(if round.is_multiple_of(2) { "tcp" } else { "ipc" });
    let pulls: Vec<_> = (0..6)
        .map(|_| {
            let pull = others.socket(ZMQ_PULL);
            for (option, value) in [(ZMQ_LINGER, 0), (ZMQ_RCVHWM, 1), (ZMQ_RCVBUF, 20_000)] {
                pull.set(option, value).unwrap();
            }
            pull.connect(&endpoint).unwrap();
            pull
        })
        .collect();
    for _ in 0..6 * 30 {
        push.send(&LARGE, 0).unwrap();
    }
    push.unbind(&endpoint).unwrap();
    let ender = thread::spawn(move || {
        a_moment(round, Duration::from_millis(2));
        push.set(ZMQ_LINGER, 0).unwrap();
        if round.is_multiple_of(3) {
            context.shutdown().unwrap();
        }
        push.close().unwrap();
    });
    let leave = || {
        a_moment(round.wrapping_mul(7), Duration::from_millis(2));
        for pull in &pulls {
            pull.close().unwrap();
        }
    };
    if round % 4 < 2 {
        leave();
        ender.join().unwrap();
        context.term().unwrap();
    } else {
        ender.join().unwrap();
        context.term().unwrap();
        leave();
    }
    others.term().unwrap();
}

#[test]
fn the_end_of_a_socket_or_a_context_ends_what_was_unbound_before() {
    within(100, || {
        let _alone = ALONE.lock();
        (0..rounds(40)).for_each(ends);
    });
}

/// libzmq forgets the news, unless the end of the endpoint is news itself.
#[test]
fn the_descriptor_tells_of_what_came_before_an_endpoint_ended() {
    within(60, || {
        let _alone = ALONE.lock();
        let context = Context::new();
        let (pull, push) = context.pair("inproc", (ZMQ_PULL, ZMQ_PUSH));
        let descriptor = pull.get(ZMQ_FD).unwrap();
        let is_readable = || {
            let mut item = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
            // SAFETY: one item.
            unsafe { libc::poll(&mut item, 1, 0) == 1 }
        };
        let bound = pull.bind_any("tcp");
        pull.connect("tcp://127.0.0.1:9").unwrap();
        for unbinds in [true, false] {
            while pull.get(ZMQ_EVENTS).unwrap() != 0 || is_readable() {}
            push.send(b"news", 0).unwrap();
            assert!(is_readable());
            if unbinds { pull.unbind(&bound) } else { pull.disconnect("tcp://127.0.0.1:9") }
                .unwrap();
            assert!(is_readable());
            assert_eq!(pull.recv(0).unwrap(), b"news");
        }
        pull.close().unwrap();
        push.close().unwrap();
        context.term().unwrap();
    });
}
