//! A session: keeps a pipe joined to a connection, and makes the connection anew when it breaks.
//!
//! ```text
//!              dial            connected           handshake done
//!   Waiting ---------> Dialing ----------> Connected -------------> Linked
//!      ^                  | failed             | broken               | broken
//!      +------------------+--------------------+----------------------+
//! ```
//! An accepted session starts at Connected and ends where another would wait. A session ends for
//! good when its socket closes it, after what was to be sent is sent and has arrived (Lingering), or the
//! linger time is over.

mod dialing;
mod lingering;
mod parting;
mod timing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::dialing::Dialing;
use self::lingering::Lingering;
use super::connection::{Connection, Handshake};
use super::end::End;
use super::link::{Link, Pumped, Watch};
use super::notices;
use super::outgoing::Sent;
use super::reactor::Ready;
use super::task::{Io, Task};
use super::{Entered, Home};
use crate::message::Metadata;
use crate::monitor::{EndpointPair, Event};
use crate::options::MechanismKind;
use crate::patterns::{Attach, SocketType};
use crate::pipe::{Pipe, PipeEvent};
use crate::transport::{Dialer, Stream};
use crate::zmtp::Failure;

enum State {
    /// Not connected; connects again at the given time, or never.
    Waiting(Option<Instant>),
    /// A dialer is at work; gives up at the given time.
    Dialing(Option<Instant>),
    /// There is a connection, and the handshake goes on.
    Connected(Box<Connection>),
    /// The handshake is done; connection and pipe are in the link.
    Linked(Arc<Link>),
    /// All was sent, and the system has not delivered it yet.
    Lingering(Box<Lingering>),
}

/// See the head of this file.
pub(super) struct Session {
    home: Arc<Home>,
    endpoints: EndpointPair,
    /// `None`: accepted, so the connection cannot be made again.
    dialer: Option<Box<Dialing>>,
    /// The listener that accepted it.
    listener: Option<u64>,
    /// As long as there is no link.
    pipe: Option<Box<Pipe>>,
    state: State,
    /// The socket is done with this session; nothing is sent after the time, if there is one.
    closing: Option<Option<Instant>>,
    /// What the link's watchdog remembers.
    watch: Watch,
    _entered: Entered,
}

impl Session {
    /// A session for `zmq_connect`.
    pub(super) fn connecting(
        home: Arc<Home>,
        dialer: Box<dyn Dialer>,
        endpoint: &str,
        pipe: Option<Pipe>,
        name: Option<Arc<Vec<u8>>>,
    ) -> Session {
        let endpoints = EndpointPair::connected("", endpoint);
        let state = State::Waiting(Some(Instant::now()));
        let mut session = Session::new(home, endpoints, state);
        session.dialer = Some(Dialing::new(dialer, &session.home.options, name));
        session.pipe = pipe.map(|mut pipe| {
            pipe.accept_commands();
            Box::new(pipe)
        });
        session
    }

    /// A session for a connection that a listener accepted.
    pub(super) fn accepted(
        home: Arc<Home>,
        stream: Stream,
        endpoints: EndpointPair,
        listener: u64,
    ) -> Session {
        let connection = Connection::new(stream, &home.options, Instant::now());
        let state = State::Connected(Box::new(connection));
        Session { listener: Some(listener), ..Session::new(home, endpoints, state) }
    }

    fn new(home: Arc<Home>, endpoints: EndpointPair, state: State) -> Session {
        let entered = Entered::new(&home);
        Session {
            home,
            endpoints,
            dialer: None,
            listener: None,
            pipe: None,
            state,
            closing: None,
            watch: Watch::default(),
            _entered: entered,
        }
    }

    fn emit(&self, event: Event, value: i32) {
        self.home.monitor.emit(event, value as u64, &self.endpoints);
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

    /// Makes the session's pipe; the second is the socket's end of it.
    fn make_pipe(&self, io: &Io<'_>) -> (Pipe, Pipe) {
        let (mut ours, theirs) = super::make_pipe(&self.home, io.thread.clone());
        ours.accept_commands();
        ours.set_owner_key(io.key);
        (ours, theirs)
    }

    /// What the socket has to know of a pipe made here.
    fn attachment(&self, io: &Io<'_>) -> Attach {
        let Some(dialing) = &self.dialer else { return Attach::default() };
        Attach { name: dialing.name.clone(), session: Some(io.key), ..Attach::default() }
    }

    /// SUB and DISH have something to say before anybody speaks: with a pipe from the beginning,
    /// what they want waits in it for the end of the handshake, and not the other way round. They
    /// send nothing that could get lost with a handshake that fails.
    fn attach_before_the_handshake(&mut self, io: &Io<'_>) {
        if self.pipe.is_none()
            && matches!(self.home.options.kind, SocketType::Sub | SocketType::Dish)
        {
            let (ours, theirs) = self.make_pipe(io);
            self.pipe = Some(Box::new(ours));
            self.home.owner.attach(theirs, self.attachment(io));
        }
    }

    /// Moves whatever can be moved.
    fn pump(&mut self, io: &mut Io<'_>) {
        if io.has_turn && matches!(self.state, State::Linked(_)) {
            // One in each round: a busy peer gives more than one reason for it.
            return;
        }
        if let Err(end) = self.try_pump(io) {
            self.disconnected(io, end);
        }
    }

    fn try_pump(&mut self, io: &mut Io<'_>) -> Result<(), End> {
        let (mut attach, mut succeeded) = (None, false);
        if let State::Connected(connection) = &mut self.state {
            let options = &self.home.options;
            match connection.handshake(io)? {
                Handshake::Going => {
                    // CURVE takes both sides longer than a moment's waiting for each other costs.
                    if self.dialer.is_some() || options.mechanism == MechanismKind::Curve {
                        io.stay_awake();
                    }
                    return Ok(());
                }
                Handshake::Done(metadata) => {
                    // A REQ's would have no empty frame in front; it has one over inproc only, as in libzmq.
                    let greets = options.can_send_hello_msg && options.kind != SocketType::Req;
                    if greets && !options.hello_msg.is_empty() {
                        connection.greet(&options.hello_msg)?;
                    }
                    succeeded = connection.had_handshake;
                    attach = self.established(io, metadata)?;
                }
                Handshake::Zap(request) => {
                    let pipe = self.home.threads.zap_pipe(io.thread.clone());
                    let mut pipe = pipe.map_err(Failure::no_detail)?;
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
            let pumped = link.pump(io.now);
            // Not before: a message that came with the end of the handshake wakes the socket as well.
            if let Some(pipe) = attach {
                self.home.owner.attach(pipe, self.attachment(io));
            }
            // Who hears it may send at once, and to this peer, too.
            if succeeded {
                self.emit(Event::HandshakeSucceeded, 0);
            }
            let Pumped { sent, again } = pumped?;
            if again {
                io.again();
            }
            if sent == Sent::Finished {
                if self.of_linked(Pipe::is_refused) {
                    return Err(End::Failed(Failure::refused()));
                }
                if self.closing.is_some() || !self.of_linked(Pipe::is_forsaken) {
                    self.linger(io);
                }
            }
        }
        Ok(())
    }

    /// Whether this holds for the pipe of the connection.
    fn of_linked(&self, question: fn(&Pipe) -> bool) -> bool {
        match &self.state {
            State::Linked(link) => link.lock().as_ref().is_some_and(|joint| question(&joint.pipe)),
            _ => false,
        }
    }

    /// The handshake is done: announces the peer. Gives the socket's end of the pipe, if the socket
    /// does not have it.
    fn established(&mut self, io: &Io<'_>, mut metadata: Metadata) -> Result<Option<Pipe>, End> {
        let EndpointPair { local, remote, .. } = &self.endpoints;
        metadata.set_endpoints(local.clone(), remote.clone());
        if let Some(dialer) = &mut self.dialer {
            dialer.backoff.reset();
        }
        let (mut pipe, attach) = match self.pipe.take() {
            Some(pipe) => (*pipe, None),
            None => {
                let (ours, theirs) = self.make_pipe(io);
                (ours, Some(theirs))
            }
        };
        if let Err(error) = notices::introduce(&mut pipe, &self.home.options, Arc::new(metadata)) {
            // A pipe that the socket has waits for the next connection.
            self.pipe = attach.is_none().then(|| Box::new(pipe));
            return Err(End::Closed(error));
        }
        notices::connected(&mut pipe, &self.home.options);
        match std::mem::replace(&mut self.state, State::Waiting(None)) {
            State::Connected(connection) => {
                self.state = State::Linked(Link::join(io, *connection, pipe));
                self.watch = Watch::default();
                self.finish_forsaken();
            }
            other => {
                self.state = other;
                self.pipe = Some(Box::new(pipe));
            }
        }
        Ok(attach)
    }
}

impl Task for Session {
    fn start(&mut self, io: &mut Io<'_>) {
        match self.state {
            State::Connected(_) => {
                self.attach_before_the_handshake(io);
                self.plug(io);
            }
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
            State::Lingering(_) => self.linger_on(io),
            State::Waiting(_) => {}
        }
        self.reschedule(io);
    }

    fn timer(&mut self, io: &mut Io<'_>) {
        self.time_passed(io);
    }

    fn pipe_event(&mut self, io: &mut Io<'_>, event: PipeEvent) {
        if event == PipeEvent::Closed && self.of_linked(Pipe::is_refused) {
            return self.disconnected(io, End::Failed(Failure::refused()));
        }
        if event == PipeEvent::Closed {
            self.finish_forsaken();
        }
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
            State::Lingering(_) | State::Waiting(_) => {}
        }
        self.reschedule(io);
    }

    fn close(&mut self, io: &mut Io<'_>, linger: Option<Duration>) {
        self.closing = Some(linger.map(|linger| io.now + linger));
        let pending = match (&self.state, &mut self.pipe) {
            (State::Linked(link), _) => link
                .lock()
                .as_mut()
                .is_some_and(|joint| joint.connection.has_unsent() || !joint.pipe.is_drained()),
            // Who connected and has not introduced himself is not waited for, nor shown to the socket.
            (_, Some(pipe)) => self.dialer.is_some() && !pipe.is_drained(),
            (_, None) => false,
        };
        if linger == Some(Duration::ZERO) {
            return self.end(io);
        }
        if matches!(self.state, State::Lingering(_)) {
            return self.reschedule(io);
        }
        if !pending {
            return self.linger(io);
        }
        if let State::Linked(link) = &self.state {
            // The socket is told, or it would go on writing; its answer ends the session.
            link.finish();
        }
        self.pump(io);
        self.reschedule(io);
    }

    fn parent(&self) -> Option<u64> {
        self.listener
    }

    fn broken(&mut self) {
        // The link is the application's, too; what is in it goes with this session.
        if let State::Linked(link) = &self.state {
            drop(link.dissolve());
        }
        self.emit(Event::Disconnected, -1);
    }
}

#[cfg(test)]
mod panic_test;
