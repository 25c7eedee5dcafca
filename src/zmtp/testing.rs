//! Two engines joined by a simulated wire with virtual time, for the tests of this room and of
//! `mechanism`.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::patterns::SocketType;
use crate::zmtp::config::ZapConfig;
use crate::zmtp::engine::Peer;
use crate::zmtp::{Engine, EngineConfig, Event, Failure, FrameSink, MechanismConfig};

/// A greeting of ZMTP 3.1 with NULL.
pub(crate) const GREETING: &[u8] =
    b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// READY of a DEALER without an identity.
pub(crate) const READY: &[u8] =
    b"\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0";

/// One end, before anything was received.
pub(crate) fn side(kind: SocketType) -> (Side, Instant) {
    let now = Instant::now();
    (Side::new(config(kind), now), now)
}

/// A ROUTER that has shaken hands with a DEALER.
pub(crate) fn established() -> (Side, Instant) {
    let (mut side, now) = side(SocketType::Router);
    side.feed(now, &[GREETING, READY].concat(), usize::MAX);
    side.peer();
    side.sent();
    (side, now)
}

/// A configuration without any options set.
pub(crate) fn config(kind: SocketType) -> EngineConfig {
    EngineConfig {
        kind,
        routing_id: Vec::new(),
        maxmsgsize: -1,
        rcvhwm: 0,
        heartbeat_interval: None,
        heartbeat_timeout: None,
        heartbeat_ttl_deciseconds: 0,
        layered: false,
        handshake: Some(Duration::from_secs(30)),
        properties: Vec::new(),
        mechanism: MechanismConfig::Null,
        zap: ZapConfig::default(),
        peer_address: "192.0.2.1".to_owned(),
        random: |bytes| {
            bytes.iter_mut().zip(1..).for_each(|(byte, value)| *byte = value);
            Ok(())
        },
    }
}

/// One end.
pub(crate) struct Side {
    pub(crate) engine: Engine,
    /// Bytes that arrived and were not taken yet.
    pub(crate) inbox: Vec<u8>,
    /// Canonical frames that were not taken yet.
    pub(crate) canonical: Vec<u8>,
    pub(crate) peer: Option<Peer>,
    pub(crate) zap: Option<Vec<Vec<u8>>>,
    pub(crate) failure: Option<Failure>,
    /// It works ahead whenever it has said all.
    pub(crate) prepares: bool,
}

impl Side {
    pub(crate) fn new(config: EngineConfig, now: Instant) -> Side {
        let engine = Engine::new(config, now);
        Side {
            engine,
            inbox: Vec::new(),
            canonical: Vec::new(),
            peer: None,
            zap: None,
            failure: None,
            prepares: false,
        }
    }

    /// What this side has to send.
    pub(crate) fn sent(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.engine.poll_transmit(&mut out);
        if self.prepares {
            self.engine.prepare().unwrap();
        }
        assert!(!self.engine.has_transmit());
        out
    }

    /// Hands bytes to the handshake, in pieces of `piece` bytes.
    pub(crate) fn feed(&mut self, now: Instant, bytes: &[u8], piece: usize) {
        for piece in bytes.chunks(piece) {
            self.inbox.extend_from_slice(piece);
            if self.failure.is_none() && !self.engine.is_established() {
                match self.engine.handle_input(now, &self.inbox) {
                    Ok(consumed) => drop(self.inbox.drain(..consumed)),
                    Err(failure) => self.failure = Some(failure),
                }
            }
            self.collect();
        }
    }

    pub(crate) fn collect(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            match event {
                Event::Established(peer) => self.peer = Some(peer),
                Event::ZapRequest(frames) => self.zap = Some(frames),
            }
        }
    }

    /// Answers the ZAP request that this side has made.
    pub(crate) fn answer_zap(&mut self, now: Instant, status: &str, user: &str) {
        self.answer_zap_with(now, status, user, b"\x05Hello\0\0\0\x05World");
    }

    /// The same, with properties of the peer.
    pub(crate) fn answer_zap_with(
        &mut self,
        now: Instant,
        status: &str,
        user: &str,
        properties: &[u8],
    ) {
        let request = self.zap.take().expect("no ZAP request was made");
        let reply = [
            &b""[..],
            b"1.0",
            request[2].as_slice(),
            status.as_bytes(),
            b"text",
            user.as_bytes(),
            properties,
        ];
        if let Err(failure) = self.engine.handle_zap_reply(now, &reply) {
            self.failure = Some(failure);
        }
        self.collect();
    }

    /// The established peer.
    #[track_caller]
    pub(crate) fn peer(&self) -> &Peer {
        assert_eq!(self.failure, None);
        self.peer.as_ref().expect("not established")
    }

    /// The value of a property of the peer.
    pub(crate) fn property(&self, name: &str) -> Option<&str> {
        self.peer().metadata.get(name).map(|value| value.to_str().unwrap())
    }

    /// Everything in the inbox as frames, whichever way they have to be read.
    pub(crate) fn frames(&mut self, now: Instant) -> Result<Vec<(u8, Vec<u8>)>, Failure> {
        let mut all = Collect(Vec::new(), usize::MAX);
        if self.engine.inbound_raw() || self.engine.inbound_wrapped() {
            if let Some(failure) = self.unwrap(now) {
                return Err(failure);
            }
            let bytes = &mut self.canonical;
            let scan = self.engine.scan(now, bytes, usize::MAX)?;
            let mut rest: Vec<u8> = bytes.drain(..scan.frames_end).collect();
            while let Some(header) = crate::zmtp::frame::parse_header(&rest) {
                let end = header.header_len + header.len as usize;
                all.frame(header.flags & !2, &rest[header.header_len..end]);
                rest.drain(..end);
            }
        } else {
            let consumed = self.engine.decode(now, &self.inbox, &mut all)?;
            self.inbox.drain(..consumed);
        }
        Ok(all.0)
    }

    /// Moves what is in the inbox to `canonical`, unwrapped if it is wrapped, with hardly any room
    /// at first. What is wrong behind that is returned.
    pub(crate) fn unwrap(&mut self, now: Instant) -> Option<Failure> {
        if self.engine.inbound_raw() {
            self.canonical.append(&mut self.inbox);
            return None;
        }
        let mut room = 1;
        loop {
            let mut out = vec![0; room];
            let opened = self.engine.open(now, &self.inbox, &mut out);
            self.inbox.drain(..opened.taken);
            self.canonical.extend_from_slice(&out[..opened.given]);
            if opened.failure.is_some() || opened.missing == 0 {
                return opened.failure;
            }
            room = opened.missing.max(1000);
        }
    }
}

/// Collects frames, and asks for no more after a number of them.
pub(crate) struct Collect(pub(crate) Vec<(u8, Vec<u8>)>, pub(crate) usize);

impl FrameSink for Collect {
    fn frame(&mut self, flags: u8, body: &[u8]) -> bool {
        self.0.push((flags, body.to_vec()));
        self.0.len() < self.1
    }
}

/// Both ends.
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) one: Side,
    pub(crate) two: Side,
}

impl Pair {
    pub(crate) fn new(one: EngineConfig, two: EngineConfig) -> Pair {
        let now = Instant::now();
        Pair { now, one: Side::new(one, now), two: Side::new(two, now) }
    }

    /// Passes bytes to and fro until nothing moves any more.
    pub(crate) fn run(&mut self, piece: usize) {
        while self.exchange(piece).is_continue() {}
    }

    fn exchange(&mut self, piece: usize) -> ControlFlow<()> {
        let (from_one, from_two) = (self.one.sent(), self.two.sent());
        if from_one.is_empty() && from_two.is_empty() {
            return ControlFlow::Break(());
        }
        self.two.feed(self.now, &from_one, piece);
        self.one.feed(self.now, &from_two, piece);
        ControlFlow::Continue(())
    }

    /// A pair whose handshake has succeeded.
    #[track_caller]
    pub(crate) fn established(one: EngineConfig, two: EngineConfig) -> Pair {
        let mut pair = Pair::new(one, two);
        pair.run(usize::MAX);
        assert_eq!((pair.one.failure, pair.two.failure), (None, None));
        assert!(pair.one.engine.is_established() && pair.two.engine.is_established());
        pair
    }
}
