//! The message: 64 bytes that hold a small body inline or point to a shared one.
//!
//! This is `zmq_msg_t` itself: `ffi::message` casts the application's 64 bytes to a [`Message`],
//! pipes carry its body as a ZMTP frame, patterns pass it on. See zmq_msg_init(3) and its kin.

mod attributes;
mod content;
mod external;
mod growing;
mod metadata;
mod place;
mod refill;
pub(crate) mod spare;
mod subscription;

use std::ffi::{CString, c_void};
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Arc;

pub(crate) use attributes::MAX_GROUP;
use content::settled;
pub(crate) use content::{Content, FreeFn};
pub(crate) use growing::GrowingBody;
pub(crate) use metadata::Metadata;
pub(crate) use subscription::{CANCEL, SUBSCRIBE, Subscription};

use crate::error::Result;

/// Bodies up to this many bytes live inside the message.
pub(crate) const MAX_INLINE: usize = 41;

/// More frames of the same message follow (ZMTP frame flag).
pub(crate) const MORE: u8 = 1;
/// The frame is a ZMTP command, not part of a message; only SUBSCRIBE, CANCEL, JOIN and LEAVE
/// commands ever travel between a pipe and a pattern.
pub(crate) const COMMAND: u8 = 4;

/// What the body bytes mean. The values lie in a narrow range so that `zmq_msg_*` can tell a
/// message from memory that was never initialised or already closed.
const KIND_INLINE: u8 = 101;
/// `Shared` in the body: counted content.
const KIND_SHARED: u8 = 102;
/// `Shared` in the body: counted content that is the application's, with a free function.
const KIND_EXTERNAL: u8 = 103;
/// `KIND_SHARED` over a part of larger storage, of which there is or was another copy, see [`Message::may_be_shared`].
const KIND_COPIED: u8 = 104;
/// `Shared` in the body without content: memory that outlives the message.
const KIND_STATIC: u8 = 105;
/// `Shared` in the body without content: memory that the caller of one send call lends.
const KIND_LENT: u8 = 106;
/// Written by `zmq_msg_close`.
const KIND_CLOSED: u8 = 0;

/// Where a body that is not inline lies.
#[derive(Clone, Copy)]
#[repr(C)]
struct Shared {
    data: *mut u8,
    len: usize,
    /// Null for static memory. The message owns one reference.
    content: *mut Content,
}

/// A message: body, frame flags, and what came with it.
#[repr(C, align(8))]
pub(crate) struct Message {
    metadata: Option<Arc<Metadata>>,
    group: Option<Arc<CString>>,
    /// INVARIANT: `KIND_INLINE`: the first `size` bytes are initialised; otherwise it starts with
    /// a [`Shared`].
    body: [MaybeUninit<u8>; MAX_INLINE],
    size: u8,
    kind: u8,
    flags: u8,
    routing_id: u32,
}

const _: () = assert!(size_of::<Message>() == 64);

// SAFETY: the raw pointers lead to content that is counted atomically and freed by whichever
// thread comes last; zmq_msg_init_data(3) makes the application's free function thread safe.
unsafe impl Send for Message {}
// SAFETY: nothing is mutated through `&Message`.
unsafe impl Sync for Message {}

impl Message {
    /// An empty message.
    pub(crate) const fn new() -> Message {
        Message {
            metadata: None,
            group: None,
            body: [MaybeUninit::uninit(); MAX_INLINE],
            size: 0,
            kind: KIND_INLINE,
            flags: 0,
            routing_id: 0,
        }
    }

    /// A message of `len` bytes with arbitrary values. `NOMEM` if there is no memory for it.
    pub(crate) fn with_size(len: usize) -> Result<Message> {
        let mut message = Message::new();
        if len <= MAX_INLINE {
            message.body[..len].fill(MaybeUninit::new(0));
            message.size = len as u8;
        } else {
            let (content, data) = content::allocate(len)?;
            message.set_shared(data.as_ptr(), len, content.as_ptr());
        }
        Ok(message)
    }

    /// A message with a copy of `bytes`.
    pub(crate) fn from_slice(bytes: &[u8]) -> Result<Message> {
        let mut message = Message::new();
        if bytes.len() <= MAX_INLINE {
            message.set_inline(bytes);
        } else {
            let (content, data) = content::allocate(bytes.len())?;
            // SAFETY: the block was just made with room for all the bytes.
            unsafe { data.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
            message.set_shared(data.as_ptr(), bytes.len(), content.as_ptr());
        }
        Ok(message)
    }

    /// Makes the message empty, and lets go of all it holds.
    #[inline]
    pub(crate) fn clear(&mut self) {
        let owns_nothing = matches!(self.kind, KIND_INLINE | KIND_LENT);
        if owns_nothing && self.metadata.is_none() && self.group.is_none() {
            self.kind = KIND_INLINE;
            self.size = 0;
            self.flags = 0;
            self.routing_id = 0;
        } else {
            *self = Message::new();
        }
    }

    /// A message over memory of the application. With a free function the memory is freed after
    /// the last use; without one it must outlive every copy of the message.
    ///
    /// # Safety
    /// `data` must be valid for reads and writes of `len` bytes until then.
    #[inline]
    pub(crate) unsafe fn from_external(
        data: *mut c_void,
        len: usize,
        free: Option<FreeFn>,
        hint: *mut c_void,
    ) -> Message {
        let mut message = Message::new();
        match free {
            Some(free) => {
                let content = external::wrap(data, hint, free);
                message.set_shared(data.cast(), len, content.as_ptr());
                message.kind = KIND_EXTERNAL;
            }
            None => {
                message.set_shared(data.cast(), len, std::ptr::null_mut());
                message.kind = KIND_STATIC;
            }
        }
        message
    }

    /// A message over bytes that are lent for one call: whoever keeps the message beyond it must
    /// call [`Message::own`], as the byte queue does.
    ///
    /// # Safety
    /// The message must be dropped, or taken and owned, before `bytes` becomes invalid.
    pub(crate) unsafe fn lend(bytes: &[u8]) -> Message {
        let mut message = Message::new();
        message.set_shared(bytes.as_ptr().cast_mut(), bytes.len(), std::ptr::null_mut());
        message.kind = KIND_LENT;
        message
    }

    /// Whether the body is only lent, see [`Message::lend`].
    pub(crate) fn is_lent(&self) -> bool {
        self.kind == KIND_LENT
    }

    /// Gives the message memory of its own, if it was lent. `NOMEM`, and it stays lent, if there is none.
    pub(crate) fn own(&mut self) -> Result<()> {
        if self.kind == KIND_LENT {
            *self = self.try_share()?;
        }
        Ok(())
    }

    /// A message over a part of counted storage; takes over one reference to `content`.
    ///
    /// # Safety
    /// `data` must be valid for `len` bytes as long as `content` has references, nobody may
    /// write to those bytes any more, and the caller must own the reference it passes.
    pub(crate) unsafe fn from_content(
        content: NonNull<Content>,
        data: NonNull<u8>,
        len: usize,
    ) -> Message {
        let mut message = Message::new();
        message.set_shared(data.as_ptr(), len, content.as_ptr());
        message
    }

    fn set_inline(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= MAX_INLINE);
        // SAFETY: `body` has room for MAX_INLINE bytes and `bytes` is a different object.
        unsafe {
            let body = self.body.as_mut_ptr().cast::<u8>();
            body.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        self.size = bytes.len() as u8;
    }

    fn set_shared(&mut self, data: *mut u8, len: usize, content: *mut Content) {
        // SAFETY: `body` sits at an offset that is a multiple of 8 and is larger than `Shared`.
        unsafe { self.body.as_mut_ptr().cast::<Shared>().write(Shared { data, len, content }) };
        self.kind = KIND_SHARED;
    }

    fn shared(&self) -> Shared {
        debug_assert!(self.kind != KIND_INLINE);
        // SAFETY: by the invariant of `body`, every kind but inline starts with a `Shared`.
        unsafe { self.body.as_ptr().cast::<Shared>().read() }
    }

    /// The content that the message owns a reference to.
    #[inline]
    fn content(&self) -> Option<NonNull<Content>> {
        let counted = matches!(self.kind, KIND_SHARED | KIND_EXTERNAL | KIND_COPIED);
        if counted { NonNull::new(self.shared().content) } else { None }
    }

    /// The length of the body in bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        if self.kind == KIND_INLINE { self.size as usize } else { self.shared().len }
    }

    /// Whether the body is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A pointer to the body, valid until the message is changed, moved or dropped.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut u8 {
        if self.kind == KIND_INLINE { self.body.as_mut_ptr().cast() } else { self.shared().data }
    }

    /// The body.
    #[inline]
    pub(crate) fn data(&self) -> &[u8] {
        let (data, len) = if self.kind == KIND_INLINE {
            (self.body.as_ptr().cast::<u8>(), self.size as usize)
        } else {
            let shared = self.shared();
            (shared.data.cast_const(), shared.len)
        };
        if len == 0 {
            return &[];
        }
        // SAFETY: by the invariant of `body` the bytes are initialised and live as long as `self`.
        unsafe { std::slice::from_raw_parts(data, len) }
    }

    /// The body for writing, if nobody shares it.
    pub(crate) fn data_mut(&mut self) -> Option<&mut [u8]> {
        if self.is_shared() {
            return None;
        }
        let (data, len) = (self.as_mut_ptr(), self.len());
        if len == 0 {
            return Some(&mut []);
        }
        // SAFETY: the bytes are initialised, and exclusive since no other reference exists.
        Some(unsafe { std::slice::from_raw_parts_mut(data, len) })
    }

    /// Whether others, be it messages or what else lies in the same storage, or static memory share the body.
    pub(crate) fn is_shared(&self) -> bool {
        match self.kind {
            KIND_SHARED | KIND_EXTERNAL | KIND_COPIED => self
                .content()
                // SAFETY: the message owns a reference, so the header is live.
                .is_some_and(|content| unsafe { content.as_ref() }.references() > 1),
            KIND_STATIC | KIND_LENT => true,
            _ => false,
        }
    }

    /// Whether other messages or static memory may share the body (`ZMQ_SHARED`).
    pub(crate) fn may_be_shared(&self) -> bool {
        // The count of larger storage says nothing of this message.
        self.kind == KIND_COPIED || self.is_shared() && !self.is_part()
    }

    /// Whether the body is a part of larger storage, a chunk that was received into, and not known to be copied.
    fn is_part(&self) -> bool {
        self.kind == KIND_SHARED
            && self
                .content()
                // SAFETY: the message owns a reference, so the content is live.
                .is_some_and(|content| !unsafe { content::is_block(content) })
    }

    /// [`Message::share`] for zmq_msg_copy(3), after which both may be shared.
    pub(crate) fn copy(&mut self) -> Message {
        if self.is_part() {
            self.kind = KIND_COPIED;
        }
        self.share()
    }

    /// A second message with the same body, shared and not copied when it is neither inline nor lent.
    /// `NOMEM` if there is no memory for a copy of what is lent.
    pub(crate) fn try_share(&self) -> Result<Message> {
        if self.kind != KIND_LENT {
            return Ok(self.share());
        }
        let mut copy = Message::from_slice(self.data())?;
        copy.flags = self.flags;
        copy.routing_id = self.routing_id;
        copy.group = self.group.clone();
        Ok(copy)
    }

    /// The same where there is memory, or the message is not lent; else it is empty.
    pub(crate) fn share(&self) -> Message {
        if self.kind == KIND_LENT {
            return self.try_share().unwrap_or_default();
        }
        let mut copy = Message::new();
        copy.metadata = self.metadata.clone();
        copy.group = self.group.clone();
        copy.body = self.body;
        copy.size = self.size;
        copy.kind = if self.is_part() { KIND_COPIED } else { self.kind };
        copy.flags = self.flags;
        copy.routing_id = self.routing_id;
        if let Some(content) = self.content() {
            // SAFETY: the message owns a reference, so the header is live.
            unsafe { content.as_ref() }.retain();
        }
        copy
    }

    /// Takes the message out and leaves an empty one.
    pub(crate) fn take(&mut self) -> Message {
        std::mem::take(self)
    }
}

impl Drop for Message {
    #[inline]
    fn drop(&mut self) {
        if let Some(content) = self.content() {
            // SAFETY: the message owns one reference and ends here.
            unsafe { Content::release(content) };
        }
    }
}

impl Default for Message {
    fn default() -> Message {
        Message::new()
    }
}

#[cfg(test)]
mod message_test;
