//! The NULL mechanism: both sides send READY, or ERROR (37/ZMTP, "The NULL Security Mechanism").
//!
//! With a ZAP domain the handler may refuse the peer by its address. Called through
//! `mechanism::Mechanism`.

use crate::mechanism::zap::{self, Access};
use crate::mechanism::{Mechanism, Secured, Status};
use crate::patterns::SocketType;
use crate::zmtp::metadata::{self, Properties};
use crate::zmtp::{EngineConfig, Failure, command, error_code};

/// A NULL handshake. READY waits for the ZAP handler; the peer's READY may come before or after.
pub(crate) struct Null {
    kind: SocketType,
    /// Our READY, until it was sent.
    ready: Option<Vec<u8>>,
    request: Option<Vec<Vec<u8>>>,
    enforce: bool,
    access: Access,
    peer: Option<Properties>,
    failed: Option<Failure>,
}

impl Null {
    pub(crate) fn new(config: &EngineConfig) -> Null {
        let mut ready = command::READY.to_vec();
        metadata::put_own(config, &mut ready);
        let asks = !config.zap.domain.is_empty();
        Null {
            kind: config.kind,
            ready: Some(ready),
            request: asks.then(|| zap::request(config, b"NULL", &[])),
            enforce: config.zap.enforce,
            access: if asks { Access::Pending } else { Access::Granted(None) },
            peer: None,
            failed: None,
        }
    }
}

impl Mechanism for Null {
    fn next_command(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match self.access {
            Access::Pending => Ok(None),
            Access::Granted(_) => Ok(self.ready.take()),
            Access::Denied(_) if self.failed.is_some() => Ok(None),
            Access::Denied(status) => {
                self.failed = Some(Failure::denied(status));
                Ok(zap::denial(status))
            }
        }
    }

    fn process(&mut self, command: &[u8]) -> Result<(), Failure> {
        if let Some(properties) = command.strip_prefix(command::READY)
            && self.peer.is_none()
        {
            self.peer = Some(metadata::parse_peer(properties, self.kind)?);
            return Ok(());
        }
        Err(match command.strip_prefix(command::ERROR) {
            Some(data) if self.peer.is_none() => command::error_received(data),
            _ => Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND),
        })
    }

    fn zap_request(&mut self) -> Option<Vec<Vec<u8>>> {
        self.request.take()
    }

    fn zap_reply(&mut self, reply: Option<zap::Reply>) -> Result<(), Failure> {
        if matches!(self.access, Access::Pending) {
            self.access = Access::from_reply(reply, !self.enforce)?;
        }
        Ok(())
    }

    fn status(&self) -> Status {
        match (self.failed, &self.peer, &self.ready) {
            (Some(failure), _, _) => Status::Failed(failure),
            (None, Some(_), None) => Status::Ready,
            _ => Status::Handshaking,
        }
    }

    fn finish(self: Box<Self>) -> Option<Secured> {
        match (self.access, self.peer) {
            (Access::Granted(zap), Some(peer)) => Some(Secured { peer, zap, transform: None }),
            _ => None,
        }
    }
}
