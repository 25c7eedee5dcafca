//! Connecting, and waiting before it is tried again: zmq_connect(3).
//!
//! Called by the session when it starts, when its time has come, and when its dialer got further.

use std::io::ErrorKind;
use std::ops::{Deref, DerefMut};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Instant;

use super::{Session, State};
use crate::error::Error;
use crate::monitor::Event;
use crate::options::SocketOptions;
use crate::runtime::backoff::Backoff;
use crate::runtime::connection::Connection;
use crate::runtime::task::Io;
use crate::transport::{Dial, Dialer, Stream};

/// ZMQ_RECONNECT_STOP: a refused connection is not tried again, and its endpoint is the socket's no more.
const STOP_CONN_REFUSED: i32 = 1;

/// What a session that connects has, and one that was accepted has not.
pub(super) struct Dialing {
    dialer: Box<dyn Dialer>,
    /// What the dialer works on was given to the reactor.
    watched: bool,
    /// A name is being looked up.
    resolving: bool,
    pub(super) backoff: Backoff,
    /// What the application calls the peer (ZMQ_CONNECT_ROUTING_ID), if it has no pipe yet.
    pub(super) name: Option<Arc<Vec<u8>>>,
}

impl Dialing {
    pub(super) fn new(
        dialer: Box<dyn Dialer>,
        options: &SocketOptions,
        name: Option<Arc<Vec<u8>>>,
    ) -> Box<Dialing> {
        let interval = options.reconnect_interval().unwrap_or_default();
        let backoff = Backoff::new(interval, options.reconnect_interval_max());
        Box::new(Dialing { dialer, watched: false, resolving: false, backoff, name })
    }
}

impl Deref for Dialing {
    type Target = dyn Dialer;
    fn deref(&self) -> &Self::Target {
        &*self.dialer
    }
}

impl DerefMut for Dialing {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.dialer
    }
}

impl Session {
    /// Begins to connect.
    pub(super) fn dial(&mut self, io: &mut Io<'_>) {
        let waker = io.waker();
        let Some(dialer) = &mut self.dialer else { return self.end(io) };
        let dial = dialer.start(waker);
        self.state = State::Dialing(self.connect_deadline(io.now));
        self.dialed(io, dial, true);
    }

    /// When connecting has taken too long (ZMQ_CONNECT_TIMEOUT).
    pub(super) fn connect_deadline(&self, now: Instant) -> Option<Instant> {
        self.home.options.connect_timeout().and_then(|limit| now.checked_add(limit))
    }

    /// Takes in how far the dialer is.
    pub(super) fn dialed(&mut self, io: &mut Io<'_>, dial: Dial, first: bool) {
        let resolving = matches!(dial, Dial::Resolving);
        let resolved = self.dialer.as_mut().is_some_and(|dialer| {
            std::mem::replace(&mut dialer.resolving, resolving) && !resolving
        });
        let first = first || resolved;
        match dial {
            Dial::Resolving => {}
            Dial::Connecting(_) if first => {
                self.emit(Event::ConnectDelayed, libc::EINPROGRESS);
                // On one and the same host it is done by now, and nobody need be told of it later.
                let dial = self.dialer.as_mut().map(|dialer| dialer.poll());
                if let Some(dial) = dial {
                    self.dialed(io, dial, false);
                }
            }
            Dial::Connecting(descriptor) | Dial::Negotiating(descriptor) => {
                // The same descriptor may be reported again; registering it twice is refused.
                if let Err(error) = io.reactor.register(descriptor, io.key)
                    && error.kind() != ErrorKind::AlreadyExists
                {
                    return self.unwatchable(io, descriptor);
                }
                if let Some(dialer) = &mut self.dialer {
                    dialer.watched = true;
                }
                if first {
                    self.emit(Event::ConnectDelayed, libc::EINPROGRESS);
                }
            }
            Dial::Done(stream) => self.connected(io, stream),
            Dial::Failed(error) => {
                let dialer = self.dialer.as_ref();
                if let Some(descriptor) = dialer.and_then(|dialer| dialer.last_descriptor()) {
                    self.emit(Event::Closed, descriptor);
                }
                let stop = self.home.options.reconnect_stop & STOP_CONN_REFUSED != 0;
                if stop && is_refusal(error) {
                    self.renounce(io);
                } else {
                    self.retry(io);
                }
            }
        }
    }

    /// Nobody would tell of this attempt: the reactor has no memory or watch left for it.
    fn unwatchable(&mut self, io: &mut Io<'_>, descriptor: RawFd) {
        if let Some(dialer) = &mut self.dialer {
            dialer.cancel();
        }
        self.emit(Event::Closed, descriptor);
        self.retry(io);
    }

    /// Waits before the next attempt.
    pub(super) fn retry(&mut self, io: &mut Io<'_>) {
        // It was the lost connection's.
        self.endpoints.local = Arc::default();
        if self.home.options.reconnect_interval().is_none() {
            self.state = State::Waiting(None);
            return;
        }
        let mut random = [0; 4];
        let _ = getrandom::fill(&mut random);
        let Some(dialer) = &mut self.dialer else { return };
        let wait = dialer.backoff.next(u32::from_ne_bytes(random));
        self.state = State::Waiting(Some(io.now + wait));
        self.emit(Event::ConnectRetried, wait.as_millis() as i32);
    }

    fn connected(&mut self, io: &mut Io<'_>, stream: Stream) {
        if self.dialer.as_mut().is_some_and(|dialer| std::mem::take(&mut dialer.watched)) {
            // The dialer's registration may be of this very descriptor.
            io.reactor.deregister(stream.descriptor());
        }
        self.endpoints.local = stream.local_endpoint().into();
        self.emit(Event::Connected, stream.descriptor());
        let connection = Connection::new(stream, &self.home.options, io.now);
        self.state = State::Connected(Box::new(connection));
        self.plug(io);
    }
}

/// Whether nobody listens there: a unix socket goes with its file when it is closed.
fn is_refusal(error: Error) -> bool {
    matches!(error, Error::CONNREFUSED | Error::NOENT)
}
