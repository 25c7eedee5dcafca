//! Connects to a unix socket. There is one address and no name, and the kernel answers at once.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use crate::error::{Error, Result};
use crate::sys::net::{self, Address};
use crate::sys::sockopt;
use crate::transport::{Dial, Dialer, Stream, Waker};

pub(super) struct IpcDialer {
    address: Address,
    /// An attempt that an interruption left under way.
    socket: Option<OwnedFd>,
}

impl IpcDialer {
    pub(super) fn new(address: Address) -> IpcDialer {
        IpcDialer { address, socket: None }
    }

    fn attempt(&self) -> Result<(OwnedFd, bool)> {
        let socket = net::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
        let connected = net::connect(socket.as_fd(), &self.address)?;
        Ok((socket, connected))
    }
}

impl Dialer for IpcDialer {
    fn start(&mut self, _wake: Waker) -> Dial {
        match self.attempt() {
            Ok((socket, true)) => Dial::Done(Stream::new(socket, "ipc")),
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
        if net::peer_address(socket.as_fd()).is_err() {
            let descriptor = socket.as_raw_fd();
            self.socket = Some(socket);
            return Dial::Connecting(descriptor);
        }
        Dial::Done(Stream::new(socket, "ipc"))
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
}
