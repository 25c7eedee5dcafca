//! What `zmq_ctx_new` settles once for the process, while it may still have a single thread: the
//! registration for membarrier(2). Left to the first thread that sleeps it would hold an I/O thread up
//! for 10 ms and more, and what an application sends meanwhile. A process of its own: nobody else here
//! may have made a context before.

use std::io::{Error, Write, stderr};

use zmq::ffi::{zmq_ctx_new, zmq_ctx_term};

const PRIVATE_EXPEDITED: i64 = 1 << 3;

/// Whether the process is registered: without it the kernel refuses this command with EPERM. None where
/// it does not know the command (before Linux 4.14), and there is nothing to register for.
fn registered() -> Option<bool> {
    // SAFETY: membarrier takes integers and touches no memory.
    match unsafe { libc::syscall(libc::SYS_membarrier, PRIVATE_EXPEDITED, 0, 0) } {
        0 => Some(true),
        _ => (Error::last_os_error().raw_os_error() == Some(libc::EPERM)).then_some(false),
    }
}

#[test]
fn a_context_registers_before_there_is_anything_to_wait_for() {
    let Some(before) = registered() else {
        // Where the test harness does not swallow it.
        return writeln!(stderr(), "not run: this kernel has no expedited membarrier").unwrap();
    };
    assert!(!before, "nobody has asked before");
    let context = zmq_ctx_new();
    assert_eq!(registered(), Some(true));
    // SAFETY: the context is ours and has no sockets.
    assert_eq!(unsafe { zmq_ctx_term(context) }, 0);
}
