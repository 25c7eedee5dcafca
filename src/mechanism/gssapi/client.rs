//! The client of a GSSAPI handshake: it knows the name of the service it wants.

use crate::mechanism::gssapi::message::Messages;
use crate::mechanism::{Mechanism, Secured, Status};
use crate::sys::gssapi::{Context, Credential, Name};
use crate::zmtp::metadata::Properties;
use crate::zmtp::{EngineConfig, Failure, GssapiConfig, command, error_code};

/// See the diagram in `gssapi`.
pub(crate) struct Client {
    config: EngineConfig,
    plaintext: bool,
    credential: Option<Credential>,
    service: Name,
    state: State,
}

enum State {
    /// With the server's last token, none in the beginning.
    SendToken(Context, Vec<u8>),
    ExpectToken(Context),
    ExpectReady(Option<Messages>),
    SendReady(Option<Messages>, Properties),
    Ready(Option<Messages>, Properties),
    Failed,
}

impl Client {
    pub(crate) fn new(config: &EngineConfig, gssapi: &GssapiConfig) -> Result<Client, Failure> {
        Ok(Client {
            plaintext: gssapi.plaintext,
            credential: super::credential(gssapi)?,
            service: super::name(&gssapi.service_principal, gssapi.service_principal_type)?,
            state: State::SendToken(Context::new().map_err(Failure::no_detail)?, Vec::new()),
            config: config.clone(),
        })
    }

    /// Past the exchange of tokens, for the fuzzer; without encryption.
    #[cfg(any(test, fuzzing))]
    pub(super) fn expecting_ready(config: &EngineConfig, service: Name) -> Client {
        let state = State::ExpectReady(None);
        Client { config: config.clone(), plaintext: true, credential: None, service, state }
    }
}

impl Mechanism for Client {
    fn next_command(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::SendToken(mut context, token) => {
                let step = context
                    .initiate(self.credential.as_ref(), &self.service, &token)
                    .map_err(Failure::no_detail)?;
                self.state = if !step.complete {
                    State::ExpectToken(context)
                } else {
                    State::ExpectReady((!self.plaintext).then(|| Messages::new(context)))
                };
                Ok(Some(super::initiate(&step.token)))
            }
            State::SendReady(mut messages, peer) => {
                let ready = super::ready(&self.config, messages.as_mut())?;
                self.state = State::Ready(messages, peer);
                Ok(Some(ready))
            }
            other => {
                self.state = other;
                Ok(None)
            }
        }
    }

    fn process(&mut self, command: &[u8]) -> Result<(), Failure> {
        if let Some(data) = command.strip_prefix(command::ERROR) {
            return Err(command::error_received(data));
        }
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::ExpectToken(context) => {
                State::SendToken(context, super::token(command)?.to_vec())
            }
            State::ExpectReady(mut messages) => {
                let peer = super::process_ready(&self.config, messages.as_mut(), command)?;
                State::SendReady(messages, peer)
            }
            _ => return Err(Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND)),
        };
        Ok(())
    }

    fn status(&self) -> Status {
        match self.state {
            State::Ready(..) => Status::Ready,
            _ => Status::Handshaking,
        }
    }

    fn finish(self: Box<Self>) -> Option<Secured> {
        match self.state {
            State::Ready(messages, peer) => {
                let transform = messages.map(|messages| Box::new(messages) as _);
                Some(Secured { peer, zap: None, transform })
            }
            _ => None,
        }
    }
}
