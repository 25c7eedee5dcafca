//! Signal masks. The library's own threads take no signals: they belong to the application. Called
//! by whoever starts a thread, and by zmq_ppoll.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// A set of signals, the layout of `sigset_t`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct SignalSet(libc::sigset_t);

impl SignalSet {
    /// Every signal.
    pub(crate) fn full() -> SignalSet {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigfillset initialises the whole set.
        unsafe {
            libc::sigfillset(set.as_mut_ptr());
            SignalSet(set.assume_init())
        }
    }

    /// A copy of the application's set.
    ///
    /// # Safety
    /// `set` points to an initialised `sigset_t`.
    pub(crate) unsafe fn from_ptr(set: *const libc::sigset_t) -> SignalSet {
        // SAFETY: the caller's promise.
        SignalSet(unsafe { *set })
    }

    /// What system calls take.
    pub(crate) fn as_ptr(&self) -> *const libc::sigset_t {
        &raw const self.0
    }
}

/// Restores the mask that was in force before; stays on its thread.
pub(crate) struct Blocked {
    previous: libc::sigset_t,
    not_send: PhantomData<*const ()>,
}

/// Blocks every signal in the calling thread until the guard is dropped. A thread started
/// meanwhile inherits the full mask for good.
pub(crate) fn block_all() -> Blocked {
    let full = SignalSet::full();
    let mut previous = MaybeUninit::uninit();
    // SAFETY: both pointers are valid; SIG_BLOCK cannot fail, and initialises `previous`.
    let previous = unsafe {
        libc::sigemptyset(previous.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, full.as_ptr(), previous.as_mut_ptr());
        previous.assume_init()
    };
    Blocked { previous, not_send: PhantomData }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: `previous` is the mask pthread_sigmask gave us.
        unsafe {
            libc::pthread_sigmask(
                libc::SIG_SETMASK,
                &raw const self.previous,
                std::ptr::null_mut(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current() -> libc::sigset_t {
        let mut set = MaybeUninit::uninit();
        // SAFETY: a null new mask only reads the current one.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), set.as_mut_ptr());
            set.assume_init()
        }
    }

    fn blocks(set: &libc::sigset_t, signal: i32) -> bool {
        // SAFETY: the set is initialised.
        unsafe { libc::sigismember(set, signal) == 1 }
    }

    #[test]
    fn guard_blocks_and_restores() {
        let before = blocks(&current(), libc::SIGUSR2);
        {
            let _blocked = block_all();
            assert!(blocks(&current(), libc::SIGUSR2));
            let inherited = std::thread::spawn(|| blocks(&current(), libc::SIGUSR2));
            assert!(inherited.join().unwrap());
        }
        assert_eq!(blocks(&current(), libc::SIGUSR2), before);
    }
}
