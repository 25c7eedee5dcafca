//! Sockets: the shell round every pattern. zmq_socket(3), zmq_close(3) and the calls on a socket.
//!
//! A [`Socket`] lives in a table of slots and is what a handle stands for. Behind its lock is the
//! `Core`: the pattern, the pipes, the options and the endpoints. Every call takes the lock, takes in what
//! the mailbox holds, asks the pattern, and where it must wait, waits on the mailbox without the
//! lock. So a socket may be used from any thread, one call at a time, and closed while another
//! thread sleeps in it.
//!
//! Lock order: core, then (under it, each for itself) context, monitor, mailbox. Two cores are held
//! together only by a monitored socket or a socket that connects to its monitor, which take the
//! monitor's, and by a relay, which takes those behind the first only if they are free.

#![forbid(unsafe_code)]

mod alarm;
pub(crate) mod aside;
mod blocking;
mod core;
mod endpoints;
mod inproc;
mod looping;
mod mailbox;
mod monitoring;
mod option;
mod outlet;
mod quiet;
pub(crate) mod relay;
mod straight;
mod transfer;
mod waiting;
mod watching;

use std::ffi::{CStr, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use self::core::Core;
use crate::context;
use crate::context::handle::Table;
use crate::error::{Error, Result};
use crate::patterns::SocketType;
use crate::sys::biased::{Biased, Guard};
use crate::sys::errand::hold;
use crate::sys::fork;
pub(crate) use alarm::Alarm;
use mailbox::Mailbox;
pub(crate) use quiet::Quiet;
pub(crate) use transfer::{DONTWAIT, SNDMORE, recv_again, send_again};
pub(crate) use watching::Watch;

static SOCKETS: Table<Socket> = Table::new();

/// A socket, behind the handle of `zmq_socket`. Its slot is used again after `close`.
#[derive(Default)]
pub(crate) struct Socket {
    /// `None`: closed, or the slot was never used.
    core: Biased<Option<Box<Core>>>,
    /// The process it was made in, see `sys::fork`.
    generation: AtomicU32,
    /// Whether the straight way was open to it before.
    straight: straight::Seen,
}

/// The core, locked.
type Locked<'a> = Guard<'a, Option<Box<Core>>, Core>;

/// The socket a handle stands for. `NOTSOCK` if it stands for none.
#[inline]
pub(crate) fn from_handle(handle: *mut c_void) -> Result<&'static Socket> {
    SOCKETS.lookup(handle.addr()).ok_or(Error::NOTSOCK)
}

impl Socket {
    /// A new socket. `INVAL` for an unknown type, `TERM`, or `MFILE` when sockets or descriptors
    /// ran out.
    pub(crate) fn create(context: &Arc<context::Core>, kind: i32) -> Result<&'static Socket> {
        let kind = SocketType::from_number(kind).ok_or(Error::INVAL)?;
        if context.terminating() {
            return Err(Error::TERM);
        }
        let mailbox = Arc::new(Mailbox::new()?);
        let socket = SOCKETS.take().ok_or(Error::MFILE)?;
        let core =
            Core::new(context.clone(), kind, mailbox).inspect_err(|_| SOCKETS.free(socket))?;
        socket.generation.store(fork::generation(), Ordering::Relaxed);
        socket.straight.clear();
        *socket.core.lock(|| true).ok_or(Error::INTR)? = Some(Box::new(core));
        Ok(socket)
    }

    /// The handle for C.
    pub(crate) fn as_handle(&self) -> *mut c_void {
        std::ptr::without_provenance_mut(SOCKETS.handle(self))
    }

    /// The core, locked. `NOTSOCK` if the socket was closed meanwhile.
    #[inline(always)]
    fn lock(&self) -> Result<Locked<'_>> {
        // In a forked child the owner of the lock may be a thread that is not there.
        let core = self.core.lock(|| !self.is_inherited()).ok_or(Error::INTR)?;
        core.try_map(|core| core.as_deref_mut()).ok_or(Error::NOTSOCK)
    }

    /// The core, if its lock is free. `NOTSOCK` if the socket was closed meanwhile.
    fn try_lock(&self) -> Result<Option<Locked<'_>>> {
        let Some(core) = self.core.lock(|| false) else { return Ok(None) };
        core.try_map(|core| core.as_deref_mut()).map(Some).ok_or(Error::NOTSOCK)
    }

    /// Whether this is a forked child, and the socket belongs to its parent.
    fn is_inherited(&self) -> bool {
        self.generation.load(Ordering::Relaxed) != fork::generation()
    }

    /// The core, locked, after it has taken in what happened. `TERM` once the context ends.
    #[inline(always)]
    fn enter(&self) -> Result<Locked<'_>> {
        let mut core = self.lock()?;
        core.take_in()?;
        Ok(core)
    }

    /// The core, locked, with nothing taken in. `TERM` once another call has met the end of the context: until then
    /// who is about to close the socket may still set ZMQ_LINGER, for which zmq_ctx_term may wait in another thread.
    ///
    /// Only a call that tells the application what came may take it in: the descriptor (ZMQ_FD) is
    /// silent afterwards, and an event loop that set an option would never hear of a message.
    fn lock_only(&self) -> Result<Locked<'_>> {
        let core = self.lock()?;
        core.check_stopped()?;
        Ok(core)
    }

    /// The core, locked, after it has taken in what happened, for a call that acts on that and tells the application
    /// nothing of it: the descriptor goes on to do so.
    fn enter_aside(&self) -> Result<Locked<'_>> {
        let mut core = self.lock()?;
        // Only then: a loop that makes this call whenever it wakes up would never sleep again.
        if core.mailbox.has_commands() {
            core.take_in()?;
            core.mailbox.stir();
        }
        core.check_context()?;
        Ok(core)
    }

    /// The core, locked again after a pause. `NOTSOCK` also if the slot is another socket's by now.
    fn lock_again(&self, mailbox: &Arc<Mailbox>) -> Result<Locked<'_>> {
        let core = self.lock()?;
        if Arc::ptr_eq(&core.mailbox, mailbox) { Ok(core) } else { Err(Error::NOTSOCK) }
    }

    /// Closes the socket. Connections go on sending in the background for the linger time.
    pub(crate) fn close(&self) -> Result<()> {
        if self.is_inherited() {
            // What the core holds is the parent's, and its lock may be held for ever.
            SOCKETS.abandon(self);
            return Ok(());
        }
        let (context, id) = {
            // What it holds of the application's is freed at the end of this, with nothing locked.
            let _hold = hold();
            let core =
                self.core.lock(|| true).and_then(|mut core| core.take()).ok_or(Error::NOTSOCK)?;
            SOCKETS.free(self);
            core.close()
        };
        // Not before: zmq_ctx_term returns then, and the application gives up what its free functions use.
        context.leave(id);
        Ok(())
    }

    /// The type of the socket; PAIR if it is closed.
    pub(crate) fn kind(&self) -> SocketType {
        self.lock().map_or(SocketType::Pair, |core| core.options.kind)
    }

    /// Whether the manual promises that threads may share the socket.
    pub(crate) fn is_thread_safe(&self) -> bool {
        self.kind().is_thread_safe()
    }

    /// ZMQ_EVENTS: which of POLLIN (1) and POLLOUT (2) hold now.
    pub(crate) fn events(&self) -> Result<i16> {
        Ok(self.enter()?.events())
    }

    /// Joins a group, zmq_join(3).
    pub(crate) fn join(&self, group: &CStr) -> Result<()> {
        let core = &mut *self.lock_only()?;
        core.pattern.join(&mut core.pipes, group.to_bytes())
    }

    /// Leaves a group, zmq_leave(3).
    pub(crate) fn leave(&self, group: &CStr) -> Result<()> {
        let core = &mut *self.lock_only()?;
        core.pattern.leave(&mut core.pipes, group.to_bytes())
    }

    /// Whether the peer with this routing id can be written to, zmq_socket_get_peer_state(3).
    pub(crate) fn peer_state(&self, routing_id: &[u8]) -> Result<i32> {
        let core = &mut *self.enter_aside()?;
        core.pattern.peer_state(&mut core.pipes, routing_id)
    }
}
