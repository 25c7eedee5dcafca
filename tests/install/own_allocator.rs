//! A Rust program with an allocator of its own that links `libzmq.a`: the library leaves the choice
//! to it. tests/install/run compiles and runs it; tests/own_allocator.rs does the same with the
//! crate.

#[path = "../counting/mod.rs"]
mod counting;

use std::ffi::{c_int, c_void};
use std::sync::atomic::Ordering;

use counting::ALLOCATED;

unsafe extern "C" {
    fn zmq_ctx_new() -> *mut c_void;
    fn zmq_ctx_term(context: *mut c_void) -> c_int;
    fn zmq_socket(context: *mut c_void, kind: c_int) -> *mut c_void;
    fn zmq_close(socket: *mut c_void) -> c_int;
}

fn main() {
    let before = ALLOCATED.load(Ordering::Relaxed);
    // SAFETY: the context and the socket are ours.
    unsafe {
        let context = zmq_ctx_new();
        let socket = zmq_socket(context, 0);
        assert!(!socket.is_null() && ALLOCATED.load(Ordering::Relaxed) > before);
        assert_eq!((zmq_close(socket), zmq_ctx_term(context)), (0, 0));
    }
    println!("the library uses the program's allocator");
}
