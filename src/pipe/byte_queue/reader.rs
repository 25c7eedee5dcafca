//! The reading side of the byte queue: taking frames as messages. `network` takes their bytes.
//! Called by `pipe::end`.

mod ahead;
mod network;
mod sleep;
mod straight;

use std::ptr::NonNull;
use std::sync::Arc;

use ahead::prefetch_embedded;

use super::log::Link;
use super::sync::Ordering::{Acquire, Relaxed, Release};
use super::*;
use crate::message::{MAX_INLINE, MORE};

/// Bodies up to this size are copied out of the chunk, so that a small message that the
/// application keeps does not keep a whole chunk alive.
const COPY_UP_TO: usize = 512;

/// What only the reader touches.
pub(super) struct State {
    /// The chunk that is read from; `None` before the first byte.
    pub(super) chunk: Option<NonNull<Chunk>>,
    /// The position in the chunk, and how much of its large body was consumed.
    pub(super) position: usize,
    body_consumed: usize,
    /// The offset of the position.
    total: u64,
    /// How far `slices` has shown bytes that count as consumed.
    shown: u64,
    /// Where the reader last went to sleep, and how often in a row it had read little before.
    slept_at: u64,
    naps: u32,
    /// What `Shared::fenced` is.
    fenced: bool,
    /// What was published when we last looked.
    published: u64,
    /// What is known of the peer, from the last metadata frame.
    metadata: Option<Arc<Metadata>>,
    /// The same, if messages shall carry it.
    attached: Option<Arc<Metadata>>,
}

impl State {
    pub(super) fn new() -> State {
        State {
            chunk: None,
            position: 0,
            body_consumed: 0,
            total: 0,
            shown: 0,
            slept_at: 0,
            // As long as nothing is known a heavy fence would cost more than the connection.
            naps: sleep::NAPS,
            fenced: true,
            published: 0,
            metadata: None,
            attached: None,
        }
    }
}

/// The reading side. Not `Sync`: one thread at a time.
pub(crate) struct Reader {
    shared: Half,
}

impl Reader {
    pub(super) fn new(shared: Half) -> Reader {
        Reader { shared }
    }

    #[inline]
    fn state(&mut self) -> &mut State {
        // SAFETY: only the one `Reader` touches this cell, and `&mut self` makes it exclusive.
        unsafe { &mut *self.shared.read.0.get() }
    }

    /// Whether something is published that was not read.
    #[inline]
    pub(crate) fn has_bytes(&mut self) -> bool {
        let state = self.state();
        state.total < state.published || self.look()
    }

    /// The same, with what was published since the last look.
    #[inline]
    fn look(&mut self) -> bool {
        let published = &self.shared.published.0;
        // In this order: a link that is still there was not left behind with what is at the offset.
        let mut offset = published.offset.load(Acquire);
        if let Some(link) = published.link() {
            // SAFETY: the reader leaves a link, and lets go of it, only with something published
            // behind it in view, and then it does not find it here any more.
            offset = offset.max(unsafe { Link::published(link) });
        }
        let state = self.state();
        // A queue that leaves a log is for a moment without what came from there.
        state.published = state.published.max(offset);
        state.total < state.published
    }

    /// The chunk and position of the next published byte. Call only after `has_bytes` said yes;
    /// `None` cannot happen then, since published bytes lie in a linked chunk.
    #[inline]
    fn cursor(&mut self) -> Option<(NonNull<Chunk>, usize)> {
        let state = self.state();
        match state.chunk {
            // SAFETY: the chunk is live until the reader leaves it.
            Some(chunk) if unsafe { chunk.as_ref() }.end.load(Relaxed) != state.position => {
                Some((chunk, state.position))
            }
            _ => self.next_chunk(),
        }
    }

    #[cold]
    fn next_chunk(&mut self) -> Option<(NonNull<Chunk>, usize)> {
        let first = NonNull::new(self.shared.first.load(Relaxed));
        let state = self.state();
        let (mut chunk, mut position) = (state.chunk, state.position);
        let next = loop {
            let next = match chunk {
                None => first,
                // SAFETY: bytes are published beyond this chunk, so the writer has left it and
                // linked the next; what it wrote is visible by the acquiring load of `published`.
                Some(old) => unsafe {
                    if (*old.as_ref().body.get()).is_some() {
                        return Some((old, position));
                    }
                    let next = old.as_ref().next();
                    if next.is_some() {
                        Chunk::release(old);
                    }
                    next
                },
            }?;
            // SAFETY: as above. The writer leaves a chunk empty when the beginning of a frame had
            // come into it and the rest did not fit.
            if unsafe { next.as_ref() }.end.load(Relaxed) != 0 {
                break next;
            }
            (chunk, position) = (Some(next), 0);
            state.chunk = chunk;
            state.position = 0;
            state.body_consumed = 0;
        };
        if state.chunk.is_some() && light_is_free() && std::mem::take(&mut state.fenced) {
            // A stream rather than a dialogue; the next sleep makes it known to both sides.
            state.naps = 0;
            self.shared.fenced.store(false, Relaxed);
        }
        let state = self.state();
        state.chunk = Some(next);
        state.position = 0;
        state.body_consumed = 0;
        Some((next, 0))
    }

    /// The flags of the next frame, if there is one. Metadata frames are taken in on the way.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            if !self.has_bytes() {
                return None;
            }
            let (chunk, position) = self.cursor()?;
            // SAFETY: there are published bytes, and they are whole frames.
            let flags = unsafe {
                chunk.as_ref().watch.read(position);
                Chunk::data(chunk).add(position).read()
            };
            if flags & METADATA == 0 {
                return Some(flags & !(EMBEDDED | LARGE));
            }
            self.take_metadata();
        }
    }

    #[cold]
    fn take_metadata(&mut self) {
        let Some((chunk, position)) = self.cursor() else { return };
        // SAFETY: `peek` saw a metadata frame at the cursor; its reference becomes ours.
        let metadata = unsafe {
            let at = Chunk::data(chunk).add(position + 1);
            Arc::from_raw(at.cast::<*const Metadata>().read_unaligned())
        };
        self.know(metadata);
        self.advance(METADATA_FRAME, METADATA_FRAME);
    }

    /// All later messages carry this.
    pub(crate) fn know(&mut self, metadata: Arc<Metadata>) {
        let state = self.state();
        state.attached = metadata.concerns_messages().then(|| metadata.clone());
        state.metadata = Some(metadata);
    }

    /// Moves on by `step` bytes of the chunk and `bytes` bytes in all.
    #[inline(always)]
    fn advance(&mut self, step: usize, bytes: usize) {
        let state = self.state();
        state.position += step;
        state.total += bytes as u64;
        if state.total > state.shown {
            let total = state.total;
            self.shared.consumed.0.store(total, Release);
        }
    }

    /// Reads the next frame.
    pub(crate) fn read(&mut self) -> Option<Message> {
        let mut message = Message::new();
        self.read_into(&mut message).then_some(message)
    }

    /// The same as `read_into` for a frame that fits a message inline and is known to be there; false
    /// if it is not so simple.
    #[inline(always)]
    pub(crate) fn read_short(&mut self, message: &mut Message) -> bool {
        let state = self.state();
        let Some(chunk) = state.chunk else { return false };
        let position = state.position;
        // SAFETY: the chunk is live until the reader leaves it.
        if state.total >= state.published || unsafe { chunk.as_ref() }.end.load(Relaxed) == position
        {
            return false;
        }
        // SAFETY: there is a whole published frame, and none is shorter than its shortest header.
        let [flags, len] = unsafe {
            chunk.as_ref().watch.read(position);
            Chunk::data(chunk).add(position).cast::<[u8; 2]>().read_unaligned()
        };
        let len = len as usize;
        if flags & !MORE != 0 || len > MAX_INLINE {
            return false;
        }
        message.refill(len, flags, state.attached.as_ref(), |to| {
            // SAFETY: the body lies behind its header, and a message has room for it.
            unsafe { copy(to, Chunk::data(chunk).add(position + 2), len) }
        });
        self.advance(len + 2, len + 2);
        true
    }

    /// Reads the next frame into a message, which is left alone if there is none.
    #[inline]
    pub(crate) fn read_into(&mut self, message: &mut Message) -> bool {
        let Some(flags) = self.peek() else { return false };
        let Some((chunk, position)) = self.cursor() else { return false };
        // SAFETY: there is a whole published frame at the cursor.
        let (frame, body) = unsafe {
            let at = Chunk::data(chunk).add(position);
            let frame = header(at);
            let body = at.add(frame.size);
            (frame, body)
        };
        let size = frame.size + frame.body;
        let mut step = size;
        if frame.body <= MAX_INLINE && frame.flags & EMBEDDED == 0 {
            let attached = self.state().attached.as_ref();
            // SAFETY: the body lies in the chunk, and a message has room for it.
            message.refill(frame.body, flags, attached, |to| unsafe { copy(to, body, frame.body) });
        } else {
            // SAFETY: as above.
            if unsafe { self.read_large(chunk, position, &frame, body, message) } {
                step = frame.size;
            }
        }
        self.advance(step, size);
        true
    }

    /// Makes `message` that of a frame that does not fit inline, and says whether its body was not in the
    /// chunk.
    ///
    /// # Safety
    /// `frame` must be the published frame at `position` of `chunk`, and `body` its body.
    unsafe fn read_large(
        &mut self,
        chunk: NonNull<Chunk>,
        position: usize,
        frame: &Header,
        body: NonNull<u8>,
        message: &mut Message,
    ) -> bool {
        let flags = frame.flags & !(EMBEDDED | LARGE);
        let state = self.state();
        let ahead = state.published - state.total;
        let attached = state.attached.as_ref();
        // SAFETY: the caller vouches for the frame; what it holds is the reader's to take, once.
        unsafe {
            let moved = if frame.flags & EMBEDDED != 0 {
                prefetch_embedded(chunk, position, ahead);
                (body.cast::<Message>().read_unaligned(), false)
            } else if let Some(message) = take_body(chunk, position + frame.size) {
                (message, true)
            } else {
                // One that only passes by is not copied, nor any without memory for that.
                if frame.body <= COPY_UP_TO && !message.is_passing() {
                    let bytes = std::slice::from_raw_parts(body.as_ptr(), frame.body);
                    if message.refill_large(bytes, flags, attached) {
                        return false;
                    }
                }
                let content = Chunk::retain(chunk);
                message.refill_shared(content, body, frame.body, flags, attached);
                return false;
            };
            let metadata = message.take_metadata();
            let passing = message.is_passing();
            *message = moved.0;
            message.set_flags(flags);
            if !passing {
                message.set_metadata(metadata);
                message.attach(attached);
            }
            moved.1
        }
    }

    /// What is known of the peer, as far as it was read.
    pub(crate) fn metadata(&self) -> Option<&Arc<Metadata>> {
        // SAFETY: only the one `Reader` touches this cell; `&self` allows no change meanwhile.
        unsafe { &*self.shared.read.0.get() }.metadata.as_ref()
    }

    /// Whether the writer is gone. What it published may still be there to read.
    pub(crate) fn writer_closed(&self) -> bool {
        self.shared.writer_closed.load(Acquire)
    }
}

/// Takes the large body behind a chunk whose bytes end at `position`.
///
/// # Safety
/// A published frame must end at `position`, and the caller must be the reader.
unsafe fn take_body(chunk: NonNull<Chunk>, position: usize) -> Option<Message> {
    // SAFETY: once its header is published, the body is the reader's.
    unsafe {
        if chunk.as_ref().end.load(Relaxed) != position {
            return None;
        }
        (*chunk.as_ref().body.get()).take()
    }
}

impl Reader {
    /// Says that nothing more will be read, and drops what is there.
    pub(crate) fn close(&mut self) {
        self.shared.reader_closed.store(true, Release);
        match self.shared.style {
            // The network may have taken the last frame in part, so there is nothing to read as
            // frames; and nothing in the chunks owns anything but their bodies.
            Style::Wire => {
                while self.has_bytes() {
                    let state = self.state();
                    let rest = (state.published - state.total) as usize;
                    self.consume(rest);
                }
            }
            Style::Memory => while self.read().is_some() {},
        }
        self.let_go();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.close();
    }
}
