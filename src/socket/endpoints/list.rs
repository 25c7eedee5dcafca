//! What a socket is bound and connected to, by name: what zmq_unbind(3) and zmq_disconnect(3) look up.
//!
//! Most sockets have one endpoint or two, and are looked through; from some more on there is an index,
//! so that thousands of them are let go in the time they were made. Called by `endpoints`.

use std::collections::HashMap;
use std::time::Duration;

use slab::Slab;

use crate::error::{Error, Result};
use crate::monitor::EndpointPair;
use crate::pipe::{Pipe, PipeId};
use crate::runtime::{Leftovers, TaskHandle};

/// More endpoints than these are worth an index.
const FEW: usize = 16;

/// How many connections are remembered that have ended by themselves.
const ENDED_MAX: usize = 1000;

/// What an endpoint of this socket is.
pub(in crate::socket) enum Target {
    /// With the endpoint as zmq_bind got it, if the listener calls it otherwise.
    Listener(TaskHandle, Option<Box<str>>),
    /// The session and, unless it waits for the connection, its pipe.
    Session(TaskHandle, Option<Line>),
    InprocBound,
    InprocPipe(PipeId),
    /// A connection that has ended by itself: the application may still disconnect it.
    Ended,
}

/// The pipe of a session.
#[derive(Clone, Copy)]
pub(in crate::socket) enum Line {
    /// The session's from the beginning, whatever becomes of its connections.
    Lasting(PipeId),
    /// Made with a connection, and only for that (ZMQ_IMMEDIATE).
    Passing(PipeId),
}

impl Line {
    fn pipe(self) -> PipeId {
        match self {
            Line::Lasting(pipe) | Line::Passing(pipe) => pipe,
        }
    }
}

impl Target {
    fn is_bound(&self) -> bool {
        matches!(self, Target::Listener(..) | Target::InprocBound)
    }

    fn pipe(&self) -> Option<PipeId> {
        match self {
            Target::Session(_, line) => line.map(Line::pipe),
            Target::InprocPipe(pipe) => Some(*pipe),
            _ => None,
        }
    }

    fn session(&self) -> Option<u64> {
        match self {
            Target::Session(handle, _) => Some(handle.key()),
            _ => None,
        }
    }
}

struct Entry {
    name: Box<str>,
    target: Target,
}

impl Entry {
    /// What it is called; two names at most.
    fn names(&self) -> impl Iterator<Item = &str> {
        let given = match &self.target {
            Target::Listener(_, given) => given.as_deref(),
            _ => None,
        };
        [Some(&*self.name), given].into_iter().flatten()
    }
}

/// The endpoints of one socket; one name may stand several times.
#[derive(Default)]
pub(in crate::socket) struct Endpoints {
    entries: Slab<Entry>,
    /// As long as there were never more than a few, there is none.
    index: Option<Box<Index>>,
    /// How many entries are `Target::Ended`.
    ended: usize,
    /// What was unbound and has not sent everything.
    leftovers: Vec<Leftovers>,
    /// ZMQ_LAST_ENDPOINT.
    pub(in crate::socket) last: String,
}

/// Where in `Endpoints::entries` something is.
#[derive(Default)]
struct Index {
    names: HashMap<Box<str>, Vec<usize>>,
    pipes: HashMap<PipeId, usize>,
    sessions: HashMap<u64, usize>,
}

impl Index {
    fn add(&mut self, at: usize, entry: &Entry) {
        for name in entry.names() {
            self.names.entry(name.into()).or_default().push(at);
        }
        self.pipes.extend(entry.target.pipe().map(|pipe| (pipe, at)));
        self.sessions.extend(entry.target.session().map(|session| (session, at)));
    }

    fn remove(&mut self, at: usize, entry: &Entry) {
        for name in entry.names() {
            if let Some(places) = self.names.get_mut(name) {
                places.retain(|place| *place != at);
                if places.is_empty() {
                    self.names.remove(name);
                }
            }
        }
        entry.target.pipe().map(|pipe| self.pipes.remove(&pipe));
        entry.target.session().map(|session| self.sessions.remove(&session));
    }
}

impl Endpoints {
    /// Notes a bound name.
    pub(in crate::socket) fn add_inproc_bound(&mut self, name: &str) {
        self.add(name, Target::InprocBound);
    }

    /// Notes a connection to a name.
    pub(in crate::socket) fn add_inproc_pipe(&mut self, name: &str, pipe: PipeId) {
        self.add(name, Target::InprocPipe(pipe));
    }

    pub(super) fn add(&mut self, name: &str, target: Target) {
        if !target.is_bound() {
            self.forget_ended(Some(name));
        }
        name.clone_into(&mut self.last);
        self.insert(Entry { name: name.into(), target });
    }

    fn insert(&mut self, entry: Entry) {
        if self.entries.is_empty() {
            // One is what most sockets have, and a vector would make room for four.
            self.entries.reserve_exact(1);
        }
        let vacant = self.entries.vacant_entry();
        let at = vacant.key();
        let entry = vacant.insert(entry);
        if let Some(index) = &mut self.index {
            index.add(at, entry);
        } else if self.entries.len() > FEW {
            let index = self.index.insert(Box::default());
            self.entries.iter().for_each(|(at, entry)| index.add(at, entry));
        }
    }

    fn remove(&mut self, at: usize) -> Option<Entry> {
        let entry = self.entries.try_remove(at)?;
        if let Some(index) = &mut self.index {
            index.remove(at, &entry);
        }
        self.ended -= usize::from(matches!(entry.target, Target::Ended));
        Some(entry)
    }

    fn position(&self, wanted: impl Fn(&Entry) -> bool) -> Option<usize> {
        self.entries.iter().find(|(_, entry)| wanted(entry)).map(|(at, _)| at)
    }

    /// The entry that this pipe belongs to.
    fn with_pipe(&self, id: PipeId) -> Option<usize> {
        match &self.index {
            Some(index) => index.pipes.get(&id).copied(),
            None => self.position(|entry| entry.target.pipe() == Some(id)),
        }
    }

    fn with_session(&self, key: u64) -> Option<usize> {
        match &self.index {
            Some(index) => index.sessions.get(&key).copied(),
            None => self.position(|entry| entry.target.session() == Some(key)),
        }
    }

    /// The entries of this name that `wanted` wants.
    fn with_name(&self, name: &str, wanted: impl Fn(&Target) -> bool) -> Vec<usize> {
        let Some(index) = &self.index else {
            let named = |entry: &Entry| entry.names().any(|known| known == name);
            let found =
                self.entries.iter().filter(|(_, entry)| named(entry) && wanted(&entry.target));
            return found.map(|(at, _)| at).collect();
        };
        let named = index.names.get(name).into_iter().flatten().copied();
        named
            .filter(|&at| self.entries.get(at).is_some_and(|entry| wanted(&entry.target)))
            .collect()
    }

    /// Whether the session is one of these.
    pub(in crate::socket) fn has_session(&self, key: u64) -> bool {
        self.with_session(key).is_some()
    }

    /// The session has made a connection, which has this pipe.
    pub(in crate::socket) fn set_pipe(&mut self, key: u64, id: PipeId) {
        let at = self.with_session(key);
        if let Some((at, entry)) = at.and_then(|at| Some((at, self.entries.get_mut(at)?)))
            && let Target::Session(_, line) = &mut entry.target
        {
            let last = line.replace(Line::Passing(id));
            if let Some(index) = &mut self.index {
                last.map(|last| index.pipes.remove(&last.pipe()));
                index.pipes.insert(id, at);
            }
        }
    }

    /// The pipe is gone; an inproc endpoint goes with it.
    pub(in crate::socket) fn remove_pipe(&mut self, id: PipeId) {
        let Some(at) = self.with_pipe(id) else { return };
        let entry = self.entries.get_mut(at);
        if let Some(Entry { target: Target::Session(_, line), .. }) = entry {
            *line = None;
            if let Some(index) = &mut self.index {
                index.pipes.remove(&id);
            }
        } else {
            self.remove(at);
        }
    }

    /// The two ends of a pipe's connection; of one that is not made yet, where it shall lead.
    pub(in crate::socket) fn of_pipe(&self, id: PipeId, pipe: &mut Pipe) -> EndpointPair {
        let metadata = pipe.metadata();
        if let Some((local, remote)) = metadata.as_ref().and_then(|known| known.endpoints()) {
            return EndpointPair::connected(local, remote);
        }
        let leads = self.with_pipe(id).and_then(|at| self.entries.get(at));
        let leads = leads.filter(|entry| entry.target.session().is_some());
        EndpointPair::connected("", leads.map_or("", |entry| &entry.name))
    }

    /// The session has ended by itself, and its endpoint is the socket's no more.
    pub(in crate::socket) fn remove_session(&mut self, key: u64) {
        if let Some(at) = self.with_session(key) {
            self.remove(at);
        }
    }

    /// The session has ended by itself, of which the application knows nothing.
    pub(in crate::socket) fn session_ended(&mut self, key: u64) {
        let entry = self.with_session(key).and_then(|at| self.remove(at));
        let Some(Entry { name, .. }) = entry else { return };
        if self.has_connected(&name) {
            return;
        }
        // Once is enough; and who connects to ever new endpoints that turn it away shall not run
        // out of memory.
        let all = self.ended >= ENDED_MAX;
        self.forget_ended(if all { None } else { Some(&*name) });
        self.insert(Entry { name, target: Target::Ended });
        self.ended += 1;
    }

    /// Forgets connections that have ended by themselves: of this name, or all.
    fn forget_ended(&mut self, name: Option<&str>) {
        if self.ended == 0 {
            return;
        }
        let ended = |target: &Target| matches!(target, Target::Ended);
        let places = match name {
            Some(name) => self.with_name(name, ended),
            None => {
                let all = self.entries.iter().filter(|(_, entry)| ended(&entry.target));
                all.map(|(at, _)| at).collect()
            }
        };
        for at in places {
            self.remove(at);
        }
    }

    /// Closes everything; the socket is closing.
    pub(in crate::socket) fn close_all(&mut self, linger: Option<Duration>) {
        self.index = None;
        for entry in self.entries.drain() {
            if let Target::Listener(handle, _) | Target::Session(handle, _) = entry.target {
                handle.close(linger);
            }
        }
        for leftovers in self.leftovers.drain(..) {
            leftovers.close(linger);
        }
    }

    /// Notes what closing the socket has to reach, too.
    pub(super) fn keep(&mut self, leftovers: Option<Leftovers>) {
        self.leftovers.retain(Leftovers::remain);
        self.leftovers.extend(leftovers);
    }

    /// Whether the socket has a connection to this endpoint, or tries to make one.
    pub(super) fn has_connected(&self, name: &str) -> bool {
        let alive = |target: &Target| !target.is_bound() && !matches!(target, Target::Ended);
        !self.with_name(name, alive).is_empty()
    }

    /// Takes the entries of this name out: those that are `bound`, or connected, and if there are
    /// none, the others. `NOENT` if there are none either.
    pub(super) fn take(&mut self, name: &str, bound: bool) -> Result<Vec<Target>> {
        for bound in [bound, !bound] {
            let places = self.with_name(name, |target| target.is_bound() == bound);
            if !places.is_empty() {
                let taken = places.into_iter().filter_map(|at| self.remove(at));
                return Ok(taken.map(|entry| entry.target).collect());
            }
        }
        Err(Error::NOENT)
    }
}

#[cfg(test)]
#[path = "list_test.rs"]
mod list_test;
