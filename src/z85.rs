//! Z85: binary keys as printable text, four bytes in five characters (RFC 32).
//!
//! Called by `ffi::security` (zmq_z85_encode(3), zmq_z85_decode(3)) and by the CURVE options.

#![forbid(unsafe_code)]

use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The digits of base 85.
const ALPHABET: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// The value of every byte that is a digit; 255 for the others.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        values[ALPHABET[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

/// Text or bytes that may be a key, which is wiped when it goes.
type Wiped = Zeroizing<Vec<u8>>;

/// An empty buffer; the caller says how large, so there may be no memory for it.
fn room(size: usize) -> Result<Wiped> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(size).map_err(|_| Error::NOMEM)?;
    Ok(Zeroizing::new(buffer))
}

/// Encodes `data`. `INVAL` unless its length is a multiple of 4.
pub(crate) fn encode(data: &[u8]) -> Result<Wiped> {
    let mut text = encode_c(data)?;
    text.pop();
    Ok(text)
}

/// The same with a NUL behind it.
pub(crate) fn encode_c(data: &[u8]) -> Result<Wiped> {
    let (blocks, rest) = data.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(Error::INVAL);
    }
    let mut text = room(blocks.len().saturating_mul(5).saturating_add(1))?;
    for &block in blocks {
        let mut value = u32::from_be_bytes(block);
        let mut digits = [0; 5];
        for digit in digits.iter_mut().rev() {
            *digit = ALPHABET[(value % 85) as usize];
            value /= 85;
        }
        text.extend_from_slice(&digits);
    }
    text.push(0);
    Ok(text)
}

/// Decodes `text`. `INVAL` if it is empty, its length is no multiple of 5, a byte is no digit or
/// five digits exceed 32 bits.
pub(crate) fn decode(text: &[u8]) -> Result<Wiped> {
    let (blocks, rest) = text.as_chunks::<5>();
    if blocks.is_empty() || !rest.is_empty() {
        return Err(Error::INVAL);
    }
    let mut data = room(blocks.len() * 4)?;
    for block in blocks {
        let mut value = 0u64;
        for &byte in block {
            match VALUES[byte as usize] {
                255 => return Err(Error::INVAL),
                digit => value = value * 85 + u64::from(digit),
            }
        }
        let value = u32::try_from(value).map_err(|_| Error::INVAL)?;
        data.extend_from_slice(&value.to_be_bytes());
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        let data = [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B];
        assert_eq!(*encode(&data).unwrap(), b"HelloWorld");
        assert_eq!(*decode(b"HelloWorld").unwrap(), data);
    }

    #[test]
    fn every_length_of_four_comes_back() {
        for len in (4..=128).step_by(4) {
            let data: Vec<u8> = (0..len).map(|i| (i * 37 + len) as u8).collect();
            assert_eq!(*decode(&encode(&data).unwrap()).unwrap(), data);
        }
        assert_eq!(*encode(&[]).unwrap(), b"");
        assert_eq!(*decode(b"%nSc0").unwrap(), [0xFF; 4]);
    }

    #[test]
    fn bad_input_is_refused() {
        for len in [1, 2, 3, 5, 31] {
            assert_eq!(encode(&vec![0; len]), Err(Error::INVAL));
        }
        for text in ["", "a", "abcd", "abcdef", "ab cd", "ab\"cd", "abc\x7fd", "%nSc1", "#####"] {
            assert_eq!(decode(text.as_bytes()), Err(Error::INVAL), "{text}");
        }
        assert_eq!(decode(&[0, 0, 0, 0, 0]), Err(Error::INVAL));
        assert_eq!(decode(&[0xC3, 0xA4, b'a', b'b', b'c']), Err(Error::INVAL));
    }
}
