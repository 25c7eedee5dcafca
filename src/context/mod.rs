//! Contexts: zmq_ctx_new(3), zmq_ctx_set(3), zmq_ctx_term(3), zmq_ctx_shutdown(3).
//!
//! A context knows its sockets, owns the I/O threads and the directory of inproc endpoints, and can
//! end: then it tells every socket, waits until all of them are closed and all their connections
//! are done lingering, and stops the threads. Sockets are above it: it knows each only as a [`Member`].
//! Called by `ffi::context` and by `socket`.

#![forbid(unsafe_code)]

mod core;
pub(crate) mod handle;
mod idle;
pub(crate) mod inproc;
mod zap;

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) use self::core::{ContextThreads, Core, Member};
use crate::error::{Error, Result};
use crate::message::spare;
use crate::options;
use crate::sys::fork;
use crate::sys::lock::Mutex;
use handle::Table;

static CONTEXTS: Table<Context> = Table::new();

thread_local! {
    /// What the caller sleeps for that ends a context; the thread's end, should it be cancelled, finds it here.
    static ASIDE: Cell<Option<Arc<Core>>> = const { Cell::new(None) };
}

/// A context, behind the handle of `zmq_ctx_new`. Lives in a table and is reused after its end.
#[derive(Default)]
pub(crate) struct Context {
    core: Mutex<Option<Arc<Core>>>,
    /// The process it was made in, see `sys::fork`.
    generation: AtomicU32,
}

/// The context a handle stands for. `FAULT` if it stands for none.
#[inline]
pub(crate) fn from_handle(handle: *mut c_void) -> Result<&'static Context> {
    CONTEXTS.lookup(handle.addr()).ok_or(Error::FAULT)
}

impl Context {
    /// A new context; it has no threads and no descriptors until it needs them.
    pub(crate) fn create() -> Result<&'static Context> {
        let context = CONTEXTS.take().ok_or(Error::MFILE)?;
        context.generation.store(fork::generation(), Ordering::Relaxed);
        *context.core.lock() = Some(Core::new());
        Ok(context)
    }

    /// The handle for C.
    pub(crate) fn as_handle(&self) -> *mut c_void {
        std::ptr::without_provenance_mut(CONTEXTS.handle(self))
    }

    /// What its sockets share. `FAULT` if the context has ended.
    pub(crate) fn core(&self) -> Result<Arc<Core>> {
        self.core.lock().clone().ok_or(Error::FAULT)
    }

    /// Whether this is a forked child, and the context belongs to its parent: its locks may be held
    /// for ever, its threads are not there, and its descriptors are the parent's.
    fn is_inherited(&self) -> bool {
        self.generation.load(Ordering::Relaxed) != fork::generation()
    }

    /// Sets a context option.
    pub(crate) fn set_option(&self, option: i32, value: &[u8]) -> Result<()> {
        options::context::set(&mut self.core()?.options.lock(), option, value)
    }

    /// Reads a context option into `buffer` and returns its length.
    pub(crate) fn option(&self, option: i32, buffer: &mut [u8]) -> Result<usize> {
        options::context::get(&self.core()?.options.lock(), option, buffer)
    }

    /// Makes every call on every socket fail with `TERM`, except closing it. Does not wait.
    pub(crate) fn shutdown(&self) -> Result<()> {
        if !self.is_inherited() {
            self.core()?.shut_down();
        }
        Ok(())
    }

    /// Ends the context: waits until its sockets are closed and have lingered. `INTR` after a
    /// signal; then it may be called again. `ASLEEP` if the caller has to sleep and then to `terminate_again`.
    pub(crate) fn terminate_or_sleep(&self) -> Result<()> {
        if self.is_inherited() {
            return Err(Error::INTR);
        }
        let core = self.core()?;
        core.shut_down();
        self.finish(core, true)
    }

    /// Goes on after the sleep.
    #[cold]
    pub(crate) fn terminate_again(&self) -> Result<()> {
        let core = ASIDE.try_with(Cell::take).ok().flatten().ok_or(Error::INTR)?;
        core.woken()?;
        self.finish(core, true)
    }

    /// The same, sleeping here.
    #[cfg(test)]
    pub(crate) fn terminate(&self) -> Result<()> {
        let core = self.core()?;
        core.shut_down();
        self.finish(core, false)
    }

    fn finish(&self, core: Arc<Core>, elsewhere: bool) -> Result<()> {
        let elsewhere = elsewhere && ASIDE.try_with(|_| ()).is_ok();
        match core.wait_until_unused(elsewhere) {
            Err(Error::ASLEEP) => {
                // The bell that it sleeps on is the core's.
                drop(ASIDE.try_with(|aside| aside.replace(Some(core))));
                return Err(Error::ASLEEP);
            }
            result => result?,
        }
        // Another thread may have been faster.
        let last = self.core.lock().take_if(|last| Arc::ptr_eq(last, &core));
        if last.is_none() {
            return Err(Error::FAULT);
        }
        core.stop_threads();
        // Messages for who never came: their free functions are called before this returns, too.
        core.inproc.clear();
        spare::clear();
        CONTEXTS.free(self);
        Ok(())
    }
}
