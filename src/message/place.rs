//! A message in memory that the application reserved for it, and that may hold anything. Called by
//! `ffi::message`.

use std::mem::MaybeUninit;

use super::{
    KIND_CLOSED, KIND_INLINE, KIND_SHARED, KIND_STATIC, MAX_INLINE, MORE, Message, Shared, content,
};
use crate::error::Result;
use crate::sys::prefetch;

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
    /// `raw` must be readable for 64 bytes; it need not be aligned.
    pub(crate) unsafe fn is_valid(raw: *const Message) -> bool {
        // SAFETY: the caller vouches for the memory; the field is a plain byte.
        let kind = unsafe { (&raw const (*raw).kind).read() };
        (KIND_INLINE..=KIND_STATIC).contains(&kind)
    }

    /// Whether more frames follow the message at `raw`, which may have been closed since: the flag is left there.
    /// Zeroed memory says no.
    ///
    /// # Safety
    /// `raw` must be readable for 64 bytes; it need not be aligned.
    pub(crate) unsafe fn more_of(raw: *const Message) -> bool {
        // SAFETY: the caller vouches for the memory; the field is a plain byte.
        unsafe { (&raw const (*raw).flags).read() & MORE != 0 }
    }

    /// The body of the message at `raw`, aligned or not: see [`Message::as_mut_ptr`].
    ///
    /// # Safety
    /// `raw` must point to a valid message, see [`Message::is_valid`].
    pub(crate) unsafe fn body_of(raw: *mut Message) -> *mut u8 {
        // SAFETY: the caller vouches for the message; by its kind its body starts with a `Shared`.
        unsafe {
            let body = &raw mut (*raw).body;
            if (&raw const (*raw).kind).read() == KIND_INLINE {
                return body.cast();
            }
            (&raw const (*body.cast::<Shared>()).data).read_unaligned()
        }
    }

    /// Moves a message that is not inline to `to`, and leaves an empty one.
    ///
    /// It goes field by field, as most of them were just written one by one: a wider load would have to wait
    /// until they are in the cache, behind all that another processor has to hand out first.
    ///
    /// # Safety
    /// `to` must be writable for a message, aligned or not; what it holds is overwritten and not dropped.
    pub(crate) unsafe fn move_shared(&mut self, to: *mut Message) {
        debug_assert!(self.kind != KIND_INLINE);
        // SAFETY: the caller vouches for `to`; by its kind the body starts with a `Shared`, aligned here.
        unsafe {
            let from = (&raw const self.body).cast::<Shared>();
            let data = (&raw const (*from).data).read_volatile();
            let len = (&raw const (*from).len).read_volatile();
            let content = (&raw const (*from).content).read_volatile();
            let shared = Shared { data, len, content };
            (&raw mut (*to).body).cast::<Shared>().write_unaligned(shared);
            (&raw mut (*to).metadata).write_unaligned(self.metadata.take());
            (&raw mut (*to).group).write_unaligned(self.group.take());
            (&raw mut (*to).size).write(0);
            (&raw mut (*to).kind).write(self.kind);
            (&raw mut (*to).flags).write(self.flags);
            (&raw mut (*to).routing_id).write_unaligned(self.routing_id);
        }
        self.kind = KIND_INLINE;
        self.size = 0;
        self.flags = 0;
        self.routing_id = 0;
    }

    /// Tells the processor that the body of the message at `raw` is wanted soon.
    ///
    /// # Safety
    /// A message must lie there, aligned or not.
    #[inline]
    pub(crate) unsafe fn prefetch(raw: *const Message) {
        // SAFETY: the caller vouches for the message; by its kind its body starts with a `Shared`.
        unsafe {
            if (&raw const (*raw).kind).read() == KIND_SHARED {
                let shared = (&raw const (*raw).body).cast::<Shared>().read_unaligned();
                prefetch::for_reading(shared.data);
                prefetch::for_reading(shared.content.cast());
            }
        }
    }

    /// Drops the message in place and marks the memory as closed. Its flags stay: receive loops close a frame
    /// first and then ask whether more follow, which zmq_msg_more(3) allows.
    ///
    /// # Safety
    /// `raw` must point to a valid message, see [`Message::is_valid`].
    pub(crate) unsafe fn close(raw: *mut Message) {
        // SAFETY: the caller vouches for the message; afterwards only `kind` and `flags` are looked at.
        unsafe {
            raw.drop_in_place();
            (&raw mut (*raw).kind).write(KIND_CLOSED);
        }
    }
}
