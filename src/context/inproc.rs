//! The directory of inproc endpoints: libzmq's zmq_inproc(7).
//!
//! Names belong to one context. A socket may connect before anybody has bound the name; then the
//! binder's end of its pipe waits here. Called by `socket::inproc`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::pipe::{Notify, Pipe, PipeEvent};
use crate::runtime::Owner;
use crate::sys::lock::Mutex;

/// A bound name and what one must know of its socket to connect to it.
#[derive(Clone)]
pub(crate) struct Bound {
    pub(crate) socket: u64,
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
    pub(crate) socket: u64,
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
    fn notify(&self, key: u64, event: PipeEvent) {
        if let Some(owner) = self.0.get() {
            owner.notify(key, event);
        }
    }
}

/// The connections that wait for one name, in the order they came.
pub(crate) type Queue = BTreeMap<u64, Box<Waiting>>;

/// What a socket has here: a name, and its place in the queue for it; 0 is who has bound it.
type Claim = (u64, Arc<str>, u64);

#[derive(Default)]
struct Names {
    bound: HashMap<Arc<str>, Bound>,
    waiting: HashMap<Arc<str>, Queue>,
    /// Spares a socket that is closed a look at what the others have.
    claims: BTreeSet<Claim>,
    last_place: u64,
}

impl Names {
    /// Forgets the connections of a socket that wait for this name, or all that it has. Gives those that
    /// carry no messages; the others go on waiting: whoever binds the name later reads them.
    fn forget(&mut self, socket: u64, name: Option<&str>) -> Vec<Waiting> {
        let from = name.map_or((socket, Arc::default(), 0), |name| (socket, name.into(), 1));
        let wanted =
            |claim: &&Claim| claim.0 == socket && name.is_none_or(|name| *claim.1 == *name);
        let claims: Vec<_> = self.claims.range(from..).take_while(wanted).cloned().collect();
        let mut gone = Vec::new();
        for claim in claims {
            self.claims.remove(&claim);
            match claim {
                (_, name, 0) => drop(self.bound.remove(&name)),
                (_, name, place) => gone.extend(self.withdraw(&name, place)),
            }
        }
        gone
    }

    /// Takes a connection without messages out of its queue.
    fn withdraw(&mut self, name: &Arc<str>, place: u64) -> Option<Waiting> {
        let queue = self.waiting.get_mut(name)?;
        if queue.get_mut(&place)?.pipe.check_read() {
            return None;
        }
        let waiting = queue.remove(&place);
        if queue.is_empty() {
            self.waiting.remove(name);
        }
        waiting.map(|waiting| *waiting)
    }
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
        prepare: impl FnOnce(&mut Queue) -> Result<()>,
    ) -> Result<Queue> {
        let mut names = self.names.lock();
        if names.bound.contains_key(name) {
            return Err(Error::ADDRINUSE);
        }
        if let Some(waiting) = names.waiting.get_mut(name) {
            prepare(waiting)?;
        }
        let name: Arc<str> = name.into();
        let waiting = names.waiting.remove(&name).unwrap_or_default();
        for (place, connection) in &waiting {
            names.claims.remove(&(connection.socket, name.clone(), *place));
        }
        names.claims.insert((bound.socket, name.clone(), 0));
        names.bound.insert(name, bound);
        Ok(waiting)
    }

    /// Who has bound the name; if nobody, leaves the connection that `wait` makes.
    pub(crate) fn connect<T>(
        &self,
        name: &str,
        wait: impl FnOnce() -> Result<(Waiting, T)>,
    ) -> Result<Connected<T>> {
        let names = &mut *self.names.lock();
        if let Some(bound) = names.bound.get(name) {
            return Ok(Connected::Bound(bound.clone()));
        }
        let (waiting, kept) = wait()?;
        let name: Arc<str> = name.into();
        names.last_place += 1;
        names.claims.insert((waiting.socket, name.clone(), names.last_place));
        names.waiting.entry(name).or_default().insert(names.last_place, Box::new(waiting));
        Ok(Connected::Waits(kept))
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        let names = self.names.lock();
        names.bound.is_empty() && names.waiting.is_empty() && names.claims.is_empty()
    }

    /// Who has bound the name.
    pub(crate) fn find(&self, name: &str) -> Option<Bound> {
        self.names.lock().bound.get(name).cloned()
    }

    /// Frees a name that this socket has bound. `NOENT` if it has not.
    pub(crate) fn unbind(&self, name: &str, socket: u64) -> Result<()> {
        let mut names = self.names.lock();
        if names.claims.remove(&(socket, name.into(), 0)) {
            names.bound.remove(name);
            Ok(())
        } else {
            Err(Error::NOENT)
        }
    }

    /// This socket has ended its connections to the name. Those that wait for it are gone, unless they
    /// carry messages.
    pub(crate) fn disconnect(&self, name: &str, socket: u64) {
        let mut names = self.names.lock();
        let gone = names.forget(socket, Some(name));
        drop(names);
        // Pipes notify their peers when they are dropped; not under the lock.
        drop(gone);
    }

    /// The same for all that a closed socket has here, and the names that it has bound are free.
    pub(crate) fn leave(&self, socket: u64) {
        let mut names = self.names.lock();
        let gone = names.forget(socket, None);
        drop(names);
        drop(gone);
    }

    /// The context has ended: nobody will bind what is still waited for.
    pub(crate) fn clear(&self) {
        let gone = std::mem::take(&mut *self.names.lock());
        drop(gone);
    }
}
