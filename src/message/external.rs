//! Bodies in memory of the application, with the function that frees it: zmq_msg_init_data(3).
//!
//! That function is the application's code: it may take a lock that another thread holds while it calls us,
//! or call us itself. So it does not run with a connection locked: what ends meanwhile is kept back
//! ([`holding_back`]). Called by `Message`, the byte queue and `runtime`.

use std::cell::Cell;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::{NonNull, null_mut};

use super::content::{Content, FreeFn};
use super::{KIND_EXTERNAL, Message};
use crate::sys::cancel;

/// Memory of the application with the function that frees it.
#[repr(C)]
struct External {
    header: Content,
    data: *mut c_void,
    hint: *mut c_void,
    free: FreeFn,
    /// The next one that is kept back.
    next: *mut External,
}

/// Wraps memory of the application; `free(data, hint)` runs on some thread after the last use.
pub(super) fn wrap(data: *mut c_void, hint: *mut c_void, free: FreeFn) -> NonNull<Content> {
    let header = Content::header(release);
    let boxed = Box::new(External { header, data, hint, free, next: null_mut() });
    NonNull::from(Box::leak(boxed)).cast()
}

unsafe fn release(content: NonNull<Content>) {
    let external = content.cast::<External>().as_ptr();
    let kept = HELD.get();
    // SAFETY: only `wrap` installs this function, on a leaked box; the count is zero, so it is ours. The last one
    // that was kept back is this thread's until its `Left` is.
    unsafe {
        match kept {
            None => finish(external),
            Some(Kept { first, last }) => {
                let first = if last.is_null() { external } else { first };
                if !last.is_null() {
                    (*last).next = external;
                }
                HELD.set(Some(Kept { first, last: external }));
            }
        }
    }
}

/// Gives the memory back to the application.
///
/// # Safety
/// It must come from `wrap`, and nobody may use it again.
unsafe fn finish(external: *mut External) {
    // SAFETY: the caller vouches for it.
    unsafe {
        let external = Box::from_raw(external);
        // Within a call of this library, whoever is called.
        cancel::off(|| (external.free)(external.data, external.hint));
    }
}

/// What is kept back, the first to end first.
#[derive(Clone, Copy)]
struct Kept {
    first: *mut External,
    last: *mut External,
}

thread_local! {
    /// What this thread keeps back; `None` if it does not.
    static HELD: Cell<Option<Kept>> = const { Cell::new(None) };
}

/// Bodies that are out of use. Their free functions run when this is dropped.
pub(crate) struct Left(*mut External);

// SAFETY: zmq_msg_init_data(3) makes the application's free function thread safe.
unsafe impl Send for Left {}

impl Drop for Left {
    fn drop(&mut self) {
        while !self.0.is_null() {
            let external = self.0;
            // SAFETY: the list is ours, each of them once.
            unsafe {
                self.0 = (*external).next;
                finish(external);
            }
        }
    }
}

/// Does `work`, and gives what has ended meanwhile on this thread besides its result.
pub(crate) fn holding_back<R>(work: impl FnOnce() -> R) -> (R, Left) {
    if cfg!(loom) {
        // Loom's threads are one thread.
        return (work(), Left(null_mut()));
    }
    /// Puts things back as they were, after a panic too.
    struct Before(Option<Kept>);
    impl Drop for Before {
        fn drop(&mut self) {
            let kept = HELD.replace(self.0);
            drop(Left(kept.map_or(null_mut(), |kept| kept.first)));
        }
    }
    let nothing = Kept { first: null_mut(), last: null_mut() };
    let before = Before(HELD.replace(Some(nothing)));
    let result = work();
    let kept = HELD.replace(ManuallyDrop::new(before).0);
    (result, Left(kept.map_or(null_mut(), |kept| kept.first)))
}

impl Message {
    /// Whether the body is the application's, which waits for its free function to be called.
    #[inline]
    pub(crate) fn is_external(&self) -> bool {
        self.kind == KIND_EXTERNAL
    }

    /// Takes the reference to the content of such a body, and leaves an empty message.
    #[inline]
    pub(crate) fn take_external(&mut self) -> Option<NonNull<Content>> {
        if self.kind != KIND_EXTERNAL {
            return None;
        }
        let content = NonNull::new(self.shared().content);
        self.kind = super::KIND_INLINE;
        self.size = 0;
        self.clear();
        content
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    static FREED: Mutex<Vec<usize>> = Mutex::new(Vec::new());

    unsafe extern "C" fn freed(_data: *mut c_void, hint: *mut c_void) {
        FREED.lock().unwrap().push(hint.addr());
    }

    fn external(number: usize) -> Message {
        let data = b"the application's".as_ptr().cast_mut().cast();
        // SAFETY: static bytes, that nobody writes to.
        unsafe {
            Message::from_external(data, 17, Some(freed), std::ptr::without_provenance_mut(number))
        }
    }

    #[test]
    fn what_is_held_back_ends_afterwards_and_in_order() {
        let ended = || std::mem::take(&mut *FREED.lock().unwrap());
        drop(external(1));
        assert_eq!(ended(), [1]);

        let kept = external(2);
        let copy = kept.share();
        assert!(copy.is_external() && copy.is_shared() && copy.data() == b"the application's");
        let (inner, left) = holding_back(|| {
            drop((external(3), kept));
            let (_, left) = holding_back(|| drop(external(4)));
            drop(external(5));
            assert_eq!(ended(), []);
            left
        });
        assert_eq!(ended(), []);
        drop(left);
        assert_eq!(ended(), [3, 5]);
        std::thread::spawn(|| drop(inner)).join().unwrap();
        assert_eq!(ended(), [4]);

        let mut copy = copy;
        let content = copy.take_external().unwrap();
        assert!(copy.is_empty() && !copy.is_external() && copy.take_external().is_none());
        // SAFETY: the reference was the message's.
        unsafe { Content::release(content) };
        assert_eq!(ended(), [2]);

        let panicked = std::panic::catch_unwind(|| {
            holding_back(|| {
                let _ends = external(6);
                std::panic::resume_unwind(Box::new(()));
            })
        });
        assert!(panicked.is_err());
        drop(external(7));
        assert_eq!(ended(), [6, 7]);
    }
}
