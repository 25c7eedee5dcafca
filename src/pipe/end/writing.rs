//! The writing direction of a pipe's end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{EXACT_BELOW, Output, Pipe};
use crate::error::{Error, Result};
use crate::message::{Message, Metadata};
use crate::pipe::PipeEvent;

/// Messages closer together than this make a burst.
const BURST: Duration = Duration::from_micros(2);

impl Pipe {
    /// Whether a message can be written now: below the high water mark, not finished, peer alive.
    /// When it says no because of the mark, a `Writable` event follows when there is room.
    #[inline]
    pub(crate) fn check_write(&mut self) -> bool {
        if self.finished || self.ended || self.peer_closed() {
            return false;
        }
        self.budget > 0 || self.in_message || self.write_credit() > 0
    }

    /// The same for a writer that would rather hear of the mark than go on at once: when the mark
    /// is reached as far as is known, it says no even if the peer has read since, and a `Writable`
    /// event follows. So a publisher that must not drop (ZMQ_XPUB_NODROP) is told at its mark. Small
    /// marks are exact anyway.
    pub(crate) fn check_write_as_known(&mut self) -> bool {
        self.settle();
        let limit = self.link.limit(self.side);
        let full = limit >= EXACT_BELOW && self.high_water.credit(limit) == 0 && !self.in_message;
        let room = self.check_write();
        if full && room {
            self.link.notify(self.side, PipeEvent::Writable);
        }
        room && !full
    }

    /// Whether the peer is gone altogether, so that nothing written is read.
    #[inline]
    pub(crate) fn peer_closed(&self) -> bool {
        match &self.output {
            Output::Queue(writer) => writer.reader_closed(),
            Output::Slot(writer) => writer.reader_closed(),
            Output::Later(_) => self.peer_closed_early(),
        }
    }

    #[cold]
    fn peer_closed_early(&self) -> bool {
        self.link.later(self.side).reader_closed()
    }

    /// How many messages may be written now; 0 arms the notification.
    #[inline]
    pub(crate) fn write_credit(&mut self) -> u64 {
        self.settle();
        let limit = self.link.limit(self.side);
        match self.high_water.credit(limit) {
            0 => self.find_credit(limit),
            credit => credit,
        }
    }

    #[cold]
    fn find_credit(&mut self, limit: u64) -> u64 {
        let Output::Queue(writer) = &mut self.output else { return u64::MAX };
        loop {
            self.high_water.learn(writer.consumed());
            let credit = self.high_water.credit(limit);
            if credit > 0 {
                return credit;
            }
            let awaited = self.high_water.awaited(writer.published());
            if writer.wait_for(awaited) {
                self.was_full = true;
                return 0;
            }
        }
    }

    /// How many messages may be published at once: what `write_credit` says where the high water
    /// mark is small; else whatever one read brought, once there is any credit at all.
    pub(crate) fn batch_credit(&mut self) -> u64 {
        match (self.write_credit(), self.link.limit(self.side)) {
            (0, _) => 0,
            (credit, 1..EXACT_BELOW) => credit,
            _ => u64::MAX,
        }
    }

    /// Writes one frame and takes the message (leaves it empty); gives false and leaves it alone
    /// when `check_write` would, or there is no memory (`take_ran_short`). A message is visible to the peer
    /// when its last frame (no MORE) is written. In the middle of a message it never refuses for the high
    /// water mark.
    #[inline(always)]
    pub(crate) fn write(&mut self, message: &mut Message) -> bool {
        if self.write_whole(message) {
            message.clear();
            return true;
        }
        self.write_slowly(message)
    }

    /// Writes all frames of a message. False: none of them, for the reasons of `write`.
    pub(crate) fn write_all(&mut self, frames: impl IntoIterator<Item = Message>) -> bool {
        let all = frames.into_iter().all(|mut frame| self.write(&mut frame));
        if !all {
            self.rollback();
        }
        all
    }

    /// Writes as `write` does, but the message stays as it is: it goes to other pipes, too.
    #[inline]
    pub(crate) fn write_copy(&mut self, message: &Message) -> bool {
        self.write_whole(message) || self.write_copy_slowly(message)
    }

    /// The straight line: a message of one short frame, for which nothing needs a look but the queue.
    #[inline(always)]
    fn write_whole(&mut self, message: &Message) -> bool {
        if self.budget > 0
            && message.flags() == 0
            && let Output::Queue(writer) = &mut self.output
            && !writer.reader_closed()
            && let Some(notify) =
                writer.push_whole(message.data(), message.is_lent(), message.is_external())
        {
            self.wrote_whole(notify);
            return true;
        }
        false
    }

    /// A message of one frame was published; `notify`: to a peer that sleeps.
    #[inline(always)]
    fn wrote_whole(&mut self, notify: bool) {
        self.budget -= 1;
        if notify {
            self.wake_peer();
        }
    }

    /// Writes a copy of `bytes` as a message of one frame, if that takes a look at nothing but the queue.
    #[inline(always)]
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> bool {
        if self.budget > 0
            && let Output::Queue(writer) = &mut self.output
            && let Some(notify) = writer.push_bytes(bytes)
        {
            self.wrote_whole(notify);
            return true;
        }
        false
    }

    #[inline(never)]
    fn write_slowly(&mut self, message: &mut Message) -> bool {
        #[cfg(test)]
        if let Some(left) = self.runs_short.take() {
            if left == 0 {
                return self.written(message.more(), None);
            }
            self.runs_short = Some(left - 1);
        }
        self.leave_log();
        if !self.check_write() {
            return false;
        }
        let more = message.more();
        self.make_queue();
        let pushed = match &mut self.output {
            Output::Queue(writer) => writer.push_from(message).then(|| !more && writer.publish()),
            Output::Slot(writer) => Some(writer.put(message.take())),
            Output::Later(_) => None,
        };
        self.written(more, pushed)
    }

    #[inline(never)]
    fn write_copy_slowly(&mut self, message: &Message) -> bool {
        self.leave_log();
        if !self.check_write() {
            return false;
        }
        let more = message.more();
        self.make_queue();
        let pushed = match &mut self.output {
            Output::Queue(writer) => writer.push_copy(message).then(|| !more && writer.publish()),
            Output::Slot(writer) => message.try_share().ok().map(|copy| writer.put(copy)),
            Output::Later(_) => None,
        };
        self.written(more, pushed)
    }

    /// Accounts for a frame that was written, if there was memory for it.
    fn written(&mut self, more: bool, pushed: Option<bool>) -> bool {
        let Some(notify) = pushed else {
            self.ran_short = true;
            // Who takes this for the high water mark may try again at once.
            self.link.notify(self.side, PipeEvent::Writable);
            return false;
        };
        self.in_message = more;
        if !more {
            self.count(1);
            self.grant();
        }
        if notify {
            self.wake_peer();
        }
        true
    }

    /// Has the memory be missing for one frame, behind so many others.
    #[cfg(test)]
    pub(crate) fn run_short(&mut self, others: u32) {
        self.runs_short = Some(others);
    }

    /// Whether the last refusal was for want of memory; the next answer is about the next one.
    pub(crate) fn take_ran_short(&mut self) -> bool {
        std::mem::take(&mut self.ran_short)
    }

    /// The peer sleeps: sends what it waits for, or has somebody do so.
    #[cold]
    pub(super) fn wake_peer(&mut self) {
        if !self.send_directly() {
            self.link.notify(self.side.other(), PipeEvent::Readable);
        }
    }

    /// Finds out how many messages may be written until something has to be looked at: the high water
    /// mark, or a place to remember.
    fn grant(&mut self) {
        self.settle();
        if !self.finished && !self.ended && matches!(self.output, Output::Queue(_)) {
            let run = self.high_water.free_run(self.link.limit(self.side));
            self.granted = u32::try_from(run).unwrap_or(u32::MAX);
            self.budget = self.granted;
        }
    }

    /// Counts what was written since `grant`, and ends what it allowed.
    #[inline]
    pub(super) fn settle(&mut self) {
        let written = self.granted - self.budget;
        if self.granted > 0 {
            self.high_water.wrote_in_run(written.into(), self.link.limit(self.side));
            (self.granted, self.budget) = (0, 0);
        }
        if self.following {
            self.settle_log();
        }
    }

    /// The marks may have changed: what is known of them is not used again.
    pub(crate) fn marks_changed(&mut self) {
        self.settle();
        self.disturb_log();
    }

    /// Sends on this thread what the I/O thread would have to be woken for. Not in a burst: there
    /// the other thread, once awake, takes many messages at a time.
    fn send_directly(&mut self) -> bool {
        if self.background || self.direct().is_none() {
            return false;
        }
        // What follows a full queue is part of a burst, too.
        let was_full = std::mem::take(&mut self.was_full);
        if !std::mem::take(&mut self.fresh) {
            let now = Instant::now();
            let calm = self.last_direct.is_none_or(|last| now.duration_since(last) >= BURST);
            if !calm || was_full {
                self.last_direct = Some(now);
                return false;
            }
        }
        let sent = self.direct().is_some_and(|direct| direct.send());
        self.last_direct = Some(Instant::now());
        sent
    }

    /// Counts messages that were written and published.
    #[inline]
    pub(crate) fn count(&mut self, messages: u64) {
        self.settle();
        if let Output::Queue(writer) = &mut self.output {
            let limit = self.link.limit(self.side);
            self.high_water.wrote(messages, writer.published(), limit);
        }
    }

    /// Writes a frame outside the high water mark: subscriptions and other commands. An incomplete
    /// message is given up. False if the peer is gone or there is no memory.
    pub(crate) fn write_control(&mut self, message: Message) -> bool {
        if self.finished || self.ended || self.peer_closed() {
            return false;
        }
        self.leave_log();
        self.rollback();
        let Some(writer) = self.writer() else { return false };
        let pushed = writer.push_message(message);
        if writer.publish() {
            self.link.notify(self.side.other(), PipeEvent::Readable);
        }
        pushed
    }

    /// The same for what a socket has to say, and at once where this thread may send: a subscription
    /// is not to be overtaken by what the application does next. If there is no memory for one of them none is
    /// said, and the socket is asked for all that it wants again.
    pub(crate) fn write_commands(&mut self, commands: impl IntoIterator<Item = Result<Message>>) {
        let mut commands = commands.into_iter().peekable();
        if commands.peek().is_none() || self.finished || self.ended || self.peer_closed() {
            return;
        }
        self.leave_log();
        self.rollback();
        let said = self.writer().is_some_and(|writer| {
            commands.all(|command| command.is_ok_and(|command| writer.push_message(command)))
        });
        if said {
            if self.made_writer().is_some_and(|writer| writer.publish()) {
                self.wake_peer();
            }
        } else {
            if let Some(writer) = self.made_writer() {
                writer.rollback();
            }
            self.link.notify(self.side, PipeEvent::Hiccuped);
        }
    }

    /// Says what is known of this end to the peer; all later messages carry it there. `NOMEM` without memory.
    pub(crate) fn write_metadata(&mut self, metadata: Arc<Metadata>) -> Result<()> {
        self.leave_log();
        let notify = match &mut self.output {
            Output::Queue(writer) => {
                if !writer.push_metadata(metadata) {
                    return Err(Error::NOMEM);
                }
                writer.publish()
            }
            Output::Slot(writer) => writer.set_metadata(metadata),
            Output::Later(_) => {
                self.link.later(self.side).introduce(metadata);
                true
            }
        };
        if notify {
            self.link.notify(self.side.other(), PipeEvent::Readable);
        }
        Ok(())
    }

    /// The same without a notification, for a reader that waits for nothing but messages: it finds
    /// this in front of the first.
    pub(crate) fn leave_metadata(&mut self, metadata: Arc<Metadata>) -> Result<()> {
        self.leave_log();
        if let Output::Later(_) = self.output {
            self.link.later(self.side).introduce(metadata);
            return Ok(());
        }
        let Output::Queue(writer) = &mut self.output else { return self.write_metadata(metadata) };
        if !writer.push_metadata(metadata) {
            return Err(Error::NOMEM);
        }
        writer.publish_silently();
        Ok(())
    }

    /// Removes the frames of a message that was not completed.
    pub(crate) fn rollback(&mut self) {
        if std::mem::take(&mut self.in_message)
            && let Output::Queue(writer) = &mut self.output
        {
            writer.rollback();
        }
    }

    /// Whether the high water mark of what is read here is so small, or its writer so minded, that
    /// each message counts.
    pub(crate) fn is_exact(&self) -> bool {
        self.link.is_broadcast() || matches!(self.link.limit(self.side.other()), 1..EXACT_BELOW)
    }
}
