//! MESSAGE commands: the frames of an encrypted GSSAPI connection.

use crate::error::Error;
use crate::mechanism::{Transform, check_structure};
use crate::message::{COMMAND, MORE};
use crate::sys::gssapi::Context;
use crate::zmtp::{Failure, command, error_code, frame};

/// As in CURVE: bit 0 MORE, bit 1 COMMAND.
const WIRE_COMMAND: u8 = 2;

/// Both directions of a connection.
pub(super) struct Messages(Context);

impl Messages {
    pub(super) fn new(context: Context) -> Messages {
        Messages(context)
    }

    /// `MESSAGE length(4) token`, where the token hides flags and body.
    pub(super) fn wrap(
        &mut self,
        flags: u8,
        prefix: &[u8],
        body: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let wire_flags = flags & MORE | if flags & COMMAND != 0 { WIRE_COMMAND } else { 0 };
        let plain = [&[wire_flags], prefix, body].concat();
        let token = self.0.wrap(&plain).map_err(Failure::no_detail)?;
        let len = u32::try_from(token.len()).map_err(|_| Failure::no_detail(Error::MSGSIZE))?;
        Ok([command::MESSAGE, &len.to_be_bytes(), &token].concat())
    }

    /// Flags and body of a MESSAGE.
    pub(super) fn unwrap(&mut self, message: &[u8]) -> Result<(u8, Vec<u8>), Failure> {
        check_structure(message)?;
        let malformed = Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_MESSAGE);
        let rest = message
            .strip_prefix(command::MESSAGE)
            .ok_or(Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND))?;
        let token = super::exact(rest).ok_or(malformed)?;
        let mut plain =
            self.0.unwrap(token).map_err(|_| Failure::handshake(error_code::ZMTP_CRYPTOGRAPHIC))?;
        if plain.is_empty() {
            return Err(malformed);
        }
        let wire_flags = plain.remove(0);
        let flags = wire_flags & MORE | if wire_flags & WIRE_COMMAND != 0 { COMMAND } else { 0 };
        Ok((flags, plain))
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
        let wrapped = self.wrap(flags, prefix, body)?;
        // libzmq sends MESSAGE without the COMMAND flag.
        frame::put_frame(0, &wrapped, out);
        Ok(())
    }

    fn decode<'a>(
        &mut self,
        wrapped: &[u8],
        plain: &'a mut Vec<u8>,
    ) -> Result<(u8, &'a [u8]), Failure> {
        let (flags, body) = self.unwrap(wrapped)?;
        *plain = body;
        Ok((flags, plain))
    }
}
