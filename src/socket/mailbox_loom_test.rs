//! The mailbox under loom: threads that share a socket sleep in it, and none sleeps through what
//! concerns it. Run by `make check-loom`.

use std::collections::VecDeque;

use loom::sync::{Arc, Mutex};
use loom::thread;

use super::*;

fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(test);
}

/// What a socket's lock guards, as far as blocking is concerned: what came and was not received.
#[derive(Default)]
struct Core {
    received: VecDeque<u64>,
    stopped: bool,
    /// Closed: the socket is not there any more.
    gone: bool,
}

#[derive(Clone)]
struct Socket(Arc<(Mutex<Core>, Mailbox)>);

#[derive(Debug, PartialEq)]
enum End {
    Stopped,
    Closed,
}

impl Socket {
    fn new() -> Socket {
        Socket(Arc::new((Mutex::default(), Mailbox::new().unwrap())))
    }

    fn mailbox(&self) -> &Mailbox {
        &self.0.1
    }

    /// As `Socket::enter`.
    fn enter(&self) -> Result<loom::sync::MutexGuard<'_, Core>, End> {
        let mut core = self.0.0.lock().unwrap();
        if core.gone {
            return Err(End::Closed);
        }
        if self.mailbox().pending() {
            for command in self.mailbox().take() {
                match command {
                    Command::Gone(number) => core.received.push_back(number),
                    _ => core.stopped = true,
                }
            }
        }
        if core.stopped { Err(End::Stopped) } else { Ok(core) }
    }

    /// As `Socket::recv`: sleeps until there is something.
    fn recv(&self) -> Result<u64, End> {
        let mut core = self.enter()?;
        loop {
            if let Some(number) = core.received.pop_front() {
                return Ok(number);
            }
            let ticket = self.mailbox().prepare_wait();
            drop(core);
            self.mailbox().sleep(&[], None).unwrap();
            self.mailbox().finish_wait(ticket);
            core = self.enter()?;
        }
    }

    /// As zmq_poll: sleeps on the descriptor until it sees what it waits for, which it leaves there.
    fn poll(&self, wanted: u64) -> Result<(), End> {
        loop {
            let core = self.enter()?;
            if core.received.contains(&wanted) {
                return Ok(());
            }
            let ticket = self.mailbox().prepare_wait();
            drop(core);
            self.mailbox().bell.wait(&[], None).unwrap();
            self.mailbox().finish_wait(ticket);
        }
    }

    /// As an application that sleeps on ZMQ_FD and asks for ZMQ_EVENTS whenever that is readable.
    fn watch(&self, wanted: u64) -> Result<(), End> {
        let _ = self.mailbox().expose();
        loop {
            if self.enter()?.received.contains(&wanted) {
                return Ok(());
            }
            self.mailbox().bell.wait(&[], None).unwrap();
        }
    }

    /// As an application that sleeps on zmq_poller_fd and asks its poller whenever that is readable.
    fn watch_by_alarm(&self, wanted: u64) -> Result<(), End> {
        let alarm = std::sync::Arc::new(Alarm::new().unwrap());
        // As `Socket::set_alarm`.
        let core = self.0.0.lock().unwrap();
        self.mailbox().set_alarm(&alarm);
        if core.received.contains(&wanted) || core.stopped {
            alarm.ring();
        }
        drop(core);
        loop {
            alarm.bell.wait(&[], None).unwrap();
            alarm.silence();
            if self.enter()?.received.contains(&wanted) {
                return Ok(());
            }
        }
    }

    fn close(&self) {
        self.0.0.lock().unwrap().gone = true;
        self.mailbox().close();
    }
}

/// Another thread sends 1 and 2.
fn send_two(socket: &Socket) -> thread::JoinHandle<()> {
    let sender = socket.clone();
    thread::spawn(move || {
        sender.mailbox().send(Command::Gone(1));
        sender.mailbox().send(Command::Gone(2));
    })
}

#[test]
fn loom_two_threads_that_wait_get_what_comes() {
    model(|| {
        let socket = Socket::new();
        let other = socket.clone();
        let receiver = thread::spawn(move || other.recv().unwrap());
        let sender = send_two(&socket);
        let sum = socket.recv().unwrap() + receiver.join().unwrap();
        assert_eq!(sum, 3);
        sender.join().unwrap();
    });
}

#[test]
fn loom_what_a_third_thread_takes_in_wakes_both_that_wait() {
    model(|| {
        let socket = Socket::new();
        let receivers: Vec<_> = (0..2)
            .map(|_| {
                let socket = socket.clone();
                thread::spawn(move || socket.recv().unwrap())
            })
            .collect();
        for number in [1, 2] {
            socket.mailbox().send(Command::Gone(number));
        }
        // Any call on the socket takes in what came.
        drop(socket.enter().unwrap());
        let sum: u64 = receivers.into_iter().map(|receiver| receiver.join().unwrap()).sum();
        assert_eq!(sum, 3);
    });
}

#[test]
fn loom_the_end_of_the_context_wakes_all() {
    model(|| {
        let socket = Socket::new();
        let other = socket.clone();
        let receiver = thread::spawn(move || other.recv());
        let context = socket.clone();
        let context = thread::spawn(move || context.mailbox().send(Command::Stop));
        assert_eq!(socket.recv(), Err(End::Stopped));
        assert_eq!(receiver.join().unwrap(), Err(End::Stopped));
        context.join().unwrap();
    });
}

#[test]
fn loom_closing_wakes_all_even_among_other_news() {
    model(|| {
        let socket = Socket::new();
        let receivers: Vec<_> = (0..2)
            .map(|_| {
                let socket = socket.clone();
                thread::spawn(move || while socket.recv().is_ok() {})
            })
            .collect();
        socket.mailbox().send(Command::Gone(1));
        socket.close();
        for receiver in receivers {
            receiver.join().unwrap();
        }
    });
}

#[test]
fn loom_a_quiet_mailbox_is_silent() {
    model(|| {
        let socket = Socket::new();
        let other = socket.clone();
        let receiver = thread::spawn(move || other.recv().unwrap());
        socket.mailbox().send(Command::Gone(1));
        receiver.join().unwrap();
        let _ = socket.enter();
        let inner = socket.mailbox().inner.lock();
        assert!(!inner.rung && inner.behind == 0 && inner.waiting == 0);
    });
}

#[test]
fn loom_threads_that_poll_for_different_news_all_see_theirs() {
    model(|| {
        let socket = Socket::new();
        let other = socket.clone();
        let other = thread::spawn(move || other.poll(1).unwrap());
        let sender = send_two(&socket);
        socket.poll(2).unwrap();
        other.join().unwrap();
        sender.join().unwrap();
    });
}

#[test]
fn loom_who_polls_sees_what_another_thread_took_in_and_left() {
    model(|| {
        let socket = Socket::new();
        let other = socket.clone();
        // It receives one of two and takes both in.
        let receiver = thread::spawn(move || other.recv().unwrap());
        let sender = send_two(&socket);
        socket.poll(2).unwrap();
        assert_eq!(receiver.join().unwrap(), 1);
        sender.join().unwrap();
    });
}

#[test]
fn loom_who_gives_up_early_takes_nobody_elses_wake_up() {
    model(|| {
        let socket = Socket::new();
        let other = socket.clone();
        let other = thread::spawn(move || other.poll(1).unwrap());
        let sender = socket.clone();
        let sender = thread::spawn(move || sender.mailbox().send(Command::Gone(1)));
        // Its time is up, or another socket has something, as soon as it sleeps.
        let core = socket.enter().unwrap();
        let ticket = socket.mailbox().prepare_wait();
        drop(core);
        socket.mailbox().finish_wait(ticket);
        let _ = socket.enter();
        other.join().unwrap();
        sender.join().unwrap();
    });
}

#[test]
fn loom_the_end_wakes_those_who_poll_and_those_who_receive() {
    for closed in [false, true] {
        model(move || {
            let socket = Socket::new();
            let (other, ender) = (socket.clone(), socket.clone());
            let receiver = thread::spawn(move || other.recv().map(drop));
            let ender = thread::spawn(move || match closed {
                true => ender.close(),
                false => ender.mailbox().send(Command::Stop),
            });
            let end = if closed { End::Closed } else { End::Stopped };
            assert_eq!(socket.poll(1), Err(end));
            let end = if closed { End::Closed } else { End::Stopped };
            assert_eq!(receiver.join().unwrap(), Err(end));
            ender.join().unwrap();
        });
    }
}

#[test]
fn loom_the_descriptor_tells_of_what_was_not_taken_in() {
    model(|| {
        let socket = Socket::new();
        let sender = socket.clone();
        let sender = thread::spawn(move || {
            sender.mailbox().stir();
            sender.mailbox().send(Command::Gone(1));
            sender.mailbox().send(Command::Gone(2));
        });
        socket.watch(1).unwrap();
        socket.watch(2).unwrap();
        sender.join().unwrap();
    });
}

#[test]
fn loom_an_alarm_tells_of_what_another_thread_took_in_and_left() {
    model(|| {
        let socket = Socket::new();
        let other = socket.clone();
        // It receives one of two and takes both in.
        let receiver = thread::spawn(move || other.recv().unwrap());
        let sender = send_two(&socket);
        socket.watch_by_alarm(2).unwrap();
        assert_eq!(receiver.join().unwrap(), 1);
        sender.join().unwrap();
    });
}

#[test]
fn loom_each_alarm_tells_its_own_poller() {
    model(|| {
        let socket = Socket::new();
        let other = socket.clone();
        let other = thread::spawn(move || other.watch_by_alarm(1).unwrap());
        let sender = socket.clone();
        let sender = thread::spawn(move || sender.mailbox().send(Command::Gone(1)));
        socket.watch_by_alarm(1).unwrap();
        other.join().unwrap();
        sender.join().unwrap();
    });
}

#[test]
fn loom_an_alarm_tells_of_the_end() {
    for closed in [false, true] {
        model(move || {
            let socket = Socket::new();
            let ender = socket.clone();
            let ender = thread::spawn(move || match closed {
                true => ender.close(),
                false => ender.mailbox().send(Command::Stop),
            });
            let end = if closed { End::Closed } else { End::Stopped };
            assert_eq!(socket.watch_by_alarm(1), Err(end));
            ender.join().unwrap();
        });
    }
}

impl Socket {
    /// As `Socket::events_or_quiet`: what was received, if anything was.
    fn events_or_quiet(&self, quiet: &std::sync::Arc<Quiet>) -> bool {
        let mut core = self.0.0.lock().unwrap();
        if self.mailbox().has_commands() {
            drop(core);
            core = self.enter().unwrap();
        }
        if core.received.is_empty() {
            self.mailbox().keep_quiet(quiet, 7);
        }
        !core.received.is_empty()
    }
}

#[test]
fn loom_quiet_does_not_outlast_what_happens() {
    model(|| {
        let socket = Socket::new();
        let other = socket.clone();
        let sender = thread::spawn(move || other.mailbox().send(Command::Gone(1)));
        let quiet = std::sync::Arc::new(Quiet::default());
        let found = socket.events_or_quiet(&quiet);
        sender.join().unwrap();
        assert!(found || quiet.is_disturbed());
    });
}

#[test]
fn loom_quiet_does_not_outlast_what_another_thread_takes_in() {
    model(|| {
        let socket = Socket::new();
        let (other, taker) = (socket.clone(), socket.clone());
        let sender = thread::spawn(move || other.mailbox().send(Command::Gone(1)));
        let taker = thread::spawn(move || drop(taker.enter()));
        let quiet = std::sync::Arc::new(Quiet::default());
        let found = socket.events_or_quiet(&quiet);
        sender.join().unwrap();
        taker.join().unwrap();
        assert!(found || quiet.is_disturbed());
        let mut numbers = Vec::new();
        quiet.take(&mut numbers);
        assert!(numbers.iter().all(|&number| number == 7) && numbers.len() < 2);
    });
}
