//! Hints to the processor: memory that will be written or read soon.
//!
//! What another processor has touched last must be had from there first, which costs as much as a dozen small
//! messages. Asked for early, it is there in time. Used by the byte queue and by the memory of messages.

/// How far ahead of a writer that goes through memory from front to back its hints go.
pub(crate) const AHEAD: usize = 512;

/// The size of what processors hand to each other.
const LINE: usize = 64;

/// Has the processor get the cache line at this address for writing. Any address will do.
#[inline(always)]
pub(crate) fn for_writing(address: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a hint, which changes nothing and never faults; old processors take it for a `nop`.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) address, options(readonly, nostack, preserves_flags));
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: the same.
    unsafe {
        std::arch::asm!("prfm pstl1keep, [{}]", in(reg) address, options(readonly, nostack, preserves_flags));
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = address;
}

/// The same for reading.
#[inline(always)]
pub(crate) fn for_reading(address: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("prefetcht0 [{}]", in(reg) address, options(readonly, nostack, preserves_flags));
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{}]", in(reg) address, options(readonly, nostack, preserves_flags));
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = address;
}

/// For writing: as many bytes as were just written, `AHEAD` of where they begin.
#[inline(always)]
pub(crate) fn for_writing_behind(written: *const u8, bytes: usize) {
    let mut at = 0;
    loop {
        for_writing(written.wrapping_add(AHEAD + at));
        at += LINE;
        if at >= bytes {
            break;
        }
    }
}
