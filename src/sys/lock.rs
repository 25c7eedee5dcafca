//! A mutex and a condition variable that outlive a fork and a panic. Used wherever something is locked;
//! where loom watches, by way of `sync`.
//!
//! Whoever waits sleeps in the kernel, at the address of the lock (futex(2)). A lock that kept a list of
//! them for the whole process, as parking_lot's does, would leave a forked child with a list of threads
//! that are not there, and maybe locked: its own locks hung. And what a panic left locked is no ruin:
//! the session that caught it ends what it was about.

use std::hint::spin_loop;
use std::sync::{PoisonError, TryLockError};
use std::thread::yield_now;
use std::time::Duration;

pub(crate) use std::sync::MutexGuard;

/// How often a lock that is taken is looked at again, in a loop and then after a turn of others, before
/// the thread sleeps.
const SPINS: u32 = 3;
const YIELDS: u32 = 7;

/// Not poisoned by a panic.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T: ?Sized>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Mutex<T> {
        Mutex(std::sync::Mutex::new(value))
    }
}

impl<T: ?Sized> Mutex<T> {
    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.try_lock().unwrap_or_else(|| self.lock_slowly())
    }

    /// Lets whoever has it go on before it sleeps: it may be the thread that has just woken this one, and
    /// is about to give it back. Two that sleep for each other at every message are ten times slower.
    #[cold]
    fn lock_slowly(&self) -> MutexGuard<'_, T> {
        for turn in 0..SPINS + YIELDS {
            if turn < SPINS {
                (0..2 << turn).for_each(|_| spin_loop());
            } else {
                yield_now();
            }
            if let Some(guard) = self.try_lock() {
                return guard;
            }
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if somebody else has it.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poison)) => Some(poison.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Takes the guard and gives it back.
pub(crate) struct Condvar(std::sync::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Condvar {
        Condvar(std::sync::Condvar::new())
    }

    /// Sleeps until it is told.
    #[cfg(not(loom))]
    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the value is as wanted, no longer than this.
    pub(crate) fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
        wanted: impl Fn(&T) -> bool,
    ) -> MutexGuard<'a, T> {
        let waited = self.0.wait_timeout_while(guard, time, |value| !wanted(value));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Wakes everybody who waits.
    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::super::fork::in_child;
    use super::*;

    /// A thread of the system's own. One of Rust's takes a lock of its library as it starts, which another
    /// test's thread may have held at the fork; then it hangs in the child, and that is not what is tested.
    struct Native(libc::pthread_t);

    impl Native {
        fn spawn(work: impl FnOnce() + Send + 'static) -> Native {
            type Work = Box<dyn FnOnce() + Send>;
            extern "C" fn start(work: *mut libc::c_void) -> *mut libc::c_void {
                // SAFETY: `spawn` made this pointer, for this call alone.
                unsafe { Box::from_raw(work.cast::<Work>())() };
                std::ptr::null_mut()
            }
            let work = Box::into_raw(Box::new(Box::new(work) as Work));
            let mut thread = 0;
            // SAFETY: the place for the number is valid, no attributes are asked for, and `start` takes what
            // it is given.
            let made = unsafe {
                libc::pthread_create(&raw mut thread, std::ptr::null(), start, work.cast())
            };
            assert_eq!(made, 0);
            Native(thread)
        }

        fn join(self) {
            // SAFETY: the thread was made by `spawn`, and nobody else waits for it.
            assert_eq!(unsafe { libc::pthread_join(self.0, std::ptr::null_mut()) }, 0);
        }
    }

    /// Threads that take one lock from each other, until `over`.
    fn quarrel(threads: usize, over: impl Fn(u32) -> bool + Copy + Send + 'static) -> Vec<Native> {
        let lock = Arc::new(Mutex::new(0u32));
        let one = |lock: Arc<Mutex<u32>>| {
            move || {
                let mut count = 0;
                while !over(count) {
                    let mut value = lock.lock();
                    *value += 1;
                    thread::sleep(Duration::from_micros(20));
                    count += 1;
                }
            }
        };
        (0..threads).map(|_| Native::spawn(one(lock.clone()))).collect()
    }

    /// Threads that slept for a lock at the fork are not there any more; nothing that belonged to them
    /// may stand in the way of the child's own locks.
    #[test]
    fn a_child_has_nothing_of_those_who_waited_at_the_fork() {
        static OVER: AtomicBool = AtomicBool::new(false);
        let parents = quarrel(6, |_| OVER.load(Ordering::Relaxed));
        for round in 0..50 {
            thread::sleep(Duration::from_micros(300));
            let quarrelled = || {
                quarrel(6, |count| count == 20).into_iter().for_each(Native::join);
                true
            };
            assert!(in_child(quarrelled), "round {round}");
        }
        OVER.store(true, Ordering::Relaxed);
        parents.into_iter().for_each(Native::join);
    }
}
