//! Orders: what other threads want of an I/O thread, and the handle through which they say so.
//!
//! What an I/O thread keeps under its keys is a parameter here: tasks hold this handle, so it knows
//! nothing of them (`task::ThreadHandle`). Called by sockets and contexts through `IoThread`, by pipes,
//! and by the tasks themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use super::inbox::Inbox;
use crate::pipe::{Notify, PipeEvent};
use crate::sys::cancel;

/// Keys are unique in the process, so that a socket can tell its tasks apart.
static NEXT_KEY: AtomicU32 = AtomicU32::new(0);

/// A key for a task that `Handle::add` will add.
pub(super) fn reserve_key() -> u32 {
    NEXT_KEY.fetch_add(1, Ordering::Relaxed)
}

/// Dropped when an order was carried out; the last owner's `Drop` tells whoever waits for that.
pub(super) type Receipt = Arc<dyn Send + Sync>;

/// What to do, and the key of the task it concerns.
pub(super) enum Order<T> {
    Add(u32, T),
    Pipe(u32, PipeEvent),
    Wake(u32),
    Close(u32, Option<Duration>),
    /// The same for all tasks with this parent.
    CloseChildren(u32, Option<Duration>, Option<Receipt>),
    Stop,
}

/// An I/O thread, as other threads see it.
pub(super) struct Handle<T> {
    inbox: Inbox<Order<T>>,
    waker: mio::Waker,
    /// How many tasks there are.
    load: AtomicUsize,
}

impl<T> Handle<T> {
    /// `waker` ends the sleep of the thread.
    pub(super) fn new(waker: mio::Waker) -> Handle<T> {
        Handle { inbox: Inbox::new(), waker, load: AtomicUsize::new(0) }
    }

    /// Gives an order, and wakes the thread if it sleeps.
    pub(super) fn order(&self, order: Order<T>) {
        if self.inbox.put(order) {
            // Fails only if the descriptor is gone, and then there is nobody to wake.
            let _ = cancel::off(|| self.waker.wake());
        }
    }

    /// Has the thread call `Task::wake`.
    pub(super) fn wake_task(&self, key: u32) {
        self.order(Order::Wake(key));
    }

    /// Puts a task on the thread, under a key of `reserve_key`.
    pub(super) fn add(&self, key: u32, task: T) {
        self.load.fetch_add(1, Ordering::Relaxed);
        self.order(Order::Add(key, task));
    }

    /// Has the thread call `Task::close`, for as long as it takes.
    pub(super) fn close_task(&self, key: u32) {
        self.order(Order::Close(key, None));
    }

    /// How many tasks the thread has.
    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Tells this thread from others.
    pub(super) fn place(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    // ---- for the thread itself

    /// The orders that have come; see `Inbox::take`.
    pub(super) fn take(&self, orders: &mut Vec<Order<T>>, may_sleep: bool) {
        self.inbox.take(orders, may_sleep);
    }

    /// See `Inbox::awake`.
    pub(super) fn awake(&self) {
        self.inbox.awake();
    }

    /// A task has come to its end.
    pub(super) fn finished(&self) {
        self.load.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T: Send> Notify for Handle<T> {
    fn notify(&self, key: u32, event: PipeEvent) {
        self.order(Order::Pipe(key, event));
    }
}
