//! Socket monitors: zmq_socket_monitor(3), zmq_socket_monitor_versioned(3).
//!
//! A socket owns one [`Monitor`] and shares it with its sessions and listeners, which report what
//! happens to connections. Events that nobody asked for cost one load. The sink that the socket
//! installs writes them as messages to a PAIR socket; it must not block.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::message::Message;
use crate::sys::lock::Mutex;
use crate::zmtp::{Failure, FailureKind};

/// The events, by their bits in `zmq.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub(crate) enum Event {
    Connected = 0x0001,
    ConnectDelayed = 0x0002,
    ConnectRetried = 0x0004,
    Listening = 0x0008,
    BindFailed = 0x0010,
    Accepted = 0x0020,
    AcceptFailed = 0x0040,
    Closed = 0x0080,
    // 0x0100 is CLOSE_FAILED: here a descriptor is gone whatever close(2) says.
    Disconnected = 0x0200,
    MonitorStopped = 0x0400,
    HandshakeFailedNoDetail = 0x0800,
    HandshakeSucceeded = 0x1000,
    HandshakeFailedProtocol = 0x2000,
    HandshakeFailedAuth = 0x4000,
    PipesStats = 0x10000,
}

/// The two ends of a connection as events name them. Either may be empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndpointPair {
    pub(crate) local: Arc<str>,
    pub(crate) remote: Arc<str>,
    /// The socket was bound at `local`, and did not connect to `remote`.
    bound: bool,
}

impl EndpointPair {
    /// Of a listener.
    pub(crate) fn bound(local: &str, remote: &str) -> EndpointPair {
        EndpointPair { local: local.into(), remote: remote.into(), bound: true }
    }

    /// Of a connection that a listener with this pair accepted.
    pub(crate) fn accepted(&self, remote: &str) -> EndpointPair {
        EndpointPair { local: self.local.clone(), remote: remote.into(), bound: true }
    }

    /// Of a connection that this side made, or tries to make.
    pub(crate) fn connected(local: &str, remote: &str) -> EndpointPair {
        EndpointPair { local: local.into(), remote: remote.into(), bound: false }
    }

    /// The one that events of version 1 carry.
    pub(crate) fn identifier(&self) -> &str {
        if self.bound { &self.local } else { &self.remote }
    }
}

/// Where events go: takes an event and the frames of its message.
pub(crate) type Sink = Box<dyn Fn(Event, Vec<Message>) + Send>;

struct Installed {
    events: u64,
    version: i32,
    sink: Sink,
}

impl Installed {
    /// Asks itself: whoever reports has asked before, and that may have been of another monitor.
    fn send(&self, event: Event, values: &[u64], endpoints: &EndpointPair) {
        if self.events & event as u64 != 0
            && let Some(frames) = frames(self.version, event, values, endpoints)
        {
            (self.sink)(event, frames);
        }
    }
}

/// The monitor of one socket. Its lock is taken by I/O threads and by the socket's own thread; the
/// sink takes the lock of the PAIR socket under it, never that of the monitored socket.
#[derive(Default)]
pub(crate) struct Monitor {
    /// A copy of what is `installed`, to be looked at without the lock. Changed with it locked.
    wanted: AtomicU64,
    installed: Mutex<Option<Installed>>,
}

impl Monitor {
    /// Sends the events of the mask to a sink from now on.
    pub(crate) fn install(&self, events: u64, version: i32, sink: Sink) {
        let mut installed = self.installed.lock();
        self.wanted.store(events, Ordering::Release);
        let last = installed.replace(Installed { events, version, sink });
        drop(installed);
        drop(last);
    }

    /// Reports the end of monitoring and forgets the sink. Nothing follows the end: who has been let in by
    /// `wanted`, and waits for the lock meanwhile, finds nobody.
    pub(crate) fn remove(&self) {
        let mut installed = self.installed.lock();
        self.wanted.store(0, Ordering::Release);
        let last = installed.take();
        drop(installed);
        if let Some(last) = last {
            last.send(Event::MonitorStopped, &[0], &EndpointPair::default());
        }
    }

    /// Whether somebody wants this event.
    pub(crate) fn wants(&self, event: Event) -> bool {
        self.wanted.load(Ordering::Acquire) & event as u64 != 0
    }

    /// Reports an event.
    pub(crate) fn emit(&self, event: Event, value: u64, endpoints: &EndpointPair) {
        self.emit_values(event, &[value], endpoints);
    }

    /// Reports an event with several values; version 1 has room for one.
    pub(crate) fn emit_values(&self, event: Event, values: &[u64], endpoints: &EndpointPair) {
        if self.wants(event)
            && let Some(installed) = &*self.installed.lock()
        {
            installed.send(event, values, endpoints);
        }
    }

    /// Reports why a handshake failed.
    pub(crate) fn emit_failure(&self, failure: &Failure, endpoints: &EndpointPair) {
        let (event, value) = match failure.event {
            FailureKind::HandshakeFailedNoDetail(errno) => {
                (Event::HandshakeFailedNoDetail, errno as u64)
            }
            FailureKind::HandshakeFailedProtocol(code) => {
                (Event::HandshakeFailedProtocol, code.into())
            }
            FailureKind::HandshakeFailedAuth(status) => (Event::HandshakeFailedAuth, status.into()),
            FailureKind::Timeout | FailureKind::Protocol => return,
        };
        self.emit(event, value, endpoints);
    }
}

/// The message of an event: version 1 is a 16-bit event and a 32-bit value, then the endpoint;
/// version 2 is a 64-bit event, the number of values, each value in 64 bits, and both endpoints.
fn frames(
    version: i32,
    event: Event,
    values: &[u64],
    endpoints: &EndpointPair,
) -> Option<Vec<Message>> {
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    if version == 1 {
        let value = values.first().copied().unwrap_or(0) as u32;
        let mut head = (event as u64 as u16).to_ne_bytes().to_vec();
        head.extend_from_slice(&value.to_ne_bytes());
        bodies.push(head);
        bodies.push(endpoints.identifier().as_bytes().to_vec());
    } else {
        bodies.push((event as u64).to_ne_bytes().to_vec());
        bodies.push((values.len() as u64).to_ne_bytes().to_vec());
        bodies.extend(values.iter().map(|value| value.to_ne_bytes().to_vec()));
        bodies.push(endpoints.local.as_bytes().to_vec());
        bodies.push(endpoints.remote.as_bytes().to_vec());
    }
    let last = bodies.len() - 1;
    let frame = |(index, body): (usize, Vec<u8>)| {
        let mut message = Message::from_slice(&body).ok()?;
        message.set_more(index != last);
        Some(message)
    };
    bodies.into_iter().enumerate().map(frame).collect()
}

#[cfg(test)]
#[path = "monitor_test.rs"]
mod tests;
