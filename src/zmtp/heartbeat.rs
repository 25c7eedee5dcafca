//! Heartbeats: PING, PONG and the times that go with them (37/ZMTP, "Connection Heartbeating").
//!
//! Called by `established` with the time; nothing here reads a clock. Promises that libzmq breaks:
//! any byte from the peer is a sign of life, not only a whole frame; while this side does not read,
//! because its application is slow, the peer is not accused of silence, nor while it takes what is
//! before our PING; and a peer that heartbeats us is told that we live although we read neither its
//! messages nor its PINGs.

use std::time::{Duration, Instant};

use crate::zmtp::{EngineConfig, Failure, command};

/// PINGs that gathered while nothing was read come closer to each other than they were sent.
const CLOSEST: Duration = Duration::from_millis(10);
/// For so many times the time for an answer, and not less than this, may the peer's system take nothing
/// of what is before a PING: a reader that is slow is borne with longer than one that is silent.
const STANDSTILL: (u32, Duration) = (10, Duration::from_secs(5));

/// What became of what was sent, as far as this side's system knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    /// How much the peer's system has of what was sent behind the last PING that `sent_ping` took for the one to be
    /// answered; negative if it lacks some of what is before its end. It only grows until the next one.
    pub(crate) taken: i64,
    /// How long the peer's system has owed an answer. Zero for one that answers and has no room.
    pub(crate) silence: Duration,
}

/// The first PING that the peer did not answer.
#[derive(Clone, Copy, Debug)]
struct Unanswered {
    /// When it was due, when it left, or when it was excused last.
    since: Instant,
    left: bool,
    /// How much the peer's system had taken at the last excuse, and since when.
    taken: Option<(i64, Instant)>,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    Ping,
    /// A PONG that nobody asked for.
    Pong,
}

/// The times of one connection.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    interval: Option<Duration>,
    timeout: Option<Duration>,
    /// What our PINGs ask of the peer, in tenths of a second.
    ttl: u16,
    next_ping: Option<Instant>,
    unanswered: Option<Unanswered>,
    /// When the last byte came.
    heard: Instant,
    /// "The ping-ttl ... provides a strong hint to the other peer to disconnect if no further
    /// traffic is received after that time."
    peer_ttl: Option<Duration>,
    /// When the peer's last PING came, or the connection was established, and how often they come.
    pinged: Instant,
    peer_interval: Option<Duration>,
    /// A PING has come, at once after the handshake.
    hasty: bool,
    /// Reading was stopped since the peer's last PING: what passes until the next tells how slow we are.
    stretched: bool,
    /// Since nothing is read, when the next unasked PONG is due, and when the last one was.
    paused: bool,
    next_pong: Option<Instant>,
    ponged: Instant,
}

impl Heartbeat {
    /// Starts with the establishment of the connection; `interval` is that of our PINGs.
    pub(crate) fn new(config: &EngineConfig, interval: Duration, now: Instant) -> Heartbeat {
        Heartbeat {
            interval: Some(interval),
            timeout: config.heartbeat_timeout,
            ttl: config.heartbeat_ttl_deciseconds,
            next_ping: after(now, Some(interval)),
            ..Heartbeat::answering(now)
        }
    }

    /// Of a side that sends no PINGs; made at the peer's first, but from the establishment on.
    pub(crate) fn answering(now: Instant) -> Heartbeat {
        Heartbeat {
            interval: None,
            timeout: None,
            ttl: 0,
            next_ping: None,
            unanswered: None,
            heard: now,
            peer_ttl: None,
            pinged: now,
            peer_interval: None,
            hasty: false,
            stretched: false,
            paused: false,
            next_pong: None,
            ponged: now,
        }
    }

    /// The body of our PING.
    pub(crate) fn ping(&self) -> Vec<u8> {
        command::ping(self.ttl)
    }

    /// A PING has left, "after sending a PING" says zmq_setsockopt(3): one that is due waits behind what is under
    /// way. True: it is the one whose answer is waited for.
    pub(crate) fn sent_ping(&mut self, now: Instant) -> bool {
        if self.timeout.is_none() || self.unanswered.is_some_and(|ping| ping.left) {
            return false;
        }
        self.unanswered = Some(Unanswered { since: now, left: true, taken: None });
        true
    }

    /// Whether an answer takes longer than it may.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.answer_deadline().is_some_and(|deadline| deadline <= now)
    }

    /// The peer has as long again if it does not have the PING yet, its system answers, and it takes what is before.
    pub(crate) fn reconsider(&mut self, now: Instant, delivery: Delivery) {
        let (Some(ping), Some(timeout)) = (&mut self.unanswered, self.timeout) else { return };
        // If it did not have it at the last excuse, it may have come to it a moment ago.
        let has_had_it = ping.taken.is_none_or(|(taken, _)| taken >= 0);
        if ping.left && delivery.taken >= 0 && has_had_it || delivery.silence >= timeout {
            return;
        }
        let (_, since) = *match &mut ping.taken {
            Some(known) if known.0 >= delivery.taken => known,
            known => known.insert((delivery.taken, now)),
        };
        let (times, least) = STANDSTILL;
        if now.saturating_duration_since(since) < timeout.saturating_mul(times).max(least) {
            ping.since = now;
        }
    }

    /// Something came from the peer.
    #[inline]
    pub(crate) fn hear(&mut self, now: Instant) {
        self.heard = now;
        self.unanswered = None;
    }

    /// A PING came; its TTL is in tenths of a second.
    pub(crate) fn pinged(&mut self, now: Instant, ttl: u16) {
        self.peer_ttl = (ttl > 0).then(|| Duration::from_millis(u64::from(ttl) * 100));
        self.learn(now.saturating_duration_since(self.pinged));
        self.pinged = now;
    }

    /// So long after the one before, or after the establishment, a PING was read.
    fn learn(&mut self, interval: Duration) {
        let stretched = std::mem::take(&mut self.stretched);
        let hasty = std::mem::replace(&mut self.hasty, interval < CLOSEST);
        self.peer_interval = match self.peer_interval {
            // The first comes one interval after the establishment, or with it.
            None if interval >= CLOSEST => Some(interval),
            None => hasty.then_some(CLOSEST),
            Some(known) if interval < CLOSEST => Some(known),
            Some(known) if stretched => Some(known.min(interval)),
            Some(_) => Some(interval),
        };
    }

    /// Reading was stopped or resumed on purpose.
    pub(crate) fn set_paused(&mut self, now: Instant, paused: bool) {
        // Also if a PING was read since it was stopped first.
        self.stretched |= paused;
        if self.paused == paused {
            return;
        }
        self.paused = paused;
        // Not from now on: who stops for a moment again and again would never say it.
        let told = self.pinged.max(self.ponged);
        self.next_pong = if paused { after(told, self.pong_interval()) } else { None };
        if !paused {
            // What the peer sent meanwhile waits in the kernel's buffers.
            self.hear(now);
        }
    }

    /// How often an unasked PONG goes out: only to peers that heartbeat, and only if our own PINGs
    /// do not tell them enough. Twice in the time that the peer waits, which is its interval if it was not told
    /// otherwise.
    fn pong_interval(&self) -> Option<Duration> {
        let waits = self.peer_interval?;
        let waits = self.peer_ttl.map_or(waits, |ttl| waits.min(ttl));
        let interval = (waits / 2).max(CLOSEST);
        if self.interval.is_some_and(|ours| ours <= interval) { None } else { Some(interval) }
    }

    /// When the peer counts as dead.
    fn deadline(&self) -> Option<Instant> {
        if self.paused {
            return None;
        }
        earliest(self.answer_deadline(), after(self.heard, self.peer_ttl))
    }

    fn answer_deadline(&self) -> Option<Instant> {
        self.unanswered.filter(|_| !self.paused).and_then(|ping| after(ping.since, self.timeout))
    }

    /// When [`Heartbeat::handle_timeout`] wants to be called next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        earliest(self.deadline(), earliest(self.next_ping, self.next_pong))
    }

    /// Says what is due at `now`; fails if the peer counts as dead. Calls that come early do no harm.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<Option<Beat>, Failure> {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            return Err(Failure::silent());
        }
        if self.next_ping.is_some_and(|due| due <= now) {
            self.next_ping = after(now, self.interval);
            let ping = Unanswered { since: now, left: false, taken: None };
            self.unanswered = self.unanswered.or(self.timeout.map(|_| ping));
            return Ok(Some(Beat::Ping));
        }
        if self.next_pong.is_some_and(|due| due <= now) {
            self.ponged = now;
            self.next_pong = after(now, self.pong_interval());
            return Ok(Some(Beat::Pong));
        }
        Ok(None)
    }
}

/// `start` plus a time that may be none, or too far away to matter.
fn after(start: Instant, time: Option<Duration>) -> Option<Instant> {
    start.checked_add(time?)
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
