//! Poly1305 authenticators of eight messages at a time, each under a key of its own.
//!
//! RFC 8439, section 2.5. A library computes one long message quickly; CURVE has many short ones,
//! whose cost is mostly setting up. Here each message has a lane of the vectors. Messages of
//! different lengths end together: a lane that begins later multiplies zero until then. It lives
//! here because choosing the wide versions at run time is `unsafe`. Called by `mechanism::curve`.

// What the wide versions share, and no processor without one uses.
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]

#[cfg(target_arch = "x86_64")]
mod wide;

/// The most messages of one call.
pub(crate) const LANES: usize = 8;

/// For one message only.
pub(crate) type Key = [u8; 32];
/// What it gives.
pub(crate) type Tag = [u8; 16];

/// Whether [`eight`] has wide instructions to use; without them a library is quicker.
pub(crate) fn is_wide() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        has_ifma() || std::arch::is_x86_feature_detected!("avx2")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(target_arch = "x86_64")]
fn has_ifma() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512ifma")
}

/// The authenticators of eight messages; those that do not exist may be empty. Not to be called
/// unless [`is_wide`]: then it leaves the tags alone.
pub(crate) fn eight(keys: &[&Key; LANES], messages: &[&[u8]; LANES], tags: &mut [Tag; LANES]) {
    #[cfg(target_arch = "x86_64")]
    {
        if has_ifma() {
            // SAFETY: the processor has what the function asks for.
            unsafe { wide::eight_ifma(keys, messages, tags) }
        } else if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: as above.
            unsafe { wide::eight_avx2(keys, messages, tags) }
        }
    }
    // Nobody calls it elsewhere.
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (keys, messages, tags);
}

/// Where the messages stand.
struct Steps<const L: usize> {
    /// At which step a message begins.
    begins: [usize; L],
    /// From here on every message has a block.
    all: usize,
    /// How many there are. Only the last one may have blocks that are not whole.
    count: usize,
}

impl<const L: usize> Steps<L> {
    #[inline(always)]
    fn of(messages: &[&[u8]; L]) -> Steps<L> {
        let blocks = messages.map(|message| message.len().div_ceil(16));
        let count = blocks.into_iter().max().unwrap_or(0);
        let begins = blocks.map(|blocks| count - blocks);
        Steps { begins, all: begins.into_iter().max().unwrap_or(0), count }
    }

    /// The whole block that every message has at this step; `None` if not every one does.
    #[inline(always)]
    fn whole<'a>(&self, messages: &[&'a [u8]; L], step: usize) -> Option<[&'a [u8; 16]; L]> {
        if step < self.all || step + 1 == self.count {
            return None;
        }
        let mut blocks = [&[0; 16]; L];
        for (block, (message, begins)) in blocks.iter_mut().zip(messages.iter().zip(self.begins)) {
            *block = message.get(16 * (step - begins)..)?.first_chunk()?;
        }
        Some(blocks)
    }
}

/// A block of each message, and whether there is a bit above it: 1 or 0.
struct Blocks<const L: usize> {
    blocks: [u128; L],
    /// In the order of `place`.
    above: [u64; L],
}

/// Where a vector of numbers has those of a message, after two vectors of blocks were unpacked.
#[inline(always)]
const fn place(lane: usize, lanes: usize) -> usize {
    2 * (lane % (lanes / 2)) + lane / (lanes / 2)
}

impl<const L: usize> Blocks<L> {
    /// The blocks of a step in which not every message has a whole one.
    fn of_some(messages: &[&[u8]; L], steps: &Steps<L>, step: usize) -> Blocks<L> {
        let mut some = Blocks { blocks: [0; L], above: [0; L] };
        for (lane, message) in messages.iter().enumerate() {
            let Some(step) = step.checked_sub(steps.begins[lane]) else { continue };
            let at = 16 * step;
            if let Some(block) = whole(message, at) {
                some.blocks[lane] = block;
                some.above[place(lane, L)] = 1;
            } else if at < message.len() {
                some.blocks[lane] = last(message, at);
            }
        }
        some
    }

    /// `r` of each key: "clamped" as the RFC says.
    #[inline(always)]
    fn clamped(keys: &[&Key; L]) -> Blocks<L> {
        const CLAMP: u128 = 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffff;
        Blocks { blocks: keys.map(|key| whole(key, 0).unwrap_or(0) & CLAMP), above: [0; L] }
    }
}

#[inline(always)]
fn whole(message: &[u8], at: usize) -> Option<u128> {
    message.get(at..)?.first_chunk().map(|block| u128::from_le_bytes(*block))
}

/// The last block, of less than 16 bytes, with the bit behind it.
#[inline(always)]
fn last(message: &[u8], at: usize) -> u128 {
    let bits = 8 * (message.len() - at);
    let block = match message.last_chunk() {
        Some(end) => u128::from_le_bytes(*end) >> (128 - bits),
        None => message.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte)),
    };
    block | 1 << bits
}

/// A number of 130 bits and a little more, given as what is below and above 128 bits, modulo
/// 2^130 - 5; plus the second half of the key, modulo 2^128. Takes the same time for all numbers.
#[inline(always)]
fn finish(low: u128, high: u128, key: &Key) -> Tag {
    let (low, over) = low.overflowing_add((high >> 2) * 5);
    let high = (high & 3) + u128::from(over);
    let (reduced, over) = low.overflowing_add(5);
    let beyond = (high + u128::from(over)) >> 2;
    let mask = 0u128.wrapping_sub(beyond & 1);
    let end = whole(key, 16).unwrap_or(0);
    ((reduced & mask) | (low & !mask)).wrapping_add(end).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use dryoc::classic::crypto_onetimeauth::crypto_onetimeauth;

    use super::*;

    /// Bytes that look like noise, with edges: all ones now and then.
    fn noise(seed: u64, len: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                if seed.is_multiple_of(3) { 0xff } else { (state >> 56) as u8 }
            })
            .collect()
    }

    type Eight = fn(&[&Key; LANES], &[&[u8]; LANES], &mut [Tag; LANES]);

    fn versions() -> Vec<Eight> {
        #[cfg(target_arch = "x86_64")]
        if is_wide() {
            // SAFETY: a wide processor has AVX2.
            return vec![eight as Eight, |k, m, t| unsafe { wide::eight_avx2(k, m, t) }];
        }
        Vec::new()
    }

    #[test]
    fn tags_are_those_of_a_library_at_every_length() {
        for round in 0..400_u64 {
            let keys: Vec<Key> =
                (0..8).map(|lane| noise(round * 8 + lane, 32).try_into().unwrap()).collect();
            let texts: Vec<Vec<u8>> = (0..8)
                .map(|lane| noise(round + lane * 7, ((round + lane * 13) % 300) as usize))
                .collect();
            let keys: [&Key; 8] = std::array::from_fn(|lane| &keys[lane]);
            let messages: [&[u8]; 8] = std::array::from_fn(|lane| &texts[lane][..]);
            for version in versions() {
                let mut tags = [[0; 16]; 8];
                version(&keys, &messages, &mut tags);
                for lane in 0..8 {
                    let mut expected = [0; 16];
                    crypto_onetimeauth(&mut expected, messages[lane], keys[lane]);
                    assert_eq!(tags[lane], expected, "round {round}, lane {lane}");
                }
            }
        }
    }

    #[test]
    fn numbers_near_the_modulus_are_reduced() {
        // RFC 8439, appendix A.3, vectors 7 to 11: r, s, message, tag.
        let vectors: [(u8, u8, &[u8], u8); 3] = [
            (1, 0, &[&[0xff; 16][..], &[0xf0], &[0xff; 15], &[0x11], &[0; 15]].concat(), 5),
            (1, 0, &[&[0xff; 16][..], &[0xfb], &[0xfe; 15], &[1; 16]].concat(), 0),
            (2, 0, &[&[0xfd][..], &[0xff; 15]].concat(), 0xfa),
        ];
        for (r, s, message, first) in vectors {
            let mut key = [0; 32];
            (key[0], key[16]) = (r, s);
            let mut tags = [[0; 16]; 8];
            if !is_wide() {
                return;
            }
            eight(&[&key; 8], &[message; 8], &mut tags);
            assert!(tags.iter().all(|tag| tag[0] == first), "{tags:?}");
        }
    }
}
