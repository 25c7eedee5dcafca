//! The client of a CURVE handshake: it knows the server's key beforehand.

use zeroize::Zeroizing;

use crate::mechanism::curve::boxes::{self, KeyPair, MAC};
use crate::mechanism::curve::key::{KEY, Secret};
use crate::mechanism::curve::message::{Counter, Messages, Role};
use crate::mechanism::{Mechanism, Secured, Status};
use crate::options::SecretKey;
use crate::zmtp::metadata::{self, Properties};
use crate::zmtp::{CurveConfig, EngineConfig, Failure, command, error_code};

/// `nonce(16) Box [S' + cookie]`.
const WELCOME: usize = 16 + MAC + KEY + COOKIE;
const COOKIE: usize = 96;

/// See the diagram in `curve`.
pub(crate) struct Client {
    config: EngineConfig,
    public_key: [u8; KEY],
    secret_key: SecretKey,
    server_key: [u8; KEY],
    /// C' and c'.
    own: KeyPair,
    counter: Counter,
    state: State,
}

enum State {
    /// With the key for boxes between C' and S, if it was made ahead.
    SendHello(Option<Secret>),
    /// With the key for boxes between C' and S.
    ExpectWelcome(Secret),
    SendInitiate(Box<Welcome>),
    /// With the key for boxes between C' and S'.
    ExpectReady(Secret),
    Ready {
        key: Secret,
        peer_counter: Counter,
        peer: Properties,
    },
    Failed,
}

/// What WELCOME told.
struct Welcome {
    /// S'.
    server: [u8; KEY],
    cookie: Zeroizing<[u8; COOKIE]>,
}

impl Client {
    pub(crate) fn new(config: &EngineConfig, keys: &CurveConfig) -> Result<Client, Failure> {
        Ok(Client {
            public_key: keys.public_key,
            secret_key: keys.secret_key.clone(),
            server_key: keys.server_key,
            own: KeyPair::generate(config.random)?,
            counter: Counter::new(),
            state: State::SendHello(None),
            config: config.clone(),
        })
    }

    /// For boxes between C' and S.
    fn hello_key(&self) -> Result<Secret, Failure> {
        boxes::shared_key(&self.server_key, &self.own.secret)
    }

    /// `HELLO version(2) padding(72) C' counter(8) Box [64 zeros](C'->S)`; as long as WELCOME and
    /// more, so that nobody can use a server to amplify traffic.
    fn hello(&mut self, key: &Secret) -> Result<Vec<u8>, Failure> {
        let counter = self.counter.next()?;
        let mut hello = command::HELLO.to_vec();
        hello.extend_from_slice(&[1, 0]);
        hello.extend_from_slice(&[0; 72]);
        hello.extend_from_slice(&self.own.public);
        hello.extend_from_slice(&counter.to_be_bytes());
        let nonce = boxes::short_nonce(b"CurveZMQHELLO---", counter);
        boxes::seal(key, &nonce, &[&[0; 64]], &mut hello);
        Ok(hello)
    }

    fn process_welcome(key: &Secret, welcome: &[u8]) -> Result<Welcome, Failure> {
        if welcome.len() != WELCOME {
            return Err(boxes::cryptographic());
        }
        let (nonce, boxed) = welcome.split_first_chunk().ok_or(boxes::cryptographic())?;
        let mut plain = Zeroizing::new(Vec::new());
        boxes::open(key, &boxes::long_nonce(b"WELCOME-", nonce), boxed, &mut plain)?;
        let (server, cookie) = plain.split_first_chunk().ok_or(boxes::cryptographic())?;
        let cookie = cookie.first_chunk().ok_or(boxes::cryptographic())?;
        Ok(Welcome { server: *server, cookie: Zeroizing::new(*cookie) })
    }

    /// `INITIATE cookie counter(8) Box [C + nonce(16) + vouch + metadata](C'->S')`.
    fn initiate(&mut self, key: &Secret, welcome: &Welcome) -> Result<Vec<u8>, Failure> {
        let vouch_random = boxes::random(self.config.random)?;
        let vouch_key = boxes::shared_key(&welcome.server, &self.secret_key)?;
        let vouch_nonce = boxes::long_nonce(b"VOUCH---", &vouch_random);
        let mut vouch = Vec::new();
        boxes::seal(&vouch_key, &vouch_nonce, &[&self.own.public, &self.server_key], &mut vouch);

        let mut properties = Vec::new();
        metadata::put_own(&self.config, &mut properties);

        let counter = self.counter.next()?;
        let mut initiate = command::INITIATE.to_vec();
        initiate.extend_from_slice(&*welcome.cookie);
        initiate.extend_from_slice(&counter.to_be_bytes());
        let nonce = boxes::short_nonce(b"CurveZMQINITIATE", counter);
        let parts: [&[u8]; 4] = [&self.public_key, &*vouch_random, &vouch, &properties];
        boxes::seal(key, &nonce, &parts, &mut initiate);
        Ok(initiate)
    }

    /// `counter(8) Box [metadata](S'->C')`.
    fn process_ready(&self, key: Secret, ready: &[u8]) -> Result<State, Failure> {
        let malformed = Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_READY);
        let (counter, boxed) = ready.split_first_chunk().ok_or(malformed)?;
        if boxed.len() < MAC {
            return Err(malformed);
        }
        let counter = u64::from_be_bytes(*counter);
        let nonce = boxes::short_nonce(b"CurveZMQREADY---", counter);
        let mut plain = Vec::new();
        boxes::open(&key, &nonce, boxed, &mut plain)?;
        let peer = metadata::parse_peer(&plain, self.config.kind)?;
        Ok(State::Ready { key, peer_counter: Counter::used(counter), peer })
    }
}

impl Mechanism for Client {
    fn prepare(&mut self) -> Result<(), Failure> {
        if let State::SendHello(None) = self.state {
            self.state = State::SendHello(Some(self.hello_key()?));
        }
        Ok(())
    }

    fn next_command(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::SendHello(ahead) => {
                let key = ahead.map_or_else(|| self.hello_key(), Ok)?;
                let hello = self.hello(&key)?;
                self.state = State::ExpectWelcome(key);
                Ok(Some(hello))
            }
            State::SendInitiate(welcome) => {
                let key = boxes::shared_key(&welcome.server, &self.own.secret)?;
                let initiate = self.initiate(&key, &welcome)?;
                self.state = State::ExpectReady(key);
                Ok(Some(initiate))
            }
            other => {
                self.state = other;
                Ok(None)
            }
        }
    }

    fn process(&mut self, command: &[u8]) -> Result<(), Failure> {
        let unexpected = Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND);
        let state = std::mem::replace(&mut self.state, State::Failed);
        if let State::ExpectWelcome(_) | State::ExpectReady(_) = state
            && let Some(data) = command.strip_prefix(command::ERROR)
        {
            return Err(command::error_received(data));
        }
        self.state = match state {
            State::ExpectWelcome(key) => {
                let welcome = command.strip_prefix(command::WELCOME).ok_or(unexpected)?;
                State::SendInitiate(Box::new(Client::process_welcome(&key, welcome)?))
            }
            State::ExpectReady(key) => {
                let ready = command.strip_prefix(command::READY).ok_or(unexpected)?;
                self.process_ready(key, ready)?
            }
            _ => return Err(unexpected),
        };
        Ok(())
    }

    fn status(&self) -> Status {
        match self.state {
            State::Ready { .. } => Status::Ready,
            _ => Status::Handshaking,
        }
    }

    fn finish(self: Box<Self>) -> Option<Secured> {
        match self.state {
            State::Ready { key, peer_counter, peer } => {
                let messages = Messages::new(key, Role::Client, self.counter, peer_counter);
                Some(Secured { peer, zap: None, transform: Some(Box::new(messages)) })
            }
            _ => None,
        }
    }
}
