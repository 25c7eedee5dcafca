//! Keys: zmq_z85_encode(3), zmq_z85_decode(3), zmq_curve_keypair(3), zmq_curve_public(3).

use std::ffi::{c_char, c_int};

use zeroize::Zeroizing;

use super::arg;
use super::boundary::{boundary, whole};
use crate::error::{Error, Result};
use crate::mechanism::public_key;
use crate::z85;

/// Writes `size` bytes as text and a NUL, see zmq_z85_encode(3).
///
/// # Safety
/// `data` is null or valid for `size` bytes; `dest` is null or has room for a quarter more and one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_z85_encode(
    dest: *mut c_char,
    data: *const u8,
    size: usize,
) -> *mut c_char {
    boundary(|| {
        if dest.is_null() {
            return Err(Error::INVAL);
        }
        // SAFETY: by the contract of the function.
        let text = z85::encode_c(unsafe { arg::bytes(data.cast(), size, Error::INVAL) }?)?;
        // SAFETY: there is room for the text and its NUL.
        unsafe { dest.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), text.len()) };
        Ok(dest)
    })
}

/// Reads bytes back from text, see zmq_z85_decode(3).
///
/// # Safety
/// `string` is null or NUL-terminated; `dest` is null or has room for four fifths of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_z85_decode(dest: *mut u8, string: *const c_char) -> *mut u8 {
    boundary(|| {
        if dest.is_null() {
            return Err(Error::INVAL);
        }
        // SAFETY: by the contract of the function.
        let data = z85::decode(unsafe { arg::c_str(string) }?.to_bytes())?;
        // SAFETY: there is room for the bytes.
        unsafe { dest.copy_from_nonoverlapping(data.as_ptr(), data.len()) };
        Ok(dest)
    })
}

/// Writes 32 bytes as 40 characters and a NUL.
///
/// # Safety
/// `dest` has room for 41 bytes.
unsafe fn write_key(dest: *mut c_char, key: &[u8; 32]) -> Result<()> {
    let text = z85::encode(key)?;
    // SAFETY: 40 characters and a NUL fit, by the contract above.
    unsafe {
        dest.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), text.len());
        dest.add(text.len()).write(0);
    }
    Ok(())
}

/// Makes a new pair of keys, see zmq_curve_keypair(3).
///
/// # Safety
/// Both are null or have room for 41 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_curve_keypair(
    z85_public_key: *mut c_char,
    z85_secret_key: *mut c_char,
) -> c_int {
    whole(|| {
        if z85_public_key.is_null() || z85_secret_key.is_null() {
            return Err(Error::INVAL);
        }
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *secret).map_err(|error| {
            error.raw_os_error().map_or(Error::NOTRECOVERABLE, Error::from_errno)
        })?;
        // SAFETY: by the contract of the function.
        unsafe {
            write_key(z85_public_key, &public_key(&secret))?;
            write_key(z85_secret_key, &secret)
        }
    })
}

/// Derives the public key from a secret one, see zmq_curve_public(3).
///
/// # Safety
/// `z85_public_key` is null or has room for 41 bytes; `z85_secret_key` is null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_curve_public(
    z85_public_key: *mut c_char,
    z85_secret_key: *const c_char,
) -> c_int {
    whole(|| {
        if z85_public_key.is_null() {
            return Err(Error::INVAL);
        }
        // SAFETY: by the contract of the function.
        let secret = z85::decode(unsafe { arg::c_str(z85_secret_key) }?.to_bytes())?;
        let secret = secret.as_slice().try_into().map_err(|_| Error::INVAL)?;
        // SAFETY: by the contract of the function.
        unsafe { write_key(z85_public_key, &public_key(secret)) }
    })
}
