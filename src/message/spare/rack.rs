//! The magazines of each thread, in front of the depots that all threads share. Called by `spare` alone.

#[cfg(not(loom))]
pub(super) use self::product::{clear, put, take};
#[cfg(loom)]
pub(super) use self::without::{clear, put, take};

/// Loom's statics cannot be made before it runs; it has a model of the depot.
#[cfg(loom)]
mod without {
    use std::ptr::NonNull;

    pub(in super::super) fn take(_class: usize) -> Option<NonNull<u8>> {
        None
    }

    pub(in super::super) unsafe fn put(_class: usize, _block: NonNull<u8>) -> bool {
        false
    }

    pub(in super::super) fn clear() {}
}

#[cfg(not(loom))]
mod product {
    use std::cell::UnsafeCell;
    use std::ptr::NonNull;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::super::depot::{Depot, Magazine};
    use super::super::{BY_THREAD, CLASSES, bytes, free, magazine};

    /// All depots together keep about this much.
    const MOST: usize = 32 * 1024 * 1024;

    /// And one thread, beside that.
    const MOST_OF_A_THREAD: usize = 512 * 1024;

    static DEPOTS: [Depot; CLASSES] = [const { Depot::new() }; CLASSES];
    /// How much is in the depots.
    static KEPT: AtomicUsize = AtomicUsize::new(0);

    /// One that is filled or emptied, and one that is full or empty: a thread that makes and takes
    /// back by turns stays away from the depot.
    struct Pair {
        open: Magazine,
        full: Magazine,
    }

    /// The magazines of one thread.
    struct Rack {
        pairs: UnsafeCell<[Pair; BY_THREAD]>,
    }

    thread_local! {
        static RACK: Rack = const {
            Rack {
                pairs: UnsafeCell::new(
                    [const { Pair { open: Magazine::EMPTY, full: Magazine::EMPTY } }; BY_THREAD],
                ),
            }
        };
    }

    impl Rack {
        /// Works on the magazines of a class; `None` if it has none here.
        #[inline]
        fn with<T>(&self, class: usize, action: impl FnOnce(&mut Pair) -> T) -> Option<T> {
            // SAFETY: one thread, and no action comes back here.
            unsafe { &mut *self.pairs.get() }.get_mut(class).map(action)
        }
    }

    impl Rack {
        /// How many bytes are here.
        fn held(&self) -> usize {
            // SAFETY: as above.
            let pairs = unsafe { &*self.pairs.get() }.iter().enumerate();
            pairs.map(|(class, pair)| (pair.open.count() + pair.full.count()) * bytes(class)).sum()
        }
    }

    impl Drop for Rack {
        fn drop(&mut self) {
            for (class, pair) in self.pairs.get_mut().iter_mut().enumerate() {
                for magazine in [&mut pair.open, &mut pair.full] {
                    store(class, std::mem::replace(magazine, Magazine::EMPTY));
                }
            }
        }
    }

    /// A block of this class that nobody else has.
    #[inline]
    pub(in super::super) fn take(class: usize) -> Option<NonNull<u8>> {
        let found = RACK.try_with(|rack| {
            rack.with(class, |pair| {
                pair.open.pop().or_else(|| {
                    std::mem::swap(&mut pair.open, &mut pair.full);
                    if pair.open.count() == 0 {
                        pair.open = fetch(class)?;
                        pair.open.expect();
                    }
                    pair.open.pop()
                })
            })
        });
        match found {
            Ok(Some(block)) => block,
            // A magazine of one.
            Ok(None) => fetch(class)?.pop(),
            Err(_) => None,
        }
    }

    /// Keeps a block; false if there is no place for it, then it is still the caller's.
    ///
    /// # Safety
    /// The block must be of this class, and nobody may use it again if it is kept.
    #[inline]
    pub(in super::super) unsafe fn put(class: usize, block: NonNull<u8>) -> bool {
        let kept = RACK.try_with(|rack| {
            rack.with(class, |pair| {
                // SAFETY: the caller hands the block over.
                let kept = unsafe { pair.open.push(block) };
                (kept, pair.open.count() >= magazine(class))
            })
        });
        match kept {
            Ok(Some((kept, filled))) => {
                if filled {
                    hand_over(class);
                }
                kept
            }
            Ok(None) => {
                let mut magazine = Magazine::EMPTY;
                // SAFETY: as above.
                let kept = unsafe { magazine.push(block) };
                store(class, magazine);
                kept
            }
            // The thread ends, and its magazines are gone.
            Err(_) => false,
        }
    }

    /// The open magazine of this class is full: another one takes its place, and what is too much for one
    /// thread goes to the depot.
    #[cold]
    #[inline(never)]
    fn hand_over(class: usize) {
        let _ = RACK.try_with(|rack| {
            let held = rack.held();
            rack.with(class, |pair| {
                let full = std::mem::replace(&mut pair.full, Magazine::EMPTY);
                store(class, full);
                pair.full = std::mem::replace(&mut pair.open, Magazine::EMPTY);
                if held > MOST_OF_A_THREAD {
                    store(class, std::mem::replace(&mut pair.full, Magazine::EMPTY));
                }
            });
        });
    }

    #[cold]
    #[inline(never)]
    fn fetch(class: usize) -> Option<Magazine> {
        let magazine = DEPOTS.get(class)?.take()?;
        KEPT.fetch_sub(magazine.count() * bytes(class), Relaxed);
        Some(magazine)
    }

    /// Leaves a magazine in the depot, or frees its blocks.
    #[cold]
    #[inline(never)]
    fn store(class: usize, magazine: Magazine) {
        if magazine.count() == 0 {
            return;
        }
        let size = magazine.count() * bytes(class);
        let Some(depot) = DEPOTS.get(class) else { return };
        // Several threads may be over the limit by a magazine each.
        if KEPT.load(Relaxed) + size > MOST {
            return free_all(class, magazine);
        }
        KEPT.fetch_add(size, Relaxed);
        if let Some(left) = depot.put(magazine) {
            KEPT.fetch_sub(size, Relaxed);
            free_all(class, left);
        }
    }

    fn free_all(class: usize, mut magazine: Magazine) {
        while let Some(block) = magazine.pop() {
            // SAFETY: the block was taken out, and it is of this class.
            unsafe { free(block, bytes(class)) };
        }
    }

    /// See `spare::clear`.
    pub(in super::super) fn clear() {
        for class in 0..CLASSES {
            let _ = RACK.try_with(|rack| {
                rack.with(class, |pair| {
                    for magazine in [&mut pair.open, &mut pair.full] {
                        free_all(class, std::mem::replace(magazine, Magazine::EMPTY));
                    }
                })
            });
            while let Some(magazine) = fetch(class) {
                free_all(class, magazine);
            }
        }
    }
}
