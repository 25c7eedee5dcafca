//! The byte queue: a single-producer single-consumer queue of ZMTP frames in linked chunks.
//!
//! It carries canonical frames `[flags][length, 1 or 8 bytes][body]` (23/ZMTP 3.0, framing). The
//! writer appends frames and publishes whole messages by advancing one offset; the reader takes
//! frames as messages (an application) or takes bytes as they are (whoever writes to the network).
//! A frame is never split between chunks, so a body can be handed out as a slice of its chunk.
//!
//! Two forms exist only in memory and never reach a wire: a frame that holds a [`Message`] itself
//! (`EMBEDDED`, so that large bodies move by pointer) and one that holds the peer's metadata
//! (`METADATA`). A queue that is written to the network carries large bodies as `Chunk::body`
//! instead, behind a plain header.
//!
//! Sleeping: a reader that found nothing raises `reader_asleep`, fences, and looks again; a writer
//! publishes, fences, and looks at the flag. One of the two sees the other. The same holds for a
//! writer that waits for room (`wake_at`). The reader's fence interrupts the other processors, which
//! makes the writer's free (`sys::membarrier`); a reader that sleeps after every few messages, as in
//! a dialogue, asks for ordinary fences on both sides instead (`fenced`), and every queue begins so.
//! Whoever reads for a network looks for a writer that waits only once for many messages, and then
//! both sides of that wait use ordinary fences (`Style::Wire`).
//!
//! What many queues are to carry alike they take from a `log`. Called by `pipe::Pipe`, and by
//! `runtime::incoming` and `runtime::outgoing`, which move bytes between queues and streams.

#![allow(unsafe_code)]

mod chunk;
mod half;
mod held;
mod log;
mod reader;
mod sync;
mod writer;

use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::Arc;

use chunk::{Chunk, NONE};
use half::Half;
use held::Held;
pub(crate) use log::Log;
use log::Published;
pub(crate) use reader::Reader;
use sync::Ordering::{AcqRel, Relaxed};
use sync::{AtomicBool, AtomicPtr, AtomicU64, full_fence, in_order, light_is_free};
pub(crate) use writer::{Place, Writer};

use crate::message::{Message, Metadata};
use crate::sys::prefetch;
use crate::sys::sync::free_fence;

/// ZMTP frame flag: the length has 8 bytes.
const LARGE: u8 = 2;
/// Memory only: a whole `Message` follows instead of length and body.
const EMBEDDED: u8 = 0x80;
/// Memory only: a pointer to the peer's metadata follows instead of length and body.
const METADATA: u8 = 0x40;

/// The longest header of a frame that a network knows: flags and a length of 8 bytes.
const MAX_HEADER: usize = 9;
/// Size of an embedded message frame.
const EMBEDDED_FRAME: usize = 1 + size_of::<Message>();
/// Size of a metadata frame.
const METADATA_FRAME: usize = 1 + size_of::<*const Metadata>();

/// How bodies are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// The bytes go to a network: every byte in the chunks is a byte on the wire.
    Wire,
    /// The frames are read by an application of this process.
    Memory,
}

/// Above this size a message in a `Memory` queue moves by pointer. To copy it would cost less than to
/// free memory of another thread up to about here.
const EMBED_ABOVE: usize = 256;
/// The same for a message whose bytes are only lent, so that moving it costs a copy as well.
const EMBED_LENT_ABOVE: usize = 4096;
/// Above this size a message in a `Wire` queue is not copied into the chunk.
const BODY_FROM: usize = 16 * 1024;

/// Each side's state on its own cache lines, so that the sides do not slow each other down.
#[repr(align(128))]
struct Padded<T>(T);

struct Shared {
    style: Style,
    /// Bodies of up to so many bytes are copied into the chunks, and when their bytes are lent.
    copied: usize,
    copied_lent: usize,
    /// Whoever reads for an application need not fence before it looks for a writer that waits.
    light: bool,
    /// What the reader may read. Written by the writer.
    published: Padded<Published>,
    /// Bytes that the reader is done with. Written by the reader.
    consumed: Padded<AtomicU64>,
    reader_asleep: AtomicBool,
    /// The reader sleeps so often that its heavy fence costs more than a full fence at each
    /// publication; or the light fence is not free. Set by the reader.
    fenced: AtomicBool,
    /// The writer waits until this much is consumed; `u64::MAX` when it does not wait.
    wake_at: AtomicU64,
    writer_closed: AtomicBool,
    reader_closed: AtomicBool,
    /// One of the two sides is gone altogether.
    half_gone: AtomicBool,
    /// Contents of the application's whose frames have not left.
    held: Held,
    /// The very first chunk, for a reader that has not begun. Written before the first publication.
    first: AtomicPtr<Chunk>,
    /// Touched by the `Writer` only.
    write: Padded<UnsafeCell<writer::State>>,
    /// Touched by the `Reader` only.
    read: Padded<UnsafeCell<reader::State>>,
}

impl Shared {
    /// Ends the reader's sleep; true if it slept. Called after what it may be waiting for.
    #[inline(always)]
    fn wake_reader(&self) -> bool {
        // An answer from before the publication may be one from before the reader's last heavy fence.
        in_order();
        if self.fenced.load(Relaxed) {
            full_fence();
        } else {
            free_fence();
        }
        self.rouse_reader()
    }

    /// The same behind a fence that the caller has made.
    #[inline]
    fn rouse_reader(&self) -> bool {
        self.reader_asleep.load(Relaxed) && self.end_sleep()
    }

    #[cold]
    fn end_sleep(&self) -> bool {
        // An exchange and not a swap: where it finds false it must not write, as far as loom's
        // model of the order of writes is concerned, and need not.
        self.reader_asleep.compare_exchange(true, false, AcqRel, Relaxed).is_ok()
    }
}

// SAFETY: the cells are touched by one side each, see the fields; the rest is atomic.
unsafe impl Sync for Shared {}
// SAFETY: chunks and messages may be used and freed on any thread.
unsafe impl Send for Shared {}

/// A new queue. `None`: there is no memory for it.
pub(crate) fn queue(style: Style) -> Option<(Writer, Reader)> {
    let (copied, copied_lent) = match style {
        Style::Wire => (BODY_FROM, BODY_FROM),
        Style::Memory => (EMBED_ABOVE, EMBED_LENT_ABOVE),
    };
    let (one, other) = Half::both(Shared {
        style,
        copied,
        copied_lent,
        light: style == Style::Memory && light_is_free(),
        published: Padded(Published::new()),
        consumed: Padded(AtomicU64::new(0)),
        reader_asleep: AtomicBool::new(false),
        fenced: AtomicBool::new(true),
        wake_at: AtomicU64::new(u64::MAX),
        writer_closed: AtomicBool::new(false),
        held: Held::new(),
        first: AtomicPtr::new(std::ptr::null_mut()),
        reader_closed: AtomicBool::new(false),
        half_gone: AtomicBool::new(false),
        write: Padded(UnsafeCell::new(writer::State::new())),
        read: Padded(UnsafeCell::new(reader::State::new())),
    })?;
    Some((Writer::new(one), Reader::new(other)))
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Both sides are gone. The writer took back what it had not published; what it published
        // after the reader had closed is still there.
        let first = NonNull::new(self.first.load(Relaxed));
        let last_end = self.write.0.get_mut().published_frames();
        let read = self.read.0.get_mut();
        let (mut next, mut from) = (read.chunk.or(first), read.position);
        while let Some(chunk) = next {
            // SAFETY: the chain from the reader's chunk on is the queue's, one reference each. In
            // memory the reader stands between frames; on a wire chunks own only their bodies.
            unsafe {
                next = chunk.as_ref().next();
                if self.style == Style::Memory {
                    let end = chunk.as_ref().end.load(Relaxed);
                    drop_frames(chunk, from, if end == NONE { last_end } else { end });
                }
                Chunk::release(chunk);
            }
            from = 0;
        }
    }
}

/// Asks for the state of a queue, and for the place in a chunk where a message goes.
fn anticipate(shared: &Shared) {
    prefetch::for_writing_all(std::ptr::from_ref(shared).cast(), size_of::<Shared>());
}

fn anticipate_chunk(chunk: Option<NonNull<Chunk>>, position: usize) {
    if let Some(chunk) = chunk {
        let header = chunk.as_ptr().cast::<u8>();
        prefetch::for_writing_all(header, size_of::<Chunk>());
        prefetch::for_writing(header.wrapping_add(size_of::<Chunk>() + position));
    }
}

/// A frame header: flags, where the body begins, and how long it is.
struct Header {
    flags: u8,
    size: usize,
    body: usize,
}

/// Reads the header of the frame at `at`.
///
/// # Safety
/// A complete header that a `Writer` wrote must lie there.
unsafe fn header(at: NonNull<u8>) -> Header {
    // SAFETY: the caller vouches for the bytes.
    unsafe {
        let flags = at.read();
        if flags & (EMBEDDED | METADATA) != 0 {
            let size = if flags & EMBEDDED != 0 { EMBEDDED_FRAME } else { METADATA_FRAME };
            Header { flags, size: 1, body: size - 1 }
        } else if flags & LARGE == 0 {
            Header { flags, size: 2, body: at.add(1).read() as usize }
        } else {
            let length = at.add(1).cast::<[u8; 8]>().read_unaligned();
            Header { flags, size: MAX_HEADER, body: u64::from_be_bytes(length) as usize }
        }
    }
}

/// Writes a frame header and returns its size.
///
/// # Safety
/// `MAX_HEADER` bytes at `at` must be writable.
#[inline]
unsafe fn put_header(at: NonNull<u8>, flags: u8, len: usize) -> usize {
    let flags = flags & !(LARGE | EMBEDDED | METADATA);
    // SAFETY: the caller vouches for the room.
    unsafe {
        if len < 256 {
            at.write(flags);
            at.add(1).write(len as u8);
            2
        } else {
            at.write(flags | LARGE);
            at.add(1).cast::<[u8; 8]>().write_unaligned((len as u64).to_be_bytes());
            MAX_HEADER
        }
    }
}

/// Bodies of up to so many bytes are short.
const SHORT: usize = 64;
/// Messages of up to so many bytes are copied, whatever the queue.
pub(crate) const COPIED: usize = EMBED_ABOVE;
/// The longest message that goes straight from the application's memory into a queue.
const STRAIGHT: usize = EMBED_LENT_ABOVE;

/// Copies a body. Most are short, and then a call of the general routine costs more than the copy.
///
/// # Safety
/// `from` must be readable and `to` writable for `len` bytes, without overlap.
#[inline]
unsafe fn copy(to: NonNull<u8>, from: NonNull<u8>, len: usize) {
    // SAFETY: the caller vouches for `len` bytes.
    unsafe {
        if len > SHORT {
            to.copy_from_nonoverlapping(from, len);
        } else {
            copy_short(to, from, len);
        }
    }
}

/// Copies at most `SHORT` bytes: a piece from the beginning and one from the end, which may overlap.
///
/// # Safety
/// As for `copy`.
#[inline(always)]
unsafe fn copy_short(to: NonNull<u8>, from: NonNull<u8>, len: usize) {
    // SAFETY: the caller vouches for `len` bytes; both pieces lie within them.
    unsafe {
        match len {
            17.. => {
                if len > 32 {
                    copy_ends::<[u8; 32]>(to, from, len);
                } else {
                    copy_ends::<[u8; 16]>(to, from, len);
                }
            }
            8.. => copy_ends::<u64>(to, from, len),
            4.. => copy_ends::<u32>(to, from, len),
            _ => {
                for at in 0..len {
                    to.add(at).write(from.add(at).read());
                }
            }
        }
    }
}

/// Copies between one and two pieces.
///
/// # Safety
/// As for `copy`, and `len` must be between the size of a piece and twice that.
#[inline(always)]
unsafe fn copy_ends<P>(to: NonNull<u8>, from: NonNull<u8>, len: usize) {
    let last = len - size_of::<P>();
    // SAFETY: both pieces lie within the `len` bytes that the caller vouches for.
    unsafe {
        let first = from.cast::<P>().read_unaligned();
        let end = from.add(last).cast::<P>().read_unaligned();
        to.cast::<P>().write_unaligned(first);
        to.add(last).cast::<P>().write_unaligned(end);
    }
}

/// Drops what the frames between two positions of a chunk own.
///
/// # Safety
/// Complete frames must lie there, and nobody may read them afterwards.
unsafe fn drop_frames(chunk: NonNull<Chunk>, mut from: usize, to: usize) {
    // SAFETY: the caller vouches for the frames.
    unsafe {
        let data = Chunk::data(chunk);
        while from < to {
            let at = data.add(from);
            let frame = header(at);
            if frame.flags & EMBEDDED != 0 {
                drop(at.add(1).cast::<Message>().read_unaligned());
            } else if frame.flags & METADATA != 0 {
                drop(Arc::from_raw(at.add(1).cast::<*const Metadata>().read_unaligned()));
            }
            from += frame.size + frame.body;
        }
    }
}

#[cfg(all(test, not(loom)))]
mod held_test;
#[cfg(all(test, loom))]
mod log_loom_test;
#[cfg(all(test, loom))]
mod loom_test;
#[cfg(all(test, not(loom)))]
mod queue_test;
