//! Addresses and framing; the library itself where it is installed.

use super::*;
use crate::patterns::SocketType;
use crate::transport::multicast;
use crate::transport::multicast::fuzz_test::{frame, plain};
use crate::transport::multicast::lacks;

const NONE: Limits = Limits { frame: u64::MAX, message: u64::MAX };

#[test]
fn addresses() {
    let parse = |text: &str| Address::parse(text);
    let address = |node, interface: Option<&str>, group: &str, port| Address {
        node,
        interface: interface.map(|name| CString::new(name).unwrap()),
        group: CString::new(group).unwrap(),
        port,
    };
    assert_eq!(parse("224.1.2.3:5"), Ok(address(ANY_NODE, None, "224.1.2.3", 5)));
    assert_eq!(parse("7,eth0;224.1.2.3:5"), Ok(address(7, Some("eth0"), "224.1.2.3", 5)));
    assert_eq!(parse("7,224.1.2.3:5"), Ok(address(7, None, "224.1.2.3", 5)));
    assert_eq!(parse("lo;ff02::1:5"), Ok(address(ANY_NODE, Some("lo"), "ff02::1", 5)));
    for text in ["", "224.1.2.3", "224.1.2.3:", "224.1.2.3:x", "224.1.2.3:0", ":5", "x,a:5"] {
        assert_eq!(parse(text), Err(Error::INVAL), "{text}");
    }
}

fn encoded(messages: &[&[&[u8]]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        for (place, body) in message.iter().enumerate() {
            let mut frame = encode(place > 0, frame(body, place + 1 < message.len()));
            while !frame.has_gone() {
                bytes.extend_from_slice(frame.rest());
                frame.advance(frame.rest().len());
            }
        }
    }
    bytes
}

#[test]
fn the_bytes_are_those_of_libzmq() {
    assert_eq!(encoded(&[&[b"a", b""], &[b"bc"]]), b"\0\x01\x01a\xff\0\0\0\0\x02bc");
    let large = encoded(&[&[&[7; 256]]]);
    assert_eq!(large[..10], [0, 2, 0, 0, 0, 0, 0, 0, 1, 0]);
}

#[test]
fn messages_come_together_however_the_bytes_come() {
    let big = vec![9; 70_000];
    let bytes = encoded(&[&[b"one"], &[b"topic", &big, b""], &[b""]]);
    for step in [1, 7, 255, 8192, 1 << 20] {
        // The first byte is what brings it into step.
        let (found, broken) = unpack_all(&bytes[1..], step, NONE);
        let expected: [&[&[u8]]; 3] = [&[b"one"], &[b"topic", &big, b""], &[b""]];
        assert_eq!((plain(&found), broken), (expected.map(<[_]>::to_vec).to_vec(), false));
    }
}

#[test]
fn what_is_no_frame_is_given_up() {
    for (bytes, max_size) in [
        (&b"\0\x08\x01a"[..], u64::MAX),
        (b"\0\0\x05", 4),
        (b"\0\x02\xff\xff\xff\xff\xff\xff\xff\xff", u64::MAX),
    ] {
        let limits = Limits { frame: max_size, ..NONE };
        let (found, broken) = unpack_all(&bytes[1..], usize::MAX, limits);
        assert!(found.is_empty() && broken, "{bytes:?}");
    }
    let (found, broken) = unpack_all(b"\x04\x01c\0\0\x01m", usize::MAX, NONE);
    assert_eq!((plain(&found), broken), (vec![vec![&b"m"[..]]], false));
}

#[test]
fn a_publisher_reaches_a_subscriber() {
    use crate::options::ContextOptions;
    use crate::sys::{PollFd, poll};
    use std::time::Duration;

    // Another run of the tests on this machine shall not be heard.
    let process = std::process::id();
    let address = format!("{process},lo;239.192.7.77:{}", 20_000 + process % 10_000);
    let open = |kind| {
        let options = SocketOptions::new(kind, &ContextOptions::default());
        multicast::open("norm", &address, &options)
    };
    let mut subscriber = match open(SocketType::Sub) {
        Err(Error::PROTONOSUPPORT) => return lacks("NORM"),
        Err(error) => panic!("no receiver on the loopback interface: {error}"),
        Ok(subscriber) => subscriber,
    };
    let Ok(mut publisher) = open(SocketType::Pub) else { panic!("no sender") };
    assert!(publisher.sends() && !subscriber.sends());
    let big = vec![3; 100_000];
    let sent: [&[&[u8]]; 3] = [&[b"topic", &big], &[b""], &[b"a", b"b", b"c"]];
    let mut left: VecDeque<_> = sent
        .iter()
        .flat_map(|message| {
            message.iter().enumerate().map(|(i, body)| (i + 1 < message.len(), *body))
        })
        .collect();
    let mut found = Vec::new();
    while found.len() < sent.len() || !publisher.is_idle() {
        while publisher.can_send()
            && let Some((more, body)) = left.pop_front()
        {
            publisher.send(frame(body, more));
        }
        let mut items =
            [&publisher, &subscriber].map(|s| PollFd::new(s.descriptors()[0], libc::POLLIN));
        assert_ne!(poll(&mut items, Some(Duration::from_secs(10))).unwrap(), 0, "nothing happens");
        publisher.work();
        subscriber.work();
        found.extend(std::iter::from_fn(|| subscriber.receive()));
    }
    assert_eq!(plain(&found), sent);
    assert_eq!(open(SocketType::Pair).err(), Some(Error::NOCOMPATPROTO));
}
