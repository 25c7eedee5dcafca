//! Connects to a tcp address, `[source;]host:port`.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use super::tuning::Tuning;
use crate::error::{Error, Result};
use crate::options::SocketOptions;
use crate::sys::fd::OwnedFd;
use crate::sys::names::Query;
use crate::sys::{net, sockopt};
use crate::transport::address::{self, HostPort};
use crate::transport::resolver::{self, Lookup};
use crate::transport::{Dial, Dialer, Stream, Waker};

/// See the head of this file.
pub(in crate::transport) struct TcpDialer {
    address: String,
    scheme: &'static str,
    ipv6: bool,
    tuning: Tuning,
    lookup: Option<Lookup>,
    /// Where this round comes from; `None` leaves it to the system.
    source: Option<SocketAddr>,
    /// The addresses of this round that were not tried yet.
    targets: VecDeque<SocketAddr>,
    /// The attempt under way.
    socket: Option<OwnedFd>,
    /// The number of its descriptor, kept when it failed.
    last: Option<RawFd>,
    /// Why the last attempt of this round failed.
    error: Error,
}

impl TcpDialer {
    /// Transports on top of tcp have schemes of their own.
    pub(in crate::transport) fn new(
        address: &str,
        options: &SocketOptions,
        scheme: &'static str,
    ) -> TcpDialer {
        TcpDialer {
            address: address.to_owned(),
            scheme,
            ipv6: options.ipv6,
            tuning: Tuning::new(options),
            lookup: None,
            source: None,
            targets: VecDeque::new(),
            socket: None,
            last: None,
            error: Error::INVAL,
        }
    }

    fn begin(&mut self, wake: Waker) -> Result<()> {
        let target = match self.address.rsplit_once(';') {
            None => self.address.as_str(),
            Some((source, target)) => {
                let source = HostPort::parse(source, true)?;
                self.source = Some(source.resolve_local(self.ipv6, false)?);
                target
            }
        };
        let target = HostPort::parse(target, false)?;
        match target.literal(self.ipv6)? {
            Some(address) => self.targets.push_back(address),
            None => {
                let query = Query { ipv6: self.ipv6, numeric: false, passive: false };
                self.lookup = Some(resolver::look_up(target.host, query, wake)?);
            }
        }
        Ok(())
    }

    /// Takes over what a look-up found.
    fn resolved(&mut self, found: resolver::Found) -> Result<()> {
        let target = self.address.rsplit_once(';').map_or(&*self.address, |(_, target)| target);
        let target = HostPort::parse(target, false)?;
        let ipv6 = self.ipv6;
        self.targets = found?.into_iter().map(|(ip, scope)| target.with(ip, scope, ipv6)).collect();
        Ok(())
    }

    /// Tries the addresses that are left until one answers or is under way.
    fn try_next(&mut self) -> Dial {
        self.socket = None;
        while let Some(target) = self.targets.pop_front() {
            match self.attempt(target) {
                Ok((socket, true)) => {
                    let peer = net::peer_address(socket.as_fd());
                    match peer.and_then(|peer| self.finish(socket, peer.ip())) {
                        Ok(stream) => return self.done(stream),
                        Err(error) => self.error = error.into(),
                    }
                }
                Ok((socket, false)) => {
                    let descriptor = socket.as_raw_fd();
                    self.socket = Some(socket);
                    return Dial::Connecting(descriptor);
                }
                Err(error) => self.error = error.into(),
            }
        }
        Dial::Failed(self.error)
    }

    /// A socket, and whether it is connected already.
    fn attempt(&mut self, mut target: SocketAddr) -> io::Result<(OwnedFd, bool)> {
        let socket = match self.tuning.open(&target) {
            // A kernel without IPv6 still has IPv4.
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
                target = address::unmapped(target).ok_or(error)?;
                self.tuning.open(&target)?
            }
            opened => opened?,
        };
        self.last = Some(socket.as_raw_fd());
        if let Some(source) = self.source {
            // Several connections may come from one port as long as they go to different peers.
            sockopt::set(socket.as_fd(), sockopt::REUSE_ADDRESS, 1)?;
            let source =
                if target.is_ipv4() { address::unmapped(source) } else { None }.unwrap_or(source);
            net::bind(socket.as_fd(), &source.into())?;
        }
        let connected = net::connect(socket.as_fd(), &target.into())?;
        Ok((socket, connected))
    }

    /// Makes a stream of a connected socket.
    fn finish(&self, socket: OwnedFd, peer: Option<SocketAddr>) -> io::Result<Stream> {
        let local = net::local_address(socket.as_fd())?.ip();
        // A connect to a free port of this machine's ephemeral range may be given that very port
        // as its source and meet itself. Nobody listens there, so say what the kernel says then.
        if local.is_some() && local == peer {
            return Err(io::Error::from_raw_os_error(libc::ECONNREFUSED));
        }
        self.tuning.connected(socket.as_fd())?;
        Ok(Stream::connected(socket, self.scheme, local, peer))
    }

    fn done(&mut self, stream: Stream) -> Dial {
        self.cancel();
        Dial::Done(stream)
    }
}

impl Dialer for TcpDialer {
    fn start(&mut self, wake: Waker) -> Dial {
        self.cancel();
        self.last = None;
        self.error = Error::INVAL;
        if let Err(error) = self.begin(wake) {
            return Dial::Failed(error);
        }
        if self.lookup.is_some() { Dial::Resolving } else { self.try_next() }
    }

    fn poll(&mut self) -> Dial {
        if let Some(lookup) = &self.lookup {
            let Some(found) = lookup.take() else { return Dial::Resolving };
            self.lookup = None;
            return match self.resolved(found) {
                Ok(()) => self.try_next(),
                Err(error) => Dial::Failed(error),
            };
        }
        let Some(socket) = self.socket.take() else { return Dial::Failed(self.error) };
        let stream = match net::peer_address(socket.as_fd()) {
            Ok(peer) => self.finish(socket, peer.ip()),
            Err(error) if error.raw_os_error() == Some(libc::ENOTCONN) => {
                match sockopt::pending_error(socket.as_fd()) {
                    Err(error) => Err(error),
                    // Called too early.
                    Ok(()) => {
                        let descriptor = socket.as_raw_fd();
                        self.socket = Some(socket);
                        return Dial::Connecting(descriptor);
                    }
                }
            }
            Err(error) => Err(error),
        };
        match stream {
            Ok(stream) => self.done(stream),
            Err(error) => {
                self.error = error.into();
                self.try_next()
            }
        }
    }

    fn abandon(&mut self) -> Dial {
        self.lookup = None;
        self.error = Error::TIMEDOUT;
        self.try_next()
    }

    fn cancel(&mut self) {
        self.lookup = None;
        self.source = None;
        self.targets.clear();
        self.socket = None;
    }

    fn descriptor(&self) -> Option<RawFd> {
        self.socket.as_ref().map(AsRawFd::as_raw_fd)
    }

    fn last_descriptor(&self) -> Option<RawFd> {
        self.last
    }
}
