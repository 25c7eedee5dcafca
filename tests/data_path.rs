//! What the ways by which messages travel must keep, whichever thread does the work: order and wholeness when
//! the peer goes or the socket changes hands, progress while the application computes, room that is told,
//! fair turns. `make check-unit PORTABLE=1` runs it with the I/O threads doing everything.

mod stress;

use std::thread;
use std::time::Duration;

use stress::*;
use zmq::ffi::*;

const TRANSPORTS: [&str; 4] = ["tcp", "ipc", "inproc", "ws"];

/// A message that says which one it is.
fn numbered(number: u32, size: usize) -> Vec<u8> {
    let mut message = vec![0; size];
    message[..4].copy_from_slice(&number.to_le_bytes());
    message
}

fn number_of(message: &[u8]) -> u32 {
    u32::from_le_bytes(message[..4].try_into().unwrap())
}

/// The sender is gone before the receiver, which is at its high water mark, goes on: libzmq loses the end of
/// the stream now and then.
fn the_tail_arrives(transport: &str, runs: u32) {
    const COUNT: u32 = 60;
    let context = Context::new();
    for run in 0..runs {
        let pull = context.socket(ZMQ_PULL);
        pull.set(ZMQ_RCVHWM, 1 + (run % 3) as i32).unwrap();
        pull.set(ZMQ_RCVTIMEO, 20_000).unwrap();
        let endpoint = pull.bind_any(transport);
        let sender = Context::new();
        let push = sender.socket(ZMQ_PUSH);
        push.set(ZMQ_SNDHWM, 0).unwrap();
        push.connect(&endpoint).unwrap();
        for number in 0..COUNT {
            push.send(&numbered(number, 4 + (number as usize * 37) % 900), 0).unwrap();
        }
        if run % 2 == 0 {
            assert_eq!(number_of(&pull.recv(0).unwrap()), 0);
        }
        push.close().unwrap();
        sender.term().unwrap();
        for number in (run + 1) % 2..COUNT {
            assert_eq!(pull.recv(0).map(|message| number_of(&message)), Ok(number), "run {run}");
        }
        pull.close().unwrap();
    }
    context.term().unwrap();
}

#[test]
fn the_tail_of_a_stream_over_ipc_arrives() {
    within(120, || the_tail_arrives("ipc", 1000));
}

#[test]
fn the_tail_of_a_stream_over_tcp_arrives() {
    within(120, || the_tail_arrives("tcp", 200));
}

#[test]
fn the_tail_of_a_stream_over_ws_arrives() {
    within(120, || the_tail_arrives("ws", 200));
}

#[test]
fn messages_come_while_the_application_computes() {
    within(60, || {
        for transport in ["tcp", "ipc", "ws"] {
            let context = Context::new();
            let (pull, push) = context.pair(transport, (ZMQ_PULL, ZMQ_PUSH));
            push.send(&numbered(0, 4), 0).unwrap();
            // From now on the connection is this thread's to read, until it is noticed to be away.
            assert_eq!(number_of(&pull.recv(0).unwrap()), 0);
            // More than the kernel holds for both sides; nobody calls the receiver meanwhile.
            push.set(ZMQ_SNDTIMEO, 20_000).unwrap();
            for number in 1..300 {
                push.send(&numbered(number, 100_000), 0).unwrap();
                if number == 1 {
                    push.set(ZMQ_SNDHWM, 1).unwrap();
                }
            }
            for number in 1..300 {
                assert_eq!(number_of(&pull.recv(0).unwrap()), number);
            }
            push.close().unwrap();
            pull.close().unwrap();
            context.term().unwrap();
        }
    });
}

/// A thread that waits has its connection to itself; what it has sent, and found no room for, goes on all the same.
#[test]
fn what_found_no_room_leaves_while_the_application_waits() {
    const MUCH: u32 = 200;
    within(60, || {
        for transport in ["tcp", "ipc", "ws"] {
            let context = Context::new();
            let (asking, answering) = context.pair(transport, (ZMQ_DEALER, ZMQ_DEALER));
            asking.set(ZMQ_RCVTIMEO, 20_000).unwrap();
            answering.set(ZMQ_RCVTIMEO, 20_000).unwrap();
            let peer = thread::spawn(move || {
                for number in 0..5 {
                    assert_eq!(number_of(&answering.recv(0).unwrap()), number);
                    answering.send(&numbered(number, 4), 0).unwrap();
                }
                thread::sleep(Duration::from_millis(100));
                for number in 0..MUCH {
                    assert_eq!(number_of(&answering.recv(0).unwrap()), number);
                }
                answering.send(&numbered(MUCH, 4), 0).unwrap();
                answering.close().unwrap();
            });
            for number in 0..5 {
                asking.send(&numbered(number, 4), 0).unwrap();
                assert_eq!(number_of(&asking.recv(0).unwrap()), number);
            }
            // More than the kernel holds for both sides.
            for number in 0..MUCH {
                asking.send(&numbered(number, 100_000), 0).unwrap();
            }
            assert_eq!(number_of(&asking.recv(0).unwrap()), MUCH);
            peer.join().unwrap();
            asking.close().unwrap();
            context.term().unwrap();
        }
    });
}

#[test]
fn room_is_told_by_the_descriptor() {
    within(60, || {
        for transport in TRANSPORTS {
            let context = Context::new();
            let (pull, push) = context.pair(transport, (ZMQ_PULL, ZMQ_PUSH));
            pull.set(ZMQ_RCVTIMEO, 10_000).unwrap();
            let descriptor = push.get(ZMQ_FD).unwrap();
            push.poll(ZMQ_POLLOUT as i16, 10_000).unwrap();
            let mut sent = 0;
            for _ in 0..3 {
                let first = sent;
                // Full is when neither the pipe nor the kernel takes more.
                loop {
                    match push.send(&numbered(sent, 50_000), ZMQ_DONTWAIT) {
                        Ok(_) => sent += 1,
                        Err(_) if push.poll(ZMQ_POLLOUT as i16, 50).unwrap() == 0 => break,
                        Err(_) => {}
                    }
                }
                assert_eq!(push.get(ZMQ_EVENTS).unwrap() & ZMQ_POLLOUT, 0);
                let receiver =
                    thread::spawn(move || (first..sent).filter(|_| pull.recv(0).is_ok()).count());
                // As an event loop does it: the descriptor alone says when to look.
                while push.get(ZMQ_EVENTS).unwrap() & ZMQ_POLLOUT == 0 {
                    let mut item =
                        libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
                    // SAFETY: one item.
                    assert_eq!(unsafe { libc::poll(&mut item, 1, 10_000) }, 1, "{transport}");
                }
                receiver.join().unwrap();
            }
            push.close().unwrap();
            pull.close().unwrap();
            context.term().unwrap();
        }
    });
}

#[test]
fn a_socket_may_move_from_thread_to_thread() {
    within(60, || {
        for transport in TRANSPORTS {
            let context = Context::new();
            let (one, other) = context.pair(transport, (ZMQ_PAIR, ZMQ_PAIR));
            let echo = thread::spawn(move || {
                for _ in 0..300 {
                    let message = other.recv(0).unwrap();
                    other.send(&message, 0).unwrap();
                }
            });
            for number in 0..300 {
                let asker = thread::spawn(move || {
                    one.send(&numbered(number, 20), 0).unwrap();
                    // Every other answer is fetched by another thread than the one that asked.
                    if number % 2 == 0 {
                        assert_eq!(number_of(&one.recv(0).unwrap()), number);
                    }
                });
                asker.join().unwrap();
                if number % 2 == 1 {
                    let fetcher = thread::spawn(move || number_of(&one.recv(0).unwrap()));
                    assert_eq!(fetcher.join().unwrap(), number);
                }
            }
            echo.join().unwrap();
            one.close().unwrap();
            other.close().unwrap();
            context.term().unwrap();
        }
    });
}

#[test]
fn senders_are_served_in_turns() {
    const EACH: u32 = 500;
    within(60, || {
        for transport in TRANSPORTS {
            let context = Context::new();
            let pull = context.socket(ZMQ_PULL);
            let endpoint = pull.bind_any(transport);
            let senders = [0u32; 4].map(|_| {
                let push = context.socket(ZMQ_PUSH);
                push.connect(&endpoint).unwrap();
                push
            });
            // One thread keeps waiting, so that connections are read by whoever does so on this system.
            for (who, push) in senders.iter().enumerate() {
                push.send(&numbered(who as u32, 8), 0).unwrap();
                assert_eq!(number_of(&pull.recv(0).unwrap()), who as u32);
            }
            for _ in 0..EACH {
                for (who, push) in senders.iter().enumerate() {
                    push.send(&numbered(who as u32, 8), 0).unwrap();
                }
            }
            // All is on its way, and soon there.
            thread::sleep(Duration::from_millis(200));
            let mut served = [0; 4];
            for _ in 0..EACH * 2 {
                served[number_of(&pull.recv(0).unwrap()) as usize] += 1;
            }
            assert!(served.iter().all(|&count| count >= EACH / 4), "{transport}: {served:?}");
            senders
                .iter()
                .for_each(|push| push.set(ZMQ_LINGER, 0).and(push.close()).map(drop).unwrap());
            pull.close().unwrap();
            context.term().unwrap();
        }
    });
}

/// Sockets that have just sent and received `count` messages of no more than one frame each.
fn warm(context: Context, transport: &str, kinds: (i32, i32), count: u32) -> (Socket, Socket) {
    let (taker, giver) = context.pair(transport, kinds);
    for number in 0..count {
        giver.send(&numbered(number, 8), 0).unwrap();
        assert_eq!(number_of(&taker.recv(0).unwrap()), number);
    }
    (taker, giver)
}

const WAYS: [(i32, i32); 3] =
    [(ZMQ_PULL, ZMQ_PUSH), (ZMQ_PAIR, ZMQ_PAIR), (ZMQ_DEALER, ZMQ_DEALER)];

#[test]
fn messages_of_all_sizes_and_parts_stay_in_order() {
    within(60, || {
        for (transport, kinds) in TRANSPORTS.into_iter().flat_map(|t| WAYS.map(|kinds| (t, kinds)))
        {
            let context = Context::new();
            let (taker, giver) = warm(context, transport, kinds, 40);
            // Whole messages of each size, with one of three parts now and then.
            let size =
                |number: u32| (number * number % 700) as usize % 300 * (1 + number as usize % 8);
            let body =
                move |number: u32| (0..size(number)).map(move |at| (at as u32 ^ number) as u8);
            let sender = thread::spawn(move || {
                for number in 0..3000 {
                    let bytes: Vec<u8> = body(number).collect();
                    for part in 0..if number % 50 == 49 { 2 } else { 0 } {
                        giver.send(&numbered(part, 4 + part as usize * 90), ZMQ_SNDMORE).unwrap();
                    }
                    assert_eq!(giver.send(&bytes, 0), Ok(bytes.len() as i32));
                }
                giver
            });
            for number in 0..3000 {
                for part in 0..if number % 50 == 49 { 2 } else { 0 } {
                    let message = taker.recv(0).unwrap();
                    assert_eq!((number_of(&message), taker.get(ZMQ_RCVMORE)), (part, Ok(1)));
                }
                let message = taker.recv(0).unwrap();
                assert!(message.iter().copied().eq(body(number)), "{transport} {number}");
                assert_eq!(taker.get(ZMQ_RCVMORE), Ok(0));
            }
            sender.join().unwrap().close().unwrap();
            taker.close().unwrap();
            context.term().unwrap();
        }
    });
}

#[test]
fn a_message_that_does_not_fit_the_buffer_is_cut() {
    within(60, || {
        for transport in TRANSPORTS {
            let context = Context::new();
            let (pull, push) = warm(context, transport, (ZMQ_PULL, ZMQ_PUSH), 40);
            for size in [1, 10, 40, 60, 64, 65, 100, 255, 256, 300, 3000] {
                for room in [0, 1, 7, 16, 50, 256, 5000] {
                    push.send(&vec![7; size], 0).unwrap();
                    push.send(&numbered(5, 8), 0).unwrap();
                    let mut buffer = vec![1u8; 5000];
                    // SAFETY: there is that much room.
                    let len = unsafe { zmq_recv(pull.0, buffer.as_mut_ptr().cast(), room, 0) };
                    assert_eq!(len as usize, size);
                    let kept = room.min(size);
                    assert!(buffer[..kept].iter().all(|&byte| byte == 7));
                    assert!(buffer[kept..].iter().all(|&byte| byte == 1));
                    assert_eq!(number_of(&pull.recv(0).unwrap()), 5);
                }
            }
            push.close().unwrap();
            pull.close().unwrap();
            context.term().unwrap();
        }
    });
}

#[test]
fn a_second_peer_gets_its_share_at_once() {
    within(60, || {
        let context = Context::new();
        let (pull, push) = warm(context, "inproc", (ZMQ_PULL, ZMQ_PUSH), 40);
        // One more sender: its messages come in turns with those that lie there already.
        let endpoint = pull.bind_any("tcp");
        for number in 0..20 {
            push.send(&numbered(number, 8), 0).unwrap();
        }
        assert_eq!(number_of(&pull.recv(0).unwrap()), 0);
        let second = context.socket(ZMQ_PUSH);
        second.connect(&endpoint).unwrap();
        second.send(&numbered(100, 8), 0).unwrap();
        thread::sleep(Duration::from_millis(200));
        let next: Vec<u32> = (0..4).map(|_| number_of(&pull.recv(0).unwrap())).collect();
        assert!(next.contains(&100), "{next:?}");
        // One more receiver: messages are dealt out in turn from now on.
        let third = context.socket(ZMQ_PULL);
        push.connect(&third.bind_any("inproc")).unwrap();
        for number in 200..210 {
            push.send(&numbered(number, 8), 0).unwrap();
        }
        for _ in 0..5 {
            assert!(number_of(&third.recv(ZMQ_DONTWAIT).unwrap()) >= 200);
        }
        // And when it goes, all go to the first.
        third.close().unwrap();
        for number in 300..310 {
            push.send(&numbered(number, 8), 0).unwrap();
        }
        while number_of(&pull.recv(ZMQ_DONTWAIT).unwrap()) != 300 {}
        for number in 301..310 {
            assert_eq!(number_of(&pull.recv(ZMQ_DONTWAIT).unwrap()), number);
        }
        for socket in [push, second, pull] {
            socket.set(ZMQ_LINGER, 0).and(socket.close()).unwrap();
        }
        context.term().unwrap();
    });
}

#[test]
fn marks_and_the_end_are_noticed_in_the_midst_of_a_stream() {
    within(60, || {
        for kinds in WAYS {
            let context = Context::new();
            let (taker, giver) = warm(context, "inproc", kinds, 40);
            let mut sent = 0;
            while giver.send(&numbered(sent, 8), ZMQ_DONTWAIT).is_ok() {
                sent += 1;
            }
            // Of those before, not all are known to be received.
            assert!(zmq_errno() == libc::EAGAIN && (1960..=2000).contains(&sent), "{sent}");
            for number in 0..sent {
                assert_eq!(number_of(&taker.recv(ZMQ_DONTWAIT).unwrap()), number);
            }
            assert_eq!(taker.recv(ZMQ_DONTWAIT), Err(libc::EAGAIN));
            for number in 0..10 {
                giver.send(&numbered(number, 8), 0).unwrap();
            }
            assert_eq!(number_of(&taker.recv(0).unwrap()), 0);
            context.shutdown().unwrap();
            assert_eq!(giver.send(&numbered(0, 8), 0), Err(156384765));
            assert_eq!(taker.recv(0), Err(156384765));
            giver.close().unwrap();
            taker.close().unwrap();
            context.term().unwrap();
        }
    });
}
