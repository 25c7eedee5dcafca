//! Queues that follow a log under loom, see `loom_test`: the reader misses nothing, sees nothing that is
//! not for its queue, and is woken, wherever the queue joins and leaves.

use loom::thread;

use super::loom_test::Bell;
use super::*;

/// Two places at which a thread is interrupted find the races here, and three take an hour.
fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 10_000;
    builder.check(test);
}

/// Reads what is expected, asleep whenever there is nothing, and nothing else.
fn expect(reader: &mut Reader, bell: &Bell, bodies: &[&[u8]]) {
    for body in bodies {
        loop {
            if let Some(message) = reader.read() {
                assert_eq!(message.data(), *body);
                break;
            }
            if reader.sleep() {
                bell.wait();
            }
        }
    }
    assert!(reader.read().is_none());
}

fn message(body: &[u8]) -> Message {
    Message::from_slice(body).unwrap()
}

/// Appends a message and does what the publisher does for each follower.
fn append(log: &mut Log, body: &[u8], writer: &mut Writer, bell: &Bell) {
    if log.append(&[&message(body)]) {
        bell.ring_if(writer.rouse_reader());
    }
}

#[test]
fn loom_what_comes_into_the_log_wakes_a_reader_that_sleeps() {
    model(|| {
        let (mut writer, mut reader) = queue(Style::Wire).unwrap();
        let bell = Bell::new();
        let ring = bell.clone();
        let thread = thread::spawn(move || {
            let mut log = Log::new(100).unwrap();
            writer.follow(&log);
            append(&mut log, b"one", &mut writer, &ring);
            append(&mut log, b"two", &mut writer, &ring);
            (writer, log)
        });
        expect(&mut reader, &bell, &[b"one", b"two"]);
        drop(thread.join().unwrap());
    });
}

#[test]
fn loom_a_queue_that_leaves_the_log_gets_nothing_that_comes_later() {
    model(|| {
        let (mut writer, mut reader) = queue(Style::Wire).unwrap();
        let bell = Bell::new();
        let ring = bell.clone();
        let thread = thread::spawn(move || {
            let mut log = Log::new(100).unwrap();
            writer.follow(&log);
            append(&mut log, b"one", &mut writer, &ring);
            ring.ring_if(writer.leave_log());
            log.append(&[&message(b"for others")]);
            writer.push(0, b"two");
            ring.ring_if(writer.publish());
            (writer, log)
        });
        expect(&mut reader, &bell, &[b"one", b"two"]);
        drop(thread.join().unwrap());
    });
}

#[test]
fn loom_a_queue_goes_from_one_log_to_the_next() {
    model(|| {
        let (mut writer, mut reader) = queue(Style::Wire).unwrap();
        let bell = Bell::new();
        let ring = bell.clone();
        let thread = thread::spawn(move || {
            let (mut first, mut second) = (Log::new(100).unwrap(), Log::new(100).unwrap());
            writer.follow(&first);
            append(&mut first, b"one", &mut writer, &ring);
            ring.ring_if(writer.leave_log());
            writer.follow(&second);
            append(&mut second, b"two", &mut writer, &ring);
            (writer, second)
        });
        expect(&mut reader, &bell, &[b"one", b"two"]);
        drop(thread.join().unwrap());
    });
}

#[test]
fn loom_what_is_written_after_the_log_wakes_a_reader_that_slept_in_it() {
    model(|| {
        let (mut writer, mut reader) = queue(Style::Wire).unwrap();
        let bell = Bell::new();
        let ring = bell.clone();
        let thread = thread::spawn(move || {
            let log = Log::new(100).unwrap();
            writer.push(0, b"one");
            ring.ring_if(writer.publish());
            writer.follow(&log);
            ring.ring_if(writer.leave_log());
            writer.push(0, b"two");
            ring.ring_if(writer.publish());
            (writer, log)
        });
        expect(&mut reader, &bell, &[b"one", b"two"]);
        drop(thread.join().unwrap());
    });
}

#[test]
fn loom_two_readers_of_a_log_do_not_mind_each_other() {
    model(|| {
        let (mut writers, mut readers) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let (writer, reader) = queue(Style::Wire).unwrap();
            writers.push(writer);
            readers.push(reader);
        }
        let mut log = Log::new(100).unwrap();
        for writer in &mut writers {
            writer.follow(&log);
        }
        let (mut other, mut reader) = (readers.pop().unwrap(), readers.pop().unwrap());
        let thread = thread::spawn(move || {
            // One that does not wait, and may go with something unread.
            let seen = other.read();
            assert!(seen.is_none_or(|message| message.data() == b"one"));
        });
        let bell = Bell::new();
        let ring = bell.clone();
        let publisher = thread::spawn(move || {
            if log.append(&[&message(b"one")]) {
                ring.ring_if(writers[0].rouse_reader());
                writers[1].rouse_reader();
            }
            (writers, log)
        });
        expect(&mut reader, &bell, &[b"one"]);
        thread.join().unwrap();
        drop(publisher.join().unwrap());
    });
}
