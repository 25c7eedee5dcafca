//! Heartbeats: PING, PONG and the times that go with them (37/ZMTP, "Connection Heartbeating").
//!
//! Called by `engine` with the time; nothing here reads a clock. Three promises that libzmq breaks:
//! any byte from the peer is a sign of life, not only a whole frame; while this side does not read,
//! because its application is slow, the peer is not accused of silence; and a peer that heartbeats
//! us is told that we live although we read neither its messages nor its PINGs.

use std::time::{Duration, Instant};

use crate::zmtp::{EngineConfig, Failure, command};

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
    /// Since when a PING is unanswered.
    unanswered: Option<Instant>,
    /// When the last byte came.
    heard: Instant,
    /// "The ping-ttl ... provides a strong hint to the other peer to disconnect if no further
    /// traffic is received after that time."
    peer_ttl: Option<Duration>,
    /// When the peer's last PING came, and how often they come.
    pinged: Option<Instant>,
    peer_interval: Option<Duration>,
    /// Since nothing is read, when the next unasked PONG is due.
    paused: bool,
    next_pong: Option<Instant>,
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

    /// Of a side that sends no PINGs, from the peer's first on.
    pub(crate) fn answering(now: Instant) -> Heartbeat {
        Heartbeat {
            interval: None,
            timeout: None,
            ttl: 0,
            next_ping: None,
            unanswered: None,
            heard: now,
            peer_ttl: None,
            pinged: None,
            peer_interval: None,
            paused: false,
            next_pong: None,
        }
    }

    /// The body of our PING.
    pub(crate) fn ping(&self) -> Vec<u8> {
        command::ping(self.ttl)
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
        if let Some(last) = self.pinged {
            self.peer_interval = Some(now.saturating_duration_since(last));
        }
        self.pinged = Some(now);
    }

    /// Reading was stopped or resumed on purpose.
    pub(crate) fn set_paused(&mut self, now: Instant, paused: bool) {
        if self.paused == paused {
            return;
        }
        self.paused = paused;
        self.next_pong = if paused { after(now, self.pong_interval()) } else { None };
        if !paused {
            // What the peer sent meanwhile waits in the kernel's buffers.
            self.hear(now);
        }
    }

    /// How often an unasked PONG goes out: only to peers that heartbeat, and only if our own PINGs
    /// do not tell them enough.
    fn pong_interval(&self) -> Option<Duration> {
        self.pinged.filter(|_| self.interval.is_none())?;
        let known = self.peer_interval.into_iter().chain(self.peer_ttl.map(|ttl| ttl / 2)).min();
        Some(known.unwrap_or(Duration::from_secs(1)).max(Duration::from_millis(10)))
    }

    /// When the peer counts as dead.
    fn deadline(&self) -> Option<Instant> {
        if self.paused {
            return None;
        }
        let answer = self.unanswered.and_then(|sent| after(sent, self.timeout));
        earliest(answer, after(self.heard, self.peer_ttl))
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
            self.unanswered = self.unanswered.or(self.timeout.map(|_| now));
            return Ok(Some(Beat::Ping));
        }
        if self.next_pong.is_some_and(|due| due <= now) {
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
