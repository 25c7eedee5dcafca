//! A chunk of queue memory: counted storage, so that messages can be slices of it.
//!
//! Chunks are linked from the reader's position to the writer's. The queue owns one reference to
//! each chunk on the chain; every message that points into a chunk owns another. Called by the
//! writer, the reader and `log`.

use std::cell::UnsafeCell;
use std::ptr::NonNull;

use super::METADATA_FRAME;
use super::sync::{AtomicPtr, AtomicUsize, Ordering::Relaxed, Watch};
use crate::message::{Content, Message, spare};

/// The first chunks of a queue are small, since most connections carry little: one for what is known
/// of the peer, which is all that an idle connection holds, one for the first messages, and one more.
pub(super) const TINY: usize = METADATA_FRAME;
/// Behind a large body, for the header of the next.
pub(super) const BRIEF: usize = 48;
pub(super) const SMALL: usize = 1024 - HEADER;
pub(super) const MEDIUM: usize = 4 * 1024 - HEADER;
/// Chunks after these.
pub(super) const USUAL: usize = 64 * 1024 - HEADER;
/// "Not set" for `end` and `boundary`.
pub(super) const NONE: usize = usize::MAX;

const HEADER: usize = size_of::<Chunk>();

/// The header of a chunk; `capacity` bytes of data follow it, or it stands for bytes elsewhere (`log`).
#[repr(C)]
pub(super) struct Chunk {
    header: Content,
    /// The chunk after this one. Written before any byte behind it is published.
    pub(super) next: AtomicPtr<Chunk>,
    /// How many bytes this chunk holds, once it is sealed. Written with `next`.
    pub(super) end: AtomicUsize,
    /// Where the first message that begins in this chunk begins; `NONE` if none does.
    pub(super) boundary: AtomicUsize,
    /// A large body that follows the bytes on the wire. Written with `next`; taken by the reader.
    pub(super) body: UnsafeCell<Option<Message>>,
    pub(super) capacity: usize,
    data: NonNull<u8>,
    pub(super) watch: Watch,
}

impl Chunk {
    /// An empty chunk with room for at least `capacity` bytes and one reference; `None` without memory for it.
    pub(super) fn allocate(capacity: usize) -> Option<NonNull<Chunk>> {
        let raw = spare::obtain(capacity.checked_add(HEADER)?)?.cast::<Chunk>();
        // SAFETY: the memory is ours, aligned, and large enough for the header and the data behind it.
        unsafe {
            let chunk =
                Chunk { capacity, ..Chunk::over(raw.add(1).cast(), Content::header(release)) };
            raw.write(chunk);
        }
        Some(raw)
    }

    /// A chunk over bytes that others write.
    pub(super) fn over(data: NonNull<u8>, header: Content) -> Chunk {
        Chunk {
            header,
            next: AtomicPtr::new(std::ptr::null_mut()),
            end: AtomicUsize::new(NONE),
            boundary: AtomicUsize::new(NONE),
            body: UnsafeCell::new(None),
            capacity: 0,
            data,
            watch: Watch::new(),
        }
    }

    /// Where the data of the chunk begins.
    ///
    /// # Safety
    /// `this` must be live.
    pub(super) unsafe fn data(this: NonNull<Chunk>) -> NonNull<u8> {
        // SAFETY: the caller vouches for the chunk.
        unsafe { this.as_ref() }.data
    }

    /// How many bytes the writer may put behind the first `used`; none into bytes that others write.
    #[inline]
    pub(super) fn room_behind(&self, used: usize) -> usize {
        self.capacity.saturating_sub(used)
    }

    /// Takes one reference for a message that points into the chunk.
    ///
    /// # Safety
    /// `this` must be live.
    pub(super) unsafe fn retain(this: NonNull<Chunk>) -> NonNull<Content> {
        // SAFETY: the content header is the first field.
        unsafe { this.as_ref() }.header.retain();
        this.cast()
    }

    /// Gives back the queue's reference.
    ///
    /// # Safety
    /// The caller must own that reference, and the chunk must be off the chain.
    pub(super) unsafe fn release(this: NonNull<Chunk>) {
        // SAFETY: the caller owns the reference.
        unsafe { Content::release(this.cast()) }
    }

    /// Seals the chunk at `end` bytes and links the one after it.
    pub(super) fn seal(&self, end: usize, next: NonNull<Chunk>) {
        self.end.store(end, Relaxed);
        self.next.store(next.as_ptr(), Relaxed);
    }

    /// The next chunk, once this one is sealed.
    pub(super) fn next(&self) -> Option<NonNull<Chunk>> {
        NonNull::new(self.next.load(Relaxed))
    }
}

unsafe fn release(content: NonNull<Content>) {
    let chunk = content.cast::<Chunk>();
    // SAFETY: only `allocate` installs this function, and the last reference is gone.
    unsafe {
        let capacity = chunk.as_ref().capacity;
        chunk.drop_in_place();
        spare::give_back(chunk.cast(), capacity + HEADER);
    }
}
