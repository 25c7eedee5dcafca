//! The ws and wss transports: ZMTP over WebSocket (45/ZWS 2.0, RFC 6455), as browsers and proxies
//! like it, without and with TLS.
//!
//! A layer between the tcp stream and the engine makes both sides believe that they speak plain
//! ZMTP (see `layer`), so neither session nor engine know of it. Addresses are `host:port/path`.
//!
//! | on the wire | for the engine |
//! |---|---|
//! | HTTP upgrade, subprotocol `ZWS2.0/<mechanism>` | greeting of ZMTP 3.0 with that mechanism |
//! | subprotocol `ZWS2.0` | greeting of ZMTP 2.0, an identity frame follows |
//! | binary frame: flags, body | frame: flags, length, body |
//! | ping, pong | answered here; a sign of life |
//! | ping | PING command, whatever the mechanism |
//! | pong that nobody asked for | LIVE command, which is none of ZMTP |

mod carrier;
mod certificate;
mod decoder;
mod encoder;
mod end;
mod frame;
mod keys;
mod layer;
mod tls;
mod upgrade;

#[cfg(test)]
mod codec_test;
#[cfg(test)]
mod ending_test;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzz_test;
#[cfg(any(test, fuzzing))]
pub(crate) use tls::fuzz_test::certificates as wss_certificates;
#[cfg(test)]
mod room_test;
#[cfg(test)]
mod ws_test;

use std::io::{self, ErrorKind};
use std::os::fd::RawFd;

use self::carrier::Carrier;
use self::layer::WsLayer;
use self::tls::Tls;
use crate::error::{Error, Result};
use crate::options::{MechanismKind, SocketOptions};
use crate::sys::lock::Mutex;
use crate::transport::address::HostPort;
use crate::transport::tcp::{TcpDialer, TcpListener};
use crate::transport::{Accept, Dial, Dialer, Listener, Stream, Transport, Waker};

/// Whether with TLS.
pub(super) struct Ws {
    pub(super) secure: bool,
}

impl Ws {
    fn scheme(&self) -> &'static str {
        if self.secure { "wss" } else { "ws" }
    }
}

impl Transport for Ws {
    fn check_connect(&self, address: &str, options: &SocketOptions) -> Result<()> {
        let address = target(split(address).0);
        let parsed = HostPort::parse(address, false)?;
        if matches!(parsed.host, "" | "*") {
            return Err(Error::INVAL);
        }
        parsed.literal(options.ipv6)?;
        if self.secure {
            Tls::client(options)?;
        }
        Ok(())
    }

    fn listen(&self, address: &str, options: &SocketOptions) -> Result<Box<dyn Listener>> {
        let (address, path) = split(address);
        let tls = if self.secure { Some(Tls::server(options)?) } else { None };
        let tcp = TcpListener::listen(address, options, self.scheme())?;
        let endpoint = format!("{}{path}", tcp.endpoint());
        Ok(Box::new(WsListener { tcp, tls, endpoint }))
    }

    fn dialer(&self, address: &str, options: &SocketOptions) -> Result<Box<dyn Dialer>> {
        let (address, path) = split(address);
        let tls = if self.secure { Some(Tls::client(options)?) } else { None };
        let tcp = TcpDialer::new(address, options, self.scheme());
        let side = Side::Client { host: target(address).to_owned(), path: path.to_owned() };
        let (security, limit) = (Security::new(options), limit(options));
        Ok(Box::new(WsDialer { tcp, tls, side, security, limit }))
    }

    fn connect_endpoint(&self, _endpoint: &str, address: &str) -> String {
        let (address, path) = split(address);
        format!("{}://{address}{path}", self.scheme())
    }
}

/// Address and path; the path starts at the first slash, and without one is the root.
fn split(address: &str) -> (&str, &str) {
    match address.find('/') {
        Some(at) => address.split_at(at),
        None => (address, "/"),
    }
}

/// Without the source address, as in zmq_tcp(7), that may stand before a `;`.
fn target(address: &str) -> &str {
    address.rsplit_once(';').map_or(address, |(_, target)| target)
}

/// ZMQ_MAXMSGSIZE.
fn limit(options: &SocketOptions) -> u64 {
    u64::try_from(options.maxmsgsize).unwrap_or(u64::MAX)
}

/// Who upgrades and who is asked to.
#[derive(Clone, Debug)]
enum Side {
    Client { host: String, path: String },
    Server,
}

/// What of the options decides about the subprotocol.
#[derive(Clone, Copy, Debug)]
struct Security {
    mechanism: MechanismKind,
    as_server: bool,
}

impl Security {
    fn new(options: &SocketOptions) -> Security {
        Security { mechanism: options.mechanism, as_server: options.as_server }
    }

    fn name(self) -> &'static str {
        match self.mechanism {
            MechanismKind::Null => "NULL",
            MechanismKind::Plain => "PLAIN",
            MechanismKind::Curve => "CURVE",
            MechanismKind::Gssapi => "GSSAPI",
        }
    }
}

struct WsListener {
    tcp: TcpListener,
    tls: Option<Tls>,
    endpoint: String,
}

impl Listener for WsListener {
    fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    fn descriptor(&self) -> RawFd {
        self.tcp.descriptor()
    }

    fn accept(&self, options: &SocketOptions) -> io::Result<Accept> {
        Ok(match self.tcp.accept(options)? {
            Accept::Stream(stream) => {
                let (security, limit) = (Security::new(options), limit(options));
                Accept::Stream(layered(stream, self.tls.as_ref(), Side::Server, security, limit)?)
            }
            Accept::Refused => Accept::Refused,
        })
    }

    fn close(self: Box<Self>) {}
}

struct WsDialer {
    tcp: TcpDialer,
    tls: Option<Tls>,
    side: Side,
    security: Security,
    limit: u64,
}

impl WsDialer {
    fn follow(&self, dial: Dial) -> Dial {
        let Dial::Done(stream) = dial else { return dial };
        match layered(stream, self.tls.as_ref(), self.side.clone(), self.security, self.limit) {
            Ok(stream) => Dial::Done(stream),
            Err(error) => Dial::Failed(error.into()),
        }
    }
}

impl Dialer for WsDialer {
    fn start(&mut self, wake: Waker) -> Dial {
        let dial = self.tcp.start(wake);
        self.follow(dial)
    }

    fn poll(&mut self) -> Dial {
        let dial = self.tcp.poll();
        self.follow(dial)
    }

    fn abandon(&mut self) -> Dial {
        let dial = self.tcp.abandon();
        self.follow(dial)
    }

    fn cancel(&mut self) {
        self.tcp.cancel();
    }

    fn descriptor(&self) -> Option<RawFd> {
        self.tcp.descriptor()
    }

    fn last_descriptor(&self) -> Option<RawFd> {
        self.tcp.last_descriptor()
    }
}

/// Puts TLS, if wanted, and WebSocket on a tcp stream.
fn layered(
    stream: Stream,
    tls: Option<&Tls>,
    side: Side,
    security: Security,
    limit: u64,
) -> io::Result<Stream> {
    let carrier = match tls {
        Some(tls) => tls.carrier().map_err(|error| io::Error::from_raw_os_error(error.errno()))?,
        None => Carrier::Plain,
    };
    let layer = WsLayer::new(carrier, side, security, limit)?;
    Ok(stream.layered(Box::new(Mutex::new(layer))))
}

/// What a peer makes of a connection that breaks the protocol of the layer, see `Layer`.
fn broken() -> io::Error {
    ErrorKind::InvalidData.into()
}

fn no_memory() -> io::Error {
    ErrorKind::OutOfMemory.into()
}
