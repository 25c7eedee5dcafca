//! The writing side of the byte queue: putting messages in. `network` puts in bytes as they come.
//! Called by `pipe::end`.

mod following;
mod messages;
mod network;
mod straight;

pub(crate) use network::Place;

use std::ptr::NonNull;

use super::sync::Ordering::{Acquire, Relaxed, Release};
use super::sync::{full_fence, heavy_fence};
use super::*;
use crate::message::MORE;

/// A queue with no more bytes in it, and nothing larger to come, carries a dialogue.
const LITTLE: usize = 1024;

/// What only the writer touches.
///
/// The order of the fields keeps what is written for each message apart: two neighbours would be
/// copied by one wide load right after a narrow store, which the processor cannot forward.
#[repr(C)]
pub(super) struct State {
    /// The chunk that is written to; `None` before the first byte.
    chunk: Option<NonNull<Chunk>>,
    /// Where the published part ends in all, if there is more than that.
    committed_total: u64,
    /// Bytes in `chunk` up to the end of the complete frames.
    frames: usize,
    /// Where the published part ends, if there is more: the chunk.
    committed_chunk: Option<NonNull<Chunk>>,
    /// The offset of all complete frames.
    total: u64,
    /// Where the published part ends, if there is more: the position in the chunk.
    committed_frames: usize,
    /// Bytes that were received behind the complete frames.
    pending: usize,
    /// There are complete frames that are not published.
    unpublished: bool,
    /// The last frame said that more follow.
    in_message: bool,
    /// `chunk` is the link to a log that goes on, of which so many messages are counted.
    following: bool,
    counted: u64,
}

impl State {
    pub(super) fn new() -> State {
        State {
            chunk: None,
            committed_total: 0,
            frames: 0,
            committed_chunk: None,
            total: 0,
            committed_frames: 0,
            pending: 0,
            unpublished: false,
            in_message: false,
            following: false,
            counted: 0,
        }
    }

    /// Where the published part of the last chunk with published bytes ends.
    pub(super) fn published_frames(&self) -> usize {
        if self.unpublished { self.committed_frames } else { self.frames }
    }

    /// Bytes in `chunk` up to the end of what was received.
    fn received(&self) -> usize {
        self.frames + self.pending
    }

    /// What follows is not published yet.
    fn commit(&mut self) {
        if !std::mem::replace(&mut self.unpublished, true) {
            self.committed_total = self.total;
            self.committed_frames = self.frames;
            self.committed_chunk = self.chunk;
        }
    }
}

/// The writing side. Not `Sync`: one thread at a time.
pub(crate) struct Writer {
    shared: Half,
}

impl Writer {
    pub(super) fn new(shared: Half) -> Writer {
        Writer { shared }
    }

    #[inline]
    fn state(&mut self) -> &mut State {
        // SAFETY: only the one `Writer` touches this cell, and `&mut self` makes it exclusive.
        unsafe { &mut *self.shared.write.0.get() }
    }

    /// Makes room for `need` contiguous bytes and returns where they begin; `None` without memory.
    #[inline]
    fn room(&mut self, need: usize) -> Option<NonNull<u8>> {
        let state = self.state();
        if let Some(chunk) = state.chunk {
            // SAFETY: the tail chunk is live until the writer leaves it.
            unsafe {
                if chunk.as_ref().room_behind(state.frames) >= need {
                    return Some(Chunk::data(chunk).add(state.frames));
                }
            }
        }
        self.new_chunk(need, self.shared.style == Style::Wire)
    }

    /// A chunk for at least `need` bytes; `network`: from or to one.
    #[cold]
    fn new_chunk(&mut self, need: usize, network: bool) -> Option<NonNull<u8>> {
        debug_assert!(
            !self.state().following,
            "what is written to one queue alone comes behind the log"
        );
        let state = self.state();
        let total = state.total;
        // SAFETY: the tail chunk is live until the writer leaves it.
        let before = state.chunk.map(|chunk| unsafe { chunk.as_ref() }.capacity);
        // Each of very many connections would come to keep two large ones.
        let in_dialogue = || network && total.saturating_sub(self.consumed()) <= LITTLE as u64;
        let usual = match before {
            None if need == METADATA_FRAME => chunk::TINY,
            None | Some(..chunk::SMALL) => chunk::SMALL,
            Some(_) if need <= chunk::SMALL && in_dialogue() => chunk::SMALL,
            Some(..chunk::MEDIUM) => chunk::MEDIUM,
            Some(_) if need <= LITTLE && in_dialogue() => chunk::MEDIUM,
            Some(_) => chunk::USUAL,
        };
        let capacity = if need <= usual { usual } else { need.max(chunk::USUAL) };
        // Where there is not much memory there may still be enough.
        let new = Chunk::allocate(capacity).or_else(|| Chunk::allocate(need))?;
        Some(self.go_on_in(new))
    }

    /// Links a new chunk, and gives where its data begins.
    fn go_on_in(&mut self, new: NonNull<Chunk>) -> NonNull<u8> {
        let state = self.state();
        match state.chunk {
            // SAFETY: the tail chunk is live until the writer leaves it.
            Some(old) => unsafe { old.as_ref() }.seal(state.frames, new),
            None => {
                // A rollback to the very beginning keeps the first chunk.
                state.committed_chunk = Some(new);
                self.shared.first.store(new.as_ptr(), Relaxed);
            }
        }
        let state = self.state();
        let kept = state.pending;
        // SAFETY: a received part of a frame moves along; `need` covers it by the callers' contract.
        unsafe {
            let data = Chunk::data(new);
            if kept > 0
                && let Some(old) = state.chunk
            {
                let from = Chunk::data(old).add(state.frames);
                data.copy_from_nonoverlapping(from, kept);
            }
            state.chunk = Some(new);
            state.frames = 0;
            if !state.in_message {
                new.as_ref().boundary.store(0, Relaxed);
            }
            data
        }
    }

    /// Accounts for a frame of `size` bytes that was written where `room` said.
    #[inline]
    fn wrote(&mut self, size: usize, more: bool) {
        let state = self.state();
        state.commit();
        state.frames += size;
        state.total += size as u64;
        state.pending = 0;
        state.in_message = more;
        if let Some(chunk) = state.chunk {
            // SAFETY: the tail chunk is live until the writer leaves it.
            let chunk = unsafe { chunk.as_ref() };
            chunk.watch.written(state.frames - size);
            if size <= EMBEDDED_FRAME && chunk.room_behind(state.frames) >= prefetch::AHEAD {
                // SAFETY: the frame lies in the chunk.
                let at = unsafe { Chunk::data(NonNull::from(chunk)).add(state.frames - size) };
                prefetch::for_writing_behind(at.as_ptr(), size);
            }
            if !more && chunk.boundary.load(Relaxed) == NONE {
                // The next message begins here, if it begins in this chunk.
                chunk.boundary.store(state.frames, Relaxed);
            }
        }
    }

    /// Appends a message of one frame with a copy of `body` and publishes it; says whether the reader
    /// sleeps and must be notified. `None`: it takes more than that, `push` and `publish` do it. `lent`:
    /// the body would have to be copied anyway. `external`: it is the application's, and may have to be held.
    #[inline(always)]
    pub(crate) fn push_whole(&mut self, body: &[u8], lent: bool, external: bool) -> Option<bool> {
        if external && self.shared.style == Style::Wire {
            return None;
        }
        let len = body.len();
        let most = if lent { self.shared.copied_lent } else { self.shared.copied };
        let state = self.state();
        let chunk = state.chunk?;
        let frames = state.frames;
        // SAFETY: the tail chunk is live until the writer leaves it.
        let room = unsafe { chunk.as_ref() }.room_behind(frames);
        if len > most || room < len + MAX_HEADER || state.unpublished {
            return None;
        }
        // SAFETY: there is room for the longest header and the body.
        let size = unsafe {
            let at = Chunk::data(chunk).add(frames);
            let header = put_header(at, 0, len);
            copy(at.add(header), NonNull::from(body).cast(), len);
            chunk.as_ref().watch.written(frames);
            if room >= prefetch::AHEAD + len {
                prefetch::for_writing_behind(at.as_ptr(), len);
            }
            header + len
        };
        state.frames = frames + size;
        state.pending = 0;
        state.total += size as u64;
        let total = state.total;
        Some(self.publish_offset(total))
    }

    /// Appends a frame with a copy of `body`. `flags` are MORE and COMMAND. False without memory.
    #[inline]
    pub(crate) fn push(&mut self, flags: u8, body: &[u8]) -> bool {
        let Some(at) = self.room(body.len() + MAX_HEADER) else { return false };
        // SAFETY: `room` made space for the longest header and the body.
        let size = unsafe {
            let size = put_header(at, flags, body.len());
            copy(at.add(size), NonNull::from(body).cast(), body.len());
            size + body.len()
        };
        self.wrote(size, flags & MORE != 0);
        true
    }

    /// Makes all complete messages visible. True: the reader sleeps and must be notified.
    #[inline]
    pub(crate) fn publish(&mut self) -> bool {
        let state = self.state();
        let total = state.total;
        state.unpublished = false;
        self.publish_offset(total)
    }

    /// The same, and a reader that sleeps goes on sleeping until the next time.
    pub(crate) fn publish_silently(&mut self) {
        let state = self.state();
        let total = state.total;
        state.unpublished = false;
        self.shared.published.0.offset.store(total, Release);
    }

    #[inline(always)]
    fn publish_offset(&mut self, offset: u64) -> bool {
        self.shared.published.0.offset.store(offset, Release);
        self.shared.wake_reader()
    }

    /// The offset of all that is published.
    pub(crate) fn published(&mut self) -> u64 {
        self.catch_up();
        let state = self.state();
        if state.unpublished { state.committed_total } else { state.total }
    }

    /// The offset of all that the reader is done with.
    pub(crate) fn consumed(&self) -> u64 {
        self.shared.consumed.0.load(Acquire)
    }

    /// Asks the reader to report when it is done with `offset`. False: it is already.
    pub(crate) fn wait_for(&mut self, offset: u64) -> bool {
        self.shared.wake_at.store(offset, Relaxed);
        match self.shared.style {
            Style::Wire => full_fence(),
            Style::Memory => heavy_fence(),
        }
        if self.consumed() >= offset {
            self.shared.wake_at.store(u64::MAX, Relaxed);
            return false;
        }
        true
    }

    /// Removes all that was not published.
    pub(crate) fn rollback(&mut self) {
        let state = self.state();
        if !state.unpublished {
            state.pending = 0;
            return;
        }
        let (keep, position) = (state.committed_chunk, state.committed_frames);
        let offset = state.committed_total;
        let (Some(keep), Some(last)) = (keep, state.chunk) else { return };
        // SAFETY: all behind the committed position is the writer's alone.
        unsafe {
            let mut chunk = keep;
            let mut from = position;
            loop {
                let to =
                    if chunk == last { state.frames } else { chunk.as_ref().end.load(Relaxed) };
                drop_frames(chunk, from, to);
                let next = chunk.as_ref().next();
                if chunk == keep {
                    let header = keep.as_ref();
                    header.next.store(std::ptr::null_mut(), Relaxed);
                    // Publishing a body moves the committed position to the chunk behind it, so
                    // a body of this chunk was not published.
                    *header.body.get() = None;
                    header.end.store(NONE, Relaxed);
                } else {
                    Chunk::release(chunk);
                }
                from = 0;
                match next {
                    Some(next) => chunk = next,
                    None => break,
                }
            }
        }
        state.chunk = Some(keep);
        state.frames = position;
        state.pending = 0;
        state.total = offset;
        state.unpublished = false;
        state.in_message = false;
        self.shared.held.take_back(offset);
    }

    /// Has the processor get the state of the queue, and then the chunk that is written to.
    pub(crate) fn anticipate(&self) {
        anticipate(&self.shared);
    }

    pub(crate) fn anticipate_chunk(&self) {
        // SAFETY: only the one `Writer` touches this cell; `&self` allows no change meanwhile.
        let state = unsafe { &*self.shared.write.0.get() };
        anticipate_chunk(state.chunk, state.frames);
    }

    /// Whether the reader is gone; what is written then is never read.
    pub(crate) fn reader_closed(&self) -> bool {
        self.shared.reader_closed.load(Acquire)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.rollback();
        self.close();
    }
}

impl Writer {
    /// Says that nothing more will be written. True: notify the reader.
    pub(crate) fn close(&mut self) -> bool {
        let slept = self.leave_log();
        self.shared.writer_closed.store(true, Release);
        self.shared.wake_reader() || slept
    }
}
