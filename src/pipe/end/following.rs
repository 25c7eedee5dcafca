//! A pipe's end that gets its messages from a log, together with others (`byte_queue::log`).
//!
//! Messages in the log count for the high water mark of each pipe that follows it. The pipe says how many
//! may come before it has to be asked again; nothing happens to it meanwhile, however many come. Anything
//! else that is written to the pipe takes it out of the log first. Called by `routing::distributor`.

use super::{EXACT_BELOW, LONG_RUN, Output, Pipe};
use crate::pipe::Log;

impl Pipe {
    /// Gets what is appended to the log from now on. False, and left alone, if it is not that simple.
    pub(crate) fn follow(&mut self, log: &Log) -> bool {
        self.leave_log();
        let limit = self.link.limit(self.side);
        if self.in_message || matches!(limit, 1..EXACT_BELOW) || !self.check_write() {
            return false;
        }
        self.settle();
        self.make_queue();
        let Output::Queue(writer) = &mut self.output else { return false };
        if !writer.may_follow() {
            return false;
        }
        // Who follows a log comes to its marks together with the others.
        self.high_water.mark_here(writer.published(), limit);
        writer.follow(log);
        self.following = true;
        true
    }

    /// How many messages may come into the log until this is asked again. 0: the pipe has no room, or
    /// is at its end, and must leave the log; if there will be room, a `Writable` event follows. `None`:
    /// the pipe does not follow this log.
    pub(crate) fn credit_in_log(&mut self, log: &Log) -> Option<u64> {
        let Output::Queue(writer) = &mut self.output else { return None };
        if !self.following || !writer.follows(log) {
            return None;
        }
        if !self.check_write() {
            return Some(0);
        }
        Some(match self.link.limit(self.side) {
            0 => LONG_RUN,
            limit => self.high_water.run_to_mark(limit),
        })
    }

    /// Gets nothing more from a log.
    pub(crate) fn leave_log(&mut self) {
        if !self.following {
            return;
        }
        self.settle();
        self.following = false;
        if let Output::Queue(writer) = &mut self.output {
            writer.disturb_log();
            if writer.leave_log() {
                self.wake_peer();
            }
        }
    }

    /// Has whoever appends to the log ask this pipe before the next message.
    pub(super) fn disturb_log(&mut self) {
        if self.following
            && let Output::Queue(writer) = &mut self.output
        {
            writer.disturb_log();
        }
    }

    /// Counts what came into the log.
    #[cold]
    pub(super) fn settle_log(&mut self) {
        let limit = self.link.limit(self.side);
        let Output::Queue(writer) = &mut self.output else { return };
        let messages = writer.new_in_log();
        if messages > 0 {
            self.high_water.wrote(messages, writer.published(), limit);
        }
    }

    /// Something was appended to the log: wakes the peer if it sleeps.
    pub(crate) fn wake_follower(&mut self) {
        if let Output::Queue(writer) = &mut self.output
            && writer.rouse_reader()
        {
            self.wake_peer();
        }
    }
}
