//! Internet addresses as endpoints write them: `host:port`, libzmq's zmq_tcp(7).
//!
//! The host is a literal address, in brackets or not, with or without a scope (`fe80::1%eth0`), a
//! name, and for binding also `*` or the name of an interface. With ZMQ_IPV6 an IPv4 address is
//! used mapped into IPv6 (`::ffff:1.2.3.4`), so that one kind of socket serves both. Used by every
//! transport on top of IP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::error::{Error, Result};
use crate::sys::names::{self, Query, Unresolved};

/// `host:port` taken apart, the host not yet looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostPort<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// The IPv6 scope behind a `%`; 0 if there is none.
    pub(super) scope: u32,
}

impl HostPort<'_> {
    /// Splits at the last colon. `*` and 0 as port mean "any" and make sense `for_binding` only;
    /// a plain 0 is let through in any case, as the connect will fail by itself.
    pub(super) fn parse(text: &str, for_binding: bool) -> Result<HostPort<'_>> {
        let (host, port) = text.rsplit_once(':').ok_or(Error::INVAL)?;
        let port = match port {
            "*" if for_binding => 0,
            "0" => 0,
            port => parse_port(port)?,
        };
        Ok(HostPort { port, ..HostPort::parse_host(host)? })
    }

    /// The same without a port.
    pub(super) fn parse_host(host: &str) -> Result<HostPort<'_>> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match host.rsplit_once('%') {
            None => Ok(HostPort { host, port: 0, scope: 0 }),
            Some((host, scope)) => Ok(HostPort { host, port: 0, scope: parse_scope(scope)? }),
        }
    }

    /// The address if the host is a literal one. INVAL if it is of a kind that cannot be used.
    pub(super) fn literal(&self, ipv6: bool) -> Result<Option<SocketAddr>> {
        let ip = match self.host.parse() {
            Ok(ip) => ip,
            // The C library knows a few more spellings, such as 127.1; this never blocks.
            Err(_) => {
                let query = Query { ipv6: false, numeric: true, passive: false };
                match names::resolve(self.host, query) {
                    Ok(found) => match found.first() {
                        Some((ip, _)) => *ip,
                        None => return Ok(None),
                    },
                    Err(_) => return Ok(None),
                }
            }
        };
        let ip = match ip {
            // An IPv4 address all the same.
            IpAddr::V6(v6) if !ipv6 => v6.to_ipv4_mapped().ok_or(Error::INVAL)?.into(),
            ip => ip,
        };
        Ok(Some(self.with(ip, 0, ipv6)))
    }

    /// The address to bind to. A name is looked up here and now, as zmq_bind reports its failure;
    /// NODEV if there is no such address or interface.
    pub(super) fn resolve_local(&self, ipv6: bool, allow_names: bool) -> Result<SocketAddr> {
        if self.host == "*" {
            let any: IpAddr =
                if ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
            return Ok(self.with(any, 0, ipv6));
        }
        if let Some(address) = self.literal(ipv6).map_err(|_| Error::NODEV)? {
            return Ok(address);
        }
        if let Some((ip, scope)) = names::interface_address(self.host, ipv6) {
            return Ok(self.with(ip, scope, ipv6));
        }
        let query = Query { ipv6, numeric: !allow_names, passive: true };
        match names::resolve(self.host, query) {
            Ok(found) => {
                let (ip, scope) = *found.first().ok_or(Error::NODEV)?;
                Ok(self.with(ip, scope, ipv6))
            }
            Err(Unresolved::OutOfMemory) => Err(Error::NOMEM),
            Err(Unresolved::Unknown) => Err(Error::NODEV),
        }
    }

    /// A found address with our port; our scope, if there is one, outdoes the found one.
    pub(super) fn with(&self, ip: IpAddr, scope: u32, ipv6: bool) -> SocketAddr {
        let scope = if self.scope == 0 { scope } else { self.scope };
        match ip {
            IpAddr::V4(v4) if ipv6 => {
                SocketAddrV6::new(v4.to_ipv6_mapped(), self.port, 0, scope).into()
            }
            IpAddr::V4(v4) => SocketAddr::new(v4.into(), self.port),
            IpAddr::V6(v6) => SocketAddrV6::new(v6, self.port, 0, scope).into(),
        }
    }
}

/// An address without its port, as the system prints it.
pub(super) fn host(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("{}{}", v6.ip(), names::scope_suffix(v6)),
    }
}

/// An address as endpoint.
pub(super) fn endpoint(scheme: &str, address: &SocketAddr) -> String {
    match address {
        SocketAddr::V4(_) => format!("{scheme}://{}:{}", host(address), address.port()),
        SocketAddr::V6(_) => format!("{scheme}://[{}]:{}", host(address), address.port()),
    }
}

/// A mapped address turned back, for a kernel without IPv6.
pub(super) fn unmapped(address: SocketAddr) -> Option<SocketAddr> {
    match address {
        SocketAddr::V6(v6) => {
            v6.ip().to_ipv4_mapped().map(|v4| SocketAddr::new(v4.into(), v6.port()))
        }
        SocketAddr::V4(_) => None,
    }
}

/// The digits at the front, as `atoi` reads them: what follows them was never looked at.
fn parse_port(text: &str) -> Result<u16> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    match text[..end].parse() {
        Ok(0) | Err(_) => Err(Error::INVAL),
        Ok(port) => Ok(port),
    }
}

/// The name or the index of an interface.
fn parse_scope(text: &str) -> Result<u32> {
    let index = if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        names::interface_index(text)
    } else {
        text.parse().ok().filter(|&index| index != 0)
    };
    index.ok_or(Error::INVAL)
}

#[cfg(test)]
#[path = "address_test.rs"]
mod address_test;
