//! Functions that `zmq.h` keeps for old programs.

use std::ffi::{c_int, c_void};

use libc::iovec;

use super::boundary::{boundary, whole};
use super::message::zmq_msg_t;
use super::{ZMQ_IO_THREADS, ZMQ_SNDMORE, arg, handle};
use super::{zmq_ctx_term, zmq_msg_recv, zmq_msg_send, zmq_proxy};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::sys::reserve;

/// Makes a context with so many I/O threads; use `zmq_ctx_new`, see zmq_init(3).
#[unsafe(no_mangle)]
pub extern "C" fn zmq_init(io_threads: c_int) -> *mut c_void {
    whole(|| {
        if io_threads < 0 {
            return Err(Error::INVAL);
        }
        let context = Context::create()?;
        context.set_option(ZMQ_IO_THREADS, &io_threads.to_ne_bytes())?;
        Ok(context.as_handle())
    })
}

/// The old name of `zmq_ctx_term`.
///
/// # Safety
/// As for `zmq_ctx_term`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_term(context: *mut c_void) -> c_int {
    // SAFETY: the same contract.
    unsafe { zmq_ctx_term(context) }
}

/// An old name of `zmq_ctx_term`.
///
/// # Safety
/// As for `zmq_ctx_term`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_destroy(context: *mut c_void) -> c_int {
    // SAFETY: the same contract.
    unsafe { zmq_ctx_term(context) }
}

/// A proxy under its old name; the type has no meaning.
///
/// # Safety
/// As for `zmq_proxy`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_device(
    type_: c_int,
    frontend: *mut c_void,
    backend: *mut c_void,
) -> c_int {
    let _ = type_;
    // SAFETY: the same contract.
    unsafe { zmq_proxy(frontend, backend, std::ptr::null_mut()) }
}

/// The old form of `zmq_msg_send`.
///
/// # Safety
/// As for `zmq_msg_send`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_sendmsg(
    socket: *mut c_void,
    msg: *mut zmq_msg_t,
    flags: c_int,
) -> c_int {
    // SAFETY: the same contract.
    unsafe { zmq_msg_send(msg, socket, flags) }
}

/// The old form of `zmq_msg_recv`.
///
/// # Safety
/// As for `zmq_msg_recv`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_recvmsg(
    socket: *mut c_void,
    msg: *mut zmq_msg_t,
    flags: c_int,
) -> c_int {
    // SAFETY: the same contract.
    unsafe { zmq_msg_recv(msg, socket, flags) }
}

/// Sends one message per buffer, or one of as many parts with ZMQ_SNDMORE.
///
/// Gives the length of the last.
///
/// # Safety
/// `iov` is null or points to `count` buffers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_sendiov(
    socket: *mut c_void,
    iov: *mut iovec,
    count: usize,
    flags: c_int,
) -> c_int {
    boundary(|| {
        let socket = handle::socket(socket)?;
        // SAFETY: by the contract of the function.
        let buffers = unsafe { arg::array(iov, count, Error::INVAL) }?;
        let (last, others) = buffers.split_last().ok_or(Error::INVAL)?;
        // SAFETY: as above.
        let bytes =
            |buffer: &iovec| unsafe { arg::bytes(buffer.iov_base, buffer.iov_len, Error::FAULT) };
        for buffer in others {
            socket.send_slice(bytes(buffer)?, flags)?;
        }
        socket.send_slice(bytes(last)?, flags & !ZMQ_SNDMORE)?;
        Ok(last.iov_len)
    })
}

/// Receives the parts of a message, at most `*count`, into buffers made with `malloc`.
///
/// Gives how many there were; `*count` counts them even when a later one fails.
///
/// # Safety
/// `count` is null or points to the number of elements of `iov`; these are overwritten.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_recviov(
    socket: *mut c_void,
    iov: *mut iovec,
    count: *mut usize,
    flags: c_int,
) -> c_int {
    boundary(|| {
        let socket = handle::socket(socket)?;
        // SAFETY: by the contract of the function.
        let (count, buffers) = unsafe {
            let count = arg::place(count, Error::INVAL)?;
            let buffers = arg::array(iov, *count, Error::INVAL)?;
            (count, buffers)
        };
        if buffers.is_empty() {
            return Err(Error::INVAL);
        }
        *count = 0;
        for buffer in buffers {
            let message = socket.recv(flags)?;
            *buffer = duplicate(message.data())?;
            *count += 1;
            if !message.more() {
                break;
            }
        }
        Ok(*count)
    })
}

/// A copy in memory that the application gives back with `free`.
fn duplicate(data: &[u8]) -> Result<iovec> {
    // SAFETY: any size will do; the block is filled up to its size. Never of size 0, which may
    // give null.
    unsafe {
        let block = libc::malloc(data.len().max(1));
        if block.is_null() || reserve::holds(block) {
            libc::free(block);
            return Err(Error::NOMEM);
        }
        block.cast::<u8>().copy_from_nonoverlapping(data.as_ptr(), data.len());
        Ok(iovec { iov_base: block, iov_len: data.len() })
    }
}
