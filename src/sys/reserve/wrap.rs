//! malloc(3) and its relatives as the shared library knows them: the system's, or pieces of the reserve.
//!
//! The library's own calls, and no other's, come here by the linker's `--wrap` (build.rs). A global
//! allocator would do the same, but a program has one of these, and that belongs to whoever links
//! `libzmq.a` or this crate: there nothing is wrapped.

use std::ffi::{c_int, c_void};

use super::{offset, piece_at, put, take};

unsafe extern "C" {
    // The system's own, see `wrap`.
    fn zmq_real_malloc(size: usize) -> *mut c_void;
    fn zmq_real_calloc(count: usize, size: usize) -> *mut c_void;
    fn zmq_real_realloc(memory: *mut c_void, size: usize) -> *mut c_void;
    fn zmq_real_posix_memalign(to: *mut *mut c_void, alignment: usize, size: usize) -> c_int;
    fn zmq_real_free(memory: *mut c_void);
}

#[cfg(target_arch = "x86_64")]
macro_rules! jump {
    ("{ours}") => { "jmp {ours}" };
    ($($name:literal),*) => { concat!("jmp ", $($name,)* "@PLT") };
}

#[cfg(target_arch = "aarch64")]
macro_rules! jump {
    ($($name:literal),*) => { concat!("b ", $($name),*) };
}

/// What the linker makes of `malloc` in the shared library, and what the system's is called here.
/// The names are weak, since where nothing is wrapped nobody defines or uses them, and hidden,
/// since they are nobody else's.
macro_rules! wrap {
    ($($name:literal: $ours:path),*) => {
        $(std::arch::global_asm!(
            concat!(".pushsection .text.zmq_", $name, ",\"ax\",%progbits"),
            concat!(".weak __wrap_", $name),
            concat!(".hidden __wrap_", $name),
            concat!(".type __wrap_", $name, ",%function"),
            concat!("__wrap_", $name, ":"),
            jump!("{ours}"),
            concat!(".weak __real_", $name),
            concat!(".weak zmq_real_", $name),
            concat!(".hidden zmq_real_", $name),
            concat!(".type zmq_real_", $name, ",%function"),
            concat!("zmq_real_", $name, ":"),
            jump!("__real_", $name),
            ".popsection",
            ours = sym $ours,
        );)*
    };
}

wrap! {
    "malloc": malloc, "calloc": calloc, "realloc": realloc, "posix_memalign": posix_memalign, "free": free
}

/// # Safety
/// That of malloc(3), as with the others.
unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: by the contract of the function.
    let memory = unsafe { zmq_real_malloc(size) };
    if memory.is_null() { take(size, 1) } else { memory }
}

unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: by the contract of the function.
    let memory = unsafe { zmq_real_calloc(count, size) };
    let Some(size) = count.checked_mul(size).filter(|_| memory.is_null()) else { return memory };
    let memory = take(size, 1);
    if !memory.is_null() {
        // SAFETY: the piece is ours and has room for so much.
        unsafe { memory.write_bytes(0, size) };
    }
    memory
}

unsafe extern "C" fn posix_memalign(to: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    // SAFETY: by the contract of the function.
    let result = unsafe { zmq_real_posix_memalign(to, alignment, size) };
    if result != libc::ENOMEM {
        return result;
    }
    let memory = take(size, alignment);
    if memory.is_null() {
        return result;
    }
    // SAFETY: `to` points to where the memory is to be told.
    unsafe { *to = memory };
    0
}

unsafe extern "C" fn realloc(memory: *mut c_void, size: usize) -> *mut c_void {
    let place = offset(memory);
    if place.is_none() {
        // SAFETY: by the contract of the function; what is not in the reserve is the system's.
        let moved = unsafe { zmq_real_realloc(memory, size) };
        if !moved.is_null() || size == 0 {
            return moved;
        }
    }
    // SAFETY: by the contract of the function; both pieces have room for what is copied, and the old one is
    // given back last.
    unsafe {
        let before = match place {
            Some(offset) => piece_at(offset).0,
            None if memory.is_null() => 0,
            None => libc::malloc_usable_size(memory),
        };
        let new = malloc(size);
        if !new.is_null() {
            new.copy_from_nonoverlapping(memory, before.min(size));
            free(memory);
        }
        new
    }
}

unsafe extern "C" fn free(memory: *mut c_void) {
    match offset(memory) {
        Some(offset) => put(offset),
        // SAFETY: by the contract of the function; what is not in the reserve is the system's.
        None => unsafe { zmq_real_free(memory) },
    }
}
