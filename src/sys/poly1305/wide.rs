//! The lanes of [`super::eight`] in vectors: AVX2 and AVX-512 IFMA of x86-64.

use std::arch::asm;
use std::arch::x86_64::*;
use std::mem::transmute;

use super::{Blocks, Key, LANES, Steps, Tag, finish, place};

/// Limbs of 44, 44 and 42 bits: the instructions multiply numbers of 52 bits and add half of
/// the product to another.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn eight_ifma(keys: &[&Key; LANES], messages: &[&[u8]; LANES], tags: &mut [Tag; LANES]) {
    let mask_44 = _mm512_set1_epi64((1 << 44) - 1);
    let mask_42 = _mm512_set1_epi64((1 << 42) - 1);
    let (zero, one) = (_mm512_setzero_si512(), _mm512_set1_epi64(1));
    let some = |Blocks { blocks, above }: Blocks<LANES>| {
        // SAFETY: all are bytes of the same size, and every value is valid.
        unsafe {
            (transmute::<[u128; 8], [__m512i; 2]>(blocks), transmute::<[u64; 8], __m512i>(above))
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
    // SAFETY: the same number of 64-bit integers either way, for which any bits are a value.
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
pub(super) fn eight_avx2(keys: &[&Key; LANES], messages: &[&[u8]; LANES], tags: &mut [Tag; LANES]) {
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
            (transmute::<[u128; 4], [__m256i; 2]>(blocks), transmute::<[u64; 4], __m256i>(above))
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
    // SAFETY: as above.
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
