//! A session: keeps a pipe joined to a connection, and makes the connection anew when it breaks.
//!
//! ```text
//!              dial            connected           handshake done
//!   Waiting ---------> Dialing ----------> Connected -------------> Linked
//!      ^                  | failed             | broken               | broken
//!      +------------------+--------------------+----------------------+
//! ```
//! An accepted session starts at Connected and ends where another would wait. A session ends for
//! good when its socket closes it, after what was to be sent is sent or the linger time is over.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::Home;
use super::backoff::Backoff;
use super::connection::{Connection, End, Handshake};
use super::link::{Link, Pumped, Watch};
use super::notices;
use super::outgoing::Sent;
use super::task::{Io, Ready, Task};
use crate::error::Error;
use crate::message::Metadata;
use crate::monitor::{EndpointPair, Event};
use crate::patterns::{Attach, SocketType};
use crate::pipe::{Notify, Pipe, PipeEvent};
use crate::transport::{Dial, Dialer, Stream};
use crate::zmtp::Failure;

/// ZMQ_RECONNECT_STOP bits.
const STOP_CONN_REFUSED: i32 = 1;
const STOP_HANDSHAKE_FAILED: i32 = 2;
const STOP_AFTER_DISCONNECT: i32 = 4;

enum State {
    /// Not connected; connects again at the given time, or never.
    Waiting(Option<Instant>),
    /// A dialer is at work; gives up at the given time.
    Dialing(Option<Instant>),
    /// There is a connection, and the handshake goes on.
    Connected(Box<Connection>),
    /// The handshake is done; connection and pipe are in the link.
    Linked(Arc<Link>),
}

/// See the head of this file.
pub(super) struct Session {
    home: Home,
    /// Where the session's end of a pipe sends its events: this thread.
    mailbox: Arc<dyn Notify>,
    endpoints: EndpointPair,
    /// `None`: accepted, so the connection cannot be made again.
    dialer: Option<Box<dyn Dialer>>,
    pipe: Option<Pipe>,
    state: State,
    backoff: Backoff,
    /// The socket is done with this session; nothing is sent after the time, if there is one.
    closing: Option<Option<Instant>>,
    /// What the link's watchdog remembers.
    watch: Watch,
    alive: Arc<()>,
    _guard: Box<dyn Send>,
}

impl Session {
    /// A session for `zmq_connect`.
    pub(super) fn connecting(
        home: Home,
        mailbox: Arc<dyn Notify>,
        dialer: Box<dyn Dialer>,
        endpoint: &str,
        pipe: Option<Pipe>,
    ) -> Session {
        let endpoints = EndpointPair::connected("", endpoint);
        let state = State::Waiting(Some(Instant::now()));
        Session::new(home, mailbox, endpoints, Some(dialer), pipe, state)
    }

    /// A session for a connection that a listener accepted.
    pub(super) fn accepted(
        home: Home,
        mailbox: Arc<dyn Notify>,
        stream: Stream,
        endpoints: EndpointPair,
    ) -> Session {
        let connection = Connection::new(stream, &home.options, Instant::now());
        let state = State::Connected(Box::new(connection));
        Session::new(home, mailbox, endpoints, None, None, state)
    }

    fn new(
        home: Home,
        mailbox: Arc<dyn Notify>,
        endpoints: EndpointPair,
        dialer: Option<Box<dyn Dialer>>,
        mut pipe: Option<Pipe>,
        state: State,
    ) -> Session {
        if let Some(pipe) = &mut pipe {
            pipe.accept_commands();
        }
        let options = &home.options;
        let interval = options.reconnect_interval().unwrap_or_default();
        let backoff = Backoff::new(interval, options.reconnect_interval_max());
        let guard = home.threads.guard();
        Session {
            home,
            mailbox,
            endpoints,
            dialer,
            pipe,
            state,
            backoff,
            closing: None,
            watch: Watch::default(),
            alive: Arc::new(()),
            _guard: guard,
        }
    }

    /// Dead as soon as the session is.
    pub(super) fn alive(&self) -> Weak<()> {
        Arc::downgrade(&self.alive)
    }

    fn emit(&self, event: Event, value: i32) {
        self.home.monitor.emit(event, value as u64, &self.endpoints);
    }

    // ---- connecting

    fn dial(&mut self, io: &mut Io<'_>) {
        let waker = io.waker();
        let Some(dialer) = &mut self.dialer else { return self.end(io) };
        let dial = dialer.start(waker);
        self.state = State::Dialing(self.connect_deadline(io.now));
        self.dialed(io, dial, true);
    }

    fn connect_deadline(&self, now: Instant) -> Option<Instant> {
        self.home.options.connect_timeout().and_then(|limit| now.checked_add(limit))
    }

    /// Takes in how far the dialer is.
    fn dialed(&mut self, io: &mut Io<'_>, dial: Dial, first: bool) {
        match dial {
            Dial::Resolving => {}
            Dial::Connecting(descriptor) | Dial::Negotiating(descriptor) => {
                // The same descriptor may be reported again; registering it twice is refused.
                let _ = io.reactor.register(descriptor, io.key);
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
                    self.state = State::Waiting(None);
                } else {
                    self.retry(io);
                }
            }
        }
    }

    /// Waits before the next attempt.
    fn retry(&mut self, io: &mut Io<'_>) {
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
        // The dialer's registration, if any, may be of this very descriptor.
        io.reactor.deregister(stream.descriptor());
        self.endpoints.local = stream.local_endpoint().into();
        self.emit(Event::Connected, stream.descriptor());
        let connection = Connection::new(stream, &self.home.options, io.now);
        self.state = State::Connected(Box::new(connection));
        self.plug(io);
    }

    /// Puts the connection's descriptor under the reactor and lets it begin.
    fn plug(&mut self, io: &mut Io<'_>) {
        if let State::Connected(connection) = &self.state
            && let Err(error) = io.reactor.register(connection.stream.descriptor(), io.key)
        {
            self.disconnected(io, End::Closed(error.into()));
            return;
        }
        self.pump(io);
    }

    // ---- connected

    /// Moves whatever can be moved.
    fn pump(&mut self, io: &mut Io<'_>) {
        if let Err(end) = self.try_pump(io) {
            self.disconnected(io, end);
        }
    }

    fn try_pump(&mut self, io: &mut Io<'_>) -> Result<(), End> {
        if let State::Connected(connection) = &mut self.state {
            match connection.handshake(io)? {
                Handshake::Going => return Ok(()),
                Handshake::Done(metadata) => {
                    let options = &self.home.options;
                    if options.can_send_hello_msg && !options.hello_msg.is_empty() {
                        connection.greet(&options.hello_msg)?;
                    }
                    self.established(io, metadata);
                }
                Handshake::Zap(request) => {
                    let mut pipe = self.home.threads.zap_pipe(self.mailbox.clone());
                    if let Some(pipe) = &mut pipe {
                        pipe.set_owner_key(io.key);
                    }
                    connection.ask(io, pipe, &request)?;
                    io.again();
                    return Ok(());
                }
            }
        }
        if let State::Linked(link) = &self.state {
            let Pumped { sent, again } = link.pump(io.now)?;
            if again {
                io.again();
            }
            if sent == Sent::Finished {
                self.end(io);
            }
        }
        Ok(())
    }

    /// The handshake is done: announces the peer.
    fn established(&mut self, io: &Io<'_>, mut metadata: Metadata) {
        let EndpointPair { local, remote, .. } = &self.endpoints;
        metadata.set_endpoints(local.clone(), remote.clone());
        self.backoff.reset();
        if !self.home.options.raw_socket {
            self.emit(Event::HandshakeSucceeded, 0);
        }
        let locally_initiated = self.dialer.is_some();
        let mut attach = None;
        if self.pipe.is_none() {
            let (mut ours, theirs) = super::make_pipe(&self.home, self.mailbox.clone());
            ours.accept_commands();
            ours.set_owner_key(io.key);
            self.pipe = Some(ours);
            attach = Some(theirs);
        }
        if let Some(pipe) = &mut self.pipe {
            pipe.write_metadata(Arc::new(metadata));
            notices::connected(pipe, &self.home.options);
        }
        if let Some(pipe) = self.pipe.take() {
            match std::mem::replace(&mut self.state, State::Waiting(None)) {
                State::Connected(connection) => {
                    self.state = State::Linked(Link::join(io, connection, pipe));
                    self.watch = Watch::default();
                }
                other => {
                    self.state = other;
                    self.pipe = Some(pipe);
                }
            }
        }
        if let Some(pipe) = attach {
            let how = Attach { locally_initiated, ..Attach::default() };
            self.home.owner.attach(pipe, how);
        }
    }

    /// The connection is lost: reports it, cleans the pipe, and connects again or ends.
    fn disconnected(&mut self, io: &mut Io<'_>, end: End) {
        let connection = match std::mem::replace(&mut self.state, State::Waiting(None)) {
            State::Connected(connection) => *connection,
            State::Linked(link) => {
                let Some((connection, pipe)) = link.dissolve() else { return };
                self.pipe = Some(pipe);
                connection
            }
            other => {
                self.state = other;
                return;
            }
        };
        io.reactor.deregister(connection.stream.descriptor());
        let established = connection.established;
        let failure = match end {
            End::Failed(failure) => Some(failure),
            End::Closed(error) if !established => Some(Failure::no_detail(error)),
            End::Closed(_) => None,
        };
        if let Some(failure) = &failure
            && !established
        {
            self.home.monitor.emit_failure(failure, &self.endpoints);
        }
        self.emit(Event::Disconnected, connection.stream.descriptor());
        drop(connection);
        let broke_protocol = matches!(&end, End::Failed(failure) if !failure.may_reconnect());
        let stop = self.home.options.reconnect_stop;
        let stopped = (stop & STOP_HANDSHAKE_FAILED != 0 && !established)
            || (stop & STOP_AFTER_DISCONNECT != 0 && established);
        if let Some(pipe) = &mut self.pipe {
            pipe.rollback();
            if let Some(writer) = pipe.writer() {
                writer.rollback();
            }
            if established {
                notices::disconnected(pipe, &self.home.options, self.dialer.is_none());
            }
            if let Some(reader) = pipe.reader() {
                reader.skip_to_message();
            }
        }
        let never = self.home.options.reconnect_interval().is_none();
        if self.dialer.is_none() || broke_protocol || never || stopped {
            return self.end(io);
        }
        self.prepare_reconnect();
        self.retry(io);
        self.reschedule(io);
    }

    /// What a connection that is made anew must not see of the old one.
    fn prepare_reconnect(&mut self) {
        if self.home.options.immediate {
            // Messages shall not wait for a connection that is not there.
            self.pipe = None;
            return;
        }
        let kind = self.home.options.kind;
        if matches!(kind, SocketType::Sub | SocketType::Xsub | SocketType::Dish)
            && let Some(pipe) = &mut self.pipe
        {
            // The socket says all its subscriptions again.
            while pipe.check_read() && pipe.read().is_some() {}
            pipe.notify_peer(PipeEvent::Hiccuped);
        }
    }

    /// Ends the session for good.
    fn end(&mut self, io: &mut Io<'_>) {
        match std::mem::replace(&mut self.state, State::Waiting(None)) {
            State::Connected(connection) => {
                io.reactor.deregister(connection.stream.descriptor());
            }
            State::Linked(link) => {
                if let Some((connection, pipe)) = link.dissolve() {
                    io.reactor.deregister(connection.stream.descriptor());
                    self.pipe = Some(pipe);
                }
            }
            _ => {}
        }
        if let Some(dialer) = &mut self.dialer {
            if let Some(descriptor) = dialer.descriptor() {
                io.reactor.deregister(descriptor);
            }
            dialer.cancel();
            if self.closing.is_none() {
                self.home.owner.gone(io.key);
            }
        }
        self.pipe = None;
        io.finish();
    }

    /// Sets the timer to whatever comes first.
    fn reschedule(&mut self, io: &mut Io<'_>) {
        let own = match &self.state {
            State::Waiting(at) | State::Dialing(at) => *at,
            State::Connected(connection) => connection.deadline(),
            State::Linked(link) => {
                let tick = link.tick(io.now, &mut self.watch);
                let deadline = link.lock().as_ref().and_then(|joint| joint.connection.deadline());
                [tick, deadline].into_iter().flatten().min()
            }
        };
        let linger = self.closing.flatten();
        io.set_timer([own, linger].into_iter().flatten().min());
    }
}

impl Task for Session {
    fn start(&mut self, io: &mut Io<'_>) {
        match self.state {
            State::Connected(_) => self.plug(io),
            _ => self.dial(io),
        }
        self.reschedule(io);
    }

    fn ready(&mut self, io: &mut Io<'_>, ready: Ready) {
        match &mut self.state {
            State::Connected(connection) => {
                connection.note(ready);
                self.pump(io);
            }
            State::Linked(link) => {
                if let Some(joint) = &mut *link.lock() {
                    joint.connection.note(ready);
                }
                self.pump(io);
            }
            State::Dialing(_) => self.wake(io),
            State::Waiting(_) => {}
        }
        self.reschedule(io);
    }

    fn timer(&mut self, io: &mut Io<'_>) {
        let passed = |at: &Option<Instant>| at.is_some_and(|at| at <= io.now);
        if self.closing.as_ref().is_some_and(passed) {
            return self.end(io);
        }
        match &mut self.state {
            State::Waiting(at) if passed(at) => self.dial(io),
            State::Dialing(at) if passed(at) => {
                *at = None;
                if let Some(dialer) = &mut self.dialer {
                    if let Some(descriptor) = dialer.descriptor() {
                        io.reactor.deregister(descriptor);
                    }
                    let dial = dialer.abandon();
                    self.state = State::Dialing(self.connect_deadline(io.now));
                    self.dialed(io, dial, false);
                }
            }
            State::Connected(connection) => match connection.timer(io.now) {
                Ok(()) => self.pump(io),
                Err(end) => self.disconnected(io, end),
            },
            State::Linked(link) => {
                let result =
                    link.lock().as_mut().map_or(Ok(()), |joint| joint.connection.timer(io.now));
                match result {
                    Ok(()) => self.pump(io),
                    Err(end) => self.disconnected(io, end),
                }
            }
            _ => {}
        }
        self.reschedule(io);
    }

    fn pipe_event(&mut self, io: &mut Io<'_>, _event: PipeEvent) {
        self.pump(io);
        // A pipe that its socket has ended leaves nothing to connect for.
        if !matches!(self.state, State::Connected(_) | State::Linked(_))
            && let Some(pipe) = &mut self.pipe
            && pipe.peer_finished()
            && !pipe.check_read()
        {
            return self.end(io);
        }
        self.reschedule(io);
    }

    fn wake(&mut self, io: &mut Io<'_>) {
        match &self.state {
            State::Dialing(_) => {
                if let Some(dialer) = &mut self.dialer {
                    let dial = dialer.poll();
                    self.dialed(io, dial, false);
                }
            }
            State::Connected(_) | State::Linked(_) => self.pump(io),
            State::Waiting(_) => {}
        }
        self.reschedule(io);
    }

    fn close(&mut self, io: &mut Io<'_>, linger: Option<Duration>) {
        self.closing = Some(linger.map(|linger| io.now + linger));
        let pending = match (&self.state, &mut self.pipe) {
            (State::Connected(connection), _) if connection.has_unsent() => true,
            (State::Linked(link), _) => link
                .lock()
                .as_mut()
                .is_some_and(|joint| joint.connection.has_unsent() || !joint.pipe.is_drained()),
            (_, Some(pipe)) => !pipe.is_drained(),
            (_, None) => false,
        };
        if !pending || linger == Some(Duration::ZERO) {
            return self.end(io);
        }
        self.pump(io);
        self.reschedule(io);
    }

    fn broken(&mut self) {
        self.emit(Event::Disconnected, -1);
    }
}
