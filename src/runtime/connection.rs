//! One connection: a stream, its engine, and the state of both directions.
//!
//! Driven by `session`; knows nothing of reconnecting or of sockets.

use std::time::{Duration, Instant};

use super::end::End;
use super::incoming::{Incoming, Source};
use super::outgoing::{Outgoing, Sent};
use super::reactor::Ready;
use super::task::Io;
use super::zap::Asked;
use crate::error::Error;
use crate::message::Metadata;
use crate::options::SocketOptions;
use crate::pipe::Pipe;
use crate::sys::{PollFd, poll};
use crate::transport::Stream;
use crate::zmtp::{Delivery, Engine, EngineConfig, Event, Failure};

/// The state of the handshake.
pub(super) enum Handshake {
    Going,
    /// Just done: what is known of the peer.
    Done(Metadata),
    /// An authentication handler has to be asked.
    Zap(Vec<Vec<u8>>),
}

/// The state of both directions.
#[derive(Default)]
struct Flow {
    incoming: Incoming,
    outgoing: Outgoing,
}

/// See the head of this file.
pub(super) struct Connection {
    pub(super) stream: Stream,
    /// `None`: plain bytes without ZMTP (STREAM, raw ROUTER).
    pub(super) engine: Option<Engine>,
    /// Bytes on their way, while there are any or have been: many peers never say anything.
    flow: Option<Box<Flow>>,
    /// Something was received or sent since the handshake.
    used: bool,
    /// A question to the ZAP handler that it has not answered.
    asked: Option<Asked>,
    /// The handshake is over and the peer was announced.
    pub(super) established: bool,
    /// It was one of ZMTP 3, with a mechanism, or of a layer. Monitors know no other: whoever is silent, or
    /// speaks no ZMTP at all, may pass for a peer of an older version.
    pub(super) had_handshake: bool,
    /// Why the peer takes no more.
    lost: Option<Error>,
    /// The peer may have spoken already: hear it first, so that all of the answer goes out at once.
    listens_first: bool,
    readable: bool,
    writable: bool,
    hung_up: bool,
}

impl Connection {
    pub(super) fn new(stream: Stream, options: &SocketOptions, now: Instant) -> Connection {
        let engine = (!options.raw_socket).then(|| {
            let (address, layered) = (stream.peer_address(), !stream.is_direct());
            let config = EngineConfig::from_options(options, &address, layered, random);
            Engine::new(config, now)
        });
        Connection {
            stream,
            engine,
            flow: None,
            used: false,
            asked: None,
            established: false,
            had_handshake: false,
            lost: None,
            listens_first: true,
            readable: true,
            writable: true,
            hung_up: false,
        }
    }

    /// Takes in what the reactor said.
    pub(super) fn note(&mut self, ready: Ready) {
        self.readable |= ready.readable;
        self.writable |= ready.writable;
        self.hung_up |= ready.hung_up;
        if ready.writable
            && let Err(error) = self.stream.go_on()
        {
            self.lost = Some(error.into());
        }
    }

    /// Whether the layer below waits for the stream to take more.
    fn owes(&self) -> bool {
        self.lost.is_none() && self.stream.owes()
    }

    /// When `timer` wants to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.engine.as_ref().and_then(Engine::poll_timeout)
    }

    /// The time that `deadline` gave has come.
    pub(super) fn timer(&mut self, now: Instant) -> Result<(), End> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        if engine.is_overdue(now) {
            // Our PING may be behind what the peer has no room for, as it reads slowly.
            let behind = self.flow.as_ref().map_or(0, |flow| flow.outgoing.behind_ping);
            let (lacking, silence) = match self.stream.unacknowledged() {
                Some(sent) => (sent.bytes, sent.silence),
                None => (0, Duration::ZERO),
            };
            let taken = (behind as i64).saturating_sub_unsigned(lacking as u64);
            engine.reconsider(now, Delivery { taken, silence });
        }
        Ok(engine.handle_timeout(now)?)
    }

    /// Goes on with greeting and handshake.
    pub(super) fn handshake(&mut self, io: &mut Io<'_>) -> Result<Handshake, End> {
        let Some(engine) = &mut self.engine else {
            let mut metadata = Metadata::new();
            metadata.set("Peer-Address", self.stream.peer_address().as_bytes());
            self.finish_handshake(&mut metadata);
            return Ok(Handshake::Done(metadata));
        };
        let Flow { incoming, outgoing } = &mut **self.flow.get_or_insert_default();
        let (mut silent, mut left_early) = (false, false);
        if std::mem::take(&mut self.listens_first) {
            let from = Source { stream: &self.stream, hung_up: self.hung_up };
            silent = incoming.buffer_more(from, &mut self.readable)? > 0;
            left_early = self.stream.left_early();
        }
        loop {
            if let Some(reply) = self.asked.as_mut().and_then(Asked::reply) {
                self.asked = None;
                let result = engine.handle_zap_reply(io.now, &reply);
                if result.is_err() {
                    // The engine may have an ERROR command to say before the end.
                    let _ = outgoing.send_control(&self.stream, engine, &mut self.writable);
                }
                result?;
            }
            let event = engine.poll_event();
            if let Some(Event::Established(_)) = event {
                // Its last word goes out with what waits in the pipe.
                outgoing.hold_control(engine);
            } else if !std::mem::take(&mut silent) {
                outgoing.send_control(&self.stream, engine, &mut self.writable)?;
            }
            match event {
                Some(Event::Established(mut peer)) => {
                    self.had_handshake = peer.version >= (3, 0) || !self.stream.is_direct();
                    self.finish_handshake(&mut peer.metadata);
                    return Ok(Handshake::Done(peer.metadata));
                }
                Some(Event::ZapRequest(frames)) => return Ok(Handshake::Zap(frames)),
                None => {}
            }
            if incoming.has_buffered() {
                let result = incoming.feed_handshake(engine, io.now);
                if result.is_err() {
                    // The engine may have an ERROR command to say before the end.
                    let _ = outgoing.send_control(&self.stream, engine, &mut self.writable);
                }
                if result? {
                    continue;
                }
            }
            if !self.readable {
                if !outgoing.has_unsent() {
                    engine.prepare()?;
                }
                return Ok(Handshake::Going);
            }
            if left_early {
                io.again();
                return Ok(Handshake::Going);
            }
            let from = Source { stream: &self.stream, hung_up: self.hung_up };
            incoming.buffer_more(from, &mut self.readable)?;
            left_early = self.stream.left_early();
        }
    }

    /// Sends a request to the ZAP handler that `pipe` leads to, if there is one. Call `handshake`
    /// afterwards, and when something happened to the pipe.
    pub(super) fn ask(
        &mut self,
        io: &mut Io<'_>,
        pipe: Option<Pipe>,
        request: &[Vec<u8>],
    ) -> Result<(), End> {
        match (pipe, &mut self.engine) {
            (Some(pipe), _) => {
                self.asked = Some(Asked::ask(pipe, request).map_err(Failure::no_detail)?);
            }
            (None, Some(engine)) => engine.zap_unavailable(io.now)?,
            (None, None) => {}
        }
        Ok(())
    }

    fn finish_handshake(&mut self, metadata: &mut Metadata) {
        metadata.set_descriptor(self.stream.descriptor());
        if let Some(flow) = &mut self.flow {
            flow.outgoing.settle();
        }
        self.stream.settle();
        self.established = true;
    }

    /// Sends a message before all that is in the pipe (ZMQ_HELLO_MSG).
    pub(super) fn greet(&mut self, hello: &[u8]) -> Result<(), End> {
        self.used = true;
        self.flow.get_or_insert_default().outgoing.greet(&mut self.engine, hello)
    }

    /// Receives into the pipe until it would block, the high water mark is reached, or `turns`
    /// reads are done; then there may be more.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        turns: usize,
        pipe: &mut Pipe,
    ) -> Result<bool, End> {
        let from = Source { stream: &self.stream, hung_up: self.hung_up };
        let readable = &mut self.readable;
        let incoming = &mut self.flow.get_or_insert_default().incoming;
        // A message may have begun behind the handshake, and will go on.
        self.used |= *readable || incoming.has_buffered();
        if !*readable && incoming.is_settled() {
            // Many peers are asked once more behind their message.
            return Ok(false);
        }
        match &mut self.engine {
            Some(engine) => incoming.receive(now, turns, from, engine, pipe, readable),
            None => incoming.receive_plain(turns, from, pipe, readable),
        }
    }

    /// Says that the stream may have something, whatever the reactor said.
    pub(super) fn set_readable(&mut self) {
        self.readable = true;
    }

    /// Whether the stream may have something that was not read.
    pub(super) fn is_readable(&self) -> bool {
        self.readable
    }

    /// Whether the stream may take more, and nobody waits for that.
    pub(super) fn is_writable(&self) -> bool {
        self.writable && !self.owes()
    }

    /// Whether the application may wait for the descriptor: the stream is ZMTP.
    pub(super) fn is_shareable(&self) -> bool {
        !cfg!(feature = "portable") && self.engine.is_some()
    }

    /// Whether the descriptor alone tells what there is to read.
    pub(super) fn is_direct(&self) -> bool {
        self.stream.is_direct()
    }

    /// Whether there is something to read of which the descriptor does not tell.
    pub(super) fn holds(&self) -> bool {
        self.stream.holds()
    }

    /// Whether the engine has something to say, or the layer below.
    pub(super) fn has_control(&self) -> bool {
        self.engine.as_ref().is_some_and(Engine::has_transmit) || self.owes()
    }

    /// Sends from the pipe on the thread that writes into it: see `Outgoing::send_directly`.
    pub(super) fn send_directly(&mut self, pipe: &mut Pipe) -> Result<Sent, End> {
        let sent = match self.lost {
            Some(error) => Err(End::Closed(error)),
            None => {
                self.used = true;
                let outgoing = &mut self.flow.get_or_insert_default().outgoing;
                outgoing.send_directly(&self.stream, &mut self.engine, pipe, &mut self.writable)
            }
        };
        self.read_on(sent, pipe)
    }

    /// Sends from the pipe until it would block or all is sent.
    pub(super) fn send(&mut self, now: Instant, pipe: &mut Pipe) -> Result<Sent, End> {
        let sent = match self.lost {
            Some(error) => Err(End::Closed(error)),
            None => {
                self.used |= !pipe.is_drained();
                let outgoing = &mut self.flow.get_or_insert_default().outgoing;
                let (stream, engine) = (&self.stream, &mut self.engine);
                let sent = outgoing.send(now, stream, engine, pipe, &mut self.writable);
                match sent {
                    Ok(Sent::All) if !self.used => self.rest(),
                    Ok(Sent::Blocked) => pipe.let_go(),
                    _ => {}
                }
                sent
            }
        };
        self.read_on(sent, pipe)
    }

    /// A peer that takes no more may have sent much before it went. As long as somebody may want that, only
    /// reading ends the connection, which it does where the kernel knows that the peer is gone.
    fn read_on(&mut self, sent: Result<Sent, End>, pipe: &Pipe) -> Result<Sent, End> {
        match sent {
            Err(End::Closed(error))
                if !(pipe.peer_finished() || pipe.is_finished()) && self.is_hung_up() =>
            {
                self.lost = Some(error);
                self.hung_up = true;
                Ok(Sent::Blocked)
            }
            sent => sent,
        }
    }

    fn is_hung_up(&self) -> bool {
        let mut items = [PollFd::new(self.stream.descriptor(), 0)];
        let found = poll(&mut items, Some(Duration::ZERO));
        let [item] = items;
        found.is_ok() && item.revents() & (libc::POLLHUP | libc::POLLNVAL) == libc::POLLHUP
    }

    /// The last word of the handshake is sent, and nothing else yet.
    fn rest(&mut self) {
        self.flow.take_if(|flow| !flow.incoming.has_buffered() && !flow.outgoing.has_unsent());
    }

    /// Whether bytes that left the pipe still wait to be sent.
    pub(super) fn has_unsent(&self) -> bool {
        self.flow.as_ref().is_some_and(|flow| flow.outgoing.has_unsent())
    }
}

/// Entropy for the mechanisms.
fn random(buffer: &mut [u8]) -> crate::error::Result<()> {
    getrandom::fill(buffer)
        .map_err(|error| error.raw_os_error().map_or(Error::AGAIN, Error::from_errno))
}

#[cfg(test)]
#[path = "connection_test.rs"]
mod tests;
