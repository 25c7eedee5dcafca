//! A lingering close: what the kernel has taken of a tcp connection goes on to the peer before the descriptor is
//! closed.
//!
//! A connection that is closed with something unread, or to which more comes afterwards, is reset, and with it goes
//! what the peer's system has not acknowledged: megabytes, where the peer is slow and answers what it gets. So the end
//! of what we send is said, what comes is thrown away, and the descriptor is kept until all has arrived, the peer
//! has closed its side, ZMQ_LINGER is over, or nothing moves any more.
//!
//! Called by the session when its socket is done with it and all was sent.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::{Session, State};
use crate::runtime::task::Io;
use crate::sys::tcp::Unacknowledged;
use crate::transport::Stream;

/// A peer that acknowledges nothing for so long may be gone. The kernel goes on trying by itself.
const SILENCE: Duration = Duration::from_secs(1);
/// A peer that is there, and has no room for so long, is waited for no more.
const STALL: Duration = Duration::from_secs(5);
/// The kernel does not tell when the last byte is acknowledged, so it is asked, after pauses from this on ...
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// ... to this.
const LAST_PAUSE: Duration = Duration::from_millis(32);

/// See the head of this file.
pub(super) struct Lingering {
    pub(super) stream: Stream,
    /// Bytes that are not acknowledged, and since when they are so many.
    left: usize,
    since: Instant,
    pause: Duration,
    /// When to ask again.
    pub(super) next: Instant,
}

impl Lingering {
    /// Says the end of what is sent. The stream comes back if there is nothing to wait for.
    fn begin(stream: Stream, now: Instant) -> Result<Lingering, Stream> {
        match stream.unacknowledged() {
            Some(Unacknowledged { bytes, .. }) if stream.finish_sending().is_ok() => {
                Ok(Lingering { stream, left: bytes, since: now, pause: FIRST_PAUSE, next: now })
            }
            _ => Err(stream),
        }
    }

    /// Whether there is nothing to wait for any more.
    fn is_over(&mut self, now: Instant) -> bool {
        match self.stream.discard() {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => return true,
        }
        let Some(Unacknowledged { bytes, silence }) = self.stream.unacknowledged() else {
            return true;
        };
        if bytes != self.left {
            (self.left, self.since, self.pause) = (bytes, now, FIRST_PAUSE);
        }
        self.next = now + self.pause;
        self.pause = (self.pause * 2).min(LAST_PAUSE);
        // What was before does not count: there was nothing to answer then.
        let waited = now.saturating_duration_since(self.since);
        silence.min(waited) >= SILENCE || waited >= STALL
    }
}

impl Session {
    /// All was sent, and nothing more will be: ends the session when it has arrived.
    pub(super) fn linger(&mut self, io: &mut Io<'_>) {
        let State::Linked(link) = &self.state else { return self.end(io) };
        let Some((connection, _)) = link.dissolve() else { return self.end(io) };
        match Lingering::begin(connection.stream, io.now) {
            Ok(lingering) => {
                self.state = State::Lingering(Box::new(lingering));
                self.linger_on(io);
                self.reschedule(io);
            }
            Err(stream) => {
                io.reactor.deregister(stream.descriptor());
                self.state = State::Waiting(None);
                self.end(io);
            }
        }
    }

    /// Something came, or it is time to look.
    pub(super) fn linger_on(&mut self, io: &mut Io<'_>) {
        if let State::Lingering(lingering) = &mut self.state
            && lingering.is_over(io.now)
        {
            self.end(io);
        }
    }
}
