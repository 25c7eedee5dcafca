//! The engine: ZMTP on one connection, from the greeting to the last frame.
//!
//! `runtime::connection` drives it: bytes, the time and ZAP replies go in by `handle_*`, `scan` and
//! `decode`, bytes, events and times come out by `poll_*` and `encode`. After a [`Failure`] it must
//! not be used but for `poll_transmit`, which may still hold the ERROR command for the peer.
//!
//! ```text
//!              greeting known            mechanism ready, identity received
//!   Greeting ------------------> Handshake -----------------------> Established
//! ```

mod frames;

use std::collections::VecDeque;
use std::time::Instant;

use crate::error::Error;
use crate::mechanism::{Secured, zap};
use crate::message::Metadata;
use crate::zmtp::established::Established;
use crate::zmtp::greeting::{Greeting, Version};
use crate::zmtp::handshake::Handshake;
use crate::zmtp::{Delivery, EngineConfig, Failure, MechanismConfig, metadata};

/// What the connection has to know or to do.
#[derive(Debug)]
pub(crate) enum Event {
    /// The handshake is over; messages may pass.
    Established(Peer),
    /// The frames, empty delimiter first, are for `inproc://zeromq.zap.01`. Answer with
    /// `handle_zap_reply` or `zap_unavailable`.
    ZapRequest(Vec<Vec<u8>>),
}

/// The peer of an established connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its properties, with `Peer-Address` and what ZAP added, and its routing id.
    pub(crate) metadata: Metadata,
    /// The version of ZMTP that both speak.
    pub(crate) version: (u8, u8),
}

/// See the head of this file.
pub(crate) struct Engine {
    state: State,
    /// What is needed as long as the handshake goes on, and until its end was heard of.
    opening: Option<Box<Opening>>,
}

#[derive(Default)]
struct Opening {
    /// Bytes for the wire.
    transmit: Vec<u8>,
    events: VecDeque<Event>,
    /// When the handshake must be over.
    deadline: Option<Instant>,
}

enum State {
    /// With a handshake that was begun before the greeting was over.
    Greeting(Box<(EngineConfig, Greeting, Option<Handshake>)>),
    Handshake(Box<(EngineConfig, Version, Handshake)>),
    Established(Established),
    Failed,
}

impl Engine {
    /// Starts on a new connection: the greeting is ready to be sent.
    pub(crate) fn new(config: EngineConfig, now: Instant) -> Engine {
        let deadline = config.handshake.and_then(|time| now.checked_add(time));
        let mut opening = Box::new(Opening { deadline, ..Opening::default() });
        let greeting = Greeting::new(&config, &mut opening.transmit);
        let state = State::Greeting(Box::new((config, greeting, None)));
        Engine { state, opening: Some(opening) }
    }

    /// Whether the handshake is over.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn is_established(&self) -> bool {
        matches!(self.state, State::Established(_))
    }

    /// Greeting and handshake: takes bytes from the front of `input` and says how many. Stops at
    /// the end of the handshake; what is left is for `scan` or `decode`.
    pub(crate) fn handle_input(&mut self, now: Instant, input: &[u8]) -> Result<usize, Failure> {
        let mut consumed = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            match &mut self.state {
                State::Greeting(greeting) => {
                    let (config, greeting, _) = &mut **greeting;
                    let (taken, version) = greeting.handle_input(
                        rest,
                        config,
                        &mut self.opening.get_or_insert_default().transmit,
                    );
                    consumed += taken;
                    match version {
                        Some(version) => self.greeted(now, version)?,
                        None => {
                            self.speak_early()?;
                            return Ok(consumed);
                        }
                    }
                }
                State::Handshake(state) if !rest.is_empty() => {
                    let (taken, identity) = state.2.handle_input(rest)?;
                    consumed += taken;
                    match identity {
                        Some(identity) => self.establish(now, identity)?,
                        None => self.advance(now)?,
                    }
                }
                State::Handshake(_) | State::Established(_) => return Ok(consumed),
                State::Failed => return Err(Failure::protocol()),
            }
        }
    }

    /// Whoever speaks first in a handshake may do so behind the greeting, as soon as that is sent: half
    /// a round trip earlier. Not where the first word is a password, or costs more than it saves.
    fn speak_early(&mut self) -> Result<(), Failure> {
        if let State::Greeting(state) = &mut self.state
            && let (config, greeting, early) = &mut **state
            && greeting.is_sent_to_v3()
            && matches!(config.mechanism, MechanismConfig::CurveClient(_))
        {
            if early.is_none() {
                *early = Some(Handshake::early(config)?);
            }
            if let Some(handshake) = early {
                handshake.advance(&mut self.opening.get_or_insert_default().transmit)?;
            }
        }
        Ok(())
    }

    /// Works ahead while the peer is waited for, and everything that was to be sent is sent.
    pub(crate) fn prepare(&mut self) -> Result<(), Failure> {
        match &mut self.state {
            State::Greeting(state) => {
                let (config, _, early) = &mut **state;
                if early.is_none() && matches!(config.mechanism, MechanismConfig::CurveClient(_)) {
                    early.insert(Handshake::early(config)?).prepare()?;
                }
                Ok(())
            }
            State::Handshake(state) => state.2.prepare(),
            State::Established(_) | State::Failed => Ok(()),
        }
    }

    /// The version of the peer is known.
    fn greeted(&mut self, now: Instant, version: Version) -> Result<(), Failure> {
        let State::Greeting(state) = std::mem::replace(&mut self.state, State::Failed) else {
            return Err(Failure::protocol());
        };
        let (config, greeting, early) = *state;
        let handshake = Handshake::new(
            version,
            greeting.mechanism_matches(&config),
            early,
            greeting.received(),
            &config,
            &mut self.opening.get_or_insert_default().transmit,
        )?;
        self.state = State::Handshake(Box::new((config, version, handshake)));
        self.advance(now)
    }

    /// Lets the mechanism say and ask what it has to.
    fn advance(&mut self, now: Instant) -> Result<(), Failure> {
        let State::Handshake(state) = &mut self.state else {
            return Ok(());
        };
        let ready = state.2.advance(&mut self.opening.get_or_insert_default().transmit)?;
        if let Some(request) = state.2.mechanism().and_then(|mechanism| mechanism.zap_request()) {
            self.opening.get_or_insert_default().events.push_back(Event::ZapRequest(request));
        }
        if ready { self.establish(now, Vec::new()) } else { Ok(()) }
    }

    /// The handshake is over.
    fn establish(&mut self, now: Instant, identity: Vec<u8>) -> Result<(), Failure> {
        let State::Handshake(state) = std::mem::replace(&mut self.state, State::Failed) else {
            return Err(Failure::protocol());
        };
        let (config, version, handshake) = *state;
        let Secured { peer, zap, transform } =
            handshake.finish(identity).ok_or(Failure::protocol())?;

        let mut metadata = Metadata::new();
        if !config.peer_address.is_empty() {
            metadata.set("Peer-Address", config.peer_address.as_bytes());
        }
        // Whom the application trusts to know the peer may name it, too.
        let named = zap.as_ref().and_then(|zap| metadata::identity(&zap.properties));
        metadata.set_routing_id(named.unwrap_or(&peer.identity));
        if let Some(zap) = &zap {
            metadata.set("User-Id", &zap.user_id);
            zap.properties.iter().for_each(|(name, value)| metadata.set(name, value));
        }
        peer.list.iter().for_each(|(name, value)| metadata.set(name, value));

        let established = Established::new(&config, version, transform, now);
        self.state = State::Established(established);
        let event = Event::Established(Peer { metadata, version: version.number() });
        self.opening.get_or_insert_default().events.push_back(event);
        Ok(())
    }

    /// The answer of the ZAP handler, empty delimiter first.
    pub(crate) fn handle_zap_reply<F: AsRef<[u8]>>(
        &mut self,
        now: Instant,
        frames: &[F],
    ) -> Result<(), Failure> {
        let State::Handshake(state) = &self.state else { return Ok(()) };
        let reply = zap::parse_reply(frames, state.0.kind)?;
        self.zap_answered(now, Some(reply))
    }

    /// There is no ZAP handler.
    pub(crate) fn zap_unavailable(&mut self, now: Instant) -> Result<(), Failure> {
        self.zap_answered(now, None)
    }

    fn zap_answered(&mut self, now: Instant, reply: Option<zap::Reply>) -> Result<(), Failure> {
        if let State::Handshake(state) = &mut self.state
            && let Some(mechanism) = state.2.mechanism()
        {
            mechanism.zap_reply(reply)?;
        }
        self.advance(now)
    }

    /// The next event.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        let event = self.opening.as_mut()?.events.pop_front();
        self.settle();
        event
    }

    /// Forgets the handshake as soon as nothing of it is left to be told.
    fn settle(&mut self) {
        if matches!(self.state, State::Established(_)) {
            let done = |opening: &mut Box<Opening>| {
                opening.transmit.is_empty() && opening.events.is_empty()
            };
            self.opening.take_if(done);
        }
    }

    /// Whether `poll_transmit` has something.
    pub(crate) fn has_transmit(&self) -> bool {
        let beats = match &self.state {
            State::Established(state) => state.has_transmit(),
            _ => false,
        };
        beats || self.opening.as_ref().is_some_and(|opening| !opening.transmit.is_empty())
    }

    /// Appends what the engine itself wants to send. It belongs between two messages of the
    /// outgoing stream, behind everything that was taken from the engine before. Say by `transmitted` when it has left.
    pub(crate) fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        if let Some(opening) = &mut self.opening {
            if out.is_empty() {
                std::mem::swap(out, &mut opening.transmit);
            } else {
                out.append(&mut opening.transmit);
            }
            opening.transmit = Vec::new();
            self.settle();
        }
        if let State::Established(state) = &mut self.state {
            state.poll_transmit(out);
        }
    }

    /// What `poll_transmit` gave, and all before it, has left this process. True: a PING was in it whose answer is
    /// waited for from now on.
    pub(crate) fn transmitted(&mut self, now: Instant) -> bool {
        match &mut self.state {
            State::Established(state) => state.transmitted(now),
            _ => false,
        }
    }

    /// Whether `handle_timeout` will fail as a PING is unanswered, unless `reconsider` finds an excuse.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        matches!(&self.state, State::Established(state) if state.is_overdue(now))
    }

    /// The peer has as long again to answer if it does not have the PING yet, and takes what is before.
    pub(crate) fn reconsider(&mut self, now: Instant, delivery: Delivery) {
        if let State::Established(state) = &mut self.state {
            state.reconsider(now, delivery);
        }
    }

    /// When `handle_timeout` wants to be called. It moves as traffic comes: ask again after any
    /// call; calls that come too early do no harm.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Established(state) => state.poll_timeout(),
            _ => self.opening.as_ref()?.deadline,
        }
    }

    /// Does what is due: fails a handshake that takes too long or a peer that is silent for too
    /// long, and queues PINGs.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), Failure> {
        if let State::Established(state) = &mut self.state {
            return state.handle_timeout(now);
        }
        let deadline = self.opening.as_ref().and_then(|opening| opening.deadline);
        let late = deadline.is_some_and(|deadline| deadline <= now);
        if late { Err(Failure::no_detail(Error::TIMEDOUT)) } else { Ok(()) }
    }

    /// Something came from the peer that neither `scan` nor `decode` has seen: a part of a large
    /// frame, say. They need not be told of what they see.
    pub(crate) fn note_activity(&mut self, now: Instant) {
        if let State::Established(state) = &mut self.state {
            state.hear(now);
        }
    }

    /// The peer pinged by means of the layer below, which has answered.
    pub(crate) fn note_ping(&mut self, now: Instant) {
        if let State::Established(state) = &mut self.state {
            state.note_ping(now);
        }
    }

    /// The connection stopped reading because the application is slow, or reads again. The silence
    /// that this causes is not the peer's.
    pub(crate) fn set_input_paused(&mut self, now: Instant, paused: bool) {
        if let State::Established(state) = &mut self.state {
            state.set_paused(now, paused);
        }
    }
}
