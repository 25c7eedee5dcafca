//! The writing side at the end of a network: bytes are received straight into the chunks, and become
//! visible where they are once complete messages are found in them. Called by `runtime::incoming`.

use std::ptr::NonNull;

use super::super::*;
use super::Writer;
use crate::message::Message;

impl Writer {
    /// Room for at least `least` more received bytes; none without memory.
    pub(crate) fn receive_space(&mut self, least: usize) -> &mut [u8] {
        let state = self.state();
        // SAFETY: the tail chunk is live until the writer leaves it.
        let enough = state
            .chunk
            .is_some_and(|chunk| unsafe { chunk.as_ref() }.room_behind(state.received()) >= least);
        if !enough {
            let kept = state.pending;
            if self.new_chunk(kept.saturating_add(least), true).is_none() {
                return &mut [];
            }
        }
        let state = self.state();
        let Some(chunk) = state.chunk else { return &mut [] };
        // SAFETY: the rest of the tail chunk is unused, and chunks are initialised memory.
        unsafe {
            let at = Chunk::data(chunk).add(state.received());
            std::slice::from_raw_parts_mut(at.as_ptr(), chunk.as_ref().capacity - state.received())
        }
    }

    /// The same for a size that a peer has named; false without memory for it.
    pub(crate) fn make_receive_space(&mut self, least: usize) -> bool {
        let state = self.state();
        // SAFETY: the tail chunk is live until the writer leaves it.
        let room = state.chunk.map(|chunk| unsafe { chunk.as_ref() }.room_behind(state.received()));
        if room.is_some_and(|room| room >= least) {
            return true;
        }
        let need = state.pending.saturating_add(least);
        let Some(new) = Chunk::allocate(need.max(chunk::USUAL)) else { return false };
        self.go_on_in(new);
        true
    }

    /// `n` bytes were received into `receive_space`.
    pub(crate) fn received(&mut self, n: usize) {
        let state = self.state();
        if let Some(chunk) = state.chunk {
            // SAFETY: the tail chunk is live until the writer leaves it.
            let capacity = unsafe { chunk.as_ref() }.capacity;
            state.pending = (state.pending + n).min(capacity - state.frames);
        }
    }

    /// The received bytes behind the last complete frame.
    pub(crate) fn unscanned(&mut self) -> &mut [u8] {
        let state = self.state();
        let Some(chunk) = state.chunk else { return &mut [] };
        // SAFETY: these bytes were received and are not yet published.
        unsafe {
            let at = Chunk::data(chunk).add(state.frames);
            std::slice::from_raw_parts_mut(at.as_ptr(), state.pending)
        }
    }

    /// The first `frames` of the unscanned bytes are complete frames; up to `messages` of them
    /// complete messages, which become visible. True: notify the reader.
    pub(crate) fn accept(&mut self, frames: usize, messages: usize) -> bool {
        let state = self.state();
        if frames > messages {
            state.commit();
        }
        let (position, offset) = (state.frames, state.total);
        state.frames += frames;
        state.total += frames as u64;
        state.pending -= frames;
        if messages == 0 {
            return false;
        }
        let offset = offset + messages as u64;
        state.unpublished = frames > messages;
        state.committed_total = offset;
        state.committed_frames = position + messages;
        state.committed_chunk = state.chunk;
        self.publish_offset(offset)
    }

    /// The first `frames` of the unscanned bytes are not for the reader: the rest takes their place.
    pub(crate) fn drop_unscanned(&mut self, frames: usize) {
        let bytes = self.unscanned();
        let frames = frames.min(bytes.len());
        bytes.copy_within(frames.., 0);
        self.state().pending -= frames;
    }

    /// Forgets the unscanned bytes.
    pub(crate) fn discard_unscanned(&mut self) {
        self.state().pending = 0;
    }

    /// Reserves the place of a large frame whose body arrives elsewhere; bytes received meanwhile
    /// come behind it. Nothing may be unscanned, and nothing published until `fill_place`.
    /// `None` without memory.
    pub(crate) fn reserve_place(&mut self, flags: u8) -> Option<Place> {
        let mut empty = Message::new();
        empty.set_flags(flags);
        let at = self.room(EMBEDDED_FRAME)?;
        self.push_embedded(empty).then_some(Place(at))
    }

    /// Puts the message into its place.
    pub(crate) fn fill_place(&mut self, place: Place, message: Message) {
        // SAFETY: the place is an unpublished embedded frame of this queue, so its chunk is live
        // and no reader looks at it; `rollback` ends the use of places.
        unsafe {
            let slot = place.0.add(1).cast::<Message>();
            drop(slot.read_unaligned());
            slot.write_unaligned(message);
        }
    }
}

/// Where a large frame will be put, see `Writer::reserve_place`.
pub(crate) struct Place(NonNull<u8>);

// SAFETY: the place is only used through the `Writer`, which may move between threads.
unsafe impl Send for Place {}
