//! Commands: a name of up to 255 bytes behind its length, then data (37/ZMTP, "Commands").
//!
//! Building and reading those that are not specific to one mechanism: READY, ERROR, PING, PONG, and
//! the names of the rest; subscriptions are in `message::Subscription`. Called by the handshake, the
//! mechanisms and the data phase.

use crate::zmtp::{Failure, error_code};

pub(crate) const READY: &[u8] = b"\x05READY";
pub(crate) const ERROR: &[u8] = b"\x05ERROR";
pub(crate) const HELLO: &[u8] = b"\x05HELLO";
pub(crate) const WELCOME: &[u8] = b"\x07WELCOME";
pub(crate) const INITIATE: &[u8] = b"\x08INITIATE";
pub(crate) const MESSAGE: &[u8] = b"\x07MESSAGE";
pub(crate) const PING: &[u8] = b"\x04PING";
pub(crate) const PONG: &[u8] = b"\x04PONG";
/// Never on the wire: has a layer say that we live, see `EngineConfig::layered`.
pub(crate) const LIVE: &[u8] = b"\x04LIVE";

/// "The PING command ... context, which SHALL be at most 16 octets".
const MAX_CONTEXT: usize = 16;

/// What arrived between messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    /// The time to live in tenths of a second (0: none) and the context to be echoed.
    Ping {
        ttl: u16,
        context: &'a [u8],
    },
    Pong,
    /// Anything else: a subscription or a group for the pattern, or a name nobody knows here.
    Other,
}

/// Reads a command of the data phase. A body that is no command is the peer's mistake.
pub(crate) fn parse(body: &[u8]) -> Result<Command<'_>, Failure> {
    // command-name = OCTET 1*255command-name-char
    match body.split_first() {
        Some((&len, rest)) if rest.len() >= usize::from(len) => {}
        _ => return Err(Failure::protocol()),
    }
    if let Some(rest) = body.strip_prefix(PING) {
        // A PING without its two bytes of TTL has nothing that could be echoed.
        let (ttl, context) = rest.split_first_chunk().ok_or(Failure::protocol())?;
        let context = context.get(..MAX_CONTEXT).unwrap_or(context);
        return Ok(Command::Ping { ttl: u16::from_be_bytes(*ttl), context });
    }
    Ok(if body.starts_with(PONG) { Command::Pong } else { Command::Other })
}

/// The body of a PING with a time to live in tenths of a second.
pub(crate) fn ping(ttl: u16) -> Vec<u8> {
    [PING, &ttl.to_be_bytes()].concat()
}

/// The body of a PONG that echoes the context of a PING.
pub(crate) fn pong(context: &[u8]) -> Vec<u8> {
    [PONG, context].concat()
}

/// The body of an ERROR command; a reason is cut after 255 bytes.
pub(crate) fn error(reason: &[u8]) -> Vec<u8> {
    let reason = reason.get(..255).unwrap_or(reason);
    [ERROR, &[reason.len() as u8], reason].concat()
}

/// Turns an ERROR command, without its name, into the failure it announces. A reason that is a ZAP
/// status code is a denial.
pub(crate) fn error_received(data: &[u8]) -> Failure {
    let Some((&len, rest)) = data.split_first() else {
        return Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_ERROR);
    };
    match rest.get(..usize::from(len)) {
        None => Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_ERROR),
        Some(b"300") => Failure::denied(300),
        Some(b"400") => Failure::denied(400),
        Some(b"500") => Failure::denied(500),
        // libzmq has no event for an error in words either.
        Some(_) => Failure::protocol(),
    }
}
