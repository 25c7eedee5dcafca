//! A program with an allocator of its own that has this crate in it: a program has one global allocator, so the library
//! brings none (src/sys/reserve/wrap.rs). tests/install/run does the same with `libzmq.a`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use zmq::ffi::{zmq_close, zmq_ctx_new, zmq_ctx_term, zmq_socket};

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
