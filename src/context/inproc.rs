//! The directory of inproc endpoints: libzmq's zmq_inproc(7).
//!
//! Names belong to one context. A socket may connect before anybody has bound the name; then the
//! binder's end of its pipe waits here. Called by `socket::inproc`.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::pipe::{Notify, Pipe, PipeEvent};
use crate::runtime::Owner;
use crate::sys::lock::Mutex;

/// A bound name and what one must know of its socket to connect to it.
#[derive(Clone)]
pub(crate) struct Bound {
    pub(crate) socket: u32,
    pub(crate) owner: Arc<dyn Owner>,
    pub(crate) sndhwm: i32,
    pub(crate) rcvhwm: i32,
    pub(crate) routing_id: Vec<u8>,
    /// The socket wants to know the routing ids of its peers.
    pub(crate) wants_routing_id: bool,
    /// What it says first (ZMQ_HELLO_MSG), and what it wants to hear last (ZMQ_DISCONNECT_MSG).
    pub(crate) hello: Option<Arc<Vec<u8>>>,
    pub(crate) farewell: Option<Arc<Vec<u8>>>,
}

/// A connection that waits for its name to be bound.
pub(crate) struct Waiting {
    /// The socket that connected.
    pub(crate) socket: u32,
    /// The binder's end.
    pub(crate) pipe: Pipe,
    /// Where the events of that end go once somebody owns it.
    pub(crate) owner: Arc<LateOwner>,
    /// The socket that connected wants to know the routing id of the binder.
    pub(crate) wants_routing_id: bool,
}

/// What became of a connection to a name.
pub(crate) enum Connected<T> {
    /// Somebody has bound it.
    Bound(Bound),
    /// Nobody has, and a pipe waits; this came with it.
    Waits(T),
}

/// An owner that is found later. Events before are not needed: the owner looks when it comes.
#[derive(Default)]
pub(crate) struct LateOwner(OnceLock<Arc<dyn Notify>>);

impl LateOwner {
    /// From now on events go there; only the first call counts.
    pub(crate) fn set(&self, owner: Arc<dyn Notify>) {
        let _ = self.0.set(owner);
    }
}

impl Notify for LateOwner {
    fn notify(&self, key: u32, event: PipeEvent) {
        if let Some(owner) = self.0.get() {
            owner.notify(key, event);
        }
    }
}

#[derive(Default)]
struct Names {
    bound: HashMap<String, Bound>,
    waiting: HashMap<String, Vec<Waiting>>,
}

/// The names of one context.
#[derive(Default)]
pub(crate) struct Directory {
    names: Mutex<Names>,
}

impl Directory {
    /// Binds a name if the connections that waited for it can be prepared, and gives them. `ADDRINUSE` if it is
    /// bound; for this error and those of `prepare` they go on waiting.
    pub(crate) fn bind(
        &self,
        name: &str,
        bound: Bound,
        prepare: impl FnOnce(&mut [Waiting]) -> Result<()>,
    ) -> Result<Vec<Waiting>> {
        let mut names = self.names.lock();
        if names.bound.contains_key(name) {
            return Err(Error::ADDRINUSE);
        }
        if let Some(waiting) = names.waiting.get_mut(name) {
            prepare(waiting)?;
        }
        names.bound.insert(name.to_owned(), bound);
        Ok(names.waiting.remove(name).unwrap_or_default())
    }

    /// Who has bound the name; if nobody, leaves the connection that `wait` makes.
    pub(crate) fn connect<T>(
        &self,
        name: &str,
        wait: impl FnOnce() -> Result<(Waiting, T)>,
    ) -> Result<Connected<T>> {
        let mut names = self.names.lock();
        if let Some(bound) = names.bound.get(name) {
            return Ok(Connected::Bound(bound.clone()));
        }
        let (waiting, kept) = wait()?;
        names.waiting.entry(name.to_owned()).or_default().push(waiting);
        Ok(Connected::Waits(kept))
    }

    /// Who has bound the name.
    pub(crate) fn find(&self, name: &str) -> Option<Bound> {
        self.names.lock().bound.get(name).cloned()
    }

    /// Frees a name that this socket has bound. `NOENT` if it has not.
    pub(crate) fn unbind(&self, name: &str, socket: u32) -> Result<()> {
        let mut names = self.names.lock();
        match names.bound.get(name) {
            Some(bound) if bound.socket == socket => {
                names.bound.remove(name);
                Ok(())
            }
            _ => Err(Error::NOENT),
        }
    }

    /// Frees what a closed socket has here. Connections that carry messages go on waiting: whoever
    /// binds the name later reads them.
    pub(crate) fn forget(&self, socket: u32) {
        let mut gone = Vec::new();
        let mut names = self.names.lock();
        names.bound.retain(|_, bound| bound.socket != socket);
        for waiting in names.waiting.values_mut() {
            let empty = |entry: &mut Waiting| entry.socket == socket && !entry.pipe.check_read();
            gone.extend(waiting.extract_if(.., empty));
        }
        names.waiting.retain(|_, waiting| !waiting.is_empty());
        drop(names);
        // Pipes notify their peers when they are dropped; not under the lock.
        drop(gone);
    }
}
