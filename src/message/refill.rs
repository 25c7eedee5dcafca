//! Receiving into a message that is there: zmq_msg_recv(3) replaces what a message holds, and most often
//! with something like it.
//!
//! An application receives into the same message again and again. What it holds already, the memory of
//! its body and a reference to what is known of the peer, is kept when it suits. Called by the byte queue.

use std::ptr::{NonNull, null};
use std::sync::Arc;

use super::{Content, KIND_INLINE, KIND_SHARED, MAX_INLINE, Message, Metadata, content};

/// The message is only there for its bytes, see [`Message::passing`]. Never on a wire.
const PASSING: u8 = 0x10;

impl Message {
    /// Makes the message one of `len` bytes, at most [`MAX_INLINE`], that `write` fills in, with these
    /// flags and the metadata of its connection.
    #[inline(always)]
    pub(crate) fn refill(
        &mut self,
        len: usize,
        flags: u8,
        metadata: Option<&Arc<Metadata>>,
        write: impl FnOnce(NonNull<u8>),
    ) {
        debug_assert!(len <= MAX_INLINE);
        if self.kind != KIND_INLINE || self.group.is_some() {
            let metadata = self.take_metadata();
            let passing = self.flags & PASSING;
            *self = Message::new();
            (self.metadata, self.flags) = (metadata, passing);
        }
        write(NonNull::from(&mut self.body).cast());
        if !self.is_passing() {
            self.attach(metadata);
        }
        self.size = len as u8;
        self.flags = flags;
        self.routing_id = 0;
    }

    /// Makes the message one with a copy of `bytes`, which do not fit inline. Its memory is used again
    /// if it suits. False, and left alone, if there is no memory.
    pub(crate) fn refill_large(
        &mut self,
        bytes: &[u8],
        flags: u8,
        metadata: Option<&Arc<Metadata>>,
    ) -> bool {
        let len = bytes.len();
        let mine =
            if self.kind == KIND_SHARED { NonNull::new(self.shared().content) } else { None };
        // SAFETY: a shared body owns a reference to its content.
        let old = mine.and_then(|content| unsafe { content::reuse(content, len) });
        let data = match (mine, old) {
            (Some(content), Some(data)) => {
                self.set_shared(data.as_ptr(), len, content.as_ptr());
                data
            }
            _ => {
                let Ok((content, data)) = content::allocate(len) else { return false };
                self.release_body();
                self.set_shared(data.as_ptr(), len, content.as_ptr());
                data
            }
        };
        // SAFETY: the block has room for all the bytes and is nobody else's.
        unsafe { data.copy_from_nonoverlapping(NonNull::from(bytes).cast(), len) };
        self.renew(flags, metadata);
        true
    }

    /// Makes the message one over a part of counted storage, with these flags and the metadata of its
    /// connection; takes over one reference to `content`.
    ///
    /// # Safety
    /// `data` must be valid for `len` bytes as long as `content` has references, nobody may
    /// write to those bytes any more, and the caller must own the reference it passes.
    #[inline]
    pub(crate) unsafe fn refill_shared(
        &mut self,
        content: NonNull<Content>,
        data: NonNull<u8>,
        len: usize,
        flags: u8,
        metadata: Option<&Arc<Metadata>>,
    ) {
        self.release_body();
        self.set_shared(data.as_ptr(), len, content.as_ptr());
        self.renew(flags, metadata);
    }

    /// Lets go of a shared body; what is written instead must follow.
    #[inline]
    fn release_body(&mut self) {
        if let Some(content) = self.content() {
            self.kind = KIND_INLINE;
            self.size = 0;
            // SAFETY: the message owned one reference.
            unsafe { Content::release(content) };
        }
    }

    /// What a message that was filled anew is besides its body.
    #[inline]
    fn renew(&mut self, flags: u8, metadata: Option<&Arc<Metadata>>) {
        if self.group.is_some() {
            self.group = None;
        }
        if !self.is_passing() {
            self.attach(metadata);
        }
        self.flags = flags;
        self.routing_id = 0;
    }

    /// Sees to it that the message carries what is known of its connection; most often it did before.
    #[inline(always)]
    pub(crate) fn attach(&mut self, metadata: Option<&Arc<Metadata>>) {
        let address = |metadata: Option<&Arc<Metadata>>| metadata.map(Arc::as_ptr);
        if address(self.metadata.as_ref()) != address(metadata) {
            self.attach_other(metadata);
        }
    }

    #[cold]
    fn attach_other(&mut self, metadata: Option<&Arc<Metadata>>) {
        self.metadata = metadata.cloned();
    }

    /// Takes out what is known of the peer.
    #[inline]
    pub(crate) fn take_metadata(&mut self) -> Option<Arc<Metadata>> {
        self.metadata.take()
    }

    /// The bytes of a message that is nothing but bytes, which lie in it.
    #[inline(always)]
    pub(crate) fn plain(&self) -> Option<&[u8]> {
        if self.kind != KIND_INLINE || self.metadata.is_some() || self.group.is_some() {
            return None;
        }
        // SAFETY: by the invariant of `body` so many bytes are initialised.
        Some(unsafe { std::slice::from_raw_parts(self.body.as_ptr().cast(), self.size as usize) })
    }

    /// Whether the message has its bytes in it, and carries this metadata and nothing else.
    #[inline(always)]
    pub(crate) fn is_plain_of(&self, metadata: Option<&Arc<Metadata>>) -> bool {
        let address = |metadata: Option<&Arc<Metadata>>| metadata.map_or(null(), Arc::as_ptr);
        self.kind == KIND_INLINE
            && self.group.is_none()
            && address(self.metadata.as_ref()) == address(metadata)
    }

    /// Where the bytes of a message lie that has them in it: room for `MAX_INLINE`.
    #[inline(always)]
    pub(crate) fn place(&mut self) -> NonNull<u8> {
        debug_assert!(self.kind == KIND_INLINE);
        NonNull::from(&mut self.body).cast()
    }

    /// The message consists of so many bytes, and is the last frame.
    ///
    /// # Safety
    /// They must have been written to its `place`, and be at most `MAX_INLINE`.
    #[inline(always)]
    pub(crate) unsafe fn filled(&mut self, len: usize) {
        debug_assert!(self.kind == KIND_INLINE && len <= MAX_INLINE);
        self.size = len as u8;
        self.flags = 0;
        self.routing_id = 0;
    }

    /// The bytes of a message that is nothing but bytes, which lie elsewhere.
    #[inline(always)]
    pub(crate) fn shared_bytes(&self) -> Option<&[u8]> {
        if self.kind != KIND_SHARED || self.metadata.is_some() || self.group.is_some() {
            return None;
        }
        Some(self.data())
    }

    /// Makes a `plain` message an empty one.
    #[inline(always)]
    pub(crate) fn empty(&mut self) {
        debug_assert!(self.plain().is_some());
        self.size = 0;
        self.flags = 0;
        self.routing_id = 0;
    }

    /// An empty message to receive into whose bytes are copied at once and which then ends: it need not
    /// own more than that.
    #[inline]
    pub(crate) fn passing() -> Message {
        let mut message = Message::new();
        message.flags = PASSING;
        message
    }

    /// Whether it was made by [`Message::passing`] and not filled since.
    #[inline]
    pub(crate) fn is_passing(&self) -> bool {
        self.flags & PASSING != 0
    }
}
