//! Packets; and the library itself where it is installed.

use super::*;
use crate::options::ContextOptions;
use crate::patterns::SocketType;
use crate::sys::{PollFd, poll};
use crate::transport::multicast;
use crate::transport::multicast::fuzz_test::{frame, plain};
use crate::transport::multicast::lacks;

type Messages<'a> = [&'a [&'a [u8]]];

const NONE: Limits = Limits { frame: u64::MAX, message: u64::MAX };

fn packets(payload: usize, messages: &Messages<'_>) -> Vec<Vec<u8>> {
    let mut packer = Packer { payload, ..Packer::default() };
    for message in messages {
        for (place, body) in message.iter().enumerate() {
            packer.push(frame(body, place + 1 < message.len()));
        }
    }
    let mut found = Vec::new();
    let mut packet = Vec::new();
    while packer.next_packet(true, &mut packet) {
        found.push(std::mem::take(&mut packet));
    }
    found
}

#[test]
fn the_bytes_are_those_of_libzmq() {
    assert_eq!(packets(100, &[&[b"a", b""], &[b"bc"]]), [b"\0\0\x02\x01a\x01\0\x03\0bc"]);
    let large = packets(200, &[&[&[7; 300]], &[b"x"]]);
    assert_eq!(large[0][..11], [0, 0, 0xff, 0, 0, 0, 0, 0, 0, 1, 45]);
    assert_eq!(large[1][..3], [0, 110, 7]);
    assert_eq!(packets(100, &[&[&[7; 300]]])[1][..2], [0xff, 0xff]);
}

#[test]
fn a_packet_waits_until_it_is_full_or_wanted() {
    let mut packer = Packer { payload: 10, ..Packer::default() };
    let mut packet = Vec::new();
    packer.push(frame(b"12345678", false));
    assert!(packer.next_packet(false, &mut packet));
    packer.push(frame(b"1", false));
    packet.clear();
    assert!(!packer.next_packet(false, &mut packet));
    assert!(packer.next_packet(true, &mut packet));
    assert_eq!(packet, b"\0\0\x02\x001");
}

#[test]
fn messages_come_together_again() {
    let big = vec![9; 70_000];
    let messages: [&[&[u8]]; 3] = [&[b"one"], &[b"topic", &big, b""], &[&[1; 254]]];
    for payload in [1, 7, 1400] {
        let (mut incoming, mut found) = (Incoming::default(), VecDeque::new());
        for packet in packets(payload, &messages) {
            assert_eq!(unpack(&mut incoming, &packet[OFFSET..], NONE, &mut found), Ok(()));
        }
        assert_eq!(plain(found.make_contiguous()), messages);
        assert!(incoming.is_between_messages());
    }
}

#[test]
fn what_is_no_frame_is_given_up() {
    let limits = Limits::new(4, 1);
    for bytes in [&b"\0"[..], b"\x06\0", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"] {
        assert!(unpack_all(bytes, usize::MAX, limits).1);
    }
}

#[test]
fn a_message_without_an_end_is_given_up() {
    let limits = Limits::new(100, 1);
    let part = b"\x02\x01x";
    let most = limits.message as usize / (size_of::<Message>() + 1);
    for (parts, broken) in [(most, false), (most + 1, true)] {
        for piece in [1, usize::MAX] {
            assert_eq!(unpack_all(&part.repeat(parts), piece, limits).1, broken, "{parts} parts");
        }
    }
    // What ends makes room.
    let whole = [&part.repeat(most)[..], b"\x02\0x"].concat();
    let (found, broken) = unpack_all(&whole.repeat(3), 7, limits);
    assert_eq!((found.len(), broken), (3, false));
}

#[test]
fn the_window_holds_what_the_rate_brings() {
    let mut options = SocketOptions::new(SocketType::Pub, &ContextOptions::default());
    assert_eq!((rate(&options), window(&options)), (12_500, 80));
    options.rate = i32::MAX;
    options.recovery_ivl = i32::MAX;
    assert_eq!((rate(&options), window(&options)), (i32::MAX, 1 << 22));
    assert_eq!(check_rate(&options), Ok(()));
    (options.rate, options.multicast_maxtpdu) = (8, 1000);
    assert_eq!(check_rate(&options), Ok(()));
    options.multicast_maxtpdu = 1001;
    assert_eq!(check_rate(&options), Err(Error::INVAL));
}

#[test]
fn a_publisher_reaches_a_subscriber() {
    // Another run of the tests on this machine shall not be heard.
    let address = format!("127.0.0.1;239.192.7.78:{}", 30_000 + std::process::id() % 10_000);
    let open = |kind, address: &str| {
        let mut options = SocketOptions::new(kind, &ContextOptions::default());
        options.rate = 100_000;
        multicast::open("epgm", address, &options)
    };
    let mut subscriber = match open(SocketType::Sub, &address) {
        Err(Error::PROTONOSUPPORT) => return lacks("OpenPGM"),
        Err(error) => panic!("no receiver on the loopback interface: {error}"),
        Ok(subscriber) => subscriber,
    };
    let Ok(mut publisher) = open(SocketType::Pub, &address) else { panic!("no sender") };
    assert!(publisher.sends() && !subscriber.sends());
    let big = vec![3; 100_000];
    let sent: [&[&[u8]]; 3] = [&[b"topic", &big], &[b""], &[b"a", b"b", b"c"]];
    let mut left: VecDeque<_> = sent
        .iter()
        .flat_map(|frames| frames.iter().enumerate().map(|(i, body)| (i + 1 < frames.len(), *body)))
        .collect();
    let mut found = Vec::new();
    for _ in 0..10_000 {
        while publisher.can_send()
            && let Some((more, body)) = left.pop_front()
        {
            publisher.send(frame(body, more));
        }
        publisher.flush();
        publisher.work();
        subscriber.work();
        found.extend(std::iter::from_fn(|| subscriber.receive()));
        if found.len() == sent.len() && publisher.is_idle() {
            break;
        }
        let mut items: Vec<_> = subscriber
            .descriptors()
            .into_iter()
            .map(|descriptor| PollFd::new(descriptor, libc::POLLIN))
            .collect();
        poll(&mut items, Some(Duration::from_millis(1))).unwrap();
    }
    assert_eq!(plain(&found), sent);
    for address in
        ["", "127.0.0.1;239.192.7.78", "127.0.0.1;239.192.7.78:x", "nosuchif0;239.1.1.1:5"]
    {
        assert_eq!(open(SocketType::Pub, address).err(), Some(Error::INVAL), "{address}");
    }
    assert_eq!(open(SocketType::Pair, &address).err(), Some(Error::NOCOMPATPROTO));
}
