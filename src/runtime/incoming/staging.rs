//! A queue of the receiving half's own, out of which everything is taken at once: for pipes that have none
//! (ZMQ_CONFLATE) or that nobody reads any more. Called by `incoming` alone.

use super::{End, Incoming};
use crate::error::Error;
use crate::pipe::{Pipe, Style, byte_queue};

/// Both sides of it.
pub(super) type Staging = (byte_queue::Writer, byte_queue::Reader);

impl Incoming {
    /// Goes on with such a queue. A pipe that nobody reads would hold all that comes until the connection ends.
    #[cold]
    pub(super) fn stage(&mut self, pipe: &mut Pipe) -> Result<(), End> {
        let mut staging = byte_queue::queue(Style::Memory).ok_or(End::Closed(Error::NOMEM))?;
        if let Some(writer) = pipe.made_writer() {
            let begun = writer.unscanned();
            let room = staging.0.receive_space(begun.len()).get_mut(..begun.len());
            room.ok_or(End::Closed(Error::NOMEM))?.copy_from_slice(begun);
            staging.0.received(begun.len());
            writer.discard_unscanned();
        }
        self.staging = Some(Box::new(staging));
        Ok(())
    }
}

/// The queue that bytes are received into. NOMEM when there is no memory for it.
pub(super) fn queue<'a>(
    staging: &'a mut Option<Box<Staging>>,
    pipe: &'a mut Pipe,
) -> Result<&'a mut byte_queue::Writer, End> {
    match staging {
        Some(staging) => Ok(&mut staging.0),
        None => pipe.writer().ok_or(End::Closed(Error::NOMEM)),
    }
}
