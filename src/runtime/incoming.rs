//! The receiving half of a connection: from the stream into the pipe.
//!
//! When the wire carries canonical frames, bytes are read straight into the chunks of the queue,
//! delimited in place by the engine, and published; large bodies are read into a block of their
//! own. Otherwise the engine decodes frame by frame. Reading stops at the high water mark, so that
//! the peer feels it.

use std::cell::RefCell;
use std::io::{ErrorKind, IoSliceMut};
use std::time::Instant;

use super::connection::End;
use crate::error::Error;
use crate::message::{COMMAND, MORE, Message};
use crate::pipe::byte_queue::{self, Place};
use crate::pipe::{Pipe, PipeEvent, Style};
use crate::transport::Stream;
use crate::zmtp::{Engine, FrameSink};

/// Bodies above this size are received into a block of their own.
const LARGE_BODY: u64 = 64 * 1024;
/// How much of a large body is waited for at a time.
const PIECE: usize = 256 * 1024;
/// Room to read into: at first, and once a read filled it.
const LITTLE: usize = 512;
const MUCH: usize = 16 * 1024;
/// The size of a read that is not made into a queue.
const BUFFER: usize = 64 * 1024;
/// The largest piece a raw socket delivers as one message, as libzmq's.
const PLAIN: usize = 8192;

/// A body on its way into a block of its own.
struct Large {
    message: Message,
    filled: usize,
    flags: u8,
    place: Place,
    /// What the stream was told to wait for.
    expected: usize,
}

/// A queue of this half's own, for pipes that have none (ZMQ_CONFLATE).
type Staging = (byte_queue::Writer, byte_queue::Reader);

/// See the head of this file.
#[derive(Default)]
pub(super) struct Incoming {
    /// Received, but not yet taken by the engine.
    buffer: Vec<u8>,
    large: Option<Large>,
    staging: Option<Staging>,
    /// How much room the next read needs.
    least: usize,
}

impl Incoming {
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
        let count = read(from.stream.read(&mut bytes), readable)?;
        if count < bytes.len() && !from.hung_up {
            *readable = false;
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
        let raw = engine.inbound_raw();
        if raw && pipe.writer().is_none() && self.staging.is_none() {
            self.staging = Some(byte_queue::queue(Style::Memory));
        }
        if raw && !self.buffer.is_empty() {
            // The first bytes after the handshake.
            let bytes = std::mem::take(&mut self.buffer);
            if let Some(writer) = queue(&mut self.staging, pipe) {
                let room = writer.receive_space(bytes.len());
                if let Some(room) = room.get_mut(..bytes.len()) {
                    room.copy_from_slice(&bytes);
                    writer.received(bytes.len());
                }
            }
        }
        let mut open = self.take_in(now, raw, engine, pipe)?;
        for _ in 0..turns {
            if !open || !*readable {
                return Ok(false);
            }
            let (count, room) = if raw {
                self.read_raw(stream, pipe, readable)?
            } else {
                self.read_buffer(stream, readable)?
            };
            // A short read has emptied the stream, unless its end is behind it.
            if count < room && !from.hung_up {
                *readable = false;
            }
            if count > 0 {
                engine.note_activity(now);
                open = self.take_in(now, raw, engine, pipe)?;
            }
        }
        Ok(open && *readable)
    }

    /// Makes messages of what was received. False: the high water mark.
    fn take_in(
        &mut self,
        now: Instant,
        raw: bool,
        engine: &mut Engine,
        pipe: &mut Pipe,
    ) -> Result<bool, End> {
        let open =
            if raw { self.scan(now, engine, pipe)? } else { self.decode(now, engine, pipe)? };
        engine.set_input_paused(now, !open);
        Ok(open)
    }

    /// One read into the queue: how much came, of how much room.
    fn read_raw(
        &mut self,
        stream: &Stream,
        pipe: &mut Pipe,
        readable: &mut bool,
    ) -> Result<(usize, usize), End> {
        let least = self.least.max(LITTLE);
        let Some(writer) = queue(&mut self.staging, pipe) else { return Ok((0, 0)) };
        if let Some(large) = &mut self.large {
            let body = large.message.data_mut().unwrap_or_default();
            let rest = body.get_mut(large.filled..).unwrap_or_default();
            let wanted = rest.len();
            let space = writer.receive_space(LITTLE);
            let room = wanted + space.len();
            let mut pieces = [IoSliceMut::new(rest), IoSliceMut::new(space)];
            let count = read(stream.read_vectored(&mut pieces), readable)?;
            large.filled += count.min(wanted);
            writer.received(count.saturating_sub(wanted));
            let left = wanted.saturating_sub(count);
            let expected = if left < 2 * PIECE { left.max(1) } else { PIECE };
            if expected != large.expected && (left == 0 || large.message.len() > PIECE) {
                large.expected = expected;
                stream.expect(expected);
            }
            return Ok((count, room));
        }
        let space = writer.receive_space(least);
        let room = space.len();
        let count = read(stream.read(space), readable)?;
        writer.received(count);
        self.least = if count == room { MUCH } else { LITTLE };
        Ok((count, room))
    }

    fn read_buffer(&mut self, stream: &Stream, readable: &mut bool) -> Result<(usize, usize), End> {
        with_scratch(|scratch| {
            let count = read(stream.read(scratch), readable)?;
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
            let credit = pipe.batch_credit().min(1 << 30) as usize;
            if credit == 0 && !pipe.peer_closed() {
                return Ok(false);
            }
            let Some(writer) = queue(&mut self.staging, pipe) else { return Ok(true) };
            let bytes = writer.unscanned();
            if bytes.is_empty() {
                return Ok(true);
            }
            let have = bytes.len();
            let scan = engine.scan(now, bytes, credit.max(1))?;
            let notify = writer.accept(scan.frames_end, scan.messages_end);
            self.published(pipe, scan.messages as u64, notify);
            if let Some((header, body)) = scan.next {
                let have = have - scan.frames_end;
                if body > LARGE_BODY {
                    self.begin_large(pipe, header, body)?;
                    continue;
                }
                self.least = (header + body as usize).saturating_sub(have);
            }
            if scan.messages < credit.max(1) && !scan.broken {
                return Ok(true);
            }
        }
    }

    /// Accounts for messages that became visible.
    fn published(&mut self, pipe: &mut Pipe, messages: u64, notify: bool) {
        if let Some((_, reader)) = &mut self.staging {
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

    fn begin_large(&mut self, pipe: &mut Pipe, header: usize, body: u64) -> Result<(), End> {
        let size = usize::try_from(body).map_err(|_| End::Closed(Error::MSGSIZE))?;
        // The system provides pages as they are touched: a peer that only claims a
        // size costs address space and no memory.
        let mut message = Message::with_size(size).map_err(End::Closed)?;
        let Some(writer) = queue(&mut self.staging, pipe) else { return Ok(()) };
        let bytes = writer.unscanned();
        let flags = bytes.first().copied().unwrap_or(0) & (MORE | COMMAND);
        let begun = bytes.get(header..).unwrap_or_default();
        let filled = begun.len();
        if let Some(room) = message.data_mut().and_then(|room| room.get_mut(..filled)) {
            room.copy_from_slice(begun);
        }
        writer.discard_unscanned();
        let place = writer.reserve_place(flags);
        self.large = Some(Large { message, filled, flags, place, expected: 1 });
        Ok(())
    }

    /// Publishes the large body if it is complete. False: it is not.
    fn finish_large(
        &mut self,
        now: Instant,
        engine: &mut Engine,
        pipe: &mut Pipe,
    ) -> Result<bool, End> {
        let Some(mut large) = self.large.take_if(|large| large.filled == large.message.len())
        else {
            return Ok(false);
        };
        let complete = engine.note_large_frame(now, large.flags)?;
        let Some(writer) = queue(&mut self.staging, pipe) else { return Ok(true) };
        large.message.set_flags(large.flags);
        writer.fill_place(large.place, large.message);
        if complete {
            let notify = writer.publish();
            self.published(pipe, u64::from(large.flags & COMMAND == 0), notify);
        }
        Ok(true)
    }

    /// Decodes buffered bytes into the pipe. False: the high water mark.
    fn decode(&mut self, now: Instant, engine: &mut Engine, pipe: &mut Pipe) -> Result<bool, End> {
        loop {
            let credit = pipe.write_credit();
            if credit == 0 && !pipe.peer_closed() {
                return Ok(false);
            }
            let mut sink = PipeSink { pipe, credit };
            // Even without bytes: the engine subscribes for peers that are too old to do so.
            let taken = engine.decode(now, &self.buffer, &mut sink)?;
            self.buffer.drain(..taken.min(self.buffer.len()));
            if taken == 0 || self.buffer.is_empty() {
                return Ok(true);
            }
        }
    }

    /// Receives plain bytes: every read is a message. True if there may be more.
    pub(super) fn receive_plain(
        &mut self,
        turns: usize,
        from: Source<'_>,
        pipe: &mut Pipe,
        readable: &mut bool,
    ) -> Result<bool, End> {
        for _ in 0..turns {
            if !*readable || !pipe.check_write() {
                return Ok(false);
            }
            with_scratch(|scratch| {
                let scratch = scratch.get_mut(..PLAIN).unwrap_or_default();
                let count = read(from.stream.read(scratch), readable)?;
                if count > 0 {
                    let bytes = scratch.get(..count).unwrap_or_default();
                    pipe.write(&mut Message::from_slice(bytes).map_err(End::Closed)?);
                }
                Ok::<(), End>(())
            })?;
        }
        Ok(*readable)
    }
}

/// Lends a buffer for bytes that pass through; one for each thread, cleared once.
fn with_scratch<T>(use_it: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local! {
        static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut scratch) => {
            scratch.resize(BUFFER, 0);
            use_it(&mut scratch)
        }
        // Nobody calls this while using it; but a buffer can be had either way.
        Err(_) => use_it(&mut vec![0; BUFFER]),
    })
}

/// Where bytes come from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) stream: &'a Stream,
    /// The peer has closed its direction: a short read is not the end of what there is.
    pub(super) hung_up: bool,
}

/// The queue that bytes are received into.
fn queue<'a>(
    staging: &'a mut Option<Staging>,
    pipe: &'a mut Pipe,
) -> Option<&'a mut byte_queue::Writer> {
    match staging {
        Some((writer, _)) => Some(writer),
        None => pipe.writer(),
    }
}

/// The count of a read, 0 if it would block; the end of the stream is an error.
fn read(result: std::io::Result<usize>, readable: &mut bool) -> Result<usize, End> {
    match result {
        Ok(0) => Err(End::Closed(Error::PIPE)),
        Ok(count) => Ok(count),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            *readable = false;
            Ok(0)
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(0),
        Err(error) => Err(End::Closed(error.into())),
    }
}

/// Writes decoded frames into the pipe.
struct PipeSink<'a> {
    pipe: &'a mut Pipe,
    credit: u64,
}

impl FrameSink for PipeSink<'_> {
    fn frame(&mut self, flags: u8, body: &[u8]) -> bool {
        // Without memory for a copy the frame is lost; the engine goes on.
        let Ok(mut message) = Message::from_slice(body) else { return true };
        message.set_flags(flags);
        if flags & COMMAND != 0 {
            self.pipe.write_control(message);
        } else {
            self.pipe.write(&mut message);
            self.credit = self.credit.saturating_sub(u64::from(flags & MORE == 0));
        }
        self.credit > 0
    }
}
