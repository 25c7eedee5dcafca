//! Connecting, and waiting before it is tried again: zmq_connect(3).
//!
//! Called by the session when it starts, when its time has come, and when its dialer got further.

use std::io::ErrorKind;
use std::os::fd::RawFd;
use std::time::Instant;

use super::{Session, State};
use crate::error::Error;
use crate::monitor::Event;
use crate::runtime::connection::Connection;
use crate::runtime::task::Io;
use crate::transport::{Dial, Stream};

/// ZMQ_RECONNECT_STOP: a refused connection is not tried again, and its endpoint is the socket's no more.
const STOP_CONN_REFUSED: i32 = 1;

impl Session {
    pub(super) fn dial(&mut self, io: &mut Io<'_>) {
        let waker = io.waker();
        let Some(dialer) = &mut self.dialer else { return self.end(io) };
        let dial = dialer.start(waker);
        self.state = State::Dialing(self.connect_deadline(io.now));
        self.dialed(io, dial, true);
    }

    pub(super) fn connect_deadline(&self, now: Instant) -> Option<Instant> {
        self.home.options.connect_timeout().and_then(|limit| now.checked_add(limit))
    }

    /// Takes in how far the dialer is.
    pub(super) fn dialed(&mut self, io: &mut Io<'_>, dial: Dial, first: bool) {
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
                self.dialer_watched = true;
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
                if stop && error == Error::CONNREFUSED {
                    self.end(io);
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
        if self.home.options.reconnect_interval().is_none() {
            self.state = State::Waiting(None);
            return;
        }
        let mut random = [0; 4];
        let _ = getrandom::fill(&mut random);
        let wait = self.backoff.next(u32::from_ne_bytes(random));
        self.state = State::Waiting(Some(io.now + wait));
        self.emit(Event::ConnectRetried, wait.as_millis() as i32);
    }

    fn connected(&mut self, io: &mut Io<'_>, stream: Stream) {
        if std::mem::take(&mut self.dialer_watched) {
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
