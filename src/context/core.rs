//! What the sockets of one context share.
//!
//! Lock order: `options`, `sockets`, `threads` and the inproc directory are leaves; none is held
//! while another is taken, except that `shut_down` tells the sockets with `sockets` held. Called by
//! `Context`, by the sockets, and by the runtime through `ContextThreads`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::idle::Idle;
use super::inproc::Directory;
use crate::error::{Error, Result};
use crate::options::ContextOptions;
use crate::pipe::{Notify, Pipe};
use crate::runtime::{IoThread, Owner, ThreadConfig, Threads};
use crate::sys::lock::Mutex;

/// A socket, as far as its context knows it. May be called from any thread; must not block.
pub(crate) trait Member: Owner {
    /// The context ends: every call but the one that closes the socket fails from now on.
    fn stop(&self);
}

/// See the head of this file.
pub(crate) struct Core {
    pub(crate) options: Mutex<ContextOptions>,
    /// The options as they were at the first socket; from then on the number of sockets and what
    /// concerns threads is fixed, see zmq_ctx_set(3).
    started: OnceLock<ContextOptions>,
    pub(crate) inproc: Directory,
    /// The open sockets, by socket id.
    sockets: Mutex<HashMap<u64, Arc<dyn Member>>>,
    /// Numbers never come again.
    next_socket: AtomicU64,
    threads: Mutex<Vec<Arc<IoThread>>>,
    /// Sessions and listeners that are not finished.
    tasks: AtomicUsize,
    terminating: AtomicBool,
    idle: Idle,
}

impl Core {
    pub(super) fn new() -> Arc<Core> {
        crate::pipe::prepare();
        Arc::new(Core {
            options: Mutex::new(ContextOptions::default()),
            started: OnceLock::new(),
            inproc: Directory::default(),
            sockets: Mutex::new(HashMap::new()),
            next_socket: AtomicU64::new(1),
            threads: Mutex::new(Vec::new()),
            tasks: AtomicUsize::new(0),
            terminating: AtomicBool::new(false),
            idle: Idle::default(),
        })
    }

    /// Whether the context is shut down or being terminated.
    #[inline]
    pub(crate) fn terminating(&self) -> bool {
        self.terminating.load(Ordering::Acquire)
    }

    fn started(&self) -> &ContextOptions {
        self.started.get_or_init(|| self.options.lock().clone())
    }

    /// Admits a socket: its number. `TERM`, or `MFILE` above ZMQ_MAX_SOCKETS.
    pub(crate) fn enter(&self, socket: Arc<dyn Member>) -> Result<u64> {
        let limit = self.started().max_sockets.max(0) as usize;
        let mut sockets = self.sockets.lock();
        if self.terminating() {
            return Err(Error::TERM);
        }
        if sockets.len() >= limit {
            return Err(Error::MFILE);
        }
        let id = self.next_socket.fetch_add(1, Ordering::Relaxed);
        sockets.insert(id, socket);
        Ok(id)
    }

    /// A socket is closed, and all that it held is freed. What it had in `inproc` has gone before.
    pub(crate) fn leave(&self, id: u64) {
        self.sockets.lock().remove(&id);
        self.idle.report();
    }

    /// Has every call on its sockets fail with `TERM`, and admits no more of them.
    pub(super) fn shut_down(&self) {
        let sockets = self.sockets.lock();
        self.terminating.store(true, Ordering::Release);
        for socket in sockets.values() {
            socket.stop();
        }
    }

    fn in_use(&self) -> bool {
        // In this order: only an open socket, or a task, makes tasks, and no socket comes in any more.
        !self.sockets.lock().is_empty() || self.tasks.load(Ordering::Acquire) > 0
    }

    /// Waits until all sockets are closed and all tasks have ended. `INTR` after a signal. `elsewhere`: `ASLEEP` if the
    /// caller has to sleep, and then to ask `woken` and this again.
    pub(super) fn wait_until_unused(&self, elsewhere: bool) -> Result<()> {
        self.idle.wait_while(elsewhere, || self.in_use())
    }

    /// What came of the caller's sleep. `INTR` after a signal.
    pub(super) fn woken(&self) -> Result<()> {
        self.idle.woken()
    }

    /// Ends the I/O threads; called when nothing uses them any more.
    pub(super) fn stop_threads(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            thread.stop();
        }
    }

    /// Starts the I/O threads if there are none yet.
    fn start_threads<'a>(
        &self,
        threads: &'a mut Vec<Arc<IoThread>>,
    ) -> Result<&'a [Arc<IoThread>]> {
        if threads.is_empty() {
            let options = self.started();
            for index in 0..options.io_threads.max(0) {
                let prefix = String::from_utf8_lossy(&options.thread_name_prefix);
                let separator = if prefix.is_empty() { "" } else { "/" };
                let config = ThreadConfig {
                    name: format!("{prefix}{separator}ZMQbg/IO/{index}"),
                    affinity: options.thread_affinity_cpus.iter().copied().collect(),
                    policy: (options.thread_sched_policy >= 0)
                        .then_some(options.thread_sched_policy),
                    priority: (options.thread_priority >= 0).then_some(options.thread_priority),
                };
                match IoThread::start(config) {
                    Ok(thread) => threads.push(Arc::new(thread)),
                    // One thread is enough to go on with.
                    Err(_) if !threads.is_empty() => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(threads)
    }
}

/// The context as the runtime sees it.
pub(crate) struct ContextThreads(pub(crate) Arc<Core>);

impl Threads for ContextThreads {
    fn choose(&self, affinity: u64) -> Result<Arc<IoThread>> {
        let mut threads = self.0.threads.lock();
        let threads = self.0.start_threads(&mut threads)?;
        let allowed = |index: usize| affinity == 0 || index < 64 && affinity & (1 << index) != 0;
        let eligible = threads.iter().enumerate().filter(|(index, _)| allowed(*index));
        let least = eligible.min_by_key(|(_, thread)| thread.load());
        least.map(|(_, thread)| thread.clone()).ok_or(Error::MTHREAD)
    }

    fn enter(&self) {
        self.0.tasks.fetch_add(1, Ordering::AcqRel);
    }

    fn leave(&self) {
        self.0.tasks.fetch_sub(1, Ordering::AcqRel);
        self.0.idle.report();
    }

    fn zap_pipe(&self, client: Arc<dyn Notify>) -> Result<Option<Pipe>> {
        self.0.zap_pipe(client)
    }
}
