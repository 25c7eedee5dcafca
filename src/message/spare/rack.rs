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

    /// The magazines of one thread, made when it first has a use for them: what is thread-local itself takes
    /// room on every stack of the program.
    struct Rack {
        pairs: UnsafeCell<Vec<Pair>>,
    }

    thread_local! {
        static RACK: Rack = const { Rack { pairs: UnsafeCell::new(Vec::new()) } };
    }

    impl Rack {
        /// Works on the magazines of a class; `None` if there is no memory for them.
        #[inline]
        fn with<T>(&self, class: usize, action: impl FnOnce(&mut Pair) -> T) -> Option<T> {
            // SAFETY: one thread, and no action comes back here.
            let pairs = unsafe { &mut *self.pairs.get() };
            if pairs.is_empty() {
                furnish(pairs);
            }
            pairs.get_mut(class).map(action)
        }

        /// Works on all that are there.
        fn for_each(&self, mut action: impl FnMut(usize, &mut Magazine)) {
            // SAFETY: as above.
            let pairs = unsafe { &mut *self.pairs.get() };
            for (class, pair) in pairs.iter_mut().enumerate() {
                action(class, &mut pair.open);
                action(class, &mut pair.full);
            }
        }

        /// How many bytes are here.
        fn held(&self) -> usize {
            let mut held = 0;
            self.for_each(|class, magazine| held += magazine.count() * bytes(class));
            held
        }
    }

    impl Drop for Rack {
        fn drop(&mut self) {
            self.for_each(|class, magazine| store(class, magazine.take()));
        }
    }

    #[cold]
    #[inline(never)]
    fn furnish(pairs: &mut Vec<Pair>) {
        if pairs.try_reserve_exact(BY_THREAD).is_ok() {
            pairs.resize_with(BY_THREAD, || Pair { open: Magazine::EMPTY, full: Magazine::EMPTY });
        }
    }

    /// A block of this class that nobody else has.
    #[inline]
    pub(in super::super) fn take(class: usize) -> Option<NonNull<u8>> {
        if class >= BY_THREAD {
            // A magazine of one.
            return fetch(class)?.pop();
        }
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
        found.ok()??
    }

    /// Keeps a block; false if there is no place for it, then it is still the caller's.
    ///
    /// # Safety
    /// The block must be of this class, and nobody may use it again if it is kept.
    #[inline]
    pub(in super::super) unsafe fn put(class: usize, block: NonNull<u8>) -> bool {
        if class >= BY_THREAD {
            let mut magazine = Magazine::EMPTY;
            // SAFETY: the caller hands the block over.
            let kept = unsafe { magazine.push(block) };
            store(class, magazine);
            return kept;
        }
        let kept = RACK.try_with(|rack| {
            rack.with(class, |pair| {
                // SAFETY: as above.
                let kept = unsafe { pair.open.push(block) };
                (kept, pair.open.count() >= magazine(class))
            })
        });
        // The thread ends, and its magazines are gone; or there is no memory for them.
        let Ok(Some((kept, filled))) = kept else { return false };
        if filled {
            hand_over(class);
        }
        kept
    }

    /// The open magazine of this class is full: another one takes its place, and what is too much for one
    /// thread goes to the depot.
    #[cold]
    #[inline(never)]
    fn hand_over(class: usize) {
        let _ = RACK.try_with(|rack| {
            let held = rack.held();
            rack.with(class, |pair| {
                store(class, pair.full.take());
                pair.full = pair.open.take();
                if held > MOST_OF_A_THREAD {
                    store(class, pair.full.take());
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
        let _ = RACK.try_with(|rack| {
            rack.for_each(|class, magazine| free_all(class, magazine.take()));
        });
        for class in 0..CLASSES {
            while let Some(magazine) = fetch(class) {
                free_all(class, magazine);
            }
        }
    }
}
