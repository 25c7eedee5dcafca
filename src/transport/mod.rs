//! Byte streams to other processes: one file or folder per transport and one table of them all.
//!
//! A transport parses its addresses, listens and dials; it knows neither pipes nor the protocol
//! spoken on a connection. Called by socket (`find`, `check_connect`, `listen`: errors of
//! zmq_bind and zmq_connect) and by runtime (everything else, on an I/O thread; nothing here
//! blocks it).
#![forbid(unsafe_code)]

mod address;
#[cfg(test)]
pub(crate) mod bottomless_test;
#[cfg(test)]
pub(crate) mod brittle_test;
mod direct;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz_test;
mod ipc;
pub(crate) mod multicast;
mod resolver;
mod stream;
mod tcp;
#[cfg(any(test, fuzzing))]
pub(crate) mod testing;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod tipc;
pub(crate) mod udp;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod vsock;
mod ws;

pub(crate) use stream::Stream;
pub(crate) use udp::UdpSocket;

#[cfg(any(test, fuzzing))]
pub(crate) use {
    multicast::fuzz_test::packets as multicast_packets,
    tcp::socks_fuzz_test::replies as socks_replies,
    ws::fuzz_test::{frames as ws_frames, layer as ws_layer, upgrades as ws_upgrade},
    ws::wss_certificates,
};

use std::io;
use std::os::fd::RawFd;

use crate::error::{Error, Result};
use crate::options::SocketOptions;

/// The table: a new transport is one row here.
static TRANSPORTS: &[(&str, &dyn Transport)] = &[
    ("ipc", &ipc::Ipc),
    ("tcp", &tcp::Tcp),
    #[cfg(any(target_os = "linux", target_os = "android"))]
    ("tipc", &tipc::Tipc),
    #[cfg(any(target_os = "linux", target_os = "android"))]
    ("vmci", &vsock::Vsock { scheme: "vmci" }),
    #[cfg(any(target_os = "linux", target_os = "android"))]
    ("vsock", &vsock::Vsock { scheme: "vsock" }),
    ("ws", &ws::Ws { secure: false }),
    ("wss", &ws::Ws { secure: true }),
];

/// The transport of a scheme; `None` is PROTONOSUPPORT. `inproc` is the context's own, and those
/// that have no connections are [`UdpSocket`] and [`multicast::Multicast`].
pub(crate) fn find(scheme: &str) -> Option<&'static dyn Transport> {
    TRANSPORTS.iter().find(|(name, _)| *name == scheme).map(|(_, transport)| *transport)
}

/// One kind of address.
pub(crate) trait Transport: Sync {
    /// What zmq_connect refuses at once: bad syntax. Never resolves a name.
    fn check_connect(&self, address: &str, options: &SocketOptions) -> Result<()>;

    /// Starts listening; fails with the errno zmq_bind reports.
    fn listen(&self, address: &str, options: &SocketOptions) -> Result<Box<dyn Listener>>;

    /// Makes what connects to the address, again and again if need be.
    fn dialer(&self, address: &str, options: &SocketOptions) -> Result<Box<dyn Dialer>>;

    /// What ZMQ_LAST_ENDPOINT reports after a connect, given the endpoint and its address.
    fn connect_endpoint(&self, endpoint: &str, _address: &str) -> String {
        endpoint.to_owned()
    }

    /// The endpoint as a listener at this address would write it, for zmq_unbind and zmq_disconnect,
    /// which may spell it otherwise. May look a name up.
    fn other_spelling(&self, _address: &str, _options: &SocketOptions) -> Option<String> {
        None
    }

    /// Whether zmq_unbind wants the endpoint as it was given to zmq_bind, because what is bound is
    /// a name that others may bind as well, and the listener's own address is another.
    fn binds_names(&self) -> bool {
        false
    }
}

/// A bound address. Dropping it closes it and cleans up as `close` does.
pub(crate) trait Listener: Send {
    /// The endpoint as ZMQ_LAST_ENDPOINT reports it, wildcards resolved.
    fn endpoint(&self) -> String;

    /// Readable when `accept` has something to tell.
    fn descriptor(&self) -> RawFd;

    /// The next connection. WouldBlock when there is none; any other error concerns at most one
    /// connection, and the listener stays usable (EMFILE: come back later).
    fn accept(&self, options: &SocketOptions) -> io::Result<Accept>;

    /// Stops listening and removes the file it made, if any.
    fn close(self: Box<Self>);
}

/// What a listener accepted.
#[derive(Debug)]
pub(crate) enum Accept {
    Stream(Stream),
    /// An accept filter turned the peer away; the connection is closed already.
    Refused,
}

/// Called once, on another thread, when a dialer wants `poll`. It must not call the dialer.
pub(crate) type Waker = Box<dyn Fn() + Send>;

/// Connects to one endpoint. A round tries every address its name has, in turn:
///
/// ```text
/// start -> Resolving -(wake, poll)-> Connecting -(writable, poll)-> Negotiating -> Done
///                                     ^      | refused, abandon: the next address
///                                     +------+ after the last: Failed
/// ```
///
/// After `Done` or `Failed` it is idle, and `start` begins the next round with the name resolved
/// afresh.
pub(crate) trait Dialer: Send {
    /// Begins a round, giving up one under way.
    fn start(&mut self, wake: Waker) -> Dial;

    /// Goes on after a wake-up or when the descriptor is writable. Being called without need is
    /// harmless.
    fn poll(&mut self) -> Dial;

    /// Gives up the address under way, because it took too long, and tries the next one.
    fn abandon(&mut self) -> Dial;

    /// Gives up the round; after this the waker is not called any more.
    fn cancel(&mut self);

    /// What the dialer waits for while `Connecting` or `Negotiating`.
    fn descriptor(&self) -> Option<RawFd>;

    /// The number that the descriptor of this round's last attempt has or had, for the monitor.
    /// `None` if it did not come to one.
    fn last_descriptor(&self) -> Option<RawFd>;
}

/// Where a dialer stands.
#[derive(Debug)]
pub(crate) enum Dial {
    /// A name is being looked up; the waker will be called.
    Resolving,
    /// Wait until this descriptor is writable. It may differ from the one before.
    Connecting(RawFd),
    /// Wait until this descriptor is readable: a proxy in between is to answer.
    Negotiating(RawFd),
    Done(Stream),
    Failed(Error),
}
