//! Orders: what other threads want of an I/O thread, and the handle through which they say so.
//!
//! What an I/O thread keeps under its keys is a parameter here: tasks hold this handle, so it knows
//! nothing of them (`task::ThreadHandle`). Called by sockets and contexts through `IoThread`, by pipes,
//! and by the tasks themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::inbox::Inbox;
use crate::pipe::{Notify, PipeEvent};
use crate::sys::cancel;

/// Keys are unique in the process, so that a socket can tell its tasks apart, and never come again: who connects
/// as fast as can be has used up 2^32 of them in a day.
static NEXT_KEY: AtomicU64 = AtomicU64::new(0);

/// A key for a task that `Handle::add` will add.
pub(super) fn reserve_key() -> u64 {
    loop {
        let key = NEXT_KEY.fetch_add(1, Ordering::Relaxed);
        // The reactor's own token. Where a `usize` has 32 bits it takes such a number as well.
        if key as usize != usize::MAX {
            return key;
        }
    }
}

/// The keys whose descriptors the reactor knows by this token: as many of their bits as it has room for. Where
/// those of several tasks are the same, each is called, and finds that there is nothing to do.
pub(super) fn keys_of(token: usize) -> impl Iterator<Item = u64> {
    keys_ending_in(token as u64, usize::BITS, || NEXT_KEY.load(Ordering::Relaxed))
}

/// The numbers below `end` that have this one in their last `bits`.
fn keys_ending_in(token: u64, bits: u32, end: impl Fn() -> u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(token), move |key| {
        let next = key.checked_add(1u64.checked_shl(bits)?)?;
        (next < end()).then_some(next)
    })
}

/// Dropped when an order was carried out; the last owner's `Drop` tells whoever waits for that.
pub(super) type Receipt = Arc<dyn Send + Sync>;

/// What to do, and the key of the task it concerns.
pub(super) enum Order<T> {
    Add(u64, T),
    Pipe(u64, PipeEvent),
    Wake(u64),
    Close(u64, Option<Duration>),
    /// The same for all tasks with this parent.
    CloseChildren(u64, Option<Duration>, Option<Receipt>),
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
    pub(super) fn wake_task(&self, key: u64) {
        self.order(Order::Wake(key));
    }

    /// Puts a task on the thread, under a key of `reserve_key`.
    pub(super) fn add(&self, key: u64, task: T) {
        self.load.fetch_add(1, Ordering::Relaxed);
        self.order(Order::Add(key, task));
    }

    /// Has the thread call `Task::close`, for as long as it takes.
    pub(super) fn close_task(&self, key: u64) {
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
    fn notify(&self, key: u64, event: PipeEvent) {
        self.order(Order::Pipe(key, event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_come_again() {
        // As after 29 hours of 41,000 connections a second.
        NEXT_KEY.fetch_max((1 << 32) - 3, Ordering::Relaxed);
        let keys: Vec<u64> = (0..6).map(|_| reserve_key()).collect();
        assert!(keys.is_sorted_by(|one, next| one < next) && keys[5] >= 1 << 32, "{keys:?}");
    }

    #[test]
    fn a_token_leads_to_its_keys() {
        let with = |bits| keys_ending_in(5, bits, || 3 << 32).collect::<Vec<_>>();
        assert_eq!(with(64), [5]);
        assert_eq!(with(32), [5, (1 << 32) + 5, (2 << 32) + 5]);
    }
}
