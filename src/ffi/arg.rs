//! Checks of the plain arguments: strings, buffers, places to write to. Called by every file of
//! this room.

use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;
use std::slice;

use crate::error::{Error, Result};

/// A NUL-terminated string. `INVAL` for null.
///
/// # Safety
/// `string` is null or NUL-terminated, and stays as it is during the call.
#[inline]
pub(super) unsafe fn c_str<'a>(string: *const c_char) -> Result<&'a CStr> {
    if string.is_null() {
        return Err(Error::INVAL);
    }
    // SAFETY: the caller vouches for the terminator.
    Ok(unsafe { CStr::from_ptr(string) })
}

/// An endpoint. `INVAL` for null and for what is not UTF-8.
///
/// # Safety
/// As for [`c_str`].
#[inline]
pub(super) unsafe fn text<'a>(string: *const c_char) -> Result<&'a str> {
    // SAFETY: passed on.
    unsafe { c_str(string) }?.to_str().map_err(|_| Error::INVAL)
}

/// Bytes to read. `error` for null with a length and for impossible lengths.
///
/// # Safety
/// `data` is null or valid for `len` bytes during the call.
#[inline]
pub(super) unsafe fn bytes<'a>(data: *const c_void, len: usize, error: Error) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() || len > isize::MAX as usize {
        return Err(error);
    }
    // SAFETY: not null, not too long, and the caller vouches for the memory.
    Ok(unsafe { slice::from_raw_parts(data.cast(), len) })
}

/// Bytes to write. `error` for null with a length; impossible lengths are cut.
///
/// # Safety
/// `data` is null or valid for reads and writes of `len` bytes during the call, and nobody else uses it.
#[inline]
pub(super) unsafe fn bytes_mut<'a>(
    data: *mut c_void,
    len: usize,
    error: Error,
) -> Result<&'a mut [u8]> {
    // SAFETY: the caller vouches for the memory.
    let room = unsafe { room(data, len, error)? };
    // SAFETY: the same memory, which may be read.
    Ok(unsafe { slice::from_raw_parts_mut(room.as_mut_ptr().cast(), room.len()) })
}

/// The same for memory that need not hold anything yet.
///
/// # Safety
/// `data` is null or valid for writes of `len` bytes during the call, and nobody else uses it.
#[inline]
pub(super) unsafe fn room<'a>(
    data: *mut c_void,
    len: usize,
    error: Error,
) -> Result<&'a mut [MaybeUninit<u8>]> {
    if len == 0 {
        return Ok(&mut []);
    }
    if data.is_null() {
        return Err(error);
    }
    // SAFETY: not null, cut to what a slice may hold, and the caller vouches for the memory.
    Ok(unsafe { slice::from_raw_parts_mut(data.cast(), len.min(isize::MAX as usize)) })
}

/// A place to read from or write to, aligned or not.
#[derive(Clone, Copy)]
pub(super) struct Place<T>(*mut T);

impl<T: Copy> Place<T> {
    /// What lies there.
    #[inline]
    pub(super) fn get(self) -> T {
        // SAFETY: so who made it vouches.
        unsafe { self.0.read_unaligned() }
    }

    /// Puts a value there.
    #[inline]
    pub(super) fn set(self, value: T) {
        // SAFETY: so who made it vouches.
        unsafe { self.0.write_unaligned(value) };
    }
}

/// The place that a pointer names. `error` for null.
///
/// # Safety
/// `place` is null or points to a `T` that nobody else uses for as long as the result is used.
#[inline]
pub(super) unsafe fn place<T: Copy>(place: *mut T, error: Error) -> Result<Place<T>> {
    if place.is_null() { Err(error) } else { Ok(Place(place)) }
}

/// An array. `error` for null with a length, for a misaligned pointer and impossible lengths.
///
/// # Safety
/// `array` is null or points to `len` values that nobody else uses during the call.
#[inline]
pub(super) unsafe fn array<'a, T>(array: *mut T, len: usize, error: Error) -> Result<&'a mut [T]> {
    if len == 0 {
        return Ok(&mut []);
    }
    if array.is_null() || !array.is_aligned() || len > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(error);
    }
    // SAFETY: not null, aligned, not too long, and the caller vouches for the rest.
    Ok(unsafe { slice::from_raw_parts_mut(array, len) })
}
