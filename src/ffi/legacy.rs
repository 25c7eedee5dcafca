//! Functions that `zmq.h` keeps for old programs.

use std::cell::Cell;
use std::ffi::{c_int, c_void};

use libc::iovec;

use super::boundary::{go_on, sleeping, whole};
use super::message::zmq_msg_t;
use super::{ZMQ_IO_THREADS, ZMQ_SNDMORE, arg, handle};
use super::{zmq_ctx_term, zmq_msg_recv, zmq_msg_send, zmq_proxy};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::message::Message;
use crate::socket;
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
pub unsafe extern "C-unwind" fn zmq_term(context: *mut c_void) -> c_int {
    // SAFETY: the same contract.
    unsafe { zmq_ctx_term(context) }
}

/// An old name of `zmq_ctx_term`.
///
/// # Safety
/// As for `zmq_ctx_term`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_ctx_destroy(context: *mut c_void) -> c_int {
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

/// Sends the buffers behind those that `sent` counts, the first of them after a sleep.
///
/// # Safety
/// As for `zmq_sendiov`.
unsafe fn send_buffers(
    socket: *mut c_void,
    (iov, count): (*mut iovec, usize),
    flags: c_int,
    sent: &Cell<usize>,
    mut slept: bool,
) -> Result<usize> {
    // SAFETY: passed on.
    let buffers = unsafe { arg::array(iov, count, Error::INVAL) }?;
    let (last, _) = buffers.split_last().ok_or(Error::INVAL)?;
    while let Some(buffer) = buffers.get(sent.get()) {
        // SAFETY: passed on; the message does not outlive this turn.
        let mut message =
            unsafe { Message::lend(arg::bytes(buffer.iov_base, buffer.iov_len, Error::FAULT)?) };
        let is_last = sent.get() + 1 == count;
        let flags = if is_last { flags & !ZMQ_SNDMORE } else { flags };
        if std::mem::take(&mut slept) {
            socket::send_again(&mut message, flags)?;
        } else {
            handle::socket(socket)?.send_or_sleep(&mut message, flags)?;
        }
        sent.set(sent.get() + 1);
    }
    Ok(last.iov_len)
}

/// Goes on after a sleep.
///
/// # Safety
/// As for `zmq_sendiov`.
#[cold]
#[inline(never)]
unsafe fn send_buffers_again(
    socket: *mut c_void,
    buffers: (*mut iovec, usize),
    flags: c_int,
    sent: &Cell<usize>,
) -> c_int {
    // SAFETY: passed on.
    go_on(|| unsafe { send_buffers(socket, buffers, flags, sent, true) })
}

/// Sends one message per buffer, or one of as many parts with ZMQ_SNDMORE.
///
/// Gives the length of the last.
///
/// # Safety
/// `iov` is null or points to `count` buffers.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_sendiov(
    socket: *mut c_void,
    iov: *mut iovec,
    count: usize,
    flags: c_int,
) -> c_int {
    let (sent, buffers) = (Cell::new(0), (iov, count));
    let send = || {
        handle::socket(socket)?;
        // SAFETY: by the contract of the function.
        unsafe { send_buffers(socket, buffers, flags, &sent, false) }
    };
    // SAFETY: by the contract of the function.
    sleeping(send, || unsafe { send_buffers_again(socket, buffers, flags, &sent) })
}

/// Receives into at most `room` buffers: the first part as `receive` does, the others are there then.
///
/// # Safety
/// As for `zmq_recviov`, of which `room` was the count.
unsafe fn receive_buffers(
    socket: *mut c_void,
    iov: *mut iovec,
    (count, room): (*mut usize, usize),
    flags: c_int,
    receive: impl FnOnce(&mut Message) -> Result<()>,
) -> Result<usize> {
    // SAFETY: passed on.
    let (count, buffers) =
        unsafe { (arg::place(count, Error::INVAL)?, arg::array(iov, room, Error::INVAL)?) };
    let (first, others) = buffers.split_first_mut().ok_or(Error::INVAL)?;
    count.set(0);
    let mut message = Message::new();
    receive(&mut message)?;
    *first = duplicate(message.data())?;
    count.set(1);
    for (buffer, received) in others.iter_mut().zip(2..) {
        if !message.more() {
            break;
        }
        message = handle::socket(socket)?.recv(flags)?;
        *buffer = duplicate(message.data())?;
        count.set(received);
    }
    Ok(count.get())
}

/// Goes on after a sleep.
///
/// # Safety
/// As for `receive_buffers`.
#[cold]
#[inline(never)]
unsafe fn receive_buffers_again(
    socket: *mut c_void,
    iov: *mut iovec,
    count: (*mut usize, usize),
    flags: c_int,
) -> c_int {
    // SAFETY: passed on.
    go_on(|| unsafe { receive_buffers(socket, iov, count, flags, socket::recv_again) })
}

/// Receives the parts of a message, at most `*count`, into buffers made with `malloc`.
///
/// Gives how many there were; `*count` counts them even when a later one fails.
///
/// # Safety
/// `count` is null or points to the number of elements of `iov`; these are overwritten.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_recviov(
    socket: *mut c_void,
    iov: *mut iovec,
    count: *mut usize,
    flags: c_int,
) -> c_int {
    let room = Cell::new(0);
    let receive = || {
        let from = handle::socket(socket)?;
        // SAFETY: by the contract of the function.
        unsafe {
            room.set(arg::place(count, Error::INVAL)?.get());
            let count = (count, room.get());
            let receive = |message: &mut Message| from.recv_or_sleep(message, flags);
            receive_buffers(socket, iov, count, flags, receive)
        }
    };
    // SAFETY: by the contract of the function.
    sleeping(receive, || unsafe { receive_buffers_again(socket, iov, (count, room.get()), flags) })
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
