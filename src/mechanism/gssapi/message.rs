//! MESSAGE commands: the frames of an encrypted GSSAPI connection. Called through
//! `mechanism::Transform`.

use crate::error::Error;
use crate::mechanism::{Opened, Transform, check_structure};
use crate::message::{CANCEL, COMMAND, MORE, SUBSCRIBE};
use crate::sys::gssapi::{Context, Output};
use crate::zmtp::{Failure, command, error_code, failure, frame};

/// As in CURVE: bit 0 MORE, bit 1 COMMAND.
const WIRE_COMMAND: u8 = 2;
/// libzmq after 4.3.5 says a subscription by a flag, or its end by another, with nothing but the topic behind it.
/// What is sent here is the command, which it understands as well, and so does every older one.
const WIRE_SUBSCRIBE: u8 = 4;
const WIRE_CANCEL: u8 = 8;

/// Both directions of a connection.
pub(super) struct Messages(Context);

impl Messages {
    pub(super) fn new(context: Context) -> Messages {
        Messages(context)
    }

    /// Appends `MESSAGE length(4) token`, where the token hides flags and body, behind what `head` appends
    /// for so many bytes.
    fn put(
        &mut self,
        flags: u8,
        [prefix, body]: [&[u8]; 2],
        out: &mut Vec<u8>,
        head: impl FnOnce(usize, &mut Vec<u8>),
    ) -> Result<(), Failure> {
        let wire_flags = flags & MORE | if flags & COMMAND != 0 { WIRE_COMMAND } else { 0 };
        let mut plain = Vec::new();
        failure::reserve(&mut plain, 1 + prefix.len() + body.len())?;
        plain.push(wire_flags);
        plain.extend_from_slice(prefix);
        plain.extend_from_slice(body);
        let token = self.0.wrap(&plain).map_err(Failure::no_detail)?;
        let len = u32::try_from(token.len()).map_err(|_| Failure::no_detail(Error::MSGSIZE))?;
        let size = command::MESSAGE.len() + size_of_val(&len) + token.len();
        failure::reserve(out, frame::MAX_HEADER + size)?;
        head(size, out);
        out.extend_from_slice(command::MESSAGE);
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(&token);
        Ok(())
    }

    /// The MESSAGE that hides a command of the handshake.
    pub(super) fn wrap(&mut self, plain: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut message = Vec::new();
        self.put(0, [&[], plain], &mut message, |_, _| {})?;
        Ok(message)
    }

    /// Flags and body of a MESSAGE.
    pub(super) fn unwrap(&mut self, message: &[u8]) -> Result<Unwrapped, Failure> {
        check_structure(message)?;
        let malformed = Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_MESSAGE);
        let rest = message
            .strip_prefix(command::MESSAGE)
            .ok_or(Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND))?;
        let token = super::exact(rest).ok_or(malformed)?;
        let plain = self.0.unwrap(token).map_err(super::refused)?;
        if plain.is_empty() { Err(malformed) } else { Ok(Unwrapped(plain)) }
    }
}

/// What was in a token: the flags of a frame, at least, and its body.
pub(super) struct Unwrapped(Output);

impl Unwrapped {
    pub(super) fn flags(&self) -> u8 {
        let wire_flags = self.wire_flags();
        let command = wire_flags & (WIRE_COMMAND | WIRE_SUBSCRIBE | WIRE_CANCEL) != 0;
        wire_flags & MORE | if command { COMMAND } else { 0 }
    }

    /// What belongs before the body.
    pub(super) fn prefix(&self) -> &'static [u8] {
        match self.wire_flags() {
            flags if flags & WIRE_COMMAND != 0 => b"",
            flags if flags & WIRE_SUBSCRIBE != 0 => SUBSCRIBE,
            flags if flags & WIRE_CANCEL != 0 => CANCEL,
            _ => b"",
        }
    }

    fn wire_flags(&self) -> u8 {
        self.0.first().copied().unwrap_or(0)
    }

    pub(super) fn body(&self) -> &[u8] {
        self.0.get(1..).unwrap_or_default()
    }

    /// Writes it as a canonical frame, and says how long that is.
    fn write(&self, room: &mut [u8]) -> usize {
        let (prefix, body) = (self.prefix(), self.body());
        let len = prefix.len() + body.len();
        let header_len = frame::header_len(len);
        if let Some((header, rest)) = room.split_at_mut_checked(header_len)
            && let Some((name, rest)) = rest.split_at_mut_checked(prefix.len())
            && let Some(place) = rest.get_mut(..body.len())
        {
            frame::write_header(self.flags(), len, header);
            name.copy_from_slice(prefix);
            place.copy_from_slice(body);
        }
        header_len + len
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
        // libzmq sends MESSAGE without the COMMAND flag.
        self.put(flags, [prefix, body], out, |size, out| frame::put_header(0, size, out))
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
            // What was wrapped is never longer, with a name that its flag stands for: MESSAGE and the length are as
            // long. Unwrapping cannot be done twice.
            if room.len() < header_len + wrapped.len() + frame::MAX_HEADER {
                opened.missing = header_len + wrapped.len() + frame::MAX_HEADER;
                return opened;
            }
            match self.unwrap(wrapped) {
                Ok(plain) => {
                    opened.given += plain.write(room);
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
