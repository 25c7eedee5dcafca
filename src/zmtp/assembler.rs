//! Puts frames together from pieces of a stream, for all that is not read in place: handshakes and
//! ZMTP 1.0. Called by `handshake` and `established`.

use crate::zmtp::frame::{self, Header};
use crate::zmtp::{Failure, codec_v1, failure};

/// Which header frames have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    V1,
    V2,
}

impl Framing {
    fn parse_header(self, bytes: &[u8]) -> Result<Option<Header>, Failure> {
        match self {
            Framing::V1 => codec_v1::parse_header(bytes),
            Framing::V2 => Ok(frame::parse_header(bytes)),
        }
    }
}

/// The beginning of a frame that has not arrived as a whole.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    buffer: Vec<u8>,
    /// Whether `buffer` holds a frame that was handed out already.
    done: bool,
}

/// What one step took and found.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) consumed: usize,
    /// Flags and body of a complete frame; `None` if all input was taken and more is needed.
    pub(crate) frame: Option<(u8, &'a [u8])>,
}

impl Assembler {
    /// Takes bytes from the front of `input` up to the end of one frame. `limit` bounds the body.
    ///
    /// Memory grows as bytes arrive, never because a header announces many.
    pub(crate) fn step<'a>(
        &'a mut self,
        input: &'a [u8],
        framing: Framing,
        limit: u64,
    ) -> Result<Step<'a>, Failure> {
        if self.done {
            self.done = false;
            self.buffer.clear();
        }
        if self.buffer.is_empty()
            && let Some(whole) = whole_frame(input, framing, limit)?
        {
            return Ok(whole);
        }
        let mut consumed = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let missing = match framing.parse_header(&self.buffer)? {
                None => 1,
                Some(header) => {
                    let end =
                        header.header_len.saturating_add(frame::check_size(header.len, limit)?);
                    end.saturating_sub(self.buffer.len())
                }
            };
            if missing == 0 {
                break;
            }
            if rest.is_empty() {
                return Ok(Step { consumed, frame: None });
            }
            let taken = rest.get(..missing).unwrap_or(rest);
            failure::reserve(&mut self.buffer, taken.len())?;
            self.buffer.extend_from_slice(taken);
            consumed += taken.len();
        }
        self.done = true;
        let whole = whole_frame(&self.buffer, framing, limit)?;
        Ok(Step { consumed, frame: whole.and_then(|whole| whole.frame) })
    }

    /// Gives memory back, called when the stream is quiet. A frame in the making is kept.
    pub(crate) fn release(&mut self) {
        if self.done || self.buffer.is_empty() {
            self.done = false;
            self.buffer = Vec::new();
        }
    }
}

/// The frame at the start of `bytes`, if it is complete.
fn whole_frame(bytes: &[u8], framing: Framing, limit: u64) -> Result<Option<Step<'_>>, Failure> {
    let Some(header) = framing.parse_header(bytes)? else {
        return Ok(None);
    };
    let end = header.header_len.saturating_add(frame::check_size(header.len, limit)?);
    let body = bytes.get(header.header_len..end);
    Ok(body.map(|body| Step { consumed: end, frame: Some((header.flags, body)) }))
}
