//! What an engine does with frames once the handshake is over, in either direction. Called by
//! `runtime::incoming` and `runtime::outgoing`; `established` does the work.

use std::time::Instant;

use super::{Engine, State};
use crate::mechanism::{Opened, Sealed};
use crate::zmtp::established::{Established, FrameSink};
use crate::zmtp::{Failure, Scan};

impl Engine {
    /// Whether the bytes of the wire are canonical frames: use `scan`, else `decode`.
    pub(crate) fn inbound_raw(&self) -> bool {
        matches!(&self.state, State::Established(state) if state.inbound_raw())
    }

    /// Whether canonical frames may be written as they are: if not, `encode` each.
    pub(crate) fn outbound_raw(&self) -> bool {
        matches!(&self.state, State::Established(state) if state.outbound_raw())
    }

    /// Whether canonical frames are hidden in those of the wire: use `open` and then `scan`.
    pub(crate) fn inbound_wrapped(&self) -> bool {
        matches!(&self.state, State::Established(state) if state.inbound_wrapped())
    }

    /// Whether canonical frames may be wrapped as they are: `seal` them.
    pub(crate) fn outbound_wrapped(&self) -> bool {
        matches!(&self.state, State::Established(state) if state.outbound_wrapped())
    }

    fn established(&mut self) -> Result<&mut Established, Failure> {
        match &mut self.state {
            State::Established(state) => Ok(state),
            _ => Err(Failure::protocol()),
        }
    }

    /// Delimits frames in place; see [`Scan`]. Answers PINGs.
    pub(crate) fn scan(
        &mut self,
        now: Instant,
        bytes: &mut [u8],
        max_messages: usize,
    ) -> Result<Scan, Failure> {
        self.established()?.scan(now, bytes, max_messages)
    }

    /// The connection received a frame outside `scan`, whose header `scan` had reported as `next`.
    /// Says whether a message, or a command outside a message, ends with it; fails when its message has become
    /// too large. Commands of this size mean nothing here, only to a pattern: a topic may be long.
    pub(crate) fn note_large_frame(
        &mut self,
        now: Instant,
        flags: u8,
        size: usize,
    ) -> Result<bool, Failure> {
        self.established()?.note_large_frame(now, flags, size)
    }

    /// Whether commands that the engine does not know are for the pattern.
    pub(crate) fn heeds_commands(&self) -> bool {
        matches!(&self.state, State::Established(state) if state.heeds_commands())
    }

    /// Gives each frame of ZMTP 1.0 to `sink`, until it has enough; says how much of `input` was
    /// taken. Incomplete frames are kept inside. Must be called once after `Established` even without
    /// input: peers that cannot subscribe are subscribed here.
    pub(crate) fn decode(
        &mut self,
        now: Instant,
        input: &[u8],
        sink: &mut dyn FrameSink,
    ) -> Result<usize, Failure> {
        self.established()?.decode(now, input, sink)
    }

    /// Unwraps the whole frames at the beginning of `wire` into canonical ones, for `scan`.
    pub(crate) fn open(&mut self, now: Instant, wire: &[u8], out: &mut [u8]) -> Opened {
        match &mut self.state {
            State::Established(state) => state.open(now, wire, out),
            _ => Opened { failure: Some(Failure::protocol()), ..Opened::default() },
        }
    }

    /// Wraps the whole canonical frames at the beginning of `frames`, until `out` has more than
    /// `most` bytes. A frame that is not there as a whole is for `encode`.
    pub(crate) fn seal(
        &mut self,
        frames: &[u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<Sealed, Failure> {
        self.established()?.seal(frames, most, out)
    }

    /// Appends one canonical frame in the form that goes over the wire.
    pub(crate) fn encode(
        &mut self,
        flags: u8,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        self.established()?.encode(flags, body, out)
    }
}
