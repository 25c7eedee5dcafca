//! Translates WebSocket frames into ZMTP frames; pure, called by `layer`.
//!
//! It streams: a frame passes through in pieces of any size, and nothing but its header is kept.
//! Only a message in fragments (RFC 6455, section 5.4; browsers make them of large messages) is
//! collected first, as its length is known at its end.

use std::io::{self, ErrorKind};

use super::frame::{
    BINARY, CLOSE, COMMAND, CONTINUATION, CONTROL_MAX, Control, FIN, LARGE, MASKED, MORE, PING,
    PONG, WS_COMMAND, WS_MORE, mask,
};
use super::{broken, no_memory};

/// WebSocket in, ZMTP out.
#[derive(Debug)]
pub(super) struct Decoder {
    /// Whether the peer must mask (a client) or must not (a server).
    masked: bool,
    state: In,
    /// Bytes to hand out before anything else: a greeting, the header of a frame.
    ready: Vec<u8>,
    given: usize,
    /// What there is of a message that comes in fragments, behind room for the header.
    fragments: Option<Vec<u8>>,
    /// The largest message that is collected from fragments.
    limit: u64,
    /// What is wrong behind what was given: it is said when there is nothing more to give.
    failed: Option<ErrorKind>,
}

/// What may come on top of a body that is just allowed.
const WRAPPING: u64 = 64;
/// Room of `ready` that is worth keeping.
const KEPT: usize = 1024;
/// The longest header of a ZMTP frame.
const HEADER: usize = 9;

#[derive(Debug)]
enum In {
    /// Collecting a header.
    Header {
        bytes: [u8; 14],
        length: usize,
    },
    /// The first byte of a binary frame of so many bytes.
    Flags {
        length: u64,
        key: [u8; 4],
    },
    Body {
        left: u64,
        key: [u8; 4],
        at: usize,
    },
    /// A piece of a message; the last has FIN.
    Fragment {
        left: u64,
        key: [u8; 4],
        at: usize,
        last: bool,
    },
    Control {
        opcode: u8,
        length: usize,
        key: [u8; 4],
        payload: Vec<u8>,
    },
}

const FRAME_START: In = In::Header { bytes: [0; 14], length: 0 };

impl Decoder {
    /// `limit` is ZMQ_MAXMSGSIZE, in bytes.
    pub(super) fn new(masked: bool, limit: u64) -> Decoder {
        Decoder {
            masked,
            state: FRAME_START,
            ready: Vec::new(),
            given: 0,
            fragments: None,
            limit,
            failed: None,
        }
    }

    /// Puts bytes before what comes next.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
        }
        self.ready.extend_from_slice(bytes);
    }

    /// Whether there is something that was not handed out.
    pub(super) fn has_ready(&self) -> bool {
        self.given < self.ready.len()
    }

    /// How much there is of a message that is collected.
    pub(super) fn collected(&self) -> usize {
        self.fragments.as_ref().map_or(0, |message| message.len().saturating_sub(HEADER))
    }

    /// How much of a body is to come, if the decoder is inside one and has nothing else to give.
    pub(super) fn body_left(&self) -> u64 {
        match self.state {
            In::Body { left, .. } if self.given == self.ready.len() => left,
            _ => 0,
        }
    }

    /// Takes a piece of a body that was read to where it belongs; not more than `body_left`.
    pub(super) fn pass(&mut self, bytes: &mut [u8]) {
        if let In::Body { left, key, at } = &mut self.state {
            if self.masked {
                mask(bytes, *key, *at);
            }
            *at = (*at + bytes.len()) % 4;
            *left = left.saturating_sub(bytes.len() as u64);
            if *left == 0 {
                self.state = FRAME_START;
            }
        }
    }

    /// Whether the peer broke the protocol. What it sent before that counts all the same.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Moves bytes from input to output until either is used up or there is something to do;
    /// says how many were taken and how many given. Fails if there is nothing to give before the failure.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
    ) -> io::Result<(usize, usize, Option<Control>)> {
        if let Some(kind) = self.failed {
            return Err(kind.into());
        }
        let (mut taken, mut given) = (0, 0);
        match self.advance_through(input, output, &mut taken, &mut given) {
            Ok(control) => Ok((taken, given, control)),
            Err(error) => {
                self.failed = Some(error.kind());
                if given > 0 { Ok((taken, given, None)) } else { Err(error) }
            }
        }
    }

    fn advance_through(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        taken: &mut usize,
        given: &mut usize,
    ) -> io::Result<Option<Control>> {
        loop {
            let room = output.get_mut(*given..).unwrap_or_default();
            let count = self.give(room);
            *given += count;
            if self.given < self.ready.len() {
                return Ok(None);
            }
            let rest = input.get(*taken..).unwrap_or_default();
            let room = output.get_mut(*given..).unwrap_or_default();
            if let In::Body { left, .. } = self.state {
                let left = usize::try_from(left).unwrap_or(usize::MAX);
                let count = rest.len().min(room.len()).min(left);
                if count == 0 && left > 0 {
                    return Ok(None);
                }
                if let (Some(to), Some(from)) = (room.get_mut(..count), rest.get(..count)) {
                    to.copy_from_slice(from);
                    self.pass(to);
                }
                *taken += count;
                *given += count;
                continue;
            }
            if let In::Fragment { left, .. } = self.state {
                let left = usize::try_from(left).unwrap_or(usize::MAX);
                let count = rest.len().min(left);
                if count == 0 && left > 0 {
                    return Ok(None);
                }
                self.collect(rest.get(..count).unwrap_or_default())?;
                *taken += count;
                continue;
            }
            let Some(&byte) = rest.first() else { return Ok(None) };
            *taken += 1;
            if let Some(control) = self.advance(byte)? {
                return Ok(Some(control));
            }
        }
    }

    /// Hands out what is ready.
    fn give(&mut self, room: &mut [u8]) -> usize {
        let ready = self.ready.get(self.given..).unwrap_or_default();
        let count = ready.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        if self.given == self.ready.len() && self.ready.capacity() > KEPT {
            self.ready = Vec::new();
            self.given = 0;
        }
        count
    }

    /// Keeps a piece of a fragment; at the end of the last one the message is ready.
    fn collect(&mut self, bytes: &[u8]) -> io::Result<()> {
        let In::Fragment { left, key, at, last } = &mut self.state else { return Ok(()) };
        let Some(message) = &mut self.fragments else { return Err(broken()) };
        let start = message.len();
        // It grows by doubling, as far as there is memory.
        if message.try_reserve(bytes.len()).is_err() {
            message.try_reserve_exact(bytes.len()).map_err(|_| no_memory())?;
        }
        message.extend_from_slice(bytes);
        if self.masked {
            mask(message.get_mut(start..).unwrap_or_default(), *key, *at);
        }
        *at = (*at + bytes.len()) % 4;
        *left = left.saturating_sub(bytes.len() as u64);
        if *left > 0 {
            return Ok(());
        }
        let last = *last;
        self.state = FRAME_START;
        if last {
            let message = self.fragments.take().unwrap_or_default();
            self.hand_over(message)?;
        }
        Ok(())
    }

    /// A message is complete: its header comes right before its body, and all of it is ready.
    fn hand_over(&mut self, mut message: Vec<u8>) -> io::Result<()> {
        let &flags = message.get(HEADER).ok_or_else(broken)?;
        let body = HEADER + 1;
        let (header, length) = header(flags, (message.len() - body) as u64);
        let start = body - length;
        let room = message.get_mut(start..body).unwrap_or_default();
        room.iter_mut().zip(header).for_each(|(to, from)| *to = from);
        // What was ready before has been given.
        self.ready = message;
        self.given = start;
        Ok(())
    }

    /// One byte of anything but a body.
    fn advance(&mut self, byte: u8) -> io::Result<Option<Control>> {
        match &mut self.state {
            In::Header { bytes, length } => {
                // There is always room, unless this is called again after an error.
                *bytes.get_mut(*length).ok_or_else(broken)? = byte;
                *length += 1;
                let (bytes, length) = (*bytes, *length);
                return self.header(bytes, length);
            }
            In::Flags { length, key } => {
                let flags = byte ^ key[0];
                let (left, key) = (*length - 1, *key);
                let (header, length) = header(flags, left);
                self.push(header.get(..length).unwrap_or_default());
                self.state = if left == 0 { FRAME_START } else { In::Body { left, key, at: 1 } };
            }
            In::Control { opcode, length, key, payload } => {
                payload.push(byte ^ key[payload.len() % 4]);
                if payload.len() == *length {
                    let (opcode, payload) = (*opcode, std::mem::take(payload));
                    self.state = FRAME_START;
                    return Ok(Some(control(opcode, payload)));
                }
            }
            In::Body { .. } | In::Fragment { .. } => {}
        }
        Ok(None)
    }

    /// Looks at a header of which so many bytes are there.
    fn header(&mut self, bytes: [u8; 14], length: usize) -> io::Result<Option<Control>> {
        if length < 2 {
            return Ok(None);
        }
        let [first, second, ..] = bytes;
        // No extension was agreed on that uses the other bits.
        if first & 0x70 != 0 || (second & MASKED != 0) != self.masked {
            return Err(broken());
        }
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let total = 2 + extended + if self.masked { 4 } else { 0 };
        if length < total {
            return Ok(None);
        }
        let [_, _, b2, b3, b4, b5, b6, b7, b8, b9, ..] = bytes;
        let size = match extended {
            0 => u64::from(second & 0x7f),
            2 => u64::from(u16::from_be_bytes([b2, b3])),
            _ => u64::from_be_bytes([b2, b3, b4, b5, b6, b7, b8, b9]),
        };
        let mut key = [0; 4];
        if self.masked {
            key.copy_from_slice(&bytes[2 + extended..total]);
        }
        let last = first & FIN != 0;
        match (first & 0x0f, usize::try_from(size)) {
            (BINARY, Ok(1..)) if last && self.fragments.is_none() => {
                self.state = In::Flags { length: size, key };
            }
            (BINARY, Ok(_)) if !last && self.fragments.is_none() => {
                self.fragments = Some(vec![0; HEADER]);
                self.fragment(size, key, last)?;
            }
            (CONTINUATION, Ok(_)) if self.fragments.is_some() => self.fragment(size, key, last)?,
            // RFC 6455, section 5.5: "MUST NOT be fragmented".
            (opcode @ (PING | PONG | CLOSE), Ok(length @ ..=CONTROL_MAX)) if last => {
                if length == 0 {
                    self.state = FRAME_START;
                    return Ok(Some(control(opcode, Vec::new())));
                }
                let payload = Vec::with_capacity(length);
                self.state = In::Control { opcode, length, key, payload };
            }
            _ => return Err(broken()),
        }
        Ok(None)
    }

    /// Begins a fragment. The flags before the body and an envelope of encryption do not count for
    /// the limit, which the engine applies to the whole.
    fn fragment(&mut self, left: u64, key: [u8; 4], last: bool) -> io::Result<()> {
        let have = self.collected() as u64;
        if have.saturating_add(left) > self.limit.saturating_add(WRAPPING) {
            return Err(broken());
        }
        self.state = In::Fragment { left, key, at: 0, last };
        Ok(())
    }
}

/// The header of a ZMTP frame with the flags of a ZWS one, and its length.
fn header(flags: u8, size: u64) -> ([u8; HEADER], usize) {
    let mut zmtp = 0;
    if flags & WS_MORE != 0 {
        zmtp |= MORE;
    }
    if flags & WS_COMMAND != 0 {
        zmtp |= COMMAND;
    }
    match u8::try_from(size) {
        Ok(short) => ([zmtp, short, 0, 0, 0, 0, 0, 0, 0], 2),
        Err(_) => {
            let [a, b, c, d, e, f, g, h] = size.to_be_bytes();
            ([zmtp | LARGE, a, b, c, d, e, f, g, h], HEADER)
        }
    }
}

fn control(opcode: u8, payload: Vec<u8>) -> Control {
    match opcode {
        PING => Control::Pong(payload),
        PONG => Control::Ponged,
        _ => Control::Close(payload),
    }
}
