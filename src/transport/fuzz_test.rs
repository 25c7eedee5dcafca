//! What the fuzzer feeds to the transports themselves: endpoints and datagrams. The parts that have
//! parsers of their own have their own doors beside them. See `crate::fuzz`.

use crate::endpoint::Endpoint;
use crate::fuzz::Input;
use crate::options::AcceptFilter;
use crate::patterns::SocketType;
use crate::transport::address::{self, HostPort};
use crate::transport::find;
use crate::transport::testing::options;
use crate::transport::udp::{self, UdpSocket};

/// Addresses of every kind. Names are not looked up; nothing is opened.
pub(crate) fn endpoints(data: &[u8]) {
    let mut input = Input(data);
    let ipv6 = input.flag();
    let bytes = input.rest();
    let _ = AcceptFilter::parse(bytes, ipv6);
    let Ok(text) = str::from_utf8(bytes) else { return };
    let mut options = options();
    options.ipv6 = ipv6;
    let address = match Endpoint::parse(text) {
        Ok(Endpoint { scheme, address }) => {
            assert_eq!(format!("{scheme}://{address}"), text);
            // The system's certificates are not what this is about.
            if let Some(transport) = find(scheme).filter(|_| scheme != "wss") {
                let checked = transport.check_connect(address, &options);
                transport.connect_endpoint(text, address);
                if checked.is_ok() {
                    let _ = transport.dialer(address, &options);
                }
            }
            address
        }
        Err(_) => text,
    };
    if !address.contains('\0') {
        for scheme in ["tcp", "ipc", "tipc", "vsock", "ws"] {
            let _ = find(scheme).map(|transport| transport.check_connect(address, &options));
        }
        let mut through = options.clone();
        through.socks_proxy_address = b"127.0.0.1:1".to_vec();
        let _ = find("tcp").map(|transport| transport.dialer(address, &through).is_ok());
    }
    for for_binding in [false, true] {
        let Ok(parsed) = HostPort::parse(address, for_binding) else { continue };
        if let Ok(Some(found)) = parsed.literal(ipv6) {
            assert_eq!(found.port(), parsed.port);
            let again = address::endpoint("tcp", &found);
            let again = Endpoint::parse(&again).unwrap().address.to_owned();
            if let Ok(again) = HostPort::parse(&again, for_binding) {
                assert_eq!(again.port, found.port());
            }
        }
    }
}

/// Datagrams as DISH and DGRAM get them, and receivers as DGRAM names them.
pub(crate) fn datagrams(data: &[u8]) {
    if let Some(datagram) = udp::parse_group(data) {
        let again = [&[datagram.head.len() as u8][..], &datagram.head, datagram.body].concat();
        assert_eq!(again, data);
    }
    for ipv6 in [false, true] {
        if let Some(to) = udp::receiver(data, ipv6) {
            assert_ne!(to.port(), 0);
            let head = udp::sender(to);
            // A scope means nothing to IPv4.
            let again = udp::receiver(&head, ipv6).unwrap();
            assert_eq!((again.ip(), again.port()), (to.ip(), to.port()));
        }
    }
    // Only what is numeric: names would be looked up.
    let mut options = options();
    options.kind = SocketType::Pair;
    let Ok(text) = str::from_utf8(data) else { return };
    let numeric = |text: &str| {
        HostPort::parse_host(text).is_ok_and(|host| matches!(host.literal(true), Ok(Some(_))))
    };
    let (interface, target) = text.rsplit_once(';').unwrap_or(("127.0.0.1", text));
    let host = target.rsplit_once(':').map_or("", |(host, _)| host);
    if numeric(interface) && numeric(host) {
        // A PAIR has no datagrams: the address is parsed, and then it is told.
        assert!(UdpSocket::bind(text, &options).is_err());
    }
}
