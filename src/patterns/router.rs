//! ROUTER: addresses each message to a peer by its routing id (28/REQREP, zmq_socket(3)).
//!
//! Received messages begin with a frame that names the peer, sent ones begin with a frame that
//! chooses it. A peer is named by the id it announced in its handshake, by the one the application
//! chose for it, or by one made here. REP is made of one.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::message::Message;
use crate::options::{self, SocketOptions, numbers};
use crate::patterns::dealer::probe;
use crate::patterns::{Attach, POLLOUT, Pattern, value};
use crate::pipe::{Pipe, PipeId, Pipes};
use crate::routing::{Claims, FairQueue, RoutingTable};

/// What came of giving a pipe its name.
enum Identified {
    Yes,
    /// The handshake is not done.
    NotYet,
    /// Another peer has the name; the pipe waits for it.
    Taken,
}

/// A ROUTER socket.
#[derive(Default)]
pub(crate) struct Router {
    queue: FairQueue,
    table: RoutingTable,
    /// Pipes without a name because their handshake is not done.
    anonymous: Vec<PipeId>,
    /// Pipes without a name because another peer has it. They wait for it: a peer that comes back
    /// may be here before its end is noticed.
    refused: Claims,
    /// The routing id of a message that `has_in` found.
    prefetched_id: Option<Message>,
    /// The first frame of a message whose routing id goes before it.
    prefetched: Option<Message>,
    /// The peer of the last message, who is likely to be answered.
    last_in: Option<PipeId>,
    /// More frames of the message being received follow.
    more_in: bool,
    /// The peer of the message being sent; `None` drops it.
    current_out: Option<PipeId>,
    /// The routing id of the message being sent was given, or more than that.
    more_out: bool,
    /// The name for the next peer we connect to (ZMQ_CONNECT_ROUTING_ID).
    connect_routing_id: Option<Arc<Vec<u8>>>,
    mandatory: bool,
    handover: bool,
    probe: bool,
    /// Connections carry no ZMTP: peers announce no names, messages have one frame.
    raw: bool,
    /// An empty message closes the connection (ZMQ_ROUTER_RAW).
    raw_closes: bool,
}

impl Router {
    /// Gives a new pipe its name. Fails only for want of memory.
    fn identify(
        &mut self,
        pipes: &mut Pipes,
        id: PipeId,
        name: Option<&[u8]>,
    ) -> Result<Identified> {
        if let Some(name) = name {
            return match self.table.find(name) {
                None => self.table.insert(name, id).map(|()| Identified::Yes),
                // It may be the last connection to the same peer, and not all of it is read.
                Some(other) if pipes.get_mut(other).is_some_and(|pipe| pipe.is_ending()) => {
                    self.refused.add(name, id);
                    Ok(Identified::Taken)
                }
                // libzmq aborts here; the peer gets a name made here instead.
                Some(_) => self.table.insert_integral(id).map(|()| Identified::Yes),
            };
        }
        if self.raw {
            self.table.insert_integral(id)?;
            return Ok(Identified::Yes);
        }
        let Some(pipe) = pipes.get_mut(id) else { return Ok(Identified::NotYet) };
        // In this order: what comes after `check_read` said no is announced by `readable`.
        let has_message = pipe.check_read();
        let routing_id = match pipe.metadata() {
            Some(metadata) => metadata.routing_id().to_vec(),
            None if has_message => Vec::new(),
            None => return Ok(Identified::NotYet),
        };
        if routing_id.is_empty() {
            self.table.insert_integral(id)?;
            return Ok(Identified::Yes);
        }
        if let Some(other) = self.table.find(&routing_id) {
            if !self.handover {
                self.refused.add(&routing_id, id);
                return Ok(Identified::Taken);
            }
            // What it has sent until now is heard under its new name.
            self.table.insert_integral(other)?;
            if let Some(pipe) = pipes.get_mut(other) {
                pipe.forsake();
            }
        }
        self.table.insert(&routing_id, id)?;
        Ok(Identified::Yes)
    }

    /// Takes a new pipe in, or sets it aside until it can have a name.
    fn admit(&mut self, pipes: &mut Pipes, id: PipeId, name: Option<&[u8]>) {
        match self.identify(pipes, id, name) {
            Ok(Identified::Yes) => self.queue.attach(id),
            Ok(Identified::NotYet) => self.anonymous.push(id),
            Ok(Identified::Taken) => limit(&mut self.refused, pipes, id),
            Err(_) => {
                if let Some(pipe) = pipes.get_mut(id) {
                    pipe.terminate();
                }
            }
        }
    }

    /// The first frame of a message chooses the peer of the others.
    fn choose_peer(
        &mut self,
        pipes: &mut Pipes,
        message: &mut Message,
        mandatory: bool,
    ) -> Result<()> {
        // A routing id without a message is ignored.
        if message.more() {
            let routing_id = message.data();
            let peer = match self.last_in {
                Some(last) if self.table.is_of(routing_id, last) => Some(last),
                _ => self.table.find(routing_id),
            };
            let refused = match peer.and_then(|id| pipes.get_mut(id)) {
                Some(pipe) => match pipe.check_write() {
                    true => None,
                    false if pipe.is_finished() || pipe.peer_closed() => Some(Error::HOSTUNREACH),
                    false => Some(Error::AGAIN),
                },
                None => Some(Error::HOSTUNREACH),
            };
            match refused {
                None => self.current_out = peer,
                Some(error) if mandatory => return Err(error),
                Some(_) => self.current_out = None,
            }
            self.more_out = true;
        }
        message.take();
        Ok(())
    }

    fn write(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        if self.raw {
            message.set_more(false);
        }
        let more = message.more();
        if let Some(pipe) = self.current_out.and_then(|id| pipes.get_mut(id)) {
            if self.raw_closes && message.is_empty() {
                pipe.terminate();
                self.current_out = None;
            } else if !pipe.write(message) {
                if pipe.take_ran_short() {
                    // The frames before stay, and wait for this one.
                    return Err(Error::NOMEM);
                }
                // Room was found before the first frame, so the peer is gone.
                pipe.rollback();
                self.current_out = None;
            }
        }
        self.more_out = more;
        if !more {
            self.current_out = None;
        }
        message.take();
        Ok(())
    }

    /// Sends a frame of a reply's envelope: it is dropped if it cannot be delivered.
    pub(super) fn send_envelope(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        if self.more_out {
            self.write(pipes, message)
        } else {
            self.choose_peer(pipes, message, false)
        }
    }

    /// Takes back the frames of the message that is being sent.
    pub(super) fn rollback(&mut self, pipes: &mut Pipes) {
        if let Some(pipe) = self.current_out.take().and_then(|id| pipes.get_mut(id)) {
            pipe.rollback();
        }
        self.more_out = false;
    }

    /// The routing id and the first frame of the next message.
    fn fetch(&mut self, pipes: &mut Pipes) -> Option<(Message, Message)> {
        loop {
            let (id, message) = self.queue.recv(pipes)?;
            if let Some(mut routing_id) = self.table.frame(id) {
                routing_id.set_metadata(message.metadata().cloned());
                self.last_in = Some(id);
                return Some((routing_id, message));
            }
        }
    }
}

impl Pattern for Router {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, how: Attach) {
        if self.probe {
            probe(pipes, id);
        }
        self.admit(pipes, id, how.name.as_ref().map(|name| name.as_slice()));
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        if remove(&mut self.anonymous, id) {
            self.admit(pipes, id, None);
        } else if self.refused.has(id) {
            limit(&mut self.refused, pipes, id);
        } else {
            self.queue.activated(id);
        }
    }

    fn pipe_terminated(&mut self, pipes: &mut Pipes, id: PipeId) {
        if remove(&mut self.anonymous, id) || self.refused.remove(id) {
            return;
        }
        let name = self.table.frame(id);
        self.table.remove(id);
        self.queue.pipe_terminated(id);
        // Nothing of what `has_in` has found was received yet.
        if self.prefetched_id.is_some() && self.queue.forget_severed(id) {
            self.prefetched_id = None;
            self.prefetched = None;
        }
        if self.current_out == Some(id) {
            self.current_out = None;
        }
        // Who waits for the name may have it.
        if let Some(name) = name {
            while self.table.find(name.data()).is_none()
                && let Some(next) = self.refused.next(name.data())
            {
                self.admit(pipes, next, Some(name.data()));
            }
        }
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        if self.more_out {
            self.write(pipes, message)
        } else {
            self.choose_peer(pipes, message, self.mandatory)
        }
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        if let Some(routing_id) = self.prefetched_id.take() {
            self.more_in = true;
            return Ok(routing_id);
        }
        let message = match self.prefetched.take() {
            Some(message) => message,
            None if self.more_in => self.queue.recv(pipes).ok_or(Error::AGAIN)?.1,
            None => {
                let (routing_id, message) = self.fetch(pipes).ok_or(Error::AGAIN)?;
                self.prefetched = Some(message);
                self.more_in = true;
                return Ok(routing_id);
            }
        };
        self.more_in = message.more();
        Ok(message)
    }

    fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        if self.more_in || self.prefetched.is_some() {
            return true;
        }
        let Some((routing_id, message)) = self.fetch(pipes) else { return false };
        self.prefetched_id = Some(routing_id);
        self.prefetched = Some(message);
        true
    }

    fn has_out(&mut self, pipes: &mut Pipes) -> bool {
        // Without MANDATORY there is always room, if only for dropping.
        !self.mandatory
            || self.table.pipes().any(|id| pipes.get_mut(id).is_some_and(Pipe::check_write))
    }

    fn set_option(&mut self, _pipes: &mut Pipes, option: i32, value: &[u8]) -> Result<()> {
        match option {
            numbers::ROUTER_RAW => {
                self.raw_closes = value::flag(value)?;
                self.raw |= self.raw_closes;
            }
            numbers::ROUTER_MANDATORY => self.mandatory = value::flag(value)?,
            numbers::ROUTER_HANDOVER => self.handover = value::flag(value)?,
            numbers::PROBE_ROUTER => self.probe = value::flag(value)?,
            numbers::CONNECT_ROUTING_ID if !value.is_empty() => {
                self.connect_routing_id = Some(Arc::new(options::copy(value)?));
            }
            _ => return Err(Error::INVAL),
        }
        Ok(())
    }

    fn exchange_name(&mut self, name: Option<Arc<Vec<u8>>>) -> Option<Arc<Vec<u8>>> {
        std::mem::replace(&mut self.connect_routing_id, name)
    }

    fn options_changed(&mut self, options: &SocketOptions) {
        self.raw = options.raw_socket;
    }

    fn peer_state(&mut self, pipes: &mut Pipes, routing_id: &[u8]) -> Result<i32> {
        let id = self.table.find(routing_id).ok_or(Error::HOSTUNREACH)?;
        let room = pipes.get_mut(id).is_some_and(Pipe::check_write);
        Ok(if room { POLLOUT } else { 0 })
    }
}

/// Ends one of those who wait for a name if too many of them have gone, now that this one may have.
pub(super) fn limit(refused: &mut Claims, pipes: &mut Pipes, id: PipeId) {
    if pipes.get_mut(id).is_some_and(|pipe| pipe.peer_finished())
        && let Some(pipe) = refused.peer_left(id).and_then(|oldest| pipes.get_mut(oldest))
    {
        pipe.terminate();
    }
}

/// Removes a pipe from a short list; says whether it was there.
fn remove(list: &mut Vec<PipeId>, id: PipeId) -> bool {
    let place = list.iter().position(|&other| other == id);
    place.map(|place| list.remove(place)).is_some()
}
