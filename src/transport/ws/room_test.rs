//! What the layer has to say of its own, and there is no room for, goes on when there is some: it may be all that
//! the peer waits for, and nobody above has anything to write.

use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;

use super::ending_test::{Peer, REQUEST, stranger};
use super::*;
use crate::sys::net;

/// Fills the connection, behind the back of the layer.
fn fill(server: &Stream) {
    while net::send(server.as_fd(), &[0; 1000]).is_ok() {}
}

/// Reads all that is there.
fn heard(peer: &mut Peer) -> Vec<u8> {
    let mut all = Vec::new();
    let end = peer.socket.read_to_end(&mut all).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::WouldBlock);
    all
}

/// Gives room to a server that waits for it; what it says then.
fn what_follows(peer: &mut Peer, server: &Stream) -> Vec<u8> {
    assert!(server.owes());
    server.go_on().unwrap();
    assert!(server.owes(), "there was no room");
    assert!(heard(peer).ends_with(&[0; 1000]));
    server.go_on().unwrap();
    assert!(!server.owes());
    let follows = heard(peer);
    server.go_on().unwrap();
    assert_eq!(heard(peer), []);
    follows
}

#[test]
fn the_answer_of_tls() {
    let (mut peer, server) = stranger(true);
    fill(&server);
    let tls = peer.tls.as_mut().unwrap();
    tls.write_tls(&mut peer.socket).unwrap();
    assert_eq!(server.read(&mut [0; 64]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let answer = what_follows(&mut peer, &server);
    let tls = peer.tls.as_mut().unwrap();
    assert_eq!(tls.read_tls(&mut &answer[..]).unwrap(), answer.len());
    tls.process_new_packets().unwrap();
    assert!(!tls.is_handshaking());
}

#[test]
fn the_answer_to_the_request() {
    let (mut peer, server) = stranger(false);
    fill(&server);
    peer.say(REQUEST, false);
    assert_eq!(server.read(&mut [0; 64]).unwrap(), 12);
    let answer = what_follows(&mut peer, &server);
    assert!(answer.starts_with(b"HTTP/1.1 101 ") && answer.ends_with(b"\r\n\r\n"));
}

#[test]
fn the_answer_to_a_ping() {
    let (mut peer, server) = stranger(false);
    peer.say(REQUEST, false);
    assert_eq!(server.read(&mut [0; 64]).unwrap(), 12);
    assert!(!server.owes());
    fill(&server);
    peer.say(&[0x89, 0x82, 0, 0, 0, 0, b'h', b'i'], false);
    assert_eq!(server.read(&mut [0; 64]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(what_follows(&mut peer, &server), b"\x8a\x02hi");
}

/// Who goes is not waited for.
#[test]
fn a_peer_that_is_gone() {
    let (mut peer, server) = stranger(false);
    fill(&server);
    peer.say(REQUEST, false);
    assert_eq!(server.read(&mut [0; 64]).unwrap(), 12);
    drop(peer);
    assert!(server.go_on().is_err());
}
