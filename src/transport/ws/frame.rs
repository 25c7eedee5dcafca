//! What WebSocket and ZMTP frames are made of; pure.
//!
//! ```text
//! WebSocket  FIN|opcode  MASK|length  [length 2 or 8]  [mask 4]  flags  body
//! ZMTP                                                  flags  length 1 or 8  body
//! ```
//!
//! Used by `decoder` and `encoder`.

pub(super) const FIN: u8 = 0x80;
pub(super) const CONTINUATION: u8 = 0;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;
pub(super) const MASKED: u8 = 0x80;

/// 45/ZWS: the flags before the body.
pub(super) const WS_MORE: u8 = 1;
pub(super) const WS_COMMAND: u8 = 2;
/// 23/ZMTP: the flags of a frame.
pub(super) const MORE: u8 = 1;
pub(super) const LARGE: u8 = 2;
pub(super) const COMMAND: u8 = 4;

/// RFC 6455, section 5.5: the payload of control frames.
pub(super) const CONTROL_MAX: usize = 125;

pub(super) const PING_COMMAND: &[u8; 5] = b"\x04PING";
/// No command of ZMTP: see `transport::stream::Layer`.
pub(super) const LIVE_COMMAND: &[u8; 5] = b"\x04LIVE";

/// Applies a mask, of which `at` bytes were used already.
pub(super) fn mask(bytes: &mut [u8], key: [u8; 4], at: usize) {
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
