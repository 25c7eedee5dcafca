//! The receiving half of a connection: from the stream into the pipe.
//!
//! When the wire carries canonical frames, bytes are read straight into the chunks of the queue,
//! delimited in place by the engine, and published; large bodies are read into a block of their
//! own. Where they are encrypted, the engine opens them into those chunks. Otherwise the engine
//! decodes frame by frame. Reading stops at the high water mark, so that the peer feels it. Called
//! by `connection`.

mod large;
mod plain;
mod sink;
mod staging;
mod wrapped;

use std::cell::Cell;
use std::io::ErrorKind;
use std::time::Instant;

use self::large::Large;
use self::sink::PipeSink;
use self::staging::{Staging, queue};
use super::end::End;
use crate::error::Error;
use crate::pipe::{Pipe, PipeEvent};
use crate::transport::Stream;
use crate::zmtp::{Engine, Failure};

/// Bodies above this size are received into a block of their own: what came of them into a chunk would be
/// moved to a larger one otherwise.
const LARGE_BODY: u64 = 32 * 1024;
/// Room to read into: at first, and once a read filled it.
const LITTLE: usize = 512;
const MUCH: usize = 16 * 1024;
/// The size of a read that is not made into a queue.
const BUFFER: usize = 64 * 1024;
/// So many bytes of commands that the pattern has not taken in count as a message at the high water mark.
const COMMANDS_OF_A_MESSAGE: usize = 64 * 1024;

/// See the head of this file.
#[derive(Default)]
pub(super) struct Incoming {
    /// Received, but not yet taken by the engine.
    buffer: Vec<u8>,
    large: Option<Box<Large>>,
    staging: Option<Box<Staging>>,
    /// How much room the next read needs.
    least: usize,
    /// What is wrong behind the frames that were opened.
    failure: Option<Failure>,
    /// Bytes of commands for the pattern that do not yet make up a message.
    commands: u16,
    /// There is nothing to do until more is received.
    settled: bool,
}

/// How frames get from the wire into the queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As they are.
    Raw,
    /// Out of the wrapping of a security mechanism.
    Wrapped,
    /// Decoded one by one.
    Decoded,
}

impl Incoming {
    /// Whether all that was received is in the pipe, as far as it can be yet.
    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    /// Whether bytes were received that the engine has not taken.
    pub(super) fn has_buffered(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Gives buffered bytes to the handshake; whether the engine took any.
    pub(super) fn feed_handshake(
        &mut self,
        engine: &mut Engine,
        now: Instant,
    ) -> Result<bool, End> {
        let taken = engine.handle_input(now, &self.buffer)?;
        self.buffer.drain(..taken.min(self.buffer.len()));
        if self.buffer.is_empty() {
            // An idle connection holds no buffers.
            self.buffer = Vec::new();
        }
        Ok(taken > 0)
    }

    /// Reads once into the buffer.
    pub(super) fn buffer_more(
        &mut self,
        from: Source<'_>,
        readable: &mut bool,
    ) -> Result<usize, End> {
        let mut bytes = [0; 4096];
        let count = read(from.stream, from.stream.read(&mut bytes), readable)?;
        if count < bytes.len() && !from.hung_up {
            *readable = from.stream.left_early();
        }
        self.buffer.extend_from_slice(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    /// Receives messages into the pipe; true if there may be more.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        turns: usize,
        from: Source<'_>,
        engine: &mut Engine,
        pipe: &mut Pipe,
        readable: &mut bool,
    ) -> Result<bool, End> {
        let stream = from.stream;
        let way = if engine.inbound_raw() {
            Way::Raw
        } else if engine.inbound_wrapped() {
            Way::Wrapped
        } else {
            Way::Decoded
        };
        let staged = !pipe.writes_queue() || (self.large.is_none() && pipe.peer_closed());
        if staged && way != Way::Decoded && self.staging.is_none() {
            self.stage(pipe)?;
        }
        if !self.buffer.is_empty() && way != Way::Decoded && self.failure.is_none() {
            // The first bytes after the handshake, or the beginning of a wrapped frame.
            let bytes = std::mem::take(&mut self.buffer);
            if way == Way::Wrapped {
                let taken = self.open(now, engine, pipe, &bytes)?;
                self.keep(bytes, taken);
            } else {
                let writer = queue(&mut self.staging, pipe)?;
                let room = writer.receive_space(bytes.len()).get_mut(..bytes.len());
                room.ok_or(End::Closed(Error::NOMEM))?.copy_from_slice(&bytes);
                writer.received(bytes.len());
            }
        }
        let mut open = self.take_in(now, way, engine, pipe)?;
        for _ in 0..turns {
            if !open || !*readable {
                return Ok(false);
            }
            // Heartbeats count every piece as a sign of life.
            let patient = engine.poll_timeout().is_none();
            let (count, room) = match way {
                Way::Raw => self.read_raw(stream, patient, pipe, readable)?,
                Way::Wrapped => self.read_wrapped(now, stream, engine, pipe, readable)?,
                Way::Decoded => self.read_buffer(stream, readable)?,
            };
            // A short read has emptied the stream, unless its end is behind it.
            let left_early = count < room && stream.left_early();
            if count < room && !from.hung_up {
                *readable = left_early;
            }
            if stream.pinged() {
                engine.note_ping(now);
            }
            if count > 0 {
                engine.note_activity(now);
                open = self.take_in(now, way, engine, pipe)?;
            } else if stream.heard() {
                engine.note_activity(now);
            }
            if left_early {
                break;
            }
        }
        Ok(open && *readable)
    }

    /// Makes messages of what was received. False: the high water mark.
    fn take_in(
        &mut self,
        now: Instant,
        way: Way,
        engine: &mut Engine,
        pipe: &mut Pipe,
    ) -> Result<bool, End> {
        // The socket has given the peer up, and has not read all of what came before. What comes now is left
        // alone until it has, and then passes unread.
        let unwanted = pipe.is_finished() && !pipe.peer_closed();
        let open = match way {
            _ if unwanted => false,
            Way::Decoded => self.decode(now, engine, pipe)?,
            Way::Raw | Way::Wrapped => self.scan(now, engine, pipe)?,
        };
        // Not before what came in front of it is taken: at the high water mark that waits for the reader.
        if let Some(failure) = self.failure
            && (open || unwanted)
        {
            return Err(failure.into());
        }
        engine.set_input_paused(now, !open);
        self.settled = open && self.buffer.is_empty();
        Ok(open)
    }

    /// One read into the queue: how much came, of how much room.
    fn read_raw(
        &mut self,
        stream: &Stream,
        patient: bool,
        pipe: &mut Pipe,
        readable: &mut bool,
    ) -> Result<(usize, usize), End> {
        let least = self.least.max(LITTLE);
        let writer = queue(&mut self.staging, pipe)?;
        if let Some(large) = &mut self.large {
            return large.read(stream, patient, writer, readable);
        }
        let space = writer.receive_space(least);
        let room = space.len();
        if room == 0 {
            return Err(End::Closed(Error::NOMEM));
        }
        let count = read(stream, stream.read(space), readable)?;
        writer.received(count);
        self.least = if count == room { MUCH } else { LITTLE };
        Ok((count, room))
    }

    fn read_buffer(&mut self, stream: &Stream, readable: &mut bool) -> Result<(usize, usize), End> {
        with_scratch(|scratch| {
            let count = read(stream, stream.read(scratch), readable)?;
            self.buffer.extend_from_slice(scratch.get(..count).unwrap_or_default());
            Ok((count, scratch.len()))
        })
    }

    /// Publishes the complete messages among the received bytes. False: the high water mark.
    fn scan(&mut self, now: Instant, engine: &mut Engine, pipe: &mut Pipe) -> Result<bool, End> {
        loop {
            if self.large.is_some() && !self.finish_large(now, engine, pipe)? {
                return Ok(true);
            }
            // What nobody reads any more passes without being counted one by one.
            let credit = if pipe.peer_closed() { u64::MAX } else { pipe.batch_credit() };
            let credit = credit.min(1 << 30) as usize;
            if self.staging.is_none() && pipe.made_writer().is_none() {
                return Ok(true);
            }
            let writer = queue(&mut self.staging, pipe)?;
            let bytes = writer.unscanned();
            if bytes.is_empty() {
                // At the mark, too: the end of the connection is heard until something is held back.
                return Ok(true);
            }
            if credit == 0 {
                return Ok(false);
            }
            let have = bytes.len();
            let scan = engine.scan(now, bytes, credit)?;
            if scan.is_void() {
                // Heartbeats, say: where nobody reads they would gather in the queue.
                writer.drop_unscanned(scan.frames_end);
            } else {
                let notify = writer.accept(scan.frames_end, scan.messages_end);
                let commands = self.count_commands(scan.commands);
                self.published(pipe, scan.messages as u64 + commands, notify);
            }
            if let Some((header, body)) = scan.next {
                let have = have - scan.frames_end;
                if body > LARGE_BODY {
                    self.begin_large(pipe, header, body)?;
                    continue;
                }
                // Where the last read filled its room, there is more than this frame.
                self.least = self.least.max((header + body as usize).saturating_sub(have));
            }
            if scan.messages < credit && !scan.broken {
                return Ok(true);
            }
        }
    }

    /// How many messages so many more bytes of commands count as: a publisher whose application does nothing
    /// for a while hears of all that its subscribers want, within limits.
    fn count_commands(&mut self, bytes: usize) -> u64 {
        let bytes = usize::from(self.commands) + bytes;
        self.commands = (bytes % COMMANDS_OF_A_MESSAGE) as u16;
        (bytes / COMMANDS_OF_A_MESSAGE) as u64
    }

    /// Accounts for messages that became visible.
    fn published(&mut self, pipe: &mut Pipe, messages: u64, notify: bool) {
        if let Some(staging) = &mut self.staging {
            let (_, reader) = &mut **staging;
            while let Some(mut message) = reader.read() {
                if !message.is_command() {
                    pipe.write(&mut message);
                }
            }
        } else {
            pipe.count(messages);
            if notify {
                pipe.notify_peer(PipeEvent::Readable);
            }
        }
    }

    /// Decodes buffered bytes into the pipe. False: the high water mark.
    fn decode(&mut self, now: Instant, engine: &mut Engine, pipe: &mut Pipe) -> Result<bool, End> {
        loop {
            // Each message is written alone, and refused beyond the mark.
            let credit = pipe.write_credit();
            if credit == 0 && !pipe.peer_closed() {
                return Ok(self.buffer.is_empty());
            }
            let mut sink = PipeSink::new(pipe, credit);
            // Even without bytes: the engine subscribes for peers that are too old to do so.
            let taken = engine.decode(now, &self.buffer, &mut sink)?;
            if sink.has_failed() {
                return Err(End::Closed(Error::NOMEM));
            }
            // The subscription of a peer that is too old to subscribe takes room, but no bytes.
            let stuck = taken == 0 && !sink.has_stopped();
            self.buffer.drain(..taken.min(self.buffer.len()));
            if stuck || self.buffer.is_empty() {
                return Ok(true);
            }
        }
    }
}

/// Lends a buffer for bytes that pass through; one for each thread, cleared once. A thread that is about to end
/// may have none any more, and gets another.
fn with_scratch<T>(use_it: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local! {
        static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
    scratch.resize(BUFFER, 0);
    let result = use_it(&mut scratch);
    let _ = SCRATCH.try_with(|place| place.set(scratch));
    result
}

/// Where bytes come from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) stream: &'a Stream,
    /// The peer has closed its direction: a short read is not the end of what there is.
    pub(super) hung_up: bool,
}

/// The count of a read of the stream, 0 if it would block; the end of the stream is an error.
fn read(
    stream: &Stream,
    result: std::io::Result<usize>,
    readable: &mut bool,
) -> Result<usize, End> {
    match result {
        Ok(0) => Err(End::Closed(Error::PIPE)),
        Ok(count) => Ok(count),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            *readable = stream.left_early();
            Ok(0)
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(0),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
#[path = "incoming_test.rs"]
mod incoming_test;
