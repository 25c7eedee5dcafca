//! Sockets: making, binding, connecting, accepting, reading and writing them.
//!
//! Every socket made here is close-on-exec and non-blocking, and no write ever raises SIGPIPE: it
//! would kill the program that uses the library.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::{MaybeUninit, offset_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::{cvt, cvt_size, fd};

/// A socket address of any family.
#[derive(Clone, Copy)]
pub(crate) struct Address {
    storage: libc::sockaddr_storage,
    length: libc::socklen_t,
}

/// How many bytes a pathname or abstract name may have, the NUL not counted.
pub(crate) const UNIX_NAME_MAX: usize =
    size_of::<libc::sockaddr_un>() - offset_of!(libc::sockaddr_un, sun_path) - 1;

impl Address {
    /// Any `sockaddr_*`, copied byte by byte.
    fn copied<T>(value: &T) -> Address {
        const { assert!(size_of::<T>() <= size_of::<libc::sockaddr_storage>()) };
        let mut address = Address::empty();
        // SAFETY: the storage is at least as large as T (asserted above), aligned for every
        // sockaddr, and T is one of the plain old data sockaddr_* structures.
        unsafe { (&raw mut address.storage).cast::<T>().copy_from_nonoverlapping(value, 1) };
        address.length = size_of::<T>() as libc::socklen_t;
        address
    }

    fn empty() -> Address {
        // SAFETY: sockaddr_storage is plain old data; all zeroes is AF_UNSPEC.
        Address { storage: unsafe { MaybeUninit::zeroed().assume_init() }, length: 0 }
    }

    /// The address of a pathname, or of an abstract name when it starts with a NUL byte.
    /// `None` if it is longer than [`UNIX_NAME_MAX`] or empty.
    pub(crate) fn unix(name: &[u8]) -> Option<Address> {
        if name.is_empty() || name.len() > UNIX_NAME_MAX {
            return None;
        }
        // SAFETY: sockaddr_un is plain old data.
        let mut unix: libc::sockaddr_un = unsafe { MaybeUninit::zeroed().assume_init() };
        unix.sun_family = libc::AF_UNIX as libc::sa_family_t;
        for (to, from) in unix.sun_path.iter_mut().zip(name) {
            *to = *from as libc::c_char;
        }
        let mut address = Address::copied(&unix);
        address.length = (offset_of!(libc::sockaddr_un, sun_path) + name.len()) as libc::socklen_t;
        Some(address)
    }

    /// libc::AF_INET and so on.
    pub(crate) fn family(&self) -> i32 {
        i32::from(self.storage.ss_family)
    }

    /// The address as internet address, if it is one.
    pub(crate) fn ip(&self) -> Option<SocketAddr> {
        let length = self.length as usize;
        match self.family() {
            libc::AF_INET if length >= size_of::<libc::sockaddr_in>() => {
                // SAFETY: the family and the length say that a sockaddr_in is stored.
                let v4 = unsafe { *(&raw const self.storage).cast::<libc::sockaddr_in>() };
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 if length >= size_of::<libc::sockaddr_in6>() => {
                // SAFETY: the family and the length say that a sockaddr_in6 is stored.
                let v6 = unsafe { *(&raw const self.storage).cast::<libc::sockaddr_in6>() };
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
            }
            _ => None,
        }
    }

    /// The name of a unix socket: a path, an abstract name that starts with NUL, or nothing.
    pub(crate) fn unix_name(&self) -> Option<Vec<u8>> {
        if self.family() != libc::AF_UNIX {
            return None;
        }
        // SAFETY: sockaddr_storage is large enough for and aligned as a sockaddr_un, and is
        // initialised throughout.
        let unix = unsafe { *(&raw const self.storage).cast::<libc::sockaddr_un>() };
        let length = (self.length as usize)
            .saturating_sub(offset_of!(libc::sockaddr_un, sun_path))
            .min(unix.sun_path.len());
        let mut name: Vec<u8> = unix.sun_path.iter().take(length).map(|&byte| byte as u8).collect();
        if name.first() != Some(&0)
            && let Some(end) = name.iter().position(|&byte| byte == 0)
        {
            name.truncate(end);
        }
        Some(name)
    }

    fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    /// Runs a call that fills in an address.
    fn filled(
        call: impl FnOnce(*mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int,
    ) -> io::Result<(libc::c_int, Address)> {
        let mut address = Address::empty();
        address.length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        let result = cvt(call((&raw mut address.storage).cast(), &raw mut address.length))?;
        let capacity = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        address.length = address.length.min(capacity);
        Ok((result, address))
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        match address {
            SocketAddr::V4(v4) => {
                // SAFETY: sockaddr_in is plain old data.
                let mut raw: libc::sockaddr_in = unsafe { MaybeUninit::zeroed().assume_init() };
                raw.sin_family = libc::AF_INET as libc::sa_family_t;
                raw.sin_port = v4.port().to_be();
                raw.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
                Address::copied(&raw)
            }
            SocketAddr::V6(v6) => {
                // SAFETY: sockaddr_in6 is plain old data.
                let mut raw: libc::sockaddr_in6 = unsafe { MaybeUninit::zeroed().assume_init() };
                raw.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                raw.sin6_port = v6.port().to_be();
                raw.sin6_addr.s6_addr = v6.ip().octets();
                raw.sin6_flowinfo = v6.flowinfo();
                raw.sin6_scope_id = v6.scope_id();
                Address::copied(&raw)
            }
        }
    }
}

/// A new socket, non-blocking and close-on-exec.
pub(crate) fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    let kind = kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointers.
    let raw = cvt(unsafe { libc::socket(family, kind, protocol) })?;
    // SAFETY: socket has just made it for us.
    prepared(unsafe { fd::adopt(raw) }?)
}

/// What the platform cannot set at creation.
fn prepared(socket: OwnedFd) -> io::Result<OwnedFd> {
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    {
        use std::os::fd::AsFd;
        fd::set_cloexec(socket.as_fd())?;
        fd::set_nonblocking(socket.as_fd())?;
    }
    Ok(socket)
}

pub(crate) fn bind(socket: BorrowedFd<'_>, address: &Address) -> io::Result<()> {
    // SAFETY: the address is initialised for its length.
    cvt(unsafe { libc::bind(socket.as_raw_fd(), address.as_ptr(), address.length) })?;
    Ok(())
}

pub(crate) fn listen(socket: BorrowedFd<'_>, backlog: i32) -> io::Result<()> {
    // SAFETY: no pointers.
    cvt(unsafe { libc::listen(socket.as_raw_fd(), backlog) })?;
    Ok(())
}

/// Whether the connection stands already; if not it is under way.
pub(crate) fn connect(socket: BorrowedFd<'_>, address: &Address) -> io::Result<bool> {
    // SAFETY: the address is initialised for its length.
    match cvt(unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr(), address.length) }) {
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
    let (raw, address) = Address::filled(|address, length| {
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
        // SAFETY: both pointers are valid, and the length tells the storage's size.
        return unsafe {
            let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
            libc::accept4(socket.as_raw_fd(), address, length, flags)
        };
        #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
        // SAFETY: as above.
        return unsafe { libc::accept(socket.as_raw_fd(), address, length) };
    })?;
    // SAFETY: accept has just made it for us.
    Ok((prepared(unsafe { fd::adopt(raw) }?)?, address))
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

/// Ends the connection for both directions; the descriptor stays open.
pub(crate) fn shutdown(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: no pointers.
    cvt(unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_RDWR) })?;
    Ok(())
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

#[cfg(not(any(target_os = "macos", target_os = "ios")))]
const SEND_FLAGS: i32 = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
#[cfg(any(target_os = "macos", target_os = "ios"))]
const SEND_FLAGS: i32 = libc::MSG_DONTWAIT;

fn empty_header() -> libc::msghdr {
    // SAFETY: msghdr is plain old data; all zeroes is a message without address, buffers, control.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// Repeats a call that a signal interrupted.
#[inline]
fn uninterrupted(mut call: impl FnMut() -> libc::ssize_t) -> io::Result<usize> {
    loop {
        match cvt_size(call()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
