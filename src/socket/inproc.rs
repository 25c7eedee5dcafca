//! Connecting sockets of one process directly: zmq_inproc(7).
//!
//! The two sockets share a pipe and nothing else; there is no session. What a handshake would tell,
//! the routing id, is written into the pipe where the other side wants it.

use std::sync::Arc;

use super::Core;
use crate::context::inproc::{Bound, LateOwner, Waiting};
use crate::error::{Error, Result};
use crate::message::{Message, Metadata};
use crate::patterns::Attach;
use crate::pipe::{EndConfig, Pipe, PipeConfig, PipeId, Style, pair};

impl Core {
    pub(super) fn bind_inproc(&mut self, endpoint: &str, name: &str) -> Result<()> {
        let waiting = self.context.inproc.bind(name, self.bound())?;
        self.options.connected = true;
        self.endpoints.add_inproc_bound(endpoint);
        for mut connection in waiting {
            connection.owner.set(self.mailbox.clone());
            let pipe = &mut connection.pipe;
            let introduced = match connection.wants_routing_id {
                true => introduce(pipe, &self.options.routing_id),
                false => Ok(()),
            };
            // Without memory for what comes first there is no connection.
            if introduced.and_then(|()| self.bound().greet(pipe)).is_ok() {
                self.attach(connection.pipe, Attach::default());
            }
        }
        Ok(())
    }

    fn bound(&self) -> Bound {
        Bound {
            socket: self.id,
            owner: self.mailbox.clone(),
            sndhwm: self.options.sndhwm,
            rcvhwm: self.options.rcvhwm,
            routing_id: self.options.routing_id.clone(),
            wants_routing_id: self.options.recv_routing_id,
            hello: self.hello().map(<[u8]>::to_vec),
            farewell: (self.options.can_recv_disconnect_msg
                && !self.options.disconnect_msg.is_empty())
            .then(|| self.options.disconnect_msg.clone()),
        }
    }

    fn hello(&self) -> Option<&[u8]> {
        let options = &self.options;
        (options.can_send_hello_msg && !options.hello_msg.is_empty())
            .then_some(options.hello_msg.as_slice())
    }

    pub(super) fn connect_inproc(&mut self, endpoint: &str, name: &str) -> Result<PipeId> {
        let mut ours = None;
        let found = self.context.inproc.connect(name, || {
            let owner = Arc::new(LateOwner::default());
            let config = EndConfig { owner: owner.clone(), marks: None };
            let (mut near, far) = self.make_pipe(config);
            // Whether the binder will want it is not known yet.
            introduce(&mut near, &self.options.routing_id)?;
            say_hello(&mut near, self.hello())?;
            ours = Some(near);
            let wants_routing_id = self.options.recv_routing_id;
            Ok(Waiting { socket: self.id, pipe: far, owner, wants_routing_id })
        })?;
        if let Some(peer) = found {
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
            ours = Some(near);
        }
        self.options.connected = true;
        let how = Attach { locally_initiated: true, ..Attach::default() };
        let pipe = ours.ok_or(Error::CONNREFUSED)?;
        let id = self.attach(pipe, how);
        self.endpoints.add_inproc_pipe(endpoint, id);
        Ok(id)
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
        say_hello(pipe, self.hello.as_deref())?;
        if let Some(farewell) = &self.farewell {
            pipe.set_peer_farewell(farewell.clone());
        }
        Ok(())
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
    let mut metadata = Metadata::new();
    metadata.set_routing_id(routing_id);
    pipe.write_metadata(Arc::new(metadata))
}
