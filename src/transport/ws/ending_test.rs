//! What a peer said before the end, and that the end is told although nothing more comes: no further byte, and no end
//! of the tcp connection.

use std::io::{ErrorKind, IoSliceMut, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustls::{ClientConnection, Connection};

use super::*;
use crate::transport::testing::options;

pub(super) const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: ZWS2.0\r\n\r\n";
const HELLO: &[u8] = &[0x82, 0x83, 0, 0, 0, 0, 0, b'h', b'i'];
const CLOSE: &[u8] = &[0x88, 0x82, 0, 0, 0, 0, 3, 0xe8];
const TEXT: &[u8] = &[0x81, 0x81, 0, 0, 0, 0, b'x'];

/// A client by hand.
pub(super) struct Peer {
    pub(super) socket: UnixStream,
    pub(super) tls: Option<Connection>,
}

impl Peer {
    /// All of it at once.
    pub(super) fn say(&mut self, bytes: &[u8], and_good_bye: bool) {
        let Some(tls) = &mut self.tls else { return self.socket.write_all(bytes).unwrap() };
        tls.writer().write_all(bytes).unwrap();
        if and_good_bye {
            tls.send_close_notify();
        }
        let mut wire = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut wire).unwrap();
        }
        self.socket.write_all(&wire).unwrap();
    }

    fn shake_hands(&mut self, server: &Stream) {
        let Some(tls) = &mut self.tls else { return };
        while tls.is_handshaking() {
            while tls.wants_write() {
                tls.write_tls(&mut self.socket).unwrap();
            }
            assert_eq!(server.read(&mut [0; 64]).unwrap_err().kind(), ErrorKind::WouldBlock);
            while tls.read_tls(&mut self.socket).is_ok() {
                tls.process_new_packets().unwrap();
            }
        }
    }
}

/// A stranger who has not said anything yet.
pub(super) fn stranger(encrypted: bool) -> (Peer, Stream) {
    let (left, right) = UnixStream::pair().unwrap();
    left.set_nonblocking(true).unwrap();
    right.set_nonblocking(true).unwrap();
    let certificate = include_str!("testdata/self.pem");
    let options = SocketOptions {
        wss_cert_pem: certificate.into(),
        wss_key_pem: include_str!("testdata/self_key.pem").into(),
        wss_trust_pem: certificate.into(),
        ..options()
    };
    let server = encrypted.then(|| Tls::server(&options).unwrap());
    let client = encrypted.then(|| {
        let Tls::Client(config, name) = Tls::client(&options).unwrap() else { panic!("no client") };
        ClientConnection::new(config, name).unwrap().into()
    });
    let stream = Stream::new(OwnedFd::from(left).into(), "ws");
    let security = Security::new(&options);
    let server = layered(stream, server.as_ref(), Side::Server, security, u64::MAX).unwrap();
    (Peer { socket: right, tls: client }, server)
}

/// A stranger after the upgrade, of whom the greeting was read.
fn meet(encrypted: bool) -> (Peer, Stream) {
    let (mut peer, server) = stranger(encrypted);
    peer.shake_hands(&server);
    peer.say(REQUEST, false);
    assert_eq!(server.read(&mut [0; 64]).unwrap(), 12);
    (peer, server)
}

/// What ends the connection, and what who reads is told.
fn endings(encrypted: bool) -> Vec<(&'static [u8], Option<ErrorKind>)> {
    let mut endings = vec![(CLOSE, None), (TEXT, Some(ErrorKind::InvalidData))];
    endings.extend(encrypted.then_some((&[][..], None)));
    endings
}

#[test]
fn the_end_behind_a_message_is_told() {
    for encrypted in [false, true] {
        for (ending, told) in endings(encrypted) {
            for room in [1, 4, 5, 8, 100, 5000] {
                let (mut peer, server) = meet(encrypted);
                peer.say(&[HELLO, HELLO, ending].concat(), ending.is_empty());
                let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
                let end = loop {
                    match server.read(&mut buffer) {
                        Ok(0) => break None,
                        Ok(count) => all.extend_from_slice(&buffer[..count]),
                        Err(error) => break Some(error.kind()),
                    }
                    assert!(all.len() % room == 0 || server.left_early(), "{ending:?}, {room}");
                    // TLS has taken everything from the descriptor, which tells nothing any more.
                    assert!(!encrypted || server.holds(), "{ending:?}, {room}");
                };
                assert_eq!((&all[..], end), (&b"\0\x02hi\0\x02hi"[..], told), "{ending:?}, {room}");
                assert!(server.holds());
            }
        }
    }
}

/// A session reads the rest of a large body to where it belongs, and what follows beside it.
#[test]
fn the_end_behind_a_large_body_is_told() {
    for encrypted in [false, true] {
        for (ending, told) in endings(encrypted) {
            let (mut peer, server) = meet(encrypted);
            let frame = [&[0x82, 0xfe, 0x13, 0x89, 0, 0, 0, 0, 0][..], &[7; 5000]].concat();
            peer.say(&[&frame, ending].concat(), ending.is_empty());
            let (mut header, mut large, mut rest) = ([0; 9], [0; 5000], [0; 512]);
            assert_eq!(server.read(&mut header).unwrap(), 9);
            let mut pieces = [IoSliceMut::new(&mut large), IoSliceMut::new(&mut rest)];
            assert_eq!(server.read_vectored(&mut pieces).unwrap(), 5000);
            assert!(server.left_early() && server.holds(), "{ending:?}");
            let end = server.read(&mut rest).map_err(|error| error.kind());
            assert_eq!(end, told.map_or(Ok(0), Err), "{ending:?}");
        }
    }
}

/// Nobody is told of what a peer says behind its good-bye, nor answers it.
#[test]
fn nothing_follows_a_good_bye() {
    let (mut peer, server) = meet(false);
    peer.say(&[CLOSE, HELLO, CLOSE, HELLO].concat(), false);
    for _ in 0..3 {
        assert_eq!(server.read(&mut [0; 64]).unwrap(), 0);
    }
    let mut answer = [0; 1000];
    let count = peer.socket.read(&mut answer).unwrap();
    assert!(answer[..count].ends_with(b"\r\n\r\n\x88\x02\x03\xe8"));
}

/// What somebody has put into the connection on its way, say.
#[test]
fn a_broken_record_is_told_behind_a_message() {
    let (mut peer, server) = meet(true);
    let Some(tls) = &mut peer.tls else { panic!("no TLS") };
    tls.writer().write_all(HELLO).unwrap();
    let mut wire = Vec::new();
    tls.write_tls(&mut wire).unwrap();
    wire.extend_from_slice(b"\x17\x03\x03\x00\x20this is no record of any stream.");
    peer.socket.write_all(&wire).unwrap();
    let mut buffer = [0; 64];
    assert_eq!(server.read(&mut buffer[..2]).unwrap(), 2);
    assert!(server.holds());
    assert_eq!(server.read(&mut buffer[..2]).unwrap(), 2);
    assert!(server.holds());
    assert_eq!(server.read(&mut buffer).unwrap_err().raw_os_error(), Some(libc::EPROTO));
}
