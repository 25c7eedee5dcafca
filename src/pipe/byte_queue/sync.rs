//! What the queue takes from the world: atomics and the log's `Arc` (loom's under `--cfg loom`), and fences.

#[cfg(loom)]
pub(super) use loom::sync::Arc;
#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
#[cfg(not(loom))]
pub(super) use std::sync::Arc;
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// Whether a light fence costs nothing.
pub(super) fn light_is_free() -> bool {
    #[cfg(loom)]
    return true;
    #[cfg(not(loom))]
    crate::sys::membarrier::is_registered()
}

/// Orders a store before a later load of another location, on the side that does so often.
#[inline]
pub(super) fn light_fence() {
    #[cfg(loom)]
    loom::sync::atomic::fence(Ordering::SeqCst);
    #[cfg(not(loom))]
    crate::sys::membarrier::light_fence();
}

/// The same on the side that does so rarely; pairs with `light_fence`.
pub(super) fn heavy_fence() {
    #[cfg(loom)]
    loom::sync::atomic::fence(Ordering::SeqCst);
    #[cfg(not(loom))]
    crate::sys::membarrier::heavy_fence();
}

/// The same where both sides use this one.
pub(super) fn full_fence() {
    #[cfg(loom)]
    loom::sync::atomic::fence(Ordering::SeqCst);
    #[cfg(not(loom))]
    std::sync::atomic::fence(Ordering::SeqCst);
}

/// Keeps the compiler from doing what is behind before what is in front: an interrupt by `heavy_fence` shall come
/// behind the one if it comes behind the other. Nothing at run time.
#[inline(always)]
pub(super) fn in_order() {
    #[cfg(not(loom))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
}

/// Loom's eyes on the bytes of a chunk, frame by frame: it objects when one side touches a frame and
/// nothing orders that after what the other side did to it. Nothing at all in the product.
#[cfg(not(loom))]
pub(super) struct Watch;

#[cfg(not(loom))]
impl Watch {
    pub(super) fn new() -> Watch {
        Watch
    }

    #[inline(always)]
    pub(super) fn written(&self, _at: usize) {}

    #[inline(always)]
    pub(super) fn read(&self, _at: usize) {}
}

#[cfg(loom)]
pub(super) use model::Watch;

#[cfg(loom)]
mod model {
    use std::collections::HashMap;
    use std::sync::Arc;

    use loom::cell::UnsafeCell;

    pub(in super::super) struct Watch {
        // Not loom's lock, which would order what it must not.
        frames: std::sync::Mutex<HashMap<usize, Arc<UnsafeCell<()>>>>,
    }

    impl Watch {
        pub(in super::super) fn new() -> Watch {
            Watch { frames: Default::default() }
        }

        fn frame(&self, at: usize) -> Arc<UnsafeCell<()>> {
            let mut frames = self.frames.lock().unwrap();
            frames.entry(at).or_insert_with(|| Arc::new(UnsafeCell::new(()))).clone()
        }

        pub(in super::super) fn written(&self, at: usize) {
            self.frame(at).with_mut(|_| {});
        }

        pub(in super::super) fn read(&self, at: usize) {
            self.frame(at).with(|_| {});
        }
    }
}
