//! When the free function of a small message of zmq_msg_init_data(3) is called.

use std::ffi::c_void;
use std::io::IoSlice;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::*;
use crate::message::MORE;

unsafe extern "C" fn freed(_data: *mut c_void, hint: *mut c_void) {
    // SAFETY: the hint is the counter of a test that waits for it.
    unsafe { &*hint.cast::<AtomicUsize>() }.fetch_add(1, Relaxed);
}

/// A message of nine bytes; the counter tells that they are free.
fn lent(counter: &AtomicUsize, flags: u8) -> Message {
    let data = b"something".as_ptr().cast_mut().cast();
    let hint = std::ptr::from_ref(counter).cast_mut().cast();
    // SAFETY: static bytes, that nobody writes to.
    let mut message = unsafe { Message::from_external(data, 9, Some(freed), hint) };
    message.set_flags(flags);
    message
}

fn send(writer: &mut Writer, counter: &AtomicUsize, flags: u8) {
    let mut message = lent(counter, flags);
    assert!(writer.push_from(&mut message));
    assert!(message.is_empty() && !message.is_external());
    if flags & MORE == 0 {
        writer.publish();
    }
}

/// The frame of such a message.
const FRAME: usize = 2 + 9;

#[test]
fn a_message_is_free_when_its_last_byte_has_left() {
    let count = AtomicUsize::new(0);
    let (mut writer, mut reader) = queue(Style::Wire).unwrap();
    for _ in 0..3 {
        send(&mut writer, &count, 0);
    }
    let mut pieces = [IoSlice::new(&[])];
    assert_eq!(reader.slices(&mut pieces, usize::MAX, true), 1);
    assert_eq!(&pieces[0][..FRAME], b"\0\x09something");
    reader.let_go();
    assert_eq!(count.load(Relaxed), 0, "on their way is not away");
    reader.consume(2 * FRAME - 1);
    reader.let_go();
    assert_eq!(count.load(Relaxed), 1);
    reader.consume(1);
    reader.let_go();
    assert_eq!(count.load(Relaxed), 2);
    reader.consume(FRAME);
    assert!(reader.sleep());
    assert_eq!(count.load(Relaxed), 3);

    send(&mut writer, &count, 0);
    // As the engine of an encrypted connection does.
    assert_eq!(reader.read().unwrap().data(), b"something");
    reader.doze();
    assert_eq!(count.load(Relaxed), 4);
}

#[test]
fn in_a_stream_the_writer_frees_what_has_left() {
    let count = AtomicUsize::new(0);
    let (mut writer, mut reader) = queue(Style::Wire).unwrap();
    for sent in 1..=10_000 {
        send(&mut writer, &count, 0);
        if reader.has_bytes() {
            reader.consume(FRAME);
        }
        assert!(sent - count.load(Relaxed) <= 64, "{sent}");
    }
    assert!(reader.sleep());
    assert_eq!(count.load(Relaxed), 10_000);
}

#[test]
fn what_is_shared_is_free_when_all_of_it_has_left() {
    let count = AtomicUsize::new(0);
    let (mut writer, mut reader) = queue(Style::Wire).unwrap();
    let kept = lent(&count, 0);
    assert!(writer.push_from(&mut kept.share()));
    assert!(writer.push_from(&mut kept.share()));
    writer.publish();
    reader.consume(FRAME);
    reader.let_go();
    assert_eq!((count.load(Relaxed), kept.is_shared()), (0, true));
    reader.consume(FRAME);
    reader.let_go();
    assert_eq!((count.load(Relaxed), kept.is_shared()), (0, false));
    drop(kept);
    assert_eq!(count.load(Relaxed), 1);
}

#[test]
fn what_never_leaves_is_free_at_the_end() {
    let count = AtomicUsize::new(0);
    let (mut writer, mut reader) = queue(Style::Wire).unwrap();
    for _ in 0..100 {
        send(&mut writer, &count, 0);
    }
    // The frames of a message that is not completed.
    for _ in 0..50 {
        send(&mut writer, &count, MORE);
    }
    assert_eq!(count.load(Relaxed), 0);
    writer.rollback();
    assert_eq!(count.load(Relaxed), 50);
    // A connection is lost in the middle of a message, the rest of which is skipped.
    reader.consume(FRAME + 1);
    reader.skip_to_message();
    reader.let_go();
    assert_eq!(count.load(Relaxed), 52);
    reader.close();
    assert_eq!(count.load(Relaxed), 150);
    send(&mut writer, &count, 0);
    drop(reader);
    drop(writer);
    assert_eq!(count.load(Relaxed), 151);
}

#[test]
fn within_the_process_a_small_one_is_copied_and_a_larger_one_moves() {
    let count = AtomicUsize::new(0);
    let (mut writer, mut reader) = queue(Style::Memory).unwrap();
    send(&mut writer, &count, 0);
    assert_eq!(count.load(Relaxed), 1);
    static LARGER: [u8; EMBED_ABOVE + 1] = [7; EMBED_ABOVE + 1];
    let data = LARGER.as_ptr().cast_mut().cast();
    let hint = std::ptr::from_ref(&count).cast_mut().cast();
    // SAFETY: static bytes, that nobody writes to.
    let mut larger = unsafe { Message::from_external(data, LARGER.len(), Some(freed), hint) };
    assert!(writer.push_from(&mut larger));
    writer.publish();
    assert_eq!(reader.read().unwrap().data(), b"something");
    let received = reader.read().unwrap();
    assert_eq!((received.data(), received.is_external()), (&LARGER[..], true));
    // It replaces what a message held, and is replaced.
    let mut message = lent(&count, 0);
    send(&mut writer, &count, 0);
    assert_eq!(count.load(Relaxed), 2);
    assert!(reader.read_into(&mut message));
    assert_eq!((count.load(Relaxed), message.is_external()), (3, false));
    drop(received);
    assert_eq!(count.load(Relaxed), 4);
}
