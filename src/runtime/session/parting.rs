//! The end of a connection, and of the session.
//!
//! Called by the session when a connection broke, when the socket is done with it, and when there is
//! nobody to connect to.

use super::{Session, State};
use crate::monitor::Event;
use crate::patterns::SocketType;
use crate::pipe::{Pipe, PipeEvent};
use crate::runtime::end::End;
use crate::runtime::notices;
use crate::runtime::task::Io;
use crate::zmtp::Failure;

/// ZMQ_RECONNECT_STOP: a connection that was lost in its handshake is not made again. (The bit for
/// zmq_disconnect asks for what happens anyway: a session that the socket has given up ends.)
const STOP_HANDSHAKE_FAILED: i32 = 2;

impl Session {
    /// The connection is lost: reports it, cleans the pipe, and connects again or ends.
    pub(super) fn disconnected(&mut self, io: &mut Io<'_>, end: End) {
        let connection = match std::mem::replace(&mut self.state, State::Waiting(None)) {
            State::Connected(connection) => *connection,
            State::Linked(link) => {
                let Some((connection, pipe)) = link.dissolve() else { return };
                self.pipe = Some(Box::new(pipe));
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
            End::Failed(failure) if !established || failure.breaks_mechanism() => Some(failure),
            // Nobody was told that it succeeded.
            End::Closed(error) if !connection.had_handshake => Some(Failure::no_detail(error)),
            _ => None,
        };
        if let Some(failure) = &failure {
            self.home.monitor.emit_failure(failure, &self.endpoints);
        }
        self.emit(Event::Disconnected, connection.stream.descriptor());
        drop(connection);
        let broke_protocol = matches!(&end, End::Failed(failure) if !failure.may_reconnect());
        let stop = self.home.options.reconnect_stop;
        let stopped = stop & STOP_HANDSHAKE_FAILED != 0 && !established;
        if let Some(pipe) = &mut self.pipe {
            pipe.rollback();
            if let Some(writer) = pipe.made_writer() {
                writer.rollback();
            }
            if established {
                notices::disconnected(pipe, &self.home.options, self.dialer.is_none());
            }
            if let Some(reader) = pipe.reader() {
                reader.skip_to_message();
                // It may have been all that there is, and nobody else would tell of its room.
                pipe.tell_writer();
            }
        }
        if self.dialer.is_none() || broke_protocol || stopped {
            return self.end(io);
        }
        if self.home.options.reconnect_interval().is_none() {
            return self.renounce(io);
        }
        self.prepare_reconnect();
        if self.closing.is_some() && self.pipe.as_mut().is_none_or(|pipe| pipe.is_drained()) {
            // There is nothing to connect for.
            return self.end(io);
        }
        self.retry(io);
        self.reschedule(io);
    }

    /// What a connection that is made anew must not see of the old one.
    fn prepare_reconnect(&mut self) {
        let forsaken = self.pipe.as_deref().is_some_and(Pipe::is_forsaken);
        if self.home.options.immediate || forsaken {
            // Messages shall not wait for a connection that is not there, and a peer that was forsaken is another
            // one when it is back.
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

    /// If the socket has forsaken the peer: nothing more of it shall be heard. The connection stays, but the pipe ends
    /// with what came until now. Before there is a connection nothing came; the one to be gets a pipe of its own,
    /// unless there is something to send.
    pub(super) fn finish_forsaken(&mut self) {
        match &self.state {
            State::Linked(link) if self.of_linked(Pipe::is_forsaken) => link.finish(),
            State::Linked(_) => {}
            _ => drop(self.pipe.take_if(|pipe| pipe.is_forsaken() && pipe.is_drained())),
        }
    }

    /// Ends the session for good.
    pub(super) fn end(&mut self, io: &mut Io<'_>) {
        if self.dialer.is_some() && self.closing.is_none() {
            self.home.owner.gone(io.key);
        }
        self.clear_away(io);
    }

    /// The same where the application asked not to connect again, with ZMQ_RECONNECT_IVL or
    /// ZMQ_RECONNECT_STOP: the socket lets go of the endpoint as well.
    pub(super) fn renounce(&mut self, io: &mut Io<'_>) {
        if self.dialer.is_some() && self.closing.is_none() {
            self.home.owner.renounced(io.key);
        }
        self.clear_away(io);
    }

    fn clear_away(&mut self, io: &mut Io<'_>) {
        let dialed = matches!(self.state, State::Dialing(_));
        match std::mem::replace(&mut self.state, State::Waiting(None)) {
            State::Connected(connection) => {
                io.reactor.deregister(connection.stream.descriptor());
            }
            State::Linked(link) => {
                if let Some((connection, pipe)) = link.dissolve() {
                    io.reactor.deregister(connection.stream.descriptor());
                    self.pipe = Some(Box::new(pipe));
                }
            }
            State::Lingering(lingering) => io.reactor.deregister(lingering.stream.descriptor()),
            _ => {}
        }
        let descriptor = self.dialer.as_ref().and_then(|dialer| dialer.descriptor());
        if let Some(descriptor) = descriptor {
            io.reactor.deregister(descriptor);
        }
        if let Some(dialer) = &mut self.dialer {
            dialer.cancel();
        }
        if let Some(descriptor) = descriptor
            && dialed
        {
            self.emit(Event::Closed, descriptor);
        }
        self.pipe = None;
        io.finish();
    }
}
