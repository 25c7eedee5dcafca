//! The pgm and epgm transports: reliable multicast by the OpenPGM library, libzmq's zmq_pgm(7).
//!
//! A sender's messages are one endless stream of frames of ZMTP 1.0 (13/ZMTP), cut into packets. A
//! packet begins with two bytes that tell where in the rest of it the first message begins, 0xffff
//! if none does: there a receiver that comes late, or that has lost packets, begins to read.

#[cfg(test)]
#[path = "pgm_test.rs"]
mod pgm_test;

use std::collections::{HashMap, VecDeque};
use std::ffi::CString;
use std::os::fd::RawFd;
use std::time::Duration;

use super::group::{Frames, Multicast};
use super::incoming::{Frame, Incoming, Refused};
use super::outgoing::Outgoing;
use crate::error::{Error, Result};
use crate::message::{MORE, Message};
use crate::options::{Limits, SocketOptions};
use crate::sys::pgm::{SenderId, Settings, Socket, Status};

/// No message begins in this packet.
const NOWHERE: u16 = 0xffff;
/// The size of the two bytes.
const OFFSET: usize = 2;
/// Above so many senders those that are between two messages are forgotten; they are found again.
const MANY: usize = 1024;

/// One endpoint; a socket may have several.
pub(crate) struct PgmSocket {
    socket: Socket,
    sends: bool,
    outgoing: Packer,
    /// A packet that could not be sent yet; empty if there is none.
    packet: Vec<u8>,
    senders: HashMap<SenderId, Incoming>,
    received: VecDeque<Frames>,
    /// When to try again to send, and to receive.
    send_in: Option<Duration>,
    receive_in: Option<Duration>,
    limits: Limits,
}

impl PgmSocket {
    pub(super) fn open(
        address: &str,
        sends: bool,
        udp: bool,
        options: &SocketOptions,
    ) -> Result<PgmSocket> {
        let (network, port) = address.rsplit_once(':').ok_or(Error::INVAL)?;
        let network = CString::new(network).map_err(|_| Error::INVAL)?;
        if sends {
            check_rate(options)?;
        }
        let mut host = [0; 6];
        getrandom::fill(&mut host).map_err(|_| Error::AGAIN)?;
        let positive = |value: i32| (value >= 0).then_some(value);
        let socket = Socket::open(&Settings {
            network: &network,
            port: port.parse().map_err(|_| Error::INVAL)?,
            udp,
            sends,
            host,
            mtu: options.multicast_maxtpdu,
            hops: options.multicast_hops,
            rate: rate(options),
            window: window(options),
            send_buffer: positive(options.sndbuf),
            receive_buffer: positive(options.rcvbuf),
        })?;
        let payload = socket.packet_size().saturating_sub(OFFSET);
        if payload == 0 {
            return Err(Error::INVAL);
        }
        Ok(PgmSocket {
            socket,
            sends,
            outgoing: Packer { payload, ..Packer::default() },
            packet: Vec::new(),
            senders: HashMap::new(),
            received: VecDeque::new(),
            send_in: None,
            receive_in: None,
            limits: Limits::new(options.maxmsgsize, options.rcvhwm),
        })
    }

    /// Sends packets that are full, and with `all` also what does not fill one. True: they are
    /// sent.
    fn send_packets(&mut self, all: bool) -> bool {
        loop {
            if self.packet.is_empty() && !self.outgoing.next_packet(all, &mut self.packet) {
                return true;
            }
            match self.socket.send(&self.packet) {
                Status::Later(time) => {
                    self.send_in = time;
                    return false;
                }
                _ => {
                    self.send_in = None;
                    self.packet.clear();
                }
            }
        }
    }

    /// Takes a packet of a sender in.
    fn unpack(&mut self, sender: SenderId, packet: &[u8]) {
        let Some((offset, data)) = packet.split_first_chunk() else { return };
        let offset = u16::from_be_bytes(*offset);
        let data = match self.senders.contains_key(&sender) {
            true => data,
            // One that is not followed yet: from where a message begins.
            false if offset == NOWHERE => return,
            false => data.get(usize::from(offset)..).unwrap_or_default(),
        };
        if self.senders.len() > MANY {
            self.senders.retain(|_, incoming| !incoming.is_between_messages());
        }
        let incoming = self.senders.entry(sender).or_default();
        if unpack(incoming, data, self.limits, &mut self.received).is_err() {
            self.senders.remove(&sender);
        }
    }
}

impl Multicast for PgmSocket {
    fn descriptors(&self) -> Vec<RawFd> {
        self.socket.descriptors(self.sends)
    }

    fn sends(&self) -> bool {
        self.sends
    }

    fn work(&mut self) {
        if !self.sends {
            // `receive` does it.
            return;
        }
        // Requests for repairs.
        let mut nothing = Vec::new();
        self.receive_in = loop {
            if let Status::Later(time) = self.socket.receive(&mut nothing) {
                break time;
            }
        };
    }

    fn again_in(&self) -> Option<Duration> {
        [self.send_in, self.receive_in].into_iter().flatten().min()
    }

    fn can_send(&mut self) -> bool {
        self.send_packets(false)
    }

    fn send(&mut self, frame: Message) {
        self.outgoing.push(frame);
        self.send_packets(false);
    }

    fn flush(&mut self) {
        self.send_packets(true);
    }

    fn is_idle(&self) -> bool {
        self.packet.is_empty() && self.outgoing.left == 0
    }

    fn receive(&mut self) -> Option<Frames> {
        let mut packet = Vec::new();
        loop {
            if let Some(message) = self.received.pop_front() {
                return Some(message);
            }
            match self.socket.receive(&mut packet) {
                Status::Done(sender) => self.unpack(sender, &packet),
                Status::Lost(sender) => drop(self.senders.remove(&sender)),
                Status::Later(time) => {
                    self.receive_in = time;
                    return None;
                }
            }
        }
    }
}

/// Makes packets of frames.
#[derive(Default)]
struct Packer {
    /// How many bytes go into a packet behind the offset.
    payload: usize,
    frames: VecDeque<Outgoing>,
    /// The bytes that are left of these frames, and where in them messages begin.
    left: usize,
    begins: VecDeque<usize>,
    in_message: bool,
}

impl Packer {
    fn push(&mut self, message: Message) {
        if !self.in_message {
            self.begins.push_back(self.left);
        }
        self.in_message = message.more();
        let flags = if message.more() { MORE } else { 0 };
        // The length counts the flags.
        let frame = match u8::try_from(message.len() + 1) {
            Ok(length) if length < 0xff => Outgoing::new(&[length, flags], message),
            _ => {
                let length = (message.len() as u64 + 1).to_be_bytes();
                Outgoing::new(&[&[0xff][..], &length, &[flags]].concat(), message)
            }
        };
        self.left += frame.len();
        self.frames.push_back(frame);
    }

    /// Makes the next packet, if it would be full or is wanted all the same.
    fn next_packet(&mut self, all: bool, packet: &mut Vec<u8>) -> bool {
        let size = self.left.min(self.payload);
        if size == 0 || (size < self.payload && !all) {
            return false;
        }
        let first = self.begins.front().filter(|&&begin| begin < size);
        let offset = first.and_then(|&begin| u16::try_from(begin).ok()).unwrap_or(NOWHERE);
        packet.extend_from_slice(&offset.to_be_bytes());
        let mut room = size;
        while room > 0
            && let Some(frame) = self.frames.front_mut()
        {
            let rest = frame.rest();
            let piece = rest.get(..room).unwrap_or(rest);
            packet.extend_from_slice(piece);
            let count = piece.len();
            room -= count;
            frame.advance(count);
            if frame.has_gone() {
                self.frames.pop_front();
            }
        }
        self.left -= size;
        self.begins.retain_mut(|begin| match begin.checked_sub(size) {
            Some(left) => {
                *begin = left;
                true
            }
            None => false,
        });
        true
    }
}

/// The frame at the beginning: a length that counts the flags, the flags, the body.
fn decode(bytes: &[u8], max_size: u64) -> Result<Option<Frame>, Refused> {
    let [length, rest @ ..] = bytes else { return Ok(None) };
    let (length, header) = match length {
        0xff => match rest.first_chunk() {
            Some(length) => (u64::from_be_bytes(*length), 10),
            None => return Ok(None),
        },
        length => (u64::from(*length), 2),
    };
    let size = length.checked_sub(1).filter(|&size| size <= max_size).ok_or(Refused)?;
    let end =
        usize::try_from(size).ok().and_then(|size| size.checked_add(header)).ok_or(Refused)?;
    let Some(frame) = bytes.get(..end) else { return Ok(None) };
    let flags = frame.get(header - 1).copied().unwrap_or(0) & MORE;
    Ok(Some(Frame { flags, body: header..end }))
}

/// Takes a piece of a sender's stream in, and adds the messages that it completes.
fn unpack(
    incoming: &mut Incoming,
    piece: &[u8],
    limits: Limits,
    to: &mut VecDeque<Frames>,
) -> Result<(), Refused> {
    incoming.extend(piece)?;
    while let Some(message) = incoming.message(decode, limits)? {
        to.push_back(message);
    }
    Ok(())
}

/// The messages among bytes that come in pieces, and whether they ended in what is none.
#[cfg(any(test, fuzzing))]
pub(super) fn unpack_all(bytes: &[u8], piece: usize, limits: Limits) -> (Vec<Frames>, bool) {
    let (mut incoming, mut found) = (Incoming::default(), VecDeque::new());
    let broken =
        bytes.chunks(piece).any(|piece| unpack(&mut incoming, piece, limits, &mut found).is_err());
    (found.into(), broken)
}

/// ZMQ_RATE is in kilobits, this in bytes.
fn rate(options: &SocketOptions) -> i32 {
    (i64::from(options.rate) * 1000 / 8).clamp(1, i32::MAX.into()) as i32
}

/// `INVAL` for a rate at which a packet would take more than a second: OpenPGM would end the process.
fn check_rate(options: &SocketOptions) -> Result<()> {
    if rate(options) < options.multicast_maxtpdu { Err(Error::INVAL) } else { Ok(()) }
}

/// The longest window in packets: OpenPGM makes a table of them, and ends the process without memory for it.
const LONGEST: i64 = 1 << 22;

/// How many packets the rate brings in ZMQ_RECOVERY_IVL.
fn window(options: &SocketOptions) -> i32 {
    let bytes = i64::from(options.recovery_ivl) * (i64::from(options.rate) / 8);
    (bytes / i64::from(options.multicast_maxtpdu).max(1)).clamp(1, LONGEST) as i32
}
