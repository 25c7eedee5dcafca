//! The threads that join protocol and transport to the sockets.
//!
//! An [`IoThread`] runs tasks: a `listener` accepts connections, a `session` keeps one connection
//! (`connection`: its stream and its engine) joined to a pipe, and makes it anew when it breaks.
//! Sockets (`socket::endpoints`) start and close tasks and otherwise talk to them through pipes.

#![forbid(unsafe_code)]

mod backoff;
mod connection;
mod datagrams;
mod end;
mod inbox;
mod incoming;
mod io_thread;
mod link;
mod listener;
mod multicast;
mod notices;
mod orders;
mod outgoing;
mod reactor;
mod session;
mod task;
mod zap;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use io_thread::{IoThread, ThreadConfig};

use crate::error::Result;
use crate::monitor::Monitor;
use crate::options::SocketOptions;
use crate::patterns::Attach;
use crate::pipe::{EndConfig, Notify, Pipe, PipeConfig, Style, pair};
use crate::transport::multicast::Multicast;
use crate::transport::{Dialer, Listener, UdpSocket};

/// The socket a task works for, as far as the runtime knows it.
pub(crate) trait Owner: Notify {
    /// A connection is ready: here is the socket's end of its pipe.
    fn attach(&self, pipe: Pipe, how: Attach);
    /// A session that the socket started has ended by itself.
    fn gone(&self, session: u64);
    /// The same, and its endpoint is the socket's no more.
    fn renounced(&self, session: u64);
}

/// The context, as far as the runtime knows it: it has the I/O threads and the ZAP handler.
pub(crate) trait Threads: Send + Sync {
    /// The thread with the least to do among those of the affinity mask (0: all of them).
    fn choose(&self, affinity: u64) -> Result<Arc<IoThread>>;
    /// Keeps the context alive until `leave` was called as often; see `Entered`.
    fn enter(&self);
    fn leave(&self);
    /// A pipe to the ZAP handler, its events go to `client`. `None` if there is no handler;
    /// without memory it fails, lest a peer come in of whom nobody was asked.
    fn zap_pipe(&self, client: Arc<dyn Notify>) -> Result<Option<Pipe>>;
}

/// Keeps the context alive.
struct Entered(Arc<dyn Threads>);

impl Entered {
    fn new(home: &Home) -> Entered {
        home.threads.enter();
        Entered(home.threads.clone())
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// What every task of a socket needs.
pub(crate) struct Home {
    pub(crate) owner: Arc<dyn Owner>,
    pub(crate) monitor: Arc<Monitor>,
    pub(crate) threads: Arc<dyn Threads>,
    pub(crate) options: Arc<SocketOptions>,
}

/// A running session or listener, as its socket sees it.
pub(crate) struct TaskHandle {
    thread: Arc<IoThread>,
    key: u64,
    listener: Option<Arc<listener::Door>>,
}

impl TaskHandle {
    #[cfg(test)]
    pub(crate) fn of_nothing(thread: &Arc<IoThread>, key: u64) -> TaskHandle {
        TaskHandle { thread: thread.clone(), key, listener: None }
    }

    /// The name under which the `Owner` hears of the end of the task.
    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    /// Closes the task; what it has to send goes out within `linger`.
    pub(crate) fn close(&self, linger: Option<Duration>) {
        if let Some(door) = &self.listener {
            door.close();
        }
        self.thread.close(self.key, linger);
    }

    /// Closes a listener and waits until its connections take nothing more in. Gives those that still
    /// have to send something.
    pub(crate) fn close_and_wait(self, linger: Option<Duration>) -> Option<Leftovers> {
        self.close(linger);
        let door = self.listener?;
        door.wait();
        door.has_tasks().then(|| Leftovers(door))
    }
}

/// Connections of a closed listener that send what was to be sent.
pub(crate) struct Leftovers(Arc<listener::Door>);

impl Leftovers {
    /// Whether there still are any.
    pub(crate) fn remain(&self) -> bool {
        self.0.has_tasks()
    }

    /// The socket is closed: what they have to send goes out within `linger`.
    pub(crate) fn close(&self, linger: Option<Duration>) {
        self.0.set_last_linger(linger);
    }
}

/// Starts to accept connections on a listening transport socket.
pub(crate) fn listen(home: Home, listener: Box<dyn Listener>) -> Result<TaskHandle> {
    let thread = home.threads.choose(home.options.affinity)?;
    let (home, key) = (Arc::new(home), thread.reserve());
    let door = listener::Door::new(listener, key, &home);
    let task = listener::ListenerTask::new(home, door.clone());
    thread.add_reserved(key, Box::new(task));
    Ok(TaskHandle { thread, key, listener: Some(door) })
}

/// Makes a session that connects and reconnects, and the socket's end of its pipe, unless the pipe
/// shall wait for the connection (ZMQ_IMMEDIATE): that and those of later connections come with the peer's `name`.
pub(crate) fn connect(
    home: Home,
    dialer: Box<dyn Dialer>,
    endpoint: &str,
    name: Option<Arc<Vec<u8>>>,
) -> Result<(TaskHandle, Option<Pipe>)> {
    let thread = home.threads.choose(home.options.affinity)?;
    let key = thread.reserve();
    let (ours, theirs) = if home.options.immediate {
        (None, None)
    } else {
        let (mut ours, theirs) = make_pipe(&home, thread.mailbox());
        ours.set_owner_key(key);
        (Some(ours), Some(theirs))
    };
    let session = session::Session::connecting(Arc::new(home), dialer, endpoint, ours, name);
    thread.add_reserved(key, Box::new(session));
    Ok((TaskHandle { thread, key, listener: None }, theirs))
}

/// Starts to exchange datagrams, and makes the socket's end of the pipe they go through.
pub(crate) fn exchange(home: Home, socket: UdpSocket) -> Result<(TaskHandle, Pipe)> {
    add_with_pipe(home, |home, pipe| Box::new(datagrams::Datagrams::new(home, socket, pipe)))
}

/// The same for reliable multicast.
pub(crate) fn multicast(home: Home, socket: Box<dyn Multicast>) -> Result<(TaskHandle, Pipe)> {
    add_with_pipe(home, |home, pipe| Box::new(multicast::MulticastTask::new(home, socket, pipe)))
}

/// Starts a task with one end of a pipe; gives the socket's.
fn add_with_pipe(
    home: Home,
    make: impl FnOnce(Home, Pipe) -> Box<dyn task::Task>,
) -> Result<(TaskHandle, Pipe)> {
    let thread = home.threads.choose(home.options.affinity)?;
    let key = thread.reserve();
    let (mut ours, theirs) = make_pipe(&home, thread.mailbox());
    ours.set_owner_key(key);
    thread.add_reserved(key, make(home, ours));
    Ok((TaskHandle { thread, key, listener: None }, theirs))
}

/// A pipe between a session, whose end comes first, and its socket.
fn make_pipe(home: &Home, mailbox: Arc<dyn Notify>) -> (Pipe, Pipe) {
    let options = &home.options;
    let config = PipeConfig {
        styles: (Style::Memory, Style::Wire),
        conflate: (options.conflates_in(), options.conflates_out()),
    };
    let session = EndConfig { owner: mailbox, marks: None };
    let marks = Some((options.sndhwm, options.rcvhwm));
    let socket = EndConfig { owner: home.owner.clone(), marks };
    pair(config, session, socket)
}
