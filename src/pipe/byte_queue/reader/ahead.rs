//! What the reader has the processor get before it is wanted. Called by the reader and by `pipe::end`.

use std::ptr::NonNull;

use super::super::sync::Ordering::Relaxed;
use super::super::*;
use super::Reader;

/// So many messages before it is read the body of a message is asked for.
const SOON: usize = 4;

impl Reader {
    /// Has the processor get the state of the queue, and then the chunk that is read.
    pub(crate) fn anticipate(&self) {
        anticipate(&self.shared);
    }

    pub(crate) fn anticipate_chunk(&self) {
        // SAFETY: only the one `Reader` touches this cell; `&self` allows no change meanwhile.
        let state = unsafe { &*self.shared.read.0.get() };
        anticipate_chunk(state.chunk, state.position);
    }
}

/// The body of a message that was moved by pointer is with the processor that wrote it: asks for the one that is
/// `SOON` frames behind the one at `position`, from where `published` bytes may be read.
///
/// # Safety
/// A published embedded frame must lie there, and the caller must be the reader.
#[inline]
pub(super) unsafe fn prefetch_embedded(chunk: NonNull<Chunk>, position: usize, published: u64) {
    const LAST: usize = SOON * EMBEDDED_FRAME;
    // SAFETY: all that is looked at is published, in this chunk, and behind frames of a known size.
    unsafe {
        let end = chunk.as_ref().end.load(Relaxed);
        if published < (LAST + EMBEDDED_FRAME) as u64 || end - position < LAST + EMBEDDED_FRAME {
            return;
        }
        let at = Chunk::data(chunk).add(position);
        if (1..=SOON).all(|frame| at.add(frame * EMBEDDED_FRAME).read() & EMBEDDED != 0) {
            Message::prefetch(at.add(LAST + 1).cast::<Message>().as_ptr());
        }
    }
}
