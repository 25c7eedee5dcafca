//! What a session does when a time has come, and when that is next: to connect again, to give up, to hear
//! from the peer or take it for gone (ZMQ_HEARTBEAT_IVL and the like), to look after the link, to end.
//!
//! Called by the session and by the rest of this folder.

use std::time::Instant;

use super::{Session, State};
use crate::runtime::end::End;
use crate::runtime::task::Io;

impl Session {
    /// Sets the timer to whatever comes first.
    pub(super) fn reschedule(&mut self, io: &mut Io<'_>) {
        let own = match &self.state {
            State::Waiting(at) | State::Dialing(at) => *at,
            State::Connected(connection) => connection.deadline(),
            State::Lingering(lingering) => Some(lingering.next),
            State::Linked(link) => {
                let tick = link.tick(io.now, &mut self.watch);
                let deadline = link.lock().as_ref().and_then(|joint| joint.connection.deadline());
                [tick, deadline].into_iter().flatten().min()
            }
        };
        let linger = self.closing.flatten();
        io.set_timer([own, linger].into_iter().flatten().min());
    }

    /// What is due; see `Task::timer`.
    pub(super) fn time_passed(&mut self, io: &mut Io<'_>) {
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
            State::Connected(_) | State::Linked(_) => self.connection_timer(io),
            State::Lingering(_) => self.linger_on(io),
            _ => {}
        }
        self.reschedule(io);
    }

    /// Something is due on the connection.
    fn connection_timer(&mut self, io: &mut Io<'_>) {
        if self.heed_time(io).is_ok() {
            return self.pump(io);
        }
        // The silence may be ours: what came in time lies unread when the thread that was to read it, of ours or
        // of the application, was kept from that.
        match &mut self.state {
            State::Connected(connection) => connection.set_readable(),
            State::Linked(link) => link.reclaim(),
            _ => {}
        }
        if let Err(end) = self.try_pump(io).and_then(|()| self.heed_time(io)) {
            self.disconnected(io, end);
        }
    }

    fn heed_time(&mut self, io: &Io<'_>) -> Result<(), End> {
        match &mut self.state {
            State::Connected(connection) => connection.timer(io.now),
            State::Linked(link) => {
                link.lock().as_mut().map_or(Ok(()), |joint| joint.connection.timer(io.now))
            }
            _ => Ok(()),
        }
    }
}
