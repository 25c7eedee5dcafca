//! Unit tests of the message.

use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::error::Error;

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

#[test]
fn a_message_received_into_keeps_what_suits_and_nothing_that_others_see() {
    let metadata = Arc::new(Metadata::new());
    let mut message = Message::new();
    assert!(message.refill_large(&[1; 300], MORE, Some(&metadata)));
    let first = message.as_mut_ptr();
    assert!(message.refill_large(&[2; 290], 0, Some(&metadata)));
    assert_eq!(message.as_mut_ptr(), first, "its own memory is used again");
    assert_eq!((message.data(), message.more()), (&[2u8; 290][..], false));
    assert_eq!(Arc::strong_count(&metadata), 2);

    let copy = message.share();
    assert!(message.refill_large(&[3; 290], 0, None));
    assert_eq!((message.data(), copy.data()), (&[3u8; 290][..], &[2u8; 290][..]));
    drop(copy);
    assert_eq!(Arc::strong_count(&metadata), 1);

    // Much smaller and larger ones, inline ones and foreign memory in turn.
    static FOREIGN: [u8; 400] = [5; 400];
    for len in [100, 5000, 7, 300, 41] {
        let body = vec![len as u8; len];
        if len <= MAX_INLINE {
            message.refill(len, 0, Some(&metadata), |to| {
                // SAFETY: a message has room for that much.
                unsafe { to.copy_from_nonoverlapping(NonNull::from(&body[..]).cast(), len) }
            });
        } else {
            assert!(message.refill_large(&body, 0, Some(&metadata)));
        }
        assert_eq!(message.data(), body);
        // SAFETY: static memory.
        let foreign = unsafe {
            let data = FOREIGN.as_ptr().cast_mut().cast();
            Message::from_external(data, FOREIGN.len(), None, std::ptr::null_mut())
        };
        if len == 5000 {
            message = foreign;
        }
    }
    assert_eq!(FOREIGN, [5; 400]);
    assert_eq!(Arc::strong_count(&metadata), 2);
}
