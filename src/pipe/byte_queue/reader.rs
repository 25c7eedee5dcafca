//! The reading side of the byte queue.

use std::io::IoSlice;
use std::ptr::NonNull;
use std::sync::Arc;

use super::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use super::sync::{full_fence, heavy_fence, light_fence};
use super::*;
use crate::message::{COMMAND, MAX_INLINE, MORE};

/// Bodies up to this size are copied out of the chunk, so that a small message that the
/// application keeps does not keep a whole chunk alive.
const COPY_UP_TO: usize = 512;

/// Reading no more than this many bytes between two sleeps makes the second one a nap.
const NAP: u64 = 2048;
/// After this many naps in a row both sides use full fences.
const NAPS: u32 = 4;

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
            naps: NAPS,
            fenced: true,
            published: 0,
            metadata: None,
            attached: None,
        }
    }
}

/// The reading side. Not `Sync`: one thread at a time.
pub(crate) struct Reader {
    shared: sync::Arc<Shared>,
}

impl Reader {
    pub(super) fn new(shared: sync::Arc<Shared>) -> Reader {
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
        if state.total < state.published {
            return true;
        }
        let published = self.shared.published.0.load(Acquire);
        let state = self.state();
        state.published = published;
        state.total < published
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
        };
        if state.chunk.is_some() && std::mem::take(&mut state.fenced) {
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
        let state = self.state();
        state.attached = metadata.concerns_messages().then(|| metadata.clone());
        state.metadata = Some(metadata);
        self.advance(METADATA_FRAME, METADATA_FRAME);
    }

    /// Moves on by `step` bytes of the chunk and `bytes` bytes in all.
    #[inline]
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
            let passing = message.is_passing();
            // SAFETY: as above.
            let Some(large) = (unsafe { self.large(chunk, position, &frame, body, passing) })
            else {
                return false;
            };
            let metadata = message.take_metadata();
            let taken;
            (*message, taken) = large;
            message.set_flags(flags);
            if !passing {
                message.put_metadata(metadata);
                message.attach(self.state().attached.as_ref());
            }
            if taken {
                step = frame.size;
            }
        }
        self.advance(step, size);
        true
    }

    /// The message of a frame that does not fit inline, and whether its body was not in the chunk. One
    /// that only passes by is not copied.
    ///
    /// # Safety
    /// `frame` must be the published frame at `position` of `chunk`, and `body` its body.
    unsafe fn large(
        &mut self,
        chunk: NonNull<Chunk>,
        position: usize,
        frame: &Header,
        body: NonNull<u8>,
        passing: bool,
    ) -> Option<(Message, bool)> {
        // SAFETY: the caller vouches for the frame; what it holds is the reader's to take, once.
        unsafe {
            if frame.flags & EMBEDDED != 0 {
                Some((body.cast::<Message>().read_unaligned(), false))
            } else if let Some(message) = take_body(chunk, position + frame.size) {
                Some((message, true))
            } else if frame.body <= COPY_UP_TO && !passing {
                let bytes = std::slice::from_raw_parts(body.as_ptr(), frame.body);
                Some((Message::from_slice(bytes).ok()?, false))
            } else {
                Some((Message::from_content(Chunk::retain(chunk), body, frame.body), false))
            }
        }
    }

    /// What is known of the peer, as far as it was read.
    pub(crate) fn metadata(&self) -> Option<&Arc<Metadata>> {
        // SAFETY: only the one `Reader` touches this cell; `&self` allows no change meanwhile.
        unsafe { &*self.shared.read.0.get() }.metadata.as_ref()
    }

    /// Tells whether the writer waits for what was consumed so far, and if so ends its wait.
    #[inline]
    pub(crate) fn writer_waits(&mut self) -> bool {
        match self.shared.style {
            Style::Wire => full_fence(),
            Style::Memory => light_fence(),
        }
        let state = self.state();
        let total = state.total.max(state.shown);
        total >= self.shared.wake_at.load(Relaxed)
            && self.shared.wake_at.swap(u64::MAX, AcqRel) != u64::MAX
    }

    /// Whether the last `sleep` still holds: the writer has published nothing since, or is about
    /// to report true.
    pub(crate) fn sleeps(&self) -> bool {
        self.shared.reader_asleep.load(Relaxed)
    }

    /// Takes the sleep back, so that a publication by this very thread notifies nobody.
    pub(crate) fn rouse(&mut self) {
        self.shared.reader_asleep.store(false, Relaxed);
    }

    /// Goes to sleep without looking again: for a side that knows that nobody publishes meanwhile.
    pub(crate) fn doze(&mut self) {
        self.shared.reader_asleep.store(true, Release);
    }

    /// Goes to sleep: the next `publish` or `close` reports true. False: there is something to
    /// read, or the writer is gone.
    pub(crate) fn sleep(&mut self) -> bool {
        self.shared.reader_asleep.store(true, Relaxed);
        self.fence_for_sleep();
        if self.has_bytes() || self.writer_closed() {
            self.shared.reader_asleep.store(false, Relaxed);
            return false;
        }
        true
    }

    /// Orders the flag before the look at what is published, by the fence that suits how often this
    /// reader sleeps.
    fn fence_for_sleep(&mut self) {
        let state = self.state();
        let read = state.total - state.slept_at;
        state.slept_at = state.total;
        state.naps = if read <= NAP { state.naps.saturating_add(1) } else { 0 };
        let fenced = state.naps >= NAPS;
        if fenced && state.fenced {
            // The writer has seen the request: it was made before an earlier heavy fence.
            return full_fence();
        }
        if fenced != state.fenced {
            state.fenced = fenced;
            self.shared.fenced.store(fenced, Relaxed);
        }
        heavy_fence();
    }

    /// Whether the writer is gone. What it published may still be there to read.
    pub(crate) fn writer_closed(&self) -> bool {
        self.shared.writer_closed.load(Acquire)
    }

    // ---- sending the bytes as they are

    /// Whether all that `slices` has shown so far is consumed; a message ends there.
    pub(crate) fn at_boundary(&mut self) -> bool {
        let state = self.state();
        state.total == state.published
    }

    /// The offset of the next byte.
    #[cfg(all(test, not(loom)))]
    pub(super) fn position(&mut self) -> u64 {
        self.state().total
    }

    /// Fills `slices` with published bytes, at most about `most` of them; returns how many slices.
    /// With `ahead` the bytes count as consumed at once: they are on their way.
    pub(crate) fn slices<'a>(
        &'a mut self,
        slices: &mut [IoSlice<'a>],
        most: usize,
        ahead: bool,
    ) -> usize {
        if !self.has_bytes() {
            return 0;
        }
        let Some((mut chunk, mut position)) = self.cursor() else { return 0 };
        // SAFETY: the published bytes stay where they are until `consume`, which needs `&mut self`
        // and so ends the borrow of the slices.
        unsafe {
            let state = self.state();
            let mut left = (state.published - state.total).min(most as u64) as usize;
            let mut skip = state.body_consumed;
            let mut count = 0;
            while left > 0 && count < slices.len() {
                let end = chunk.as_ref().end.load(Relaxed);
                let here = end.saturating_sub(position).min(left);
                if here > 0 {
                    let at = Chunk::data(chunk).add(position);
                    slices[count] = IoSlice::new(std::slice::from_raw_parts(at.as_ptr(), here));
                    count += 1;
                    left -= here;
                    position += here;
                }
                if position != end || left == 0 {
                    break;
                }
                if let Some(body) = &*chunk.as_ref().body.get() {
                    if count == slices.len() {
                        break;
                    }
                    let body = &body.data()[skip..];
                    let here = body.len().min(left);
                    slices[count] = IoSlice::new(&body[..here]);
                    count += 1;
                    left -= here;
                }
                skip = 0;
                position = 0;
                match chunk.as_ref().next() {
                    Some(next) => chunk = next,
                    None => break,
                }
            }
            let state = self.state();
            let wanted = (state.published - state.total).min(most as u64);
            let shown = state.total + wanted - left as u64;
            if ahead && shown > state.shown {
                state.shown = shown;
                self.shared.consumed.0.store(shown, Release);
            }
            count
        }
    }

    /// The first `bytes` of what `slices` showed were sent.
    pub(crate) fn consume(&mut self, mut bytes: usize) {
        while bytes > 0 && self.has_bytes() {
            let Some((chunk, position)) = self.cursor() else { return };
            // SAFETY: only published bytes are consumed, so each chunk but the last is sealed.
            unsafe {
                let end = chunk.as_ref().end.load(Relaxed);
                let here = end.saturating_sub(position).min(bytes);
                if here > 0 {
                    self.advance(here, here);
                    bytes -= here;
                    continue;
                }
                let body = chunk.as_ref().body.get();
                let left = (*body).as_ref().map_or(0, Message::len) - self.state().body_consumed;
                let here = left.min(bytes);
                self.state().body_consumed += here;
                self.advance(0, here);
                bytes -= here;
                if here == left {
                    *body = None;
                }
            }
        }
    }

    /// How many messages are published and were not read to their end.
    pub(crate) fn count_messages(&mut self) -> u64 {
        if !self.has_bytes() {
            return 0;
        }
        let Some((mut chunk, mut at)) = self.cursor() else { return 0 };
        let state = self.state();
        let (mut offset, published) = (state.total, state.published);
        let mut count = 0;
        // SAFETY: an application reads whole frames, so a frame begins at the cursor; the walk
        // follows published frames through linked chunks, which stay live meanwhile.
        unsafe {
            while offset < published {
                let end = chunk.as_ref().end.load(Relaxed);
                if at == end {
                    let Some(next) = chunk.as_ref().next() else { break };
                    (chunk, at) = (next, 0);
                    continue;
                }
                let frame = header(Chunk::data(chunk).add(at));
                count += u64::from(frame.flags & (MORE | COMMAND | METADATA) == 0);
                offset += (frame.size + frame.body) as u64;
                at += frame.size;
                if at != end || body_len(chunk) == 0 {
                    at += frame.body;
                }
            }
        }
        count
    }

    /// After a lost connection: skips the rest of a message of which a part was sent.
    pub(crate) fn skip_to_message(&mut self) {
        if !self.has_bytes() {
            return; // all that was published is sent, and it ended with a message
        }
        let Some((chunk, position)) = self.cursor() else { return };
        let state = self.state();
        let (total, rest) = (state.total, (state.published - state.total) as usize);
        let boundary = message_boundary(chunk, position, total, state.body_consumed);
        let skip = boundary.map_or(rest, |boundary| (boundary - total) as usize);
        self.consume(skip);
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

/// The length of the large body behind a chunk.
fn body_len(chunk: NonNull<Chunk>) -> usize {
    // SAFETY: called by the reader for published chunks only.
    unsafe { (*chunk.as_ref().body.get()).as_ref().map_or(0, Message::len) }
}

/// The offset of the first message that begins at or after a place in the stream: `position` of
/// `chunk`, plus `done` bytes of its body, which is at offset `total`. `None`: there is none yet.
fn message_boundary(
    mut chunk: NonNull<Chunk>,
    position: usize,
    total: u64,
    done: usize,
) -> Option<u64> {
    // SAFETY: the walk follows published frames through linked chunks, which stay live as long as
    // the reader does not leave the first of them.
    unsafe {
        let mut at = chunk.as_ref().boundary.load(Relaxed);
        let mut offset;
        if at != NONE && at <= position {
            offset = total - (position - at) as u64 - done as u64;
        } else {
            // The message began in an earlier chunk; find where the next one begins.
            offset = total;
            let (mut from, mut done) = (position, done);
            while at == NONE {
                let next = chunk.as_ref().next()?;
                let end = chunk.as_ref().end.load(Relaxed);
                offset += (end - from + body_len(chunk) - done) as u64;
                (from, done) = (0, 0);
                chunk = next;
                at = chunk.as_ref().boundary.load(Relaxed);
            }
            offset += (at - from) as u64;
        }
        let mut in_message = false;
        while offset < total || in_message {
            let end = chunk.as_ref().end.load(Relaxed);
            if at == end {
                chunk = chunk.as_ref().next()?;
                at = 0;
                continue;
            }
            let frame = header(Chunk::data(chunk).add(at));
            in_message = frame.flags & MORE != 0;
            offset += (frame.size + frame.body) as u64;
            at += frame.size;
            if at != end || body_len(chunk) == 0 {
                at += frame.body;
            }
        }
        Some(offset)
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
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.close();
    }
}
