//! Tests of `end`: how a pipe comes to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::link::EndConfig;
use super::{Notify, Pipe, PipeConfig, PipeEvent, Pipes, Style, pair};
use crate::message::{COMMAND, MORE, Message, Metadata};

struct Nobody;

impl Notify for Nobody {
    fn notify(&self, _key: u64, _event: PipeEvent) {}
}

/// How often its end was told of room.
#[derive(Default)]
struct Told(AtomicU32);

impl Notify for Told {
    fn notify(&self, _key: u64, event: PipeEvent) {
        self.0.fetch_add(u32::from(event == PipeEvent::Writable), Ordering::Relaxed);
    }
}

fn two_ends() -> (Pipe, Pipe) {
    let config = PipeConfig { styles: (Style::Memory, Style::Memory), conflate: (false, false) };
    let end = || EndConfig { owner: Arc::new(Nobody), marks: Some((1, 1)) };
    pair(config, end(), end())
}

fn rest(pipe: &mut Pipe) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| pipe.read()).map(|message| message.data().to_vec()).collect()
}

#[test]
fn the_farewell_that_the_peer_asked_for_is_the_last_message() {
    let (mut binder, mut connecter) = two_ends();
    binder.set_peer_farewell(b"gone".to_vec());
    for body in ["one", "two"] {
        assert!(connecter.write(&mut Message::from_slice(body.as_bytes()).unwrap()));
    }
    assert!(!connecter.check_write(), "the mark is reached");
    drop(connecter);
    assert_eq!(rest(&mut binder), [&b"one"[..], b"two", b"gone"]);
}

#[test]
fn the_farewell_takes_the_place_of_half_a_message() {
    let (mut binder, mut connecter) = two_ends();
    binder.set_peer_farewell(b"gone".to_vec());
    let mut half = Message::from_slice(b"half").unwrap();
    half.set_flags(MORE);
    assert!(connecter.write(&mut half));
    connecter.terminate();
    assert_eq!(rest(&mut binder), [b"gone"]);
    assert!(binder.peer_finished());
}

#[test]
fn who_asked_for_a_farewell_says_none() {
    let (mut binder, mut connecter) = two_ends();
    binder.set_peer_farewell(b"gone".to_vec());
    drop(binder);
    assert!(rest(&mut connecter).is_empty());
}

#[test]
fn both_ends_count_the_messages_that_wait() {
    let (mut writer, mut reader) = two_ends();
    writer.set_marks(0, 0);
    assert_eq!((writer.waiting(), reader.waiting()), ((0, 0), (0, 0)));
    writer.write_metadata(Arc::new(Metadata::new())).unwrap();
    // Inline, by pointer, more than a chunk of them, and of two frames.
    let sizes = [0, 100, 1000, 200_000];
    for round in 0..2000 {
        let mut message = Message::with_size(sizes[round % sizes.len()]).unwrap();
        message.set_flags(if round % 3 == 0 { MORE } else { 0 });
        assert!(writer.write(&mut message));
    }
    assert!(writer.write(&mut Message::new()));
    let mut command = Message::from_slice(b"\x09SUBSCRIBE").unwrap();
    command.set_flags(COMMAND);
    assert!(writer.write_control(command));
    let messages = 2001 - 667;
    assert_eq!(reader.waiting(), (0, messages));
    assert_eq!(writer.waiting().0, messages);
    while reader.read().is_some_and(|frame| frame.more()) {}
    assert_eq!(reader.waiting(), (0, messages - 1));
    // What comes while others wait counts, too.
    assert!(writer.write(&mut Message::new()));
    assert_eq!(reader.waiting(), (0, messages));
    while reader.read().is_some() {}
    assert_eq!((writer.waiting(), reader.waiting()), ((0, 0), (0, 0)));
}

#[test]
fn pipes_may_be_anticipated_at_any_time() {
    let mut pipes = Pipes::default();
    let (first, mut peer) = two_ends();
    let (second, _) = two_ends();
    let (first, second) = (pipes.insert(first), pipes.insert(second));
    let everybody = [second.0, 7, first.0, u32::MAX];
    pipes.anticipate(&everybody);
    assert!(peer.write(&mut Message::from_slice(b"hello").unwrap()));
    let pipe = pipes.get_mut(first).unwrap();
    assert!(pipe.write(&mut Message::from_slice(b"hi").unwrap()));
    pipes.anticipate(&everybody);
    assert_eq!(rest(pipes.get_mut(first).unwrap()), [b"hello"]);
    pipes.anticipate(&everybody);
    pipes.remove(second);
    pipes.anticipate(&everybody);
    assert_eq!(rest(&mut peer), [b"hi"]);
}

#[test]
fn a_writer_hears_of_room_that_ends_with_what_is_known_of_it() {
    let told = Arc::new(Told::default());
    let config = PipeConfig { styles: (Style::Memory, Style::Memory), conflate: (false, false) };
    let session = EndConfig { owner: told.clone(), marks: None };
    let socket = EndConfig { owner: Arc::new(Nobody), marks: Some((0, 1000)) };
    let (mut session, mut socket) = pair(config, session, socket);
    session.set_owner_key(7);
    // Few enough for the old mark to leave no trace behind any of them.
    for _ in 0..300 {
        assert!(session.write(&mut Message::from_slice(b"old").unwrap()));
    }
    socket.set_marks(0, 10);
    session.marks_changed();
    told.0.store(0, Ordering::Relaxed);
    session.leave_metadata(Arc::new(Metadata::new())).unwrap();
    assert!(!session.check_write());
    assert!((0..300).all(|_| socket.read().is_some()));
    assert_eq!(told.0.load(Ordering::Relaxed), 0, "not before all is read");
    assert!(!socket.check_read());
    assert_eq!(told.0.load(Ordering::Relaxed), 1);
    assert!(session.check_write());
}

#[test]
fn a_message_is_written_as_a_whole_or_not_at_all() {
    let (mut writer, mut reader) = two_ends();
    let frames = |frames: [&str; 3]| {
        frames.map(|frame| {
            let mut message = Message::from_slice(frame.as_bytes()).unwrap();
            message.set_more(frame != "last");
            message
        })
    };
    for written in 0..3 {
        writer.run_short(written);
        assert!(!writer.write_all(frames(["lost", "lost", "last"])));
        assert!(writer.take_ran_short());
        assert!(rest(&mut reader).is_empty());
    }
    assert!(writer.write_all(frames(["first", "second", "last"])));
    assert_eq!(rest(&mut reader), [&b"first"[..], b"second", b"last"]);
}
