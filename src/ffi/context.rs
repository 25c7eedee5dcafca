//! Contexts: zmq_ctx_new(3) and its kin.

use std::ffi::{c_int, c_void};

#[cfg(feature = "draft")]
use super::arg;
use super::boundary::{go_on, making, sleeping, whole};
use super::handle;
use crate::context::Context;
#[cfg(feature = "draft")]
use crate::error::Error;
use crate::sys::cancel;

/// Makes a context, see zmq_ctx_new(3).
#[unsafe(no_mangle)]
pub extern "C" fn zmq_ctx_new() -> *mut c_void {
    making(|| Ok(Context::create()?.as_handle()))
}

/// Ends a context and waits until its sockets are closed, see zmq_ctx_term(3).
///
/// # Safety
/// `context` comes from `zmq_ctx_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_ctx_term(context: *mut c_void) -> c_int {
    let begin = || cancel::off(|| handle::context(context)?.terminate_or_sleep());
    sleeping(begin, || end_again(context))
}

/// Goes on after a sleep.
#[cold]
#[inline(never)]
fn end_again(context: *mut c_void) -> c_int {
    go_on(|| cancel::off(|| handle::context(context)?.terminate_again()))
}

/// Makes every blocking call of the context's sockets return ETERM, see zmq_ctx_shutdown(3).
///
/// # Safety
/// `context` comes from `zmq_ctx_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_shutdown(context: *mut c_void) -> c_int {
    whole(|| handle::context(context)?.shutdown())
}

/// Sets an option of the context, see zmq_ctx_set(3).
///
/// # Safety
/// `context` comes from `zmq_ctx_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_set(context: *mut c_void, option: c_int, optval: c_int) -> c_int {
    whole(|| handle::context(context)?.set_option(option, &optval.to_ne_bytes()))
}

/// Reads an option of the context, see zmq_ctx_get(3).
///
/// # Safety
/// `context` comes from `zmq_ctx_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_get(context: *mut c_void, option: c_int) -> c_int {
    whole(|| {
        let mut value = [0; size_of::<c_int>()];
        handle::context(context)?.option(option, &mut value)?;
        Ok(c_int::from_ne_bytes(value))
    })
}

/// Sets an option of the context that is not an `int`, see zmq_ctx_set_ext(3).
///
/// # Safety
/// `optval` is null or valid for `optvallen` bytes.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_set_ext(
    context: *mut c_void,
    option: c_int,
    optval: *const c_void,
    optvallen: usize,
) -> c_int {
    whole(|| {
        let context = handle::context(context)?;
        // SAFETY: by the contract of the function.
        let value = unsafe { arg::bytes(optval, optvallen, Error::INVAL) }?;
        context.set_option(option, value)
    })
}

/// Reads an option of the context that is not an `int`, see zmq_ctx_get_ext(3).
///
/// # Safety
/// `optvallen` is null or points to the length of the buffer `optval`.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_get_ext(
    context: *mut c_void,
    option: c_int,
    optval: *mut c_void,
    optvallen: *mut usize,
) -> c_int {
    whole(|| {
        let context = handle::context(context)?;
        // SAFETY: by the contract of the function.
        let (len, value) = unsafe {
            let len = arg::place(optvallen, Error::INVAL)?;
            let value = arg::bytes_mut(optval, len.get(), Error::INVAL)?;
            (len, value)
        };
        len.set(context.option(option, value)?);
        Ok(())
    })
}
