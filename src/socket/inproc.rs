//! Connecting sockets of one process directly: libzmq's zmq_inproc(7).
//!
//! The two sockets share a pipe and nothing else; there is no session. What a handshake would tell,
//! the routing id, is written into the pipe where the other side wants it. Called by `endpoints`.

use std::sync::Arc;

use super::Core;
use crate::context::inproc::{Bound, Connected, LateOwner, Waiting};
use crate::error::{Error, Result};
use crate::message::{Message, Metadata};
use crate::options;
use crate::patterns::Attach;
use crate::pipe::{EndConfig, Greeting, Pipe, PipeConfig, PipeId, Style, pair};
use crate::runtime::Owner;

impl Core {
    /// Binds a name, and takes in the connections that waited for it. `owner` is told of those that come.
    pub(super) fn bind_inproc(
        &mut self,
        endpoint: &str,
        name: &str,
        owner: Arc<dyn Owner>,
    ) -> Result<()> {
        let bound = self.bound(owner)?;
        let mut greetings = Vec::new();
        let waiting = self.context.inproc.bind(name, bound.clone(), |waiting| {
            let prepared = waiting.values_mut().try_for_each(|connection| {
                let mut greeting = bound.greeting(connection.wants_routing_id)?;
                connection.pipe.prepare_greeting(&mut greeting)?;
                greetings.push(greeting);
                Ok(())
            });
            if prepared.is_err() {
                for connection in waiting.values_mut() {
                    connection.pipe.withdraw_greeting();
                }
            }
            prepared
        })?;
        self.options.connected = true;
        self.endpoints.add_inproc_bound(endpoint);
        for (mut connection, greeting) in waiting.into_values().zip(greetings) {
            connection.owner.set(self.mailbox.clone());
            connection.pipe.give_greeting(greeting);
            bound.ask_for_farewell(&mut connection.pipe);
            self.attach(connection.pipe, Attach::default());
        }
        Ok(())
    }

    fn bound(&self, owner: Arc<dyn Owner>) -> Result<Bound> {
        let farewell = &self.options.disconnect_msg;
        let says_farewell = self.options.can_recv_disconnect_msg && !farewell.is_empty();
        Ok(Bound {
            socket: self.id,
            owner,
            sndhwm: self.options.sndhwm,
            rcvhwm: self.options.rcvhwm,
            routing_id: self.options.routing_id.clone(),
            wants_routing_id: self.options.recv_routing_id,
            hello: self.hello().map(options::copy).transpose()?.map(Arc::new),
            farewell: says_farewell.then(|| options::copy(farewell)).transpose()?.map(Arc::new),
        })
    }

    fn hello(&self) -> Option<&[u8]> {
        let options = &self.options;
        (options.can_send_hello_msg && !options.hello_msg.is_empty())
            .then_some(options.hello_msg.as_slice())
    }

    /// Connects to a name, bound or not, and gives the pipe.
    pub(super) fn connect_inproc(&mut self, endpoint: &str, name: &str) -> Result<Option<PipeId>> {
        let connected = self.context.inproc.connect(name, || {
            let owner = Arc::new(LateOwner::default());
            let config = EndConfig { owner: owner.clone(), marks: None };
            let (mut near, far) = self.make_pipe(config);
            // Whether the binder will want it is not known yet.
            introduce(&mut near, &self.options.routing_id)?;
            say_hello(&mut near, self.hello())?;
            let wants_routing_id = self.options.recv_routing_id;
            Ok((Waiting { socket: self.id, pipe: far, owner, wants_routing_id }, near))
        })?;
        let pipe = match connected {
            Connected::Waits(near) => near,
            Connected::Bound(peer) => self.reach(&peer)?,
        };
        self.options.connected = true;
        let how = Attach { name: self.pattern.exchange_name(None), ..Attach::default() };
        let id = self.attach(pipe, how);
        match id {
            Some(id) => self.endpoints.add_inproc_pipe(endpoint, id),
            // The other side is closing, or this one wants no more peers.
            None => endpoint.clone_into(&mut self.endpoints.last),
        }
        Ok(id)
    }

    /// Makes a connection to who has bound the name, and gives this socket's end.
    fn reach(&self, peer: &Bound) -> Result<Pipe> {
        let marks = Some((peer.sndhwm, peer.rcvhwm));
        let config = EndConfig { owner: peer.owner.clone(), marks };
        let (mut near, mut far) = self.make_pipe(config);
        if peer.wants_routing_id {
            introduce(&mut near, &self.options.routing_id)?;
        }
        if self.options.recv_routing_id {
            introduce(&mut far, &peer.routing_id)?;
        }
        say_hello(&mut near, self.hello())?;
        peer.greet(&mut far)?;
        peer.owner.attach(far, Attach::default());
        Ok(near)
    }

    /// This socket's end, and the one for the peer.
    fn make_pipe(&self, peer: EndConfig) -> (Pipe, Pipe) {
        let config = PipeConfig {
            styles: (Style::Memory, Style::Memory),
            conflate: (self.options.conflates_out(), self.options.conflates_in()),
        };
        let marks = Some((self.options.sndhwm, self.options.rcvhwm));
        let own = EndConfig { owner: self.mailbox.clone(), marks };
        pair(config, own, peer)
    }
}

impl Bound {
    /// Says and arranges what belongs at the two ends of a connection. `pipe` is the binder's.
    fn greet(&self, pipe: &mut Pipe) -> Result<()> {
        say_hello(pipe, self.hello.as_ref().map(|hello| hello.as_slice()))?;
        self.ask_for_farewell(pipe);
        Ok(())
    }

    fn ask_for_farewell(&self, pipe: &mut Pipe) {
        if let Some(farewell) = &self.farewell {
            pipe.set_peer_farewell(farewell.clone());
        }
    }

    /// What the binder says first to somebody who has waited.
    fn greeting(&self, introduced: bool) -> Result<Greeting> {
        let metadata = introduced.then(|| metadata_of(&self.routing_id));
        let hello = self.hello.as_ref().map(|hello| Message::from_slice(hello)).transpose()?;
        Ok(Greeting { metadata, hello })
    }
}

fn say_hello(pipe: &mut Pipe, hello: Option<&[u8]>) -> Result<()> {
    let Some(hello) = hello else { return Ok(()) };
    if !pipe.write(&mut Message::from_slice(hello)?) && pipe.take_ran_short() {
        return Err(Error::NOMEM);
    }
    Ok(())
}

/// Tells the other side this side's routing id.
fn introduce(pipe: &mut Pipe, routing_id: &[u8]) -> Result<()> {
    pipe.write_metadata(metadata_of(routing_id))
}

fn metadata_of(routing_id: &[u8]) -> Arc<Metadata> {
    let mut metadata = Metadata::new();
    metadata.set_routing_id(routing_id);
    Arc::new(metadata)
}
