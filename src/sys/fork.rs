//! Tells a forked child from its parent without a system call.
//!
//! Contexts, sockets and ipc files remember the generation they were made in; in a child the number
//! is another one, and the parent's descriptors and files are left alone.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static GENERATION: AtomicU32 = AtomicU32::new(0);
static REGISTER: Once = Once::new();

/// How many forks lie between this process and the one that first asked.
pub(crate) fn generation() -> u32 {
    REGISTER.call_once(|| {
        // SAFETY: the handler is a plain function that is never unloaded (`-z nodelete`) and does
        // nothing but an atomic addition, which is safe after fork.
        unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    });
    GENERATION.load(Ordering::Relaxed)
}

extern "C" fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_is_another_generation() {
        let parent = generation();
        // SAFETY: the child only reads an atomic and exits.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let code = i32::from(GENERATION.load(Ordering::Relaxed) == parent);
            // SAFETY: leaves without running anything of the parent's.
            unsafe { libc::_exit(code) };
        }
        let mut status = 0;
        // SAFETY: waits for our own child.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0);
        assert_eq!(generation(), parent);
    }
}
