//! The C `errno` of the calling thread. Set by `ffi::boundary` as its last action.

/// Reads `errno`.
pub(crate) fn get() -> i32 {
    // SAFETY: the C library returns a valid pointer to the calling thread's errno.
    unsafe { *location() }
}

/// Writes `errno`.
pub(crate) fn set(value: i32) {
    // SAFETY: as above; nothing else refers to this thread's errno during the write.
    unsafe { *location() = value }
}

/// # Safety
/// None beyond that of calling C; the pointer is valid while the thread lives.
unsafe fn location() -> *mut libc::c_int {
    #[cfg(target_os = "linux")]
    // SAFETY: it may be called at any time, on any thread.
    return unsafe { libc::__errno_location() };
    #[cfg(target_os = "freebsd")]
    // SAFETY: as above.
    return unsafe { libc::__error() };
    #[cfg(target_os = "android")]
    // SAFETY: as above.
    return unsafe { libc::__errno() };
}
