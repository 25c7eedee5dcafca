//! Poly1305 authenticators of eight messages at a time, each under a key of its own.
//!
//! RFC 8439, section 2.5. A library computes one long message quickly; CURVE has many short ones,
//! whose cost is mostly setting up. Here each message has a lane of the vectors. Messages of
//! different lengths end together: a lane that begins later multiplies zero until then. It lives
//! here because choosing the wide versions at run time is `unsafe`. Called by `mechanism::curve`.

/// The most messages of one call.
pub(crate) const LANES: usize = 8;

pub(crate) type Key = [u8; 32];
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

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::asm;
    use std::arch::x86_64::*;
    use std::mem::transmute;

    use super::{Blocks, Key, LANES, Steps, Tag, finish, place};

    /// Limbs of 44, 44 and 42 bits: the instructions multiply numbers of 52 bits and add half of
    /// the product to another.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn eight_ifma(
        keys: &[&Key; LANES],
        messages: &[&[u8]; LANES],
        tags: &mut [Tag; LANES],
    ) {
        let mask_44 = _mm512_set1_epi64((1 << 44) - 1);
        let mask_42 = _mm512_set1_epi64((1 << 42) - 1);
        let (zero, one) = (_mm512_setzero_si512(), _mm512_set1_epi64(1));
        let some = |Blocks { blocks, above }: Blocks<LANES>| {
            // SAFETY: all are bytes of the same size, and every value is valid.
            unsafe {
                (
                    transmute::<[u128; 8], [__m512i; 2]>(blocks),
                    transmute::<[u64; 8], __m512i>(above),
                )
            }
        };
        let all = |[a, b, c, d, e, f, g, h]: [&[u8; 16]; LANES]| {
            ([gather(a, b, c, d), gather(e, f, g, h)], one)
        };
        let split = |([a, b], above): ([__m512i; 2], __m512i)| {
            let (low, high) = (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
            let middle = _mm512_or_si512(_mm512_srli_epi64(low, 44), _mm512_slli_epi64(high, 20));
            [
                _mm512_and_si512(low, mask_44),
                _mm512_and_si512(middle, mask_44),
                _mm512_or_si512(_mm512_srli_epi64(high, 24), _mm512_slli_epi64(above, 40)),
            ]
        };
        let low = |sum, x, y| _mm512_madd52lo_epu64(sum, x, y);
        let high = |sum, x, y| _mm512_madd52hi_epu64(sum, x, y);
        // 2^132 is 20 modulo 2^130 - 5.
        let times_20 = |x| _mm512_add_epi64(_mm512_slli_epi64(x, 4), _mm512_slli_epi64(x, 2));

        let [r0, r1, r2] = split(some(Blocks::clamped(keys)));
        let (s1, s2) = (times_20(r1), times_20(r2));
        let [mut h0, mut h1, mut h2] = [zero; 3];
        let steps = Steps::of(messages);
        for step in 0..steps.count {
            let [m0, m1, m2] = split(match steps.whole(messages, step) {
                Some(blocks) => all(blocks),
                None => some(Blocks::of_some(messages, &steps, step)),
            });
            h0 = _mm512_add_epi64(h0, m0);
            h1 = _mm512_add_epi64(h1, m1);
            h2 = _mm512_add_epi64(h2, m2);
            let d0 = low(low(low(zero, h0, r0), h1, s2), h2, s1);
            let e0 = high(high(high(zero, h0, r0), h1, s2), h2, s1);
            let d1 = low(low(low(zero, h0, r1), h1, r0), h2, s2);
            let e1 = high(high(high(zero, h0, r1), h1, r0), h2, s2);
            let d2 = low(low(low(zero, h0, r2), h1, r1), h2, r0);
            let e2 = high(high(high(zero, h0, r2), h1, r1), h2, r0);
            // The upper halves begin at bit 52 of their limbs.
            let carried = _mm512_add_epi64(_mm512_srli_epi64(d0, 44), _mm512_slli_epi64(e0, 8));
            let d1 = _mm512_add_epi64(d1, carried);
            let carried = _mm512_add_epi64(_mm512_srli_epi64(d1, 44), _mm512_slli_epi64(e1, 8));
            let d2 = _mm512_add_epi64(d2, carried);
            let beyond = _mm512_add_epi64(_mm512_srli_epi64(d2, 42), _mm512_slli_epi64(e2, 10));
            let times_5 = _mm512_add_epi64(beyond, _mm512_slli_epi64(beyond, 2));
            let d0 = _mm512_add_epi64(_mm512_and_si512(d0, mask_44), times_5);
            h0 = _mm512_and_si512(d0, mask_44);
            h1 = _mm512_add_epi64(_mm512_and_si512(d1, mask_44), _mm512_srli_epi64(d0, 44));
            h2 = _mm512_and_si512(d2, mask_42);
        }
        // SAFETY: numbers of 64 bits either way.
        let [h0, h1, h2]: [[u64; 8]; 3] = unsafe { transmute([h0, h1, h2]) };
        for lane in 0..LANES {
            let at = place(lane, LANES);
            let [h0, h1, h2] = [h0[at], h1[at], h2[at]].map(u128::from);
            let (low, over) = (h0 + (h1 << 44)).overflowing_add(h2 << 88);
            tags[lane] = finish(low, (h2 >> 40) + u128::from(over), keys[lane]);
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn gather(a: &[u8; 16], b: &[u8; 16], c: &[u8; 16], d: &[u8; 16]) -> __m512i {
        let all = _mm512_castsi128_si512(vector(a));
        let all = _mm512_inserti32x4::<1>(all, vector(b));
        let all = _mm512_inserti32x4::<2>(all, vector(c));
        _mm512_inserti32x4::<3>(all, vector(d))
    }

    #[inline]
    fn vector(block: &[u8; 16]) -> __m128i {
        // SAFETY: bytes of the same size, and every value is valid.
        unsafe { transmute(*block) }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn eight_avx2(
        keys: &[&Key; LANES],
        messages: &[&[u8]; LANES],
        tags: &mut [Tag; LANES],
    ) {
        let (keys, _) = keys.as_chunks::<4>();
        let (messages, _) = messages.as_chunks::<4>();
        let (tags, _) = tags.as_chunks_mut::<4>();
        for (keys, (messages, tags)) in keys.iter().zip(messages.iter().zip(tags)) {
            four_avx2(keys, messages, tags);
        }
    }

    /// Limbs of 26 bits.
    #[target_feature(enable = "avx2")]
    fn four_avx2(keys: &[&Key; 4], messages: &[&[u8]; 4], tags: &mut [Tag; 4]) {
        let mask = _mm256_set1_epi64x((1 << 26) - 1);
        let (zero, one) = (_mm256_setzero_si256(), _mm256_set1_epi64x(1));
        let some = |Blocks { blocks, above }: Blocks<4>| {
            // SAFETY: all are bytes of the same size, and every value is valid.
            unsafe {
                (
                    transmute::<[u128; 4], [__m256i; 2]>(blocks),
                    transmute::<[u64; 4], __m256i>(above),
                )
            }
        };
        let all = |[a, b, c, d]: [&[u8; 16]; 4]| {
            let (a, b, c, d) = (vector(a), vector(b), vector(c), vector(d));
            ([_mm256_set_m128i(b, a), _mm256_set_m128i(d, c)], one)
        };
        let split = |([a, b], above): ([__m256i; 2], __m256i)| {
            let (low, high) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
            let middle = _mm256_or_si256(_mm256_srli_epi64(low, 52), _mm256_slli_epi64(high, 12));
            [
                _mm256_and_si256(low, mask),
                _mm256_and_si256(_mm256_srli_epi64(low, 26), mask),
                _mm256_and_si256(middle, mask),
                _mm256_and_si256(_mm256_srli_epi64(high, 14), mask),
                _mm256_or_si256(_mm256_srli_epi64(high, 40), _mm256_slli_epi64(above, 24)),
            ]
        };
        let add = |x, y| _mm256_add_epi64(x, y);
        let times_5 = |x| _mm256_add_epi64(x, _mm256_slli_epi64(x, 2));
        let sum = |h: &[__m256i; 5], r: [__m256i; 5]| {
            let [a, b, c] = [mul(h[0], r[0]), mul(h[1], r[1]), mul(h[2], r[2])];
            add(add(add(b, c), add(mul(h[3], r[3]), mul(h[4], r[4]))), a)
        };
        let carry = |d: &mut [__m256i; 5], from: usize, to: usize| {
            let carried = _mm256_srli_epi64(d[from], 26);
            d[from] = _mm256_and_si256(d[from], mask);
            d[to] = add(d[to], if to == 0 { times_5(carried) } else { carried });
        };

        let [r0, r1, r2, r3, r4] = split(some(Blocks::clamped(keys)));
        let [s1, s2, s3, s4] = [r1, r2, r3, r4].map(times_5);
        let mut h = [zero; 5];
        let steps = Steps::of(messages);
        for step in 0..steps.count {
            let input = split(match steps.whole(messages, step) {
                Some(blocks) => all(blocks),
                None => some(Blocks::of_some(messages, &steps, step)),
            });
            for limb in 0..5 {
                h[limb] = add(h[limb], input[limb]);
            }
            let mut d = [
                sum(&h, [r0, s4, s3, s2, s1]),
                sum(&h, [r1, r0, s4, s3, s2]),
                sum(&h, [r2, r1, r0, s4, s3]),
                sum(&h, [r3, r2, r1, r0, s4]),
                sum(&h, [r4, r3, r2, r1, r0]),
            ];
            // Two chains of carries side by side.
            carry(&mut d, 0, 1);
            carry(&mut d, 3, 4);
            carry(&mut d, 1, 2);
            carry(&mut d, 4, 0);
            carry(&mut d, 2, 3);
            carry(&mut d, 0, 1);
            carry(&mut d, 3, 4);
            h = d;
        }
        // SAFETY: numbers of 64 bits either way.
        let h: [[u64; 4]; 5] = unsafe { transmute(h) };
        for lane in 0..4 {
            let [h0, h1, h2, h3, h4] = h.map(|limb| u128::from(limb[place(lane, 4)]));
            let low = h0 + (h1 << 26) + (h2 << 52) + (h3 << 78);
            let (low, over) = low.overflowing_add(h4 << 104);
            tags[lane] = finish(low, (h4 >> 24) + u128::from(over), keys[lane]);
        }
    }

    /// The products of the lower halves. Not by the intrinsic: where LLVM can prove that the upper
    /// halves are zero it forgets to say so to itself, and multiplies 64 bits in many steps.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn mul(x: __m256i, y: __m256i) -> __m256i {
        let product;
        // SAFETY: the instruction belongs to AVX2 and changes nothing but its result.
        unsafe {
            asm!("vpmuludq {}, {}, {}", lateout(ymm_reg) product, in(ymm_reg) x, in(ymm_reg) y,
                options(pure, nomem, nostack, preserves_flags));
        }
        product
    }
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
        let mut versions: Vec<Eight> = Vec::new();
        #[cfg(target_arch = "x86_64")]
        if is_wide() {
            // SAFETY: a wide processor has AVX2.
            versions.extend([eight as Eight, |k, m, t| unsafe { wide::eight_avx2(k, m, t) }]);
        }
        versions
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
