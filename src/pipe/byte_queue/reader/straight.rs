//! Whole messages straight from the queue into the application's memory, where nothing needs a look but the chunk.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::super::sync::Ordering::Relaxed;
use super::super::*;
use super::Reader;
use crate::message::{MAX_INLINE, Message};

impl Reader {
    /// A message of one frame that is known to be there, in the chunk: its body, how long its header is and how long
    /// the body. `None` if it is not so simple, or longer than `most`.
    #[inline(always)]
    fn known(&mut self, most: usize) -> Option<(NonNull<u8>, usize, usize)> {
        let state = self.state();
        let chunk = state.chunk?;
        let position = state.position;
        // SAFETY: the chunk is live until the reader leaves it.
        let end = unsafe { chunk.as_ref() }.end.load(Relaxed);
        if state.total >= state.published || end == position {
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

    /// Reads a message of one frame that fits inline and is known to be there; false if it is not so simple.
    #[inline(always)]
    pub(crate) fn read_whole(&mut self, message: &mut Message) -> bool {
        let Some((body, header, len)) = self.known(MAX_INLINE) else { return false };
        let attached = self.state().attached.as_ref();
        // SAFETY: the body lies in the chunk, and a message has room for it.
        message.refill(len, 0, attached, |to| unsafe { copy_short(to, body, len) });
        self.advance(header + len, header + len);
        true
    }

    /// Reads a message of one frame that is known to be there into `to`, as much of it as fits, and gives its length.
    #[inline(always)]
    pub(crate) fn read_bytes(&mut self, to: &mut [MaybeUninit<u8>]) -> Option<usize> {
        let (body, header, len) = self.known(usize::MAX)?;
        // SAFETY: the body lies in the chunk, and no more of it is copied than there is room for.
        unsafe { copy(NonNull::from(&mut *to).cast(), body, len.min(to.len())) };
        self.advance(header + len, header + len);
        Some(len)
    }

    /// The same for a body of at most `SHORT` bytes.
    #[inline(always)]
    pub(crate) fn read_short_bytes(&mut self, to: &mut [MaybeUninit<u8>]) -> Option<usize> {
        let (body, header, len) = self.known(SHORT)?;
        // SAFETY: as above.
        unsafe { copy_short(NonNull::from(&mut *to).cast(), body, len.min(to.len())) };
        self.advance(header + len, header + len);
        Some(len)
    }
}
