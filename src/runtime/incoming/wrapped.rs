//! Frames that a security mechanism wrapped, opened from the wire into the queue. Called by `incoming` alone.

use std::time::Instant;

use super::staging::queue;
use super::{BUFFER, End, Incoming, LITTLE, MUCH, read, with_scratch};
use crate::error::Error;
use crate::pipe::Pipe;
use crate::transport::Stream;
use crate::zmtp::Engine;

/// A larger buffer is not kept by a connection that is quiet.
const MAX_IDLE: usize = 256;

impl Incoming {
    /// One read of wrapped frames, which go into the queue unwrapped: how much came, of how much
    /// room.
    pub(super) fn read_wrapped(
        &mut self,
        now: Instant,
        stream: &Stream,
        engine: &mut Engine,
        pipe: &mut Pipe,
        readable: &mut bool,
    ) -> Result<(usize, usize), End> {
        with_scratch(|scratch| {
            let held = self.buffer.len();
            if held > BUFFER / 2 {
                // A large frame in the making.
                let count = read(stream, stream.read(scratch), readable)?;
                self.buffer.try_reserve(count).map_err(|_| End::Closed(Error::NOMEM))?;
                self.buffer.extend_from_slice(scratch.get(..count).unwrap_or_default());
                let bytes = std::mem::take(&mut self.buffer);
                let taken = self.open(now, engine, pipe, &bytes)?;
                self.keep(bytes, taken);
                return Ok((count, scratch.len()));
            }
            let (begun, rest) = scratch.split_at_mut(held);
            begun.copy_from_slice(&self.buffer);
            let count = read(stream, stream.read(rest), readable)?;
            if count > 0 {
                let bytes = scratch.get(..held + count).unwrap_or_default();
                let taken = self.open(now, engine, pipe, bytes)?;
                self.buffer.clear();
                self.buffer.extend_from_slice(bytes.get(taken..).unwrap_or_default());
                if self.buffer.is_empty() {
                    self.buffer.shrink_to(MAX_IDLE);
                }
            }
            Ok((count, scratch.len() - held))
        })
    }

    /// Opens the whole frames in `bytes` into the queue, and says how many bytes they were.
    pub(super) fn open(
        &mut self,
        now: Instant,
        engine: &mut Engine,
        pipe: &mut Pipe,
        bytes: &[u8],
    ) -> Result<usize, End> {
        let mut taken = 0;
        let mut room = LITTLE;
        loop {
            let writer = queue(&mut self.staging, pipe)?;
            let rest = bytes.get(taken..).unwrap_or_default();
            if room > MUCH && !writer.make_receive_space(room) {
                return Err(End::Closed(Error::NOMEM));
            }
            let space = writer.receive_space(room);
            if space.is_empty() {
                return Err(End::Closed(Error::NOMEM));
            }
            let opened = engine.open(now, rest, space);
            writer.received(opened.given);
            taken += opened.taken;
            self.failure = opened.failure;
            if opened.missing == 0 {
                return Ok(taken);
            }
            // What is in this chunk is better out of the way before there is another.
            self.scan(now, engine, pipe)?;
            room = opened.missing;
        }
    }

    /// Keeps what was not taken of the buffer.
    pub(super) fn keep(&mut self, mut bytes: Vec<u8>, taken: usize) {
        bytes.drain(..taken.min(bytes.len()));
        if bytes.is_empty() {
            bytes.shrink_to(MAX_IDLE);
        }
        self.buffer = bytes;
    }
}
