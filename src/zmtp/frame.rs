//! Frame headers of ZMTP 2.0 and later (15/ZMTP, 23/ZMTP and 37/ZMTP, "Framing").
//!
//! `[flags][length: 1 byte, or 8 bytes big endian if LARGE][body]`; also the canonical form of the
//! pipes. Called by all that reads or writes frames: the handshake, the data phase, the
//! mechanisms.

use crate::message::{COMMAND, MORE};
use crate::zmtp::Failure;

/// The length takes 8 bytes.
pub(crate) const LARGE: u8 = 2;
/// The flags that mean something; "bits 7-3: reserved for future use and MUST be zero".
pub(crate) const KNOWN: u8 = MORE | LARGE | COMMAND;
/// The longest header.
pub(crate) const MAX_HEADER: usize = 9;

/// A header: `len` does not count the header's own `header_len` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) flags: u8,
    pub(crate) header_len: usize,
    pub(crate) len: u64,
}

/// Reads the header at the start of `bytes`; `None` if it is incomplete. Reserved flags are
/// dropped, as libzmq does.
pub(crate) fn parse_header(bytes: &[u8]) -> Option<Header> {
    let (&flags, rest) = bytes.split_first()?;
    let flags = flags & KNOWN;
    if flags & LARGE == 0 {
        Some(Header { flags, header_len: 2, len: u64::from(*rest.first()?) })
    } else {
        let len = u64::from_be_bytes(*rest.first_chunk()?);
        Some(Header { flags, header_len: MAX_HEADER, len })
    }
}

/// The length of the header and the body of the frame at the start of `bytes`, if it is whole.
pub(crate) fn first(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let header = parse_header(bytes)?;
    let end = header.header_len.checked_add(usize::try_from(header.len).ok()?)?;
    Some((header.header_len, bytes.get(header.header_len..end)?))
}

/// Appends the header of a frame of `len` body bytes; `LARGE` in `flags` is set or cleared as
/// `len` demands.
pub(crate) fn put_header(flags: u8, len: usize, out: &mut Vec<u8>) {
    match u8::try_from(len) {
        Ok(short) => out.extend_from_slice(&[flags & !LARGE, short]),
        Err(_) => {
            out.push(flags | LARGE);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

/// The length of the header in front of a body of `len` bytes.
pub(crate) fn header_len(len: usize) -> usize {
    if u8::try_from(len).is_ok() { 2 } else { MAX_HEADER }
}

/// Writes the header of a frame of `len` body bytes to `header`, which is as long as [`header_len`] says.
pub(crate) fn write_header(flags: u8, len: usize, header: &mut [u8]) {
    match header {
        [first, short] => (*first, *short) = (flags & !LARGE, len as u8),
        [first, long @ ..] => {
            *first = flags | LARGE;
            if let Some(long) = long.first_chunk_mut() {
                *long = (len as u64).to_be_bytes();
            }
        }
        [] => {}
    }
}

/// Appends a whole frame.
pub(crate) fn put_frame(flags: u8, body: &[u8], out: &mut Vec<u8>) {
    put_header(flags, body.len(), out);
    out.extend_from_slice(body);
}

/// `len` as a size in memory, if it does not exceed the limit.
pub(crate) fn check_size(len: u64, limit: u64) -> Result<usize, Failure> {
    if len > limit {
        return Err(Failure::too_large());
    }
    usize::try_from(len).map_err(|_| Failure::too_large())
}
