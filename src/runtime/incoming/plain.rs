//! Plain bytes, where there is no protocol (ZMQ_STREAM): every read is a message. Called by `connection`.

use super::{End, Incoming, Source, read, with_scratch};
use crate::error::Error;
use crate::message::Message;
use crate::pipe::Pipe;

/// The largest piece that is delivered as one message, as libzmq's.
const PIECE: usize = 8192;

impl Incoming {
    /// Receives plain bytes. True if there may be more.
    pub(in crate::runtime) fn receive_plain(
        &mut self,
        turns: usize,
        from: Source<'_>,
        pipe: &mut Pipe,
        readable: &mut bool,
    ) -> Result<bool, End> {
        for _ in 0..turns {
            if !self.buffer.is_empty() {
                if !pipe.check_write() {
                    return Ok(false);
                }
                deliver(pipe, &std::mem::take(&mut self.buffer))?;
            }
            if !*readable {
                return Ok(false);
            }
            with_scratch(|scratch| {
                let scratch = scratch.get_mut(..PIECE).unwrap_or_default();
                let count = read(from.stream, from.stream.read(scratch), readable)?;
                let bytes = scratch.get(..count).unwrap_or_default();
                if count > 0 && pipe.check_write() {
                    return deliver(pipe, bytes);
                }
                // One piece is held back at the high water mark: until there is one, the end is heard.
                self.buffer.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        Ok(*readable)
    }
}

/// The stream goes on without a gap, or not at all.
fn deliver(pipe: &mut Pipe, bytes: &[u8]) -> Result<(), End> {
    let message = Message::from_slice(bytes).map_err(End::Closed)?;
    if !pipe.write_all([message]) && pipe.take_ran_short() {
        return Err(End::Closed(Error::NOMEM));
    }
    Ok(())
}
