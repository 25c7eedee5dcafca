//! What the writer and the reader each own of their queue: half of it.
//!
//! An `Arc` would do the same with a count before the first cache line, which costs another such line,
//! and it ends the program where there is no memory. Used by the rest of `byte_queue`.

use std::alloc::{Layout, alloc, dealloc};
use std::ops::Deref;
use std::ptr::NonNull;

use super::Shared;
use super::sync::Ordering::AcqRel;

/// One of two owners; the last one drops the queue.
pub(super) struct Half(NonNull<Shared>);

// SAFETY: `Shared` is `Send` and `Sync`, and the last owner is found by an exchange.
unsafe impl Send for Half {}
// SAFETY: all that can be done through `&Half` is to look at the `Shared`.
unsafe impl Sync for Half {}

impl Half {
    /// Both owners of a queue. `None`: there is no memory.
    pub(super) fn both(shared: Shared) -> Option<(Half, Half)> {
        let layout = Layout::new::<Shared>();
        // SAFETY: the layout is not empty.
        let at = NonNull::new(unsafe { alloc(layout) })?.cast::<Shared>();
        // SAFETY: the memory is ours and fits.
        unsafe { at.write(shared) };
        Some((Half(at), Half(at)))
    }
}

impl Deref for Half {
    type Target = Shared;

    #[inline(always)]
    fn deref(&self) -> &Shared {
        // SAFETY: it lives as long as one of its owners.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        if self.half_gone.swap(true, AcqRel) {
            // SAFETY: the other owner is gone, and everything that it did came before.
            unsafe {
                self.0.drop_in_place();
                dealloc(self.0.as_ptr().cast(), Layout::new::<Shared>());
            }
        }
    }
}
