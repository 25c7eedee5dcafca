//! Translates between WebSocket frames and ZMTP frames; pure, called by `layer`.
//!
//! Both directions stream: a frame passes through in pieces of any size, and nothing but its header
//! is kept.
//!
//! ```text
//! WebSocket  FIN|opcode  MASK|length  [length 2 or 8]  [mask 4]  flags  body
//! ZMTP                                                  flags  length 1 or 8  body
//! ```

use std::io;

use super::protocol_error;

const FIN: u8 = 0x80;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const MASKED: u8 = 0x80;

/// 45/ZWS: the flags before the body.
const WS_MORE: u8 = 1;
const WS_COMMAND: u8 = 2;
/// 23/ZMTP: the flags of a frame.
const MORE: u8 = 1;
const LARGE: u8 = 2;
const COMMAND: u8 = 4;

/// RFC 6455, section 5.5: the payload of control frames.
const CONTROL_MAX: usize = 125;

const PING_COMMAND: &[u8; 5] = b"\x04PING";
const PONG_FRAME: &[u8] = b"\x04\x05\x04PONG";

/// Applies a mask, of which `at` bytes were used already.
fn mask(bytes: &mut [u8], key: [u8; 4], at: usize) {
    let mut turned = key;
    turned.rotate_left(at % 4);
    let wide = u64::from_ne_bytes(std::array::from_fn(|index| turned[index % 4]));
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(turned.iter().cycle()) {
        *byte ^= key;
    }
}

/// What the decoder wants to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// A pong with what came in the ping.
    Pong(Vec<u8>),
    /// The peer says good-bye; it wants to hear the same, and sends nothing more.
    Close(Vec<u8>),
    /// The peer answered our ping.
    Ponged,
}

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

/// Where mask keys come from; servers do not mask.
pub(super) type Keys = dyn FnMut() -> [u8; 4] + Send;

/// ZMTP in, WebSocket out.
pub(super) struct Encoder {
    keys: Option<Box<Keys>>,
    state: Out,
    /// Bytes of our greeting that are still to be swallowed.
    swallow: usize,
    /// Whether PING commands are to be seen and become pings; encrypted ones cannot be.
    translate: bool,
    /// Pings that were not answered yet.
    pub(super) pings: u32,
    /// Control frames that wait until the frame under way has ended.
    waiting: Vec<u8>,
}

enum Out {
    Header {
        bytes: [u8; 9],
        length: usize,
    },
    /// The start of a command, which may be a PING.
    Command {
        flags: u8,
        size: u64,
        bytes: [u8; 5],
        length: usize,
    },
    /// The rest of a PING.
    Swallow {
        left: u64,
    },
    Body {
        left: u64,
        key: [u8; 4],
        at: usize,
    },
}

const OUT_START: Out = Out::Header { bytes: [0; 9], length: 0 };

impl Encoder {
    pub(super) fn new(keys: Option<Box<Keys>>, translate: bool) -> Encoder {
        let (pings, waiting) = (0, Vec::new());
        Encoder { keys, state: OUT_START, swallow: 0, translate, pings, waiting }
    }

    /// Drops that many bytes of what comes next.
    pub(super) fn swallow(&mut self, count: usize) {
        self.swallow = count;
    }

    /// How much of what comes next is dropped.
    pub(super) fn to_swallow(&self) -> usize {
        self.swallow
    }

    /// Whether the last byte taken was the first of a frame, and nothing came of it.
    pub(super) fn just_began(&self) -> bool {
        matches!(self.state, Out::Header { length: 1, .. })
    }

    /// Forgets that byte.
    pub(super) fn unread(&mut self) {
        self.state = OUT_START;
    }

    /// A control frame, at once or after the frame under way.
    pub(super) fn control(&mut self, control: &Control, out: &mut Vec<u8>) {
        let (opcode, payload) = match control {
            Control::Pong(payload) => (PONG, payload),
            Control::Close(payload) => (CLOSE, payload),
            Control::Ponged => return,
        };
        let mut frame = Vec::new();
        self.control_frame(opcode, payload, &mut frame);
        if matches!(self.state, Out::Body { .. }) {
            self.waiting = frame;
        } else {
            out.extend_from_slice(&frame);
        }
    }

    /// Takes all of the input.
    pub(super) fn encode(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        let swallowed = self.swallow.min(input.len());
        self.swallow -= swallowed;
        input = input.get(swallowed..).unwrap_or_default();
        while let Some((&byte, rest)) = input.split_first() {
            match &mut self.state {
                Out::Body { left, key, at } => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                    let start = out.len();
                    out.extend_from_slice(input.get(..count).unwrap_or_default());
                    if self.keys.is_some() {
                        mask(out.get_mut(start..).unwrap_or_default(), *key, *at);
                    }
                    *at = (*at + count) % 4;
                    *left -= count as u64;
                    if *left == 0 {
                        self.end(out);
                    }
                    input = input.get(count..).unwrap_or_default();
                    continue;
                }
                Out::Swallow { left } => {
                    *left -= 1;
                    if *left == 0 {
                        self.end(out);
                    }
                }
                Out::Header { bytes, length } => {
                    bytes[*length] = byte;
                    *length += 1;
                    let (bytes, length) = (*bytes, *length);
                    self.header(bytes, length, out);
                }
                Out::Command { bytes, length, .. } => {
                    bytes[*length] = byte;
                    *length += 1;
                    if *length == bytes.len() {
                        self.command(out);
                    }
                }
            }
            input = rest;
        }
    }

    fn header(&mut self, bytes: [u8; 9], length: usize, out: &mut Vec<u8>) {
        let [flags, short, ..] = bytes;
        let size = if flags & LARGE == 0 {
            if length < 2 {
                return;
            }
            u64::from(short)
        } else {
            if length < 9 {
                return;
            }
            let [_, rest @ ..] = bytes;
            u64::from_be_bytes(rest)
        };
        if self.translate && flags & COMMAND != 0 && size >= 5 {
            self.state = Out::Command { flags, size, bytes: [0; 5], length: 0 };
        } else {
            self.begin(flags, size, out);
        }
    }

    /// The first bytes of a command are known.
    fn command(&mut self, out: &mut Vec<u8>) {
        let Out::Command { flags, size, bytes, .. } = self.state else { return };
        if bytes == *PING_COMMAND {
            self.pings += 1;
            self.control_frame(PING, &[], out);
            match size - 5 {
                0 => self.end(out),
                left => self.state = Out::Swallow { left },
            }
        } else {
            self.begin(flags, size, out);
            self.encode(&bytes, out);
        }
    }

    /// Writes the header of a binary frame.
    fn begin(&mut self, flags: u8, size: u64, out: &mut Vec<u8>) {
        let key = self.frame_header(BINARY, size.saturating_add(1), out);
        let mut ws = 0;
        if flags & MORE != 0 {
            ws |= WS_MORE;
        }
        if flags & COMMAND != 0 {
            ws |= WS_COMMAND;
        }
        out.push(ws ^ key[0]);
        if size == 0 {
            self.end(out);
        } else {
            self.state = Out::Body { left: size, key, at: 1 };
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.state = OUT_START;
        out.append(&mut self.waiting);
    }

    fn control_frame(&mut self, opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
        let payload = payload.get(..payload.len().min(CONTROL_MAX)).unwrap_or_default();
        let key = self.frame_header(opcode, payload.len() as u64, out);
        let start = out.len();
        out.extend_from_slice(payload);
        mask(out.get_mut(start..).unwrap_or_default(), key, 0);
    }

    /// The header, and the mask's key, which is zero where nothing is masked.
    fn frame_header(&mut self, opcode: u8, size: u64, out: &mut Vec<u8>) -> [u8; 4] {
        let bit = if self.keys.is_some() { MASKED } else { 0 };
        out.push(FIN | opcode);
        match size {
            // Fits, as the pattern says.
            0..=125 => out.push(bit | size as u8),
            126..=0xffff => {
                out.push(bit | 126);
                out.extend_from_slice(&(size as u16).to_be_bytes());
            }
            _ => {
                out.push(bit | 127);
                out.extend_from_slice(&size.to_be_bytes());
            }
        }
        match &mut self.keys {
            Some(keys) => {
                let key = keys();
                out.extend_from_slice(&key);
                key
            }
            None => [0; 4],
        }
    }
}
