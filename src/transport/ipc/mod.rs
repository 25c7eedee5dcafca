//! The ipc transport, unix domain sockets, libzmq's zmq_ipc(7): paths, `@name` for an abstract name, and
//! for binding `*` for a fresh path.

mod file;
mod listener;

#[cfg(test)]
mod ipc_test;

use crate::error::{Error, Result};
use crate::options::SocketOptions;
use crate::sys::net::Address;
use crate::transport::direct::DirectDialer;
use crate::transport::{Dialer, Listener, Transport};

/// The row of the table.
pub(super) struct Ipc;

impl Transport for Ipc {
    fn check_connect(&self, address: &str, _options: &SocketOptions) -> Result<()> {
        parse(address).map(drop)
    }

    fn listen(&self, address: &str, options: &SocketOptions) -> Result<Box<dyn Listener>> {
        Ok(Box::new(listener::IpcListener::listen(address, options)?))
    }

    fn dialer(&self, address: &str, _options: &SocketOptions) -> Result<Box<dyn Dialer>> {
        Ok(Box::new(DirectDialer::new(parse(address)?, "ipc", Box::new(|_| Ok(())))))
    }
}

/// NAMETOOLONG if the kernel has no room for it, INVAL for an abstract name without a name.
fn parse(address: &str) -> Result<Address> {
    let mut name = address.as_bytes().to_vec();
    if address == "@" {
        return Err(Error::INVAL);
    }
    if let Some(first @ b'@') = name.first_mut() {
        *first = 0;
    }
    Address::unix(&name).ok_or(Error::NAMETOOLONG)
}

/// The endpoint of a socket name; a peer that connects has none.
pub(super) fn endpoint(name: &[u8]) -> String {
    match name.split_first() {
        Some((0, rest)) if !rest.is_empty() => format!("ipc://@{}", String::from_utf8_lossy(rest)),
        _ => format!("ipc://{}", String::from_utf8_lossy(name)),
    }
}
