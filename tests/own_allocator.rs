//! A program with an allocator of its own that has this crate in it: a program has one global
//! allocator, so the library brings none (src/sys/reserve/wrap.rs). tests/install/run does the same
//! with `libzmq.a`.

mod counting;

use std::sync::atomic::Ordering;

use counting::ALLOCATED;
use zmq::ffi::{zmq_close, zmq_ctx_new, zmq_ctx_term, zmq_socket};

#[test]
fn the_library_uses_the_allocator_of_the_program() {
    let before = ALLOCATED.load(Ordering::Relaxed);
    let context = zmq_ctx_new();
    // SAFETY: the context and the socket are ours.
    unsafe {
        let socket = zmq_socket(context, 0);
        assert!(!socket.is_null() && ALLOCATED.load(Ordering::Relaxed) > before);
        assert_eq!((zmq_close(socket), zmq_ctx_term(context)), (0, 0));
    }
}
