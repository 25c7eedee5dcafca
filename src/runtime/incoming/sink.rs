//! Where frames go that the engine decodes one by one: the pipe. Called by `incoming`.

use crate::message::{COMMAND, MORE, Message};
use crate::pipe::Pipe;
use crate::zmtp::FrameSink;

/// Writes decoded frames into the pipe.
pub(super) struct PipeSink<'a> {
    pipe: &'a mut Pipe,
    credit: u64,
    /// The engine was told to stop, and may have more without having taken a byte.
    stopped: bool,
    /// There was no memory for a frame, and no message shall be lost without a trace.
    failed: bool,
}

impl PipeSink<'_> {
    /// At most `credit` messages are taken.
    pub(super) fn new(pipe: &mut Pipe, credit: u64) -> PipeSink<'_> {
        PipeSink { pipe, credit, stopped: false, failed: false }
    }

    /// Whether no more is taken.
    pub(super) fn has_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether a frame is missing in the pipe.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }
}

impl FrameSink for PipeSink<'_> {
    fn frame(&mut self, flags: u8, body: &[u8]) -> bool {
        let Ok(mut message) = Message::from_slice(body) else {
            self.failed = true;
            return false;
        };
        message.set_flags(flags);
        let written = if flags & COMMAND != 0 {
            self.pipe.write_control(message)
        } else {
            self.credit = self.credit.saturating_sub(u64::from(flags & MORE == 0));
            self.pipe.write(&mut message)
        };
        // Nothing may be missing in the middle, unless nobody reads it any more.
        self.failed = !written && !self.pipe.peer_closed();
        self.stopped = self.credit == 0 || self.failed;
        !self.stopped
    }
}
