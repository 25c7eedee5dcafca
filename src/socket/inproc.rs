//! Connecting sockets of one process directly: zmq_inproc(7).
//!
//! The two sockets share a pipe and nothing else; there is no session. What a handshake would tell,
//! the routing id, is written into the pipe where the other side wants it.

use std::sync::Arc;

use super::Core;
use super::mailbox::Command;
use crate::context::inproc::{Bound, LateOwner, Waiting};
use crate::error::Result;
use crate::message::Metadata;
use crate::patterns::Attach;
use crate::pipe::{EndConfig, Pipe, PipeConfig, PipeId, Style, pair};

impl Core {
    pub(super) fn bind_inproc(&mut self, endpoint: &str, name: &str) -> Result<()> {
        let waiting = self.context.inproc.bind(name, self.bound())?;
        self.options.connected = true;
        self.endpoints.add_inproc_bound(endpoint);
        for mut connection in waiting {
            connection.owner.set(self.mailbox.clone());
            if connection.wants_routing_id {
                introduce(&mut connection.pipe, &self.options.routing_id);
            }
            self.attach(connection.pipe, Attach::default());
        }
        Ok(())
    }

    fn bound(&self) -> Bound {
        Bound {
            socket: self.id,
            mailbox: self.mailbox.clone(),
            sndhwm: self.options.sndhwm,
            rcvhwm: self.options.rcvhwm,
            routing_id: self.options.routing_id.clone(),
            wants_routing_id: self.options.recv_routing_id,
        }
    }

    pub(super) fn connect_inproc(&mut self, endpoint: &str, name: &str) -> Result<PipeId> {
        let mut ours = None;
        let found = self.context.inproc.connect(name, || {
            let owner = Arc::new(LateOwner::default());
            let config = EndConfig { owner: owner.clone(), marks: None };
            let (mut near, far) = self.make_pipe(config);
            // Whether the binder will want it is not known yet.
            introduce(&mut near, &self.options.routing_id);
            ours = Some(near);
            let wants_routing_id = self.options.recv_routing_id;
            Waiting { socket: self.id, pipe: far, owner, wants_routing_id }
        });
        if let Some(peer) = found {
            let marks = Some((peer.sndhwm, peer.rcvhwm));
            let config = EndConfig { owner: peer.mailbox.clone(), marks };
            let (mut near, mut far) = self.make_pipe(config);
            if peer.wants_routing_id {
                introduce(&mut near, &self.options.routing_id);
            }
            if self.options.recv_routing_id {
                introduce(&mut far, &peer.routing_id);
            }
            peer.mailbox.send(Command::Attach(far, Attach::default()));
            ours = Some(near);
        }
        self.options.connected = true;
        let how = Attach { locally_initiated: true, ..Attach::default() };
        let pipe = ours.ok_or(crate::error::Error::CONNREFUSED)?;
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

/// Tells the other side this side's routing id.
fn introduce(pipe: &mut Pipe, routing_id: &[u8]) {
    let mut metadata = Metadata::new();
    metadata.set_routing_id(routing_id);
    pipe.write_metadata(Arc::new(metadata));
}
