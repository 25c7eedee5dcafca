//! A message in memory that the application reserved for it, and that may hold anything. Called by
//! `ffi::message`.

use std::mem::MaybeUninit;

use super::{KIND_CLOSED, KIND_INLINE, KIND_STATIC, MAX_INLINE, Message, content};
use crate::error::Result;

impl Message {
    /// Makes the memory at `raw` a message of `len` bytes, in place; see [`Message::with_size`].
    ///
    /// # Safety
    /// `raw` must be aligned and writable; what it holds is overwritten and not dropped.
    pub(crate) unsafe fn init_sized(raw: *mut Message, len: usize) -> Result<()> {
        // SAFETY: the caller vouches for the memory.
        unsafe {
            if len <= MAX_INLINE {
                let mut message = Message::new();
                message.body = [MaybeUninit::new(0); MAX_INLINE];
                raw.write(message);
                (&raw mut (*raw).size).write(len as u8);
            } else {
                let (content, data) = content::allocate(len)?;
                raw.write(Message::new());
                (*raw).set_shared(data.as_ptr(), len, content.as_ptr());
            }
        }
        Ok(())
    }

    /// Whether the 64 bytes at `raw` hold a message that was initialised and not closed.
    ///
    /// # Safety
    /// `raw` must be readable for 64 bytes.
    pub(crate) unsafe fn is_valid(raw: *const Message) -> bool {
        // SAFETY: the caller vouches for the memory; the field is a plain byte.
        let kind = unsafe { (&raw const (*raw).kind).read() };
        (KIND_INLINE..=KIND_STATIC).contains(&kind)
    }

    /// Drops the message in place and marks the memory as closed.
    ///
    /// # Safety
    /// `raw` must point to a valid message, see [`Message::is_valid`].
    pub(crate) unsafe fn close(raw: *mut Message) {
        // SAFETY: the caller vouches for the message; afterwards only `kind` is looked at.
        unsafe {
            raw.drop_in_place();
            (&raw mut (*raw).kind).write(KIND_CLOSED);
        }
    }
}
