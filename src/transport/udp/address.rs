//! Addresses of libzmq's zmq_udp(7): `host:port` or `interface;group:port`. Called by the rest of `udp`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::error::{Error, Result};
use crate::sys::names::{self, Query, Unresolved};
use crate::transport::address::{HostPort, unmapped};

/// Both ends of the traffic; of the same family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UdpAddress {
    /// Where datagrams go to; for binding the multicast group, or the same as `local`.
    pub(super) target: SocketAddr,
    /// The address of the interface in use, or any.
    pub(super) local: SocketAddr,
    /// The index of the interface for IPv6 multicast; 0 leaves the choice to the system.
    pub(super) interface: u32,
}

impl UdpAddress {
    pub(super) fn parse(text: &str, for_binding: bool, ipv6: bool) -> Result<UdpAddress> {
        let (interface, target) = match text.rsplit_once(';') {
            Some((interface, target)) => (Some(interface), target),
            None => (None, text),
        };
        // Before the target, as its failure is told first.
        let interface = match interface {
            Some(name) => Some((name, local_of(name, ipv6)?)),
            None => None,
        };
        let target = HostPort::parse(target, for_binding)?;
        let target =
            if for_binding { target.resolve_local(ipv6, true)? } else { resolve(&target, ipv6)? };
        // An IPv4 group is one also where IPv4 addresses are used mapped.
        let group_v4 = unmapped(target).filter(|target| target.ip().is_multicast());
        let target = group_v4.unwrap_or(target);
        let Some((name, local)) = interface else {
            let local =
                if target.ip().is_multicast() || !for_binding { any(&target) } else { target };
            return Ok(UdpAddress { target, local, interface: 0 });
        };
        if !target.ip().is_multicast() {
            return Err(Error::INVAL);
        }
        let mut local = SocketAddr::new(local, target.port());
        if group_v4.is_some() {
            // Any address of the one kind is any of the other.
            local = if local.ip().is_unspecified() {
                any(&target)
            } else {
                unmapped(local).ok_or(Error::INVAL)?
            };
        }
        let interface = match target {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(_) if name == "*" => 0,
            SocketAddr::V6(_) => names::interface_index(name).ok_or(Error::NODEV)?,
        };
        Ok(UdpAddress { target, local, interface })
    }

    /// Whether it is the address of a group.
    pub(super) fn is_multicast(&self) -> bool {
        self.target.ip().is_multicast()
    }

    /// What a receiver of multicast binds to.
    pub(super) fn any(&self) -> SocketAddr {
        any(&self.target)
    }
}

fn any(like: &SocketAddr) -> SocketAddr {
    let ip: IpAddr = match like {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(ip, like.port())
}

/// The address of an interface that is given by name or address; not a group.
fn local_of(interface: &str, ipv6: bool) -> Result<IpAddr> {
    let host = HostPort::parse_host(interface)?;
    match host.resolve_local(ipv6, false)?.ip() {
        ip if ip.to_canonical().is_multicast() => Err(Error::INVAL),
        ip => Ok(ip),
    }
}

/// zmq_connect fails if there is no such name, so this is done at once; the first address is used.
fn resolve(target: &HostPort<'_>, ipv6: bool) -> Result<SocketAddr> {
    if let Some(address) = target.literal(ipv6)? {
        return Ok(address);
    }
    match names::resolve(target.host, Query { ipv6, numeric: false, passive: false }) {
        Ok(found) => {
            let (ip, scope) = *found.first().ok_or(Error::INVAL)?;
            Ok(target.with(ip, scope, ipv6))
        }
        Err(Unresolved::OutOfMemory) => Err(Error::NOMEM),
        Err(Unresolved::Unknown) => Err(Error::INVAL),
    }
}
