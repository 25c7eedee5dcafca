//! Reliable multicast, one way from PUB and XPUB to SUB and XSUB: norm, and pgm and epgm of
//! zmq_pgm(7).
//!
//! There is neither a connection nor a handshake, and binding and connecting are the same: the
//! runtime opens a [`Multicast`] and moves frames over it.

use std::os::fd::RawFd;
use std::time::Duration;

use super::{norm, pgm};
use crate::error::{Error, Result};
use crate::options::SocketOptions;
use crate::patterns::SocketType;

/// The frames of a received message.
pub(crate) type Frames = Vec<Vec<u8>>;

/// A sender to a group, or a receiver.
pub(crate) trait Multicast: Send {
    /// What to watch for being readable, or for a sender that wants it writable, at the edge.
    fn descriptors(&self) -> Vec<RawFd>;

    fn sends(&self) -> bool;

    /// Does what the protocol has to do. After a descriptor was ready, or the time of `again_in`.
    fn work(&mut self);

    /// How long it can be left alone though no descriptor becomes ready.
    fn again_in(&self) -> Option<Duration> {
        None
    }

    /// Whether `send` would take a frame; goes on with what is left of those before.
    fn can_send(&mut self) -> bool;

    /// Sends a frame. Only if `can_send`.
    fn send(&mut self, more: bool, body: &[u8]);

    /// Nothing is to be sent just now: what was held back to fill a packet may go.
    fn flush(&mut self) {}

    /// Whether everything was sent at least once.
    fn is_idle(&self) -> bool;

    /// The next whole message from any of the senders.
    fn receive(&mut self) -> Option<Frames>;
}

/// The largest frame that is taken from a peer: ZMQ_MAXMSGSIZE, or what memory has room for, so that no
/// sum of sizes overflows.
pub(super) fn size_limit(options: &SocketOptions) -> u64 {
    u64::try_from(options.maxmsgsize).unwrap_or(u64::MAX).min(isize::MAX as u64)
}

/// Whether a scheme is one of these.
pub(crate) fn is_scheme(scheme: &str) -> bool {
    matches!(scheme, "norm" | "pgm" | "epgm")
}

/// Opens an endpoint for the publishing and subscribing types, others NOCOMPATPROTO.
/// PROTONOSUPPORT if the machine lacks the library, INVAL for a bad address, else what the system
/// says to it.
pub(crate) fn open(
    scheme: &str,
    address: &str,
    options: &SocketOptions,
) -> Result<Box<dyn Multicast>> {
    let sends = match options.kind {
        SocketType::Pub | SocketType::Xpub => true,
        SocketType::Sub | SocketType::Xsub => false,
        _ => return Err(Error::NOCOMPATPROTO),
    };
    Ok(match scheme {
        "norm" => Box::new(norm::NormSocket::open(address, sends, options)?),
        "pgm" => Box::new(pgm::PgmSocket::open(address, sends, false, options)?),
        "epgm" => Box::new(pgm::PgmSocket::open(address, sends, true, options)?),
        _ => return Err(Error::PROTONOSUPPORT),
    })
}
