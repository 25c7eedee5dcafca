//! Reliable multicast, one way from PUB and XPUB to SUB and XSUB: norm, and pgm and epgm of
//! libzmq's zmq_pgm(7).
//!
//! There is neither a connection nor a handshake, and binding and connecting are the same: the
//! runtime opens a [`Multicast`] and moves frames over it.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz_test;
mod group;
mod incoming;
mod norm;
mod outgoing;
mod pgm;

pub(crate) use group::Multicast;

use crate::error::{Error, Result};
use crate::options::SocketOptions;
use crate::patterns::SocketType;

/// Whether a scheme is one of these.
pub(crate) fn is_scheme(scheme: &str) -> bool {
    matches!(scheme, "norm" | "pgm" | "epgm")
}

/// Whether sockets of this type send to a group, or receive from one; others can have no such endpoint.
fn sends(kind: SocketType) -> Option<bool> {
    match kind {
        SocketType::Pub | SocketType::Xpub => Some(true),
        SocketType::Sub | SocketType::Xsub => Some(false),
        _ => None,
    }
}

/// Whether sockets of this type may have such endpoints.
pub(crate) fn serves(kind: SocketType) -> bool {
    sends(kind).is_some()
}

/// Opens an endpoint for the publishing and subscribing types, others NOCOMPATPROTO.
/// PROTONOSUPPORT if the machine lacks the library, INVAL for a bad address, else what the system
/// says to it.
pub(crate) fn open(
    scheme: &str,
    address: &str,
    options: &SocketOptions,
) -> Result<Box<dyn Multicast>> {
    let sends = sends(options.kind).ok_or(Error::NOCOMPATPROTO)?;
    Ok(match scheme {
        "norm" => Box::new(norm::NormSocket::open(address, sends, options)?),
        "pgm" => Box::new(pgm::PgmSocket::open(address, sends, false, options)?),
        "epgm" => Box::new(pgm::PgmSocket::open(address, sends, true, options)?),
        _ => return Err(Error::PROTONOSUPPORT),
    })
}

/// Says that a test did nothing for want of a library, where the test harness does not swallow it. Under
/// `make check`, which has installed all there is to install (scripts/setup.sh), nothing may be missing.
#[cfg(test)]
fn lacks(library: &str) {
    use std::io::Write;

    let name = std::thread::current().name().unwrap_or_default().to_owned();
    assert!(std::env::var_os("NOTHING_MISSING").is_none(), "{library} is not installed");
    let _ = writeln!(std::io::stderr(), "{name}: not run, {library} is not installed");
}
