//! The task that accepts connections: zmq_bind(3), zmq_unbind(3).
//!
//! The listening descriptor is behind a [`Door`] that the application's thread can close at once,
//! so that the address is free when zmq_unbind returns. Accepted connections become sessions, on
//! whichever I/O thread has the least to do, and end with the listener. Started by
//! `runtime::listen`.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::io_thread::IoThread;
use super::reactor::Ready;
use super::session::Session;
use super::task::{Io, Task};
use super::{Entered, Home};
use crate::monitor::{EndpointPair, Event, Monitor};
use crate::sys::lock::{Condvar, Mutex};
use crate::sys::reserve;
use crate::transport::{Accept, Listener};

/// How long accepting pauses when the process ran out of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(10);
/// How long zmq_unbind waits for the I/O threads at most.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 20_000 } else { 100 });
/// Connections accepted in one turn, so that a flood does not starve the others.
const TURN: usize = 64;

/// The listening descriptor, closed by whoever comes first, and the way to what came in.
pub(crate) struct Door {
    listener: Mutex<Option<Box<dyn Listener>>>,
    endpoints: EndpointPair,
    monitor: Arc<Monitor>,
    /// The task's name, which its sessions know as their parent's.
    key: u64,
    /// Lives as long as the task or one of its sessions.
    home: Weak<Home>,
    children: Mutex<Children>,
    /// The sessions were told to close.
    finished: Mutex<bool>,
    finish: Condvar,
}

/// The sessions of a listener.
#[derive(Default)]
struct Children {
    /// Where they live.
    threads: Vec<Arc<IoThread>>,
    /// For how long they may send, once the socket is closed.
    last_linger: Option<Option<Duration>>,
}

/// All sessions of a listener were told to close when the last of these is gone.
struct Told(Arc<Door>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl Door {
    pub(super) fn new(listener: Box<dyn Listener>, key: u64, home: &Arc<Home>) -> Arc<Door> {
        let endpoints = EndpointPair::bound(&listener.endpoint(), "");
        Arc::new(Door {
            listener: Mutex::new(Some(listener)),
            endpoints,
            monitor: home.monitor.clone(),
            key,
            home: Arc::downgrade(home),
            children: Mutex::default(),
            finished: Mutex::new(false),
            finish: Condvar::new(),
        })
    }

    /// Closes the descriptor and says so; the address is free afterwards.
    pub(super) fn close(&self) {
        let listener = self.listener.lock().take();
        if let Some(listener) = listener {
            let descriptor = listener.descriptor();
            listener.close();
            self.emit(Event::Closed, descriptor);
        }
    }

    fn emit(&self, event: Event, value: i32) {
        self.monitor.emit(event, value as u64, &self.endpoints);
    }

    fn finish(&self) {
        *self.finished.lock() = true;
        self.finish.notify_all();
    }

    /// A session lives on this thread.
    fn add_thread(&self, thread: Arc<IoThread>) {
        let threads = &mut self.children.lock().threads;
        if !threads.iter().any(|known| Arc::ptr_eq(known, &thread)) {
            threads.push(thread);
        }
    }

    /// Closes the sessions; for the task, at its end.
    fn close_children(self: &Arc<Self>, linger: Option<Duration>) {
        let told = Arc::new(Told(self.clone()));
        let children = self.children.lock();
        let linger = children.last_linger.unwrap_or(linger);
        for thread in &children.threads {
            thread.close_children(self.key, linger, Some(told.clone()));
        }
    }

    /// Whether there is a session, or the task itself.
    pub(super) fn has_tasks(&self) -> bool {
        self.home.strong_count() > 0
    }

    /// The socket is closed: those sessions that the task has told to close have a new linger time, and
    /// the others will have it, too.
    pub(super) fn set_last_linger(&self, linger: Option<Duration>) {
        let mut children = self.children.lock();
        children.last_linger = Some(linger);
        for thread in &children.threads {
            thread.close_children(self.key, linger, None);
        }
    }

    /// Waits until the accepted connections take nothing more in, so that what a peer sends after
    /// zmq_unbind has returned is not received; not for long, should an I/O thread be busy.
    pub(super) fn wait(&self) {
        drop(self.finish.wait_until(self.finished.lock(), PATIENCE, |finished| *finished));
    }
}

/// See the head of this file.
pub(super) struct ListenerTask {
    home: Arc<Home>,
    door: Arc<Door>,
    /// The reactor reports it.
    watched: bool,
    _entered: Entered,
}

impl ListenerTask {
    pub(super) fn new(home: Arc<Home>, door: Arc<Door>) -> ListenerTask {
        let entered = Entered::new(&home);
        ListenerTask { home, door, watched: false, _entered: entered }
    }

    /// Has the reactor report it. When there is no memory or watch left for that, it looks by itself
    /// now and then, and tries again.
    fn watch(&mut self, io: &mut Io<'_>) -> std::io::Result<()> {
        if !self.watched
            && let Some(listener) = &*self.door.listener.lock()
        {
            io.set_timer(Some(io.now + PAUSE));
            io.reactor.register_listener(listener.descriptor(), io.key)?;
            io.set_timer(None);
            self.watched = true;
        }
        Ok(())
    }

    fn accept(&mut self, io: &mut Io<'_>) {
        for _ in 0..TURN {
            if reserve::is_short() {
                self.door.emit(Event::AcceptFailed, libc::ENOMEM);
                io.set_timer(Some(io.now + PAUSE));
                return;
            }
            let accepted = match &*self.door.listener.lock() {
                Some(listener) => listener.accept(&self.home.options),
                None => return,
            };
            match accepted {
                Ok(Accept::Stream(stream)) => {
                    let fd = stream.descriptor() as u32;
                    let pair = self.door.endpoints.accepted(&stream.remote_endpoint());
                    self.home.monitor.emit(Event::Accepted, fd.into(), &pair);
                    let Ok(thread) = self.home.threads.choose(self.home.options.affinity) else {
                        continue;
                    };
                    let parent = self.door.key;
                    let session = Session::accepted(self.home.clone(), stream, pair, parent);
                    thread.add(Box::new(session));
                    self.door.add_thread(thread);
                }
                Ok(Accept::Refused) => self.door.emit(Event::AcceptFailed, libc::EACCES),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let errno = error.raw_os_error().unwrap_or(libc::EIO);
                    self.door.emit(Event::AcceptFailed, errno);
                    let gone = [libc::ECONNABORTED, libc::EPROTO, libc::ENETDOWN, libc::EPERM];
                    if !gone.contains(&errno) {
                        io.set_timer(Some(io.now + PAUSE));
                        return;
                    }
                }
            }
        }
        io.again();
    }
}

impl Task for ListenerTask {
    fn start(&mut self, io: &mut Io<'_>) {
        if let Err(error) = self.watch(io) {
            self.door.emit(Event::BindFailed, error.raw_os_error().unwrap_or(libc::ENOMEM));
        }
        self.accept(io);
    }

    fn ready(&mut self, io: &mut Io<'_>, _ready: Ready) {
        self.accept(io);
    }

    fn timer(&mut self, io: &mut Io<'_>) {
        let _ = self.watch(io);
        self.accept(io);
    }

    fn wake(&mut self, io: &mut Io<'_>) {
        self.accept(io);
    }

    fn close(&mut self, io: &mut Io<'_>, linger: Option<Duration>) {
        self.door.close();
        self.door.close_children(linger);
        io.finish();
    }
}

#[cfg(test)]
#[path = "listener_test.rs"]
mod listener_test;
