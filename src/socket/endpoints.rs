//! Binding and connecting: zmq_bind(3), zmq_connect(3), zmq_unbind(3), zmq_disconnect(3). Called by
//! `ffi::socket`; the runtime answers through `Owner`.

mod list;

use std::sync::Arc;

pub(super) use self::list::Endpoints;
use self::list::{Line, Target};
use super::mailbox::{Command, Mailbox};
use super::{Core, Socket};
use crate::context::{ContextThreads, Member};
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::monitor::{EndpointPair, Event};
use crate::patterns::{Attach, SocketType};
use crate::pipe::{Pipe, PipeId};
use crate::runtime::{self, Home, Owner, TaskHandle};
use crate::transport;
use crate::transport::{UdpSocket, multicast};

impl Socket {
    /// Accepts connections at the endpoint. The errno of zmq_bind(3).
    pub(crate) fn bind(&self, endpoint: &str) -> Result<()> {
        let mut core = self.enter_aside()?;
        core.bind(endpoint)?;
        core.tell_of_endpoint();
        Ok(())
    }

    /// Connects to the endpoint, now or when it can. The errno of zmq_connect(3).
    pub(crate) fn connect(&self, endpoint: &str) -> Result<()> {
        let mut core = self.enter_aside()?;
        core.connect(endpoint)?;
        core.tell_of_endpoint();
        Ok(())
    }

    /// Connects a PEER and gives the routing id of the other side. zmq_connect_peer(3).
    pub(crate) fn connect_peer(&self, endpoint: &str) -> Result<u32> {
        let mut core = self.enter_aside()?;
        if core.options.kind != SocketType::Peer {
            return Err(Error::NOTSUP);
        }
        if core.options.immediate {
            return Err(Error::FAULT);
        }
        // The routing id names a pipe, so there must be one before the connection.
        let id = core.connect(endpoint)?.ok_or(Error::INVAL)?;
        core.tell_of_endpoint();
        core.pattern.peer_number(id).ok_or(Error::INVAL)
    }

    /// Stops accepting at the endpoint and closes what it accepted.
    pub(crate) fn unbind(&self, endpoint: &str) -> Result<()> {
        self.enter_aside()?.end_endpoint(endpoint, true)
    }

    /// Closes the connections to the endpoint.
    pub(crate) fn disconnect(&self, endpoint: &str) -> Result<()> {
        self.enter_aside()?.end_endpoint(endpoint, false)
    }

    /// Closes the connection of one peer of a SERVER or PEER.
    pub(crate) fn disconnect_peer(&self, routing_id: u32) -> Result<()> {
        let core = &mut *self.enter_aside()?;
        if !matches!(core.options.kind, SocketType::Server | SocketType::Peer) {
            return Err(Error::NOTSUP);
        }
        let id = core.pattern.peer_pipe(routing_id).ok_or(Error::HOSTUNREACH)?;
        if let Some(pipe) = core.pipes.get_mut(id) {
            pipe.terminate();
        }
        if core.reap() {
            // Who sleeps until this peer takes more.
            core.mailbox.send(Command::Look);
        }
        Ok(())
    }
}

impl Core {
    fn home(&self) -> Home {
        Home {
            owner: self.mailbox.clone(),
            monitor: self.monitor.clone(),
            threads: Arc::new(ContextThreads(self.context.clone())),
            options: Arc::new(self.options.clone()),
        }
    }

    /// There is an endpoint more: who watches the descriptor, and who sleeps in a call on this socket, shall look.
    fn tell_of_endpoint(&self) {
        self.mailbox.stir();
        if self.waiters > 0 {
            self.mailbox.send(Command::Look);
        }
    }

    /// Binds. The errno of zmq_bind(3).
    pub(super) fn bind(&mut self, endpoint: &str) -> Result<()> {
        let Endpoint { scheme, address } = Endpoint::parse(endpoint)?;
        if scheme == "inproc" {
            return self.bind_inproc(endpoint, address, self.mailbox.clone());
        }
        if scheme == "udp" {
            let socket = UdpSocket::bind(address, &self.options)?;
            return self.exchange(endpoint, socket).map(drop);
        }
        if multicast::is_scheme(scheme) {
            return self.join_multicast(endpoint, scheme, address).map(drop);
        }
        let transport = transport::find(scheme).ok_or(Error::PROTONOSUPPORT)?;
        let listener = transport.listen(address, &self.options).inspect_err(|error| {
            let pair = EndpointPair::bound(endpoint, "");
            self.monitor.emit(Event::BindFailed, error.errno() as u64, &pair);
        })?;
        let name = listener.endpoint();
        let pair = EndpointPair::bound(&name, "");
        self.monitor.emit(Event::Listening, listener.descriptor() as u64, &pair);
        let handle = runtime::listen(self.home(), listener)?;
        self.options.connected = true;
        if transport.binds_names() {
            self.endpoints.add(endpoint, Target::Listener(handle, None));
        } else {
            let given = (endpoint != name && !is_wildcard(address)).then(|| endpoint.into());
            self.endpoints.add(&name, Target::Listener(handle, given));
        }
        self.endpoints.last = name;
        Ok(())
    }

    /// Connects; gives the pipe if there is one already.
    pub(super) fn connect(&mut self, endpoint: &str) -> Result<Option<PipeId>> {
        let Endpoint { scheme, address } = Endpoint::parse(endpoint)?;
        if scheme == "inproc" {
            return self.connect_inproc(endpoint, address);
        }
        if scheme == "udp" {
            let socket = UdpSocket::connect(address, &self.options)?;
            return self.exchange(endpoint, socket);
        }
        if multicast::is_scheme(scheme) {
            return self.join_multicast(endpoint, scheme, address);
        }
        let transport = transport::find(scheme).ok_or(Error::PROTONOSUPPORT)?;
        transport.check_connect(address, &self.options)?;
        // A second connection to the same peer makes no sense for these; libzmq ignores it.
        let single = [SocketType::Dealer, SocketType::Sub, SocketType::Pub, SocketType::Req];
        if single.contains(&self.options.kind) && self.endpoints.has_connected(endpoint) {
            return Ok(None);
        }
        let dialer = transport.dialer(address, &self.options)?;
        // The name is for this connection, whenever that has its pipe.
        let name = self.pattern.exchange_name(None);
        let connected = runtime::connect(self.home(), dialer, endpoint, name.clone());
        let (handle, pipe) = connected.inspect_err(|_| {
            self.pattern.exchange_name(name.clone());
        })?;
        self.options.connected = true;
        let id = pipe.and_then(|pipe| self.attach(pipe, Attach { name, ..Attach::default() }));
        self.endpoints.add(endpoint, Target::Session(handle, id.map(Line::Lasting)));
        self.endpoints.last = transport.connect_endpoint(endpoint, address);
        Ok(id)
    }

    /// Sends and receives datagrams; whether bound or connected, there is a pipe at once.
    fn exchange(&mut self, endpoint: &str, socket: UdpSocket) -> Result<Option<PipeId>> {
        let last = socket.last_endpoint().to_owned();
        let (handle, pipe) = runtime::exchange(self.home(), socket)?;
        let id = self.add_session(endpoint, handle, pipe);
        self.endpoints.last = last;
        Ok(id)
    }

    /// Sends to or receives from a group; binding and connecting are the same.
    fn join_multicast(
        &mut self,
        endpoint: &str,
        scheme: &str,
        address: &str,
    ) -> Result<Option<PipeId>> {
        let socket = multicast::open(scheme, address, &self.options)?;
        let (handle, pipe) = runtime::multicast(self.home(), socket)?;
        Ok(self.add_session(endpoint, handle, pipe))
    }

    /// Takes in the pipe of what has no connections. Nobody can subscribe or join through it.
    fn add_session(&mut self, endpoint: &str, handle: TaskHandle, pipe: Pipe) -> Option<PipeId> {
        self.options.connected = true;
        let how = Attach { subscribe_to_all: true, ..Attach::default() };
        let id = self.attach(pipe, how);
        self.endpoints.add(endpoint, Target::Session(handle, id.map(Line::Lasting)));
        id
    }

    /// Whether sockets of this type may have endpoints of this scheme: PROTONOSUPPORT or NOCOMPATPROTO.
    fn check_scheme(&self, scheme: &str) -> Result<()> {
        let serves = match scheme {
            "inproc" => true,
            "udp" => UdpSocket::serves(self.options.kind),
            _ if multicast::is_scheme(scheme) => multicast::serves(self.options.kind),
            _ => transport::find(scheme).map(|_| true).ok_or(Error::PROTONOSUPPORT)?,
        };
        if serves { Ok(()) } else { Err(Error::NOCOMPATPROTO) }
    }

    /// Does something with the pipe, if it is there.
    fn with_pipe(&mut self, id: PipeId, act: fn(&mut Pipe)) {
        if let Some(pipe) = self.pipes.get_mut(id) {
            act(pipe);
        }
    }

    /// Ends all endpoints of this name. `NOENT` if there is none.
    fn end_endpoint(&mut self, endpoint: &str, bound: bool) -> Result<()> {
        let Endpoint { scheme, address } = Endpoint::parse(endpoint)?;
        self.check_scheme(scheme)?;
        // libzmq makes no difference between the two calls.
        let targets = self.endpoints.take(endpoint, bound).or_else(|error| {
            let transport = transport::find(scheme).ok_or(error)?;
            let other = transport.other_spelling(address, &self.options).ok_or(error)?;
            self.endpoints.take(&other, bound)
        })?;
        let linger = self.options.linger();
        for target in targets {
            match target {
                Target::Listener(handle, _) => {
                    let leftovers = handle.close_and_wait(linger);
                    self.endpoints.keep(leftovers);
                }
                Target::Session(handle, line) => {
                    // What was sent goes out. What was received and not read is gone, or is read before the pipe
                    // ends: as in libzmq.
                    match line {
                        Some(Line::Lasting(id)) => self.with_pipe(id, Pipe::terminate),
                        Some(Line::Passing(id)) => self.with_pipe(id, Pipe::finish),
                        None => {}
                    }
                    handle.close(linger);
                }
                Target::InprocBound => self.context.inproc.unbind(address, self.id)?,
                Target::InprocPipe(id) => {
                    // What a peer that has gone left behind is read before the pipe ends, as in libzmq.
                    self.with_pipe(id, |pipe| match pipe.peer_finished() {
                        true => pipe.finish(),
                        false => pipe.terminate(),
                    });
                    self.context.inproc.disconnect(address, self.id);
                }
                Target::Ended => {}
            }
        }
        if self.reap() {
            // An XPUB may have notices now, and a ROUTER a peer that waited for the name of another.
            self.mailbox.send(Command::Look);
        }
        Ok(())
    }
}

impl Owner for Mailbox {
    fn attach(&self, pipe: Pipe, how: Attach) {
        self.send(Command::Attach(pipe, how));
    }

    fn gone(&self, session: u64) {
        self.send(Command::Gone(session));
    }

    fn renounced(&self, session: u64) {
        self.send(Command::Renounced(session));
    }
}

impl Member for Mailbox {
    fn stop(&self) {
        self.send(Command::Stop);
    }
}

/// Whether the system chooses what to bind to: then only ZMQ_LAST_ENDPOINT names it.
fn is_wildcard(address: &str) -> bool {
    address.contains('*') || address.ends_with(":0")
}

#[cfg(test)]
#[path = "endpoints_test.rs"]
pub(super) mod endpoints_test;
#[cfg(test)]
#[path = "immediate_test.rs"]
mod immediate_test;

#[cfg(test)]
#[path = "replaced_test.rs"]
mod replaced_test;
