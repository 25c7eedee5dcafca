//! Doing a connection's work on the application's thread.
//!
//! Behind a pipe there may be a connection whose descriptor this thread may as well read or write
//! itself: a message then needs no other thread to wake up. The session offers that through this
//! trait (`runtime::link`); the end in the socket uses it when it would otherwise wait, or wake the
//! I/O thread. The socket lends itself to it in `socket::waiting`.

use std::os::fd::RawFd;
use std::sync::Arc;

use super::{Bed, Crowd};

/// The connection behind a pipe. Nothing here blocks; all calls come with the socket's lock held.
pub(crate) trait Direct: Send + Sync {
    /// Receives into the pipe, if the descriptor is this side's to read. `arm` runs before anybody
    /// else can receive: it lets the reader sleep if nothing came. False: not this side's.
    fn receive(&self, arm: &mut dyn FnMut()) -> bool;

    /// Sends what is published and lets the reader of the other end sleep. False: somebody else is
    /// at it, or it cannot be done here, and the I/O thread must be notified.
    fn send(&self) -> bool;

    /// Makes the descriptor this side's to read and returns it, if that is possible. The caller waits
    /// for it from now on; if the connection ends meanwhile, its socket is told that something may be
    /// readable.
    fn take_over(&self) -> Option<RawFd>;

    /// The wait is over. When this side neither waits nor receives for a while, the I/O thread takes the
    /// descriptor back.
    fn waited(&self);

    /// Gives the descriptor back to the I/O thread.
    fn give_back(&self);

    // ---- as one of a crowd, see `Crowd`

    /// Founds a crowd on this connection's I/O thread.
    fn found(&self, bed: Bed) -> Option<Arc<dyn Crowd>>;

    /// Joins a crowd, where it is known by the number; until it leaves that is where its descriptor
    /// is watched. False: it stays with its I/O thread.
    fn join(self: Arc<Self>, crowd: &Arc<dyn Crowd>, number: u32) -> bool;

    /// The crowd's descriptor said that there is something to read.
    fn expect(&self);

    /// Receives on the crowd's I/O thread, to which the crowd's descriptor says whether there is more.
    fn receive_for_crowd(&self);

    /// Leaves its crowd: the I/O thread watches its descriptor.
    fn leave(&self);
}
