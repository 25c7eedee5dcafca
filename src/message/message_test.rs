//! Unit tests of the message.

use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn bodies_round_the_inline_limit_keep_their_bytes() {
    for len in [0, 1, MAX_INLINE - 1, MAX_INLINE, MAX_INLINE + 1, 255, 256, 70_000] {
        let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let message = Message::from_slice(&bytes).unwrap();
        assert_eq!(message.data(), bytes);
        let copy = message.share();
        assert_eq!(copy.data(), bytes);
        assert_eq!(message.is_shared(), len > MAX_INLINE);
        drop(copy);
        assert!(!message.is_shared());
    }
}

#[test]
fn sized_messages_are_writable() {
    for len in [3, MAX_INLINE + 1, 200_000] {
        let mut message = Message::with_size(len).unwrap();
        message.data_mut().unwrap().fill(7);
        assert!(message.data().iter().all(|&byte| byte == 7));
    }
    assert!(Message::with_size(usize::MAX).is_err());
}

#[test]
fn the_free_function_runs_once_after_the_last_copy() {
    static FREED: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn free(_data: *mut c_void, _hint: *mut c_void) {
        FREED.fetch_add(1, Ordering::SeqCst);
    }
    let mut bytes = [1u8, 2, 3];
    // SAFETY: `bytes` outlives both messages.
    let message = unsafe {
        Message::from_external(bytes.as_mut_ptr().cast(), 3, Some(free), std::ptr::null_mut())
    };
    let copy = message.share();
    drop(message);
    assert_eq!((copy.data(), FREED.load(Ordering::SeqCst)), (&[1u8, 2, 3][..], 0));
    drop(copy);
    assert_eq!(FREED.load(Ordering::SeqCst), 1);
}

#[test]
fn closed_memory_is_no_message() {
    let mut message = std::mem::ManuallyDrop::new(Message::from_slice(b"x").unwrap());
    let raw: *mut Message = &mut *message;
    // SAFETY: `raw` is a live message; it is closed once and not used as one afterwards.
    unsafe {
        assert!(Message::is_valid(raw));
        Message::close(raw);
        assert!(!Message::is_valid(raw));
    }
}

#[test]
fn groups_are_limited_to_255_bytes() {
    let mut message = Message::new();
    let long = std::ffi::CString::new(vec![b'g'; 256]).unwrap();
    assert_eq!(message.set_group(&long), Err(Error::INVAL));
    assert!(message.set_group(c"news").is_ok());
    assert_eq!(message.share().group(), c"news");
}
