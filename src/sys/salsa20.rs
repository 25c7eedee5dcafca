//! Blocks of Salsa20 keystream, sixteen at a time where the processor has the registers for it.
//!
//! The Salsa20/20 core of D. J. Bernstein's specification. What differs from a cipher crate is that
//! the blocks need not belong to one nonce: CURVE encrypts many short messages, each with its own
//! nonce and many shorter than a block. It lives here because choosing the wide versions at run
//! time is `unsafe`. Called by `mechanism::curve`.

/// The most blocks of one call.
pub(crate) const LANES: usize = 16;

/// What one run of the core gives.
pub(crate) type Block = [u8; 64];

/// Where a block is: the nonce (its bytes as a little endian number) and the block's number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Position {
    pub(crate) nonce: u64,
    pub(crate) block: u64,
}

/// Whether sixteen blocks cost no more than a few, so that making some in advance pays.
pub(crate) fn is_wide() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx512f")
            || std::arch::is_x86_feature_detected!("avx2")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The sixteen blocks at `positions`. Only sensible if [`is_wide`], but right in any case.
pub(crate) fn sixteen(key: &[u8; 32], positions: &[Position; LANES], out: &mut [Block; LANES]) {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512F, the only requirement of the function.
            return unsafe { wide::sixteen_avx512(key, positions, out) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2, the only requirement of the function.
            return unsafe { wide::sixteen_avx2(key, positions, out) };
        }
    }
    for (position, block) in positions.iter().zip(out) {
        one(key, *position, block);
    }
}

/// What each lane of the core begins with, as sixteen numbers.
fn input(key: &[u8; 32], position: Position) -> [u32; 16] {
    // "expand 32-byte k"
    const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
    let word = |index: usize| {
        let at = 4 * index;
        u32::from_le_bytes([key[at], key[at + 1], key[at + 2], key[at + 3]])
    };
    let mut input = [0; 16];
    for index in 0..4 {
        input[5 * index] = CONSTANTS[index];
        input[1 + index] = word(index);
        input[11 + index] = word(4 + index);
    }
    input[6] = position.nonce as u32;
    input[7] = (position.nonce >> 32) as u32;
    input[8] = position.block as u32;
    input[9] = (position.block >> 32) as u32;
    input
}

/// The twenty rounds on an array of sixteen words, whatever a word is: `$step` is
/// `target ^= (x + y) <<< count`. Written out, so that the array stays in registers.
macro_rules! rounds {
    ($state:ident, $step:ident) => {
        for _ in 0..10 {
            rounds!($state, $step, 0, 4, 8, 12);
            rounds!($state, $step, 5, 9, 13, 1);
            rounds!($state, $step, 10, 14, 2, 6);
            rounds!($state, $step, 15, 3, 7, 11);
            rounds!($state, $step, 0, 1, 2, 3);
            rounds!($state, $step, 5, 6, 7, 4);
            rounds!($state, $step, 10, 11, 8, 9);
            rounds!($state, $step, 15, 12, 13, 14);
        }
    };
    ($state:ident, $step:ident, $a:literal, $b:literal, $c:literal, $d:literal) => {
        $step!($state[$b], $state[$a], $state[$d], 7);
        $step!($state[$c], $state[$b], $state[$a], 9);
        $step!($state[$d], $state[$c], $state[$b], 13);
        $step!($state[$a], $state[$d], $state[$c], 18);
    };
}

/// One block.
pub(crate) fn one(key: &[u8; 32], position: Position, out: &mut Block) {
    macro_rules! step {
        ($target:expr, $x:expr, $y:expr, $count:expr) => {
            $target ^= u32::wrapping_add($x, $y).rotate_left($count)
        };
    }
    let input = input(key, position);
    let mut state = input;
    rounds!(state, step);
    let (words, _) = out.as_chunks_mut();
    for (bytes, (word, input)) in words.iter_mut().zip(state.into_iter().zip(input)) {
        *bytes = word.wrapping_add(input).to_le_bytes();
    }
}

/// The core on several blocks in step, a block in each lane of the vectors.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::*;

    use super::{Block, LANES, Position, input};

    /// The words of the positions, by lanes: the four that are not the same in each.
    fn words<const L: usize>(positions: &[Position; L]) -> [[u32; L]; 4] {
        [
            positions.map(|position| position.nonce as u32),
            positions.map(|position| (position.nonce >> 32) as u32),
            positions.map(|position| position.block as u32),
            positions.map(|position| (position.block >> 32) as u32),
        ]
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn sixteen_avx512(
        key: &[u8; 32],
        positions: &[Position; LANES],
        out: &mut [Block; LANES],
    ) {
        macro_rules! step {
            ($target:expr, $x:expr, $y:expr, $count:literal) => {
                $target =
                    _mm512_xor_si512($target, _mm512_rol_epi32::<$count>(_mm512_add_epi32($x, $y)))
            };
        }
        let mut input =
            input(key, Position::default()).map(|word| _mm512_set1_epi32(word.cast_signed()));
        // SAFETY: 64 bytes each, and every value is valid.
        let words: [__m512i; 4] = unsafe { std::mem::transmute(words(positions)) };
        input[6..10].copy_from_slice(&words);
        let mut state = input;
        rounds!(state, step);

        // Words are in rows and blocks in columns: turn it round, first in groups of four words ..
        let mut quads = [[_mm512_setzero_si512(); 4]; 4];
        for group in 0..4 {
            let mut row = [_mm512_setzero_si512(); 4];
            for index in 0..4 {
                row[index] = _mm512_add_epi32(state[4 * group + index], input[4 * group + index]);
            }
            let low = _mm512_unpacklo_epi32(row[0], row[1]);
            let high = _mm512_unpackhi_epi32(row[0], row[1]);
            let low_2 = _mm512_unpacklo_epi32(row[2], row[3]);
            let high_2 = _mm512_unpackhi_epi32(row[2], row[3]);
            quads[group] = [
                _mm512_unpacklo_epi64(low, low_2),
                _mm512_unpackhi_epi64(low, low_2),
                _mm512_unpacklo_epi64(high, high_2),
                _mm512_unpackhi_epi64(high, high_2),
            ];
        }
        // .. then the groups.
        let [a, b, c, d] = quads;
        for column in 0..4 {
            let first = _mm512_shuffle_i32x4::<0x44>(a[column], b[column]);
            let second = _mm512_shuffle_i32x4::<0x44>(c[column], d[column]);
            let third = _mm512_shuffle_i32x4::<0xee>(a[column], b[column]);
            let fourth = _mm512_shuffle_i32x4::<0xee>(c[column], d[column]);
            let blocks = [
                _mm512_shuffle_i32x4::<0x88>(first, second),
                _mm512_shuffle_i32x4::<0xdd>(first, second),
                _mm512_shuffle_i32x4::<0x88>(third, fourth),
                _mm512_shuffle_i32x4::<0xdd>(third, fourth),
            ];
            for (index, block) in blocks.into_iter().enumerate() {
                // SAFETY: 64 bytes each, and every value is valid.
                out[4 * index + column] = unsafe { std::mem::transmute::<__m512i, Block>(block) };
            }
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn sixteen_avx2(
        key: &[u8; 32],
        positions: &[Position; LANES],
        out: &mut [Block; LANES],
    ) {
        let (positions, _) = positions.as_chunks::<8>();
        let (out, _) = out.as_chunks_mut::<8>();
        for (positions, out) in positions.iter().zip(out) {
            eight_avx2(key, positions, out);
        }
    }

    #[target_feature(enable = "avx2")]
    fn eight_avx2(key: &[u8; 32], positions: &[Position; 8], out: &mut [Block; 8]) {
        macro_rules! step {
            ($target:expr, $x:expr, $y:expr, $count:literal) => {{
                let sum = _mm256_add_epi32($x, $y);
                let rotated = _mm256_or_si256(
                    _mm256_slli_epi32::<$count>(sum),
                    _mm256_srli_epi32::<{ 32 - $count }>(sum),
                );
                $target = _mm256_xor_si256($target, rotated);
            }};
        }
        let mut input =
            input(key, Position::default()).map(|word| _mm256_set1_epi32(word.cast_signed()));
        // SAFETY: 32 bytes each, and every value is valid.
        let words: [__m256i; 4] = unsafe { std::mem::transmute(words(positions)) };
        input[6..10].copy_from_slice(&words);
        let mut state = input;
        rounds!(state, step);

        let mut quads = [[_mm256_setzero_si256(); 4]; 4];
        for group in 0..4 {
            let mut row = [_mm256_setzero_si256(); 4];
            for index in 0..4 {
                row[index] = _mm256_add_epi32(state[4 * group + index], input[4 * group + index]);
            }
            let low = _mm256_unpacklo_epi32(row[0], row[1]);
            let high = _mm256_unpackhi_epi32(row[0], row[1]);
            let low_2 = _mm256_unpacklo_epi32(row[2], row[3]);
            let high_2 = _mm256_unpackhi_epi32(row[2], row[3]);
            quads[group] = [
                _mm256_unpacklo_epi64(low, low_2),
                _mm256_unpackhi_epi64(low, low_2),
                _mm256_unpacklo_epi64(high, high_2),
                _mm256_unpackhi_epi64(high, high_2),
            ];
        }
        let [a, b, c, d] = quads;
        for column in 0..4 {
            let blocks = [
                [
                    _mm256_permute2x128_si256::<0x20>(a[column], b[column]),
                    _mm256_permute2x128_si256::<0x20>(c[column], d[column]),
                ],
                [
                    _mm256_permute2x128_si256::<0x31>(a[column], b[column]),
                    _mm256_permute2x128_si256::<0x31>(c[column], d[column]),
                ],
            ];
            for (index, block) in blocks.into_iter().enumerate() {
                // SAFETY: 64 bytes each, and every value is valid.
                out[4 * index + column] =
                    unsafe { std::mem::transmute::<[__m256i; 2], Block>(block) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_estream_project() {
        // ECRYPT "Salsa20 256-bit, set 1, vector 0": key 80 00 .., nonce 0.
        let mut key = [0; 32];
        key[0] = 0x80;
        let mut block = [0; 64];
        one(&key, Position::default(), &mut block);
        assert_eq!(block[..8], [0xe3, 0xbe, 0x8f, 0xdd, 0x8b, 0xec, 0xa2, 0xe3]);
    }

    #[test]
    fn wide_and_narrow_agree() {
        let key = std::array::from_fn(|index| index as u8);
        let positions = std::array::from_fn(|index| Position {
            nonce: (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            block: (index as u64) << (4 * index),
        });
        let mut expected = [[0; 64]; LANES];
        for (position, block) in positions.iter().zip(&mut expected) {
            one(&key, *position, block);
        }
        let mut wide = [[0; 64]; LANES];
        sixteen(&key, &positions, &mut wide);
        assert_eq!(wide, expected);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            let mut wide = [[0; 64]; LANES];
            // SAFETY: the processor has AVX2.
            unsafe { self::wide::sixteen_avx2(&key, &positions, &mut wide) };
            assert_eq!(wide, expected);
        }
    }
}
