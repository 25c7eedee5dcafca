//! A large body that is received piece by piece, whose memory grows as the pieces come.
//!
//! What a peer announces is only its word: no more is asked of the system than twice what has come.
//! Used by `runtime::incoming`; becomes a message when it is whole.

use std::ptr::NonNull;

use super::content::{self, Content};
use super::{Message, Result};

/// This much is made at once. Beyond it the system moves pages instead of copying them.
const AT_ONCE: usize = 8 * 1024 * 1024;

/// See the head of this file.
pub(crate) struct GrowingBody {
    /// INVARIANT: a block made by `content::allocate` or `content::grow` with room for `room` bytes,
    /// and this is its only reference.
    content: NonNull<Content>,
    data: NonNull<u8>,
    room: usize,
    /// How many bytes there will be.
    len: usize,
}

// SAFETY: it owns its block alone.
unsafe impl Send for GrowingBody {}

impl GrowingBody {
    /// A body that will have `len` bytes. `NOMEM` if there is no memory for the first of them.
    pub(crate) fn new(len: usize) -> Result<GrowingBody> {
        let room = len.min(AT_ONCE);
        let (content, data) = content::allocate(room)?;
        Ok(GrowingBody { content, data, room, len })
    }

    /// How many bytes there will be.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Room for what comes behind the first `filled` bytes: some as long as any is missing.
    pub(crate) fn room_behind(&mut self, filled: usize) -> Result<&mut [u8]> {
        if filled >= self.room && self.room < self.len {
            let room = self.room.saturating_mul(2).min(self.len);
            // SAFETY: by the invariant the block is ours alone, and it is not used any more if this
            // succeeds.
            (self.content, self.data) = unsafe { content::grow(self.content, room)? };
            self.room = room;
        }
        // SAFETY: by the invariant the block has so many bytes and nobody else knows it.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.room) };
        Ok(bytes.get_mut(filled..).unwrap_or_default())
    }

    /// The whole body as a message; `None` if its end has not come.
    pub(crate) fn into_message(self) -> Option<Message> {
        if self.room < self.len {
            return None;
        }
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: the block has `len` bytes, and the message takes the reference over.
        Some(unsafe { Message::from_content(this.content, this.data, this.len) })
    }
}

impl Drop for GrowingBody {
    fn drop(&mut self) {
        // SAFETY: by the invariant the reference is ours.
        unsafe { Content::release(self.content) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announced_size_costs_little() {
        let mut body = GrowingBody::new(1 << 45).unwrap();
        assert_eq!(body.len(), 1 << 45);
        let room = body.room_behind(3).unwrap();
        assert_eq!(room.len(), AT_ONCE - 3);
        assert!(body.into_message().is_none());
    }

    #[test]
    fn what_was_filled_stays() {
        let len = AT_ONCE * 3 + 5;
        let mut body = GrowingBody::new(len).unwrap();
        let mut filled = 0;
        while filled < len {
            let room = body.room_behind(filled).unwrap();
            for (at, byte) in room.iter_mut().enumerate() {
                *byte = ((filled + at) / 1000) as u8;
            }
            assert!(!room.is_empty());
            filled += room.len();
        }
        let message = body.into_message().unwrap();
        assert_eq!(message.len(), len);
        assert!(message.data().iter().enumerate().all(|(at, &byte)| byte == (at / 1000) as u8));
    }
}
