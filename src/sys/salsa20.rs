//! Blocks of Salsa20 keystream, sixteen at a time where the processor has the registers for it.
//!
//! The Salsa20/20 core of D. J. Bernstein's specification. What differs from a cipher crate is that
//! the blocks need not belong to one nonce: CURVE encrypts many short messages, each with its own
//! nonce and each shorter than a block. It lives here because choosing the wide version at run time
//! is `unsafe`. Called by `mechanism::curve`.

/// The most blocks of one call.
pub(crate) const LANES: usize = 16;

pub(crate) type Block = [u8; 64];

/// Where a block is: the nonce (its bytes as a little endian number) and the block's number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Position {
    pub(crate) nonce: u64,
    pub(crate) block: u64,
}

/// Whether sixteen blocks cost about as much as three, so that making some in advance pays.
pub(crate) fn is_wide() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx512f")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The sixteen blocks at `positions`. Only sensible if [`is_wide`], but right in any case.
pub(crate) fn sixteen(key: &[u8; 32], positions: &[Position; LANES], out: &mut [Block; LANES]) {
    #[cfg(target_arch = "x86_64")]
    if is_wide() {
        // SAFETY: the processor has AVX-512F, the only requirement of the function.
        return unsafe { sixteen_avx512(key, positions, out) };
    }
    lanes(key, positions, out);
}

/// One block.
pub(crate) fn one(key: &[u8; 32], position: Position, out: &mut Block) {
    lanes(key, &[position], std::array::from_mut(out));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn sixteen_avx512(key: &[u8; 32], positions: &[Position; LANES], out: &mut [Block; LANES]) {
    lanes(key, positions, out);
}

/// The core, on `L` blocks in step; the loops over lanes become single instructions.
#[inline(always)]
fn lanes<const L: usize>(key: &[u8; 32], positions: &[Position; L], out: &mut [Block; L]) {
    // "expand 32-byte k"
    const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
    let word = |index: usize| {
        let at = 4 * index;
        u32::from_le_bytes([key[at], key[at + 1], key[at + 2], key[at + 3]])
    };
    let mut input = [[0; L]; 16];
    for index in 0..4 {
        input[5 * index] = [CONSTANTS[index]; L];
        input[1 + index] = [word(index); L];
        input[11 + index] = [word(4 + index); L];
    }
    for (lane, position) in positions.iter().enumerate() {
        input[6][lane] = position.nonce as u32;
        input[7][lane] = (position.nonce >> 32) as u32;
        input[8][lane] = position.block as u32;
        input[9][lane] = (position.block >> 32) as u32;
    }

    let mut state = input;
    for _ in 0..10 {
        quarter(&mut state, [0, 4, 8, 12]);
        quarter(&mut state, [5, 9, 13, 1]);
        quarter(&mut state, [10, 14, 2, 6]);
        quarter(&mut state, [15, 3, 7, 11]);
        quarter(&mut state, [0, 1, 2, 3]);
        quarter(&mut state, [5, 6, 7, 4]);
        quarter(&mut state, [10, 11, 8, 9]);
        quarter(&mut state, [15, 12, 13, 14]);
    }
    for (words, input) in state.iter_mut().zip(&input) {
        for (word, input) in words.iter_mut().zip(input) {
            *word = word.wrapping_add(*input);
        }
    }
    for (lane, block) in out.iter_mut().enumerate() {
        let (bytes, _) = block.as_chunks_mut();
        for (bytes, words) in bytes.iter_mut().zip(&state) {
            *bytes = words[lane].to_le_bytes();
        }
    }
}

/// The quarter-round of the specification on four words of each lane.
#[inline(always)]
fn quarter<const L: usize>(state: &mut [[u32; L]; 16], [a, b, c, d]: [usize; 4]) {
    step(state, b, [a, d], 7);
    step(state, c, [b, a], 9);
    step(state, d, [c, b], 13);
    step(state, a, [d, c], 18);
}

/// `target ^= (x + y) <<< count` in each lane.
#[inline(always)]
fn step<const L: usize>(state: &mut [[u32; L]; 16], target: usize, [x, y]: [usize; 2], count: u32) {
    let (x, y) = (state[x], state[y]);
    for (word, (x, y)) in state[target].iter_mut().zip(x.into_iter().zip(y)) {
        *word ^= x.wrapping_add(y).rotate_left(count);
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
        let mut wide = [[0; 64]; LANES];
        sixteen(&key, &positions, &mut wide);
        for (position, expected) in positions.iter().zip(wide) {
            let mut block = [0; 64];
            one(&key, *position, &mut block);
            assert_eq!(block, expected);
        }
    }
}
