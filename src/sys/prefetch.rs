//! Hints to the processor: memory that will be written or read soon.
//!
//! What another processor has touched last must be had from there first, which costs as much as a dozen small
//! messages. Asked for early, it is there in time. Used by the byte queue and by the memory of messages.

/// How far ahead of a writer that goes through memory from front to back its hints go.
pub(crate) const AHEAD: usize = 512;

/// The size of what processors hand to each other.
const LINE: usize = 64;

/// Gives the hint as this kind of processor knows it, or none.
macro_rules! hint {
    ($address:ident, $x86_64:literal, $aarch64:literal) => {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        // SAFETY: a hint, which changes nothing and never faults; old processors take it for a `nop`.
        unsafe {
            std::arch::asm!($x86_64, in(reg) $address, options(readonly, nostack, preserves_flags));
        }
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        // SAFETY: a hint, which changes nothing and never faults.
        unsafe {
            std::arch::asm!($aarch64, in(reg) $address, options(readonly, nostack, preserves_flags));
        }
        #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
        let _ = $address;
    };
}

/// Has the processor get the cache line at this address for writing. Any address will do.
#[inline(always)]
pub(crate) fn for_writing(address: *const u8) {
    hint!(address, "prefetchw [{}]", "prfm pstl1keep, [{}]");
}

/// The same for reading.
#[inline(always)]
pub(crate) fn for_reading(address: *const u8) {
    hint!(address, "prefetcht0 [{}]", "prfm pldl1keep, [{}]");
}

/// For writing: all of so many bytes.
#[inline]
pub(crate) fn for_writing_all(address: *const u8, bytes: usize) {
    let before = address.addr() % LINE;
    let mut at = 0;
    while at < before + bytes {
        for_writing(address.wrapping_sub(before).wrapping_add(at));
        at += LINE;
    }
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
