//! The high water mark: how many messages may wait in one direction of a pipe.
//!
//! The queue knows bytes, users count messages. The writer counts what it wrote and remembers
//! the offset of every (mark + 1) / 2-th message; when the reader has consumed that offset, the
//! messages before it are out. This is libzmq's low water mark. Called by `Pipe`.

use std::collections::VecDeque;

/// A free run without a limit.
pub(super) const LONG_RUN: u64 = 1 << 16;

/// The writer's account of one direction.
#[derive(Default)]
pub(super) struct HighWater {
    /// Messages written and messages known to be read, since the beginning.
    written: u64,
    read: u64,
    /// Offsets of messages whose consumption we look for, oldest first. Behind a pointer, as most
    /// connections never carry as many messages as it takes.
    marks: Option<Box<Marks>>,
    /// Messages since the last mark, and its offset.
    unmarked: u64,
    last_offset: u64,
}

#[derive(Default)]
struct Marks(VecDeque<Mark>);

struct Mark {
    offset: u64,
    messages: u64,
}

impl HighWater {
    /// How many more messages may be written below `limit` (0: no limit), as far as is known.
    #[inline]
    pub(super) fn credit(&self, limit: u64) -> u64 {
        if limit == 0 { u64::MAX } else { limit.saturating_sub(self.written - self.read) }
    }

    /// `messages` more were written; the published offset is now `offset`.
    #[inline]
    pub(super) fn wrote(&mut self, messages: u64, offset: u64, limit: u64) {
        self.written += messages;
        if limit == 0 {
            return;
        }
        self.unmarked += messages;
        if self.unmarked >= limit.div_ceil(2) {
            if messages > (limit / 2).max(1) {
                self.mark_middle(messages, offset);
            }
            self.mark(offset);
        }
    }

    /// How many messages may be written before the next one that is refused or marked.
    pub(super) fn free_run(&self, limit: u64) -> u64 {
        if limit == 0 {
            return LONG_RUN;
        }
        self.credit(limit).min(limit.div_ceil(2).saturating_sub(self.unmarked + 1))
    }

    /// How many messages may be written up to the next one that is refused, or that is marked.
    pub(super) fn run_to_mark(&self, limit: u64) -> u64 {
        self.credit(limit).min(limit.div_ceil(2).saturating_sub(self.unmarked).max(1))
    }

    /// The next mark is half a limit from here, where `offset` is published.
    pub(super) fn mark_here(&mut self, offset: u64, limit: u64) {
        if limit != 0 && self.unmarked > 0 {
            self.mark(offset);
        }
    }

    /// So many messages of a free run were written.
    pub(super) fn wrote_in_run(&mut self, messages: u64, limit: u64) {
        self.written += messages;
        if limit != 0 {
            self.unmarked += messages;
        }
    }

    /// Many messages came at once: half of them count as read at about half of their bytes, so
    /// that the writer can go on before the reader has come to the end.
    fn mark_middle(&mut self, messages: u64, offset: u64) {
        let begin = self.last_offset;
        let messages = self.written - messages / 2;
        self.push(Mark { offset: begin + (offset - begin) / 2, messages });
    }

    /// How many messages are written and not known to be read.
    pub(super) fn waiting(&self) -> u64 {
        self.written - self.read
    }

    fn mark(&mut self, offset: u64) {
        self.unmarked = 0;
        self.last_offset = offset;
        self.push(Mark { offset, messages: self.written });
    }

    fn push(&mut self, mark: Mark) {
        self.marks.get_or_insert_default().0.push_back(mark);
    }

    /// Learns that the reader has consumed everything up to `consumed`.
    pub(super) fn learn(&mut self, consumed: u64) {
        let Some(marks) = &mut self.marks else { return };
        while let Some(mark) = marks.0.front()
            && mark.offset <= consumed
        {
            self.read = mark.messages;
            marks.0.pop_front();
        }
    }

    /// The offset whose consumption brings room; `published` if nothing was marked.
    pub(super) fn awaited(&mut self, published: u64) -> u64 {
        let first = self.marks.as_ref().and_then(|marks| marks.0.front());
        if let Some(mark) = first {
            return mark.offset;
        }
        self.mark(published);
        published
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_returns_in_steps_of_half_the_mark() {
        let mut water = HighWater::default();
        for n in 1..=4 {
            assert_eq!(water.credit(4), 5 - n);
            water.wrote(1, n * 10, 4);
        }
        assert_eq!(water.credit(4), 0);
        water.learn(19);
        assert_eq!(water.credit(4), 0, "one message read is less than half");
        water.learn(20);
        assert_eq!(water.credit(4), 2);
        water.learn(40);
        assert_eq!(water.credit(4), 4);
    }

    #[test]
    fn a_free_run_ends_before_a_mark_and_before_the_limit() {
        let mut water = HighWater::default();
        for run in [3, 3, 0] {
            assert_eq!(water.free_run(8), run);
            water.wrote_in_run(run, 8);
            if run > 0 {
                water.wrote(1, water.written * 10, 8);
            }
        }
        assert_eq!(
            (water.credit(8), water.marks.as_ref().map_or(0, |marks| marks.0.len())),
            (0, 2)
        );
        assert_eq!(HighWater::default().free_run(1), 0);
        assert_eq!(HighWater::default().free_run(0), LONG_RUN);
    }

    #[test]
    fn a_mark_that_is_lowered_waits_for_all() {
        let mut water = HighWater::default();
        for n in 1..=10 {
            water.wrote(1, n, 1000);
        }
        assert_eq!(water.credit(5), 0);
        assert_eq!(water.awaited(10), 10);
        water.learn(10);
        assert_eq!(water.credit(5), 5);
    }

    #[test]
    fn many_messages_at_once_come_back_in_halves() {
        let mut water = HighWater::default();
        water.wrote(3000, 30_000, 1000);
        assert_eq!(water.credit(1000), 0);
        assert_eq!(water.awaited(30_000), 15_000);
        water.learn(15_000);
        assert_eq!(water.waiting(), 1500);
        water.learn(30_000);
        assert_eq!(water.credit(1000), 1000);
    }

    #[test]
    fn no_mark_means_no_limit() {
        let mut water = HighWater::default();
        water.wrote(1_000_000, 1, 0);
        assert_eq!(water.credit(0), u64::MAX);
    }
}
