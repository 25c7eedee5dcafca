//! Unit tests of the byte queue, single-threaded and with two threads.

use super::*;
use crate::message::{COMMAND, MORE};

fn body(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + seed) as u8).collect()
}

const SIZES: [usize; 12] = [0, 1, 41, 42, 128, 129, 255, 256, 600, 5_000, 70_000, BODY_FROM + 1];

#[test]
fn frames_of_every_size_come_out_as_they_went_in() {
    for style in [Style::Memory, Style::Wire] {
        let (mut writer, mut reader) = queue(style).unwrap();
        for round in 0..50 {
            for (seed, len) in SIZES.into_iter().enumerate() {
                let mut message = Message::from_slice(&body(len, seed + round)).unwrap();
                message.set_more(seed % 3 == 1);
                writer.push_message(message);
                if seed % 3 != 1 {
                    writer.publish();
                }
            }
            for (seed, len) in SIZES.into_iter().enumerate() {
                let message = reader.read().unwrap();
                assert_eq!(message.data(), body(len, seed + round), "{len}");
                assert_eq!(message.more(), seed % 3 == 1);
            }
            assert!(reader.read().is_none());
            assert_eq!(writer.consumed(), writer.published());
        }
    }
}

#[test]
fn nothing_is_visible_before_the_last_frame() {
    let (mut writer, mut reader) = queue(Style::Wire).unwrap();
    writer.push(MORE, b"one");
    assert!(reader.read().is_none());
    writer.push(0, b"two");
    writer.publish();
    assert!(reader.read().unwrap().more());
    assert!(!reader.read().unwrap().more());
}

#[test]
fn rollback_removes_every_kind_of_frame_over_chunks() {
    for style in [Style::Memory, Style::Wire] {
        let (mut writer, mut reader) = queue(style).unwrap();
        writer.push(0, b"kept");
        writer.publish();
        let message = Message::from_slice(&body(300_000, 1)).unwrap();
        for _ in 0..3 {
            for len in SIZES {
                let mut part = Message::from_slice(&body(len, 3)).unwrap();
                part.set_more(true);
                writer.push_message(part);
            }
            let mut part = message.share();
            part.set_more(true);
            writer.push_message(part);
        }
        writer.rollback();
        assert!(!message.is_shared(), "the queue let go of the body");
        writer.push(0, b"after");
        writer.publish();
        assert_eq!(reader.read().unwrap().data(), b"kept");
        assert_eq!(reader.read().unwrap().data(), b"after");
        assert!(reader.read().is_none());
    }
}

#[test]
fn dropping_the_sides_drops_what_was_not_read() {
    for reader_first in [true, false] {
        let (mut writer, mut reader) = queue(Style::Memory).unwrap();
        let message = Message::from_slice(&body(1000, 1)).unwrap();
        for _ in 0..200 {
            writer.push_message(message.share());
        }
        writer.publish();
        writer.push_message(message.share());
        assert!(reader.read().is_some());
        if reader_first {
            drop(reader);
            assert!(writer.reader_closed());
            drop(writer);
        } else {
            drop(writer);
            assert!(reader.writer_closed());
            assert!(reader.read().is_some());
            drop(reader);
        }
        assert!(!message.is_shared());
    }
}

#[test]
fn metadata_is_attached_to_what_follows() {
    let (mut writer, mut reader) = queue(Style::Memory).unwrap();
    let mut metadata = Metadata::new();
    metadata.set("Socket-Type", b"PULL");
    writer.push_metadata(Arc::new(metadata));
    assert!(!writer.publish());
    assert_eq!(reader.peek(), None);
    assert!(reader.metadata().is_some());
    writer.push(COMMAND, b"\x09SUBSCRIBEx");
    writer.publish();
    let message = reader.read().unwrap();
    assert!(message.is_command());
    assert_eq!(message.metadata().unwrap().get("Socket-Type"), Some(c"PULL"));
}

/// The bytes a network writer would send, taken in steps of at most `step` bytes.
fn drain(reader: &mut Reader, step: usize, most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while out.len() < most {
        let mut slices = [std::io::IoSlice::new(&[]); 4];
        let count = reader.slices(&mut slices, step.min(most - out.len()), true);
        if count == 0 {
            break;
        }
        let bytes: Vec<u8> = slices[..count].iter().flat_map(|s| s.iter().copied()).collect();
        assert!(bytes.len() <= step);
        out.extend_from_slice(&bytes);
        reader.consume(bytes.len());
    }
    out
}

#[test]
fn slices_show_the_wire_form() {
    for step in [1, 7, 1000, 70_001, usize::MAX] {
        let (mut writer, mut reader) = queue(Style::Wire).unwrap();
        let mut expected = Vec::new();
        for (seed, len) in SIZES.into_iter().enumerate() {
            if step == 1 && len > 10_000 {
                continue;
            }
            let bytes = body(len, seed);
            if len < 256 {
                expected.extend_from_slice(&[0, len as u8]);
            } else {
                expected.push(LARGE);
                expected.extend_from_slice(&(len as u64).to_be_bytes());
            }
            expected.extend_from_slice(&bytes);
            writer.push_message(Message::from_slice(&bytes).unwrap());
            writer.publish();
        }
        assert!(drain(&mut reader, step, usize::MAX) == expected, "{step}");
        assert_eq!(writer.consumed(), writer.published());
    }
}

#[test]
fn after_a_partial_write_the_next_message_follows() {
    // Messages of 1 to 3 frames of many sizes, cut at every kind of place.
    for cut in (0..400_000).step_by(3_331).chain(0..40) {
        let (mut writer, mut reader) = queue(Style::Wire).unwrap();
        let mut starts = vec![0u64];
        for n in 0..12usize {
            for part in 0..=(n % 3) {
                let len = SIZES[(n * 5 + part * 7) % SIZES.len()];
                let mut message = Message::from_slice(&body(len, n)).unwrap();
                message.set_more(part < n % 3);
                writer.push_message(message);
            }
            writer.publish();
            starts.push(writer.published());
        }
        let sent = drain(&mut reader, 50_000, cut).len() as u64;
        reader.skip_to_message();
        let expected = starts.iter().copied().find(|&start| start >= sent).unwrap();
        assert_eq!(reader.position(), expected, "cut at {cut}");
    }
}

#[test]
fn received_bytes_become_messages() {
    let (mut out, mut wire) = queue(Style::Wire).unwrap();
    let mut expected = Vec::new();
    for n in 0..3000usize {
        let bytes = body((n * 37) % 900, n);
        out.push(0, &bytes);
        out.publish();
        expected.push(bytes);
    }
    let stream = drain(&mut wire, 9999, usize::MAX);
    let (mut writer, mut reader) = queue(Style::Memory).unwrap();
    let mut rest = stream.as_slice();
    let mut got = Vec::new();
    while !rest.is_empty() {
        let space = writer.receive_space(100);
        assert!(space.len() >= 100);
        let n = space.len().min(rest.len()).min(777);
        space[..n].copy_from_slice(&rest[..n]);
        rest = &rest[n..];
        writer.received(n);
        // Delimit as the engine does.
        let bytes = writer.unscanned();
        let mut end = 0;
        loop {
            let left = &bytes[end..];
            let size = match left {
                [0, len, ..] => 2 + *len as usize,
                [LARGE, len @ ..] if len.len() >= 8 => {
                    9 + u64::from_be_bytes(len[..8].try_into().unwrap()) as usize
                }
                _ => break,
            };
            if left.len() < size {
                break;
            }
            end += size;
        }
        writer.accept(end, end);
        while let Some(message) = reader.read() {
            got.push(message);
        }
    }
    assert_eq!(got.len(), expected.len());
    for (message, bytes) in got.iter().zip(&expected) {
        assert_eq!(message.data(), bytes);
    }
}

#[test]
fn a_chunk_that_a_frame_has_outgrown_is_passed_by() {
    for begun in [1, 5, 700] {
        let (mut writer, mut reader) = queue(Style::Memory).unwrap();
        for len in [900, 3_000, 5_000, 60_000, 65_500, 70_000] {
            // The frame begins in a chunk with nothing else in it, perhaps in two of them.
            let frame = [&[LARGE][..], &(len as u64).to_be_bytes(), &body(len, 3)].concat();
            let (first, rest) = frame.split_at(begun);
            for (part, room) in [(first, begun), (rest, rest.len()), (&[][..], 100_000)] {
                let space = writer.receive_space(room);
                space[..part.len()].copy_from_slice(part);
                writer.received(part.len());
            }
            assert_eq!(writer.unscanned(), frame);
            writer.accept(frame.len(), frame.len());
            assert_eq!(reader.read().unwrap().data(), body(len, 3), "{len}");
            assert!(reader.read().is_none());
        }
    }
}

#[test]
fn two_threads_agree_and_wake_each_other() {
    let (mut writer, mut reader) = queue(Style::Memory).unwrap();
    let (wake_reader, reader_waits) = std::sync::mpsc::channel::<()>();
    let (wake_writer, writer_waits) = std::sync::mpsc::channel::<()>();
    const COUNT: u64 = 200_000;
    let thread = std::thread::spawn(move || {
        for n in 0..COUNT {
            writer.push(0, &n.to_le_bytes());
            if writer.publish() {
                wake_reader.send(()).unwrap();
            }
            if n % 500 == 499 && writer.wait_for(writer.consumed() + 1) {
                let published = writer.published();
                while writer.consumed() < published && writer.wait_for(published) {
                    writer_waits.recv().unwrap();
                }
            }
        }
    });
    for n in 0..COUNT {
        let message = loop {
            if let Some(message) = reader.read() {
                break message;
            }
            if reader.sleep() {
                reader_waits.recv().unwrap();
            }
        };
        assert_eq!(message.data(), n.to_le_bytes());
        if reader.writer_waits() {
            let _ = wake_writer.send(());
        }
    }
    thread.join().unwrap();
}

#[test]
fn a_reader_that_sent_a_part_of_a_frame_may_close() {
    // The bytes of the body look like headers of frames that exist only in memory.
    for flags in [METADATA, EMBEDDED] {
        let (mut writer, mut reader) = queue(Style::Wire).unwrap();
        for _ in 0..20 {
            writer.push(0, &[flags; 6000]);
        }
        let large = Message::from_slice(&body(BODY_FROM + 1, 1)).unwrap();
        writer.push_message(large.share());
        writer.publish();
        reader.consume(10 * 6000 + 17);
        reader.close();
        drop(reader);
        assert!(!large.is_shared(), "the queue let go of the body");
        drop(writer);
    }
}

#[test]
fn what_is_published_to_a_reader_that_has_closed_is_freed() {
    let large = Message::from_slice(&body(EMBED_ABOVE + 1, 1)).unwrap();
    let metadata = Arc::new(Metadata::new());
    let (mut writer, mut reader) = queue(Style::Memory).unwrap();
    writer.push_message(large.share());
    writer.push(0, &[1; 300]);
    writer.publish();
    assert!(reader.read().is_some());
    drop(reader);
    for _ in 0..3000 {
        writer.push_metadata(metadata.clone());
        writer.push_message(large.share());
    }
    writer.publish();
    writer.push_message(large.share());
    drop(writer);
    assert!(!large.is_shared());
    assert_eq!(Arc::strong_count(&metadata), 1);
}

#[test]
fn a_dialogue_keeps_no_large_chunks() {
    let room = |writer: &mut Writer| writer.receive_space(512).len();
    let (mut writer, mut reader) = queue(Style::Memory).unwrap();
    for _ in 0..5_000 {
        assert!(room(&mut writer) <= chunk::MEDIUM);
        writer.push(0, &body(30, 0));
        writer.publish();
        assert_eq!(reader.read().unwrap().len(), 30);
    }
    // As soon as the reader does not keep up they are wanted.
    while room(&mut writer) <= chunk::MEDIUM {
        writer.push(0, &body(30, 0));
        writer.publish();
    }
    assert!(writer.published() - writer.consumed() < 8 * 1024);
}
