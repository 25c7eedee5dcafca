//! Whole messages straight from the queue into the application's memory, where nothing needs a look but the chunk.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::super::sync::Ordering::{Relaxed, Release};
use super::super::*;
use super::{COPY_UP_TO, Reader};
use crate::message::{MAX_INLINE, Message};

impl Reader {
    /// A message of one frame that is there, in the chunk: its body, how long its header is and how long
    /// the body. `None` if it is not so simple, or longer than `most`.
    #[inline(always)]
    fn next_whole(&mut self, most: usize) -> Option<(NonNull<u8>, usize, usize)> {
        if self.state().total >= self.state().published && !self.look_again() {
            return None;
        }
        let state = self.state();
        let chunk = state.chunk?;
        let position = state.position;
        // SAFETY: the chunk is live until the reader leaves it.
        let end = unsafe { chunk.as_ref() }.end.load(Relaxed);
        if end == position {
            return None;
        }
        // SAFETY: there is a whole published frame, and none is shorter than its shortest header.
        unsafe {
            chunk.as_ref().watch.read(position);
            let at = Chunk::data(chunk).add(position);
            let [flags, len] = at.cast::<[u8; 2]>().read_unaligned();
            if flags == 0 && len as usize <= most {
                return Some((at.add(2), 2, len as usize));
            }
            // The body may be elsewhere.
            if flags != LARGE || most < 256 || end == position + MAX_HEADER {
                return None;
            }
            let length = at.add(1).cast::<[u8; 8]>().read_unaligned();
            Some((at.add(MAX_HEADER), MAX_HEADER, u64::from_be_bytes(length) as usize))
        }
    }

    /// Whether more was published since.
    #[inline(never)]
    fn look_again(&mut self) -> bool {
        self.has_bytes()
    }

    /// Goes on behind a frame of so many bytes; says whether the writer waits for that and must be notified.
    #[inline(always)]
    fn pass(&mut self, size: usize) -> bool {
        let shared = &*self.shared;
        // SAFETY: only the one `Reader` touches this cell, and `&mut self` makes it exclusive.
        let state = unsafe { &mut *shared.read.0.get() };
        debug_assert!(state.shown == 0, "bytes are shown to a network only");
        let total = state.total + size as u64;
        state.position += size;
        state.total = total;
        shared.consumed.0.store(total, Release);
        if shared.light {
            free_fence();
        } else {
            full_fence();
        }
        total >= shared.wake_at.load(Relaxed) && self.end_wait()
    }

    /// Reads a message of one frame that is there and is copied; says whether the writer waits and must be
    /// notified. `None` if it is not so simple.
    #[inline(always)]
    pub(crate) fn read_whole(&mut self, message: &mut Message) -> Option<bool> {
        let (body, header, len) = match self.next_whole(MAX_INLINE) {
            Some(found) if message.is_plain_of(self.state().attached.as_ref()) => found,
            _ => return self.read_copied(message),
        };
        // SAFETY: the body lies in the chunk, and there is room for it.
        unsafe {
            copy_short(message.place(), body, len);
            message.filled(len);
        }
        Some(self.pass(header + len))
    }

    /// The same for one that does not fit inline, or into a message that holds something else.
    #[inline(never)]
    fn read_copied(&mut self, message: &mut Message) -> Option<bool> {
        let (body, header, len) = self.next_whole(COPY_UP_TO)?;
        let attached = self.state().attached.as_ref();
        if len <= MAX_INLINE {
            // SAFETY: the body lies in the chunk, and a message has room for it.
            message.refill(len, 0, attached, |to| unsafe { copy_short(to, body, len) });
        } else if len <= COPY_UP_TO {
            // SAFETY: the body lies in the chunk.
            let bytes = unsafe { std::slice::from_raw_parts(body.as_ptr(), len) };
            if !message.refill_large(bytes, 0, attached) {
                return None;
            }
        } else {
            return None;
        }
        Some(self.pass(header + len))
    }

    /// Reads a message of one frame that is there into `to`, as much of it as fits, and gives its length; says
    /// whether the writer waits and must be notified.
    #[inline(always)]
    pub(crate) fn read_bytes(&mut self, to: &mut [MaybeUninit<u8>]) -> Option<(usize, bool)> {
        let Some((body, header, len)) = self.next_whole(SHORT) else {
            return self.read_long(to);
        };
        // SAFETY: the body lies in the chunk, and no more of it is copied than there is room for.
        unsafe { copy_short(NonNull::from(&mut *to).cast(), body, len.min(to.len())) };
        Some((len, self.pass(header + len)))
    }

    /// The same for one that is not short.
    #[inline(never)]
    fn read_long(&mut self, to: &mut [MaybeUninit<u8>]) -> Option<(usize, bool)> {
        let (body, header, len) = self.next_whole(usize::MAX)?;
        // SAFETY: as above.
        unsafe { copy(NonNull::from(&mut *to).cast(), body, len.min(to.len())) };
        Some((len, self.pass(header + len)))
    }
}
