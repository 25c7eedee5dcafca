//! A sender's endless stream as it comes in, and the messages in it. Used by `norm` and `pgm`, which tell
//! where frames are.

use std::ops::Range;

use super::group::Frames;
use crate::message::{COMMAND, MORE, Message};
use crate::options::Limits;

/// What came is no frame, or too large, or there is no memory for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused;

/// A whole frame at the beginning of some bytes.
pub(super) struct Frame {
    pub(super) flags: u8,
    /// Where its body is; the next frame begins behind it.
    pub(super) body: Range<usize>,
}

/// Finds the frame at the beginning, if all of it is there, and its body is no larger than this.
pub(super) type Decode = fn(&[u8], u64) -> Result<Option<Frame>, Refused>;

/// The message that is on its way.
#[derive(Default)]
pub(super) struct Incoming {
    /// The stream; up to `done` it has been made into frames.
    bytes: Vec<u8>,
    done: usize,
    frames: Frames,
    /// What the frames take.
    held: u64,
}

impl Incoming {
    pub(super) fn is_between_messages(&self) -> bool {
        self.done == self.bytes.len() && self.frames.is_empty()
    }

    /// More of the stream.
    pub(super) fn extend(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.bytes.drain(..self.done);
        self.done = 0;
        self.bytes.try_reserve(bytes.len()).map_err(|_| Refused)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The next message that is complete.
    pub(super) fn message(
        &mut self,
        decode: Decode,
        limits: Limits,
    ) -> Result<Option<Frames>, Refused> {
        loop {
            let rest = self.bytes.get(self.done..).unwrap_or_default();
            let Some(frame) = decode(rest, limits.frame)? else { return Ok(None) };
            let Some(body) = rest.get(frame.body.clone()) else { return Ok(None) };
            self.done += frame.body.end;
            if frame.flags & COMMAND != 0 {
                continue;
            }
            let more = frame.flags & MORE != 0;
            self.held += (size_of::<Message>() + body.len()) as u64;
            if more && self.held > limits.message {
                return Err(Refused);
            }
            let mut message = Message::from_slice(body).map_err(|_| Refused)?;
            message.set_more(more);
            self.frames.try_reserve(1).map_err(|_| Refused)?;
            self.frames.push(message);
            if !more {
                self.held = 0;
                return Ok(Some(std::mem::take(&mut self.frames)));
            }
        }
    }
}
