//! Sending and receiving: the hot path. One check, one call, no allocation.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;

use super::boundary::{go_on, sleeping};
use super::message::{is_askew, message, with, zmq_msg_t};
use super::{arg, handle};
use crate::error::{Error, Result};
use crate::message::Message;
use crate::socket::{self, Socket};

/// Sends a copy of `buf`, see zmq_send(3).
///
/// # Safety
/// `buf` is null or valid for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_send(
    socket: *mut c_void,
    buf: *const c_void,
    len: usize,
    flags: c_int,
) -> c_int {
    let send = || {
        let socket = handle::socket(socket)?;
        // SAFETY: by the contract of the function.
        let bytes = unsafe { arg::bytes(buf, len, Error::FAULT)? };
        if !socket.send_straight(bytes, flags) {
            send_lent(socket, bytes, flags)?;
        }
        Ok(len)
    };
    // SAFETY: by the contract of the function.
    sleeping(send, || unsafe { send_lent_again(buf, len, flags) })
}

/// What is not that simple; apart, so that what is needs no more of the stack.
#[inline(never)]
fn send_lent(socket: &Socket, bytes: &[u8], flags: c_int) -> Result<()> {
    // SAFETY: the message does not outlive this call.
    socket.send_or_sleep(&mut unsafe { Message::lend(bytes) }, flags)
}

/// Goes on after a sleep.
///
/// # Safety
/// As for `zmq_send`.
#[cold]
#[inline(never)]
unsafe fn send_lent_again(buf: *const c_void, len: usize, flags: c_int) -> c_int {
    go_on(move || {
        // SAFETY: so the caller promises; the message does not outlive this call.
        let mut message = unsafe { Message::lend(arg::bytes(buf, len, Error::FAULT)?) };
        socket::send_again(&mut message, flags)?;
        Ok(len)
    })
}

/// Sends memory that never changes and is never freed, see zmq_send_const(3).
///
/// # Safety
/// `buf` is null or valid for `len` bytes for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_send_const(
    socket: *mut c_void,
    buf: *const c_void,
    len: usize,
    flags: c_int,
) -> c_int {
    let send = || {
        let socket = handle::socket(socket)?;
        // SAFETY: by the contract of the function.
        let mut message = unsafe { constant(buf, len) }?;
        socket.send_or_sleep(&mut message, flags)?;
        Ok(len)
    };
    // SAFETY: by the contract of the function.
    sleeping(send, || unsafe { send_constant_again(buf, len, flags) })
}

/// A message of memory that never changes.
///
/// # Safety
/// As for `zmq_send_const`.
unsafe fn constant(buf: *const c_void, len: usize) -> Result<Message> {
    // SAFETY: the check of `buf`, then the promise of the caller: the bytes outlive every copy.
    unsafe {
        arg::bytes(buf, len, Error::FAULT)?;
        Ok(Message::from_external(buf.cast_mut(), len, None, std::ptr::null_mut()))
    }
}

/// Goes on after a sleep.
///
/// # Safety
/// As for `zmq_send_const`.
#[cold]
#[inline(never)]
unsafe fn send_constant_again(buf: *const c_void, len: usize, flags: c_int) -> c_int {
    go_on(move || {
        // SAFETY: passed on.
        let mut message = unsafe { constant(buf, len) }?;
        socket::send_again(&mut message, flags)?;
        Ok(len)
    })
}

/// Receives a message into `buf` and gives its whole length, see zmq_recv(3).
///
/// What does not fit is cut off.
///
/// # Safety
/// `buf` is null or valid for writes of `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_recv(
    socket: *mut c_void,
    buf: *mut c_void,
    len: usize,
    flags: c_int,
) -> c_int {
    let receive = || {
        let socket = handle::socket(socket)?;
        // SAFETY: by the contract of the function; whatever the bytes are, they count as uninitialised.
        let buffer = unsafe { arg::room(buf, len, Error::FAULT)? };
        match socket.recv_straight(buffer) {
            Some(len) => Ok(len),
            None => recv_passing(buffer, |message| socket.recv_or_sleep(message, flags)),
        }
    };
    // SAFETY: by the contract of the function.
    sleeping(receive, || unsafe { recv_passing_again(buf, len) })
}

/// Goes on after a sleep.
///
/// # Safety
/// As for `zmq_recv`.
#[cold]
#[inline(never)]
unsafe fn recv_passing_again(buf: *mut c_void, len: usize) -> c_int {
    go_on(move || {
        // SAFETY: passed on.
        let buffer = unsafe { arg::room(buf, len, Error::FAULT)? };
        recv_passing(buffer, socket::recv_again)
    })
}

#[inline(never)]
fn recv_passing(
    buffer: &mut [MaybeUninit<u8>],
    receive: impl FnOnce(&mut Message) -> Result<()>,
) -> Result<usize> {
    let mut message = Message::passing();
    receive(&mut message)?;
    let data = message.data();
    let kept = data.len().min(buffer.len());
    if kept > 0 {
        // SAFETY: there is room for `kept` bytes, and it is no message's.
        unsafe { buffer.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(data.as_ptr(), kept) };
    }
    Ok(data.len())
}

/// Sends a message and leaves an empty one, see zmq_msg_send(3).
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_msg_send(
    msg: *mut zmq_msg_t,
    socket: *mut c_void,
    flags: c_int,
) -> c_int {
    if is_askew(msg) {
        // SAFETY: passed on.
        return unsafe { send_askew(msg, socket, flags) };
    }
    let send = || {
        let socket = handle::socket(socket)?;
        // SAFETY: by the contract of the function.
        let message = unsafe { message(msg) }?;
        let len = message.len();
        if !socket.send_message_straight(message, flags) {
            send_message(socket, message, flags)?;
        }
        Ok(len)
    };
    // SAFETY: by the contract of the function.
    sleeping(send, || unsafe { send_message_again(msg, flags) })
}

/// Goes on after a sleep.
///
/// # Safety
/// As for `zmq_msg_send`.
#[cold]
#[inline(never)]
unsafe fn send_message_again(msg: *mut zmq_msg_t, flags: c_int) -> c_int {
    let send = |message: &mut Message| {
        let len = message.len();
        socket::send_again(message, flags)?;
        Ok(len)
    };
    // SAFETY: passed on.
    go_on(|| unsafe { with(msg, send) })
}

/// The same for a message that is askew.
///
/// # Safety
/// As for `zmq_msg_send`.
#[cold]
#[inline(never)]
unsafe fn send_askew(msg: *mut zmq_msg_t, socket: *mut c_void, flags: c_int) -> c_int {
    let send = || {
        let socket = handle::socket(socket)?;
        let send = |message: &mut Message| {
            let len = message.len();
            socket.send_or_sleep(message, flags)?;
            Ok(len)
        };
        // SAFETY: passed on.
        unsafe { with(msg, send) }
    };
    // SAFETY: passed on.
    sleeping(send, || unsafe { send_message_again(msg, flags) })
}

#[inline(never)]
fn send_message(socket: &Socket, message: &mut Message, flags: c_int) -> Result<()> {
    if socket.send_copied_straight(message, flags) {
        return Ok(());
    }
    socket.send_or_sleep(message, flags)
}

/// Receives a message, see zmq_msg_recv(3).
///
/// # Safety
/// `msg` is null or points to a `zmq_msg_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_msg_recv(
    msg: *mut zmq_msg_t,
    socket: *mut c_void,
    flags: c_int,
) -> c_int {
    if is_askew(msg) {
        // SAFETY: passed on.
        return unsafe { recv_askew(msg, socket, flags) };
    }
    let receive = || {
        let socket = handle::socket(socket)?;
        // SAFETY: by the contract of the function.
        let message = unsafe { message(msg) }?;
        if !socket.recv_message_straight(message) {
            socket.recv_or_sleep(message, flags)?;
        }
        Ok(message.len())
    };
    // SAFETY: by the contract of the function.
    sleeping(receive, || unsafe { recv_message_again(msg) })
}

/// Goes on after a sleep.
///
/// # Safety
/// As for `zmq_msg_recv`.
#[cold]
#[inline(never)]
unsafe fn recv_message_again(msg: *mut zmq_msg_t) -> c_int {
    let receive = |message: &mut Message| {
        socket::recv_again(message)?;
        Ok(message.len())
    };
    // SAFETY: passed on.
    go_on(|| unsafe { with(msg, receive) })
}

/// The same for a message that is askew.
///
/// # Safety
/// As for `zmq_msg_recv`.
#[cold]
#[inline(never)]
unsafe fn recv_askew(msg: *mut zmq_msg_t, socket: *mut c_void, flags: c_int) -> c_int {
    let receive = || {
        let socket = handle::socket(socket)?;
        let receive = |message: &mut Message| {
            socket.recv_or_sleep(message, flags)?;
            Ok(message.len())
        };
        // SAFETY: passed on.
        unsafe { with(msg, receive) }
    };
    // SAFETY: passed on.
    sleeping(receive, || unsafe { recv_message_again(msg) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::*;

    /// A pipe that keeps only the newest message keeps it beyond the call that sent it.
    #[test]
    fn what_a_slot_keeps_is_not_the_callers_memory() {
        // SAFETY: handles of live objects and buffers of the given lengths.
        unsafe {
            let context = zmq_ctx_new();
            let (pull, push) = (zmq_socket(context, ZMQ_PULL), zmq_socket(context, ZMQ_PUSH));
            let one: c_int = 1;
            for socket in [pull, push] {
                let value = (&raw const one).cast();
                assert_eq!(zmq_setsockopt(socket, ZMQ_CONFLATE, value, size_of::<c_int>()), 0);
            }
            assert_eq!(zmq_bind(pull, c"inproc://slot".as_ptr()), 0);
            assert_eq!(zmq_connect(push, c"inproc://slot".as_ptr()), 0);
            let mut buffer = vec![1u8; 1000];
            assert_eq!(zmq_send(push, buffer.as_ptr().cast(), buffer.len(), 0), 1000);
            buffer.fill(2);
            assert_eq!(zmq_recv(pull, buffer.as_mut_ptr().cast(), buffer.len(), 0), 1000);
            assert_eq!(buffer, [1; 1000]);
            assert_eq!((zmq_close(push), zmq_close(pull), zmq_ctx_term(context)), (0, 0, 0));
        }
    }
}
