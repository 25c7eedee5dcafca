//! Connecting through a SOCKS5 proxy (RFC 1928), with user and password if set (RFC 1929):
//! ZMQ_SOCKS_PROXY, ZMQ_SOCKS_USERNAME and ZMQ_SOCKS_PASSWORD of zmq_setsockopt(3).
//!
//! A dialer round the tcp dialer, made by the tcp transport when a proxy is set. Names are left to
//! the proxy: they may mean something only on its side.
//!
//! ```text
//! proxy connected -> method? -> Choice -(user set)-> Authentication -> connect! -> Reply -> Done
//!                                   \------------------------------------^
//! ```

use std::io;
use std::net::IpAddr;
use std::os::fd::RawFd;

use super::dialer::TcpDialer;
use crate::error::{Error, Result};
use crate::options::SocketOptions;
use crate::transport::address::HostPort;
use crate::transport::{Dial, Dialer, Stream, Waker};

const VERSION: u8 = 5;
const AUTHENTICATION_VERSION: u8 = 1;
const NO_AUTHENTICATION: u8 = 0;
const USERNAME_PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const DOMAIN: u8 = 3;
const IPV6: u8 = 4;

/// See the head of this file.
pub(super) struct SocksDialer {
    proxy: TcpDialer,
    /// The request of RFC 1928, section 4.
    request: Vec<u8>,
    /// The message of RFC 1929, section 2; `None` without a user name.
    credentials: Option<Vec<u8>>,
    exchange: Option<Exchange>,
}

/// A conversation with the proxy.
struct Exchange {
    stream: Stream,
    step: Step,
    outgoing: Vec<u8>,
    sent: usize,
    /// The longest reply has a name of 255 bytes.
    incoming: [u8; 4 + 1 + 255 + 2],
    received: usize,
}

/// What the proxy will tell next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Choice,
    Authentication,
    Reply,
}

enum Wait {
    Readable,
    Writable,
}

impl SocksDialer {
    /// INVAL if the target has no port, or the name or the credentials do not fit their fields.
    pub(super) fn new(address: &str, options: &SocketOptions) -> Result<SocksDialer> {
        let (source, target) = match address.rsplit_once(';') {
            Some((source, target)) => (Some(source), target),
            None => (None, address),
        };
        let proxy = str::from_utf8(&options.socks_proxy_address).map_err(|_| Error::INVAL)?;
        let proxy = match source {
            Some(source) => format!("{source};{proxy}"),
            None => proxy.to_owned(),
        };
        Ok(SocksDialer {
            proxy: TcpDialer::new(&proxy, options, "tcp"),
            request: request(target)?,
            credentials: credentials(options)?,
            exchange: None,
        })
    }

    /// Goes on from where the proxy's connection stands.
    fn follow(&mut self, dial: Dial) -> Dial {
        let Dial::Done(stream) = dial else { return dial };
        let method = if self.credentials.is_some() { USERNAME_PASSWORD } else { NO_AUTHENTICATION };
        self.exchange = Some(Exchange {
            stream,
            step: Step::Choice,
            outgoing: vec![VERSION, 1, method],
            sent: 0,
            incoming: [0; _],
            received: 0,
        });
        self.advance()
    }

    fn advance(&mut self) -> Dial {
        let Some(mut exchange) = self.exchange.take() else {
            return Dial::Failed(Error::CONNREFUSED);
        };
        loop {
            match exchange.move_bytes() {
                Err(error) => return Dial::Failed(error),
                Ok(Some(wait)) => {
                    let descriptor = exchange.stream.descriptor();
                    self.exchange = Some(exchange);
                    return match wait {
                        Wait::Readable => Dial::Negotiating(descriptor),
                        Wait::Writable => Dial::Connecting(descriptor),
                    };
                }
                Ok(None) => {}
            }
            let (step, outgoing) = match (exchange.step, exchange.incoming[1], &self.credentials) {
                (Step::Choice, NO_AUTHENTICATION, _) => (Step::Reply, &self.request),
                (Step::Choice, USERNAME_PASSWORD, Some(credentials)) => {
                    (Step::Authentication, credentials)
                }
                // "If the selected METHOD is X'FF', none of the methods listed by the client are
                // acceptable, and the client MUST close the connection."
                (Step::Choice, ..) => return Dial::Failed(Error::ACCES),
                (Step::Authentication, 0, _) => (Step::Reply, &self.request),
                // "If the server returns a `failure' (STATUS value other than X'00') status, it
                // MUST close the connection."
                (Step::Authentication, ..) => return Dial::Failed(Error::ACCES),
                (Step::Reply, ..) => return Dial::Done(exchange.stream),
            };
            exchange.begin(step, outgoing.clone());
        }
    }
}

impl Exchange {
    fn begin(&mut self, step: Step, outgoing: Vec<u8>) {
        self.step = step;
        self.outgoing = outgoing;
        self.sent = 0;
        self.received = 0;
    }

    /// Sends what is left to send and receives the whole answer, and not a byte more: what follows
    /// the last answer is the peer's. `None` when the answer is complete.
    fn move_bytes(&mut self) -> Result<Option<Wait>> {
        while self.sent < self.outgoing.len() {
            match self.stream.write(&self.outgoing[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Some(Wait::Writable));
                }
                Err(error) => return Err(error.into()),
            }
        }
        loop {
            let needed = self.needed()?;
            if self.received == needed {
                return Ok(None);
            }
            match self.stream.read(&mut self.incoming[self.received..needed]) {
                Ok(0) => return Err(Error::CONNRESET),
                Ok(count) => self.received += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Some(Wait::Readable));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// How long the answer is, as far as can be told; fails as soon as it is known to be bad.
    fn needed(&self) -> Result<usize> {
        let [version, status, reserved, kind, length, ..] = self.incoming;
        let expected =
            if self.step == Step::Authentication { AUTHENTICATION_VERSION } else { VERSION };
        if self.received > 0 && version != expected {
            return Err(Error::PROTO);
        }
        if self.step != Step::Reply {
            return Ok(2);
        }
        if self.received > 1 && status != 0 {
            return Err(refusal(status));
        }
        if self.received > 2 && reserved != 0 {
            return Err(Error::PROTO);
        }
        if self.received < 5 {
            return Ok(5);
        }
        match kind {
            IPV4 => Ok(4 + 4 + 2),
            DOMAIN => Ok(4 + 1 + usize::from(length) + 2),
            IPV6 => Ok(4 + 16 + 2),
            _ => Err(Error::PROTO),
        }
    }
}

impl Dialer for SocksDialer {
    fn start(&mut self, wake: Waker) -> Dial {
        self.exchange = None;
        let dial = self.proxy.start(wake);
        self.follow(dial)
    }

    fn poll(&mut self) -> Dial {
        if self.exchange.is_some() {
            return self.advance();
        }
        let dial = self.proxy.poll();
        self.follow(dial)
    }

    fn abandon(&mut self) -> Dial {
        if self.exchange.take().is_some() {
            return Dial::Failed(Error::TIMEDOUT);
        }
        let dial = self.proxy.abandon();
        self.follow(dial)
    }

    fn cancel(&mut self) {
        self.exchange = None;
        self.proxy.cancel();
    }

    fn descriptor(&self) -> Option<RawFd> {
        match &self.exchange {
            Some(exchange) => Some(exchange.stream.descriptor()),
            None => self.proxy.descriptor(),
        }
    }

    fn last_descriptor(&self) -> Option<RawFd> {
        self.proxy.last_descriptor()
    }
}

fn request(target: &str) -> Result<Vec<u8>> {
    let (host, _) = target.rsplit_once(':').ok_or(Error::INVAL)?;
    let address = HostPort::parse(target, false)?;
    if address.port == 0 {
        return Err(Error::INVAL);
    }
    let mut request = vec![VERSION, CONNECT, 0];
    match address.literal(true)?.map(|address| address.ip().to_canonical()) {
        Some(IpAddr::V4(v4)) => {
            request.push(IPV4);
            request.extend(v4.octets());
        }
        Some(IpAddr::V6(v6)) => {
            request.push(IPV6);
            request.extend(v6.octets());
        }
        None => {
            let host =
                host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            request.push(DOMAIN);
            push_field(&mut request, host.as_bytes())?;
        }
    }
    request.extend(address.port.to_be_bytes());
    Ok(request)
}

fn credentials(options: &SocketOptions) -> Result<Option<Vec<u8>>> {
    if options.socks_proxy_username.is_empty() {
        return Ok(None);
    }
    let mut message = vec![AUTHENTICATION_VERSION];
    push_field(&mut message, &options.socks_proxy_username)?;
    push_field(&mut message, &options.socks_proxy_password)?;
    Ok(Some(message))
}

/// A length in one byte and so many bytes.
fn push_field(message: &mut Vec<u8>, field: &[u8]) -> Result<()> {
    message.push(u8::try_from(field.len()).map_err(|_| Error::INVAL)?);
    message.extend_from_slice(field);
    Ok(())
}

/// RFC 1928, section 6: what the proxy says instead of having connected.
fn refusal(status: u8) -> Error {
    match status {
        2 => Error::ACCES,
        3 => Error::from_errno(libc::ENETUNREACH),
        4 => Error::HOSTUNREACH,
        5 => Error::CONNREFUSED,
        6 => Error::TIMEDOUT,
        7 | 8 => Error::from_errno(libc::EOPNOTSUPP),
        _ => Error::CONNABORTED,
    }
}

#[cfg(any(test, fuzzing))]
#[path = "socks_fuzz_test.rs"]
pub(in crate::transport) mod socks_fuzz_test;
#[cfg(test)]
#[path = "socks_test.rs"]
mod socks_test;
