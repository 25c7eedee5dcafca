//! The messaging patterns: the trait a socket drives and the one table of socket types.
//!
//! A pattern is pure policy over pipes: no I/O, no clock, no threads, no blocking. The socket shell
//! (`socket::`) holds the lock, blocks, retries and handles endpoints; it calls the methods below.

#![forbid(unsafe_code)]

mod channel;
mod client;
mod dealer;
mod dgram;
mod dish;
mod gather;
mod pair;
mod peer;
mod publisher;
mod pull;
mod push;
mod radio;
mod rep;
mod req;
mod router;
mod scatter;
mod server;
mod socket_type;
mod stream;
mod sub;
mod value;
mod xpub;
mod xsub;

pub(crate) use socket_type::SocketType;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::message::Message;
use crate::options::SocketOptions;
use crate::pipe::{PipeId, Pipes};

/// `ZMQ_POLLOUT`.
const POLLOUT: i32 = 2;

/// Makes the pattern of a socket type.
pub(crate) fn new(kind: SocketType, options: &SocketOptions) -> Box<dyn Pattern> {
    let mut pattern: Box<dyn Pattern> = match kind {
        SocketType::Pair => Box::<pair::Pair>::default(),
        SocketType::Pub => Box::<publisher::Pub>::default(),
        SocketType::Sub => Box::<sub::Sub>::default(),
        SocketType::Req => Box::<req::Req>::default(),
        SocketType::Rep => Box::<rep::Rep>::default(),
        SocketType::Dealer => Box::<dealer::Dealer>::default(),
        SocketType::Router => Box::<router::Router>::default(),
        SocketType::Pull => Box::<pull::Pull>::default(),
        SocketType::Push => Box::<push::Push>::default(),
        SocketType::Xpub => Box::<xpub::Xpub>::default(),
        SocketType::Xsub => Box::<xsub::Xsub>::default(),
        SocketType::Stream => Box::<stream::Stream>::default(),
        SocketType::Server => Box::<server::Server>::default(),
        SocketType::Client => Box::<client::Client>::default(),
        SocketType::Radio => Box::<radio::Radio>::default(),
        SocketType::Dish => Box::<dish::Dish>::default(),
        SocketType::Gather => Box::<gather::Gather>::default(),
        SocketType::Scatter => Box::<scatter::Scatter>::default(),
        SocketType::Dgram => Box::<dgram::Dgram>::default(),
        SocketType::Peer => Box::<peer::Peer>::default(),
        SocketType::Channel => Box::<channel::Channel>::default(),
    };
    pattern.options_changed(options);
    pattern
}

/// How a pipe came to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attach {
    /// What the application wants the peer to be called, to whom it has connected (ZMQ_CONNECT_ROUTING_ID).
    pub(crate) name: Option<Arc<Vec<u8>>>,
    /// The session that has made the connection for a zmq_connect of ours (ZMQ_IMMEDIATE).
    pub(crate) session: Option<u64>,
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
    /// The pipe may have something to read after it had nothing, or the peer's handshake is done.
    fn readable(&mut self, _pipes: &mut Pipes, _id: PipeId) {}
    /// The pipe may accept messages after it refused one.
    fn writable(&mut self, _pipes: &mut Pipes, _id: PipeId) {}
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
    /// Receives one frame into `message`, which is left alone on failure. The same as `recv`, without
    /// moving the message about; patterns that are used for bulk override it.
    fn recv_into(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        *message = self.recv(pipes)?;
        Ok(())
    }
    /// The pipe that the next whole message goes to, whatever it is, if the pattern need not hear of it: it does the
    /// same with every message until it is called again.
    fn straight_out(&self) -> Option<PipeId> {
        None
    }
    /// The pipe that the next message of one frame is taken from, whatever it is, if the pattern need not hear of it.
    fn straight_in(&self) -> Option<PipeId> {
        None
    }
    /// Whether `recv` would succeed.
    fn has_in(&mut self, _pipes: &mut Pipes) -> bool {
        false
    }
    /// Whether `send` would succeed.
    fn has_out(&mut self, _pipes: &mut Pipes) -> bool {
        false
    }
    /// A socket option of this pattern (see `options::table`, which has checked the value's shape).
    /// `INVAL` if it has no such option.
    fn set_option(&mut self, _pipes: &mut Pipes, _option: i32, _value: &[u8]) -> Result<()> {
        Err(Error::INVAL)
    }
    /// Reads an option of this pattern alone.
    fn option(&self, _option: i32) -> Result<i32> {
        Err(Error::INVAL)
    }
    /// Puts another name for the next connection (ZMQ_CONNECT_ROUTING_ID) in the place of the one that is there, and
    /// gives that.
    fn exchange_name(&mut self, _name: Option<Arc<Vec<u8>>>) -> Option<Arc<Vec<u8>>> {
        None
    }
    /// The options of all sockets have changed; also called once before anything else.
    fn options_changed(&mut self, _options: &SocketOptions) {}
    /// Joins a group (zmq_join(3)).
    fn join(&mut self, _pipes: &mut Pipes, _group: &[u8]) -> Result<()> {
        Err(Error::NOTSUP)
    }
    /// Leaves a group (zmq_leave(3)).
    fn leave(&mut self, _pipes: &mut Pipes, _group: &[u8]) -> Result<()> {
        Err(Error::NOTSUP)
    }
    /// Whether the peer with this routing id can be written to: `ZMQ_POLLOUT` or 0.
    fn peer_state(&mut self, _pipes: &mut Pipes, _routing_id: &[u8]) -> Result<i32> {
        Err(Error::NOTSUP)
    }
    /// What `ZMQ_ROUTING_ID` reads if the pattern overrides it: STREAM names its newest peer.
    fn routing_id(&self) -> Option<&[u8]> {
        None
    }
    /// The number by which SERVER and PEER address the peer of a pipe.
    fn peer_number(&self, _id: PipeId) -> Option<u32> {
        None
    }
    /// The pipe of the peer that SERVER and PEER address by this number.
    fn peer_pipe(&self, _number: u32) -> Option<PipeId> {
        None
    }
}

#[cfg(test)]
mod broadcast_test;
#[cfg(test)]
mod partial_test;
#[cfg(test)]
mod pipeline_test;
#[cfg(test)]
mod pubsub_test;
#[cfg(test)]
mod radio_test;
#[cfg(test)]
mod reqrep_test;
#[cfg(test)]
mod stream_test;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod xpub_test;
