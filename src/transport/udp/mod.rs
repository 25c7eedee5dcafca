//! The udp transport, libzmq's zmq_udp(7): datagrams that carry a group and a body for RADIO and DISH, or
//! a bare body with the peer's address for DGRAM.
//!
//! There is no connection, hence neither listener nor dialer: the runtime makes a [`UdpSocket`] at
//! zmq_bind or zmq_connect and moves messages of two frames over it. On the wire a group datagram
//! is one byte of length, the group, the body (48/RADIO-DISH as libzmq speaks it).

mod address;

#[cfg(test)]
mod udp_test;

use std::borrow::Cow;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use self::address::UdpAddress;
use crate::error::{Error, Result};
use crate::options::SocketOptions;
use crate::patterns::SocketType;
use crate::sys::fd::OwnedFd;
use crate::sys::{net, sockopt};
use crate::transport::address::{HostPort, endpoint};

/// A buffer of this size holds every datagram.
pub(crate) const DATAGRAM_MAX: usize = 1 << 16;

/// A socket for datagrams; every method may be called from any thread.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    fd: OwnedFd,
    role: Role,
    /// As the application wrote it.
    address: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// RADIO: sends to this address.
    Radio(SocketAddr),
    Dish,
    /// DGRAM: sends to whom each message names; whether IPv4 addresses must be mapped.
    Dgram {
        ipv6: bool,
    },
}

/// A received message: two frames.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Datagram<'a> {
    /// The group, or for DGRAM the sender as `ip:port` with a NUL at its end.
    pub(crate) head: Cow<'a, [u8]>,
    pub(crate) body: &'a [u8],
}

impl UdpSocket {
    /// Whether sockets of this type may have such endpoints at all.
    pub(crate) fn serves(kind: SocketType) -> bool {
        matches!(kind, SocketType::Radio | SocketType::Dish | SocketType::Dgram)
    }

    /// For DISH and DGRAM, others NOCOMPATPROTO. Joins the multicast group, if it is one.
    pub(crate) fn bind(address: &str, options: &SocketOptions) -> Result<UdpSocket> {
        let parsed = UdpAddress::parse(address, true, options.ipv6);
        let role = match options.kind {
            SocketType::Dish => Role::Dish,
            SocketType::Dgram => {
                Role::Dgram { ipv6: parsed.as_ref().is_ok_and(|parsed| parsed.target.is_ipv6()) }
            }
            _ => return Err(Error::NOCOMPATPROTO),
        };
        let parsed = parsed?;
        let fd = open(&parsed, options)?;
        // Several receivers of one machine may listen to one group.
        sockopt::set(fd.as_fd(), sockopt::REUSE_ADDRESS, 1)?;
        if parsed.is_multicast() {
            sockopt::set(fd.as_fd(), sockopt::REUSE_PORT, 1)?;
            net::bind(fd.as_fd(), &parsed.any().into())?;
            join(fd.as_fd(), &parsed)?;
        } else {
            net::bind(fd.as_fd(), &parsed.local.into())?;
        }
        Ok(UdpSocket { fd, role, address: address.to_owned() })
    }

    /// For RADIO, others NOCOMPATPROTO. A name is looked up here and now.
    pub(crate) fn connect(address: &str, options: &SocketOptions) -> Result<UdpSocket> {
        if options.kind != SocketType::Radio {
            return Err(Error::NOCOMPATPROTO);
        }
        let parsed = UdpAddress::parse(address, false, options.ipv6)?;
        let fd = open(&parsed, options)?;
        if parsed.is_multicast() {
            set_multicast(fd.as_fd(), &parsed, options)?;
        }
        Ok(UdpSocket { fd, role: Role::Radio(parsed.target), address: address.to_owned() })
    }

    /// What ZMQ_LAST_ENDPOINT reports: for this transport the address without its scheme.
    pub(crate) fn last_endpoint(&self) -> &str {
        &self.address
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Whether this side sends.
    pub(crate) fn sends(&self) -> bool {
        self.role != Role::Dish
    }

    /// Whether this side receives.
    pub(crate) fn receives(&self) -> bool {
        !matches!(self.role, Role::Radio(_))
    }

    /// Sends one message: group or receiver's address, and body. WouldBlock: again when writable.
    /// Any other error: this datagram is lost (too long, nobody there, no such address), as
    /// datagrams may be, and the socket is as good as before.
    pub(crate) fn send(&self, head: &[u8], body: &[u8]) -> io::Result<()> {
        let unsendable = || io::Error::from_raw_os_error(libc::EINVAL);
        match self.role {
            Role::Radio(target) => {
                let length = [u8::try_from(head.len()).map_err(|_| unsendable())?];
                let parts = [IoSlice::new(&length), IoSlice::new(head), IoSlice::new(body)];
                net::send_to(self.fd.as_fd(), &parts, &target.into())?;
            }
            Role::Dgram { ipv6 } => {
                let target = receiver(head, ipv6).ok_or_else(unsendable)?;
                net::send_to(self.fd.as_fd(), &[IoSlice::new(body)], &target.into())?;
            }
            Role::Dish => return Err(unsendable()),
        }
        Ok(())
    }

    /// Receives one message into a buffer of [`DATAGRAM_MAX`] bytes. `None`: a datagram came that
    /// is no message. WouldBlock: none came. Any other error is about a datagram sent earlier.
    pub(crate) fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<Datagram<'a>>> {
        let (count, from) = net::receive_from(self.fd.as_fd(), buffer)?;
        let received = buffer.get(..count).unwrap_or_default();
        if let Role::Dgram { .. } = self.role {
            let Some(from) = from.ip() else { return Ok(None) };
            return Ok(Some(Datagram { head: Cow::Owned(sender(from)), body: received }));
        }
        Ok(parse_group(received))
    }
}

/// One byte of length, the group, the body; `None` if that is not what came.
pub(super) fn parse_group(datagram: &[u8]) -> Option<Datagram<'_>> {
    let (&length, rest) = datagram.split_first()?;
    let (group, body) = rest.split_at_checked(usize::from(length))?;
    Some(Datagram { head: Cow::Borrowed(group), body })
}

fn open(address: &UdpAddress, options: &SocketOptions) -> Result<OwnedFd> {
    let family = if address.target.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET };
    let fd = net::socket(family, libc::SOCK_DGRAM, libc::IPPROTO_UDP)?;
    if address.target.is_ipv6() {
        sockopt::set(fd.as_fd(), sockopt::IPV6_ONLY, 0)?;
    }
    if !options.bound_device.is_empty() {
        sockopt::bind_to_device(fd.as_fd(), &options.bound_device)?;
    }
    for (option, value) in
        [(sockopt::SEND_BUFFER, options.sndbuf), (sockopt::RECEIVE_BUFFER, options.rcvbuf)]
    {
        if value >= 0 {
            sockopt::set(fd.as_fd(), option, value)?;
        }
    }
    Ok(fd)
}

/// ZMQ_MULTICAST_LOOP, ZMQ_MULTICAST_HOPS and the interface to send by.
fn set_multicast(
    fd: BorrowedFd<'_>,
    address: &UdpAddress,
    options: &SocketOptions,
) -> io::Result<()> {
    let (repeat, hops) = if address.target.is_ipv6() {
        (sockopt::MULTICAST_LOOP_V6, sockopt::MULTICAST_HOPS_V6)
    } else {
        (sockopt::MULTICAST_LOOP, sockopt::MULTICAST_TTL)
    };
    sockopt::set(fd, repeat, i32::from(options.multicast_loop))?;
    if options.multicast_hops > 0 {
        sockopt::set(fd, hops, options.multicast_hops)?;
    }
    match address.local.ip() {
        IpAddr::V4(local) if !local.is_unspecified() => sockopt::set_multicast_interface(fd, local),
        IpAddr::V6(_) if address.interface != 0 => {
            let interface = i32::try_from(address.interface).unwrap_or(0);
            sockopt::set(fd, sockopt::MULTICAST_INTERFACE_V6, interface)
        }
        _ => Ok(()),
    }
}

fn join(fd: BorrowedFd<'_>, address: &UdpAddress) -> io::Result<()> {
    match (address.target.ip(), address.local.ip()) {
        (IpAddr::V4(group), IpAddr::V4(local)) => sockopt::join_multicast(fd, group, local),
        (IpAddr::V6(group), _) => sockopt::join_multicast_v6(fd, group, address.interface),
        _ => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
}

/// Reads the first frame of a DGRAM message: a numeric address and a port.
pub(super) fn receiver(head: &[u8], ipv6: bool) -> Option<SocketAddr> {
    let text = head.split(|&byte| byte == 0).next()?;
    let address = HostPort::parse(str::from_utf8(text).ok()?, false).ok()?;
    if address.port == 0 {
        return None;
    }
    address.literal(ipv6).ok()?
}

/// Writes the first frame of a DGRAM message as libzmq does, with a NUL at the end.
pub(super) fn sender(from: SocketAddr) -> Vec<u8> {
    let from = match from.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::new(v4.into(), from.port()),
        IpAddr::V6(_) => from,
    };
    let text = endpoint("", &from);
    let mut head = text.strip_prefix("://").unwrap_or(&text).as_bytes().to_vec();
    head.push(0);
    head
}
