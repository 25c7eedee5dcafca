//! A few large blocks that were given back, kept for the next large messages.
//!
//! The allocator returns memory of this size to the system, so that each message would touch its pages for the first time: a
//! page fault for every 4 KiB on both sides, which cost as much as moving the bytes. A block may be given back on another
//! thread than it was taken on, so there is one place for all of them. Called by `content`, and by a context that ends.

use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::content::Block;

/// Sizes that are kept, in bytes: below them the allocator keeps its memory.
const SMALLEST: usize = 128 * 1024;
const LARGEST: usize = 2 * 1024 * 1024;
/// At most this many.
const PLACES: usize = 4;

/// INVARIANT: each is null or a block that nobody else refers to.
static SPARE: [AtomicPtr<Block>; PLACES] = [const { AtomicPtr::new(null_mut()) }; PLACES];

/// A block with room for `size` bytes, and not for more than twice as many. Nobody else has it.
pub(super) fn take(size: usize) -> Option<NonNull<Block>> {
    if !(SMALLEST..=LARGEST).contains(&size) {
        return None;
    }
    for place in &SPARE {
        if place.load(Ordering::Relaxed).is_null() {
            continue;
        }
        let Some(block) = NonNull::new(place.swap(null_mut(), Ordering::Acquire)) else { continue };
        // SAFETY: by the invariant the block is whole, and it was just taken.
        let room = unsafe { block.as_ref() }.size();
        if (size..=2 * size).contains(&room) {
            return Some(block);
        }
        if !put(block) {
            // SAFETY: as above; the place it came from was filled meanwhile.
            unsafe { Block::free(block) };
        }
    }
    None
}

/// Keeps a block that nobody refers to; false if there is no place for it or it is of another size.
pub(super) fn keep(block: NonNull<Block>) -> bool {
    // SAFETY: the caller hands over the only reference.
    let room = unsafe { block.as_ref() }.size();
    (SMALLEST..=LARGEST).contains(&room) && put(block)
}

fn put(block: NonNull<Block>) -> bool {
    SPARE.iter().any(|place| {
        place
            .compare_exchange(null_mut(), block.as_ptr(), Ordering::Release, Ordering::Relaxed)
            .is_ok()
    })
}

/// Frees what is kept. Any thread may go on using the blocks meanwhile.
pub(crate) fn clear() {
    for place in &SPARE {
        if let Some(block) = NonNull::new(place.swap(null_mut(), Ordering::Acquire)) {
            // SAFETY: by the invariant nobody else refers to it.
            unsafe { Block::free(block) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Message;
    use super::*;

    /// Other tests of this process use blocks at the same time, so only what holds all the same is asked.
    #[test]
    fn blocks_come_back_whole() {
        let threads: Vec<_> = (0..4u8)
            .map(|seed| {
                std::thread::spawn(move || {
                    for round in 0..200 {
                        let size =
                            SMALLEST + (round * 7919 + usize::from(seed) * 104_729) % (2 * LARGEST);
                        let mut message = Message::with_size(size).unwrap();
                        assert_eq!(message.len(), size);
                        let bytes = message.data_mut().unwrap();
                        (bytes[0], bytes[size - 1]) = (seed, seed);
                        std::thread::yield_now();
                        assert_eq!((message.data()[0], message.data()[size - 1]), (seed, seed));
                        if round % 50 == 0 {
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

    #[test]
    fn only_some_sizes_are_kept() {
        for size in [0, SMALLEST - 1, LARGEST + 1, usize::MAX] {
            assert!(take(size).is_none());
        }
    }
}
