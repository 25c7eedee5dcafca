//! A connected byte stream: what listeners accept and dialers make, and engines speak on.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use crate::sys::{credentials, net};
use crate::transport::{address, ipc};

/// Owns its descriptor: non-blocking, close-on-exec, never one of the standard streams. Every
/// method may be called from any thread; an error means that the connection is lost unless it is
/// WouldBlock.
#[derive(Debug)]
pub(crate) struct Stream {
    fd: OwnedFd,
    /// How its endpoints are written.
    scheme: &'static str,
}

impl Stream {
    pub(super) fn new(fd: OwnedFd, scheme: &'static str) -> Stream {
        Stream { fd, scheme }
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// 0 is the end of the stream.
    #[inline]
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        net::receive(self.fd.as_fd(), buffer)
    }

    /// 0 is the end of the stream.
    pub(crate) fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        net::receive_vectored(self.fd.as_fd(), buffers)
    }

    #[inline]
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        net::send(self.fd.as_fd(), bytes)
    }

    pub(crate) fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        net::send_vectored(self.fd.as_fd(), buffers)
    }

    /// The `Peer-Address` property of zmq_msg_gets(3): the ip address, or for a unix socket
    /// `localhost:uid:gid:pid`. Empty if the peer is gone already.
    pub(crate) fn peer_address(&self) -> String {
        let Ok(peer) = net::peer_address(self.fd.as_fd()) else { return String::new() };
        if let Some(ip) = peer.ip() {
            return address::host(&ip);
        }
        match credentials::peer(self.fd.as_fd()) {
            Some(who) => format!("localhost:{}:{}:{}", who.uid, who.gid, who.pid),
            None => String::from("localhost"),
        }
    }

    /// Our side as an endpoint, for monitor events.
    pub(crate) fn local_endpoint(&self) -> String {
        self.endpoint(net::local_address(self.fd.as_fd()))
    }

    /// The other side as an endpoint, for monitor events. Empty if the peer is gone already.
    pub(crate) fn remote_endpoint(&self) -> String {
        self.endpoint(net::peer_address(self.fd.as_fd()))
    }

    /// Ends the connection in both directions; the descriptor stays valid until the drop.
    pub(crate) fn shutdown(&self) {
        // The only failure is that the connection is gone, which is what was asked for.
        let _ = net::shutdown(self.fd.as_fd());
    }

    fn endpoint(&self, address: io::Result<net::Address>) -> String {
        let Ok(address) = address else { return String::new() };
        if let Some(ip) = address.ip() {
            return address::endpoint(self.scheme, &ip);
        }
        address.unix_name().map(|name| ipc::endpoint(&name)).unwrap_or_default()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
