//! The byte queue under loom: every interleaving of a writer and a reader, with what the memory
//! model allows. Run by `make check-loom`.
//!
//! A side that was told to sleep waits for a bell, which stands for the notification. If the other
//! side ever failed to ring it, both would be stuck, and loom would say so.

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use super::*;

fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.max_branches = 10_000;
    builder.check(test);
}

/// The way of a notification from one side to the other.
#[derive(Clone)]
pub(super) struct Bell(Arc<(Mutex<bool>, Condvar)>);

impl Bell {
    pub(super) fn new() -> Bell {
        Bell(Arc::new((Mutex::new(false), Condvar::new())))
    }

    pub(super) fn ring_if(&self, needed: bool) {
        if needed {
            *self.0.0.lock().unwrap() = true;
            self.0.1.notify_one();
        }
    }

    pub(super) fn wait(&self) {
        let mut rung = self.0.0.lock().unwrap();
        while !*rung {
            rung = self.0.1.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// Reads until the writer is gone, asleep whenever there is nothing.
fn read_to_the_end(reader: &mut Reader, bell: &Bell) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    loop {
        if let Some(message) = reader.read() {
            bodies.push(message.data().to_vec());
        } else if reader.writer_closed() {
            // What was published before the end may have come after the look above.
            while let Some(message) = reader.read() {
                bodies.push(message.data().to_vec());
            }
            return bodies;
        } else if reader.sleep() {
            bell.wait();
        }
    }
}

/// A writer on a thread of its own sends `bodies`, each published by itself.
fn writes(
    bodies: &'static [&'static [u8]],
    style: Style,
) -> (Reader, Bell, thread::JoinHandle<()>) {
    let (mut writer, reader) = queue(style).unwrap();
    let bell = Bell::new();
    let ring = bell.clone();
    let thread = thread::spawn(move || {
        for body in bodies {
            writer.push(0, body);
            ring.ring_if(writer.publish());
        }
        ring.ring_if(writer.close());
    });
    (reader, bell, thread)
}

#[test]
fn a_reader_that_sleeps_is_woken_and_misses_nothing() {
    model(|| {
        let (mut reader, bell, thread) = writes(&[b"one", b"two"], Style::Wire);
        assert_eq!(read_to_the_end(&mut reader, &bell), [b"one", b"two"]);
        thread.join().unwrap();
    });
}

#[test]
fn a_reader_follows_from_chunk_to_chunk() {
    static LARGE: [u8; 3000] = [7; 3000];
    model(|| {
        static BODIES: [&[u8]; 2] = [&LARGE, &LARGE];
        let (mut reader, bell, thread) = writes(&BODIES, Style::Memory);
        let bodies = read_to_the_end(&mut reader, &bell);
        assert!(bodies.len() == 2 && bodies.iter().all(|body| body[..] == LARGE));
        thread.join().unwrap();
    });
}

#[test]
fn a_message_of_several_frames_appears_whole() {
    model(|| {
        let (mut writer, mut reader) = queue(Style::Wire).unwrap();
        let thread = thread::spawn(move || {
            writer.push(crate::message::MORE, b"first");
            writer.push(0, b"last");
            writer.publish();
        });
        if let Some(first) = reader.read() {
            assert!(first.more());
            assert_eq!(reader.read().unwrap().data(), b"last");
        }
        thread.join().unwrap();
    });
}

#[test]
fn a_message_that_is_taken_back_is_never_seen() {
    static LARGE: [u8; 3000] = [7; 3000];
    model(|| {
        let (mut writer, mut reader) = queue(Style::Wire).unwrap();
        let thread = thread::spawn(move || {
            writer.push(0, b"kept");
            writer.publish();
            writer.push(crate::message::MORE, &LARGE);
            writer.push(crate::message::MORE, &LARGE);
            writer.rollback();
            writer.push(0, b"next");
            writer.publish();
        });
        let seen: Vec<_> = std::iter::from_fn(|| reader.read()).collect();
        let mut expected = [&b"kept"[..], b"next"].into_iter();
        assert!(seen.iter().all(|message| Some(message.data()) == expected.next()));
        thread.join().unwrap();
    });
}

#[test]
fn a_writer_that_waits_for_room_is_woken() {
    model(|| {
        let (mut writer, mut reader) = queue(Style::Wire).unwrap();
        writer.push(0, b"one");
        writer.publish();
        writer.push(0, b"two");
        writer.publish();
        let all = writer.published();
        let bell = Bell::new();
        let ring = bell.clone();
        let thread = thread::spawn(move || {
            for _ in 0..2 {
                assert!(reader.read().is_some());
                ring.ring_if(reader.writer_waits());
            }
        });
        if writer.wait_for(all) {
            bell.wait();
        }
        assert_eq!(writer.consumed(), all);
        thread.join().unwrap();
    });
}

#[test]
fn both_sides_may_go_at_any_time() {
    model(|| {
        let (mut writer, mut reader) = queue(Style::Memory).unwrap();
        let body = Message::from_slice(&[1; EMBED_ABOVE + 1]).unwrap();
        let thread = thread::spawn(move || {
            writer.push_message(body);
            writer.publish();
            drop(writer);
        });
        let seen = reader.read();
        assert!(seen.is_none_or(|message| message.len() == EMBED_ABOVE + 1));
        drop(reader);
        thread.join().unwrap();
    });
}

#[test]
fn bytes_are_consumed_while_more_are_written() {
    model(|| {
        let (mut writer, mut reader) = queue(Style::Wire).unwrap();
        writer.push(0, b"one");
        writer.publish();
        let bell = Bell::new();
        let ring = bell.clone();
        let thread = thread::spawn(move || {
            let mut taken = 0;
            while taken < 10 {
                let mut slices = [std::io::IoSlice::new(&[]); 4];
                let count = reader.slices(&mut slices, 100, false);
                let bytes = slices[..count].iter().map(|slice| slice.len()).sum();
                reader.consume(bytes);
                taken += bytes;
                ring.ring_if(reader.writer_waits());
                if bytes == 0 {
                    thread::yield_now();
                }
            }
            assert!(reader.rest_of_message() == 0);
        });
        writer.push(0, b"two");
        writer.publish();
        if writer.wait_for(10) {
            bell.wait();
        }
        assert_eq!(writer.consumed(), 10);
        thread.join().unwrap();
    });
}

#[test]
fn a_large_body_goes_from_writer_to_reader() {
    static LARGE: [u8; BODY_FROM + 1] = [7; BODY_FROM + 1];
    model(|| {
        let (mut writer, mut reader) = queue(Style::Wire).unwrap();
        let body = Message::from_slice(&LARGE).unwrap();
        let thread = thread::spawn(move || {
            writer.push_message(body);
            writer.publish();
            writer.push(0, b"next");
            writer.publish();
        });
        if let Some(message) = reader.read() {
            assert_eq!(message.len(), LARGE.len());
            assert!(reader.read().is_none_or(|message| message.data() == b"next"));
        }
        thread.join().unwrap();
    });
}
