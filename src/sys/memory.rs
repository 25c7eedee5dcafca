//! Comparing memory, as fast as the C library does it on this processor. Used by poller.

/// A type whose values are equal when their bytes are.
///
/// # Safety
/// Every byte of a value must be initialised: no padding, no `MaybeUninit`.
pub(crate) unsafe trait Plain: Copy {}

/// Whether two arrays have the same length and bytes.
#[inline]
pub(crate) fn same_bytes<T: Plain>(a: &[T], b: &[T]) -> bool {
    bytes(a) == bytes(b)
}

#[inline]
fn bytes<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: the slice lends this memory, and `Plain` vouches that all of it is initialised.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SAFETY: an integer has no padding.
    unsafe impl Plain for u32 {}

    #[test]
    fn arrays_are_compared_with_their_length() {
        assert!(same_bytes::<u32>(&[], &[]));
        assert!(same_bytes(&[1, 2, 3], &[1, 2, 3]));
        assert!(!same_bytes(&[1, 2, 3], &[1, 2, 4]));
        assert!(!same_bytes(&[1, 2, 3], &[1, 2]));
    }
}
