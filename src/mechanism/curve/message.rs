//! MESSAGE commands: the frames of an established CURVE connection.

use crate::error::Error;
use crate::mechanism::curve::boxes::{MAC, Secret};
use crate::mechanism::curve::stream::Stream;
use crate::mechanism::{Transform, check_structure};
use crate::message::{COMMAND, MORE};
use crate::zmtp::{Failure, command, error_code, frame};

/// Name and counter in front of the box.
const HEADER: usize = command::MESSAGE.len() + 8;
/// 26/CURVEZMQ has its own flags: bit 0 MORE, bit 1 COMMAND.
const WIRE_COMMAND: u8 = 2;

/// Who sends with which prefix of its nonces.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Client,
    Server,
}

/// A direction's counter: "the short nonce ... SHALL be strictly incrementing".
pub(crate) struct Counter(u64);

impl Counter {
    /// Before the first use.
    pub(crate) fn new() -> Counter {
        Counter(0)
    }

    /// The counter a peer has used.
    pub(crate) fn used(last: u64) -> Counter {
        Counter(last)
    }

    /// The next value. No value is ever used twice, not even after 2^64 frames.
    pub(crate) fn next(&mut self) -> Result<u64, Failure> {
        self.0 = self.0.checked_add(1).ok_or(Failure::no_detail(Error::PROTO))?;
        Ok(self.0)
    }

    /// Takes note of a value of the peer, which must be larger than all before (CVE-2014-7203).
    pub(crate) fn advance(&mut self, value: u64) -> Result<(), Failure> {
        if value <= self.0 {
            return Err(Failure::handshake(error_code::ZMTP_INVALID_SEQUENCE));
        }
        self.0 = value;
        Ok(())
    }
}

/// Both directions of a connection.
pub(crate) struct Messages {
    sealer: Stream,
    own: Counter,
    opener: Stream,
    peer: Counter,
}

impl Messages {
    pub(crate) fn new(key: Secret, role: Role, own: Counter, peer: Counter) -> Messages {
        let (sealer, opener) =
            (Stream::new(&key, role.sends()), Stream::new(&key, role.receives()));
        Messages { sealer, own, opener, peer }
    }
}

impl Role {
    fn sends(self) -> &'static [u8; 16] {
        match self {
            Role::Client => b"CurveZMQMESSAGEC",
            Role::Server => b"CurveZMQMESSAGES",
        }
    }

    fn receives(self) -> &'static [u8; 16] {
        match self {
            Role::Client => Role::Server.sends(),
            Role::Server => Role::Client.sends(),
        }
    }
}

impl Transform for Messages {
    fn encode(
        &mut self,
        flags: u8,
        prefix: &[u8],
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let counter = self.own.next()?;
        let len = HEADER + MAC + 1 + prefix.len() + body.len();
        out.reserve(frame::MAX_HEADER + len);
        // libzmq sends MESSAGE without the COMMAND flag.
        frame::put_header(0, len, out);
        out.extend_from_slice(command::MESSAGE);
        out.extend_from_slice(&counter.to_be_bytes());
        let wire_flags = flags & MORE | if flags & COMMAND != 0 { WIRE_COMMAND } else { 0 };
        self.sealer.seal(counter, &[&[wire_flags], prefix, body], out);
        Ok(())
    }

    fn decode<'a>(
        &mut self,
        wrapped: &[u8],
        plain: &'a mut Vec<u8>,
    ) -> Result<(u8, &'a [u8]), Failure> {
        check_structure(wrapped)?;
        let rest = wrapped
            .strip_prefix(command::MESSAGE)
            .ok_or(Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND))?;
        let malformed = Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_MESSAGE);
        let (counter, boxed) = rest.split_first_chunk().ok_or(malformed)?;
        if boxed.len() < MAC + 1 {
            return Err(malformed);
        }
        let counter = u64::from_be_bytes(*counter);
        self.peer.advance(counter)?;
        self.opener.open(counter, boxed, plain)?;
        let (wire_flags, body) = plain.split_first().ok_or(malformed)?;
        let flags = wire_flags & MORE | if wire_flags & WIRE_COMMAND != 0 { COMMAND } else { 0 };
        Ok((flags, body))
    }
}
