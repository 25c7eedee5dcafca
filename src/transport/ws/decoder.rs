//! Translates WebSocket frames into ZMTP frames; pure, called by `layer`.
//!
//! It streams: a frame passes through in pieces of any size, and nothing but its header is kept.

use std::io;

use super::frame::{
    BINARY, CLOSE, COMMAND, CONTROL_MAX, Control, FIN, LARGE, MASKED, MORE, PING, PONG, PONG_FRAME,
    WS_COMMAND, WS_MORE, mask,
};
use super::protocol_error;

/// WebSocket in, ZMTP out.
#[derive(Debug)]
pub(super) struct Decoder {
    /// Whether the peer must mask (a client) or must not (a server).
    masked: bool,
    state: In,
    /// Bytes to hand out before anything else: a greeting, the header of a frame.
    ready: Vec<u8>,
    given: usize,
}

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
    Control {
        opcode: u8,
        length: usize,
        key: [u8; 4],
        payload: Vec<u8>,
    },
}

const FRAME_START: In = In::Header { bytes: [0; 14], length: 0 };

impl Decoder {
    pub(super) fn new(masked: bool) -> Decoder {
        Decoder { masked, state: FRAME_START, ready: Vec::new(), given: 0 }
    }

    /// Puts bytes before what comes next.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
        }
        self.ready.extend_from_slice(bytes);
    }

    /// Hands out a PONG command, which the engine takes for the answer to its PING.
    pub(super) fn push_pong(&mut self) {
        self.push(PONG_FRAME);
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

    /// Moves bytes from input to output until either is used up or there is something to do;
    /// says how many were taken and how many given.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
    ) -> io::Result<(usize, usize, Option<Control>)> {
        let (mut taken, mut given) = (0, 0);
        loop {
            let room = output.get_mut(given..).unwrap_or_default();
            let count = self.give(room);
            given += count;
            if self.given < self.ready.len() {
                return Ok((taken, given, None));
            }
            let rest = input.get(taken..).unwrap_or_default();
            let room = output.get_mut(given..).unwrap_or_default();
            if let In::Body { left, .. } = self.state {
                let left = usize::try_from(left).unwrap_or(usize::MAX);
                let count = rest.len().min(room.len()).min(left);
                if count == 0 && left > 0 {
                    return Ok((taken, given, None));
                }
                if let (Some(to), Some(from)) = (room.get_mut(..count), rest.get(..count)) {
                    to.copy_from_slice(from);
                    self.pass(to);
                }
                taken += count;
                given += count;
                continue;
            }
            let Some(&byte) = rest.first() else { return Ok((taken, given, None)) };
            taken += 1;
            if let Some(control) = self.advance(byte)? {
                return Ok((taken, given, Some(control)));
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
        count
    }

    /// One byte of anything but a body.
    fn advance(&mut self, byte: u8) -> io::Result<Option<Control>> {
        match &mut self.state {
            In::Header { bytes, length } => {
                // There is always room, unless this is called again after an error.
                *bytes.get_mut(*length).ok_or_else(protocol_error)? = byte;
                *length += 1;
                let (bytes, length) = (*bytes, *length);
                return self.header(bytes, length);
            }
            In::Flags { length, key } => {
                let flags = byte ^ key[0];
                let (left, key) = (*length - 1, *key);
                let mut zmtp = 0;
                if flags & WS_MORE != 0 {
                    zmtp |= MORE;
                }
                if flags & WS_COMMAND != 0 {
                    zmtp |= COMMAND;
                }
                match u8::try_from(left) {
                    Ok(short) => self.push(&[zmtp, short]),
                    Err(_) => {
                        self.push(&[zmtp | LARGE]);
                        self.push(&left.to_be_bytes());
                    }
                }
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
            In::Body { .. } => {}
        }
        Ok(None)
    }

    /// Looks at a header of which so many bytes are there.
    fn header(&mut self, bytes: [u8; 14], length: usize) -> io::Result<Option<Control>> {
        if length < 2 {
            return Ok(None);
        }
        let [first, second, ..] = bytes;
        // A message is one frame, 45/ZWS, and no extension was agreed on that uses the other bits.
        if first & 0xf0 != FIN || (second & MASKED != 0) != self.masked {
            return Err(protocol_error());
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
        match (first & 0x0f, usize::try_from(size)) {
            (BINARY, Ok(1..)) => self.state = In::Flags { length: size, key },
            (opcode @ (PING | PONG | CLOSE), Ok(length @ ..=CONTROL_MAX)) => {
                if length == 0 {
                    self.state = FRAME_START;
                    return Ok(Some(control(opcode, Vec::new())));
                }
                let payload = Vec::with_capacity(length);
                self.state = In::Control { opcode, length, key, payload };
            }
            _ => return Err(protocol_error()),
        }
        Ok(None)
    }
}

fn control(opcode: u8, payload: Vec<u8>) -> Control {
    match opcode {
        PING => Control::Pong(payload),
        PONG => Control::Ponged,
        _ => Control::Close(payload),
    }
}
