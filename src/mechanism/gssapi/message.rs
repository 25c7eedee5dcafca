//! MESSAGE commands: the frames of an encrypted GSSAPI connection. Called through
//! `mechanism::Transform`.

use crate::error::Error;
use crate::mechanism::{Opened, Transform, check_structure};
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

    fn open(&mut self, wire: &[u8], limit: u64, out: &mut [u8]) -> Opened {
        let mut opened = Opened::default();
        loop {
            let rest = wire.get(opened.taken..).unwrap_or_default();
            let Some(header) = frame::parse_header(rest) else { return opened };
            if let Err(failure) = frame::check_size(header.len, limit) {
                opened.failure = Some(failure);
                return opened;
            }
            let Some((header_len, wrapped)) = frame::first(rest) else { return opened };
            let room = out.get_mut(opened.given..).unwrap_or_default();
            // What was wrapped is never longer; unwrapping cannot be done twice.
            if room.len() < header_len + wrapped.len() + frame::MAX_HEADER {
                opened.missing = header_len + wrapped.len() + frame::MAX_HEADER;
                return opened;
            }
            match self.unwrap(wrapped) {
                Ok((flags, body)) => {
                    let mut canonical = Vec::with_capacity(frame::MAX_HEADER + body.len());
                    frame::put_frame(flags, &body, &mut canonical);
                    if let Some(place) = room.get_mut(..canonical.len()) {
                        place.copy_from_slice(&canonical);
                        opened.given += canonical.len();
                    }
                    opened.taken += header_len + wrapped.len();
                }
                Err(failure) => {
                    opened.failure = Some(failure);
                    return opened;
                }
            }
        }
    }
}
