//! Tests of the outlet: who reads what, and when, however late or slow.

use super::*;
use crate::context::Context;
use crate::monitor::EndpointPair;
use crate::patterns::SocketType;
use crate::socket::transfer::{DONTWAIT, SNDMORE};

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

fn parts() -> Vec<Message> {
    let part = |(number, more): (u64, bool)| {
        let mut message = Message::from_slice(&number.to_ne_bytes()).unwrap();
        message.set_more(more);
        message
    };
    let values = [(Event::Accepted as u64, true), (1, true), (9, true), (0, true), (0, false)];
    values.map(part).into()
}

#[test]
fn what_cannot_be_sent_stays_with_all_that_is_behind_it() {
    let (mut frames, mut sent) = (parts(), 0);
    let short = |_: &mut Message| {
        sent += 1;
        if sent > 2 { Err(Error::NOMEM) } else { Ok(()) }
    };
    assert_eq!(send_frames(&mut frames, short), Err(Error::NOMEM));
    assert_eq!((frames.len(), frames[0].data()), (3, &9u64.to_ne_bytes()[..]));
    assert_eq!(send_frames(&mut frames, |_| Ok(())), Ok(()));
    assert!(frames.is_empty());
}

#[test]
fn an_event_in_whose_middle_memory_ends_is_ended_before_the_next_or_goes_with_its_reader() {
    for (ours, theirs) in [
        (SocketType::Pair, SocketType::Pair),
        (SocketType::Push, SocketType::Pull),
        (SocketType::Pub, SocketType::Sub),
    ] {
        let context = Context::create().unwrap();
        let socket = Scene::socket(context, ours);
        let outlet = {
            let mut core = socket.enter().unwrap();
            let outlet = Arc::new(Outlet::new(socket, core.mailbox.clone()));
            core.bind_inproc(ENDPOINT, "events", outlet.clone()).unwrap();
            outlet
        };
        let comes = || {
            let reader = Scene::socket(context, theirs);
            reader.connect(ENDPOINT).unwrap();
            if theirs == SocketType::Sub {
                reader.set_option(numbers::SUBSCRIBE, b"").unwrap();
            }
            reader
        };
        let reader = comes();
        let begin = |count: usize| {
            let mut frames = parts();
            for frame in frames.drain(..count) {
                socket.send(&mut { frame }, SNDMORE).unwrap();
            }
            outlet.left.lock().begun = frames;
        };
        for count in 1..5 {
            begin(count);
            outlet.report(Event::Accepted, parts());
            assert_eq!(events(reader).len(), 2, "{count} frames before");
        }
        begin(2);
        reader.close().unwrap();
        drop(socket.enter().unwrap());
        let reader = comes();
        outlet.report(Event::Accepted, parts());
        outlet.report(Event::Accepted, parts());
        assert_eq!(events(reader).len(), 2, "of the new reader");
        socket.close().unwrap();
        reader.close().unwrap();
        context.terminate().unwrap();
    }
}
