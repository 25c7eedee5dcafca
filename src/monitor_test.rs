//! Threads that report while a monitor ends or another begins.

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::*;

/// A sink that tells which events it got.
fn recorded() -> (Sink, Receiver<Event>) {
    let (sender, events) = channel();
    (Box::new(move |event, _| sender.send(event).unwrap()), events)
}

fn report(monitor: &Monitor) {
    monitor.emit(Event::Accepted, 1, &EndpointPair::default());
}

#[test]
fn nothing_follows_the_end() {
    let (monitor, over) = (Monitor::default(), AtomicBool::new(false));
    let found: Vec<_> = thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    report(&monitor);
                }
            });
        }
        let lives = (0..2000).map(|_| {
            let (sink, events) = recorded();
            monitor.install(u64::MAX, 2, sink);
            thread::yield_now();
            monitor.remove();
            events.iter().skip_while(|&event| event != Event::MonitorStopped).collect::<Vec<_>>()
        });
        let found = lives.filter(|found| found != &[Event::MonitorStopped]).collect();
        over.store(true, Ordering::Relaxed);
        found
    });
    assert_eq!(found, [[]; 0]);
}

/// Who had asked another monitor whether it is wanted may come to the next.
#[test]
fn an_event_that_is_not_wanted_is_not_reported_however_it_came() {
    let monitor = Monitor::default();
    let (sink, events) = recorded();
    monitor.install(Event::Closed as u64, 2, sink);
    // As if it had asked before.
    monitor.wanted.store(Event::Accepted as u64, Ordering::Release);
    report(&monitor);
    monitor.wanted.store(Event::Closed as u64, Ordering::Release);
    monitor.emit(Event::Closed, 2, &EndpointPair::default());
    // Nor is the end, which was not asked for.
    monitor.remove();
    assert_eq!(events.iter().collect::<Vec<_>>(), [Event::Closed]);
}
