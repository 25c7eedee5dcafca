//! Reference-counted storage behind messages that do not fit inline.
//!
//! Three kinds of memory hide behind one header: a block of our own, a block that the application
//! lent us together with a free function (`external`), and a chunk of a byte queue (`pipe::byte_queue`). The
//! header holds the count and the function that gives the memory back, so a message needs only a
//! pointer to it. Called by `Message` and by the byte queue.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use super::spare;
use crate::error::{Error, Result};

/// The signature of `zmq_free_fn`.
pub(crate) type FreeFn = unsafe extern "C" fn(data: *mut c_void, hint: *mut c_void);

/// The header every kind of storage starts with.
#[repr(C)]
pub(crate) struct Content {
    refs: AtomicUsize,
    /// Called once, by whoever drops the last reference.
    release: unsafe fn(NonNull<Content>),
}

impl Content {
    /// A header with one reference, to be put at the start of a larger structure.
    pub(crate) const fn header(release: unsafe fn(NonNull<Content>)) -> Content {
        Content { refs: AtomicUsize::new(1), release }
    }

    /// How many references there are now.
    pub(crate) fn references(&self) -> usize {
        self.refs.load(Ordering::Acquire)
    }

    /// Takes one more reference.
    pub(crate) fn retain(&self) {
        self.refs.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives a reference back and releases the storage with the last one.
    ///
    /// # Safety
    /// `this` must be live and the caller must own a reference, which it may not use again.
    pub(crate) unsafe fn release(this: NonNull<Content>) {
        // SAFETY: the caller owns a reference, so the header is live until it is given back.
        unsafe {
            let header = this.as_ref();
            // Where it is the only one nobody else can add any, so there is nothing to count.
            if header.refs.load(Ordering::Acquire) == 1 {
                return (header.release)(this);
            }
            if header.refs.fetch_sub(1, Ordering::Release) == 1 {
                fence(Ordering::Acquire);
                (header.release)(this);
            }
        }
    }
}

/// A block of our own: the header, then the bytes.
#[repr(C)]
pub(super) struct Block {
    header: Content,
    size: usize,
}

fn block_size(size: usize) -> Result<usize> {
    size.checked_add(size_of::<Block>()).ok_or(Error::NOMEM)
}

/// Allocates a block of `size` bytes with one reference; returns it with its bytes, whose values
/// are arbitrary. They are not cleared, since clearing a large block costs as much as filling it.
pub(crate) fn allocate(size: usize) -> Result<(NonNull<Content>, NonNull<u8>)> {
    let block = spare::obtain(block_size(size)?).ok_or(Error::NOMEM)?.cast::<Block>();
    // SAFETY: the block is ours, large enough and aligned for the header and `size` bytes.
    unsafe {
        block.write(Block { header: Content::header(release_block), size });
        Ok((block.cast(), block.add(1).cast::<u8>()))
    }
}

/// Makes a block larger, up to `size` bytes, whose new part is arbitrary. The block may move; if there
/// is no memory for it, it stays as it was.
///
/// # Safety
/// `content` must be a block made by [`allocate`] or this, with one reference, and not larger.
pub(crate) unsafe fn grow(
    content: NonNull<Content>,
    size: usize,
) -> Result<(NonNull<Content>, NonNull<u8>)> {
    let block = content.cast::<Block>();
    let new = block_size(size)?;
    // SAFETY: the caller vouches for the block, which knows its size.
    unsafe {
        let old = block_size(block.as_ref().size)?;
        let raw = spare::enlarge(block.cast(), old, new).ok_or(Error::NOMEM)?;
        let mut block = raw.cast::<Block>();
        block.as_mut().size = size;
        Ok((block.cast(), block.add(1).cast::<u8>()))
    }
}

/// Whether it is a block made by [`allocate`], which no two messages share that are not copies.
///
/// # Safety
/// `content` must be live.
#[inline]
pub(super) unsafe fn is_block(content: NonNull<Content>) -> bool {
    // SAFETY: the caller vouches for the content; `allocate` alone makes contents with that function.
    let release = unsafe { content.as_ref() }.release;
    std::ptr::fn_addr_eq(release, release_block as unsafe fn(NonNull<Content>))
}

/// The bytes of a block that nobody else refers to and that suits `size` bytes, to be filled again.
///
/// # Safety
/// `content` must be live, and the caller must own a reference.
#[inline]
pub(crate) unsafe fn reuse(content: NonNull<Content>, size: usize) -> Option<NonNull<u8>> {
    // SAFETY: the caller owns a reference.
    unsafe {
        if !is_block(content) || content.as_ref().references() != 1 {
            return None;
        }
        let block = content.cast::<Block>();
        let room = block.as_ref().size;
        (size <= room && room <= 2 * size).then(|| block.add(1).cast())
    }
}

/// The same pointer to memory that counts as written: the empty assembly may have filled it, as far
/// as the compiler knows, so its bytes have some fixed, arbitrary value and may be read.
pub(super) fn settled(mut memory: *mut u8) -> *mut u8 {
    // SAFETY: no instructions.
    unsafe { std::arch::asm!("/* {0} */", inout(reg) memory, options(nostack, preserves_flags)) };
    memory
}

unsafe fn release_block(content: NonNull<Content>) {
    let block = content.cast::<Block>();
    // SAFETY: only blocks made by `allocate` carry this function, and this was the last reference.
    unsafe {
        let size = block.as_ref().size + size_of::<Block>();
        spare::give_back(block.cast(), size);
    }
}
