//! The reading side on its way to a network: the bytes of the queue as they are, by the piece.
//!
//! A write may end anywhere, so the position may be within a frame. Called by `runtime::outgoing`.

use std::io::IoSlice;
use std::ptr::NonNull;

use super::super::sync::Ordering::{Relaxed, Release};
use super::super::*;
use super::Reader;
use crate::message::{COMMAND, MORE};

impl Reader {
    /// How many bytes are left of the message under way, 0 between two.
    pub(crate) fn rest_of_message(&mut self) -> usize {
        if !self.has_bytes() {
            return 0; // all that was published is sent, and it ended with a message
        }
        let Some((chunk, position)) = self.cursor() else { return 0 };
        let state = self.state();
        let (total, rest) = (state.total, (state.published - state.total) as usize);
        let boundary = message_boundary(chunk, position, total, state.body_consumed);
        boundary.map_or(rest, |boundary| (boundary - total) as usize)
    }

    /// The offset of the next byte.
    #[cfg(all(test, not(loom)))]
    pub(in crate::pipe::byte_queue) fn position(&mut self) -> u64 {
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
        // All of it, also if there was more than enough at the last look.
        if !self.look() {
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
        let rest = self.rest_of_message();
        self.consume(rest);
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
