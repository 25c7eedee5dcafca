//! Asymmetric fences, membarrier(2): the side that runs often pays nothing, the side that runs
//! rarely interrupts every processor that runs a thread of this process.
//!
//! A `light_fence` on one side and a `heavy_fence` on the other order like two SeqCst fences. Where
//! the kernel lacks the call both are SeqCst fences. Called by `biased` and by the byte queue.
//!
//! A program may forbid itself the call after it was registered, by a filter (seccomp(2)). Then both are SeqCst
//! fences for what is made from now on; but who relies on the call already is no longer interrupted. What a
//! processor has stored it shows to the others by itself, within less than a microsecond: the dear side waits for
//! that, a thousand times as long. No manual of a processor promises a time, but nothing that is sure is allowed
//! to such a program either: changed page protections do not interrupt processors that invalidate by broadcast.

use std::sync::atomic::{AtomicU8, Ordering, compiler_fence, fence};
use std::time::Duration;

use super::cancel;

/// Not asked yet, refused by the kernel, registered, or refused after that.
static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const ABSENT: u8 = 1;
const REGISTERED: u8 = 2;
const FORBIDDEN: u8 = 3;

/// So long the dear side waits where the call is forbidden.
const DRAIN: Duration = Duration::from_millis(1);

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
    if register() && !interrupt() {
        STATE.store(FORBIDDEN, Ordering::SeqCst);
    }
    if STATE.load(Ordering::Relaxed) == FORBIDDEN {
        cancel::off(|| std::thread::sleep(DRAIN));
    }
    fence(Ordering::SeqCst);
}

/// Has every processor with a thread of this process go through a fence. False: it is forbidden.
fn interrupt() -> bool {
    // A forked child may have lost the registration; asking again is harmless.
    command(PRIVATE_EXPEDITED) || command(REGISTER_PRIVATE_EXPEDITED) && command(PRIVATE_EXPEDITED)
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

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Has the kernel answer membarrier(2) with EPERM from now on.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn forbid() -> bool {
        let step =
            |code: u32, k: u32, jf: u8| libc::sock_filter { code: code as u16, jt: 0, jf, k };
        let mut steps = [
            // The number of the call, which is in front.
            step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
            step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::SYS_membarrier as u32, 1),
            step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0),
            step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0),
        ];
        let program = libc::sock_fprog { len: 4, filter: steps.as_mut_ptr() };
        // SAFETY: the program is valid during the calls, which touch nothing else of ours.
        unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
                    == 0
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn where_the_call_is_forbidden_later_the_dear_side_waits() {
        let as_promised = || {
            if !register() || !forbid() {
                // Nothing to forbid, or this kernel has no filters.
                return true;
            }
            let waits = || {
                let began = std::time::Instant::now();
                heavy_fence();
                began.elapsed() >= DRAIN
            };
            waits() && !is_registered() && !register() && waits()
        };
        assert!(super::super::fork::in_child(as_promised));
    }

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
