//! The security mechanisms of ZMTP 3.x: who runs the handshake and who wraps the frames after it.
//!
//! 23/ZMTP and 37/ZMTP for NULL, 24/ZMTP-PLAIN, 26/CURVEZMQ, 38/ZMTP-GSSAPI, and 27/ZAP for the
//! authentication behind them. Each mechanism is one file and one row of [`new`]; `zmtp::handshake`
//! drives it. Nothing here does I/O; randomness comes with the configuration.
#![forbid(unsafe_code)]

mod curve;
mod gssapi;
mod null;
mod plain;
pub(crate) mod zap;

pub(crate) use curve::public_key;

use crate::message::MORE;
use crate::zmtp::metadata::Properties;
use crate::zmtp::{EngineConfig, Failure, MechanismConfig, error_code, frame};

/// How far a handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Handshaking,
    /// Everything was sent and received; `finish` may be called.
    Ready,
    /// Everything was sent that the peer may know of the failure.
    Failed(Failure),
}

/// One side of a handshake.
pub(crate) trait Mechanism: Send {
    /// The next command for the peer, if it is this side's turn.
    fn next_command(&mut self) -> Result<Option<Vec<u8>>, Failure>;
    /// A command of the peer, name and all.
    fn process(&mut self, command: &[u8]) -> Result<(), Failure>;
    /// Works ahead while the peer is waited for: what is needed next and depends on nothing that is
    /// yet to come.
    fn prepare(&mut self) -> Result<(), Failure> {
        Ok(())
    }
    /// A request for the ZAP handler; handed out once.
    fn zap_request(&mut self) -> Option<Vec<Vec<u8>>> {
        None
    }
    /// The answer of the ZAP handler; `None` if there is no handler.
    fn zap_reply(&mut self, _reply: Option<zap::Reply>) -> Result<(), Failure> {
        Ok(())
    }
    fn status(&self) -> Status;
    /// Ends the handshake; `None` unless `status` is `Ready`.
    fn finish(self: Box<Self>) -> Option<Secured>;
}

/// What frames go through after the handshake.
pub(crate) trait Transform: Send {
    /// Appends a wrapped frame, header and all, whose body is `prefix` and `body`.
    fn encode(
        &mut self,
        flags: u8,
        prefix: &[u8],
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Failure>;
    /// Wraps the whole canonical frames at the beginning of `frames`, until `out` is longer than
    /// `most`.
    fn seal(&mut self, frames: &[u8], most: usize, out: &mut Vec<u8>) -> Result<Sealed, Failure> {
        let mut sealed = Sealed::default();
        while out.len() < most {
            let rest = frames.get(sealed.taken..).unwrap_or_default();
            let (Some(flags), Some((header_len, body))) = (rest.first(), frame::first(rest)) else {
                break;
            };
            self.encode(*flags, &[], body, out)?;
            sealed.take(*flags, header_len + body.len());
        }
        Ok(sealed)
    }
    /// Unwraps the whole frames at the beginning of `wire` and writes them to `out` as canonical
    /// ones. No wrapped frame may be longer than `limit`.
    fn open(&mut self, wire: &[u8], limit: u64, out: &mut [u8]) -> Opened;
}

/// What `Transform::seal` did.
#[derive(Debug, Default)]
pub(crate) struct Sealed {
    /// Bytes of canonical frames that were taken.
    pub(crate) taken: usize,
    /// Whether the last of them said that more follow; `None` if there was none.
    pub(crate) more: Option<bool>,
}

impl Sealed {
    fn take(&mut self, flags: u8, len: usize) {
        self.taken += len;
        self.more = Some(flags & MORE != 0);
    }
}

/// What `Transform::open` did.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    /// Bytes taken from the wire.
    pub(crate) taken: usize,
    /// Bytes written.
    pub(crate) given: usize,
    /// The next frame needs so much room, and there is less; 0: that is not what it ended for.
    pub(crate) missing: usize,
    /// What is wrong with what comes next. What was given is good.
    pub(crate) failure: Option<Failure>,
}

/// The result of a handshake.
pub(crate) struct Secured {
    pub(crate) peer: Properties,
    /// What the ZAP handler said, if it was asked.
    pub(crate) zap: Option<zap::Reply>,
    /// `None`: frames pass as they are.
    pub(crate) transform: Option<Box<dyn Transform>>,
}

/// The mechanism that was configured.
pub(crate) fn new(config: &EngineConfig) -> Result<Box<dyn Mechanism>, Failure> {
    match &config.mechanism {
        MechanismConfig::Null => Ok(Box::new(null::Null::new(config))),
        MechanismConfig::PlainServer => Ok(Box::new(plain::Server::new(config))),
        MechanismConfig::PlainClient { username, password } => {
            Ok(Box::new(plain::Client::new(config, username, password)))
        }
        MechanismConfig::CurveServer { secret_key } => {
            Ok(Box::new(curve::Server::new(config, secret_key)?))
        }
        MechanismConfig::CurveClient(keys) => Ok(Box::new(curve::Client::new(config, keys)?)),
        MechanismConfig::Gssapi(gssapi) if gssapi.as_server => {
            Ok(Box::new(gssapi::Server::new(config, gssapi)?))
        }
        MechanismConfig::Gssapi(gssapi) => Ok(Box::new(gssapi::Client::new(config, gssapi)?)),
    }
}

/// A command is a name behind its length, and a name has at least one byte.
fn check_structure(command: &[u8]) -> Result<(), Failure> {
    match command.split_first() {
        Some((&len, rest)) if !rest.is_empty() && rest.len() >= usize::from(len) => Ok(()),
        _ => Err(Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_UNSPECIFIED)),
    }
}

#[cfg(test)]
mod curve_forgery_test;
#[cfg(test)]
mod curve_test;
#[cfg(any(test, fuzzing))]
pub(crate) use curve::fuzz_test::keyed as curve_keyed;
#[cfg(any(test, fuzzing))]
pub(crate) use gssapi::fuzz_test::gssapi as gssapi_commands;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz_test;
#[cfg(test)]
mod null_test;
#[cfg(test)]
mod plain_test;
