//! Memory of messages and chunks that was given back, kept for the next ones.
//!
//! A body is most often made on one thread and given back on another. The allocator pays for that with
//! a lock for each block, gives large ones back to the system, and so lets each message touch its pages for
//! the first time. Here blocks have one of a few sizes and travel by the magazine: a thread that takes back
//! fills one and hands it to the depot of that size, and a thread that makes finds it there.
//! Called by `content`, by the byte queue's chunks, and by a context that ends.

mod depot;
mod rack;

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ptr::NonNull;

use super::settled;
use depot::MOST_BLOCKS;

/// The sizes of blocks are four in each octave from this one on, and a little more for what lies in front
/// of a body. Smaller ones the allocator keeps for each thread itself.
const FIRST: usize = 512;
const OCTAVES: usize = 12;
const LITTLE: usize = 32;
const CLASSES: usize = 4 * OCTAVES + 1;
/// Sizes that are kept, in bytes.
const SMALLEST: usize = FIRST + 1;
const LARGEST: usize = (FIRST << OCTAVES) + LITTLE;
/// Classes below this one have magazines of each thread: blocks of up to 32 KiB.
const BY_THREAD: usize = 6 * 4 + 1;
/// About so many bytes go into a magazine.
const MAGAZINE: usize = 64 * 1024;

/// The class of blocks for `size` bytes; `None` for those that are not kept.
fn class(size: usize) -> Option<usize> {
    if !(SMALLEST..=LARGEST).contains(&size) {
        return None;
    }
    if size <= FIRST + LITTLE {
        return Some(0);
    }
    let last = size - LITTLE - 1;
    let octave = (last / FIRST).ilog2() as usize;
    let quarter = (last >> octave) / (FIRST / 4) - 4;
    Some(4 * octave + quarter + 1)
}

/// How many bytes a block of this class has.
fn bytes(class: usize) -> usize {
    ((FIRST / 4 * (4 + class % 4)) << (class / 4)) + LITTLE
}

/// How many blocks of this class travel together.
fn magazine(class: usize) -> usize {
    if class < BY_THREAD { ((MAGAZINE / FIRST) >> (class / 4)).min(MOST_BLOCKS) } else { 1 }
}

/// Every block has this alignment.
const ALIGNMENT: usize = 16;

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(class(size).map_or(size, bytes).max(1), ALIGNMENT).ok()
}

/// Memory for `size` bytes, aligned to 16, with arbitrary contents; `None` if there is none.
#[inline]
pub(crate) fn obtain(size: usize) -> Option<NonNull<u8>> {
    if let Some(class) = class(size)
        && let Some(block) = rack::take(class)
    {
        return Some(block);
    }
    let layout = layout(size)?;
    // SAFETY: the layout is not empty.
    NonNull::new(settled(unsafe { alloc(layout) }))
}

/// Gives memory back that `obtain` gave for `size` bytes.
///
/// # Safety
/// It must be live, and nobody may use it again.
#[inline]
pub(crate) unsafe fn give_back(block: NonNull<u8>, size: usize) {
    // SAFETY: the caller hands the block over; whoever keeps it frees it like this.
    unsafe {
        match class(size) {
            Some(class) if rack::put(class, block) => {}
            _ => free(block, size),
        }
    }
}

/// Makes memory of `obtain` larger; it may move. `None`, and left as it was, if there is none.
///
/// # Safety
/// It must be live and for `old` bytes, and be used no more if this succeeds.
pub(crate) unsafe fn enlarge(block: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<u8>> {
    // SAFETY: the layouts are those of `obtain`, and have the same alignment.
    NonNull::new(settled(unsafe { realloc(block.as_ptr(), layout(old)?, layout(new)?.size()) }))
}

/// # Safety
/// As for `give_back`.
unsafe fn free(block: NonNull<u8>, size: usize) {
    if let Some(layout) = layout(size) {
        // SAFETY: the layout is that of `obtain`.
        unsafe { dealloc(block.as_ptr(), layout) };
    }
}

/// Frees what is kept for all threads and for this one. Any thread may go on using blocks meanwhile.
pub(crate) fn clear() {
    rack::clear();
}

#[cfg(test)]
mod tests {
    use super::super::Message;
    use super::*;

    #[test]
    fn a_class_has_room_and_wastes_little() {
        for size in (SMALLEST..=LARGEST).step_by(97).chain([LARGEST]) {
            let class = class(size).unwrap();
            assert!(class < CLASSES && bytes(class) >= size, "{size}: {class}");
            assert!(class == 0 || bytes(class - 1) < size, "{size}: {class}");
        }
        assert_eq!([544, 545, 4128, 65536].map(class), [Some(0), Some(1), Some(12), Some(28)]);
        assert_eq!(bytes(CLASSES - 1), LARGEST);
        for size in [0, SMALLEST - 1, LARGEST + 1, usize::MAX] {
            assert!(class(size).is_none());
        }
        assert_eq!([0, 8, 12, 23, 24, 25, 48].map(magazine), [32, 32, 16, 4, 2, 1, 1]);
    }

    /// Other tests of this process use blocks at the same time, so only what holds all the same is asked.
    #[test]
    fn blocks_come_back_whole() {
        let threads: Vec<_> = (0..4u8)
            .map(|seed| {
                std::thread::spawn(move || {
                    let mut held = Vec::new();
                    for round in 0..400 {
                        let spread = if round % 2 == 0 { 2 * LARGEST } else { 32 * 1024 };
                        let size =
                            SMALLEST - 100 + (round * 7919 + usize::from(seed) * 104_729) % spread;
                        let mut message = Message::with_size(size).unwrap();
                        assert_eq!(message.len(), size);
                        let bytes = message.data_mut().unwrap();
                        (bytes[0], bytes[size - 1]) = (seed, seed);
                        held.push(message);
                        std::thread::yield_now();
                        if held.len() > round % 40 {
                            for message in held.drain(..) {
                                let bytes = message.data();
                                assert_eq!((bytes[0], bytes[bytes.len() - 1]), (seed, seed));
                            }
                        }
                        if round % 100 == 0 {
                            clear();
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
