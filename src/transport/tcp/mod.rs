//! The tcp transport, libzmq's zmq_tcp(7).

mod dialer;
mod listener;
mod socks;
mod tuning;

pub(super) use dialer::TcpDialer;
pub(super) use listener::TcpListener;
use socks::SocksDialer;
#[cfg(any(test, fuzzing))]
pub(super) use socks::socks_fuzz_test;

#[cfg(test)]
mod tcp_test;

use crate::error::{Error, Result};
use crate::options::SocketOptions;
use crate::transport::address::{self, HostPort};
use crate::transport::{Dialer, Listener, Transport};

/// The row of the table.
pub(super) struct Tcp;

impl Transport for Tcp {
    fn check_connect(&self, address: &str, _options: &SocketOptions) -> Result<()> {
        if looks_connectable(address) { Ok(()) } else { Err(Error::INVAL) }
    }

    fn listen(&self, address: &str, options: &SocketOptions) -> Result<Box<dyn Listener>> {
        Ok(Box::new(TcpListener::listen(address, options, "tcp")?))
    }

    fn dialer(&self, address: &str, options: &SocketOptions) -> Result<Box<dyn Dialer>> {
        if options.socks_proxy_address.is_empty() {
            Ok(Box::new(TcpDialer::new(address, options, "tcp")))
        } else {
            Ok(Box::new(SocksDialer::new(address, options)?))
        }
    }

    fn other_spelling(&self, address: &str, options: &SocketOptions) -> Option<String> {
        let address = address.rsplit_once(';').map_or(address, |(_, target)| target);
        let found = HostPort::parse(address, true).ok()?.resolve_local(options.ipv6, true).ok()?;
        Some(address::endpoint("tcp", &found))
    }
}

/// A rough check that catches obvious mistakes: the characters of names, addresses, scopes, and a
/// source address with its `;`, and a port at the end that starts with a digit and is one.
fn looks_connectable(address: &str) -> bool {
    let starts_well =
        address.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[' || c == ':');
    let goes_on_well =
        address.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:%;[]_*".contains(&byte));
    let has_port = address.rsplit_once(':').is_some_and(|(_, port)| {
        let mut digits = port.split(|c: char| !c.is_ascii_digit());
        digits.next().is_some_and(|digits| digits.parse::<u16>().is_ok())
    });
    starts_well && goes_on_well && has_port
}
