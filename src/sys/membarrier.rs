//! Asymmetric fences, membarrier(2): the side that runs often pays nothing, the side that runs
//! rarely interrupts every processor that runs a thread of this process.
//!
//! A `light_fence` on one side and a `heavy_fence` on the other order like two SeqCst fences. Where
//! the kernel lacks the call both are SeqCst fences. Called by `biased` and by the byte queue.

use std::sync::atomic::{AtomicU8, Ordering, compiler_fence, fence};

/// Not asked yet, refused by the kernel, or registered.
static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const ABSENT: u8 = 1;
const REGISTERED: u8 = 2;

/// Registers the process at the first call; whether the kernel offers the cheap kind.
pub(crate) fn register() -> bool {
    let state = STATE.load(Ordering::Acquire);
    if state != UNKNOWN {
        return state == REGISTERED;
    }
    let state = if command(REGISTER_PRIVATE_EXPEDITED) { REGISTERED } else { ABSENT };
    STATE.store(state, Ordering::Release);
    state == REGISTERED
}

/// Whether the kernel offers the cheap kind, as far as is known.
#[cfg(not(loom))]
pub(crate) fn is_registered() -> bool {
    STATE.load(Ordering::Acquire) == REGISTERED
}

/// The cheap side: a compiler fence once registered, else a SeqCst fence.
///
/// Before the registration it is a full fence, and `heavy_fence` registers before it acts, so no
/// light fence is ever paired with a heavy one that does not reach it.
#[inline(always)]
pub(crate) fn light_fence() {
    if STATE.load(Ordering::Relaxed) == REGISTERED {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// The dear side.
pub(crate) fn heavy_fence() {
    fence(Ordering::SeqCst);
    // A forked child may have lost the registration; asking again is harmless.
    if register() && !command(PRIVATE_EXPEDITED) && command(REGISTER_PRIVATE_EXPEDITED) {
        command(PRIVATE_EXPEDITED);
    }
    fence(Ordering::SeqCst);
}

const PRIVATE_EXPEDITED: i32 = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: i32 = 1 << 4;

#[cfg(any(target_os = "linux", target_os = "android"))]
fn command(command: i32) -> bool {
    // SAFETY: membarrier takes two integers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn command(_command: i32) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Dekker's test: with a fence on either side at least one thread sees the other's store.
    #[test]
    fn light_and_heavy_order_like_full_fences() {
        register();
        for round in 0..2_000 {
            let flags = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
            let other = flags.clone();
            let light = std::thread::spawn(move || {
                other[0].store(1, Ordering::Relaxed);
                light_fence();
                other[1].load(Ordering::Relaxed)
            });
            flags[1].store(1, Ordering::Relaxed);
            heavy_fence();
            let seen = flags[0].load(Ordering::Relaxed);
            assert!(seen == 1 || light.join().unwrap() == 1, "round {round}");
            if round == 200 && !register() {
                break;
            }
        }
    }
}
