//! Tells a forked child from its parent without a system call.
//!
//! Contexts, sockets and ipc files remember the generation they were made in; in a child the number
//! is another one, and the parent's descriptors and files are left alone.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

static GENERATION: AtomicU32 = AtomicU32::new(0);
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// A number that differs between a process and those it was forked from.
pub(crate) fn generation() -> u32 {
    if !REGISTERED.load(Ordering::Acquire) {
        register();
    }
    GENERATION.load(Ordering::Relaxed)
}

/// Threads that come together, or a child of a process that was just about it, do it twice; then a fork
/// counts twice, which is as good. None waits for another, who might not be there.
#[cold]
fn register() {
    // SAFETY: the handler is a plain function that is never unloaded (`-z nodelete`) and does
    // nothing but an atomic addition, which is safe after fork.
    unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    REGISTERED.store(true, Ordering::Release);
}

extern "C" fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// A static that a forked child has anew: a lock in the parent's may be held by a thread that is not
/// there, and what it guards may be half done.
pub(crate) struct PerProcess<T: 'static> {
    current: AtomicPtr<Instance<T>>,
    make: fn() -> T,
}

/// Never freed: a child leaves the one of its parent as it is, and there is one for each fork that
/// uses it.
struct Instance<T> {
    generation: u32,
    value: T,
}

impl<T: Sync + Send> PerProcess<T> {
    pub(crate) const fn new(make: fn() -> T) -> PerProcess<T> {
        PerProcess { current: AtomicPtr::new(ptr::null_mut()), make }
    }

    /// This process's own.
    pub(crate) fn here(&self) -> &'static T {
        let generation = generation();
        loop {
            let current = self.current.load(Ordering::Acquire);
            // SAFETY: null, or made from a box below and never freed.
            let instance: Option<&'static Instance<T>> = unsafe { current.as_ref() };
            match instance {
                Some(instance) if instance.generation == generation => return &instance.value,
                _ => self.replace(current, generation),
            }
        }
    }

    /// Puts a new one in place of `old`, unless another thread was quicker.
    fn replace(&self, old: *mut Instance<T>, generation: u32) {
        let new = Box::into_raw(Box::new(Instance { generation, value: (self.make)() }));
        let order = (Ordering::AcqRel, Ordering::Relaxed);
        if self.current.compare_exchange(old, new, order.0, order.1).is_err() {
            // SAFETY: it comes from the box above and nobody else has seen it.
            drop(unsafe { Box::from_raw(new) });
        }
    }
}

/// Runs `work` in a child, which has ten seconds for it; whether it succeeded.
#[cfg(test)]
pub(super) fn in_child(work: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs only `work` and exits.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: no pointers; leaves without running anything of the parent's.
        unsafe {
            libc::alarm(10);
            libc::_exit(i32::from(!work()))
        };
    }
    let mut status = 0;
    // SAFETY: waits for our own child.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, Mutex};

    use super::*;

    #[test]
    fn a_lock_that_was_held_at_the_fork_is_free_in_the_child() {
        static VALUE: PerProcess<Mutex<u32>> = PerProcess::new(|| Mutex::new(1));
        let (locked, over) = (Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut value = VALUE.here().lock().unwrap();
                *value += 1;
                locked.wait();
                over.wait();
            });
            locked.wait();
            assert!(in_child(|| *VALUE.here().lock().unwrap() == 1));
            over.wait();
        });
        assert_eq!(*VALUE.here().lock().unwrap(), 2);
    }

    #[test]
    fn child_is_another_generation() {
        let parent = generation();
        assert!(in_child(|| generation() != parent));
        assert_eq!(generation(), parent);
    }
}
