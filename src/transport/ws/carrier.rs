//! What carries the WebSocket frames: the bare connection, or TLS on it. Called by `layer`.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::BorrowedFd;

use rustls::Connection;

use crate::error::Error;
use crate::sys::net;

/// How much is read ahead.
pub(super) const READ_AHEAD: usize = 16 * 1024;
/// Pieces that are read in a row for what they hold: there are records without a content.
const RECORDS: usize = 64;

/// See the head of this file.
pub(super) enum Carrier {
    Plain,
    Tls(Box<Connection>),
}

impl Carrier {
    /// Reads without blocking; 0 is the end of the stream. Leaves nothing behind when it says
    /// WouldBlock; Interrupted: much was read, and nothing came out of it.
    pub(super) fn receive(&mut self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        let Carrier::Tls(tls) = self else { return net::receive(fd, buffer) };
        for _ in 0..RECORDS {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // The peer went without a good-bye on the level of TLS.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
            // What is wrong is said as often as it is asked for, and only now: what came before it counts. It is
            // not a breach of ours: the certificate may be another one next time.
            let broken = |_| io::Error::from_raw_os_error(Error::PROTO.errno());
            tls.process_new_packets().map_err(broken)?;
            let count = tls.read_tls(&mut Descriptor(fd))?;
            let sound = tls.process_new_packets().is_ok();
            // Answers of the handshake, or the alert that tells the peer what was wrong. A peer that takes no
            // more is no reason not to read what it sent before; the rest is owed.
            let _ = transmit(tls, fd);
            if count == 0 && sound && tls.is_handshaking() {
                return Ok(0);
            }
        }
        Err(ErrorKind::Interrupted.into())
    }

    /// Whether it has more than it has given.
    pub(super) fn holds(&mut self) -> bool {
        let Carrier::Tls(tls) = self else { return false };
        // The descriptor does not tell of a good-bye that was taken from it, nor of what is wrong: the next read does.
        tls.process_new_packets()
            .map_or(true, |state| state.plaintext_bytes_to_read() > 0 || state.peer_has_closed())
    }

    /// Whether it has something to send already that the descriptor had no room for.
    pub(super) fn owes(&self) -> bool {
        matches!(self, Carrier::Tls(tls) if tls.wants_write())
    }

    /// Writes without blocking what there is room for. WouldBlock: the descriptor takes no more.
    pub(super) fn send(&mut self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        let Carrier::Tls(tls) = self else { return net::send(fd, bytes) };
        // Full of what the descriptor has room for by now, it would take nothing.
        if !transmit(tls, fd)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = tls.writer().write(bytes)?;
        transmit(tls, fd)?;
        if count == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(count) }
    }

    /// Whether everything written is with the kernel, or waits for the peer to go on with the
    /// handshake; false if the descriptor takes no more.
    pub(super) fn flush(&mut self, fd: BorrowedFd<'_>) -> io::Result<bool> {
        match self {
            Carrier::Plain => Ok(true),
            Carrier::Tls(tls) => transmit(tls, fd),
        }
    }
}

fn transmit(tls: &mut Connection, fd: BorrowedFd<'_>) -> io::Result<bool> {
    while tls.wants_write() {
        match tls.write_tls(&mut Descriptor(fd)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// The connection as rustls wants it.
struct Descriptor<'a>(BorrowedFd<'a>);

impl Read for Descriptor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        net::receive(self.0, buffer)
    }
}

impl Write for Descriptor<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        net::send(self.0, bytes)
    }

    fn write_vectored(&mut self, buffers: &[io::IoSlice<'_>]) -> io::Result<usize> {
        net::send_vectored(self.0, buffers)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lends room to read into; one for each thread, cleared once.
pub(super) fn with_room<T>(use_it: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local! {
        static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut room = ROOM.try_with(Cell::take).unwrap_or_default();
    room.resize(READ_AHEAD, 0);
    let result = use_it(&mut room);
    let _ = ROOM.try_with(|place| place.set(room));
    result
}
