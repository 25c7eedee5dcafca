//! Addresses after libzmq's unittest_udp_address, and datagrams on the loopback interface.

use std::time::Duration;

use super::*;
use crate::options::ContextOptions;
use crate::sys::{PollFd, poll};

fn options(kind: SocketType) -> SocketOptions {
    SocketOptions::new(kind, &ContextOptions::default())
}

fn parsed(text: &str, for_binding: bool, ipv6: bool) -> Result<(String, String)> {
    let address = UdpAddress::parse(text, for_binding, ipv6)?;
    Ok((address.target.to_string(), address.local.to_string()))
}

#[test]
fn addresses() {
    let (bind, connect, v4, v6) = (true, false, false, true);
    let index = crate::sys::names::interface_index("lo").is_some();
    assert!(index);
    for (text, for_binding, ipv6, expected) in [
        ("127.0.0.1:5555", connect, v4, Ok(("127.0.0.1:5555", "0.0.0.0:5555"))),
        ("[::1]:123", connect, v6, Ok(("[::1]:123", "[::]:123"))),
        ("localhost:5555", connect, v4, Ok(("127.0.0.1:5555", "0.0.0.0:5555"))),
        ("127.0.0.1:5555", bind, v4, Ok(("127.0.0.1:5555", "127.0.0.1:5555"))),
        ("*:*", bind, v4, Ok(("0.0.0.0:0", "0.0.0.0:0"))),
        ("*:5555", bind, v6, Ok(("[::]:5555", "[::]:5555"))),
        ("lo:5555", bind, v4, Ok(("127.0.0.1:5555", "127.0.0.1:5555"))),
        ("*:5555", connect, v4, Err(Error::INVAL)),
        ("127.0.0.1:*", connect, v4, Err(Error::INVAL)),
        ("127.0.0.1:0", connect, v4, Ok(("127.0.0.1:0", "0.0.0.0:0"))),
        ("239.0.0.1:1234", bind, v4, Ok(("239.0.0.1:1234", "0.0.0.0:1234"))),
        ("[ff00::1]:1234", bind, v6, Ok(("[ff00::1]:1234", "[::]:1234"))),
        ("239.0.0.1:2222", connect, v4, Ok(("239.0.0.1:2222", "0.0.0.0:2222"))),
        ("127.0.0.1;230.2.8.12:5555", bind, v4, Ok(("230.2.8.12:5555", "127.0.0.1:5555"))),
        ("lo;230.2.8.12:5555", bind, v4, Ok(("230.2.8.12:5555", "127.0.0.1:5555"))),
        ("[::1];[ffab::4]:5555", bind, v6, Err(Error::NODEV)),
        ("*;230.2.8.12:5555", bind, v4, Ok(("230.2.8.12:5555", "0.0.0.0:5555"))),
        ("*;[ffff::]:5555", bind, v6, Ok(("[ffff::]:5555", "[::]:5555"))),
        ("8.9.10.11;230.2.8.12:5555", connect, v4, Ok(("230.2.8.12:5555", "8.9.10.11:5555"))),
        ("*;230.2.8.12:5555", connect, v4, Ok(("230.2.8.12:5555", "0.0.0.0:5555"))),
        ("127.0.0.1;1.2.3.4:5555", bind, v4, Err(Error::INVAL)),
        ("127.0.0.1;1.2.3.4:5555", connect, v4, Err(Error::INVAL)),
        ("239.0.0.1;230.2.8.12:5555", bind, v4, Err(Error::INVAL)),
        ("nosuchif0;230.2.8.12:5555", bind, v4, Err(Error::NODEV)),
        // Mapped groups are IPv4 ones.
        ("239.0.0.1:1234", bind, v6, Ok(("239.0.0.1:1234", "0.0.0.0:1234"))),
        ("*;239.0.0.1:1234", bind, v6, Ok(("239.0.0.1:1234", "0.0.0.0:1234"))),
        ("127.0.0.1;239.0.0.1:1234", bind, v6, Ok(("239.0.0.1:1234", "127.0.0.1:1234"))),
        ("127.0.0.1", bind, v4, Err(Error::INVAL)),
        ("", connect, v4, Err(Error::INVAL)),
    ] {
        let expected = expected.map(|(target, local)| (target.to_owned(), local.to_owned()));
        assert_eq!(parsed(text, for_binding, ipv6), expected, "{text} {for_binding} {ipv6}");
    }
}

#[test]
fn kinds_of_sockets() {
    let address = "127.0.0.1:*";
    for kind in [SocketType::Radio, SocketType::Pair] {
        assert_eq!(UdpSocket::bind(address, &options(kind)).err(), Some(Error::NOCOMPATPROTO));
    }
    for kind in [SocketType::Dish, SocketType::Dgram, SocketType::Pub] {
        let failed = UdpSocket::connect("127.0.0.1:5", &options(kind)).err();
        assert_eq!(failed, Some(Error::NOCOMPATPROTO));
    }
    let dish = UdpSocket::bind(address, &options(SocketType::Dish)).unwrap();
    assert!(dish.receives() && !dish.sends());
    assert_eq!(dish.last_endpoint(), address);
    assert!(dish.send(b"a", b"b").is_err());
    let elsewhere = UdpSocket::bind("192.0.2.1:5", &options(SocketType::Dish));
    assert_eq!(elsewhere.err(), Some(Error::ADDRNOTAVAIL));
}

/// The port that the system chose.
fn port(socket: &UdpSocket) -> u16 {
    net::local_address(socket.fd.as_fd()).unwrap().ip().unwrap().port()
}

fn receive(socket: &UdpSocket) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut items = [PollFd::new(socket.descriptor(), libc::POLLIN)];
    assert_eq!(poll(&mut items, Some(Duration::from_secs(5))).unwrap(), 1, "nothing came");
    let mut buffer = vec![0; DATAGRAM_MAX];
    let datagram = socket.receive(&mut buffer).unwrap()?;
    Some((datagram.head.into_owned(), datagram.body.to_vec()))
}

#[test]
fn groups_travel_with_bodies() {
    let dish = UdpSocket::bind("127.0.0.1:*", &options(SocketType::Dish)).unwrap();
    let target = format!("127.0.0.1:{}", port(&dish));
    let radio = UdpSocket::connect(&target, &options(SocketType::Radio)).unwrap();
    // #4296: libzmq overflowed its buffer from 7,936 bytes on.
    for size in [0, 1, 7_935, 7_936, 8_192, 60_000] {
        for group in [&b""[..], b"tv", &[b'g'; 128], &[b'g'; 255]] {
            let body = vec![b'b'; size];
            radio.send(group, &body).unwrap();
            assert_eq!(receive(&dish), Some((group.to_vec(), body)));
        }
    }
    assert!(radio.send(b"tv", &[0; 65_536]).is_err());
    assert!(radio.send(&[b'g'; 256], b"").is_err());
    radio.send(b"tv", b"still alive").unwrap();
    assert_eq!(receive(&dish), Some((b"tv".to_vec(), b"still alive".to_vec())));
    let error = dish.receive(&mut [0; DATAGRAM_MAX]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn nonsense_is_no_message() {
    let dish = UdpSocket::bind("127.0.0.1:*", &options(SocketType::Dish)).unwrap();
    let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for datagram in [&b""[..], &[1], &[0x80; 100], &[255; 255], &[3, b'a', b'b']] {
        peer.send_to(datagram, ("127.0.0.1", port(&dish))).unwrap();
        assert_eq!(receive(&dish), None, "{datagram:?}");
    }
    peer.send_to(&[0], ("127.0.0.1", port(&dish))).unwrap();
    assert_eq!(receive(&dish), Some((vec![], vec![])));
}

#[test]
fn dgram_names_its_peers() {
    let mut ipv6 = options(SocketType::Dgram);
    ipv6.ipv6 = true;
    for (first, second) in [
        (options(SocketType::Dgram), options(SocketType::Dgram)),
        (ipv6.clone(), options(SocketType::Dgram)),
        (options(SocketType::Dgram), ipv6),
    ] {
        let first = UdpSocket::bind("*:*", &first).unwrap();
        let second = UdpSocket::bind("*:*", &second).unwrap();
        first.send(format!("127.0.0.1:{}", port(&second)).as_bytes(), b"hello").unwrap();
        let (from, body) = receive(&second).unwrap();
        assert_eq!(from, format!("127.0.0.1:{}\0", port(&first)).as_bytes());
        assert_eq!(body, b"hello");
        second.send(&from, b"world").unwrap();
        assert_eq!(receive(&first).unwrap().1, b"world");
        for nowhere in [&b""[..], b"127.0.0.1", b"127.0.0.1:0", b"localhost:5", b"\xff:1"] {
            assert!(first.send(nowhere, b"x").is_err());
        }
    }
}

#[test]
fn ipv6_dgram() {
    let mut options = options(SocketType::Dgram);
    options.ipv6 = true;
    let (first, second) = (
        UdpSocket::bind("[::1]:*", &options).unwrap(),
        UdpSocket::bind("[::1]:*", &options).unwrap(),
    );
    first.send(format!("[::1]:{}", port(&second)).as_bytes(), b"hello").unwrap();
    let (from, _) = receive(&second).unwrap();
    assert_eq!(from, format!("[::1]:{}\0", port(&first)).as_bytes());
    second.send(&from, b"world").unwrap();
    assert_eq!(receive(&first).unwrap().1, b"world");
}

#[test]
fn multicast_on_loopback() {
    // Both share one port, as receivers of a group do.
    let probe = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let group = format!("lo;239.255.41.7:{}", probe.local_addr().unwrap().port());
    drop(probe);
    let dishes = [(); 2].map(|()| UdpSocket::bind(&group, &options(SocketType::Dish)).unwrap());
    let radio = UdpSocket::connect(&group, &options(SocketType::Radio)).unwrap();
    radio.send(b"tv", b"news").unwrap();
    for dish in &dishes {
        assert_eq!(receive(dish), Some((b"tv".to_vec(), b"news".to_vec())));
    }
}
