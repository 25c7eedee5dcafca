//! Whole messages straight from the application's memory into the queue, where nothing needs a look but the chunk.

use std::ptr::NonNull;

use super::super::sync::Ordering::Release;
use super::super::*;
use super::Writer;

const _: () = assert!(prefetch::AHEAD > MAX_HEADER && STRAIGHT <= BODY_FROM && COPIED <= STRAIGHT);

impl Writer {
    /// Appends a message of one frame with a copy of `body`, where there is much room behind it, and publishes it; says
    /// whether the reader sleeps and must be notified. `None`: it takes more than that.
    #[inline(always)]
    pub(crate) fn push_bytes(&mut self, body: &[u8]) -> Option<bool> {
        if body.len() <= SHORT { self.push_up_to::<SHORT>(body) } else { self.push_long(body) }
    }

    #[inline(never)]
    fn push_long(&mut self, body: &[u8]) -> Option<bool> {
        self.push_up_to::<STRAIGHT>(body)
    }

    #[inline(always)]
    fn push_up_to<const MOST: usize>(&mut self, body: &[u8]) -> Option<bool> {
        let len = body.len();
        let shared = &*self.shared;
        // SAFETY: only the one `Writer` touches this cell, and `&mut self` makes it exclusive.
        let state = unsafe { &mut *shared.write.0.get() };
        let chunk = state.chunk?;
        let frames = state.frames;
        // SAFETY: the tail chunk is live until the writer leaves it.
        let capacity = unsafe { chunk.as_ref() }.capacity;
        if len > MOST || frames + len + prefetch::AHEAD > capacity || state.unpublished {
            return None;
        }
        // SAFETY: there is room for the longest header and the body.
        let size = unsafe {
            let at = Chunk::data(chunk).add(frames);
            let header = put_header(at, 0, len);
            let (to, from) = (at.add(header), NonNull::from(body).cast());
            if MOST <= SHORT {
                copy_short(to, from, len);
            } else {
                to.copy_from_nonoverlapping(from, len);
            }
            chunk.as_ref().watch.written(frames);
            prefetch::for_writing_behind(at.as_ptr(), len);
            header + len
        };
        state.frames = frames + size;
        state.total += size as u64;
        shared.published.0.offset.store(state.total, Release);
        Some(shared.wake_reader())
    }
}
