//! Connecting and listening where an address is one address, nothing to resolve: ipc, vsock, tipc.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use crate::error::{Error, Result};
use crate::options::SocketOptions;
use crate::sys::fd::OwnedFd;
use crate::sys::net::{self, Address};
use crate::sys::sockopt;
use crate::transport::{Accept, Dial, Dialer, Listener, Stream, Waker};

/// Connects to its one address.
pub(super) struct DirectDialer {
    address: Address,
    scheme: &'static str,
    prepare: Prepare,
    /// The attempt under way.
    socket: Option<OwnedFd>,
    /// The number of its descriptor, kept when it failed.
    last: Option<RawFd>,
}

/// Sets what a socket needs before it connects or listens.
pub(super) type Prepare = Box<dyn Fn(BorrowedFd<'_>) -> io::Result<()> + Send>;

impl DirectDialer {
    pub(super) fn new(address: Address, scheme: &'static str, prepare: Prepare) -> DirectDialer {
        DirectDialer { address, scheme, prepare, socket: None, last: None }
    }

    fn attempt(&mut self) -> Result<(OwnedFd, bool)> {
        self.last = None;
        let socket = net::socket(self.address.family(), libc::SOCK_STREAM, 0)?;
        self.last = Some(socket.as_raw_fd());
        (self.prepare)(socket.as_fd())?;
        let connected = net::connect(socket.as_fd(), &self.address)?;
        Ok((socket, connected))
    }
}

impl Dialer for DirectDialer {
    fn start(&mut self, _wake: Waker) -> Dial {
        match self.attempt() {
            Ok((socket, true)) => Dial::Done(Stream::new(socket, self.scheme)),
            Ok((socket, false)) => {
                let descriptor = socket.as_raw_fd();
                self.socket = Some(socket);
                Dial::Connecting(descriptor)
            }
            Err(error) => Dial::Failed(error),
        }
    }

    fn poll(&mut self) -> Dial {
        let Some(socket) = self.socket.take() else { return Dial::Failed(Error::CONNREFUSED) };
        if let Err(error) = sockopt::pending_error(socket.as_fd()) {
            return Dial::Failed(error.into());
        }
        match net::peer_address(socket.as_fd()) {
            Ok(_) => Dial::Done(Stream::new(socket, self.scheme)),
            // Called too early.
            Err(error) if error.raw_os_error() == Some(libc::ENOTCONN) => {
                let descriptor = socket.as_raw_fd();
                self.socket = Some(socket);
                Dial::Connecting(descriptor)
            }
            Err(error) => Dial::Failed(error.into()),
        }
    }

    fn abandon(&mut self) -> Dial {
        self.cancel();
        Dial::Failed(Error::TIMEDOUT)
    }

    fn cancel(&mut self) {
        self.socket = None;
    }

    fn descriptor(&self) -> Option<RawFd> {
        self.socket.as_ref().map(AsRawFd::as_raw_fd)
    }

    fn last_descriptor(&self) -> Option<RawFd> {
        self.last
    }
}

/// Accepts at its one address.
pub(super) struct DirectListener {
    socket: OwnedFd,
    endpoint: String,
    scheme: &'static str,
}

impl DirectListener {
    /// Wraps a listening socket.
    pub(super) fn new(socket: OwnedFd, endpoint: String, scheme: &'static str) -> DirectListener {
        DirectListener { socket, endpoint, scheme }
    }
}

impl Listener for DirectListener {
    fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    fn accept(&self, _options: &SocketOptions) -> io::Result<Accept> {
        let (socket, _) = net::accept(self.socket.as_fd())?;
        Ok(Accept::Stream(Stream::new(socket, self.scheme)))
    }

    fn close(self: Box<Self>) {}
}
