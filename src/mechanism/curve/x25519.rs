//! X25519, RFC 7748: what a CURVE handshake spends nearly all its time on.
//!
//! `graviola` takes it from the formally verified assembly of s2n-bignum, a quarter faster than
//! `dryoc` and twice as fast as libsodium. It asks for processors of about 2015 and later, and stops
//! the process on others; those get what `dryoc` computes. Called by `boxes`.

use dryoc::classic::crypto_core::{crypto_scalarmult, crypto_scalarmult_base};

use super::key::{KEY, Secret};

/// The public key that belongs to a secret one.
pub(crate) fn public_key(secret: &[u8; KEY]) -> [u8; KEY] {
    #[cfg(target_arch = "x86_64")]
    if fast::is_possible() {
        return fast::public_key(secret);
    }
    let mut public = [0; KEY];
    crypto_scalarmult_base(&mut public, secret);
    public
}

/// What the owners of two key pairs have in common; `None` for the few public keys that would make
/// it known to everybody.
pub(crate) fn common(public: &[u8; KEY], secret: &[u8; KEY]) -> Option<Secret> {
    #[cfg(target_arch = "x86_64")]
    if fast::is_possible() {
        return fast::common(public, secret);
    }
    let mut common = Secret::default();
    crypto_scalarmult(&mut common, secret, public).ok()?;
    Some(common)
}

#[cfg(target_arch = "x86_64")]
mod fast {
    use graviola::key_agreement::x25519::{PublicKey, StaticPrivateKey};
    use zeroize::Zeroize;

    use super::{KEY, Secret};

    /// Whether the processor has all that `graviola` insists on, for this and for what else it does.
    pub(super) fn is_possible() -> bool {
        std::arch::is_x86_feature_detected!("aes")
            && std::arch::is_x86_feature_detected!("pclmulqdq")
            && std::arch::is_x86_feature_detected!("ssse3")
            && std::arch::is_x86_feature_detected!("avx")
            && std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("bmi2")
            && std::arch::is_x86_feature_detected!("adx")
    }

    /// See `super::public_key`.
    pub(super) fn public_key(secret: &[u8; KEY]) -> [u8; KEY] {
        StaticPrivateKey::from_array(secret).public_key().as_bytes()
    }

    /// See `super::common`.
    pub(super) fn common(public: &[u8; KEY], secret: &[u8; KEY]) -> Option<Secret> {
        let secret = StaticPrivateKey::from_array(secret);
        let mut common = secret.diffie_hellman(&PublicKey::from_array(public)).ok()?;
        let mut key = Secret::default();
        key.copy_from_slice(&common.0);
        common.0.zeroize();
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_those_of_the_rfc_and_of_dryoc() {
        // RFC 7748, section 6.1.
        let alice = *b"\x77\x07\x6d\x0a\x73\x18\xa5\x7d\x3c\x16\xc1\x72\x51\xb2\x66\x45\
            \xdf\x4c\x2f\x87\xeb\xc0\x99\x2a\xb1\x77\xfb\xa5\x1d\xb9\x2c\x2a";
        let bob = *b"\xde\x9e\xdb\x7d\x7b\x7d\xc1\xb4\xd3\x5b\x61\xc2\xec\xe4\x35\x37\
            \x3f\x83\x43\xc8\x5b\x78\x67\x4d\xad\xfc\x7e\x14\x6f\x88\x2b\x4f";
        let shared = common(&bob, &alice).unwrap();
        assert_eq!(shared[..4], [0x4a, 0x5d, 0x9d, 0x5b]);

        let mut secret = alice;
        for round in 0..100_u8 {
            secret[usize::from(round) % KEY] ^= round;
            let public = public_key(&secret);
            let mut expected = [0; KEY];
            crypto_scalarmult_base(&mut expected, &secret);
            assert_eq!(public, expected);
            // Any bytes are a public key, whether or not the highest bit is set.
            let mut other = public;
            other[KEY - 1] ^= round << 7;
            crypto_scalarmult(&mut expected, &alice, &other).unwrap();
            assert_eq!(**common(&other, &alice).unwrap(), expected);
        }
    }

    #[test]
    fn points_of_low_order_have_nothing_in_common_with_anybody() {
        let mut one = [0; KEY];
        one[0] = 1;
        for point in [[0; KEY], one] {
            assert!(common(&point, &[7; KEY]).is_none());
        }
    }
}
