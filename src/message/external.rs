//! Bodies in memory of the application, with the function that frees it: zmq_msg_init_data(3).
//!
//! That function is the application's code: it may take a lock that another thread holds while it calls us,
//! or call us itself. So it does not run with a socket or a connection locked: what ends meanwhile is an errand
//! (`sys::errand`). Called by `Message` and the byte queue.

use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr::NonNull;

use super::content::{Content, FreeFn};
use super::{KIND_EXTERNAL, Message};
use crate::sys::cancel;
use crate::sys::errand::{self, Errand};

/// Memory of the application with the function that frees it.
#[repr(C)]
struct External {
    header: Content,
    errand: Errand,
    data: *mut c_void,
    hint: *mut c_void,
    free: FreeFn,
}

/// Wraps memory of the application; `free(data, hint)` runs on some thread after the last use.
pub(super) fn wrap(data: *mut c_void, hint: *mut c_void, free: FreeFn) -> NonNull<Content> {
    let (header, errand) = (Content::header(release), Errand::new(finish));
    let boxed = Box::new(External { header, errand, data, hint, free });
    NonNull::from(Box::leak(boxed)).cast()
}

/// Has the memory given back to the application as soon as that can be.
unsafe fn release(content: NonNull<Content>) {
    // SAFETY: only `wrap` installs this function, on a leaked box; the count is zero, so it is ours. The application
    // made its free function thread safe, zmq_msg_init_data(3).
    unsafe { errand::run(content.byte_add(offset_of!(External, errand)).cast()) };
}

/// Gives the memory back to the application.
unsafe fn finish(errand: NonNull<Errand>) {
    // SAFETY: `release` has passed it on, out of its box, for this one call.
    unsafe {
        let external = errand.byte_sub(offset_of!(External, errand)).cast::<External>();
        let external = Box::from_raw(external.as_ptr());
        let (free, data, hint) = (external.free, external.data, external.hint);
        drop(external);
        // Within a call of this library, whoever is called.
        cancel::off(|| free(data, hint));
    }
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
    fn what_ends_meanwhile_is_freed_afterwards_and_in_order() {
        let ended = || std::mem::take(&mut *FREED.lock().unwrap());
        drop(external(1));
        assert_eq!(ended(), [1]);

        let kept = external(2);
        let copy = kept.share();
        assert!(copy.is_external() && copy.is_shared() && copy.data() == b"the application's");
        let hold = errand::hold();
        drop((external(3), kept));
        drop(external(4));
        std::thread::spawn(|| drop(external(5))).join().unwrap();
        assert_eq!(ended(), [5]);
        drop(hold);
        assert_eq!(ended(), [3, 4]);

        let mut copy = copy;
        let content = copy.take_external().unwrap();
        assert!(copy.is_empty() && !copy.is_external() && copy.take_external().is_none());
        // SAFETY: the reference was the message's.
        unsafe { Content::release(content) };
        assert_eq!(ended(), [2]);
    }
}
