//! Pipes: the two-way queues between a socket and one peer.
//!
//! A [`Pipe`] is one end; [`pair`] makes two joined ends. Each direction is a queue of bytes in
//! canonical ZMTP 2+ framing (`byte_queue`) or, with ZMQ_CONFLATE, a slot for the newest message
//! (`conflate`). Frames are encoded by whoever writes and decoded lazily by whoever reads; a
//! multipart message becomes visible with its last frame. High water marks are counted in messages.
//!
//! The application's ends live in a [`Pipes`] slab owned by the socket; patterns name them by
//! [`PipeId`]. The other end belongs to a session (`runtime::session`) or to another socket (inproc).

#![deny(unsafe_code)]

pub(crate) mod byte_queue;
mod conflate;
mod crowd;
mod direct;
mod end;
mod high_water;
mod later;
mod link;
mod set;

pub(crate) use byte_queue::{COPIED, Log, Style};
pub(crate) use crowd::{Bed, Crowd, Turn};
pub(crate) use direct::Direct;
pub(crate) use end::{Greeting, Pipe, PipeConfig, pair};
pub(crate) use link::{EndConfig, Notify};
pub(crate) use set::Pipes;

/// Asks the kernel for the fence that sleepers use, before there is a context.
///
/// In a process with one thread this costs nothing; with several it takes 10 ms and more, in which
/// the thread that asks stands still. Left to the first sleeper that would be an I/O thread with a
/// message to send, and a program that answers and exits would take the answer along.
pub(crate) fn prepare() {
    crate::sys::membarrier::register();
}

/// Names a pipe within one socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PipeId(pub(crate) u32);

/// What happened to a pipe. Events are hints: the truth is in the queue, so a stale or repeated
/// event does no harm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PipeEvent {
    /// The peer published messages after the reader had found none.
    Readable,
    /// The peer read enough that a writer that was refused may write again.
    Writable,
    /// The peer closed its end, or finished writing.
    Closed,
    /// The connection behind the pipe was made anew: subscriptions must be sent again.
    Hiccuped,
}

#[cfg(test)]
mod end_test;
#[cfg(all(test, loom))]
mod link_loom_test;
