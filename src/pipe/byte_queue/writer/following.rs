//! The writing side of a queue that follows a log, see `byte_queue::log`.

use super::super::log::{Link, Log, Segment};
use super::super::sync::Ordering::{Relaxed, Release};
use super::super::sync::full_fence;
use super::super::*;
use super::Writer;

impl Writer {
    /// Whether the queue may follow a log: its bytes are written to a network and belong to nobody else,
    /// and nothing is half written.
    pub(crate) fn may_follow(&mut self) -> bool {
        let wire = self.shared.style == Style::Wire;
        let state = self.state();
        wire && !state.unpublished && !state.in_message && state.pending == 0
    }

    /// Goes on with what is appended to the log from now on. The log will look whether the reader sleeps.
    pub(crate) fn follow(&mut self, log: &Log) {
        let total = self.published();
        let link = Link::allocate(log.segment.clone(), total);
        self.go_on_in(link);
        let state = self.state();
        state.following = true;
        state.counted = log.segment.messages();
        self.shared.published.0.link.store(link.as_ptr(), Release);
        log.segment.expect_sleeper();
    }

    /// The log that is followed.
    fn followed(&mut self) -> Option<&Segment> {
        let state = self.state();
        let link = state.chunk.filter(|_| state.following)?;
        // SAFETY: while the queue follows a log, its last chunk is the link.
        Some(unsafe { Link::segment(link) })
    }

    /// Whether this is the log that the queue follows.
    pub(crate) fn follows(&mut self, log: &Log) -> bool {
        self.followed().is_some_and(|segment| std::ptr::eq(segment, &*log.segment))
    }

    /// How many messages came into the log since this was asked last; 0 without a log.
    pub(crate) fn new_in_log(&mut self) -> u64 {
        let Some(messages) = self.followed().map(Segment::messages) else { return 0 };
        messages - std::mem::replace(&mut self.state().counted, messages)
    }

    /// The publisher must ask this follower before the next message.
    pub(crate) fn disturb_log(&mut self) {
        if let Some(segment) = self.followed() {
            segment.disturb();
        }
    }

    /// Accounts for what came into the log.
    #[inline]
    pub(super) fn catch_up(&mut self) {
        let state = self.state();
        if state.following
            && let Some(link) = state.chunk
        {
            // SAFETY: while the queue follows a log, its last chunk is the link.
            let len = unsafe { Link::len(link) };
            state.total += (len - state.frames) as u64;
            state.frames = len;
        }
    }

    /// What comes into the log from now on is not for this queue. True: the reader sleeps and must be
    /// notified.
    pub(crate) fn leave_log(&mut self) -> bool {
        self.catch_up();
        let state = self.state();
        if !std::mem::take(&mut state.following) {
            return false;
        }
        let (link, len, total) = (state.chunk, state.frames, state.total);
        if let Some(link) = link {
            // SAFETY: the tail chunk is live until the writer leaves it.
            unsafe { link.as_ref() }.end.store(len, Relaxed);
        }
        let published = &self.shared.published.0;
        published.link.store(std::ptr::null_mut(), Release);
        published.offset.store(total, Release);
        // The reader of a log sleeps with a full fence, so whoever takes it away has one, too.
        full_fence();
        self.rouse_reader()
    }

    /// Ends the reader's sleep; true if it slept. Call behind a fence.
    pub(crate) fn rouse_reader(&mut self) -> bool {
        self.shared.rouse_reader()
    }
}
