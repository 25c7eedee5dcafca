//! The server of a CURVE handshake: whether a client may come in is the ZAP handler's decision.

use zeroize::Zeroizing;

use crate::mechanism::curve::boxes::{self, KeyPair, MAC};
use crate::mechanism::curve::key::{KEY, Secret};
use crate::mechanism::curve::message::{Counter, Messages, Role};
use crate::mechanism::zap::{self, Access};
use crate::mechanism::{Mechanism, Secured, Status, check_structure};
use crate::options::SecretKey;
use crate::zmtp::metadata::{self, Properties};
use crate::zmtp::{EngineConfig, Failure, command, error_code};

/// The body of HELLO behind its name: `version(2) padding(72) C' counter(8) Box [64 zeros]`.
const HELLO: usize = 2 + 72 + KEY + 8 + MAC + 64;
/// `nonce(16) SecretBox [C' + s']`.
const COOKIE: usize = 16 + MAC + 2 * KEY;
/// The body of INITIATE without metadata: `cookie counter(8) Box [C + nonce(16) + vouch]`.
const INITIATE: usize = COOKIE + 8 + MAC + KEY + 16 + VOUCH;
/// `Box [C' + S]`.
const VOUCH: usize = MAC + 2 * KEY;

/// See the diagram in `curve`.
pub(crate) struct Server {
    config: EngineConfig,
    secret_key: SecretKey,
    /// S' and s'.
    own: KeyPair,
    counter: Counter,
    request: Option<Vec<Vec<u8>>>,
    state: State,
}

enum State {
    ExpectHello,
    SendWelcome(Hello),
    ExpectInitiate(Cookie),
    ExpectZapReply(Initiate),
    SendReady(Initiate, Option<zap::Reply>),
    SendError(u16),
    Ready(Initiate, Option<zap::Reply>),
    Failed(Failure),
}

/// What HELLO told.
struct Hello {
    /// C'.
    client: [u8; KEY],
    /// For boxes between C' and S.
    key: Secret,
}

/// What the server keeps to recognise its cookie.
struct Cookie {
    /// C'.
    client: [u8; KEY],
    /// t, the key of the cookie.
    key: Secret,
    /// For boxes between C' and S', if it was made ahead.
    ahead: Option<Secret>,
}

impl Cookie {
    /// For boxes between C' and S'.
    fn initiate_key(&self, own: &KeyPair) -> Result<Secret, Failure> {
        boxes::shared_key(&self.client, &own.secret)
    }
}

/// What INITIATE told.
struct Initiate {
    /// For boxes between C' and S'.
    key: Secret,
    peer_counter: Counter,
    peer: Properties,
}

impl Server {
    pub(crate) fn new(config: &EngineConfig, secret_key: &SecretKey) -> Result<Server, Failure> {
        Ok(Server {
            secret_key: secret_key.clone(),
            own: KeyPair::generate(config.random)?,
            counter: Counter::new(),
            request: None,
            state: State::ExpectHello,
            config: config.clone(),
        })
    }

    fn process_hello(&self, command: &[u8]) -> Result<State, Failure> {
        check_structure(command)?;
        let malformed = Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_HELLO);
        let hello = command
            .strip_prefix(command::HELLO)
            .ok_or(Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND))?;
        if hello.len() != HELLO || !hello.starts_with(&[1, 0]) {
            return Err(malformed);
        }
        let rest = hello.get(2 + 72..).ok_or(malformed)?;
        let (client, rest) = rest.split_first_chunk().ok_or(malformed)?;
        let (counter, boxed) = rest.split_first_chunk().ok_or(malformed)?;
        let key = boxes::shared_key(client, &self.secret_key)?;
        let nonce = boxes::short_nonce(b"CurveZMQHELLO---", u64::from_be_bytes(*counter));
        boxes::open(&key, &nonce, boxed, &mut Vec::new())?;
        Ok(State::SendWelcome(Hello { client: *client, key }))
    }

    /// `nonce(16) Box [S' + cookie](S->C')`.
    fn welcome(&self, hello: &Hello) -> Result<(Vec<u8>, Cookie), Failure> {
        let cookie_key = boxes::secret(self.config.random)?;
        let cookie_random = boxes::random(self.config.random)?;
        let mut cookie = cookie_random.to_vec();
        let nonce = boxes::long_nonce(b"COOKIE--", &cookie_random);
        boxes::seal(&cookie_key, &nonce, &[&hello.client, &**self.own.secret], &mut cookie);

        let random = boxes::random(self.config.random)?;
        let mut welcome = command::WELCOME.to_vec();
        welcome.extend_from_slice(&*random);
        let nonce = boxes::long_nonce(b"WELCOME-", &random);
        boxes::seal(&hello.key, &nonce, &[&self.own.public, &cookie], &mut welcome);
        Ok((welcome, Cookie { client: hello.client, key: cookie_key, ahead: None }))
    }

    fn process_initiate(&mut self, mut cookie: Cookie, command: &[u8]) -> Result<State, Failure> {
        check_structure(command)?;
        let malformed = Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_INITIATE);
        let initiate = command
            .strip_prefix(command::INITIATE)
            .ok_or(Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND))?;
        if initiate.len() < INITIATE {
            return Err(malformed);
        }
        let (returned, rest) = initiate.split_first_chunk::<COOKIE>().ok_or(malformed)?;
        self.check_cookie(&cookie, returned)?;

        let (counter, boxed) = rest.split_first_chunk().ok_or(malformed)?;
        let counter = u64::from_be_bytes(*counter);
        let key = cookie.ahead.take().map_or_else(|| cookie.initiate_key(&self.own), Ok)?;
        let nonce = boxes::short_nonce(b"CurveZMQINITIATE", counter);
        let mut plain = Vec::new();
        boxes::open(&key, &nonce, boxed, &mut plain)?;

        let (client_key, rest) = plain.split_first_chunk::<KEY>().ok_or(malformed)?;
        let (random, rest) = rest.split_first_chunk().ok_or(malformed)?;
        let (vouch, properties) = rest.split_first_chunk::<VOUCH>().ok_or(malformed)?;
        self.check_vouch(&cookie, client_key, random, vouch)?;

        let peer = metadata::parse_peer(properties, self.config.kind)?;
        let initiate = Initiate { key, peer_counter: Counter::used(counter), peer };
        // Without a domain libzmq still asks a handler if there is one, unless told to be strict.
        if self.config.zap.domain.is_empty() && self.config.zap.enforce {
            return Ok(State::SendReady(initiate, None));
        }
        self.request = Some(zap::request(&self.config, b"CURVE", &[client_key]));
        Ok(State::ExpectZapReply(initiate))
    }

    /// The cookie must be the one that this server gave to this client.
    fn check_cookie(&self, cookie: &Cookie, returned: &[u8; COOKIE]) -> Result<(), Failure> {
        let (random, boxed) = returned.split_first_chunk().ok_or(boxes::cryptographic())?;
        let mut plain = Zeroizing::new(Vec::with_capacity(2 * KEY));
        boxes::open(&cookie.key, &boxes::long_nonce(b"COOKIE--", random), boxed, &mut plain)?;
        let ours = plain.starts_with(&cookie.client) && plain.ends_with(&**self.own.secret);
        if ours { Ok(()) } else { Err(boxes::cryptographic()) }
    }

    /// The vouch proves that the owner of C made the connection with C'.
    fn check_vouch(
        &self,
        cookie: &Cookie,
        client_key: &[u8; KEY],
        random: &[u8; 16],
        vouch: &[u8; VOUCH],
    ) -> Result<(), Failure> {
        let key = boxes::shared_key(client_key, &self.own.secret)?;
        let mut plain = Vec::new();
        boxes::open(&key, &boxes::long_nonce(b"VOUCH---", random), vouch, &mut plain)?;
        if !plain.starts_with(&cookie.client) {
            return Err(Failure::handshake(error_code::ZMTP_KEY_EXCHANGE));
        }
        Ok(())
    }

    /// `counter(8) Box [metadata](S'->C')`.
    fn ready(&mut self, initiate: &Initiate) -> Result<Vec<u8>, Failure> {
        let mut properties = Vec::new();
        metadata::put_own(&self.config, &mut properties);
        let counter = self.counter.next()?;
        let mut ready = command::READY.to_vec();
        ready.extend_from_slice(&counter.to_be_bytes());
        let nonce = boxes::short_nonce(b"CurveZMQREADY---", counter);
        boxes::seal(&initiate.key, &nonce, &[&properties], &mut ready);
        Ok(ready)
    }

    /// Takes the state out to be replaced by the next one; if that never happens the handshake is
    /// over.
    fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Failed(Failure::protocol()))
    }
}

impl Mechanism for Server {
    fn prepare(&mut self) -> Result<(), Failure> {
        if let State::ExpectInitiate(cookie) = &mut self.state
            && cookie.ahead.is_none()
        {
            cookie.ahead = Some(cookie.initiate_key(&self.own)?);
        }
        Ok(())
    }

    fn next_command(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let (command, next) = match self.take_state() {
            State::SendWelcome(hello) => {
                let (welcome, cookie) = self.welcome(&hello)?;
                (Some(welcome), State::ExpectInitiate(cookie))
            }
            State::SendReady(initiate, reply) => {
                (Some(self.ready(&initiate)?), State::Ready(initiate, reply))
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
        self.state = match self.take_state() {
            State::ExpectHello => self.process_hello(command)?,
            State::ExpectInitiate(cookie) => self.process_initiate(cookie, command)?,
            _ => return Err(Failure::handshake(error_code::ZMTP_UNSPECIFIED)),
        };
        Ok(())
    }

    fn zap_request(&mut self) -> Option<Vec<Vec<u8>>> {
        self.request.take()
    }

    fn zap_reply(&mut self, reply: Option<zap::Reply>) -> Result<(), Failure> {
        self.state = match self.take_state() {
            State::ExpectZapReply(initiate) => {
                match Access::from_reply(reply, !self.config.zap.enforce)? {
                    Access::Granted(reply) => State::SendReady(initiate, reply),
                    Access::Denied(status) => State::SendError(status),
                    Access::Pending => State::ExpectZapReply(initiate),
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
            State::Ready(Initiate { key, peer_counter, peer }, zap) => {
                let messages = Messages::new(key, Role::Server, self.counter, peer_counter);
                Some(Secured { peer, zap, transform: Some(Box::new(messages)) })
            }
            _ => None,
        }
    }
}
