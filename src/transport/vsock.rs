//! The vsock transport, sockets between virtual machines and their host, vsock(7), and the same by its
//! older name vmci, zmq_vmci(7): `cid:port`, where `*` is any. `@` as cid is this machine's own by the older
//! name, and the host's by the newer, as in libzmq.

use std::os::fd::AsFd;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::options::SocketOptions;
use crate::sys::net::{self, Address};
use crate::sys::{names, sockopt};
use crate::transport::direct::{DirectDialer, DirectListener, Prepare};
use crate::transport::{Dialer, Listener, Transport};

/// The rows of the table: two names for one thing.
pub(super) struct Vsock {
    pub(super) scheme: &'static str,
}

impl Transport for Vsock {
    fn check_connect(&self, address: &str, _options: &SocketOptions) -> Result<()> {
        self.parse(address).map(drop)
    }

    fn listen(&self, address: &str, options: &SocketOptions) -> Result<Box<dyn Listener>> {
        let address = self.parse(address)?;
        let socket = net::socket(address.family(), libc::SOCK_STREAM, 0)?;
        prepare(options)(socket.as_fd())?;
        net::bind(socket.as_fd(), &address)?;
        net::listen(socket.as_fd(), options.backlog)?;
        let endpoint = endpoint(self.scheme, &net::local_address(socket.as_fd())?);
        let endpoint = endpoint.unwrap_or_default();
        Ok(Box::new(DirectListener::new(socket, endpoint, self.scheme)))
    }

    fn dialer(&self, address: &str, options: &SocketOptions) -> Result<Box<dyn Dialer>> {
        Ok(Box::new(DirectDialer::new(self.parse(address)?, self.scheme, prepare(options))))
    }

    fn connect_endpoint(&self, endpoint: &str, address: &str) -> String {
        let parsed =
            self.parse(address).ok().and_then(|address| self::endpoint(self.scheme, &address));
        parsed.unwrap_or_else(|| endpoint.to_owned())
    }
}

/// ZMQ_VMCI_BUFFER_SIZE and its like, ZMQ_VMCI_CONNECT_TIMEOUT.
fn prepare(options: &SocketOptions) -> Prepare {
    let buffers =
        [options.vmci_buffer_size, options.vmci_buffer_min_size, options.vmci_buffer_max_size];
    let timeout = u64::try_from(options.vmci_connect_timeout).ok().map(Duration::from_millis);
    Box::new(move |socket| {
        sockopt::set_vsock_buffers(socket, buffers)?;
        timeout.map_or(Ok(()), |timeout| sockopt::set_vsock_connect_timeout(socket, timeout))
    })
}

impl Vsock {
    fn parse(&self, address: &str) -> Result<Address> {
        let (cid, port) = address.rsplit_once(':').ok_or(Error::INVAL)?;
        let cid = match cid {
            "@" if self.scheme == "vsock" => libc::VMADDR_CID_HOST,
            "@" => names::local_cid()?,
            cid => number(cid, libc::VMADDR_CID_ANY)?,
        };
        Ok(Address::vsock(cid, number(port, libc::VMADDR_PORT_ANY)?))
    }
}

fn number(text: &str, any: u32) -> Result<u32> {
    match text {
        "*" | "-1" => Ok(any),
        text => text.parse().map_err(|_| Error::INVAL),
    }
}

/// The address as endpoint, if it is one of this kind.
pub(super) fn endpoint(scheme: &str, address: &Address) -> Option<String> {
    let (cid, port) = address.vsock_parts()?;
    let written = |number: u32, any| if number == any { "*".into() } else { number.to_string() };
    let cid: String = written(cid, libc::VMADDR_CID_ANY);
    Some(format!("{scheme}://{cid}:{}", written(port, libc::VMADDR_PORT_ANY)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::find;
    use crate::transport::testing::{accept, connect, listen, options};

    #[test]
    fn addresses() {
        let vsock = find("vsock").unwrap();
        for (address, expected) in [
            ("2:5555", "vsock://2:5555"),
            ("1:*", "vsock://1:*"),
            ("@:5555", "vsock://2:5555"),
            ("*:5555", "vsock://*:5555"),
            ("-1:-1", "vsock://*:*"),
            ("4294967294:1", "vsock://4294967294:1"),
        ] {
            assert_eq!(vsock.check_connect(address, &options()), Ok(()));
            assert_eq!(vsock.connect_endpoint("", address), expected);
        }
        for address in ["", ":", "2", "2:", ":5", "2:x", "x:2", "4294967296:1", "-2:1"] {
            assert_eq!(vsock.check_connect(address, &options()), Err(Error::INVAL), "{address}");
        }
        let vmci = find("vmci").unwrap();
        assert_eq!(vmci.connect_endpoint("", "2:5"), "vmci://2:5");
    }

    /// Over the loopback device (context id 1), which needs the module vsock_loopback.
    #[test]
    fn loopback_if_there_is_one() {
        let options = options();
        let Ok(listener) = listen("vsock://1:*", &options) else { return };
        let Ok(dialed) = connect(&listener.endpoint(), &options) else { return };
        let accepted = accept(&*listener, &options);
        assert_eq!(dialed.remote_endpoint(), listener.endpoint());
        assert_eq!(accepted.remote_endpoint(), dialed.local_endpoint());
        assert_eq!(dialed.write(b"hello").unwrap(), 5);
    }
}
