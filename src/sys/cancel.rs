//! Keeping pthread_cancel(3) out of the library.
//!
//! glibc ends a cancelled thread by unwinding its stack, by force and from within a system call, wherever that
//! is. What a call had begun would stay half done, and `catch_unwind`, which every exported function has, may not
//! stop it: the process would be aborted. So whatever is a cancellation point by POSIX is none here: system calls
//! that a call may come to any time have [`off`] around them, and calls that are rare are whole inside of it
//! (`ffi::boundary`). Nothing is done for calls that only touch memory. Used wherever something may block.

use std::marker::PhantomData;

/// Cancellation is as it was again when this is dropped; stays on its thread.
struct Off {
    before: libc::c_int,
    not_send: PhantomData<*const ()>,
}

/// Calls `call` without a cancellation point. A request stays pending.
#[inline]
pub(crate) fn off<T>(call: impl FnOnce() -> T) -> T {
    let _off = Off { before: set(DISABLE), not_send: PhantomData };
    call()
}

impl Drop for Off {
    #[inline]
    fn drop(&mut self) {
        set(self.before);
    }
}

const DISABLE: libc::c_int = 1;

/// Sets the state, which leaves errno alone; the state before.
#[cfg(not(any(target_os = "android", miri)))]
#[inline]
fn set(state: libc::c_int) -> libc::c_int {
    unsafe extern "C" {
        fn pthread_setcancelstate(state: libc::c_int, before: *mut libc::c_int) -> libc::c_int;
    }
    let mut before = 0;
    // SAFETY: the place for the state before is valid.
    unsafe { pthread_setcancelstate(state, &raw mut before) };
    before
}

/// There is no pthread_cancel(3).
#[cfg(any(target_os = "android", miri))]
#[inline]
fn set(_state: libc::c_int) -> libc::c_int {
    0
}
