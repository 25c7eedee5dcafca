//! Frames of ZMTP 1.0 (13/ZMTP): `[length][flags][body]`, where the length counts the flags.
//!
//! Called by `assembler` for what comes in and by `outbound` for what goes out.

use crate::message::MORE;
use crate::zmtp::Failure;
use crate::zmtp::frame::Header;

/// A length byte that announces eight more.
const LONG: u8 = 0xff;

/// Reads the header at the start of `bytes`; `None` if it is incomplete.
pub(crate) fn parse_header(bytes: &[u8]) -> Result<Option<Header>, Failure> {
    let Some((&short, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    let (len, rest, header_len) = if short == LONG {
        match rest.split_first_chunk() {
            Some((long, rest)) => (u64::from_be_bytes(*long), rest, 10),
            None => return Ok(None),
        }
    } else {
        (u64::from(short), rest, 2)
    };
    // The flags are part of the length, so that it cannot be zero.
    let len = len.checked_sub(1).ok_or(Failure::protocol())?;
    Ok(rest.first().map(|flags| Header { flags: flags & MORE, header_len, len }))
}

/// Appends a frame whose body is `prefix` and `body`.
pub(crate) fn put_frame(flags: u8, prefix: &[u8], body: &[u8], out: &mut Vec<u8>) {
    let len = prefix.len() + body.len() + 1;
    match u8::try_from(len) {
        Ok(short) if short != LONG => out.push(short),
        _ => {
            out.push(LONG);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.push(flags & MORE);
    out.extend_from_slice(prefix);
    out.extend_from_slice(body);
}
