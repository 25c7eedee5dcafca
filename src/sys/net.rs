//! Sockets: making, binding, connecting, accepting, reading and writing them.
//!
//! Every socket made here is close-on-exec and non-blocking, and no write ever raises SIGPIPE: it
//! would kill the program that uses the library. Called by the transports.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

pub(crate) use super::address::{Address, TipcAddress};
use super::fd::{self, OwnedFd};
use super::{cancel, cvt, cvt_size};

/// A new socket, non-blocking and close-on-exec.
pub(crate) fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    let kind = kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket(2) takes numbers alone.
    let raw = cvt(unsafe { libc::socket(family, kind, protocol) })?;
    // SAFETY: socket has just made it for us.
    unsafe { fd::adopt(raw) }
}

/// bind(2).
pub(crate) fn bind(socket: BorrowedFd<'_>, address: &Address) -> io::Result<()> {
    // SAFETY: the address is initialised for its length.
    cvt(unsafe { libc::bind(socket.as_raw_fd(), address.as_ptr(), address.length) })?;
    Ok(())
}

/// listen(2).
pub(crate) fn listen(socket: BorrowedFd<'_>, backlog: i32) -> io::Result<()> {
    // SAFETY: listen(2) takes numbers alone; the descriptor is borrowed.
    cvt(unsafe { libc::listen(socket.as_raw_fd(), backlog) })?;
    Ok(())
}

/// Whether the connection stands already; if not it is under way.
pub(crate) fn connect(socket: BorrowedFd<'_>, address: &Address) -> io::Result<bool> {
    let connect = || {
        // SAFETY: the address is initialised for its length.
        unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr(), address.length) }
    };
    match cvt(cancel::off(connect)) {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_os_error() {
            // An interrupted connect goes on by itself.
            Some(libc::EINPROGRESS | libc::EINTR) => Ok(false),
            _ => Err(error),
        },
    }
}

/// The next connection and where it comes from; WouldBlock when there is none.
pub(crate) fn accept(socket: BorrowedFd<'_>) -> io::Result<(OwnedFd, Address)> {
    loop {
        match cancel::off(|| try_accept(socket)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn try_accept(socket: BorrowedFd<'_>) -> io::Result<(OwnedFd, Address)> {
    let (raw, address) = Address::filled(|address, length| {
        let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: both pointers are valid, and the length tells the storage's size.
        unsafe { libc::accept4(socket.as_raw_fd(), address, length, flags) }
    })?;
    // SAFETY: accept has just made it for us.
    Ok((unsafe { fd::adopt(raw) }?, address))
}

/// The address on our side.
pub(crate) fn local_address(socket: BorrowedFd<'_>) -> io::Result<Address> {
    let (_, address) = Address::filled(|address, length| {
        // SAFETY: both pointers are valid, and the length tells the storage's size.
        unsafe { libc::getsockname(socket.as_raw_fd(), address, length) }
    })?;
    Ok(address)
}

/// The address on the other side; ENOTCONN once the connection is gone.
pub(crate) fn peer_address(socket: BorrowedFd<'_>) -> io::Result<Address> {
    let (_, address) = Address::filled(|address, length| {
        // SAFETY: both pointers are valid, and the length tells the storage's size.
        unsafe { libc::getpeername(socket.as_raw_fd(), address, length) }
    })?;
    Ok(address)
}

/// Reads without blocking; 0 is the end of the stream.
#[inline]
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    uninterrupted(|| {
        // SAFETY: the buffer is valid for its length.
        unsafe {
            libc::recv(
                socket.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                libc::MSG_DONTWAIT,
            )
        }
    })
}

/// Reads into several buffers without blocking; 0 is the end of the stream.
pub(crate) fn receive_vectored(
    socket: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> io::Result<usize> {
    let mut header = empty_header();
    // IoSliceMut has the layout of iovec.
    header.msg_iov = buffers.as_mut_ptr().cast();
    header.msg_iovlen = buffers.len().min(IOV_MAX) as _;
    uninterrupted(|| {
        // SAFETY: the header names the buffers, each valid for its length.
        unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_DONTWAIT) }
    })
}

/// Writes without blocking and without SIGPIPE.
#[inline]
pub(crate) fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    uninterrupted(|| {
        // SAFETY: the bytes are valid for their length.
        unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), SEND_FLAGS) }
    })
}

/// Writes several buffers without blocking and without SIGPIPE.
pub(crate) fn send_vectored(socket: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    if let [one] = buffers {
        // For the kernel that is less to read and to check.
        return send(socket, one);
    }
    let mut header = empty_header();
    // IoSlice has the layout of iovec, and sendmsg does not write through it.
    header.msg_iov = buffers.as_ptr().cast_mut().cast();
    header.msg_iovlen = buffers.len().min(IOV_MAX) as _;
    uninterrupted(|| {
        // SAFETY: the header names the buffers, each valid for its length.
        unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, SEND_FLAGS) }
    })
}

/// Sends one datagram, made of several buffers, without blocking.
pub(crate) fn send_to(
    socket: BorrowedFd<'_>,
    buffers: &[IoSlice<'_>],
    address: &Address,
) -> io::Result<usize> {
    let mut header = empty_header();
    // IoSlice has the layout of iovec, and sendmsg writes through neither pointer.
    header.msg_name = address.as_ptr().cast_mut().cast();
    header.msg_namelen = address.length;
    header.msg_iov = buffers.as_ptr().cast_mut().cast();
    header.msg_iovlen = buffers.len().min(IOV_MAX) as _;
    uninterrupted(|| {
        // SAFETY: the header names the buffers and the address, each valid for its length.
        unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, SEND_FLAGS) }
    })
}

/// Receives one datagram without blocking, and where it came from.
pub(crate) fn receive_from(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
) -> io::Result<(usize, Address)> {
    let mut address = Address::empty();
    let count = uninterrupted(|| {
        address.length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        // SAFETY: buffer, address and length are valid.
        unsafe {
            libc::recvfrom(
                socket.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                libc::MSG_DONTWAIT,
                (&raw mut address.storage).cast(),
                &raw mut address.length,
            )
        }
    })?;
    Ok((count, address))
}

/// More buffers than this in one call are EMSGSIZE.
const IOV_MAX: usize = 1024;

const SEND_FLAGS: i32 = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;

fn empty_header() -> libc::msghdr {
    // SAFETY: msghdr is plain old data; all zeroes is a message without address, buffers, control.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// Repeats a call that a signal interrupted. It is no cancellation point.
#[inline]
fn uninterrupted(mut call: impl FnMut() -> libc::ssize_t) -> io::Result<usize> {
    loop {
        match cvt_size(cancel::off(&mut call)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
