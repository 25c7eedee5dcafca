//! The PLAIN mechanism, 24/ZMTP-PLAIN: a user name and a password in the clear, checked by ZAP.
//!
//! Called through `mechanism::Mechanism`.
//!
//! ```text
//!   client                 server
//!   HELLO ---------------> asks the ZAP handler
//!         <--------------- WELCOME, or ERROR
//!   INITIATE ------------>
//!         <--------------- READY
//! ```

use crate::mechanism::zap::{self, Access};
use crate::mechanism::{Mechanism, Secured, Status, check_structure};
use crate::patterns::SocketType;
use crate::zmtp::metadata::{self, Properties};
use crate::zmtp::{EngineConfig, Failure, command, error_code};

/// The side that authenticates itself.
pub(crate) struct Client {
    kind: SocketType,
    initiate: Vec<u8>,
    state: ClientState,
}

enum ClientState {
    SendHello(Vec<u8>),
    ExpectWelcome,
    SendInitiate,
    ExpectReady,
    Ready(Properties),
}

impl Client {
    pub(crate) fn new(config: &EngineConfig, username: &[u8], password: &[u8]) -> Client {
        let mut hello = command::HELLO.to_vec();
        for field in [username, password] {
            // The options allow no more than 255 bytes.
            let field = field.get(..255).unwrap_or(field);
            hello.push(field.len() as u8);
            hello.extend_from_slice(field);
        }
        let mut initiate = command::INITIATE.to_vec();
        metadata::put_own(config, &mut initiate);
        Client { kind: config.kind, initiate, state: ClientState::SendHello(hello) }
    }
}

impl Mechanism for Client {
    fn next_command(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let (command, next) = match &mut self.state {
            ClientState::SendHello(hello) => (std::mem::take(hello), ClientState::ExpectWelcome),
            ClientState::SendInitiate => {
                (std::mem::take(&mut self.initiate), ClientState::ExpectReady)
            }
            _ => return Ok(None),
        };
        self.state = next;
        Ok(Some(command))
    }

    fn process(&mut self, command: &[u8]) -> Result<(), Failure> {
        use ClientState::{ExpectReady, ExpectWelcome, Ready, SendInitiate};
        match &self.state {
            ExpectWelcome if command == command::WELCOME => self.state = SendInitiate,
            ExpectWelcome if command.starts_with(command::WELCOME) => {
                return Err(Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_WELCOME));
            }
            ExpectReady if command.starts_with(command::READY) => {
                let properties = command.get(command::READY.len()..).unwrap_or_default();
                self.state = Ready(metadata::parse_peer(properties, self.kind)?);
            }
            ExpectWelcome | ExpectReady if command.starts_with(command::ERROR) => {
                let data = command.get(command::ERROR.len()..).unwrap_or_default();
                return Err(command::error_received(data));
            }
            _ => return Err(Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND)),
        }
        Ok(())
    }

    fn status(&self) -> Status {
        match self.state {
            ClientState::Ready(_) => Status::Ready,
            _ => Status::Handshaking,
        }
    }

    fn finish(self: Box<Self>) -> Option<Secured> {
        match self.state {
            ClientState::Ready(peer) => Some(Secured { peer, zap: None, transform: None }),
            _ => None,
        }
    }
}

/// The side that asks the ZAP handler.
pub(crate) struct Server {
    config: EngineConfig,
    request: Option<Vec<Vec<u8>>>,
    reply: Option<zap::Reply>,
    state: ServerState,
}

enum ServerState {
    ExpectHello,
    ExpectZapReply,
    SendWelcome,
    ExpectInitiate,
    SendReady(Properties),
    SendError(u16),
    Ready(Properties),
    Failed(Failure),
}

impl Server {
    pub(crate) fn new(config: &EngineConfig) -> Server {
        Server {
            config: config.clone(),
            request: None,
            reply: None,
            state: ServerState::ExpectHello,
        }
    }

    fn process_hello(&mut self, hello: &[u8]) -> Result<(), Failure> {
        check_structure(hello)?;
        let fields = hello
            .strip_prefix(command::HELLO)
            .ok_or(Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND))?;
        let (username, password) = credentials(fields)
            .ok_or(Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_HELLO))?;
        self.request = Some(zap::request(&self.config, b"PLAIN", &[username, password]));
        self.state = ServerState::ExpectZapReply;
        Ok(())
    }

    fn process_initiate(&mut self, initiate: &[u8]) -> Result<(), Failure> {
        let properties = initiate
            .strip_prefix(command::INITIATE)
            .ok_or(Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND))?;
        self.state = ServerState::SendReady(metadata::parse_peer(properties, self.config.kind)?);
        Ok(())
    }
}

/// User name and password, which must fill all of the bytes.
fn credentials(fields: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&len, rest) = fields.split_first()?;
    let (username, rest) = rest.split_at_checked(usize::from(len))?;
    let (&len, password) = rest.split_first()?;
    (password.len() == usize::from(len)).then_some((username, password))
}

impl Mechanism for Server {
    fn next_command(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let placeholder = ServerState::Failed(Failure::protocol());
        let (command, next) = match std::mem::replace(&mut self.state, placeholder) {
            ServerState::SendWelcome => {
                (Some(command::WELCOME.to_vec()), ServerState::ExpectInitiate)
            }
            ServerState::SendReady(peer) => {
                let mut ready = command::READY.to_vec();
                metadata::put_own(&self.config, &mut ready);
                (Some(ready), ServerState::Ready(peer))
            }
            ServerState::SendError(status) => {
                (zap::denial(status), ServerState::Failed(Failure::denied(status)))
            }
            other => (None, other),
        };
        self.state = next;
        Ok(command)
    }

    fn process(&mut self, command: &[u8]) -> Result<(), Failure> {
        match self.state {
            ServerState::ExpectHello => self.process_hello(command),
            ServerState::ExpectInitiate => self.process_initiate(command),
            _ => Err(Failure::handshake(error_code::ZMTP_UNSPECIFIED)),
        }
    }

    fn zap_request(&mut self) -> Option<Vec<Vec<u8>>> {
        self.request.take()
    }

    fn zap_reply(&mut self, reply: Option<zap::Reply>) -> Result<(), Failure> {
        if matches!(self.state, ServerState::ExpectZapReply) {
            // PLAIN without anybody who checks the password would be no mechanism at all.
            self.state = match Access::from_reply(reply, false)? {
                Access::Granted(reply) => {
                    self.reply = reply;
                    ServerState::SendWelcome
                }
                Access::Denied(status) => ServerState::SendError(status),
                Access::Pending => ServerState::ExpectZapReply,
            };
        }
        Ok(())
    }

    fn status(&self) -> Status {
        match self.state {
            ServerState::Ready(_) => Status::Ready,
            ServerState::Failed(failure) => Status::Failed(failure),
            _ => Status::Handshaking,
        }
    }

    fn finish(self: Box<Self>) -> Option<Secured> {
        match self.state {
            ServerState::Ready(peer) => Some(Secured { peer, zap: self.reply, transform: None }),
            _ => None,
        }
    }
}
