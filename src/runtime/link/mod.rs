//! An established connection with the session's end of its pipe, shared by two threads.
//!
//! The I/O thread works on it when the reactor or a pipe says so. The application's thread may work
//! on it too (`pipe::Direct`): it sends at once what it has just written, and while it waits for
//! messages it owns the reading side: the reactor no longer reports it, and the application waits
//! for the descriptor and reads it itself, so that no other thread has to wake up. How they agree
//! on that is in `takeover`; here is what they agree on. Called by `session`.
//!
//! Lock order: a socket's core, then the link's. Under it only leaves are taken (mailboxes, the
//! reactor, monitors' sinks never).

mod crowd;
mod shift;
mod takeover;

use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::crowd::Crowd;
pub(super) use self::takeover::{Pumped, Watch};
use self::takeover::{Shared, Station, Takeover};
use super::connection::Connection;
use super::end::End;
use super::outgoing::Sent;
use super::reactor::Reactor;
use super::task::{Io, ThreadHandle};
use crate::pipe::{self, Pipe, PipeEvent};

/// How long the application may be away before a watchdog has the I/O thread take over.
const TICK: Duration = Duration::from_millis(1);
/// Ticks of nothing but waiting before a watchdog parks.
const QUIET: u32 = if cfg!(loom) { 1 } else { 10 };

/// See the head of this file.
pub(super) type Link = Takeover<Joint, Home>;

/// What the two threads share.
pub(super) struct Joint {
    pub(super) connection: Connection,
    pub(super) pipe: Pipe,
    /// See `Shared::ended`.
    ended: Option<End>,
    /// See `Shared::crowd`.
    crowd: Option<Arc<dyn pipe::Crowd>>,
}

/// Where the connection's session lives.
pub(super) struct Home {
    thread: Arc<ThreadHandle>,
    reactor: Arc<Reactor>,
    key: u64,
    descriptor: RawFd,
}

impl Link {
    /// Joins an established connection with its pipe and offers it to the application.
    pub(super) fn join(io: &Io<'_>, connection: Connection, mut pipe: Pipe) -> Arc<Link> {
        // The slot of a socket that keeps the newest message only is filled by the I/O thread.
        let suitable = connection.is_shareable() && pipe.writes_queue();
        let simple = connection.is_direct();
        let home = Home {
            thread: io.thread.clone(),
            reactor: io.reactor.clone(),
            key: io.key,
            descriptor: connection.stream.descriptor(),
        };
        let link = Arc::new(Link::new(home, suitable, suitable && simple));
        if suitable {
            pipe.offer_direct(Some(link.clone()));
        }
        *link.lock() = Some(Joint { connection, pipe, ended: None, crowd: None });
        link
    }

    /// The socket is done with the connection: what it wrote is sent, by the I/O thread alone, and nothing
    /// more is received.
    pub(super) fn finish(&self) {
        self.retire();
        if let Some(joint) = &mut *self.lock() {
            joint.pipe.offer_direct(None);
            joint.pipe.finish();
        }
    }

    /// Takes connection and pipe apart again; the application can do nothing here any more.
    pub(super) fn dissolve(&self) -> Option<(Connection, Pipe)> {
        let mut joint = self.end()?;
        joint.pipe.offer_direct(None);
        Some((joint.connection, joint.pipe))
    }
}

impl Shared for Joint {
    fn receive(&mut self, now: Instant, turns: usize) -> Result<bool, End> {
        self.connection.receive(now, turns, &mut self.pipe)
    }

    fn send(&mut self, now: Instant) -> Result<Sent, End> {
        self.connection.send(now, &mut self.pipe)
    }

    fn send_directly(&mut self) -> Result<Sent, End> {
        self.connection.send_directly(&mut self.pipe)
    }

    fn holds(&self) -> bool {
        self.connection.holds()
    }

    fn set_readable(&mut self) {
        self.connection.set_readable();
    }

    fn is_readable(&self) -> bool {
        self.connection.is_readable()
    }

    fn is_writable(&self) -> bool {
        self.connection.is_writable()
    }

    fn has_control(&self) -> bool {
        self.connection.has_control()
    }

    fn ended(&mut self) -> &mut Option<End> {
        &mut self.ended
    }

    fn crowd(&mut self) -> &mut Option<Arc<dyn pipe::Crowd>> {
        &mut self.crowd
    }

    fn end_wait(&mut self) {
        // Nothing is: the pattern finds that out. A pipe that its socket has dropped still tells the socket.
        self.pipe.notify_peer(PipeEvent::Readable);
    }
}

impl Station for Home {
    fn watch(&self, watch: bool) -> bool {
        if watch {
            self.reactor.watch(self.descriptor, self.key)
        } else {
            self.reactor.leave(self.descriptor)
        }
    }

    fn watch_writing(&self) -> bool {
        self.reactor.watch_writing(self.descriptor, self.key)
    }

    fn wake_session(&self) {
        self.thread.wake_task(self.key);
    }

    fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    fn found(&self, bed: pipe::Bed) -> Option<Arc<dyn pipe::Crowd>> {
        Some(Crowd::found(&self.thread, &self.reactor, bed)?)
    }

    fn place(&self) -> usize {
        self.thread.place()
    }
}
