//! The messaging patterns: the trait a socket drives and the one table of socket types.
//!
//! A pattern is pure policy over pipes: no I/O, no clock, no threads, no blocking. The socket shell
//! (`socket::`) holds the lock, blocks, retries and handles endpoints; it calls the methods below.

#![forbid(unsafe_code)]

mod socket_type;

pub(crate) use socket_type::SocketType;

use crate::error::{Error, Result};
use crate::message::Message;
use crate::pipe::{PipeId, Pipes};

/// How a pipe came to be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attach {
    /// The pipe was made by our `zmq_connect` (not by a peer connecting to us).
    pub(crate) locally_initiated: bool,
    /// Everything shall be subscribed at once: the peer cannot send subscriptions (pgm, norm, udp).
    pub(crate) subscribe_to_all: bool,
}

/// A messaging pattern.
///
/// Contract: called with the socket's lock held, never re-entered. `send` and `recv` never block:
/// they answer `AGAIN` and are called again after a pipe event. After any call the socket removes
/// pipes that ended (peer closed and drained, or `Pipe::terminate`) and reports each by
/// `pipe_terminated`, the last call that names that pipe.
pub(crate) trait Pattern: Send {
    /// A new pipe.
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, how: Attach);
    /// The pipe may have something to read after it had nothing.
    fn readable(&mut self, pipes: &mut Pipes, id: PipeId);
    /// The pipe may accept messages after it refused one.
    fn writable(&mut self, pipes: &mut Pipes, id: PipeId);
    /// The connection behind the pipe was made anew: subscriptions must be sent again.
    fn hiccuped(&mut self, _pipes: &mut Pipes, _id: PipeId) {}
    /// The pipe is gone; it is not in `pipes` any more when the call returns.
    fn pipe_terminated(&mut self, pipes: &mut Pipes, id: PipeId);
    /// Sends one frame; takes the message only on success.
    fn send(&mut self, _pipes: &mut Pipes, _message: &mut Message) -> Result<()> {
        Err(Error::NOTSUP)
    }
    /// Receives one frame.
    fn recv(&mut self, _pipes: &mut Pipes) -> Result<Message> {
        Err(Error::NOTSUP)
    }
    /// Whether `recv` would succeed.
    fn has_in(&mut self, _pipes: &mut Pipes) -> bool {
        false
    }
    /// Whether `send` would succeed.
    fn has_out(&mut self, _pipes: &mut Pipes) -> bool {
        false
    }
    /// A socket option of this pattern alone (see `options::table`). `INVAL` if it has no such option.
    fn set_option(&mut self, _pipes: &mut Pipes, _option: i32, _value: &[u8]) -> Result<()> {
        Err(Error::INVAL)
    }
    /// Reads an option of this pattern alone.
    fn option(&self, _option: i32) -> Result<i32> {
        Err(Error::INVAL)
    }
}
