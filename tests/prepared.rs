//! What `zmq_ctx_new` settles once for the process, while it may still have a single thread: the
//! registration for membarrier(2). Left to the first thread that sleeps it would hold an I/O thread up
//! for 10 ms and more, and what an application sends meanwhile. A process of its own: nobody else here
//! may have made a context before.

use zmq::ffi::{zmq_ctx_new, zmq_ctx_term};

const GET_REGISTRATIONS: i32 = 1 << 9;
const REGISTER_PRIVATE_EXPEDITED: i64 = 1 << 4;

/// Whether the process is registered; None where the kernel does not tell (before Linux 6.3).
fn registered() -> Option<bool> {
    // SAFETY: membarrier takes integers and touches no memory.
    let found = unsafe { libc::syscall(libc::SYS_membarrier, GET_REGISTRATIONS, 0, 0) };
    (found >= 0).then_some(found & REGISTER_PRIVATE_EXPEDITED != 0)
}

#[test]
fn a_context_registers_before_there_is_anything_to_wait_for() {
    let Some(before) = registered() else { return };
    assert!(!before, "nobody has asked before");
    let context = zmq_ctx_new();
    assert_eq!(registered(), Some(true));
    // SAFETY: the context is ours and has no sockets.
    assert_eq!(unsafe { zmq_ctx_term(context) }, 0);
}
