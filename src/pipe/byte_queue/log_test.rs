//! Unit tests of `log`: what lies in a log is in every respect like what lies in a queue's own chunks.

use std::io::IoSlice;

use super::super::{Reader, Style, Writer, queue};
use super::*;
use crate::message::MORE;

fn message(body: &[u8], more: bool) -> Message {
    let mut message = Message::from_slice(body).unwrap();
    message.set_flags(if more { MORE } else { 0 });
    message
}

fn read(reader: &mut Reader) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| reader.read()).map(|message| message.data().to_vec()).collect()
}

fn push(writer: &mut Writer, body: &[u8]) {
    writer.push(0, body);
    writer.publish();
}

#[test]
fn a_queue_follows_and_leaves_and_follows_again() {
    let (mut writer, mut reader) = queue(Style::Wire).unwrap();
    let (mut log, mut next) = (Log::new(1000).unwrap(), Log::new(1000).unwrap());
    log.append(&[&message(b"before", false)]);
    push(&mut writer, b"0");
    writer.follow(&log);
    assert!(writer.follows(&log) && !writer.follows(&next));
    log.append(&[&message(b"1", true), &message(&[2; 300], false)]);
    assert_eq!(read(&mut reader), [b"0".to_vec(), b"1".to_vec(), vec![2; 300]]);
    log.append(&[&message(b"3", false)]);
    writer.leave_log();
    log.append(&[&message(b"not for this one", false)]);
    writer.follow(&next);
    next.append(&[&message(b"4", false)]);
    writer.leave_log();
    writer.follow(&log);
    writer.leave_log();
    push(&mut writer, b"5");
    assert_eq!(read(&mut reader), [b"3", b"4", b"5"]);
    assert_eq!(writer.consumed(), writer.published());
    assert_eq!((log.segment.messages(), next.segment.messages()), (4, 1));
}

#[test]
fn a_log_takes_no_more_than_it_has_room_for() {
    let (mut writer, mut reader) = queue(Style::Wire).unwrap();
    let mut log = Log::new(100).unwrap();
    writer.follow(&log);
    assert!(!log.has_room(&[&message(&[0; 92], false)]));
    assert!(!log.append(&[&message(&[0; 92], false)]));
    log.append(&[&message(&[0; 91], false)]);
    assert_eq!(read(&mut reader), [[0; 91]]);
    assert!(!log.has_room(&[&message(b"", false)]));
}

#[test]
fn whoever_appends_learns_of_a_reader_that_sleeps() {
    let (mut writer, mut reader) = queue(Style::Wire).unwrap();
    let mut log = Log::new(1000).unwrap();
    assert!(reader.sleep());
    writer.follow(&log);
    let one = message(b"one", false);
    assert!(log.append(&[&one]) && writer.rouse_reader() && !writer.rouse_reader());
    assert!(!log.append(&[&one]), "nobody went to sleep since");
    assert!(!reader.sleep(), "there is something");
    assert_eq!(read(&mut reader).len(), 2);
    assert!(reader.sleep());
    assert!(log.append(&[&one]) && writer.rouse_reader());
    assert_eq!(read(&mut reader).len(), 1);
    assert!(reader.sleep());
    assert!(writer.leave_log(), "it has to be woken for what comes now");
}

#[test]
fn after_a_partial_write_the_next_message_follows() {
    for cut in 0..400 {
        let (mut writer, mut reader) = queue(Style::Wire).unwrap();
        let mut starts = vec![0];
        for round in 0..6 {
            let mut log = Log::new(1000).unwrap();
            push(&mut writer, &vec![1; round * 3]);
            starts.push(writer.published());
            writer.follow(&log);
            for len in 0..round {
                let frames = [&message(&vec![2; len], true), &message(&vec![3; 2 * len], false)];
                log.append(&frames);
                starts.push(writer.published());
            }
            if round % 2 == 0 {
                writer.leave_log();
                log.append(&[&message(b"for others", false)]);
            } else {
                writer.leave_log();
            }
        }
        let mut sent = 0;
        while sent < cut {
            let mut slices = [IoSlice::new(&[]); 3];
            let count = reader.slices(&mut slices, cut - sent, false);
            let shown: usize = slices[..count].iter().map(|slice| slice.len()).sum();
            if shown == 0 {
                break;
            }
            reader.consume(shown);
            sent += shown;
        }
        reader.skip_to_message();
        let expected = starts.iter().copied().find(|&start| start >= sent as u64).unwrap();
        assert_eq!(reader.position(), expected, "cut at {cut}");
    }
}

#[test]
fn a_log_lives_as_long_as_somebody_has_not_read_it() {
    let mut log = Log::new(1000).unwrap();
    let (mut writer, mut reader) = queue(Style::Wire).unwrap();
    let (mut other, gone) = queue(Style::Wire).unwrap();
    writer.follow(&log);
    other.follow(&log);
    log.append(&[&message(&[7; 700], false)]);
    let segment = Arc::downgrade(&log.segment);
    let held = reader.read().unwrap();
    writer.leave_log();
    push(&mut writer, b"next");
    assert_eq!(read(&mut reader), [b"next"]);
    drop((gone, log));
    other.leave_log();
    drop(other);
    assert!(segment.upgrade().is_some(), "a message points into it");
    assert_eq!(held.data(), [7; 700]);
    drop(held);
    assert!(segment.upgrade().is_none());
}

#[test]
fn two_readers_on_threads_of_their_own_get_the_same() {
    const COUNT: u32 = 20_000;
    let mut writers = Vec::new();
    let mut threads = Vec::new();
    for _ in 0..2 {
        let (writer, mut reader) = queue(Style::Wire).unwrap();
        let (bell, rung) = std::sync::mpsc::channel();
        writers.push((writer, bell));
        threads.push(std::thread::spawn(move || {
            for number in 0..COUNT {
                let message = loop {
                    match reader.read() {
                        Some(message) => break message,
                        None if reader.sleep() => rung.recv().unwrap(),
                        None => {}
                    }
                };
                assert_eq!(message.data(), number.to_le_bytes());
            }
        }));
    }
    let mut log = Log::new(0).unwrap();
    for number in 0..COUNT {
        let message = message(&number.to_le_bytes(), false);
        // Sometimes one of them gets a message by itself.
        if number % 1000 == 7 || !log.has_room(&[&message]) {
            log = Log::new(if number % 3 == 0 { 100 } else { 10_000 }).unwrap();
            for (writer, bell) in &mut writers {
                let mut asleep = writer.leave_log();
                if number % 1000 == 7 {
                    writer.push_copy(&message);
                    asleep |= writer.publish();
                }
                if asleep {
                    bell.send(()).unwrap();
                }
                writer.follow(&log);
            }
            if number % 1000 == 7 {
                continue;
            }
        }
        if log.append(&[&message]) {
            for (writer, bell) in &mut writers {
                if writer.rouse_reader() {
                    bell.send(()).unwrap();
                }
            }
        }
    }
    for thread in threads {
        thread.join().unwrap();
    }
}
