//! The tipc transport, libzmq's zmq_tipc(7): `{type,lower,upper}` is bound, `{type,instance}@z.c.n` is
//! connected to, and `<z.c.n:reference>` names one socket (`<*>` binds to whatever there is).

use std::os::fd::AsFd;

use crate::error::{Error, Result};
use crate::options::SocketOptions;
use crate::sys::net::{self, Address, TipcAddress};
use crate::transport::direct::{DirectDialer, DirectListener};
use crate::transport::{Dialer, Listener, Transport};

/// Types below are the network's own.
const RESERVED_TYPES: u32 = 64;
/// TIPC_ZONE_SCOPE: visible in the whole network.
const ZONE_SCOPE: i8 = 1;

/// The row of the table.
pub(super) struct Tipc;

/// What can be written as an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parsed {
    Any,
    Address(TipcAddress),
}

impl Transport for Tipc {
    fn check_connect(&self, address: &str, _options: &SocketOptions) -> Result<()> {
        parse_peer(address).map(drop)
    }

    fn listen(&self, address: &str, options: &SocketOptions) -> Result<Box<dyn Listener>> {
        let parsed = parse(address)?;
        let socket = net::socket(TipcAddress::FAMILY, libc::SOCK_STREAM, 0)?;
        match parsed {
            Parsed::Any => {}
            // The network gives these out.
            Parsed::Address(address) if address.kind == TipcAddress::PORT => {
                return Err(Error::INVAL);
            }
            Parsed::Address(address) => net::bind(socket.as_fd(), &Address::tipc(address))?,
        }
        net::listen(socket.as_fd(), options.backlog)?;
        let endpoint = endpoint(&net::local_address(socket.as_fd())?).unwrap_or_default();
        Ok(Box::new(DirectListener::new(socket, endpoint, "tipc")))
    }

    fn dialer(&self, address: &str, _options: &SocketOptions) -> Result<Box<dyn Dialer>> {
        let address = Address::tipc(parse_peer(address)?);
        Ok(Box::new(DirectDialer::new(address, "tipc", Box::new(|_| Ok(())))))
    }

    fn connect_endpoint(&self, endpoint: &str, address: &str) -> String {
        let parsed = parse_peer(address).ok();
        let parsed = parsed.and_then(|address| self::endpoint(&Address::tipc(address)));
        parsed.unwrap_or_else(|| endpoint.to_owned())
    }

    fn binds_names(&self) -> bool {
        true
    }
}

/// An address to connect to.
fn parse_peer(address: &str) -> Result<TipcAddress> {
    match parse(address)? {
        Parsed::Address(address) => Ok(address),
        Parsed::Any => Err(Error::INVAL),
    }
}

fn parse(address: &str) -> Result<Parsed> {
    if address.starts_with("<*>") {
        return Ok(Parsed::Any);
    }
    if let Some(port) = address.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        let (node, reference) = port.split_once(':').ok_or(Error::INVAL)?;
        let numbers = [number(reference)?, parse_node(node)?, 0];
        return Ok(Parsed::Address(TipcAddress::new(TipcAddress::PORT, 0, numbers)));
    }
    let (name, domain) = match address.split_once('@') {
        Some((name, domain)) => (name, parse_node(domain)?),
        // 1.0.0: the own zone.
        None => (address, 1 << 24),
    };
    let name = name.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let numbers: Vec<u32> =
        name.ok_or(Error::INVAL)?.split(',').map(number).collect::<Result<_>>()?;
    match numbers[..] {
        [kind, lower, upper] if kind >= RESERVED_TYPES && lower <= upper => {
            let numbers = [kind, lower, upper];
            Ok(Parsed::Address(TipcAddress::new(TipcAddress::RANGE, ZONE_SCOPE, numbers)))
        }
        [kind, instance] if kind > RESERVED_TYPES => {
            let numbers = [kind, instance, domain];
            Ok(Parsed::Address(TipcAddress::new(TipcAddress::NAME, 0, numbers)))
        }
        _ => Err(Error::INVAL),
    }
}

/// `zone.cluster.node` as one number.
fn parse_node(text: &str) -> Result<u32> {
    let mut parts = text.split('.').map(number);
    let (Some(zone), Some(cluster), Some(node), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Error::INVAL);
    };
    match (zone?, cluster?, node?) {
        (zone @ 0..=0xff, cluster @ 0..=0xfff, node @ 0..=0xfff) => {
            Ok(zone << 24 | cluster << 12 | node)
        }
        _ => Err(Error::INVAL),
    }
}

fn number(text: &str) -> Result<u32> {
    text.trim_start().parse().map_err(|_| Error::INVAL)
}

/// The address as endpoint, if it is one of this kind; written as libzmq writes it.
pub(super) fn endpoint(address: &Address) -> Option<String> {
    let address = address.tipc_address()?;
    let [first, second, third] = address.numbers;
    Some(if address.kind == TipcAddress::PORT {
        let (zone, cluster, node) = (second >> 24, second >> 12 & 0xfff, second & 0xfff);
        format!("tipc://<{zone}.{cluster}.{node}:{first}>")
    } else {
        format!("tipc://{{{first}, {second}, {third}}}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::find;
    use crate::transport::testing::{accept, connect, listen, options};

    #[test]
    fn addresses() {
        let address =
            |kind, scope, numbers| Ok(Parsed::Address(TipcAddress::new(kind, scope, numbers)));
        for (text, expected) in [
            ("{5560,0,0}", address(1, 1, [5560, 0, 0])),
            ("{5560, 0, 100}", address(1, 1, [5560, 0, 100])),
            ("{64,0,0}", address(1, 1, [64, 0, 0])),
            ("{5560,7}", address(2, 0, [5560, 7, 1 << 24])),
            ("{5560,0}@0.0.0", address(2, 0, [5560, 0, 0])),
            ("{5560,0}@1.2.3", address(2, 0, [5560, 0, 1 << 24 | 2 << 12 | 3])),
            ("<1.1.1:77>", address(3, 0, [77, 1 << 24 | 1 << 12 | 1, 0])),
            ("<*>", Ok(Parsed::Any)),
            ("{63,0,0}", Err(Error::INVAL)),
            ("{64,0}", Err(Error::INVAL)),
            ("{5560,2,1}", Err(Error::INVAL)),
            ("{5560}", Err(Error::INVAL)),
            ("{5560,0}@0.0", Err(Error::INVAL)),
            ("{5560,0}@0.0.0.0", Err(Error::INVAL)),
            ("{5560,0}@0.4096.0", Err(Error::INVAL)),
            ("<1.1:77>", Err(Error::INVAL)),
            ("5560,0,0", Err(Error::INVAL)),
            ("", Err(Error::INVAL)),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        let tipc = find("tipc").unwrap();
        assert_eq!(tipc.check_connect("<*>", &options()), Err(Error::INVAL));
        let endpoint = tipc.connect_endpoint("", "{5560,0}@0.0.0");
        assert_eq!(endpoint, "tipc://{5560, 0, 0}");
        assert_eq!(tipc.connect_endpoint("", "<1.2.3:4>"), "tipc://<1.2.3:4>");
    }

    #[test]
    fn round_trip_if_the_kernel_has_tipc() {
        let options = options();
        assert!(listen("tipc://<1.1.1:5>", &options).is_err());
        let Ok(listener) = listen("tipc://{5560,0,0}", &options) else { return };
        let Ok(dialed) = connect("tipc://{5560,0}@0.0.0", &options) else { return };
        let accepted = accept(&*listener, &options);
        assert_eq!(accepted.remote_endpoint(), dialed.local_endpoint());
        assert_eq!(dialed.write(b"hello").unwrap(), 5);
    }
}
