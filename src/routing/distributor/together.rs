//! Writing to many pipes at once, by a log that they follow.
//!
//! To copy a message into the queue of each of a hundred subscribers touches ten cache lines for each of
//! them. When one message after the other goes to the same pipes, these follow a log instead
//! (`pipe::Pipe::follow`): a message is written to it once, and no pipe is touched until one of them
//! comes to its high water mark. The first messages to the same pipes are copied all the same: where
//! topics alternate, joining and leaving would cost more than it saves, and a log for each few messages
//! would hold more memory for a slow subscriber than the messages need.
//!
//! Pipes that cannot follow (inproc, ZMQ_CONFLATE, a small high water mark) are written to one by one.

use super::Distributor;
use crate::message::Message;
use crate::pipe::{Log, PipeId, Pipes};

/// So many messages in a row went to the same pipes before they follow a log. One pipe may follow
/// alone: it need not be asked for room so often.
const STREAK: u32 = 8;
/// The size of a log, at first and at most: as with chunks, who gets little holds little.
const FIRST: usize = 4 * 1024;
const MOST: usize = 64 * 1024;
/// A message of more bytes than that does not go into a log.
const LARGE: usize = 16 * 1024;

/// The log that the first `following` pipes follow.
#[derive(Default)]
pub(super) struct Together {
    log: Option<Log>,
    /// The frames so far of a message that is not complete.
    frames: Vec<Message>,
}

impl Distributor {
    /// Whether the next message can go into the log without a question to the pipes.
    #[inline]
    pub(super) fn log_has_allowance(&self) -> bool {
        self.together.log.as_ref().is_some_and(|log| log.allowance() > 0)
    }

    /// A message begins: decides whether it goes into a log.
    pub(super) fn begin_together(&mut self, pipes: &mut Pipes, message: &Message) {
        // Of a message whose followers all went before its end.
        self.together.frames.clear();
        if self.following > 0 {
            if !self.log_has_allowance() {
                self.ask_followers(pipes);
            }
        } else if self.streak >= STREAK && self.matching > 0 && Log::need(message) <= LARGE {
            self.follow_new_log(pipes, self.matching, FIRST);
            self.ask_followers(pipes);
            // Not before as many again, if nobody could.
            self.streak = 0;
        }
    }

    /// Sends a frame to the pipes that follow the log.
    pub(super) fn send_together(&mut self, pipes: &mut Pipes, message: &Message) {
        let earlier: usize = self.together.frames.iter().map(Log::need).sum();
        if earlier + Log::need(message) > LARGE {
            return self.send_apart(pipes);
        }
        if message.more() {
            let Ok(frame) = message.try_share() else { return self.send_apart(pipes) };
            return self.together.frames.push(frame);
        }
        let earlier = std::mem::take(&mut self.together.frames);
        if earlier.is_empty() {
            // Nearly all messages.
            self.append(pipes, &[message]);
        } else {
            let frames: Vec<_> = earlier.iter().chain([message]).collect();
            self.append(pipes, &frames);
        }
    }

    fn append(&mut self, pipes: &mut Pipes, frames: &[&Message]) {
        if self.together.log.as_ref().is_none_or(|log| !log.has_room(frames)) {
            self.go_on_in_new_log(pipes, frames);
        }
        let Some(log) = &mut self.together.log else { return };
        if log.append(frames) {
            for place in 0..self.following {
                if let Some(pipe) = self.pipes.at(place).and_then(|id| pipes.get_mut(id)) {
                    pipe.wake_follower();
                }
            }
        }
    }

    /// The log is full: lets its followers follow another one, which has room for these frames.
    #[cold]
    fn go_on_in_new_log(&mut self, pipes: &mut Pipes, frames: &[&Message]) {
        let full = self.together.log.as_ref();
        let (size, allowance) = full.map_or((0, 0), |log| (log.capacity(), log.allowance()));
        let before = self.following;
        let need = frames.iter().copied().map(Log::need).sum();
        self.follow_new_log(pipes, before, (4 * size).min(MOST).max(need));
        if let Some(log) = &mut self.together.log {
            // What was allowed does not depend on where it is written.
            log.set_allowance(allowance);
        }
        // Who could not goes on with the last frame like those who never followed.
        if let Some((_, earlier @ [_, ..])) = frames.split_last() {
            let rest: Vec<PipeId> =
                (self.following..before).filter_map(|place| self.pipes.at(place)).collect();
            self.write_apart(pipes, &rest, earlier.iter().copied());
        }
    }

    /// Lets the first `count` pipes follow a new log; those that cannot come behind the others.
    fn follow_new_log(&mut self, pipes: &mut Pipes, count: usize, size: usize) {
        // Without memory for one, all get copies.
        let Some(log) = Log::new(size) else { return self.part(pipes) };
        let (mut place, mut count) = (0, count);
        while place < count {
            let id = self.pipes.at(place);
            if id.and_then(|id| pipes.get_mut(id)).is_some_and(|pipe| {
                pipe.write_in_background();
                pipe.follow(&log)
            }) {
                place += 1;
            } else {
                count -= 1;
                self.pipes.swap(place, count);
            }
        }
        self.following = count;
        self.together.log = Some(log);
    }

    /// Asks each pipe how many messages may come. Those without room get no more, and those that left the
    /// log are written to one by one.
    fn ask_followers(&mut self, pipes: &mut Pipes) {
        let Some(mut log) = self.together.log.take() else { return };
        let (mut allowance, mut place) = (u64::MAX, 0);
        while place < self.following {
            let Some(id) = self.pipes.at(place) else { break };
            let Some(pipe) = pipes.get_mut(id) else { break };
            match pipe.credit_in_log(&log) {
                None => {
                    self.following -= 1;
                    self.pipes.swap(place, self.following);
                }
                Some(0) => {
                    pipe.leave_log();
                    self.leave_borders(id);
                }
                Some(credit) => {
                    allowance = allowance.min(credit);
                    place += 1;
                }
            }
        }
        log.set_allowance(allowance);
        self.together.log = Some(log);
    }

    /// This message does not go into the log, nor do those behind it for a while: what there is of it is
    /// copied into each pipe.
    fn send_apart(&mut self, pipes: &mut Pipes) {
        let followers: Vec<PipeId> =
            (0..self.following).filter_map(|place| self.pipes.at(place)).collect();
        self.part(pipes);
        let frames = std::mem::take(&mut self.together.frames);
        self.write_apart(pipes, &followers, frames.iter());
    }

    /// Copies the first frames of a message into each of these pipes; who refuses one misses all of it.
    fn write_apart<'a>(
        &mut self,
        pipes: &mut Pipes,
        to: &[PipeId],
        frames: impl Iterator<Item = &'a Message> + Clone,
    ) {
        for &id in to {
            let mut frames = frames.clone();
            if !pipes.get_mut(id).is_some_and(|pipe| frames.all(|frame| pipe.write_copy(frame))) {
                self.refused(pipes, id);
            }
        }
    }

    /// No pipe follows the log any more.
    pub(super) fn part(&mut self, pipes: &mut Pipes) {
        for place in 0..std::mem::take(&mut self.following) {
            if let Some(pipe) = self.pipes.at(place).and_then(|id| pipes.get_mut(id)) {
                pipe.leave_log();
            }
        }
        self.together.log = None;
        self.streak = 0;
    }
}
