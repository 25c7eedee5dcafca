//! What the fuzzer feeds to WebSocket: requests and answers, frames, and a whole layer with a
//! stranger at the other end. See `crate::fuzz`.

use std::io::{IoSlice, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::frame::Control;
use super::upgrade::{self, Parsed};
use super::*;
use crate::fuzz::Input;
use crate::sys::sockopt;

const KINDS: &[MechanismKind] = &[MechanismKind::Null, MechanismKind::Plain, MechanismKind::Curve];

fn security(input: &mut Input<'_>) -> Security {
    Security { mechanism: input.choose(KINDS), as_server: input.flag() }
}

/// Both halves of the HTTP exchange: the verdict on the beginning is the verdict on the whole.
pub(crate) fn upgrades(data: &[u8]) {
    let mut input = Input(data);
    let security = security(&mut input);
    let bytes = input.rest();
    if let Parsed::Complete(length, answer) = upgrade::parse_request(bytes, security) {
        assert!(length <= bytes.len());
        let same = upgrade::parse_request(&bytes[..length], security);
        assert_eq!(same, Parsed::Complete(length, answer));
        assert_eq!(upgrade::parse_request(&bytes[..length - 1], security), Parsed::Partial);
    }
    if let Parsed::Complete(length, protocol) =
        upgrade::parse_response(bytes, "dGhlIHNhbXBsZSBub25jZQ==", security)
    {
        assert!(length <= bytes.len());
        let same = upgrade::parse_response(&bytes[..length], "dGhlIHNhbXBsZSBub25jZQ==", security);
        assert_eq!(same, Parsed::Complete(length, protocol));
    }
}

/// All that comes out of a decoder, and whether it ended in an error.
fn decoded(
    (masked, limit): (bool, u64),
    bytes: &[u8],
    piece: usize,
    room: usize,
) -> (Vec<u8>, Vec<Control>, bool) {
    let mut decoder = Decoder::new(masked, limit);
    let (mut out, mut controls, mut buffer) = (Vec::new(), Vec::new(), vec![0; room]);
    for piece in bytes.chunks(piece) {
        let mut piece = piece;
        loop {
            match decoder.decode(piece, &mut buffer) {
                Ok((taken, given, control)) => {
                    out.extend_from_slice(&buffer[..given]);
                    piece = &piece[taken..];
                    let done = control.is_none() && taken == 0 && given == 0;
                    controls.extend(control);
                    if done {
                        break;
                    }
                }
                Err(_) => return (out, controls, true),
            }
        }
        assert!(piece.is_empty());
    }
    (out, controls, false)
}

/// Frames from a stranger, and ours there and back.
pub(crate) fn frames(data: &[u8]) {
    let mut input = Input(data);
    let masked = input.flag();
    let (piece, room) = (1 + usize::from(input.byte() % 40), 1 + usize::from(input.byte() % 40));
    let bytes = input.rest();
    // What is collected from fragments has a limit, and 64 bytes more.
    for limit in [u64::MAX, 20] {
        let whole = decoded((masked, limit), bytes, usize::MAX, 4096);
        let pieces = decoded((masked, limit), bytes, piece, room);
        // What was given before an error does not depend on the pieces.
        assert_eq!(whole, pieces);
    }

    // Zmtp in, zmtp out: the flags that mean something, and bodies, survive.
    let mut zmtp = Vec::new();
    let mut input = Input(bytes);
    while !input.is_empty() {
        let (flags, body) = (input.byte() & 5, input.bytes().repeat(1 + (piece & 1) * 2));
        let pings = flags & 4 != 0 && body.starts_with(super::frame::PING_COMMAND);
        if !pings {
            crate::zmtp::frame::put_frame(flags, &body, &mut zmtp);
        }
    }
    let keys: Option<Box<super::encoder::Keys>> =
        if masked { Some(Box::new(|| [1, 2, 3, 4])) } else { None };
    let mut encoder = Encoder::new(keys);
    let mut wire = Vec::new();
    for piece in zmtp.chunks(piece) {
        encoder.encode(piece, &mut wire);
    }
    let (back, controls, failed) = decoded((masked, u64::MAX), &wire, room, piece);
    assert!(!failed && controls.is_empty());
    assert_eq!(back, zmtp);
}

/// The peer takes part in the upgrade.
fn open(stream: &Stream, theirs: &mut UnixStream, server: bool, security: Security) {
    if server {
        let request = upgrade::request("h:1", "/", "dGhlIHNhbXBsZSBub25jZQ==", security);
        theirs.write_all(&request).unwrap();
        return;
    }
    // The client sends its request when it is first read from.
    let mut request = [0; 1000];
    assert!(stream.read(&mut [0; 1]).is_err());
    let count = theirs.read(&mut request).unwrap();
    match upgrade::parse_request(&request[..count], security) {
        Parsed::Complete(_, (_, response)) => theirs.write_all(&response).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// A layer whose peer says what it likes: reads end in the end of the stream or an error.
pub(crate) fn layer(data: &[u8]) {
    let mut input = Input(data);
    let security = security(&mut input);
    let side = if input.flag() {
        Side::Server
    } else {
        Side::Client { host: "h:1".to_owned(), path: "/".to_owned() }
    };
    let server = matches!(side, Side::Server);
    let how = input.byte();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    if how & 2 != 0 {
        // It takes little at once.
        sockopt::set(ours.as_fd(), sockopt::SEND_BUFFER, 1).unwrap();
    }
    ours.set_nonblocking(true).unwrap();
    theirs.set_nonblocking(true).unwrap();
    let stream = Stream::new(OwnedFd::from(ours).into(), "ws");
    let stream = layered(stream, None, side, security, u64::MAX).unwrap();
    if how & 1 != 0 {
        open(&stream, &mut theirs, server, security);
    }
    let mut buffer = vec![0; 300];
    let mut said = [0; 4096];
    for _ in 0..40 {
        let action = input.byte();
        let bytes = input.bytes();
        if action & 1 != 0 {
            let room = 1 + usize::from(action);
            if let Ok(0) = stream.read(&mut buffer[..room]) {
                break;
            }
        }
        if action & 2 != 0 && stream.write_vectored(&[IoSlice::new(bytes)]).is_err() {
            let _ = theirs.read(&mut said);
        } else if theirs.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = theirs.shutdown(std::net::Shutdown::Write);
    for _ in 0..10_000 {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let _ = theirs.read(&mut said);
            }
            Err(_) => return,
        }
    }
    panic!("the end of the stream is never told");
}
