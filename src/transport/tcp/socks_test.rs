//! A small proxy on a thread of its own, obedient or not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::*;
use crate::transport::testing::{accept, connect, listen, options};

/// Plays a script: waits for each first half and answers with the second, byte by byte.
fn proxy(script: Vec<(Vec<u8>, Vec<u8>)>) -> (Vec<u8>, JoinHandle<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string().into_bytes();
    let thread = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.set_nodelay(true).unwrap();
        for (expected, answer) in script {
            let mut got = vec![0; expected.len()];
            client.read_exact(&mut got).unwrap();
            assert_eq!(got, expected);
            for byte in answer {
                client.write_all(&[byte]).unwrap();
                thread::sleep(Duration::from_millis(1));
            }
        }
        client
    });
    (address, thread)
}

fn bytes(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

const GRANTED: &[u8] = &[5, 0, 0, 1, 127, 0, 0, 1, 0, 80];

#[test]
fn addresses_and_names_are_passed_on() {
    for (target, encoded) in [
        ("1.2.3.4:80", bytes(&[&[1, 1, 2, 3, 4, 0, 80]])),
        ("[::1]:258", bytes(&[&[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2]])),
        ("hidden.service:5555", bytes(&[&[3, 14], b"hidden.service", &[0x15, 0xb3]])),
    ] {
        for granted in [
            GRANTED.to_vec(),
            bytes(&[&[5, 0, 0, 3, 3], b"abc", &[0, 80]]),
            bytes(&[&[5, 0, 0, 4], &[9; 16], &[0, 80]]),
        ] {
            let (address, thread) = proxy(vec![
                (vec![5, 1, 0], vec![5, 0]),
                (bytes(&[&[5, 1, 0], &encoded]), bytes(&[&granted, b"peer"])),
            ]);
            let options = SocketOptions { socks_proxy_address: address, ..options() };
            let stream = connect(&format!("tcp://{target}"), &options).unwrap();
            let _kept = thread.join().unwrap();
            // What follows the reply belongs to the peer.
            let mut buffer = [0; 8];
            assert_eq!(stream.read(&mut buffer).unwrap(), 4);
            assert_eq!(&buffer[..4], b"peer");
        }
    }
}

#[test]
fn user_and_password() {
    let credentials = bytes(&[&[1, 4], b"user", &[6], b"secret"]);
    let request = vec![5, 1, 0, 1, 1, 2, 3, 4, 0, 80];
    for (status, expected) in [(0, None), (1, Some(Error::ACCES))] {
        let mut script = vec![(vec![5, 1, 2], vec![5, 2]), (credentials.clone(), vec![1, status])];
        if status == 0 {
            script.push((request.clone(), GRANTED.to_vec()));
        }
        let (address, thread) = proxy(script);
        let options = SocketOptions {
            socks_proxy_address: address,
            socks_proxy_username: b"user".to_vec(),
            socks_proxy_password: b"secret".to_vec(),
            ..options()
        };
        assert_eq!(connect("tcp://1.2.3.4:80", &options).err(), expected);
        thread.join().unwrap();
    }
}

#[test]
fn refusals_and_nonsense() {
    let request = vec![5, 1, 0, 1, 1, 2, 3, 4, 0, 80];
    let greet = || (vec![5, 1, 0], vec![5, 0]);
    for (script, error) in [
        (vec![(vec![5, 1, 0], vec![5, 0xff])], Error::ACCES),
        (vec![(vec![5, 1, 0], vec![5, 2])], Error::ACCES),
        (vec![(vec![5, 1, 0], vec![4, 0])], Error::PROTO),
        (vec![greet(), (request.clone(), vec![5, 5, 0, 1, 0, 0, 0, 0, 0, 0])], Error::CONNREFUSED),
        (vec![greet(), (request.clone(), vec![5, 4])], Error::HOSTUNREACH),
        (vec![greet(), (request.clone(), vec![5, 0, 1])], Error::PROTO),
        (vec![greet(), (request.clone(), vec![5, 0, 0, 9, 0])], Error::PROTO),
        (vec![greet(), (request.clone(), vec![5, 0, 0, 1, 0])], Error::CONNRESET),
        (vec![(vec![5, 1, 0], vec![])], Error::CONNRESET),
    ] {
        let (address, thread) = proxy(script);
        let closer = thread::spawn(move || drop(thread.join()));
        let options = SocketOptions { socks_proxy_address: address, ..options() };
        assert_eq!(connect("tcp://1.2.3.4:80", &options).err(), Some(error));
        closer.join().unwrap();
    }
}

#[test]
fn what_does_not_fit_is_refused_at_once() {
    let with = |proxy: &[u8], user: &[u8]| SocketOptions {
        socks_proxy_address: proxy.to_vec(),
        socks_proxy_username: user.to_vec(),
        ..options()
    };
    let proxy = b"127.0.0.1:1080";
    assert!(SocksDialer::new("a:1", &with(proxy, b"u")).is_ok());
    for (address, options) in [
        (format!("{}:1", "a".repeat(256)), with(proxy, b"")),
        ("a:0".into(), with(proxy, b"")),
        ("a".into(), with(proxy, b"")),
        ("a:1".into(), with(proxy, &[b'u'; 256])),
        ("a:1".into(), with(b"\xff:1", b"")),
    ] {
        assert_eq!(SocksDialer::new(&address, &options).err(), Some(Error::INVAL), "{address}");
    }
}

#[test]
fn dead_proxy() {
    let listener = listen("tcp://127.0.0.1:*", &options()).unwrap();
    let endpoint = listener.endpoint();
    let address = endpoint.strip_prefix("tcp://").unwrap();
    let through = SocketOptions { socks_proxy_address: address.into(), ..options() };
    let mut dialer = SocksDialer::new("1.2.3.4:80", &through).unwrap();
    let mut dial = dialer.start(Box::new(|| {}));
    let client = accept(&*listener, &options());
    while let Dial::Connecting(_) = dial {
        thread::sleep(Duration::from_millis(1));
        dial = dialer.poll();
    }
    assert!(matches!(dial, Dial::Negotiating(_)));
    assert!(matches!(dialer.poll(), Dial::Negotiating(_)), "called without need");
    assert!(matches!(dialer.abandon(), Dial::Failed(Error::TIMEDOUT)));
    assert_eq!(dialer.descriptor(), None);
    drop((client, listener));
    // A child that another test has just forked may listen there still: a port that nobody ever listens on.
    let nowhere = SocketOptions { socks_proxy_address: "127.0.0.1:1".into(), ..options() };
    assert_eq!(connect("tcp://1.2.3.4:80", &nowhere).err(), Some(Error::CONNREFUSED));
}
