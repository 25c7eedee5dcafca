//! Boxes for the frames of one direction of a connection.
//!
//! The first 16 bytes of all their nonces are the same, so that the HSalsa20 step of XSalsa20 is
//! done once per connection. The rest counts up, so that the keystream of many short frames is made
//! in one go, and their authenticators are computed side by side. A frame that comes alone leaves
//! keystream for the next ones. Long frames go to `dryoc` as they are. Called by `message`.

use dryoc::classic::crypto_box::{
    crypto_box_detached_afternm_inplace, crypto_box_open_detached_afternm_inplace,
};
use dryoc::classic::crypto_core::crypto_core_hsalsa20;
use dryoc::classic::crypto_onetimeauth::crypto_onetimeauth;
use zeroize::{Zeroize, Zeroizing};

use crate::mechanism::curve::boxes::{self, MAC};
use crate::mechanism::curve::key::Secret;
use crate::sys::poly1305::{self, Key, Tag};
use crate::sys::salsa20::{self, Block, LANES, Position};

/// Bytes at the beginning of the keystream that are the key of the MAC.
const MAC_KEY: usize = 32;
/// Plain texts up to this length are treated here: on narrow processors only those that the cipher
/// in `dryoc` cannot speed up.
const WIDE_LIMIT: usize = 8 * 64 - MAC_KEY;
const NARROW_LIMIT: usize = 2 * 64 - MAC_KEY;

/// The most frames of one batch, and the most blocks of keystream for them.
pub(crate) const BATCH: usize = 16;
const BATCH_BLOCKS: usize = 5 * BATCH;
/// Fewer frames are treated one by one: their share of the work of a batch would be too large.
const BATCH_FROM: usize = 4;

/// A box in a buffer: the authenticator at `at`, and `len` bytes behind it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) counter: u64,
    pub(crate) at: usize,
    pub(crate) len: usize,
}

impl Slot {
    fn body(self) -> std::ops::Range<usize> {
        self.at + MAC..self.at + MAC + self.len
    }

    /// Where it ends.
    pub(crate) fn end(self) -> usize {
        self.body().end
    }

    /// Authenticator and cipher text; both are empty if the buffer ends before.
    fn parts(self, buffer: &[u8]) -> (&[u8], &[u8]) {
        let mac = buffer.get(self.at..self.at + MAC).unwrap_or_default();
        (mac, buffer.get(self.body()).unwrap_or_default())
    }

    /// How much keystream it takes.
    pub(crate) fn blocks(self) -> usize {
        (MAC_KEY + self.len).div_ceil(64)
    }
}

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
        let mut subkey = Secret::default();
        crypto_core_hsalsa20(&mut subkey, prefix, key, None);
        let limit = if salsa20::is_wide() { WIDE_LIMIT } else { NARROW_LIMIT };
        Stream { key: key.clone(), prefix, subkey, limit, ahead: None }
    }

    /// Whether a plain text is so short that it can be one of a batch.
    pub(crate) fn is_short(&self, len: usize) -> bool {
        len <= self.limit
    }

    /// Whether one more plain text fits into a batch of so many blocks.
    pub(crate) fn fits(&self, blocks: usize, len: usize) -> bool {
        self.is_short(len) && blocks + Slot { len, ..Slot::default() }.blocks() <= BATCH_BLOCKS
    }

    /// Seals boxes whose plain texts lie in their places: at most `BATCH` that `fits` allows, or any
    /// one.
    pub(crate) fn seal(&mut self, buffer: &mut [u8], slots: &[Slot]) {
        if slots.len() < BATCH_FROM || !is_wide() {
            return slots.iter().for_each(|slot| self.seal_one(buffer, *slot));
        }
        let mut keystream = [[0; 64]; BATCH_BLOCKS];
        let starts = self.keystream(slots, &mut keystream);
        for (slot, start) in slots.iter().zip(starts) {
            if let Some(body) = buffer.get_mut(slot.body()) {
                xor(body, behind_key(&keystream, start));
            }
        }
        let tags = authenticate(buffer, slots, &starts, &keystream);
        for (slot, tag) in slots.iter().zip(tags) {
            if let Some(mac) = buffer.get_mut(slot.at..slot.at + MAC) {
                mac.copy_from_slice(&tag);
            }
        }
        wipe(&mut keystream);
    }

    /// Opens short boxes: `give` gets the number of each, its cipher text and what to mix with it.
    /// Says how many were genuine; nothing from a forged one on is given.
    pub(crate) fn open(
        &mut self,
        buffer: &[u8],
        slots: &[Slot],
        mut give: impl FnMut(usize, &[u8], &[u8]),
    ) -> usize {
        let mut genuine = 0;
        if slots.len() < BATCH_FROM || !is_wide() {
            for slot in slots {
                let (mac, text) = slot.parts(buffer);
                let is_genuine = self.with_keystream(slot.counter, slot.len, |keystream| {
                    let mut tag = [0; MAC];
                    crypto_onetimeauth(&mut tag, text, mac_key(keystream, 0));
                    let is_genuine = same(&tag, mac);
                    if is_genuine {
                        give(genuine, text, behind_key(keystream, 0));
                    }
                    is_genuine
                });
                if !is_genuine {
                    break;
                }
                genuine += 1;
            }
            return genuine;
        }
        let mut keystream = [[0; 64]; BATCH_BLOCKS];
        let starts = self.keystream(slots, &mut keystream);
        let tags = authenticate(buffer, slots, &starts, &keystream);
        for (slot, (tag, start)) in slots.iter().zip(tags.iter().zip(starts)) {
            let (mac, text) = slot.parts(buffer);
            if !same(tag, mac) {
                break;
            }
            give(genuine, text, behind_key(&keystream, start));
            genuine += 1;
        }
        wipe(&mut keystream);
        genuine
    }

    /// Opens a box of any length into `text`, which is as long as the text. False: it is forged,
    /// and `text` is of no use.
    pub(crate) fn open_long(&self, buffer: &[u8], slot: Slot, text: &mut [u8]) -> bool {
        let (mac, cipher_text) = slot.parts(buffer);
        let Some(mac) = mac.first_chunk() else { return false };
        if text.len() != cipher_text.len() {
            return false;
        }
        text.copy_from_slice(cipher_text);
        let nonce = boxes::short_nonce(self.prefix, slot.counter);
        crypto_box_open_detached_afternm_inplace(text, mac, &nonce, &self.key).is_ok()
    }

    fn seal_one(&mut self, buffer: &mut [u8], slot: Slot) {
        let text = buffer.get_mut(slot.at..).and_then(|rest| rest.split_first_chunk_mut::<MAC>());
        let Some((mac, rest)) = text else { return };
        let Some(body) = rest.get_mut(..slot.len) else { return };
        if slot.len > self.limit {
            let nonce = boxes::short_nonce(self.prefix, slot.counter);
            return crypto_box_detached_afternm_inplace(body, mac, &nonce, &self.key);
        }
        self.with_keystream(slot.counter, slot.len, |keystream| {
            xor(body, behind_key(keystream, 0));
            crypto_onetimeauth(mac, body, mac_key(keystream, 0));
        });
    }

    /// The keystream of a batch; says where that of each frame starts.
    fn keystream(&self, slots: &[Slot], blocks: &mut [Block; BATCH_BLOCKS]) -> [usize; BATCH] {
        let mut starts = [0; BATCH];
        let mut positions = [Position::default(); BATCH_BLOCKS];
        let mut count = 0;
        for (slot, start) in slots.iter().zip(&mut starts) {
            *start = count;
            let places = positions.get_mut(count..count + slot.blocks()).unwrap_or_default();
            for (number, place) in (0..).zip(places) {
                *place = position(slot.counter, number);
            }
            count += slot.blocks();
        }
        let (positions, _) = positions.as_chunks();
        let (blocks, _) = blocks.as_chunks_mut();
        for (positions, blocks) in positions.iter().zip(blocks).take(count.div_ceil(LANES)) {
            salsa20::sixteen(&self.subkey, positions, blocks);
        }
        starts
    }

    /// Calls `with` with the blocks of one frame. `len` is no more than the limit.
    fn with_keystream<T>(
        &mut self,
        counter: u64,
        len: usize,
        with: impl FnOnce(&[Block]) -> T,
    ) -> T {
        let blocks = (MAC_KEY + len).div_ceil(64).clamp(1, LANES);
        if !salsa20::is_wide() {
            let mut keystream = Zeroizing::new([[0; 64]; NARROW_LIMIT.div_ceil(64) + 1]);
            for (number, block) in (0..).zip(keystream.iter_mut().take(blocks)) {
                salsa20::one(&self.subkey, position(counter, number), block);
            }
            return with(&*keystream);
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
        with(ahead.blocks.get(start..start + ahead.per_frame).unwrap_or_default())
    }
}

/// The authenticators of a batch of cipher texts.
fn authenticate(
    buffer: &[u8],
    slots: &[Slot],
    starts: &[usize; BATCH],
    keystream: &[Block],
) -> [Tag; BATCH] {
    let mut tags = [[0; MAC]; BATCH];
    let (groups, _) = tags.as_chunks_mut::<{ poly1305::LANES }>();
    for (group, tags) in groups.iter_mut().enumerate() {
        let from = group * poly1305::LANES;
        if from >= slots.len() {
            break;
        }
        let mut keys = [mac_key(keystream, 0); poly1305::LANES];
        let mut texts = [&[][..]; poly1305::LANES];
        let slots = slots.iter().zip(starts).skip(from);
        for ((slot, start), (key, text)) in slots.zip(keys.iter_mut().zip(&mut texts)) {
            *key = mac_key(keystream, *start);
            *text = buffer.get(slot.body()).unwrap_or_default();
        }
        poly1305::eight(&keys, &texts, tags);
    }
    tags
}

/// Whether the processor treats a batch in one go.
fn is_wide() -> bool {
    salsa20::is_wide() && poly1305::is_wide()
}

/// The counter is big endian in the nonce, which the cipher reads as little endian.
fn position(counter: u64, block: u64) -> Position {
    Position { nonce: counter.swap_bytes(), block }
}

/// The key of the MAC of the frame whose keystream starts at a block.
fn mac_key(keystream: &[Block], start: usize) -> &Key {
    // There always is a block: what is not there cannot authenticate anything.
    keystream.get(start).and_then(|block| block.first_chunk()).unwrap_or(&[0; MAC_KEY])
}

/// The keystream that is mixed with the text, and more.
fn behind_key(keystream: &[Block], start: usize) -> &[u8] {
    let blocks = keystream.get(start..).unwrap_or_default();
    blocks.as_flattened().get(MAC_KEY..).unwrap_or_default()
}

fn xor(bytes: &mut [u8], keystream: &[u8]) {
    bytes.iter_mut().zip(keystream).for_each(|(byte, key)| *byte ^= key);
}

/// Compares without telling by its time where they differ.
fn same(tag: &Tag, given: &[u8]) -> bool {
    let differ = tag.iter().zip(given).fold(0, |differ, (x, y)| differ | (x ^ y));
    given.len() == MAC && std::hint::black_box(differ) == 0
}

/// Overwrites keystream, and shows it to somebody, so that the compiler may not leave it out.
fn wipe(keystream: &mut [Block]) {
    keystream.fill([0; 64]);
    std::hint::black_box(keystream);
}
