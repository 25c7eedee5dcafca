//! Translates ZMTP frames into WebSocket frames; pure, called by `layer`.
//!
//! It streams: a frame passes through in pieces of any size, and nothing but its header is kept.

use super::frame::{
    BINARY, CLOSE, COMMAND, CONTROL_MAX, Control, FIN, LARGE, LIVE_COMMAND, MASKED, MORE, PING,
    PING_COMMAND, PONG, WS_COMMAND, WS_MORE, mask,
};

/// Where mask keys come from; servers do not mask.
pub(super) type Keys = dyn FnMut() -> [u8; 4] + Send;

/// ZMTP in, WebSocket out.
pub(super) struct Encoder {
    keys: Option<Box<Keys>>,
    state: Out,
    /// Bytes of our greeting that are still to be swallowed.
    swallow: usize,
    /// Control frames that wait until the frame under way has ended.
    waiting: Vec<u8>,
}

enum Out {
    Header {
        bytes: [u8; 9],
        length: usize,
    },
    /// The start of a command, which may be one that becomes a control frame.
    Command {
        flags: u8,
        size: u64,
        bytes: [u8; 5],
        length: usize,
    },
    /// The rest of a command that became a control frame.
    Swallow {
        left: u64,
    },
    Body {
        left: u64,
        key: [u8; 4],
        at: usize,
    },
}

/// Room for anything but a body: a header, the start of a command, a control frame that waited.
const LITTLE: usize = 256;

const OUT_START: Out = Out::Header { bytes: [0; 9], length: 0 };

impl Encoder {
    pub(super) fn new(keys: Option<Box<Keys>>) -> Encoder {
        Encoder { keys, state: OUT_START, swallow: 0, waiting: Vec::new() }
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

    /// A control frame, at once or after the frame under way; none where there is no memory for it.
    pub(super) fn control(&mut self, control: &Control, out: &mut Vec<u8>) {
        let (opcode, payload) = match control {
            Control::Pong(payload) => (PONG, payload),
            Control::Close(payload) => (CLOSE, payload),
            Control::Ponged => return,
        };
        if out.try_reserve(LITTLE).is_err() {
            return;
        }
        let mut frame = Vec::new();
        self.control_frame(opcode, payload, &mut frame);
        if matches!(self.state, Out::Body { .. }) {
            self.waiting = frame;
        } else {
            out.extend_from_slice(&frame);
        }
    }

    /// Takes all of the input, or as much as there is memory for; says how much.
    pub(super) fn encode(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let mut taken = self.swallow.min(input.len());
        self.swallow -= taken;
        while let Some((&byte, _)) = input.get(taken..).and_then(<[u8]>::split_first) {
            let rest = input.get(taken..).unwrap_or_default();
            let most = match self.state {
                Out::Body { .. } => rest.len(),
                _ => 0,
            };
            if out.try_reserve(most + LITTLE).is_err() {
                break;
            }
            taken += 1;
            match &mut self.state {
                Out::Body { .. } => taken += self.body(rest, out) - 1,
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
        }
        taken
    }

    /// Takes as much of a body as is there.
    fn body(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let Out::Body { left, key, at } = &mut self.state else { return 0 };
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
        count
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
        if flags & COMMAND != 0 && size >= 5 {
            self.state = Out::Command { flags, size, bytes: [0; 5], length: 0 };
        } else {
            self.begin(flags, size, out);
        }
    }

    /// The first bytes of a command are known.
    fn command(&mut self, out: &mut Vec<u8>) {
        let Out::Command { flags, size, bytes, .. } = self.state else { return };
        let opcode = match &bytes {
            PING_COMMAND => PING,
            LIVE_COMMAND => PONG,
            _ => {
                self.begin(flags, size, out);
                self.body(&bytes, out);
                return;
            }
        };
        self.control_frame(opcode, &[], out);
        match size - 5 {
            0 => self.end(out),
            left => self.state = Out::Swallow { left },
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
