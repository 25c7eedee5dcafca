//! A Rust program with an allocator of its own that links `libzmq.a`: the library leaves the choice to it. tests/install/run compiles
//! and runs it; tests/own_allocator.rs does the same with the crate.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: by the contract of the function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: by the contract of the function.
        unsafe { System.dealloc(memory, layout) }
    }
}

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
