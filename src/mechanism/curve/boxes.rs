//! Boxes: X25519, XSalsa20 and Poly1305 as NaCl composes them. A thin layer over `dryoc` that
//! appends to buffers and keeps keys in memory that is wiped. Called by the handshake of either
//! side.

use dryoc::classic::crypto_box::{
    crypto_box_detached_afternm_inplace, crypto_box_open_detached_afternm_inplace,
};
use dryoc::classic::crypto_core::crypto_core_hsalsa20;
use zeroize::Zeroizing;

use crate::mechanism::curve::key::{KEY, Secret};
use crate::mechanism::curve::x25519::{self, public_key};
use crate::zmtp::{Failure, RandomFn, error_code};

pub(crate) const MAC: usize = 16;

/// What must never be used twice with one key.
pub(crate) type Nonce = [u8; 24];

/// A key pair for one connection.
pub(crate) struct KeyPair {
    pub(crate) public: [u8; KEY],
    pub(crate) secret: Secret,
}

impl KeyPair {
    /// A fresh pair of keys.
    pub(crate) fn generate(random: RandomFn) -> Result<KeyPair, Failure> {
        let secret = self::secret(random)?;
        Ok(KeyPair { public: public_key(&secret), secret })
    }
}

/// A random key.
pub(crate) fn secret(random: RandomFn) -> Result<Secret, Failure> {
    let mut secret = Secret::default();
    random(&mut **secret).map_err(Failure::no_detail)?;
    Ok(secret)
}

/// Random bytes.
pub(crate) fn random<const N: usize>(random: RandomFn) -> Result<Zeroizing<[u8; N]>, Failure> {
    let mut bytes = Zeroizing::new([0; N]);
    random(&mut *bytes).map_err(Failure::no_detail)?;
    Ok(bytes)
}

/// The key for boxes between the owners of two key pairs. Fails for the few public keys that would
/// make it known to everybody.
pub(crate) fn shared_key(public: &[u8; KEY], secret: &[u8; KEY]) -> Result<Secret, Failure> {
    let common = x25519::common(public, secret).ok_or(cryptographic())?;
    let mut key = Secret::default();
    crypto_core_hsalsa20(&mut key, &[0; 16], &common, None);
    Ok(key)
}

/// A nonce that ends in a counter.
pub(crate) fn short_nonce(prefix: &[u8; 16], counter: u64) -> Nonce {
    let mut nonce = [0; 24];
    nonce[..16].copy_from_slice(prefix);
    nonce[16..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

/// A nonce that ends in random bytes.
pub(crate) fn long_nonce(prefix: &[u8; 8], random: &[u8; 16]) -> Nonce {
    let mut nonce = [0; 24];
    nonce[..8].copy_from_slice(prefix);
    nonce[8..].copy_from_slice(random);
    nonce
}

/// Appends a box of `parts`, one behind the other, sealed where it lies.
pub(crate) fn seal(key: &Secret, nonce: &Nonce, parts: &[&[u8]], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; MAC]);
    for part in parts {
        out.extend_from_slice(part);
    }
    if let Some((mac, body)) = out.get_mut(start..).and_then(|new| new.split_first_chunk_mut()) {
        crypto_box_detached_afternm_inplace(body, mac, nonce, key);
    }
}

/// Opens a box into `plain`, which is empty.
pub(crate) fn open(
    key: &Secret,
    nonce: &Nonce,
    boxed: &[u8],
    plain: &mut Vec<u8>,
) -> Result<(), Failure> {
    let (mac, body) = boxed.split_first_chunk().ok_or(cryptographic())?;
    plain.extend_from_slice(body);
    crypto_box_open_detached_afternm_inplace(plain, mac, nonce, key).map_err(|_| cryptographic())
}

/// The peer does not have the keys it should have, or somebody meddled.
pub(crate) fn cryptographic() -> Failure {
    Failure::handshake(error_code::ZMTP_CRYPTOGRAPHIC)
}
