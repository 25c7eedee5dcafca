//! How the reader goes to sleep, and tells a writer that waits for room. The protocol is described at the
//! head of `byte_queue`.

use super::super::log::Link;
use super::super::sync::Ordering::{AcqRel, Relaxed, Release};
use super::super::sync::{full_fence, heavy_fence, light_fence, light_is_free};
use super::super::*;
use super::Reader;

/// Reading no more than this many bytes between two sleeps makes the second one a nap.
const NAP: u64 = 2048;
/// After this many naps in a row both sides use full fences.
pub(super) const NAPS: u32 = 4;
/// How often a reader that has come to the end of much looks again before it pays for a heavy fence, and how
/// long it leaves the writer alone before each look, as every one takes the offset away from it.
const LOOKS: u32 = if cfg!(loom) { 1 } else { 4 };
const PAUSES: u32 = if cfg!(loom) { 0 } else { 100 };

impl Reader {
    /// Tells whether the writer waits for what was consumed so far, and if so ends its wait.
    #[inline(always)]
    pub(crate) fn writer_waits(&mut self) -> bool {
        match self.shared.style {
            Style::Wire => full_fence(),
            Style::Memory => light_fence(),
        }
        let state = self.state();
        let total = state.total.max(state.shown);
        total >= self.shared.wake_at.load(Relaxed) && self.end_wait()
    }

    #[cold]
    pub(super) fn end_wait(&self) -> bool {
        self.shared.wake_at.swap(u64::MAX, AcqRel) != u64::MAX
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

    /// Gives back what is held for messages that have left, for a side that can go no further (`held`).
    #[inline]
    pub(crate) fn let_go(&mut self) {
        let total = self.state().total;
        self.shared.held.let_go(total);
    }

    /// Goes to sleep without looking again: for a side that knows that nobody publishes meanwhile.
    pub(crate) fn doze(&mut self) {
        self.let_go();
        self.shared.reader_asleep.store(true, Release);
    }

    /// Goes to sleep: the next `publish` or `close` reports true. False: there is something to
    /// read, or the writer is gone.
    pub(crate) fn sleep(&mut self) -> bool {
        if self.linger() {
            return false;
        }
        self.let_go();
        self.shared.reader_asleep.store(true, Relaxed);
        loop {
            let link = self.shared.published.0.link();
            match link {
                // SAFETY: a link that is found here is live, see `has_bytes`.
                Some(link) => unsafe {
                    Link::segment(link).expect_sleeper();
                    full_fence();
                },
                None => self.fence_for_sleep(),
            }
            if self.has_bytes() || self.writer_closed() {
                self.shared.reader_asleep.store(false, Relaxed);
                return false;
            }
            // Where the writer followed a log meanwhile, or left it, the other fence was wanted.
            if self.shared.published.0.link() == link {
                return true;
            }
        }
    }

    /// Waits for what a writer that was busy just now may be writing, for a fraction of what a heavy fence takes
    /// on both sides: it interrupts the writer. True: there is something.
    fn linger(&mut self) -> bool {
        let memory = self.shared.style == Style::Memory;
        let state = self.state();
        if !memory || state.fenced || state.total - state.slept_at <= NAP {
            return false;
        }
        for _ in 0..LOOKS {
            for _ in 0..PAUSES {
                std::hint::spin_loop();
            }
            if self.has_bytes() {
                let state = self.state();
                state.slept_at = state.total;
                return true;
            }
        }
        false
    }

    /// Orders the flag before the look at what is published, by the fence that suits how often this
    /// reader sleeps.
    fn fence_for_sleep(&mut self) {
        let state = self.state();
        let read = state.total - state.slept_at;
        state.slept_at = state.total;
        state.naps = if read <= NAP { state.naps.saturating_add(1) } else { 0 };
        let fenced = state.naps >= NAPS || !light_is_free();
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
}
