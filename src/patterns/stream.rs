//! STREAM: talks to peers that speak plain TCP (zmq_socket(3) "Native pattern").
//!
//! Each message is a frame that names the connection and a frame of bytes. An empty body, received,
//! tells that a connection came or went; sent, it closes the connection.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::message::Message;
use crate::options::{self, numbers};
use crate::patterns::router::limit;
use crate::patterns::{Attach, Pattern};
use crate::pipe::{PipeId, Pipes};
use crate::routing::{Claims, FairQueue, RoutingTable};

/// A STREAM socket.
#[derive(Default)]
pub(crate) struct Stream {
    queue: FairQueue,
    table: RoutingTable,
    /// The frames to hand out next: the routing id, unless it was, and the body.
    prefetched: Option<(Option<Message>, Message)>,
    /// The connection of the message being sent; `None` drops it.
    current_out: Option<PipeId>,
    /// The routing id of the message being sent was given.
    more_out: bool,
    /// The name for the next connection we make (ZMQ_CONNECT_ROUTING_ID).
    connect_routing_id: Option<Arc<Vec<u8>>>,
    /// Connections made anew, whose name still is that of the one before: not all of it is read.
    refused: Claims,
    /// The last routing id made here: what ZMQ_ROUTING_ID reads.
    newest: Option<Message>,
}

impl Stream {
    /// Gives a new connection its name, or has it wait for that. Fails only for want of memory.
    fn identify(&mut self, pipes: &mut Pipes, id: PipeId, name: Option<&[u8]>) -> Result<()> {
        let holder = name.and_then(|name| self.table.find(name));
        match (name, holder.and_then(|id| pipes.get_mut(id))) {
            (Some(name), None) => self.table.insert(name, id)?,
            (Some(name), Some(holder)) if holder.is_ending() => {
                self.refused.add(name, id);
                return Ok(());
            }
            // A name that is taken makes libzmq abort; the connection gets one made here instead.
            _ => {
                self.table.insert_integral(id)?;
                self.newest = self.table.frame(id);
            }
        }
        self.queue.attach(id);
        Ok(())
    }

    /// Takes in a connection, which may have a name.
    fn admit(&mut self, pipes: &mut Pipes, id: PipeId, name: Option<&[u8]>) {
        if self.identify(pipes, id, name).is_err()
            && let Some(pipe) = pipes.get_mut(id)
        {
            pipe.terminate();
        }
    }

    fn choose_peer(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        // A routing id without a body is ignored, and so is the frame after it, as libzmq does.
        if message.more() {
            let peer = self.table.find(message.data()).ok_or(Error::HOSTUNREACH)?;
            let pipe = pipes.get_mut(peer).ok_or(Error::HOSTUNREACH)?;
            if !pipe.check_write() {
                // Who has gone makes no room, though not all that he has sent is read.
                let gone = pipe.is_finished() || pipe.peer_closed();
                return Err(if gone { Error::HOSTUNREACH } else { Error::AGAIN });
            }
            self.current_out = Some(peer);
        }
        self.more_out = true;
        message.take();
        Ok(())
    }

    fn prefetch(&mut self, pipes: &mut Pipes) -> bool {
        while self.prefetched.is_none() {
            let Some((id, mut body)) = self.queue.recv(pipes) else { return false };
            body.set_more(false);
            if let Some(mut routing_id) = self.table.frame(id) {
                routing_id.set_metadata(body.metadata().cloned());
                self.prefetched = Some((Some(routing_id), body));
            }
        }
        true
    }
}

impl Pattern for Stream {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, how: Attach) {
        self.admit(pipes, id, how.name.as_ref().map(|name| name.as_slice()));
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        if self.refused.has(id) {
            limit(&mut self.refused, pipes, id);
        } else {
            self.queue.activated(id);
        }
    }

    fn pipe_terminated(&mut self, pipes: &mut Pipes, id: PipeId) {
        if self.refused.remove(id) {
            return;
        }
        let name = self.table.frame(id);
        self.table.remove(id);
        self.queue.pipe_terminated(id);
        if self.current_out == Some(id) {
            self.current_out = None;
        }
        if let Some(name) = name {
            while self.table.find(name.data()).is_none()
                && let Some(next) = self.refused.next(name.data())
            {
                self.admit(pipes, next, Some(name.data()));
            }
        }
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        if !self.more_out {
            return self.choose_peer(pipes, message);
        }
        message.set_more(false);
        if let Some(pipe) = self.current_out.and_then(|id| pipes.get_mut(id)) {
            if message.is_empty() {
                pipe.terminate();
            } else if !pipe.write(message) && pipe.take_ran_short() {
                return Err(Error::NOMEM);
            }
        }
        self.more_out = false;
        self.current_out = None;
        message.take();
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        self.prefetch(pipes);
        let (routing_id, body) = self.prefetched.take().ok_or(Error::AGAIN)?;
        match routing_id {
            Some(routing_id) => {
                self.prefetched = Some((None, body));
                Ok(routing_id)
            }
            None => Ok(body),
        }
    }

    fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        self.prefetch(pipes)
    }

    fn has_out(&mut self, _pipes: &mut Pipes) -> bool {
        // Whether there is room depends on the connection that will be named.
        true
    }

    fn set_option(&mut self, _pipes: &mut Pipes, option: i32, value: &[u8]) -> Result<()> {
        match option {
            numbers::CONNECT_ROUTING_ID if !value.is_empty() => {
                self.connect_routing_id = Some(Arc::new(options::copy(value)?));
                Ok(())
            }
            _ => Err(Error::INVAL),
        }
    }

    fn exchange_name(&mut self, name: Option<Arc<Vec<u8>>>) -> Option<Arc<Vec<u8>>> {
        std::mem::replace(&mut self.connect_routing_id, name)
    }

    fn routing_id(&self) -> Option<&[u8]> {
        self.newest.as_ref().map(Message::data)
    }
}
