//! The ways in which a message gets into the queue: copied, moved whole, or behind a chunk.

use std::sync::Arc;

use super::super::*;
use super::Writer;
use crate::message::{MORE, Message, Metadata};

impl Writer {
    /// Appends a message as a frame with its own flags and leaves it empty. False, and the message stays,
    /// without memory.
    #[inline]
    pub(crate) fn push_from(&mut self, message: &mut Message) -> bool {
        let data = message.data();
        let lent = message.is_lent();
        if data.len() <= if lent { self.shared.copied_lent } else { self.shared.copied } {
            if !self.push(message.flags(), data) {
                return false;
            }
            self.hold(message);
            return true;
        }
        message.set_metadata(None);
        message.own().is_ok()
            && match self.shared.style {
                Style::Memory => self.embed(message),
                Style::Wire => self.push_body(message),
            }
    }

    /// Appends a frame like the message, which stays as it is; large bodies are shared.
    #[inline]
    pub(crate) fn push_copy(&mut self, message: &Message) -> bool {
        let data = message.data();
        if data.len() <= self.shared.copied {
            self.push(message.flags(), data)
        } else {
            message.try_share().is_ok_and(|copy| self.push_message(copy))
        }
    }

    /// Appends a message as a frame with its own flags; large bodies are not copied.
    pub(crate) fn push_message(&mut self, mut message: Message) -> bool {
        let large = self.shared.copied;
        let flags = message.flags();
        let plain = self.shared.style == Style::Wire || message.metadata().is_none();
        if plain && message.len() <= large {
            return self.push(flags, message.data());
        }
        message.own().is_ok()
            && match self.shared.style {
                Style::Memory => self.embed(&mut message),
                Style::Wire => self.push_body(&mut message),
            }
    }

    /// Empties a message whose bytes were appended. On the way to a network the application hears that they
    /// are not needed when they have left.
    #[inline]
    fn hold(&mut self, message: &mut Message) {
        if !message.is_external() || self.shared.style == Style::Memory {
            return message.clear();
        }
        let end = self.state().total;
        if let Some(content) = message.take_external() {
            // SAFETY: the reference was the message's.
            unsafe { self.shared.held.hold(end, content, || self.consumed()) };
        }
    }

    /// Moves a message by pointer, to be taken out by a reader of this process.
    fn embed(&mut self, message: &mut Message) -> bool {
        let flags = message.flags();
        let Some(at) = self.room(EMBEDDED_FRAME) else { return false };
        // SAFETY: `room` made space for the frame; the reader takes the message over.
        unsafe {
            at.write(EMBEDDED | (flags & !LARGE));
            message.move_shared(at.add(1).cast().as_ptr());
        }
        self.wrote(EMBEDDED_FRAME, flags & MORE != 0);
        true
    }

    /// Appends a message by pointer, to be taken out by a reader of this process.
    pub(crate) fn push_embedded(&mut self, message: Message) -> bool {
        let flags = message.flags();
        let Some(at) = self.room(EMBEDDED_FRAME) else { return false };
        // SAFETY: `room` made space for the frame; the reader takes the message over.
        unsafe {
            at.write(EMBEDDED | (flags & !LARGE));
            at.add(1).cast::<Message>().write_unaligned(message);
        }
        self.wrote(EMBEDDED_FRAME, flags & MORE != 0);
        true
    }

    /// Appends what is known of the peer; all later messages carry it.
    pub(crate) fn push_metadata(&mut self, metadata: Arc<Metadata>) -> bool {
        let Some(at) = self.room(METADATA_FRAME) else { return false };
        // SAFETY: `room` made space for the frame; the reader takes the reference over.
        unsafe {
            at.write(METADATA);
            at.add(1).cast::<*const Metadata>().write_unaligned(Arc::into_raw(metadata));
        }
        self.wrote(METADATA_FRAME, false);
        true
    }

    /// A large body on its way to the network: the header here, the body behind the chunk.
    fn push_body(&mut self, message: &mut Message) -> bool {
        let (flags, len) = (message.flags(), message.len());
        let Some(next) = Chunk::allocate(chunk::BRIEF) else { return false };
        let Some(at) = self.room(MAX_HEADER) else {
            // SAFETY: nobody else has seen it.
            unsafe { Chunk::release(next) };
            return false;
        };
        // SAFETY: `room` made space for the header.
        let size = unsafe { put_header(at, flags, len) };
        // The message does not end in this chunk.
        self.wrote(size, true);
        let state = self.state();
        state.in_message = flags & MORE != 0;
        if let Some(old) = state.chunk {
            // SAFETY: the tail chunk is live; the reader looks at the body only once it is
            // published, which happens after this.
            unsafe {
                *old.as_ref().body.get() = Some(message.take());
                old.as_ref().seal(state.frames, next);
                if !state.in_message {
                    next.as_ref().boundary.store(0, Relaxed);
                }
            }
            state.chunk = Some(next);
            state.frames = 0;
            state.total += len as u64;
        }
        true
    }
}
