//! The server of a GSSAPI handshake: the library proves the client's name, and whether that name
//! may come in is the ZAP handler's decision.

use crate::mechanism::gssapi::message::Messages;
use crate::mechanism::zap::{self, Access};
use crate::mechanism::{Mechanism, Secured, Status};
use crate::sys::gssapi::{Context, Credential, Name};
use crate::zmtp::metadata::Properties;
use crate::zmtp::{EngineConfig, Failure, GssapiConfig, MechanismConfig, command, error_code};

/// See the diagram in `gssapi`.
pub(crate) struct Server {
    config: EngineConfig,
    plaintext: bool,
    /// Acquired when the first token comes: it takes some KiB, and a stranger who is silent gets none.
    credential: Option<Option<Credential>>,
    request: Option<Vec<Vec<u8>>>,
    reply: Option<zap::Reply>,
    state: State,
}

enum State {
    ExpectToken(Context),
    SendToken(Vec<u8>, Next),
    /// The client says with an empty command that it has its context, too.
    ExpectEnd(Option<Messages>, Name),
    ExpectZapReply(Option<Messages>),
    SendReady(Option<Messages>),
    ExpectReady(Option<Messages>),
    SendError(u16),
    Ready(Option<Messages>, Properties),
    Failed(Failure),
}

/// What follows our token.
enum Next {
    Token(Context),
    End(Option<Messages>, Name),
}

impl Server {
    pub(crate) fn new(config: &EngineConfig, gssapi: &GssapiConfig) -> Result<Server, Failure> {
        Ok(Server {
            plaintext: gssapi.plaintext,
            credential: None,
            request: None,
            reply: None,
            state: State::ExpectToken(Context::new().map_err(Failure::no_detail)?),
            config: config.clone(),
        })
    }

    /// Past the exchange of tokens, for the fuzzer; without encryption.
    #[cfg(any(test, fuzzing))]
    pub(super) fn expecting_end(config: &EngineConfig, client: Name) -> Server {
        let state = State::ExpectEnd(None, client);
        let config = config.clone();
        Server { config, plaintext: true, credential: None, request: None, reply: None, state }
    }

    /// Before it, with whatever credentials there are.
    #[cfg(any(test, fuzzing))]
    pub(super) fn expecting_token(config: &EngineConfig) -> Result<Server, Failure> {
        let state = State::ExpectToken(Context::new().map_err(Failure::no_detail)?);
        let config = config.clone();
        Ok(Server { config, plaintext: false, credential: None, request: None, reply: None, state })
    }

    fn process_token(&mut self, mut context: Context, command: &[u8]) -> Result<State, Failure> {
        let token = super::token(command)?;
        let credential = match (self.credential.take(), &self.config.mechanism) {
            (Some(credential), _) => credential,
            (None, MechanismConfig::Gssapi(gssapi)) => super::credential(gssapi)?,
            (None, _) => None,
        };
        let (step, client) = context
            .accept(self.credential.insert(credential).as_ref(), token)
            .map_err(super::refused)?;
        let next = if !step.complete {
            Next::Token(context)
        } else {
            Next::End((!self.plaintext).then(|| Messages::new(context)), client)
        };
        Ok(State::SendToken(step.token, next))
    }

    fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Failed(Failure::protocol()))
    }
}

impl Mechanism for Server {
    fn next_command(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let (command, next) = match self.take_state() {
            State::SendToken(token, Next::Token(context)) => {
                (Some(super::initiate(&token)), State::ExpectToken(context))
            }
            State::SendToken(token, Next::End(messages, client)) => {
                (Some(super::initiate(&token)), State::ExpectEnd(messages, client))
            }
            State::SendReady(mut messages) => {
                let ready = super::ready(&self.config, messages.as_mut())?;
                (Some(ready), State::ExpectReady(messages))
            }
            State::SendError(status) => {
                (zap::denial(status), State::Failed(Failure::denied(status)))
            }
            other => (None, other),
        };
        self.state = next;
        Ok(command)
    }

    fn process(&mut self, command: &[u8]) -> Result<(), Failure> {
        let unexpected = Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND);
        self.state = match self.take_state() {
            State::ExpectToken(context) => self.process_token(context, command)?,
            // libzmq sends a command without even a name.
            State::ExpectEnd(messages, client)
                if command.is_empty() || command.starts_with(command::INITIATE) =>
            {
                let principal = client.display();
                self.request = Some(zap::request(&self.config, b"GSSAPI", &[&principal]));
                State::ExpectZapReply(messages)
            }
            State::ExpectReady(mut messages) => {
                let peer = super::process_ready(&self.config, messages.as_mut(), command)?;
                State::Ready(messages, peer)
            }
            _ => return Err(unexpected),
        };
        Ok(())
    }

    fn zap_request(&mut self) -> Option<Vec<Vec<u8>>> {
        self.request.take()
    }

    fn zap_reply(&mut self, reply: Option<zap::Reply>) -> Result<(), Failure> {
        self.state = match self.take_state() {
            State::ExpectZapReply(messages) => {
                match Access::from_reply(reply, !self.config.zap.enforce)? {
                    Access::Granted(reply) => {
                        self.reply = reply;
                        State::SendReady(messages)
                    }
                    // libzmq ignores the denial and lets the client in.
                    Access::Denied(status) => State::SendError(status),
                    Access::Pending => State::ExpectZapReply(messages),
                }
            }
            other => other,
        };
        Ok(())
    }

    fn status(&self) -> Status {
        match self.state {
            State::Ready(..) => Status::Ready,
            State::Failed(failure) => Status::Failed(failure),
            _ => Status::Handshaking,
        }
    }

    fn finish(self: Box<Self>) -> Option<Secured> {
        match self.state {
            State::Ready(messages, peer) => {
                let transform = messages.map(|messages| Box::new(messages) as _);
                Some(Secured { peer, zap: self.reply, transform })
            }
            _ => None,
        }
    }
}
