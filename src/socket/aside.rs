//! What a call has begun whose caller sleeps for it, see `sys::nap`: a wait in a socket, or the watches of zmq_poll.
//!
//! It is put aside where the thread's end finds it, should the thread be cancelled. Who leaves the sleep otherwise and
//! never comes back for it, as a cleanup handler and siglongjmp(3) do, makes another call some time; that takes it
//! back before it announces anything, or the bell would ring for a sleeper who is no more. Called by `blocking`,
//! `poller` and its set.

use std::cell::RefCell;
use std::time::Instant;

use super::Watch;
use super::blocking::Wait;
use crate::sys::nap;

/// Dropped, it takes back what was announced, for which no lock may be held.
#[expect(clippy::large_enum_variant, reason = "a call that waits allocates nothing")]
pub(super) enum Aside {
    Call(Wait),
    Watches(Vec<Watch>, Option<Instant>),
}

thread_local! {
    static ASIDE: RefCell<Option<Aside>> = const { RefCell::new(None) };
}

/// Whether anything can be put aside: not when the thread is at its end.
pub(crate) fn may_put_aside() -> bool {
    ASIDE.try_with(|_| ()).is_ok()
}

/// Puts it aside until the caller has slept. Call with no lock held.
pub(super) fn put(aside: Aside) {
    let before = ASIDE.try_with(|place| place.try_borrow_mut().ok()?.replace(aside));
    // With nothing borrowed any more.
    drop(before);
}

/// The same for who has announced itself to some sockets, until that time.
pub(crate) fn put_watches(watches: Vec<Watch>, deadline: Option<Instant>) {
    put(Aside::Watches(watches, deadline));
}

fn take() -> Option<Aside> {
    ASIDE.try_with(|place| place.try_borrow_mut().ok()?.take()).ok().flatten()
}

/// `None` if a signal handler has called the library meanwhile, which it should not.
pub(super) fn take_call() -> Option<Wait> {
    match take()? {
        Aside::Call(wait) => Some(wait),
        Aside::Watches(..) => None,
    }
}

/// The same for watches.
pub(crate) fn take_watches() -> Option<(Vec<Watch>, Option<Instant>)> {
    match take()? {
        Aside::Watches(watches, deadline) => Some((watches, deadline)),
        Aside::Call(_) => None,
    }
}

/// Whether there is something that another call of this thread has put aside and not come back for.
pub(super) fn is_left() -> bool {
    ASIDE.try_with(|place| place.try_borrow().is_ok_and(|place| place.is_some())).unwrap_or(false)
}

/// Takes that back; where its sleep cannot be given up, it stays until the thread's end. Call with no lock held.
pub(crate) fn take_back() {
    if is_left() && nap::give_up() {
        drop(take());
    }
}
