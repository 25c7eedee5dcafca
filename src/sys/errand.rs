//! What waits until this thread holds no lock of the library: calls of the application's own functions.
//!
//! The free function of zmq_msg_init_data(3) may call this library, on the very socket where the body came to its
//! end, or wait for another thread that does. So it is not called with a socket or a connection locked: it becomes an
//! errand, and whoever gives back the last of this thread's locks runs it, before the call that it came up in
//! returns. Whether a thread is inside its own `biased` lock is asked only when there is an errand; what else is held
//! is counted: a lock that was taken the long way, and a [`Hold`]. Called by `message`, `biased`, and wherever a lock
//! is held that is none of those.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};

use super::biased;

/// Something to be done once, a part of what it concerns.
pub(crate) struct Errand {
    next: *mut Errand,
    act: unsafe fn(NonNull<Errand>),
}

impl Errand {
    /// `act` gets the errand back, and may free what it is a part of.
    pub(crate) const fn new(act: unsafe fn(NonNull<Errand>)) -> Errand {
        Errand { next: null_mut(), act }
    }
}

/// What a thread holds, and what waits for it, the first to come first.
struct Waiting {
    held: Cell<u32>,
    first: Cell<*mut Errand>,
    last: Cell<*mut Errand>,
    record: Cell<biased::Known>,
}

thread_local! {
    static WAITING: Waiting = const {
        Waiting {
            held: Cell::new(0),
            first: Cell::new(null_mut()),
            last: Cell::new(null_mut()),
            record: Cell::new(None),
        }
    };
}

#[inline]
fn here<R>(act: impl FnOnce(&Waiting) -> R) -> R {
    WAITING.with(act)
}

impl Waiting {
    /// # Safety
    /// As for `run`.
    unsafe fn add(&self, errand: NonNull<Errand>) {
        let errand = errand.as_ptr();
        match NonNull::new(self.last.replace(errand)) {
            // SAFETY: what waits is this thread's until it is run.
            Some(last) => unsafe { (*last.as_ptr()).next = errand },
            None => self.first.set(errand),
        }
    }

    /// Runs what waits. What comes up meanwhile does not wait for the rest.
    #[cold]
    fn run(&self) {
        let mut next = self.first.replace(null_mut());
        self.last.set(null_mut());
        while let Some(errand) = NonNull::new(next) {
            // SAFETY: whoever added it gave it away, and it was taken out of the list.
            unsafe {
                next = errand.as_ref().next;
                (errand.as_ref().act)(errand);
            }
        }
    }

    #[inline]
    fn is_due(&self) -> bool {
        self.held.get() == 0 && !self.first.get().is_null()
    }
}

/// Runs an errand at once, or as soon as this thread holds no lock.
///
/// # Safety
/// It must be live until it is run and nobody else's, and what it does possible on this thread then.
pub(crate) unsafe fn run(errand: NonNull<Errand>) {
    let waits = |waiting: &Waiting| {
        let waits = waiting.held.get() > 0 || biased::detain(&waiting.record);
        if waits {
            // SAFETY: passed on.
            unsafe { waiting.add(errand) };
        }
        waits
    };
    // Loom's threads are one thread.
    if cfg!(loom) || !here(waits) {
        // SAFETY: passed on.
        unsafe { (errand.as_ref().act)(errand) };
    }
}

/// This thread has taken a lock by the long way.
#[inline]
pub(super) fn lock_taken() {
    if !cfg!(loom) {
        here(|waiting| waiting.held.set(waiting.held.get() + 1));
    }
}

/// And has given it back.
#[inline]
pub(super) fn lock_left() {
    if !cfg!(loom) {
        here(|waiting| {
            waiting.held.set(waiting.held.get() - 1);
            if waiting.is_due() && !biased::detain(&waiting.record) {
                waiting.run();
            }
        });
    }
}

/// This thread was detained, see `biased::detain`, and has now left its own lock.
pub(super) fn own_lock_left() {
    if !cfg!(loom) {
        here(|waiting| {
            if waiting.is_due() {
                waiting.run();
            }
        });
    }
}

/// Whether anything waits for this thread.
pub(crate) fn is_waiting() -> bool {
    !cfg!(loom) && here(|waiting| !waiting.first.get().is_null())
}

/// Until this is dropped errands of this thread wait. To be made before the lock is taken, or what was put aside
/// borrowed, and so dropped behind it; who has it asks [`is_waiting`] before it sleeps.
pub(crate) struct Hold(PhantomData<*const ()>);

/// See [`Hold`].
#[inline]
pub(crate) fn hold() -> Hold {
    lock_taken();
    Hold(PhantomData)
}

impl Drop for Hold {
    #[inline]
    fn drop(&mut self) {
        lock_left();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::RefCell;

    use super::super::biased::Biased;
    use super::*;

    thread_local! {
        static DONE: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    }

    #[repr(C)]
    struct Numbered(Errand, u32);

    unsafe fn act(errand: NonNull<Errand>) {
        // SAFETY: `send` has made it of such a box.
        let numbered = unsafe { Box::from_raw(errand.cast::<Numbered>().as_ptr()) };
        DONE.with(|done| done.borrow_mut().push(numbered.1));
        if numbered.1 >= 100 {
            // Its own lock, and what comes up under that, concerns nobody else's rest.
            let lock = Biased::<u32>::default();
            let guard = lock.lock(|| true).unwrap();
            send(numbered.1 - 99);
            drop(guard);
        }
    }

    fn send(number: u32) {
        let errand = Box::leak(Box::new(Numbered(Errand::new(act), number)));
        // SAFETY: it was given away.
        unsafe { run(NonNull::from(errand).cast()) };
    }

    fn done() -> Vec<u32> {
        DONE.with(|done| std::mem::take(&mut *done.borrow_mut()))
    }

    /// A lock that belongs to this thread, where there is membarrier(2).
    fn own_lock() -> Biased<u32> {
        let lock = Biased::default();
        for _ in 0..64 {
            drop(lock.lock(|| true));
        }
        lock
    }

    #[test]
    fn without_a_lock_nothing_waits() {
        send(1);
        assert_eq!(done(), [1]);
        drop(hold());
        send(2);
        assert_eq!(done(), [2]);
    }

    #[test]
    fn errands_wait_for_the_last_lock() {
        let (own, other) = (own_lock(), Biased::<u32>::default());
        for turn in 0..3 {
            // An owner's two ways in, and out in either order.
            let guard = own.lock(|| true).unwrap();
            send(1);
            let inner = other.lock(|| true).unwrap();
            send(2);
            {
                let _hold = hold();
                send(3);
            }
            assert_eq!(done(), []);
            if turn == 1 {
                drop(guard);
                assert_eq!(done(), []);
                drop(inner);
            } else {
                drop(inner);
                assert_eq!(done(), []);
                drop(guard);
            }
            assert_eq!(done(), [1, 2, 3]);
            if let Some(guard) = own.lock_own() {
                send(4);
                send(5);
                assert_eq!(done(), []);
                drop(guard);
                assert_eq!(done(), [4, 5]);
            }
        }
    }

    #[test]
    fn an_errand_may_lock_what_it_came_up_in() {
        let own = own_lock();
        let guard = own.lock(|| true).unwrap();
        send(101);
        send(7);
        drop(guard);
        assert_eq!(done(), [101, 2, 7]);
        let outer = hold();
        let inner = hold();
        drop(outer);
        send(8);
        assert_eq!(done(), []);
        drop(inner);
        assert_eq!(done(), [8]);
        let panicked = std::panic::catch_unwind(|| {
            let _hold = hold();
            send(9);
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(panicked.is_err());
        assert_eq!(done(), [9]);
    }
}
