//! The layer on a tcp stream that speaks WebSocket below and ZMTP above.
//!
//! ```text
//!          read, write of the session (ZMTP)
//!   Upgrading ---- HTTP request and answer ----> Open
//! ```
//!
//! While it is upgrading, what the engine writes is its greeting; that is swallowed, and the peer's
//! greeting is made up when the subprotocol is known. The engine waits for it before it goes on.
//! Driven by `transport::Stream`.

use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::BorrowedFd;

use super::carrier::{Carrier, READ_AHEAD, with_room};
use super::decoder::Decoder;
use super::encoder::{Encoder, Keys};
use super::end::End;
use super::frame::Control;
use super::keys::{mask_keys, random};
use super::upgrade::{self, HEAD_MAX, Parsed, Protocol};
use super::{Security, Side, broken, no_memory};
use crate::transport::stream::Layer;

/// How much is encoded at once.
const BATCH: usize = 64 * 1024;
const FEW: usize = 4 * 1024;
/// Reads in a row before others have their turn: a peer that sends nothing but pings, or bytes as fast as they are
/// read, would keep the thread.
const READS: usize = 16;
/// What is collected of a message in fragments before the handshake above is over: no frame of it is larger, see
/// `zmtp::handshake`, but for the flags before the body.
const STRANGE: usize = 128 * 1024 + 1;
/// Bodies from this size on are read to where they belong.
const DIRECT: u64 = 4 * 1024;

/// See the head of this file.
pub(super) struct WsLayer {
    carrier: Carrier,
    state: State,
    security: Security,
    decoder: Decoder,
    encoder: Encoder,
    /// Read ahead, from `taken` on; no memory is held while it is empty.
    incoming: Vec<u8>,
    taken: usize,
    /// For the wire, from `sent` on.
    outgoing: Vec<u8>,
    sent: usize,
    /// The last byte accepted for writing was encoded, but the session was told that it was not,
    /// so that it comes back when the descriptor is writable. INVARIANT: it is inside a frame, so
    /// that it is the first byte of the next write.
    withheld: bool,
    /// The peer said good-bye, or is gone, or broke the protocol. INVARIANT: all that came before it was given to
    /// who reads. Neither the descriptor nor anything that comes later tells of it.
    end: Option<End>,
    /// The handshake above is over.
    settled: bool,
    /// See `Layer` for these.
    left_early: bool,
    heard: bool,
    pinged: bool,
}

enum State {
    /// With the key if we are the client.
    Upgrading(Option<String>),
    Open,
}

impl WsLayer {
    pub(super) fn new(
        carrier: Carrier,
        side: Side,
        security: Security,
        limit: u64,
    ) -> io::Result<WsLayer> {
        let mut outgoing = Vec::new();
        let (client, keys): (_, Option<Box<Keys>>) = match &side {
            Side::Client { host, path } => {
                let key = upgrade::key(random()?);
                outgoing = upgrade::request(host, path, &key, security);
                (Some(key), Some(mask_keys()))
            }
            Side::Server => (None, None),
        };
        let mut encoder = Encoder::new(keys);
        encoder.swallow(usize::MAX);
        Ok(WsLayer {
            carrier,
            decoder: Decoder::new(client.is_none(), limit),
            encoder,
            state: State::Upgrading(client),
            security,
            incoming: Vec::new(),
            taken: 0,
            outgoing,
            sent: 0,
            withheld: false,
            end: None,
            settled: false,
            left_early: false,
            heard: false,
            pinged: false,
        })
    }

    /// Sends what is for the wire; false if the descriptor takes no more.
    fn flush(&mut self, fd: BorrowedFd<'_>) -> io::Result<bool> {
        while let Some(rest) = self.outgoing.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.carrier.send(fd, rest) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.outgoing = Vec::new();
        self.sent = 0;
        self.carrier.flush(fd)
    }

    /// Reads ahead; 0 is the end of the stream.
    fn fill(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        with_room(|room| {
            let count = self.carrier.receive(fd, room)?;
            self.heard |= count > 0;
            self.incoming.extend_from_slice(room.get(..count).unwrap_or_default());
            Ok(count)
        })
    }

    /// Goes on with the upgrade; 0 is the end of the stream.
    fn upgrade(&mut self, fd: BorrowedFd<'_>, key: Option<&str>) -> io::Result<usize> {
        self.flush(fd)?;
        let count = self.fill(fd)?;
        if count == 0 {
            return Ok(0);
        }
        let parsed = match key {
            Some(key) => upgrade::parse_response(&self.incoming, key, self.security),
            None => match upgrade::parse_request(&self.incoming, self.security) {
                Parsed::Complete(length, (protocol, response)) => {
                    self.outgoing = response;
                    self.flush(fd)?;
                    Parsed::Complete(length, protocol)
                }
                Parsed::Partial => Parsed::Partial,
                Parsed::Bad | Parsed::NotNow => {
                    // Whether it still hears this is its affair.
                    let _ = self.carrier.send(fd, upgrade::BAD_REQUEST);
                    Parsed::Bad
                }
            },
        };
        match parsed {
            Parsed::Complete(length, protocol) => {
                self.taken = length;
                self.open(protocol);
                Ok(count)
            }
            Parsed::Partial if self.incoming.len() < HEAD_MAX => Ok(count),
            Parsed::NotNow => Err(ErrorKind::ConnectionRefused.into()),
            Parsed::Partial | Parsed::Bad => Err(broken()),
        }
    }

    /// Makes up the greeting of the peer, and knows now how long ours is.
    fn open(&mut self, protocol: Protocol) {
        let mut greeting = [0; 64];
        greeting[0] = 0xff;
        greeting[8] = 1;
        greeting[9] = 0x7f;
        let length = match protocol {
            Protocol::Secured => {
                greeting[10] = 3;
                let name = self.security.name().as_bytes();
                greeting[12..12 + name.len()].copy_from_slice(name);
                greeting[32] = u8::from(!self.security.as_server);
                64
            }
            // The socket type, which nobody looks at, stays zero.
            Protocol::Bare => {
                greeting[10] = 1;
                12
            }
        };
        self.decoder.push(&greeting[..length]);
        self.encoder.swallow(length.saturating_sub(self.swallowed()));
        self.state = State::Open;
    }

    /// How much of our greeting was swallowed already.
    fn swallowed(&self) -> usize {
        usize::MAX - self.encoder.to_swallow()
    }

    /// Hands out what was read ahead, and does what control frames ask for.
    fn decode(&mut self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> usize {
        let (mut given, mut answered) = (0, false);
        loop {
            let input = self.incoming.get(self.taken..).unwrap_or_default();
            let room = buffer.get_mut(given..).unwrap_or_default();
            let (taken, count, control) = match self.decoder.decode(input, room) {
                Ok(decoded) => decoded,
                Err(error) => {
                    self.end = Some(End::of(&error));
                    break;
                }
            };
            self.taken += taken;
            given += count;
            match control {
                None if self.decoder.has_failed() => {}
                None => break,
                // That it came is all it says.
                Some(Control::Ponged) => {}
                Some(control) => {
                    // One that sends pings and reads nothing gets no more answers.
                    if self.outgoing.len() < BATCH {
                        self.encoder.control(&control, &mut self.outgoing);
                    }
                    answered = true;
                    if let Control::Close(_) = control {
                        self.end = Some(End::Over);
                        break;
                    }
                    self.pinged = true;
                }
            }
        }
        if answered {
            // Whether it gets through or not, what came before is to be read: a peer that takes no more may have
            // sent much before it went. Who writes next hears of it, or who reads the end. The rest is owed.
            let _ = self.flush(fd);
        }
        if self.taken == self.incoming.len() || self.end.is_some() {
            self.incoming = Vec::new();
            self.taken = 0;
        }
        given
    }

    /// Reads until the buffer is full or the descriptor has nothing more to tell. Interrupted: it was left early, and
    /// there is nothing yet.
    fn read_on(&mut self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        while let State::Upgrading(key) = &self.state {
            let key = key.clone();
            if self.upgrade(fd, key.as_deref())? == 0 {
                return Ok(0);
            }
        }
        let mut given = if self.end.is_some() { 0 } else { self.decode(fd, buffer) };
        for _ in 0..READS {
            if !self.settled && self.decoder.collected() > 0 {
                if given > 0 {
                    // It may be all that is wanted of the peer.
                    self.left_early = true;
                    return Ok(given);
                }
                if self.decoder.collected() > STRANGE {
                    self.end = Some(End::of(&broken()));
                }
            }
            if let Some(end) = self.end.filter(|_| given == 0) {
                return end.said();
            }
            if given == buffer.len() || self.end.is_some() {
                return Ok(given);
            }
            let left = self.decoder.body_left();
            let mut asked = READ_AHEAD;
            let result = if left >= DIRECT {
                let room = buffer.get_mut(given..).unwrap_or_default();
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(room.len());
                let room = room.get_mut(..most).unwrap_or_default();
                asked = most;
                let result = self.carrier.receive(fd, room);
                if let Ok(count) = result {
                    self.heard |= count > 0;
                    self.decoder.pass(room.get_mut(..count).unwrap_or_default());
                    given += count;
                }
                result
            } else {
                self.fill(fd)
            };
            match result {
                Ok(0) => self.end = Some(End::Over),
                Ok(count) => {
                    given += self.decode(fd, buffer.get_mut(given..).unwrap_or_default());
                    // A short read has emptied the descriptor; TLS gives in pieces of its own.
                    if given > 0 && count < asked && matches!(self.carrier, Carrier::Plain) {
                        return Ok(given);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => break,
                Err(error) if error.kind() != ErrorKind::WouldBlock => {
                    self.end = Some(End::of(&error));
                }
                Err(_) if given > 0 => return Ok(given),
                Err(error) => return Err(error),
            }
        }
        self.left_early = given < buffer.len();
        if given > 0 { Ok(given) } else { Err(ErrorKind::Interrupted.into()) }
    }
}

impl Layer for WsLayer {
    fn holds(&mut self) -> bool {
        let ahead = !self.incoming.is_empty() || self.decoder.has_ready();
        ahead || self.end.is_some() || self.carrier.holds()
    }

    fn read(&mut self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        (self.left_early, self.heard) = (false, false);
        let result = self.read_on(fd, buffer);
        // Nothing else tells of the end behind what was given.
        self.left_early |= self.end.is_some();
        match result {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                self.left_early = true;
                Err(ErrorKind::WouldBlock.into())
            }
            result => result,
        }
    }

    fn left_early(&self) -> bool {
        self.left_early
    }

    fn heard(&self) -> bool {
        self.heard
    }

    fn owes(&self) -> bool {
        !self.outgoing.is_empty() || self.carrier.owes()
    }

    fn settle(&mut self) {
        self.settled = true;
        // Those that came before do not tell how often they come.
        self.pinged = false;
    }

    fn pinged(&mut self) -> bool {
        std::mem::take(&mut self.pinged)
    }

    fn write(&mut self, fd: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.flush(fd)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut accepted = 0;
        for buffer in buffers {
            let mut bytes: &[u8] = buffer;
            if self.withheld
                && let Some((_, rest)) = bytes.split_first()
            {
                self.withheld = false;
                accepted += 1;
                bytes = rest;
            }
            let bytes = bytes.get(..bytes.len().min(BATCH)).unwrap_or_default();
            let mut taken = self.encoder.encode(bytes, &mut self.outgoing);
            if taken == 0 {
                // There is always memory for a little.
                let few = bytes.get(..bytes.len().min(FEW)).unwrap_or_default();
                taken = self.encoder.encode(few, &mut self.outgoing);
            }
            accepted += taken;
            if taken == BATCH || taken < bytes.len() || self.outgoing.len() >= BATCH {
                break;
            }
        }
        if accepted == 0 && buffers.iter().any(|buffer| !buffer.is_empty()) {
            return Err(no_memory());
        }
        if self.flush(fd)? || accepted == 0 {
            return Ok(accepted);
        }
        if self.encoder.just_began() {
            self.encoder.unread();
            accepted -= 1;
        }
        self.withheld = true;
        match accepted.saturating_sub(1) {
            0 => Err(ErrorKind::WouldBlock.into()),
            accepted => Ok(accepted),
        }
    }
}
