//! The data phase of an engine: frames in both directions, and heartbeats between them.
//!
//! Called by `engine`, which documents what its callers see of this.

use std::collections::VecDeque;
use std::time::Instant;

use crate::mechanism::{Opened, Sealed, Transform};
use crate::message::COMMAND;
use crate::options::Limits;
use crate::patterns::SocketType;
use crate::zmtp::assembler::{Assembler, Framing};
use crate::zmtp::command::{self, Command};
use crate::zmtp::greeting::Version;
use crate::zmtp::heartbeat::{Beat, Heartbeat};
use crate::zmtp::inbound::Scanner;
use crate::zmtp::{Delivery, EngineConfig, Failure, Scan, frame, outbound};

/// PONGs that wait to be sent; a peer that sends PINGs and reads nothing gets no more.
const MAX_CONTROL: usize = 16;
/// The most that a mechanism adds to a frame: a command name, a nonce, a tag, flags.
const MAX_WRAPPING: u64 = 256;

/// Receives frames from `Engine::decode`.
pub(crate) trait FrameSink {
    /// Takes one frame; `flags` are `MORE` and `COMMAND`. `false` asks for no more frames for now.
    fn frame(&mut self, flags: u8, body: &[u8]) -> bool;
}

/// An established connection.
pub(crate) struct Established {
    version: Version,
    /// See `EngineConfig::layered`.
    layered: bool,
    /// When it was established.
    since: Instant,
    /// Whether this side sends subscriptions as commands that older peers do not understand.
    subscribes: bool,
    /// Whether the peer is so old that it may not send subscriptions: it gets everything.
    subscribe_to_all: bool,
    scanner: Scanner,
    transform: Option<Box<dyn Transform>>,
    /// Of a connection that was decoded frame by frame.
    assembler: Option<Box<Assembler>>,
    /// Of a connection with heartbeats, ours or the peer's.
    beats: Option<Box<Beats>>,
}

/// Heartbeats of both sides.
struct Beats {
    heartbeat: Heartbeat,
    /// PINGs and PONGs that are wrapped only when they are taken: the order in which an encrypted
    /// connection numbers its frames must be the order on the wire.
    control: VecDeque<Vec<u8>>,
    /// A PING was taken and has not left.
    pinging: bool,
}

impl Beats {
    fn new(heartbeat: Heartbeat) -> Box<Beats> {
        Box::new(Beats { heartbeat, control: VecDeque::new(), pinging: false })
    }
}

impl Established {
    pub(crate) fn new(
        config: &EngineConfig,
        version: Version,
        transform: Option<Box<dyn Transform>>,
        now: Instant,
    ) -> Established {
        use SocketType::{Pub, Radio, Sub, Xpub, Xsub};
        // Heartbeats are commands, which old peers do not know.
        let known = version >= Version::V3_0 || config.layered;
        let interval = config.heartbeat_interval.filter(|_| known);
        Established {
            version,
            layered: config.layered,
            since: now,
            subscribes: matches!(config.kind, Sub | Xsub),
            subscribe_to_all: version == Version::Unversioned && matches!(config.kind, Pub | Xpub),
            scanner: Scanner {
                limits: Limits::new(config.maxmsgsize, config.rcvhwm),
                inside: false,
                held: 0,
                heeds_commands: matches!(config.kind, Pub | Xpub | Radio),
            },
            transform,
            assembler: None,
            beats: interval.map(|interval| Beats::new(Heartbeat::new(config, interval, now))),
        }
    }

    pub(crate) fn has_transmit(&self) -> bool {
        self.beats.as_ref().is_some_and(|beats| !beats.control.is_empty())
    }

    pub(crate) fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        let Some(beats) = &mut self.beats else { return };
        let mut pinging = beats.pinging;
        for body in std::mem::take(&mut beats.control) {
            let ping = body.starts_with(command::PING);
            pinging |= ping;
            if self.layered && (ping || body == command::LIVE) {
                frame::put_frame(COMMAND, &body, out);
                continue;
            }
            // What cannot be wrapped is dropped: the nonces ran out, and `encode` says so, too.
            let _ = self.encode(COMMAND, &body, out);
        }
        if let Some(beats) = &mut self.beats {
            beats.pinging = pinging;
        }
    }

    pub(crate) fn transmitted(&mut self, now: Instant) -> bool {
        self.beats.as_mut().is_some_and(|beats| {
            std::mem::take(&mut beats.pinging) && beats.heartbeat.sent_ping(now)
        })
    }

    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.beats.as_ref().is_some_and(|beats| beats.heartbeat.is_overdue(now))
    }

    pub(crate) fn reconsider(&mut self, now: Instant, delivery: Delivery) {
        if let Some(beats) = &mut self.beats {
            beats.heartbeat.reconsider(now, delivery);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.beats.as_ref()?.heartbeat.poll_timeout()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), Failure> {
        let Some(beats) = &mut self.beats else { return Ok(()) };
        let Beats { heartbeat, control, .. } = &mut **beats;
        while let Some(beat) = heartbeat.handle_timeout(now)? {
            let body = match beat {
                Beat::Ping => heartbeat.ping(),
                Beat::Pong if self.layered => command::LIVE.to_vec(),
                Beat::Pong => command::pong(&[]),
            };
            // One unsent PING says as much as two.
            if !control.contains(&body) && control.len() < MAX_CONTROL {
                control.push_back(body);
            }
        }
        Ok(())
    }

    /// Something came from the peer.
    #[inline]
    pub(crate) fn hear(&mut self, now: Instant) {
        if let Some(beats) = &mut self.beats {
            beats.heartbeat.hear(now);
        }
    }

    /// The peer pinged, and was answered below; what it asks of us is not said there.
    pub(crate) fn note_ping(&mut self, now: Instant) {
        answering(self.since, now, &mut self.beats).heartbeat.pinged(now, 0);
    }

    /// Reading was stopped or resumed on purpose.
    pub(crate) fn set_paused(&mut self, now: Instant, paused: bool) {
        if let Some(beats) = &mut self.beats {
            beats.heartbeat.set_paused(now, paused);
        }
    }

    pub(crate) fn inbound_raw(&self) -> bool {
        self.framing() == Framing::V2 && self.transform.is_none()
    }

    pub(crate) fn inbound_wrapped(&self) -> bool {
        self.transform.is_some()
    }

    pub(crate) fn outbound_raw(&self) -> bool {
        self.peer_understands() && self.transform.is_none()
    }

    pub(crate) fn outbound_wrapped(&self) -> bool {
        self.peer_understands() && self.transform.is_some()
    }

    /// Whether the peer understands canonical frames as they are.
    fn peer_understands(&self) -> bool {
        match self.version {
            Version::V3_1 => true,
            Version::V3_0 | Version::V2 => !self.subscribes,
            Version::V1 | Version::Unversioned => false,
        }
    }

    pub(crate) fn heeds_commands(&self) -> bool {
        self.scanner.heeds_commands
    }

    fn framing(&self) -> Framing {
        match self.version {
            Version::Unversioned | Version::V1 => Framing::V1,
            _ => Framing::V2,
        }
    }

    pub(crate) fn scan(
        &mut self,
        now: Instant,
        bytes: &mut [u8],
        max_messages: usize,
    ) -> Result<Scan, Failure> {
        if !bytes.is_empty() {
            self.hear(now);
        }
        let Established { beats, scanner, since, .. } = self;
        let since = *since;
        scanner.scan(bytes, max_messages, |command| beat(since, now, command, beats))
    }

    pub(crate) fn note_large_frame(
        &mut self,
        now: Instant,
        flags: u8,
        size: usize,
    ) -> Result<bool, Failure> {
        self.hear(now);
        self.scanner.note_frame(flags, size)
    }

    /// ZMTP 1.0, which has no commands: later versions are scanned.
    pub(crate) fn decode(
        &mut self,
        now: Instant,
        input: &[u8],
        sink: &mut dyn FrameSink,
    ) -> Result<usize, Failure> {
        if std::mem::take(&mut self.subscribe_to_all) && !sink.frame(0, &[1]) {
            return Ok(0);
        }
        let framing = self.framing();
        if !input.is_empty() {
            self.hear(now);
        }
        let Established { scanner, assembler, .. } = self;
        let assembler = assembler.get_or_insert_default();
        let mut consumed = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let step = assembler.step(rest, framing, scanner.limits.frame)?;
            consumed += step.consumed;
            let Some((flags, body)) = step.frame else { break };
            // Its header as well, as where frames are not decoded.
            scanner.note_frame(flags, 2 + body.len())?;
            if !sink.frame(flags, body) {
                return Ok(consumed);
            }
        }
        // Nothing more is there: an idle connection holds no large buffers.
        assembler.release();
        Ok(consumed)
    }

    pub(crate) fn open(&mut self, now: Instant, wire: &[u8], out: &mut [u8]) -> Opened {
        if !wire.is_empty() {
            self.hear(now);
        }
        let Established { scanner, transform, .. } = self;
        let Some(transform) = transform else { return Opened::default() };
        // The wrapping is not what ZMQ_MAXMSGSIZE is about.
        let limit = scanner.limits.frame.saturating_add(MAX_WRAPPING).min(isize::MAX as u64);
        transform.open(wire, limit, out)
    }

    pub(crate) fn seal(
        &mut self,
        frames: &[u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<Sealed, Failure> {
        match &mut self.transform {
            Some(transform) => transform.seal(frames, most, out),
            None => Ok(Sealed::default()),
        }
    }

    pub(crate) fn encode(
        &mut self,
        flags: u8,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        outbound::encode(self.version, self.transform.as_deref_mut(), flags, body, out)
    }
}

/// Answers a PING, takes note of a PONG.
fn beat(since: Instant, now: Instant, command: Command<'_>, beats: &mut Option<Box<Beats>>) {
    if let Command::Ping { ttl, context } = command {
        let beats = answering(since, now, beats);
        beats.heartbeat.pinged(now, ttl);
        if beats.control.len() < MAX_CONTROL {
            beats.control.push_back(command::pong(context));
        }
    }
}

/// The peer heartbeats, which this side may not.
fn answering(since: Instant, now: Instant, beats: &mut Option<Box<Beats>>) -> &mut Beats {
    beats.get_or_insert_with(|| {
        let mut heartbeat = Heartbeat::answering(since);
        heartbeat.hear(now);
        Beats::new(heartbeat)
    })
}
