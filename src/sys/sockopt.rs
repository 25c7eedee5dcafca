//! Socket options of the operating system, those a transport sets. Called by the transports.

use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

use super::cvt;

/// A level and an option number, so that callers name options and not pairs of numbers.
#[derive(Clone, Copy)]
pub(crate) struct SocketOption(i32, i32);

macro_rules! options {
    ($($(#[$attribute:meta])* $name:ident = $level:ident, $option:ident;)*) => {
        $($(#[$attribute])*
        pub(crate) const $name: SocketOption = SocketOption(libc::$level, libc::$option);)*
    };
}

options! {
    REUSE_ADDRESS = SOL_SOCKET, SO_REUSEADDR;
    REUSE_PORT = SOL_SOCKET, SO_REUSEPORT;
    SEND_BUFFER = SOL_SOCKET, SO_SNDBUF;
    RECEIVE_BUFFER = SOL_SOCKET, SO_RCVBUF;
    RECEIVE_LOW_WATER = SOL_SOCKET, SO_RCVLOWAT;
    KEEPALIVE = SOL_SOCKET, SO_KEEPALIVE;
    NO_DELAY = IPPROTO_TCP, TCP_NODELAY;
    KEEPALIVE_COUNT = IPPROTO_TCP, TCP_KEEPCNT;
    KEEPALIVE_INTERVAL = IPPROTO_TCP, TCP_KEEPINTVL;
    KEEPALIVE_IDLE = IPPROTO_TCP, TCP_KEEPIDLE;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    USER_TIMEOUT = IPPROTO_TCP, TCP_USER_TIMEOUT;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    UNSENT_LOW_WATER = IPPROTO_TCP, TCP_NOTSENT_LOWAT;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    PRIORITY = SOL_SOCKET, SO_PRIORITY;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    BUSY_POLL = SOL_SOCKET, SO_BUSY_POLL;
    TYPE_OF_SERVICE = IPPROTO_IP, IP_TOS;
    TRAFFIC_CLASS = IPPROTO_IPV6, IPV6_TCLASS;
    IPV6_ONLY = IPPROTO_IPV6, IPV6_V6ONLY;
    MULTICAST_TTL = IPPROTO_IP, IP_MULTICAST_TTL;
    MULTICAST_LOOP = IPPROTO_IP, IP_MULTICAST_LOOP;
    MULTICAST_HOPS_V6 = IPPROTO_IPV6, IPV6_MULTICAST_HOPS;
    MULTICAST_LOOP_V6 = IPPROTO_IPV6, IPV6_MULTICAST_LOOP;
    MULTICAST_INTERFACE_V6 = IPPROTO_IPV6, IPV6_MULTICAST_IF;
}

/// Sets an option that takes an integer.
pub(crate) fn set(socket: BorrowedFd<'_>, option: SocketOption, value: i32) -> io::Result<()> {
    set_raw(socket, option, &value)
}

/// Reads an option that is an integer.
pub(crate) fn value(socket: BorrowedFd<'_>, option: SocketOption) -> io::Result<i32> {
    let mut value: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: value and length are valid, and length tells the size of value.
    cvt(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            option.0,
            option.1,
            (&raw mut value).cast(),
            &raw mut length,
        )
    })?;
    Ok(value)
}

/// The error a finished `connect` left behind, or `Ok`.
pub(crate) fn pending_error(socket: BorrowedFd<'_>) -> io::Result<()> {
    match value(socket, SocketOption(libc::SOL_SOCKET, libc::SO_ERROR))? {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

/// Ties the socket to a network interface (ZMQ_BINDTODEVICE).
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn bind_to_device(socket: BorrowedFd<'_>, device: &[u8]) -> io::Result<()> {
    // SAFETY: the name is valid for its length; the kernel wants no NUL.
    cvt(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            device.as_ptr().cast(),
            device.len() as libc::socklen_t,
        )
    })?;
    Ok(())
}

/// Tying a socket to an interface is not offered by this platform.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn bind_to_device(_socket: BorrowedFd<'_>, _device: &[u8]) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::ENOTSUP))
}

/// Buffer size, its minimum and its maximum of a vsock, in bytes; zero leaves one alone.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn set_vsock_buffers(
    socket: BorrowedFd<'_>,
    [size, min, max]: [u64; 3],
) -> io::Result<()> {
    // linux/vm_sockets.h; libc lacks them.
    const BUFFER_SIZE: i32 = 0;
    const BUFFER_MIN_SIZE: i32 = 1;
    const BUFFER_MAX_SIZE: i32 = 2;
    // The size is kept between the limits, so they come first.
    for (option, value) in [(BUFFER_MAX_SIZE, max), (BUFFER_MIN_SIZE, min), (BUFFER_SIZE, size)] {
        if value != 0 {
            set_raw(socket, SocketOption(libc::AF_VSOCK, option), &value)?;
        }
    }
    Ok(())
}

/// How long the kernel tries to connect a vsock.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn set_vsock_connect_timeout(
    socket: BorrowedFd<'_>,
    timeout: std::time::Duration,
) -> io::Result<()> {
    const CONNECT_TIMEOUT: i32 = 6;
    let value = libc::timeval {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_usec: timeout.subsec_micros() as libc::suseconds_t,
    };
    set_raw(socket, SocketOption(libc::AF_VSOCK, CONNECT_TIMEOUT), &value)
}

/// The interface that multicast datagrams leave by.
pub(crate) fn set_multicast_interface(
    socket: BorrowedFd<'_>,
    interface: Ipv4Addr,
) -> io::Result<()> {
    let option = SocketOption(libc::IPPROTO_IP, libc::IP_MULTICAST_IF);
    set_raw(socket, option, &in_addr(interface))
}

/// Joins a multicast group on the interface with this address.
pub(crate) fn join_multicast(
    socket: BorrowedFd<'_>,
    group: Ipv4Addr,
    interface: Ipv4Addr,
) -> io::Result<()> {
    let request =
        libc::ip_mreq { imr_multiaddr: in_addr(group), imr_interface: in_addr(interface) };
    set_raw(socket, SocketOption(libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP), &request)
}

/// Joins a multicast group on the interface with this index; 0 leaves the choice to the kernel.
pub(crate) fn join_multicast_v6(
    socket: BorrowedFd<'_>,
    group: Ipv6Addr,
    interface: u32,
) -> io::Result<()> {
    let request = libc::ipv6_mreq {
        ipv6mr_multiaddr: libc::in6_addr { s6_addr: group.octets() },
        ipv6mr_interface: interface as _,
    };
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let join = libc::IPV6_ADD_MEMBERSHIP;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let join = libc::IPV6_JOIN_GROUP;
    set_raw(socket, SocketOption(libc::IPPROTO_IPV6, join), &request)
}

fn in_addr(ip: Ipv4Addr) -> libc::in_addr {
    libc::in_addr { s_addr: u32::from(ip).to_be() }
}

fn set_raw<T>(socket: BorrowedFd<'_>, option: SocketOption, value: &T) -> io::Result<()> {
    // SAFETY: the value is valid for its size; the kernel checks both against the option.
    cvt(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            option.0,
            option.1,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    })?;
    Ok(())
}

/// Reads a plain structure the kernel fills in; `None` if it gave another size.
pub(super) fn structure<T: Copy>(
    socket: BorrowedFd<'_>,
    level: i32,
    option: i32,
) -> io::Result<Option<T>> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: value and length are valid, and length tells the size of value.
    cvt(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            value.as_mut_ptr().cast(),
            &raw mut length,
        )
    })?;
    if length as usize != size_of::<T>() {
        return Ok(None);
    }
    // SAFETY: the kernel filled in all of it.
    Ok(Some(unsafe { value.assume_init() }))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::fd::AsFd;
    use std::time::Duration;

    use super::*;
    use crate::sys::net;

    /// A kernel without vsock has nothing to set.
    #[test]
    fn what_the_options_of_vmci_say_is_what_the_kernel_has() {
        let Ok(socket) = net::socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0) else { return };
        set_vsock_buffers(socket.as_fd(), [300_000, 200_000, 400_000]).unwrap();
        set_vsock_connect_timeout(socket.as_fd(), Duration::from_millis(2500)).unwrap();
        let found = [0, 1, 2].map(|option| structure(socket.as_fd(), libc::AF_VSOCK, option));
        assert_eq!(found.map(Result::unwrap), [300_000u64, 200_000, 400_000].map(Some));
        let timeout: Option<libc::timeval> = structure(socket.as_fd(), libc::AF_VSOCK, 6).unwrap();
        let timeout = timeout.map(|timeout| (timeout.tv_sec, timeout.tv_usec / 100_000));
        assert_eq!(timeout, Some((2, 5)));
    }
}
