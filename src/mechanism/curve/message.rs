//! MESSAGE commands: the frames of an established CURVE connection. Called through
//! `mechanism::Transform`.

use crate::error::Error;
use crate::mechanism::curve::boxes::{self, MAC};
use crate::mechanism::curve::key::Secret;
use crate::mechanism::curve::stream::{BATCH, Slot, Stream};
use crate::mechanism::{Opened, Sealed, Transform, check_structure};
use crate::message::{COMMAND, MORE};
use crate::zmtp::{Failure, command, error_code, failure, frame};

/// Name and counter in front of the box.
const HEADER: usize = command::MESSAGE.len() + 8;
/// What comes before the plain text, which begins with its flags.
const WRAPPING: usize = HEADER + MAC;
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

    /// Appends a frame whose box is not sealed yet.
    fn lay_out(
        &mut self,
        flags: u8,
        prefix: &[u8],
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Slot, Failure> {
        let counter = self.own.next()?;
        let len = 1 + prefix.len() + body.len();
        failure::reserve(out, frame::MAX_HEADER + WRAPPING + len)?;
        // libzmq sends MESSAGE without the COMMAND flag.
        frame::put_header(0, WRAPPING + len, out);
        out.extend_from_slice(command::MESSAGE);
        out.extend_from_slice(&counter.to_be_bytes());
        let at = out.len();
        out.extend_from_slice(&[0; MAC]);
        out.push(flags & MORE | if flags & COMMAND != 0 { WIRE_COMMAND } else { 0 });
        out.extend_from_slice(prefix);
        out.extend_from_slice(body);
        Ok(Slot { counter, at, len })
    }

    /// The box in the body of a frame that begins at `start`; its place is seen from there, too.
    fn find_box(&mut self, body: &[u8], start: usize) -> Result<Slot, Failure> {
        check_structure(body)?;
        let rest = body
            .strip_prefix(command::MESSAGE)
            .ok_or(Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND))?;
        let malformed = Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_MESSAGE);
        let (counter, boxed) = rest.split_first_chunk().ok_or(malformed)?;
        if boxed.len() < MAC + 1 {
            return Err(malformed);
        }
        let counter = u64::from_be_bytes(*counter);
        self.peer.advance(counter)?;
        Ok(Slot { counter, at: start + HEADER, len: boxed.len() - MAC })
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
        let slot = self.lay_out(flags, prefix, body, out)?;
        self.sealer.seal(out, &[slot]);
        Ok(())
    }

    fn seal(&mut self, frames: &[u8], most: usize, out: &mut Vec<u8>) -> Result<Sealed, Failure> {
        let mut sealed = Sealed::default();
        let mut slots = [Slot::default(); BATCH];
        let (mut count, mut blocks) = (0, 0);
        while out.len() < most {
            let rest = frames.get(sealed.taken..).unwrap_or_default();
            let Some((header_len, body)) = frame::first(rest) else { break };
            let full = count == BATCH || !self.sealer.fits(blocks, 1 + body.len());
            if count > 0 && full {
                self.sealer.seal(out, slots.get(..count).unwrap_or_default());
                (count, blocks) = (0, 0);
            }
            if let (Some(slot), Some(flags)) = (slots.get_mut(count), rest.first()) {
                *slot = self.lay_out(*flags, &[], body, out)?;
                blocks += slot.blocks();
                count += 1;
                sealed.take(*flags, header_len + body.len());
            }
        }
        self.sealer.seal(out, slots.get(..count).unwrap_or_default());
        Ok(sealed)
    }

    fn open(&mut self, wire: &[u8], limit: u64, out: &mut [u8]) -> Opened {
        let mut opened = Opened::default();
        while opened.failure.is_none() && opened.missing == 0 {
            if !self.open_some(wire, limit, out, &mut opened) {
                break;
            }
        }
        opened
    }
}

/// A frame on its way in: its box, and where it goes as a canonical one.
#[derive(Clone, Copy, Default)]
struct Arrival {
    slot: Slot,
    /// Where its header begins, and how long that is.
    to: usize,
    header: usize,
}

impl Arrival {
    /// Where the plain text goes: its flags where the header ends, which then covers them.
    fn text<'a>(&self, out: &'a mut [u8]) -> &'a mut [u8] {
        let from = self.to + self.header - 1;
        out.get_mut(from..from + self.slot.len).unwrap_or_default()
    }

    /// Puts the header in front of the body.
    fn finish(&self, out: &mut [u8]) {
        let wire_flags = self.text(out).first().copied().unwrap_or(0);
        let flags = wire_flags & MORE | if wire_flags & WIRE_COMMAND != 0 { COMMAND } else { 0 };
        let len = self.slot.len - 1;
        let header = out.get_mut(self.to..self.to + self.header).unwrap_or_default();
        frame::write_header(flags, len, header);
    }

    /// Where it ends on the wire, and as a canonical frame.
    fn ends(&self) -> (usize, usize) {
        (self.slot.end(), self.to + self.header + self.slot.len - 1)
    }
}

impl Messages {
    /// Opens a batch, or one frame that belongs to none; false if there is no whole frame.
    fn open_some(&mut self, wire: &[u8], limit: u64, out: &mut [u8], opened: &mut Opened) -> bool {
        let mut slots = [Slot::default(); BATCH];
        let mut arrivals = [Arrival::default(); BATCH];
        let (mut count, mut at, mut to) = (0, opened.taken, opened.given);
        let places = slots.iter_mut().zip(&mut arrivals);
        let mut blocks = 0;
        for (slot, arrival) in places {
            let rest = wire.get(at..).unwrap_or_default();
            let Some(header) = frame::parse_header(rest) else { break };
            if let Err(failure) = frame::check_size(header.len, limit) {
                opened.failure = Some(failure);
                break;
            }
            let Some((header_len, body)) = frame::first(rest) else { break };
            // Without a box the length is 0, and `find_box` fails.
            let len = body.len().saturating_sub(WRAPPING);
            let is_short = self.opener.is_short(len);
            if count > 0 && !(is_short && self.opener.fits(blocks, len)) {
                break;
            }
            let header = frame::header_len(len.saturating_sub(1));
            let end = to + header + len.saturating_sub(1);
            if end > out.len() {
                opened.missing = end - to;
                break;
            }
            match self.find_box(body, at + header_len) {
                Ok(found) => *slot = found,
                Err(failure) => {
                    opened.failure = Some(failure);
                    break;
                }
            }
            *arrival = Arrival { slot: *slot, to, header };
            blocks += slot.blocks();
            count += 1;
            (at, to) = (at + header_len + body.len(), end);
            if !is_short {
                break;
            }
        }
        let (Some(slots), Some(arrivals)) = (slots.get(..count), arrivals.get(..count)) else {
            return false;
        };
        let genuine = match arrivals {
            [] => return false,
            [alone] if !self.opener.is_short(alone.slot.len) => {
                usize::from(self.opener.open_long(wire, alone.slot, alone.text(out)))
            }
            _ => self.opener.open(wire, slots, |index, text, keystream| {
                let Some(arrival) = arrivals.get(index) else { return };
                let bytes = arrival.text(out).iter_mut().zip(text.iter().zip(keystream));
                bytes.for_each(|(byte, (text, key))| *byte = text ^ key);
            }),
        };
        for arrival in arrivals.iter().take(genuine) {
            arrival.finish(out);
        }
        if genuine < count {
            // Of what is wrong it comes first, and whatever is behind it needs no room.
            (opened.failure, opened.missing) = (Some(boxes::cryptographic()), 0);
            // However the bytes came, those before it are good.
            let last = genuine.checked_sub(1).and_then(|last| arrivals.get(last));
            (at, to) = last.map_or((opened.taken, opened.given), Arrival::ends);
        }
        (opened.taken, opened.given) = (at, to);
        genuine == count
    }
}
