//! Boxes for the frames of one direction of a connection.
//!
//! The first 16 bytes of all their nonces are the same, so that the HSalsa20 step of XSalsa20 is
//! done once per connection, and the rest counts up by one, so that the keystream of the frames to
//! come can be made in advance where that is cheap. Long frames go to `dryoc` as they are.

use dryoc::classic::crypto_core::crypto_core_hsalsa20;
use dryoc::classic::crypto_onetimeauth::{crypto_onetimeauth, crypto_onetimeauth_verify};
use zeroize::{Zeroize, Zeroizing};

use crate::mechanism::curve::boxes::{self, MAC, Secret};
use crate::sys::salsa20::{self, Block, LANES, Position};
use crate::zmtp::Failure;

/// Bytes at the beginning of the keystream that are the key of the MAC.
const MAC_KEY: usize = 32;
/// Plain texts up to this length are treated here: on narrow processors only those that the cipher
/// in `dryoc` cannot speed up.
const WIDE_LIMIT: usize = 8 * 64 - MAC_KEY;
const NARROW_LIMIT: usize = 2 * 64 - MAC_KEY;

/// Seals or opens the frames of one direction.
pub(crate) struct Stream {
    key: Secret,
    prefix: &'static [u8; 16],
    subkey: Secret,
    limit: usize,
    ahead: Option<Box<Ahead>>,
}

/// Keystream made in advance: `per_frame` blocks for each of `frames` counters from `first` on.
struct Ahead {
    first: u64,
    frames: usize,
    per_frame: usize,
    blocks: [Block; LANES],
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.blocks.as_flattened_mut().zeroize();
    }
}

impl Stream {
    pub(crate) fn new(key: &Secret, prefix: &'static [u8; 16]) -> Stream {
        let mut subkey = Zeroizing::new([0; 32]);
        crypto_core_hsalsa20(&mut subkey, prefix, key, None);
        let limit = if salsa20::is_wide() { WIDE_LIMIT } else { NARROW_LIMIT };
        Stream { key: key.clone(), prefix, subkey, limit, ahead: None }
    }

    /// Appends a box of `parts`, one behind the other.
    pub(crate) fn seal(&mut self, counter: u64, parts: &[&[u8]], out: &mut Vec<u8>) {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if len > self.limit {
            let nonce = boxes::short_nonce(self.prefix, counter);
            return boxes::seal(&self.key, &nonce, parts, out);
        }
        let start = out.len();
        out.extend_from_slice(&[0; MAC]);
        for part in parts {
            out.extend_from_slice(part);
        }
        let new = out.get_mut(start..).and_then(|new| new.split_first_chunk_mut::<MAC>());
        if let Some((mac, body)) = new {
            self.with_keystream(counter, body.len(), |mac_key, keystream| {
                xor(body, keystream);
                crypto_onetimeauth(mac, body, mac_key);
            });
        }
    }

    /// Opens a box into `plain`, which is empty.
    pub(crate) fn open(
        &mut self,
        counter: u64,
        boxed: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let (mac, body) = boxed.split_first_chunk::<MAC>().ok_or(boxes::cryptographic())?;
        if body.len() > self.limit {
            let nonce = boxes::short_nonce(self.prefix, counter);
            return boxes::open(&self.key, &nonce, boxed, plain);
        }
        self.with_keystream(counter, body.len(), |mac_key, keystream| {
            crypto_onetimeauth_verify(mac, body, mac_key).map_err(|_| boxes::cryptographic())?;
            plain.extend_from_slice(body);
            xor(plain, keystream);
            Ok(())
        })
    }

    /// Calls `with` with the MAC's key and at least `len` bytes of keystream. `len` is no more than
    /// the limit.
    fn with_keystream<T>(
        &mut self,
        counter: u64,
        len: usize,
        with: impl FnOnce(&[u8; MAC_KEY], &[u8]) -> T,
    ) -> T {
        let blocks = (MAC_KEY + len).div_ceil(64).clamp(1, LANES);
        if !salsa20::is_wide() {
            let mut keystream = Zeroizing::new([[0; 64]; NARROW_LIMIT.div_ceil(64)]);
            for (number, block) in (0..).zip(keystream.iter_mut().take(blocks)) {
                salsa20::one(&self.subkey, position(counter, number), block);
            }
            return split(keystream.as_flattened(), with);
        }
        let ahead = self.ahead.get_or_insert_with(|| {
            Box::new(Ahead { first: 0, frames: 0, per_frame: 0, blocks: [[0; 64]; LANES] })
        });
        let index = match usize::try_from(counter.wrapping_sub(ahead.first)) {
            Ok(index) if index < ahead.frames && blocks <= ahead.per_frame => index,
            _ => {
                ahead.first = counter;
                ahead.per_frame = blocks;
                ahead.frames = LANES / blocks;
                let positions = std::array::from_fn(|lane| {
                    let frame = (lane / blocks) as u64;
                    position(counter.wrapping_add(frame), (lane % blocks) as u64)
                });
                salsa20::sixteen(&self.subkey, &positions, &mut ahead.blocks);
                0
            }
        };
        let start = index * ahead.per_frame;
        let blocks = ahead.blocks.get(start..start + ahead.per_frame).unwrap_or_default();
        split(blocks.as_flattened(), with)
    }
}

/// The counter is big endian in the nonce, which the cipher reads as little endian.
fn position(counter: u64, block: u64) -> Position {
    Position { nonce: counter.swap_bytes(), block }
}

fn split<T>(keystream: &[u8], with: impl FnOnce(&[u8; MAC_KEY], &[u8]) -> T) -> T {
    match keystream.split_first_chunk() {
        Some((mac_key, rest)) => with(mac_key, rest),
        // There is always at least one block.
        None => with(&[0; MAC_KEY], &[]),
    }
}

fn xor(bytes: &mut [u8], keystream: &[u8]) {
    bytes.iter_mut().zip(keystream).for_each(|(byte, key)| *byte ^= key);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &[u8; 16] = b"CurveZMQMESSAGEC";

    #[test]
    fn boxes_are_those_of_nacl_at_every_length() {
        let key = Zeroizing::new([3; 32]);
        let mut stream = Stream::new(&key, PREFIX);
        let mut opener = Stream::new(&key, PREFIX);
        let mut counter: u64 = 1;
        for round in 0..1500_usize {
            let len = (round * 7) % 700;
            let body: Vec<u8> = (0..len).map(|index| (index + round) as u8).collect();
            let (first, second) = body.split_at(len / 3);
            let (mut ours, mut theirs) = (vec![9], vec![9]);
            stream.seal(counter, &[first, second], &mut ours);
            let nonce = boxes::short_nonce(PREFIX, counter);
            boxes::seal(&key, &nonce, &[&body], &mut theirs);
            assert_eq!(ours, theirs, "{len} bytes, counter {counter}");

            let mut plain = Vec::new();
            opener.open(counter, &ours[1..], &mut plain).unwrap();
            assert_eq!(plain, body);
            for at in [1, 17, ours.len() - 1] {
                let mut forged = ours.clone();
                if let Some(byte) = forged.get_mut(at) {
                    *byte ^= 0x80;
                    assert!(opener.open(counter, &forged[1..], &mut Vec::new()).is_err());
                }
            }
            // Counters mostly follow each other, but a peer may leave some out.
            counter += if round % 10 == 0 { 1000 } else { 1 };
        }
    }
}
