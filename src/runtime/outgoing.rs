//! The sending half of a connection: from the pipe to the stream.
//!
//! Canonical frames that the peer understands as they are go out by writev straight from the chunks
//! of the queue. Those of an encrypted connection are sealed into a buffer, many at a time.
//! Everything else (ZMTP 1.0, subscriptions for older peers, plain bytes) is encoded one by one.
//! What the engine itself has to say (PING, PONG) goes out between messages. Called by `connection`.

use std::io::IoSlice;
use std::time::Instant;

use super::end::{End, done};
use crate::error::Error;
use crate::pipe::Pipe;
use crate::sys::spin::Spin;
use crate::transport::Stream;
use crate::zmtp::Engine;

/// At most this many bytes and pieces are written by one call.
const BATCH: usize = 512 * 1024;
const PIECES: usize = 32;
/// Encoded bytes are sent from this size on.
const ENCODE: usize = 64 * 1024;
/// The largest buffer that a connection keeps which encodes and has nothing to send.
const KEPT: usize = 1024;

/// At most about this many bytes go out in one turn: to a peer that reads as fast as it is written to there is no end of
/// sending, and meanwhile nobody else would be served. The least that a write counts as stands for what it costs.
const TURN: usize = 1024 * 1024;
const WRITE: usize = 16 * 1024;

/// Turns of the thread's loop before the pipe is told that we sleep.
const LOOKS: u8 = 8;

/// How far sending came.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Sent {
    /// Everything is sent; the pipe notifies when there is more.
    All,
    /// There is more to send, or is likely to be soon: look again when others had their turn, before the pipe has to notify.
    Soon,
    /// The stream takes no more for now.
    Blocked,
    /// Everything is sent and the socket writes no more.
    Finished,
}

/// See the head of this file.
pub(super) struct Outgoing {
    /// Bytes that are next on the wire, from `sent` on.
    buffer: Vec<u8>,
    sent: usize,
    /// Something that the engine said is in the buffer, or just was.
    leaving: bool,
    /// How many bytes have left behind the last PING whose answer was waited for, or since the beginning.
    pub(super) behind_ping: u64,
    /// The last encoded frame said that more follow.
    in_message: bool,
    /// Whether it pays to look again, and how often that was done since something was sent.
    spin: Spin,
    looks: u8,
}

impl Default for Outgoing {
    fn default() -> Outgoing {
        let spin = Spin::doubtful();
        let (buffer, sent, leaving, in_message) = (Vec::new(), 0, false, false);
        Outgoing { buffer, sent, leaving, behind_ping: 0, in_message, spin, looks: 0 }
    }
}

impl Outgoing {
    /// Whether encoded bytes wait for the stream.
    pub(super) fn has_unsent(&self) -> bool {
        self.sent < self.buffer.len()
    }

    /// Writes the buffer; true when it is empty, false when the stream takes no more or the turn is over.
    fn flush(
        &mut self,
        stream: &Stream,
        writable: &mut bool,
        turn: &mut Turn,
    ) -> Result<bool, End> {
        while let Some(rest) = self.buffer.get(self.sent..).filter(|rest| !rest.is_empty()) {
            if !*writable || turn.is_over() {
                return Ok(false);
            }
            let rest = rest.get(..BATCH).unwrap_or(rest);
            match done(stream.write(rest), writable)? {
                Some(count) => {
                    self.sent += count;
                    self.behind_ping += count as u64;
                    turn.wrote(count);
                }
                None => return Ok(false),
            }
        }
        self.buffer.clear();
        self.sent = 0;
        if self.buffer.capacity() > 2 * ENCODE {
            self.buffer = Vec::new();
        }
        Ok(true)
    }

    /// Sends what the engine has to say during the handshake.
    pub(super) fn send_control(
        &mut self,
        stream: &Stream,
        engine: &mut Engine,
        writable: &mut bool,
    ) -> Result<(), End> {
        engine.poll_transmit(&mut self.buffer);
        self.flush(stream, writable, &mut Turn::endless())?;
        Ok(())
    }

    /// The same without sending: it goes before whatever is sent next.
    pub(super) fn hold_control(&mut self, engine: &mut Engine) {
        engine.poll_transmit(&mut self.buffer);
    }

    /// An idle connection holds no buffers.
    pub(super) fn settle(&mut self) {
        if !self.has_unsent() {
            (self.buffer, self.sent) = (Vec::new(), 0);
        }
    }

    /// Puts a message before all that is in the pipe.
    pub(super) fn greet(&mut self, engine: &mut Option<Engine>, body: &[u8]) -> Result<(), End> {
        match engine {
            Some(engine) => engine.encode(0, body, &mut self.buffer)?,
            None => self.buffer.extend_from_slice(body),
        }
        Ok(())
    }

    /// Sends as much as the stream takes, or as a turn allows.
    pub(super) fn send(
        &mut self,
        now: Instant,
        stream: &Stream,
        engine: &mut Option<Engine>,
        pipe: &mut Pipe,
        writable: &mut bool,
    ) -> Result<Sent, End> {
        let raw = engine.as_ref().is_some_and(Engine::outbound_raw) && pipe.reads_queue();
        let kept = if raw { 0 } else { KEPT };
        // Who has just sent something is likely to be given more, unlike who was called for another reason.
        let mut sending = self.looks > 0;
        let mut turn = Turn(TURN);
        loop {
            if raw && self.has_unsent() && *writable {
                self.write_raw(stream, pipe, writable, &mut turn, BATCH)?;
            }
            if !self.flush(stream, writable, &mut turn)? {
                return Ok(if *writable { Sent::Soon } else { Sent::Blocked });
            }
            if !*writable {
                return Ok(Sent::Blocked);
            }
            let mut most = BATCH;
            if let Some(engine) = engine
                && (self.leaving || engine.has_transmit())
            {
                most = self.take_control(now, engine, pipe);
                if self.has_unsent() {
                    continue;
                }
            }
            if turn.is_over() {
                return Ok(Sent::Soon);
            }
            let more = if raw {
                self.write_raw(stream, pipe, writable, &mut turn, most)?
            } else {
                self.encode(engine, pipe)?
            };
            if more {
                sending = true;
                if self.looks > 0 {
                    self.spin.learn(true);
                    self.looks = 0;
                }
                continue;
            }
            if !*writable {
                return Ok(Sent::Blocked);
            }
            if sending && self.look_again(pipe) {
                return Ok(Sent::Soon);
            }
            // `check_read` goes to sleep; true means that something came meanwhile.
            if pipe.check_read() {
                continue;
            }
            if self.buffer.capacity() > kept {
                self.settle();
            }
            // Where the last of it came with the end, behind that look, the session is called again.
            return Ok(if pipe.is_at_end() { Sent::Finished } else { Sent::All });
        }
    }

    /// Sends what is in the queue on the thread that writes into it, and then lets the reader sleep.
    /// `Blocked` when it cannot be done here; whoever has the descriptor in its reactor goes on.
    pub(super) fn send_directly(
        &mut self,
        stream: &Stream,
        engine: &mut Option<Engine>,
        pipe: &mut Pipe,
        writable: &mut bool,
    ) -> Result<Sent, End> {
        let ready = engine.as_ref().is_some_and(|engine| {
            (engine.outbound_raw() || engine.outbound_wrapped()) && !engine.has_transmit()
        });
        if !ready || pipe.reader().is_none() || self.has_unsent() || !*writable {
            return Ok(Sent::Blocked);
        }
        // What this thread has published has an end.
        let turn = &mut Turn::endless();
        if engine.as_ref().is_some_and(Engine::outbound_raw) {
            while self.write_raw(stream, pipe, writable, turn, BATCH)? {}
        } else {
            while self.encode(engine, pipe)? {
                self.flush(stream, writable, turn)?;
                if !*writable {
                    break;
                }
            }
        }
        if !*writable {
            return Ok(Sent::Blocked);
        }
        // Nobody else publishes meanwhile, so there is no need to look again.
        pipe.doze();
        Ok(Sent::All)
    }

    /// All is flushed: the engine hears that what it said has left, and says what it has to if a message has just
    /// ended. If not, at most so much of the queue may go out before it is asked again.
    #[cold]
    fn take_control(&mut self, now: Instant, engine: &mut Engine, pipe: &mut Pipe) -> usize {
        if std::mem::take(&mut self.leaving) && engine.transmitted(now) {
            self.behind_ping = 0;
        }
        if !engine.has_transmit() {
            return BATCH;
        }
        let raw = engine.outbound_raw() && pipe.reads_queue();
        let rest = match pipe.reader() {
            Some(reader) if raw => reader.rest_of_message(),
            _ => usize::from(self.in_message),
        };
        if rest > 0 {
            return rest.min(BATCH);
        }
        engine.poll_transmit(&mut self.buffer);
        self.leaving = self.has_unsent();
        BATCH
    }

    /// Writes at most about so much from the queue, behind what is in the buffer; false if there is nothing or
    /// the stream takes no more.
    fn write_raw(
        &mut self,
        stream: &Stream,
        pipe: &mut Pipe,
        writable: &mut bool,
        turn: &mut Turn,
        most: usize,
    ) -> Result<bool, End> {
        let ahead = !pipe.is_exact();
        let Some(reader) = pipe.reader() else { return Ok(false) };
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let buffered = self.buffer.get(self.sent..).unwrap_or_default();
        let (first, rest) = pieces.split_at_mut(usize::from(!buffered.is_empty()));
        first.iter_mut().for_each(|piece| *piece = IoSlice::new(buffered));
        let count = first.len() + reader.slices(rest, most, ahead);
        if count == 0 {
            return Ok(false);
        }
        let result = stream.write_vectored(pieces.get(..count).unwrap_or_default());
        let Some(written) = done(result, writable)? else { return Ok(false) };
        turn.wrote(written);
        self.behind_ping += written as u64;
        let of_buffer = written.min(buffered.len());
        self.sent += of_buffer;
        reader.consume(written - of_buffer);
        pipe.tell_writer();
        Ok(true)
    }

    /// Whether to take another turn before the pipe is told that we sleep.
    fn look_again(&mut self, pipe: &mut Pipe) -> bool {
        let asleep = pipe.peer_finished() || pipe.reader_asleep();
        if asleep || self.looks == 0 && !self.spin.worthwhile() {
            return false;
        }
        if pipe.reader().is_some_and(|reader| Spin::briefly(|| reader.has_bytes())) {
            return true;
        }
        self.looks += 1;
        if self.looks > LOOKS {
            self.looks = 0;
            self.spin.learn(false);
            return false;
        }
        true
    }

    /// Wraps frames as they lie in the queue; false if there is none that lies there as a whole.
    fn seal(&mut self, engine: &mut Engine, pipe: &mut Pipe) -> Result<bool, End> {
        let ahead = !pipe.is_exact();
        let mut pieces = [IoSlice::new(&[]); PIECES];
        if ahead && pipe.reader().is_some_and(|reader| reader.slices(&mut pieces, BATCH, true) > 0)
        {
            // Before the work and not after it: so long the writer need not wait.
            pipe.tell_writer();
        }
        let Some(reader) = pipe.reader() else { return Ok(false) };
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let count = reader.slices(&mut pieces, BATCH, ahead);
        let mut taken = 0;
        for piece in pieces.get(..count).unwrap_or_default() {
            let sealed = engine.seal(piece, ENCODE, &mut self.buffer)?;
            taken += sealed.taken;
            self.in_message = sealed.more.unwrap_or(self.in_message);
            if sealed.taken < piece.len() {
                break;
            }
        }
        if taken == 0 {
            return Ok(false);
        }
        reader.consume(taken);
        pipe.tell_writer();
        Ok(true)
    }

    /// Encodes a batch of frames; false if there are none.
    fn encode(&mut self, engine: &mut Option<Engine>, pipe: &mut Pipe) -> Result<bool, End> {
        if let Some(engine) = engine
            && engine.outbound_wrapped()
            && (self.seal(engine, pipe)? || pipe.is_drained())
        {
            return Ok(self.has_unsent());
        }
        while self.buffer.len() < ENCODE {
            let Some(message) = pipe.read() else { break };
            self.in_message = message.more();
            match engine {
                Some(engine) => {
                    engine.encode(message.flags(), message.data(), &mut self.buffer)?;
                }
                None => {
                    let reserved = self.buffer.try_reserve(message.len());
                    reserved.map_err(|_| End::Closed(Error::NOMEM))?;
                    self.buffer.extend_from_slice(message.data());
                }
            }
        }
        Ok(self.has_unsent())
    }
}

/// How much may still go out before others are served.
struct Turn(usize);

impl Turn {
    fn endless() -> Turn {
        Turn(usize::MAX)
    }

    fn wrote(&mut self, count: usize) {
        self.0 = self.0.saturating_sub(count.max(WRITE));
    }

    fn is_over(&self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
#[path = "outgoing_test.rs"]
mod outgoing_test;
