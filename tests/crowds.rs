//! A socket with many peers: a thread that waits for messages waits for all of their connections at
//! once (src/socket/waiting.rs, src/runtime/link/crowd.rs). Nothing is lost when reading them
//! changes hands between that thread, others and the I/O thread, and nobody spins. `make check-unit
//! PORTABLE=1` runs it without.

mod stress;

use std::os::unix::thread::JoinHandleExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use stress::*;
use zmq::ffi::*;

/// More than are waited for one by one.
const PEERS: usize = 40;

/// A socket of this type and many peers, which are numbered by what they say first: all of them
/// have spoken several times in a dialogue, so that their connections are waited for together.
fn crowd(context: Context, transport: &str, kind: i32, mark: i32) -> (Socket, Vec<Socket>) {
    let socket = context.socket(kind);
    for (option, value) in [(ZMQ_RCVHWM, mark), (ZMQ_RCVTIMEO, 20_000), (ZMQ_LINGER, 0)] {
        socket.set(option, value).unwrap();
    }
    let endpoint = socket.bind_any(transport);
    let peers: Vec<Socket> = (0..PEERS)
        .map(|_| {
            let peer = context.socket(ZMQ_DEALER);
            for (option, value) in
                [(ZMQ_LINGER, 0), (ZMQ_RCVTIMEO, 20_000), (ZMQ_SNDTIMEO, 20_000), (ZMQ_SNDHWM, 2)]
            {
                peer.set(option, value).unwrap();
            }
            peer.connect(&endpoint).unwrap();
            peer
        })
        .collect();
    let speakers = peers.clone();
    let speech = thread::spawn(move || {
        for peer in (0..6).flat_map(|_| &speakers) {
            // So that they are waited for.
            thread::sleep(Duration::from_micros(100));
            peer.send(b"here", 0).unwrap();
        }
    });
    for _ in 0..6 * PEERS {
        assert_eq!(next(socket), b"here");
    }
    speech.join().unwrap();
    (socket, peers)
}

/// The last frame of the next message. Only who answers is waited for together; this is no answer,
/// but who could tell: it is dropped, or goes to a peer that does not read.
fn next(socket: Socket) -> Vec<u8> {
    let _ = socket.send(b"nobody", ZMQ_DONTWAIT | ZMQ_SNDMORE);
    let _ = socket.send(b"", ZMQ_DONTWAIT);
    loop {
        let frame = socket.recv(0).unwrap();
        if socket.get(ZMQ_RCVMORE) == Ok(0) {
            return frame;
        }
    }
}

fn close_all(context: Context, socket: Socket, peers: Vec<Socket>) {
    for socket in peers.into_iter().chain([socket]) {
        socket.close().unwrap();
    }
    context.term().unwrap();
}

/// Receives so many numbers for each peer, those of each in their order, of which so many were seen before.
fn in_order(socket: Socket, seen: &mut [u16; PEERS], count: u16, mut pause: impl FnMut(u32)) {
    for number in 0..u32::from(count) * PEERS as u32 {
        let frame = next(socket);
        let who = usize::from(frame[0]);
        assert_eq!(u16::from_le_bytes([frame[1], frame[2]]), seen[who], "peer {who}");
        seen[who] += 1;
        pause(number);
    }
}

fn number(who: usize, number: u16) -> [u8; 3] {
    let [low, high] = number.to_le_bytes();
    [who as u8, low, high]
}

fn echo(router: Socket, times: usize) {
    for _ in 0..times {
        let id = router.recv(0).unwrap();
        let body = router.recv(0).unwrap();
        router.send(&id, ZMQ_SNDMORE).unwrap();
        router.send(&body, 0).unwrap();
    }
}

#[test]
fn everybody_is_answered_one_by_one_and_all_at_once() {
    within(100, || {
        for transport in ["tcp", "ipc"] {
            let context = Context::new();
            let (router, peers) = crowd(context, transport, ZMQ_ROUTER, 0);
            const ROUNDS: usize = 60;
            let server = thread::spawn(move || echo(router, 2 * ROUNDS * PEERS));
            for round in 0..ROUNDS {
                for (who, peer) in peers.iter().enumerate() {
                    let body = [who as u8, round as u8];
                    peer.send(&body, 0).unwrap();
                    assert_eq!(peer.recv(0).unwrap(), body);
                }
                for peer in &peers {
                    peer.send(&[round as u8], 0).unwrap();
                }
                for peer in &peers {
                    assert_eq!(peer.recv(0).unwrap(), [round as u8]);
                }
            }
            server.join().unwrap();
            close_all(context, router, peers);
        }
    });
}

#[test]
fn messages_come_while_the_application_computes() {
    within(100, || {
        let context = Context::new();
        let (dealer, peers) = crowd(context, "tcp", ZMQ_DEALER, 0);
        // More than the kernel holds for both sides; nobody calls the receiver meanwhile.
        for peer in &peers[..4] {
            for _ in 0..150 {
                peer.send(&[7; 100_000], 0).unwrap();
            }
        }
        for _ in 0..600 {
            assert_eq!(next(dealer)[0], 7);
        }
        close_all(context, dealer, peers);
    });
}

#[test]
fn nothing_is_lost_at_the_high_water_mark_whoever_reads() {
    const COUNT: u16 = 300;
    within(100, || {
        for mark in [1, 3, 100] {
            let context = Context::new();
            let (dealer, peers) = crowd(context, "tcp", ZMQ_DEALER, mark);
            let senders = peers.clone();
            let sender = thread::spawn(move || {
                for at in 0..COUNT {
                    for (who, peer) in senders.iter().enumerate() {
                        peer.send(&number(who, at), 0).unwrap();
                    }
                    a_moment(at.into(), Duration::from_micros(300));
                }
            });
            in_order(dealer, &mut [0; PEERS], COUNT, |at| {
                if at % 500 == 0 {
                    // Long enough for the watchdog, now and then.
                    a_moment(at, Duration::from_millis(5));
                }
            });
            sender.join().unwrap();
            close_all(context, dealer, peers);
        }
    });
}

#[test]
fn a_busy_peer_does_not_keep_others_waiting() {
    within(100, || {
        let context = Context::new();
        let (dealer, peers) = crowd(context, "tcp", ZMQ_DEALER, 1000);
        let (busy, over) = (peers[0], Arc::new(AtomicBool::new(false)));
        busy.set(ZMQ_SNDTIMEO, 100).unwrap();
        let told = over.clone();
        let sender = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                let _ = busy.send(&[0; 200], 0);
            }
        });
        thread::sleep(Duration::from_millis(50));
        for peer in &peers[1..] {
            peer.send(&[1], 0).unwrap();
        }
        let mut heard = 0;
        while heard < PEERS - 1 {
            heard += usize::from(next(dealer)[0]);
        }
        over.store(true, Ordering::Relaxed);
        sender.join().unwrap();
        close_all(context, dealer, peers);
    });
}

#[test]
fn threads_take_turns() {
    within(100, || {
        let context = Context::new();
        let (dealer, peers) = crowd(context, "tcp", ZMQ_DEALER, 0);
        for round in 0..100u8 {
            let peer = peers[usize::from(round) % PEERS];
            let receiver = thread::spawn(move || next(dealer));
            a_moment(round.into(), Duration::from_millis(2));
            peer.send(&[round], 0).unwrap();
            assert_eq!(receiver.join().unwrap(), [round]);
        }
        // And at the same time.
        dealer.set(ZMQ_RCVTIMEO, -1).unwrap();
        let receivers: Vec<_> = (0..3)
            .map(|_| thread::spawn(move || (0..200).filter(|_| next(dealer) == [1]).count()))
            .collect();
        for round in 0..600 {
            peers[round % PEERS].send(&[1], 0).unwrap();
            a_moment(round as u32, Duration::from_micros(200));
        }
        for receiver in receivers {
            assert_eq!(receiver.join().unwrap(), 200);
        }
        close_all(context, dealer, peers);
    });
}

#[test]
fn waits_of_all_kinds_follow_each_other() {
    const COUNT: u16 = 200;
    within(100, || {
        let context = Context::new();
        let (dealer, peers) = crowd(context, "tcp", ZMQ_DEALER, 2);
        let senders = peers.clone();
        let sender = thread::spawn(move || {
            for at in 0..3 * COUNT {
                for (who, peer) in senders.iter().enumerate() {
                    peer.send(&number(who, at), 0).unwrap();
                }
                a_moment(at.into(), Duration::from_micros(500));
            }
        });
        let seen = &mut [0; PEERS];
        in_order(dealer, seen, COUNT, |at| {
            if at % 3 == 0 {
                assert_eq!(dealer.poll(ZMQ_POLLIN as i16, 20_000), Ok(1));
            }
        });
        in_order(dealer, seen, COUNT, |_| {});
        // An event loop takes over for good.
        let descriptor = dealer.get(ZMQ_FD).unwrap();
        in_order(dealer, seen, COUNT, |at| {
            if at + 1 == u32::from(COUNT) * PEERS as u32 {
                return;
            }
            while dealer.get(ZMQ_EVENTS).unwrap() & ZMQ_POLLIN == 0 {
                let mut item = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
                // SAFETY: one item.
                assert_eq!(unsafe { libc::poll(&mut item, 1, 20_000) }, 1);
            }
        });
        sender.join().unwrap();
        close_all(context, dealer, peers);
    });
}

#[test]
fn who_waits_learns_of_the_end() {
    within(100, || {
        for round in 0..20 {
            let context = Context::new();
            let (dealer, peers) = crowd(context, "tcp", ZMQ_DEALER, 0);
            dealer.set(ZMQ_RCVTIMEO, -1).unwrap();
            let _ = dealer.send(b"once more", ZMQ_DONTWAIT);
            let receiver = thread::spawn(move || dealer.recv(0));
            a_moment(round, Duration::from_millis(30));
            if round % 2 == 0 {
                context.shutdown().unwrap();
                assert_eq!(receiver.join().unwrap(), Err(ETERM));
                dealer.close().unwrap();
            } else {
                dealer.close().unwrap();
                assert_eq!(receiver.join().unwrap(), Err(libc::ENOTSOCK));
            }
            for peer in peers {
                peer.close().unwrap();
            }
            context.term().unwrap();
        }
    });
}

/// The processor time of a thread so far.
fn time_of(thread: &thread::JoinHandle<()>) -> Duration {
    let (mut clock, mut time) = (0, libc::timespec { tv_sec: 0, tv_nsec: 0 });
    // SAFETY: the thread has not been joined; both structures are live.
    unsafe {
        assert_eq!(libc::pthread_getcpuclockid(thread.as_pthread_t(), &mut clock), 0);
        assert_eq!(libc::clock_gettime(clock, &mut time), 0);
    }
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
fn peers_come_and_go_and_nobody_spins() {
    within(100, || {
        let context = Context::new();
        let (router, mut peers) = crowd(context, "tcp", ZMQ_ROUTER, 0);
        let name = router.bind_any("tcp");
        let server = thread::spawn(move || {
            while let Ok(id) = router.recv(0) {
                let body = router.recv(0).unwrap();
                if body == b"end" {
                    break;
                }
                router.send(&id, ZMQ_SNDMORE).unwrap();
                router.send(&body, 0).unwrap();
            }
        });
        for round in 0..300u32 {
            let place = (round as usize * 7) % PEERS;
            peers[place].close().unwrap();
            let peer = context.socket(ZMQ_DEALER);
            peer.set(ZMQ_RCVTIMEO, 20_000).unwrap();
            peer.connect(&name).unwrap();
            peers[place] = peer;
            for peer in [peer, peer, peers[(place + 1) % PEERS]] {
                peer.send(&round.to_le_bytes(), 0).unwrap();
                assert_eq!(peer.recv(0).unwrap(), round.to_le_bytes());
            }
        }
        for peer in &peers[..PEERS / 2] {
            peer.close().unwrap();
        }
        thread::sleep(Duration::from_millis(100));
        let before = time_of(&server);
        thread::sleep(Duration::from_millis(400));
        let used = time_of(&server) - before;
        assert!(used < Duration::from_millis(50), "{used:?} to wait for nothing");
        peers[PEERS - 1].send(b"end", 0).unwrap();
        server.join().unwrap();
        close_all(context, router, peers.split_off(PEERS / 2));
    });
}
