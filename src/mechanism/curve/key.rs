//! A key of Curve25519, secret or shared, in memory of its own that is wiped. Called by all of `curve`.

use zeroize::Zeroizing;

/// Bytes of any key.
pub(crate) const KEY: usize = 32;

/// A key that is wiped when it goes. It moves as a pointer, so that no copy is left on the way.
pub(crate) type Secret = Box<Zeroizing<[u8; KEY]>>;
