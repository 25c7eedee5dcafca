//! Tests of the outlet: who reads what, and when, however late or slow.

use super::*;
use crate::context::Context;
use crate::monitor::EndpointPair;
use crate::patterns::SocketType;
use crate::socket::transfer::DONTWAIT;

const ENDPOINT: &str = "inproc://events";

struct Scene {
    context: &'static Context,
    watched: &'static Socket,
}

impl Scene {
    fn socket(context: &Context, kind: SocketType) -> &'static Socket {
        Socket::create(&context.core().unwrap(), kind as i32).unwrap()
    }

    fn new(kind: SocketType) -> Scene {
        let context = Context::create().unwrap();
        let watched = Scene::socket(context, SocketType::Pull);
        watched.monitor(Some(ENDPOINT), u64::MAX, 2, kind as i32).unwrap();
        Scene { context, watched }
    }

    fn report(&self, values: std::ops::Range<u64>) {
        let core = self.watched.lock().unwrap();
        values.for_each(|value| {
            core.monitor.emit(Event::Accepted, value, &EndpointPair::default());
        });
    }

    fn reader(&self, kind: SocketType) -> &'static Socket {
        let reader = Scene::socket(self.context, kind);
        reader.connect(ENDPOINT).unwrap();
        reader
    }

    fn end(self, reader: &Socket) {
        reader.close().unwrap();
        self.watched.close().unwrap();
        self.context.terminate().unwrap();
    }
}

fn number(reader: &Socket) -> Option<u64> {
    let frame = reader.recv(DONTWAIT).ok()?;
    Some(u64::from_ne_bytes(frame.data().try_into().unwrap()))
}

/// The events that have come, with their values.
fn events(reader: &Socket) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    while let Some(event) = number(reader) {
        assert_eq!(number(reader), Some(1), "one value");
        found.push((event, number(reader).unwrap()));
        assert!(reader.recv(DONTWAIT).unwrap().more(), "the local end");
        assert!(!reader.recv(DONTWAIT).unwrap().more(), "the remote end");
    }
    found
}

fn accepted(values: std::ops::Range<u64>) -> Vec<(u64, u64)> {
    values.map(|value| (Event::Accepted as u64, value)).collect()
}

#[test]
fn what_nobody_has_come_for_waits_for_the_first_reader_and_for_the_next() {
    for (ours, theirs) in
        [(SocketType::Pair, SocketType::Pair), (SocketType::Push, SocketType::Pull)]
    {
        let scene = Scene::new(ours);
        scene.report(0..3);
        let reader = scene.reader(theirs);
        assert_eq!(events(reader), accepted(0..3));
        scene.report(3..5);
        assert_eq!(events(reader), accepted(3..5));
        reader.close().unwrap();
        let kept = KEPT as u64;
        scene.report(0..kept + 200);
        let reader = scene.reader(theirs);
        assert_eq!(events(reader), accepted(0..kept), "no more than that");
        scene.report(7..8);
        assert_eq!(events(reader), accepted(7..8));
        scene.end(reader);
    }
}

#[test]
fn the_last_event_comes_to_a_reader_that_is_too_far_behind() {
    let scene = Scene::new(SocketType::Pair);
    let reader = scene.reader(SocketType::Pair);
    let room = MARK as u64 + 1000;
    scene.report(0..room + 500);
    scene.watched.monitor(None, 0, 2, 0).unwrap();
    let mut found = events(reader);
    assert_eq!(found.pop(), Some((Event::MonitorStopped as u64, 0)));
    assert_eq!(found, accepted(0..room));
    scene.end(reader);
}
