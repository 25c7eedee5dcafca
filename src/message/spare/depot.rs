//! Where magazines of blocks wait for any thread: one depot for each size of blocks. Called by `rack`.

use std::ptr::{NonNull, null_mut};

#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

#[cfg(loom)]
use loom::sync::Mutex;
#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};

#[cfg(not(loom))]
use crate::sys::lock::Mutex;
use crate::sys::prefetch;

/// Looks at a depot that somebody else is at. He is there for a few instructions, but in a forked child he
/// may be a thread that does not exist; then there is nothing here any more.
const LOOKS: usize = if cfg!(loom) { 1 } else { 64 };

/// The most that goes into a magazine.
pub(super) const MOST_BLOCKS: usize = 32;

/// How many blocks before it is taken out a block is asked for, as the thread that gave it back has it.
const SOON: usize = 4;

/// Some blocks of one size that nobody else refers to. Where they lie is noted here and not in the blocks,
/// which are with another processor: to find one must not mean to wait for another.
pub(super) struct Magazine {
    /// INVARIANT: the first `count` of these are blocks.
    blocks: [*mut u8; MOST_BLOCKS],
    count: usize,
}

/// What the last block of a magazine holds as long as that waits in a depot: where the others are, and the
/// magazine below.
struct Waiting {
    magazine: Magazine,
    below: *mut Waiting,
}

/// Every block is large enough and aligned for that.
const _: () = assert!(size_of::<Waiting>() <= super::SMALLEST);
const _: () = assert!(align_of::<Waiting>() <= super::ALIGNMENT);

// SAFETY: a magazine owns its blocks, which are plain memory.
unsafe impl Send for Magazine {}

impl Magazine {
    pub(super) const EMPTY: Magazine = Magazine { blocks: [null_mut(); MOST_BLOCKS], count: 0 };

    /// All of it; it is empty then.
    #[cfg(not(loom))]
    pub(super) fn take(&mut self) -> Magazine {
        std::mem::replace(self, Magazine::EMPTY)
    }

    /// How many blocks are in it.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Puts a block in, if there is room; whether there was.
    ///
    /// # Safety
    /// The caller must own it, and it must be writable, and large enough and aligned for any block.
    #[inline]
    pub(super) unsafe fn push(&mut self, block: NonNull<u8>) -> bool {
        let Some(place) = self.blocks.get_mut(self.count) else { return false };
        *place = block.as_ptr();
        self.count += 1;
        true
    }

    /// Takes a block out.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<NonNull<u8>> {
        let last = self.count.checked_sub(1)?;
        if let Some(&soon) = self.blocks.get(last.wrapping_sub(SOON)) {
            prefetch::for_writing(soon);
        }
        self.count = last;
        NonNull::new(*self.blocks.get(last)?)
    }

    /// Asks for the blocks that are taken out first.
    #[cfg(not(loom))]
    pub(super) fn expect(&self) {
        for &block in self.blocks.iter().take(self.count).rev().take(SOON) {
            prefetch::for_writing(block);
        }
    }
}

/// The magazine that came last, or null; it knows the others.
struct Pile(*mut Waiting);

// SAFETY: the pile owns what waits in it.
unsafe impl Send for Pile {}

/// See the head of this file.
pub(super) struct Depot {
    pile: Mutex<Pile>,
    /// Whether there is one, for those who look without the lock.
    filled: AtomicBool,
}

impl Depot {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Depot {
        Depot { pile: Mutex::new(Pile(null_mut())), filled: AtomicBool::new(false) }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Depot {
        Depot { pile: Mutex::new(Pile(null_mut())), filled: AtomicBool::new(false) }
    }

    /// A magazine, if there is one and nobody else is here.
    pub(super) fn take(&self) -> Option<Magazine> {
        if !self.filled.load(Relaxed) {
            return None;
        }
        let waiting = self.visit(|pile| {
            let waiting = NonNull::new(pile.0)?;
            // SAFETY: `put` wrote it, into a block that the pile owns.
            pile.0 = unsafe { (&raw const (*waiting.as_ptr()).below).read() };
            if pile.0.is_null() {
                self.filled.store(false, Relaxed);
            }
            Some(waiting)
        })??;
        // SAFETY: the block is ours now, and it is the last one of this magazine.
        Some(unsafe { (&raw const (*waiting.as_ptr()).magazine).read() })
    }

    /// Keeps a magazine that is not empty; gives it back if somebody else is here.
    pub(super) fn put(&self, magazine: Magazine) -> Option<Magazine> {
        let last = magazine.count.checked_sub(1).and_then(|last| magazine.blocks.get(last));
        let Some(waiting) = last.and_then(|block| NonNull::new(block.cast::<Waiting>())) else {
            return Some(magazine);
        };
        // SAFETY: by the invariant the block is the magazine's, large enough and aligned.
        unsafe { waiting.write(Waiting { magazine, below: null_mut() }) };
        let kept = self.visit(|pile| {
            // SAFETY: the block is ours until it is in the pile.
            unsafe { (&raw mut (*waiting.as_ptr()).below).write(pile.0) };
            pile.0 = waiting.as_ptr();
            self.filled.store(true, Relaxed);
        });
        match kept {
            Some(()) => None,
            // SAFETY: what was just written, and nobody else knows it.
            None => Some(unsafe { (&raw const (*waiting.as_ptr()).magazine).read() }),
        }
    }

    fn visit<T>(&self, action: impl FnOnce(&mut Pile) -> T) -> Option<T> {
        for _ in 0..LOOKS {
            #[cfg(not(loom))]
            let found = self.pile.try_lock();
            #[cfg(loom)]
            let found = self.pile.try_lock().ok();
            if let Some(mut pile) = found {
                return Some(action(&mut pile));
            }
            std::hint::spin_loop();
        }
        None
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    #[repr(align(16))]
    struct Block {
        _bytes: [u8; super::super::SMALLEST],
    }

    impl Default for Block {
        fn default() -> Block {
            Block { _bytes: [0; super::super::SMALLEST] }
        }
    }

    fn magazine(blocks: &mut [Block]) -> Magazine {
        let mut magazine = Magazine::EMPTY;
        for block in blocks {
            // SAFETY: each is used once and outlives the magazine.
            assert!(unsafe { magazine.push(NonNull::from(block).cast()) });
        }
        magazine
    }

    #[test]
    fn what_is_put_in_comes_out() {
        let mut blocks = [Block::default(); 3];
        let addresses = blocks.each_ref().map(|block| NonNull::from(block).cast::<u8>());
        let mut magazine = magazine(&mut blocks);
        assert_eq!(magazine.count(), 3);
        let found: Vec<_> = std::iter::from_fn(|| magazine.pop()).collect();
        assert!(found.iter().eq(addresses.iter().rev()) && magazine.count() == 0);
    }

    #[test]
    fn the_magazine_that_came_last_goes_first() {
        let depot = Depot::new();
        assert!(depot.take().is_none());
        let mut blocks = [Block::default(); 6];
        let (few, many) = blocks.split_at_mut(2);
        assert!(depot.put(magazine(few)).is_none());
        assert!(depot.put(magazine(many)).is_none());
        for count in [4, 2] {
            let mut found = depot.take().unwrap();
            assert_eq!(found.count(), count);
            assert_eq!(std::iter::from_fn(|| found.pop()).count(), count);
        }
        assert!(depot.take().is_none());
    }

    /// As in a child whose parent was forked while another thread was at the depot.
    #[test]
    fn a_depot_that_is_never_left_hangs_nobody() {
        let depot = Depot::new();
        assert!(depot.put(magazine(&mut [Block::default()])).is_none());
        std::mem::forget(depot.pile.lock());
        assert!(depot.take().is_none());
        assert!(depot.put(magazine(&mut [Block::default()])).is_some());
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// Blocks for whose memory loom sees who touches it.
    struct Blocks {
        memory: [std::cell::UnsafeCell<[u64; 80]>; 3],
        watched: [UnsafeCell<()>; 3],
        depot: Depot,
    }

    // SAFETY: loom objects if two threads touch the same block and nothing orders that.
    unsafe impl Sync for Blocks {}
    // SAFETY: the same.
    unsafe impl Send for Blocks {}

    impl Blocks {
        fn address(&self, at: usize) -> NonNull<u8> {
            NonNull::new(self.memory[at].get()).unwrap().cast()
        }

        /// Puts a block there, after having used it; whether there was room for it.
        fn put(&self, at: usize) -> bool {
            let mut magazine = Magazine::EMPTY;
            self.watched[at].with_mut(|_| {});
            // SAFETY: only who took the block comes here with it.
            assert!(unsafe { magazine.push(self.address(at)) });
            self.depot.put(magazine).is_none()
        }

        /// Takes a block and uses it.
        fn take(&self) -> Option<usize> {
            let mut magazine = self.depot.take()?;
            let block = magazine.pop().unwrap();
            assert!(magazine.count() == 0 && magazine.pop().is_none());
            let at = (0..3).find(|&at| self.address(at) == block).unwrap();
            self.watched[at].with_mut(|_| {});
            Some(at)
        }
    }

    #[test]
    fn loom_a_block_has_one_owner_on_its_way_from_thread_to_thread() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            let blocks = Arc::new(Blocks {
                memory: std::array::from_fn(|_| [0; 80].into()),
                watched: [UnsafeCell::new(()), UnsafeCell::new(()), UnsafeCell::new(())],
                depot: Depot::new(),
            });
            assert!(blocks.put(0));
            let freer = blocks.clone();
            let freer = thread::spawn(move || {
                let kept = freer.put(1);
                (kept, freer.put(2))
            });
            let mut taken = Vec::new();
            for _ in 0..2 {
                if let Some(at) = blocks.take() {
                    taken.push(at);
                    if taken.len() == 1 {
                        // Used again by the next.
                        if blocks.put(at) {
                            taken.pop();
                        }
                    }
                }
            }
            let (first, second) = freer.join().unwrap();
            while let Some(at) = blocks.take() {
                taken.push(at);
            }
            taken.sort_unstable();
            let all: Vec<_> = [(0, true), (1, first), (2, second)]
                .into_iter()
                .filter_map(|(at, kept)| kept.then_some(at))
                .collect();
            assert_eq!(taken, all, "each that was kept is found once");
        });
    }
}
