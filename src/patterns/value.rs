//! Reads the values of the options that patterns keep to themselves.

use crate::error::{Error, Result};

/// An int that is not negative, as most options of patterns are: zmq_setsockopt(3).
pub(super) fn int(value: &[u8]) -> Result<i32> {
    let bytes = value.try_into().map_err(|_| Error::INVAL)?;
    match i32::from_ne_bytes(bytes) {
        value if value >= 0 => Ok(value),
        _ => Err(Error::INVAL),
    }
}

/// An int that means yes or no.
pub(super) fn flag(value: &[u8]) -> Result<bool> {
    Ok(int(value)? != 0)
}
