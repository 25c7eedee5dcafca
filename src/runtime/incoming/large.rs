//! A large body, received into a block of its own beside the queue. Called by `incoming` alone.

use std::io::IoSliceMut;
use std::time::Instant;

use super::staging::queue;
use super::{End, Incoming, LITTLE, read};
use crate::error::Error;
use crate::message::{COMMAND, GrowingBody, MORE};
use crate::pipe::Pipe;
use crate::pipe::byte_queue::{Place, Writer};
use crate::transport::Stream;
use crate::zmtp::Engine;

/// How much of a large body is waited for at a time.
const PIECE: usize = 512 * 1024;

/// A body on its way into a block of its own.
pub(super) struct Large {
    body: GrowingBody,
    filled: usize,
    flags: u8,
    place: Place,
    /// What the stream was told to wait for.
    expected: usize,
}

impl Large {
    /// One read of the body and of a little of what follows it: how much came, of how much room.
    pub(super) fn read(
        &mut self,
        stream: &Stream,
        patient: bool,
        writer: &mut Writer,
        readable: &mut bool,
    ) -> Result<(usize, usize), End> {
        let missing = self.body.len() - self.filled;
        let rest = self.body.room_behind(self.filled).map_err(End::Closed)?;
        let wanted = rest.len();
        // What follows the body belongs into the queue: not before all of the body has room.
        let space = if wanted == missing { writer.receive_space(LITTLE) } else { &mut [] };
        let room = wanted + space.len();
        let mut pieces = [IoSliceMut::new(rest), IoSliceMut::new(space)];
        let count = read(stream, stream.read_vectored(&mut pieces), readable)?;
        self.filled += count.min(wanted);
        writer.received(count.saturating_sub(wanted));
        let left = self.body.len() - self.filled;
        let expected = match left {
            _ if !patient => 1,
            left if left < 2 * PIECE => left.max(1),
            _ => PIECE,
        };
        if expected != self.expected && (left == 0 || self.body.len() > PIECE) {
            self.expected = expected;
            stream.expect(expected);
        }
        Ok((count, room))
    }
}

impl Incoming {
    /// Goes over from the queue to a block for the body that begins there.
    pub(super) fn begin_large(
        &mut self,
        pipe: &mut Pipe,
        header: usize,
        body: u64,
    ) -> Result<(), End> {
        let size = usize::try_from(body).map_err(|_| End::Closed(Error::MSGSIZE))?;
        let mut large = GrowingBody::new(size).map_err(End::Closed)?;
        let writer = queue(&mut self.staging, pipe)?;
        let bytes = writer.unscanned();
        let flags = bytes.first().copied().unwrap_or(0) & (MORE | COMMAND);
        let begun = bytes.get(header..).unwrap_or_default();
        let filled = begun.len();
        // More than is made at once is not read ahead.
        let room = large.room_behind(0).map_err(End::Closed)?;
        room.get_mut(..filled).ok_or(End::Closed(Error::NOMEM))?.copy_from_slice(begun);
        writer.discard_unscanned();
        let place = writer.reserve_place(flags).ok_or(End::Closed(Error::NOMEM))?;
        self.large = Some(Box::new(Large { body: large, filled, flags, place, expected: 1 }));
        Ok(())
    }

    /// Publishes the large body if it is complete. False: it is not.
    pub(super) fn finish_large(
        &mut self,
        now: Instant,
        engine: &mut Engine,
        pipe: &mut Pipe,
    ) -> Result<bool, End> {
        let Some(large) = self.large.take_if(|large| large.filled == large.body.len()) else {
            return Ok(false);
        };
        let size = large.body.len();
        let complete = engine.note_large_frame(now, large.flags, size)?;
        let unread = pipe.peer_closed();
        let writer = queue(&mut self.staging, pipe)?;
        let Some(mut message) = large.body.into_message() else { return Ok(true) };
        let is_command = large.flags & COMMAND != 0;
        // What nobody reads the pipe would hold as long as there is a connection.
        if (is_command && !engine.heeds_commands()) || unread {
            message.clear();
        }
        message.set_flags(large.flags);
        writer.fill_place(large.place, message);
        let notify = complete && writer.publish();
        // Its place counts as well, whatever was in it.
        let count = if is_command { 1 + self.count_commands(size) } else { complete.into() };
        self.published(pipe, count, notify);
        Ok(true)
    }
}
