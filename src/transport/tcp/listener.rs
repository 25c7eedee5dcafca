//! Listens at a tcp address, or at a listening socket the application made (ZMQ_USE_FD).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, RawFd};

use super::tuning::Tuning;
use crate::error::Result;
use crate::options::SocketOptions;
use crate::sys::fd::{self, OwnedFd};
use crate::sys::{net, sockopt};
use crate::transport::address::{self, HostPort};
use crate::transport::{Accept, Listener, Stream};

/// See the head of this file.
pub(in crate::transport) struct TcpListener {
    socket: OwnedFd,
    endpoint: String,
    scheme: &'static str,
}

impl TcpListener {
    /// Transports on top of tcp have schemes of their own.
    pub(in crate::transport) fn listen(
        address: &str,
        options: &SocketOptions,
        scheme: &'static str,
    ) -> Result<TcpListener> {
        let socket = if options.use_fd == -1 {
            // A source address has no meaning here, but may be written, and then be right.
            let address = match address.rsplit_once(';') {
                None => address,
                Some((source, local)) => {
                    HostPort::parse(source, true)?.resolve_local(options.ipv6, false)?;
                    local
                }
            };
            let address = HostPort::parse(address, true)?;
            open(&address, options)?
        } else {
            let socket = fd::inherit(options.use_fd)?;
            fd::set_nonblocking(socket.as_fd())?;
            socket
        };
        let local = net::local_address(socket.as_fd())?;
        let endpoint = local.ip().map(|ip| address::endpoint(scheme, &ip)).unwrap_or_default();
        Ok(TcpListener { socket, endpoint, scheme })
    }
}

/// A socket that listens at the address.
fn open(address: &HostPort<'_>, options: &SocketOptions) -> Result<OwnedFd> {
    let tuning = Tuning::new(options);
    let mut local = address.resolve_local(options.ipv6, true)?;
    let socket = match tuning.open(&local) {
        // A kernel without IPv6 still has IPv4.
        Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) && local.is_ipv6() => {
            local = address.resolve_local(false, true)?;
            tuning.open(&local)?
        }
        opened => opened?,
    };
    // A restarted server need not wait until its old connections are forgotten.
    sockopt::set(socket.as_fd(), sockopt::REUSE_ADDRESS, 1)?;
    net::bind(socket.as_fd(), &local.into())?;
    net::listen(socket.as_fd(), options.backlog)?;
    Ok(socket)
}

impl Listener for TcpListener {
    fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    fn accept(&self, options: &SocketOptions) -> io::Result<Accept> {
        let (socket, peer) = net::accept(self.socket.as_fd())?;
        let peer = peer.ip();
        if !is_welcome(peer.map(|peer| peer.ip()), options) {
            return Ok(Accept::Refused);
        }
        let tuning = Tuning::new(options);
        tuning.prefer(socket.as_fd(), peer.as_ref().is_some_and(SocketAddr::is_ipv6));
        tuning.connected(socket.as_fd())?;
        Ok(Accept::Stream(Stream::accepted(socket, self.scheme, peer)))
    }

    fn close(self: Box<Self>) {}
}

/// ZMQ_TCP_ACCEPT_FILTER: one that matches is enough, and without any everybody may come. A peer
/// that arrives mapped into IPv6 is also the IPv4 address that was meant.
fn is_welcome(peer: Option<IpAddr>, options: &SocketOptions) -> bool {
    let filters = &options.tcp_accept_filters;
    filters.is_empty()
        || peer.is_some_and(|peer| {
            filters.iter().any(|filter| filter.matches(peer) || filter.matches(peer.to_canonical()))
        })
}
