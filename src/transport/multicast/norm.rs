//! The norm transport: reliable multicast by the NORM library, zmq_norm in libzmq's sources.
//!
//! There is no handshake: a sender writes its frames into one endless stream, and a receiver begins
//! wherever it finds the beginning of a message. So before each frame (23/ZMTP, "Framing") stands
//! a byte, 0 if the frame is the first of a message and 255 if not, and NORM marks where it is.

#[cfg(test)]
#[path = "norm_test.rs"]
mod norm_test;

use std::collections::{HashMap, VecDeque};
use std::ffi::CString;
use std::os::fd::RawFd;

use super::group::{Frames, Multicast};
use super::incoming::{Frame, Incoming, Refused};
use super::outgoing::Outgoing;
use crate::error::{Error, Result};
use crate::message::{COMMAND, MORE, Message};
use crate::options::{Limits, SocketOptions};
use crate::sys::norm::{ANY_NODE, Event, Pace, SenderSettings, Session, Settings, StreamId};

/// What is read from a stream at once.
const PIECE: usize = 8192;
/// Before a frame: it is the first of a message, or not.
const FIRST: u8 = 0;
const CONTINUED: u8 = 0xff;
/// The flag of a frame whose length takes 8 bytes.
const LARGE: u8 = 2;

/// A session; one socket may have several.
pub(crate) struct NormSocket {
    session: Session,
    sends: bool,
    /// The frame that the session has not taken, or not wholly.
    unsent: Option<Outgoing>,
    in_message: bool,
    /// The session has not sent all that was written.
    busy: bool,
    /// The system did not take what the session sent.
    failed: bool,
    /// The rate to which congestion control goes down where nobody answers; 0 for a fixed rate.
    lowest_rate: f64,
    streams: HashMap<StreamId, Assembler>,
    /// Streams that may have something to read.
    readable: VecDeque<StreamId>,
    limits: Limits,
}

impl NormSocket {
    /// Joins the group, to send or to receive. EINVAL for an address that makes no sense.
    pub(super) fn open(address: &str, sends: bool, options: &SocketOptions) -> Result<NormSocket> {
        let address = Address::parse(address)?;
        let session = Session::open(&Settings {
            address: &address.group,
            port: address.port,
            node: address.node,
            interface: address.interface.as_deref(),
            hops: u8::try_from(options.multicast_hops).unwrap_or(u8::MAX),
            tos: service(options),
            unicast_nacks: options.norm_unicast_nacks,
            buffer: u32::try_from(options.norm_buffer_size)
                .unwrap_or(0)
                .checked_mul(1024)
                .ok_or(Error::INVAL)?,
            sender: sends.then(|| sender(options)),
        })?;
        Ok(NormSocket {
            session,
            sends,
            unsent: None,
            in_message: false,
            busy: false,
            failed: false,
            lowest_rate: lowest_rate(options),
            streams: HashMap::new(),
            readable: VecDeque::new(),
            limits: Limits::new(options.maxmsgsize, options.rcvhwm),
        })
    }
}

impl Multicast for NormSocket {
    fn descriptors(&self) -> Vec<RawFd> {
        vec![self.session.descriptor()]
    }

    fn sends(&self) -> bool {
        self.sends
    }

    fn work(&mut self) {
        while let Some(event) = self.session.next_event() {
            match event {
                Event::Sent => self.busy = self.unsent.is_some(),
                Event::Readable(id) => {
                    if !self.readable.contains(&id) {
                        self.readable.push_back(id);
                    }
                }
                Event::Ended(id) => {
                    self.streams.remove(&id);
                    self.readable.retain(|&other| other != id);
                }
                Event::Failed => self.failed = true,
                Event::Writable | Event::Other => {}
            }
        }
    }

    fn is_idle(&self) -> bool {
        !self.busy
    }

    fn has_taken_all(&self) -> bool {
        self.unsent.is_none()
    }

    fn is_heard(&mut self) -> bool {
        !std::mem::take(&mut self.failed) && self.session.rate() > self.lowest_rate
    }

    fn can_send(&mut self) -> bool {
        while let Some(frame) = &mut self.unsent {
            if frame.has_gone() {
                self.unsent = None;
                self.session.flush();
                break;
            }
            let count = self.session.write(frame.rest());
            if count == 0 {
                return false;
            }
            frame.advance(count);
        }
        true
    }

    fn send(&mut self, frame: Message) {
        // That all was sent is said of what was written before.
        if self.busy {
            self.work();
        }
        self.busy = true;
        let continued = std::mem::replace(&mut self.in_message, frame.more());
        self.unsent = Some(encode(continued, frame));
        self.can_send();
    }

    fn receive(&mut self) -> Option<Frames> {
        while let Some(&id) = self.readable.front() {
            let assembler = self.streams.entry(id).or_default();
            match assembler.incoming.message(decode, self.limits) {
                Ok(Some(message)) => {
                    // The others shall have their turn.
                    self.readable.rotate_left(1);
                    return Some(message);
                }
                Ok(None) => {}
                Err(Refused) => assembler.reset(),
            }
            if !read_more(&mut self.session, id, assembler) {
                self.readable.pop_front();
            }
        }
        None
    }
}

/// Reads what a stream has; false if that is nothing.
fn read_more(session: &mut Session, id: StreamId, assembler: &mut Assembler) -> bool {
    while !assembler.in_step {
        if !session.seek_message(id) {
            return false;
        }
        let mut mark = [0];
        match session.read(id, &mut mark) {
            Some(0) => return false,
            Some(_) if mark == [FIRST] => assembler.begin(),
            // The frame is not the first, or the stream is broken: at the next one.
            _ => {}
        }
    }
    let mut piece = [0; PIECE];
    match session.read(id, &mut piece) {
        Some(0) => false,
        Some(count) => {
            if assembler.incoming.extend(piece.get(..count).unwrap_or_default()).is_err() {
                assembler.reset();
            }
            true
        }
        None => {
            assembler.reset();
            true
        }
    }
}

/// Makes messages of what a stream brings.
#[derive(Default)]
struct Assembler {
    /// From the byte before a frame on.
    incoming: Incoming,
    in_step: bool,
}

impl Assembler {
    /// Gives up what has come; the next message must be found.
    fn reset(&mut self) {
        *self = Assembler::default();
    }

    /// The byte before a first frame was read.
    fn begin(&mut self) {
        self.reset();
        self.in_step = self.incoming.extend(&[FIRST]).is_ok();
    }
}

/// The messages among bytes that come in pieces, and whether they ended in what is none.
#[cfg(any(test, fuzzing))]
pub(super) fn unpack_all(bytes: &[u8], piece: usize, limits: Limits) -> (Vec<Frames>, bool) {
    let (mut assembler, mut found) = (Assembler::default(), Vec::new());
    assembler.begin();
    for piece in bytes.chunks(piece) {
        if assembler.incoming.extend(piece).is_err() {
            return (found, true);
        }
        loop {
            match assembler.incoming.message(decode, limits) {
                Ok(Some(message)) => found.push(message),
                Ok(None) => break,
                Err(Refused) => return (found, true),
            }
        }
    }
    (found, false)
}

/// The frame at the beginning: the byte before it, its flags, its length, its body.
fn decode(bytes: &[u8], max_size: u64) -> Result<Option<Frame>, Refused> {
    let [_, flags, rest @ ..] = bytes else { return Ok(None) };
    if flags & !(MORE | LARGE | COMMAND) != 0 {
        return Err(Refused);
    }
    let (size, header) = if flags & LARGE != 0 {
        let Some(size) = rest.first_chunk() else { return Ok(None) };
        (u64::from_be_bytes(*size), 10)
    } else {
        let Some(&size) = rest.first() else { return Ok(None) };
        (u64::from(size), 3)
    };
    if size > max_size {
        return Err(Refused);
    }
    let end =
        usize::try_from(size).ok().and_then(|size| size.checked_add(header)).ok_or(Refused)?;
    Ok((end <= bytes.len()).then_some(Frame { flags: *flags, body: header..end }))
}

fn encode(continued: bool, frame: Message) -> Outgoing {
    let place = if continued { CONTINUED } else { FIRST };
    let flags = if frame.more() { MORE } else { 0 };
    match u8::try_from(frame.len()) {
        Ok(size) => Outgoing::new(&[place, flags, size], frame),
        Err(_) => {
            let size = (frame.len() as u64).to_be_bytes();
            Outgoing::new(&[&[place, flags | LARGE][..], &size].concat(), frame)
        }
    }
}

/// `[node,][interface;]address:port`.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    node: u32,
    interface: Option<CString>,
    group: CString,
    port: u16,
}

impl Address {
    fn parse(text: &str) -> Result<Address> {
        let (node, text) = match text.split_once(',') {
            Some((node, rest)) => (node.parse().map_err(|_| Error::INVAL)?, rest),
            None => (ANY_NODE, text),
        };
        let (interface, text) = match text.split_once(';') {
            Some((interface, rest)) => (Some(interface), rest),
            None => (None, text),
        };
        let (group, port) = text.rsplit_once(':').ok_or(Error::INVAL)?;
        let port = port.parse().map_err(|_| Error::INVAL)?;
        if group.is_empty() || port == 0 {
            return Err(Error::INVAL);
        }
        let c_string = |text: &str| CString::new(text).map_err(|_| Error::INVAL);
        Ok(Address {
            node,
            interface: interface.map(c_string).transpose()?,
            group: c_string(group)?,
            port,
        })
    }
}

/// ZMQ_NORM_MODE.
const FIXED: i32 = 0;
const CCL: i32 = 2;
const CCE: i32 = 3;
const CCE_ECNONLY: i32 = 4;

/// The type of service. Its lowest bits say that congestion can be marked, if that is wanted.
fn service(options: &SocketOptions) -> u8 {
    let tos = options.tos as u8;
    let marks = matches!(options.norm_mode, CCE | CCE_ECNONLY);
    match tos % 4 {
        0 if marks => tos + 1,
        3 if marks => tos - 1,
        _ => tos,
    }
}

/// NORM's is a segment a second.
fn lowest_rate(options: &SocketOptions) -> f64 {
    match options.norm_mode {
        FIXED => 0.0,
        _ => f64::from(options.norm_segment_size) * 8.0,
    }
}

fn sender(options: &SocketOptions) -> SenderSettings {
    let small = |value: i32| u8::try_from(value).unwrap_or(u8::MAX);
    let auto_parity = small(options.norm_num_autoparity);
    let parity = small(options.norm_num_parity).max(auto_parity);
    SenderSettings {
        segment_size: u16::try_from(options.norm_segment_size).unwrap_or(u16::MAX),
        block_size: small(options.norm_block_size).max(parity.saturating_add(1)).into(),
        parity: parity.into(),
        auto_parity,
        push: options.norm_push_enable,
        pace: match options.norm_mode {
            FIXED => Pace::Fixed(f64::from(options.rate) * 1000.0),
            mode => Pace::Controlled {
                ecn: matches!(mode, CCE | CCE_ECNONLY),
                ecn_only: mode == CCE_ECNONLY,
                lossy: mode == CCL,
            },
        },
    }
}
