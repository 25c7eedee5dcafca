//! A log: frames that are written once and read by many queues.
//!
//! A publisher that sends the same messages to many subscribers appends them to a log. The queue of each
//! of them, as long as it *follows* the log, has a [`Link`] for its last chunk: a chunk whose bytes are
//! those of the log from a position on. They are published for all followers by one store. A queue that
//! leaves the log seals the link where the log ends then, and goes on in chunks of its own; what other
//! followers get afterwards lies behind that end.
//!
//! ```text
//!   queue 1   [chunk] -> [link] ------.
//!   queue 2   [link] ----------. |
//!                              v v
//!   log        ================================>   published
//!                       ^
//!   queue 3   [link: from..end] -> [chunk] ->      has left
//! ```
//! A follower that goes to sleep says so in its queue and in the log; whoever appends looks at the log
//! alone, and only if somebody sleeps at all the queues. That fence is a full one on both sides.
//! A log has a fixed size; its memory lives as long as a queue has not read its part. Called by
//! `routing::distributor`, through `Pipe`.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::chunk::Chunk;
use super::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use super::sync::{Arc, AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, full_fence};
use super::{MAX_HEADER, Padded, put_header};
use crate::message::{Content, Message};

/// What the followers of a log share.
pub(super) struct Segment {
    /// Bytes that the followers may read. Written by the `Log` alone.
    published: Padded<AtomicUsize>,
    /// Some follower sleeps, or may.
    asleep: AtomicBool,
    /// How many messages were appended, and how many more may be before the followers have to be asked.
    /// Touched on the publisher's side alone, which has a lock of its own.
    messages: Padded<AtomicU64>,
    allowance: AtomicU64,
    bytes: NonNull<[MaybeUninit<u8>]>,
}

// SAFETY: the bytes below `published` do not change any more, those above are touched by the one `Log`.
unsafe impl Send for Segment {}
// SAFETY: the same; everything else in it is atomic.
unsafe impl Sync for Segment {}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: it came from a box, see `Log::new`.
        drop(unsafe { Box::from_raw(self.bytes.as_ptr()) });
    }
}

impl Segment {
    pub(super) fn len(&self) -> usize {
        self.published.0.load(Acquire)
    }

    /// How many messages were appended.
    pub(super) fn messages(&self) -> u64 {
        self.messages.0.load(Relaxed)
    }

    /// The publisher must ask the followers before the next message.
    pub(super) fn disturb(&self) {
        self.allowance.store(0, Relaxed);
    }

    /// Whoever appends must look for followers that sleep, and finds in their queues that they do: an
    /// exchange, so that he sees what each of those has written who came here before him.
    pub(super) fn expect_sleeper(&self) {
        self.asleep.swap(true, AcqRel);
    }
}

/// The writing side of a log.
pub(crate) struct Log {
    pub(super) segment: Arc<Segment>,
}

impl Log {
    /// A log for so many bytes; `None` without memory for it.
    pub(crate) fn new(capacity: usize) -> Option<Log> {
        let mut bytes = Vec::<MaybeUninit<u8>>::new();
        bytes.try_reserve_exact(capacity).ok()?;
        bytes.resize(capacity, MaybeUninit::uninit());
        let bytes = Box::into_raw(bytes.into_boxed_slice());
        // SAFETY: the pointer of a box is not null.
        let bytes = unsafe { NonNull::new_unchecked(bytes) };
        Some(Log {
            segment: Arc::new(Segment {
                published: Padded(AtomicUsize::new(0)),
                asleep: AtomicBool::new(false),
                messages: Padded(AtomicU64::new(0)),
                allowance: AtomicU64::new(0),
                bytes,
            }),
        })
    }

    /// For how many bytes it was made.
    pub(crate) fn capacity(&self) -> usize {
        self.segment.bytes.len()
    }

    /// The most that a frame takes.
    pub(crate) fn need(frame: &Message) -> usize {
        frame.len() + MAX_HEADER
    }

    /// Whether a message of these frames fits in.
    pub(crate) fn has_room(&self, frames: &[&Message]) -> bool {
        let need: usize = frames.iter().copied().map(Log::need).sum();
        self.capacity() - self.segment.len() >= need
    }

    /// How many messages may be appended before the followers have to be asked.
    #[inline]
    pub(crate) fn allowance(&self) -> u64 {
        self.segment.allowance.load(Relaxed)
    }

    /// So many messages may be appended before the followers have to be asked.
    pub(crate) fn set_allowance(&mut self, messages: u64) {
        self.segment.allowance.store(messages, Relaxed);
    }

    /// Appends a message of these frames and publishes it to all followers. True: some may sleep and
    /// must be woken. Does nothing if there is no room.
    #[inline]
    pub(crate) fn append(&mut self, frames: &[&Message]) -> bool {
        if !self.has_room(frames) {
            return false;
        }
        let segment = &*self.segment;
        let mut end = segment.published.0.load(Relaxed);
        for frame in frames {
            let body = frame.data();
            // SAFETY: there is room for the longest header and the body, and nobody else touches
            // what is not published.
            unsafe {
                let at = segment.bytes.cast::<u8>().add(end);
                let header = put_header(at, frame.flags(), body.len());
                super::copy(at.add(header), NonNull::from(body).cast(), body.len());
                end += header + body.len();
            }
        }
        let (messages, allowance) = (segment.messages(), self.allowance());
        segment.messages.0.store(messages + 1, Relaxed);
        segment.allowance.store(allowance.saturating_sub(1), Relaxed);
        segment.published.0.store(end, Release);
        full_fence();
        segment.asleep.load(Relaxed) && segment.asleep.swap(false, AcqRel)
    }
}

/// A chunk whose bytes are those of a log.
#[repr(C)]
pub(super) struct Link {
    chunk: Chunk,
    segment: Arc<Segment>,
    /// Where in the log it begins, and at which offset of the queue.
    from: usize,
    base: u64,
}

impl Link {
    /// A link from the end of a log on, with one reference.
    pub(super) fn allocate(segment: Arc<Segment>, base: u64) -> NonNull<Chunk> {
        let from = segment.len();
        // SAFETY: the log is not longer than its bytes.
        let data = unsafe { segment.bytes.cast::<u8>().add(from) };
        let chunk = Chunk::over(data, Content::header(release));
        let link = Box::into_raw(Box::new(Link { chunk, segment, from, base }));
        // SAFETY: the pointer of a box is not null.
        unsafe { NonNull::new_unchecked(link.cast()) }
    }

    /// The log that a chunk is a part of.
    ///
    /// # Safety
    /// The chunk must be one that `allocate` gave, and live.
    pub(super) unsafe fn segment<'a>(chunk: NonNull<Chunk>) -> &'a Arc<Segment> {
        // SAFETY: the caller vouches for the chunk, which is the first field.
        unsafe { &chunk.cast::<Link>().as_ref().segment }
    }

    /// How long the link is if its queue leaves the log now.
    ///
    /// # Safety
    /// As for `segment`.
    pub(super) unsafe fn len(chunk: NonNull<Chunk>) -> usize {
        // SAFETY: the caller vouches for the chunk.
        let link = unsafe { chunk.cast::<Link>().as_ref() };
        link.segment.len() - link.from
    }

    /// Up to which offset of the queue its reader may read.
    ///
    /// # Safety
    /// As for `segment`.
    pub(super) unsafe fn published(chunk: NonNull<Chunk>) -> u64 {
        // SAFETY: the caller vouches for the chunk.
        unsafe {
            // If the queue has left the log and something came into it since, the end is known.
            let len = Link::len(chunk);
            let len = len.min(chunk.as_ref().end.load(Relaxed));
            chunk.cast::<Link>().as_ref().base + len as u64
        }
    }
}

unsafe fn release(content: NonNull<Content>) {
    // SAFETY: only `Link::allocate` installs this function, and the last reference is gone.
    drop(unsafe { Box::from_raw(content.cast::<Link>().as_ptr()) });
}

/// What the writer tells the reader.
pub(super) struct Published {
    /// Bytes that the reader may read, since the beginning of time, if the queue follows no log.
    pub(super) offset: AtomicU64,
    /// The link of the log that the queue follows; null if there is none. It is taken away before anything behind it is published,
    /// so a reader that has gone beyond a link does not find it here.
    pub(super) link: AtomicPtr<Chunk>,
}

impl Published {
    pub(super) fn new() -> Published {
        Published { offset: AtomicU64::new(0), link: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// The link, for the reader, or anybody who knows that it has not gone beyond it.
    pub(super) fn link(&self) -> Option<NonNull<Chunk>> {
        NonNull::new(self.link.load(Acquire))
    }
}

#[cfg(all(test, not(loom)))]
#[path = "log_test.rs"]
mod log_test;
