//! A little memory that is kept for when the system has none.
//!
//! Large allocations may fail, and their callers say so (ENOMEM). Where some bytes for a list or a
//! task cannot be had Rust ends the process, which a library must not do to its host: so these come
//! out of a reserve, and as long as it is used and the system has nothing [`is_short`] makes the
//! calls that would need more answer ENOMEM. It is part of the library's zeroed data, which takes
//! no memory until it is used. `ffi` and `runtime::listener` ask.
//!
//! `wrap` gives from it to the shared library; where nothing is wrapped, nothing is ever short.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod wrap;

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The pieces there are: so many 64 of so many bytes.
const CLASSES: [(usize, usize); 4] = [(16, 128), (4, 1024), (1, 8 * 1024), (1, 32 * 1024)];
const WORDS: usize = 16 + 4 + 1 + 1;
/// Pieces are aligned to this.
const ALIGNMENT: usize = 128;
const SIZE: usize = 64 * (16 * 128 + 4 * 1024 + 8 * 1024 + 32 * 1024);
/// When this much of it is in use, and the system does not even have so much, nothing is to be
/// begun that can wait.
const SHORT: usize = SIZE / 64;
const PROBE: usize = 16 * 1024;

#[repr(C, align(128))]
struct Bytes(UnsafeCell<[u8; SIZE]>);

// SAFETY: nobody looks at the bytes through this; each piece is its owner's.
unsafe impl Sync for Bytes {}

static BYTES: Bytes = Bytes(UnsafeCell::new([0; SIZE]));
/// Which pieces are in use, a bit each.
static USED: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// Whether there is so little memory that nothing more should be begun.
#[inline]
pub(crate) fn is_short() -> bool {
    IN_USE.load(Ordering::Relaxed) > SHORT && !system_has_memory()
}

/// What was taken from the reserve may stay in use long after there is memory again.
#[cold]
fn system_has_memory() -> bool {
    let mut probe = Vec::<u8>::new();
    probe.try_reserve_exact(PROBE).is_ok() && !holds(probe.as_mut_ptr().cast())
}

/// Where the pieces of a class begin, in words of `USED` and in bytes.
fn start(class: usize) -> (usize, usize) {
    let before = CLASSES.get(..class).unwrap_or_default().iter();
    before.fold((0, 0), |(words, bytes), (more, size)| (words + more, bytes + 64 * more * size))
}

/// A piece of at least so many bytes; null if there is none.
#[cold]
fn take(wanted: usize, alignment: usize) -> *mut c_void {
    for (class, &(words, size)) in CLASSES.iter().enumerate() {
        if size < wanted || alignment > ALIGNMENT {
            continue;
        }
        let (first, bytes) = start(class);
        for (place, used) in USED.iter().skip(first).take(words).enumerate() {
            let claim = |used: u64| (used != u64::MAX).then(|| used | (used + 1));
            if let Ok(before) = used.fetch_update(Ordering::Acquire, Ordering::Relaxed, claim) {
                IN_USE.fetch_add(size, Ordering::Relaxed);
                let piece = 64 * place + before.trailing_ones() as usize;
                return BYTES.0.get().cast::<u8>().wrapping_add(bytes + piece * size).cast();
            }
        }
    }
    null_mut()
}

/// How far behind the beginning of the reserve this is, if it is in it.
#[inline]
fn offset(memory: *mut c_void) -> Option<usize> {
    let offset = memory.addr().wrapping_sub(BYTES.0.get().addr());
    (offset < SIZE).then_some(offset)
}

/// The size of the piece at this offset, the word of `USED` with its bit, and the bit.
fn piece_at(offset: usize) -> (usize, usize, u64) {
    let mut class = 0;
    while offset >= start(class + 1).1 {
        class += 1;
    }
    let (first, bytes) = start(class);
    let size = CLASSES.get(class).map_or(1, |class| class.1);
    let piece = (offset - bytes) / size;
    (size, first + piece / 64, 1 << (piece % 64))
}

/// Whether the application, whose free(3) is another one, must not be given this.
pub(crate) fn holds(memory: *mut c_void) -> bool {
    offset(memory).is_some()
}

/// Gives back the piece at this offset.
#[cold]
fn put(offset: usize) {
    let (size, word, bit) = piece_at(offset);
    if let Some(used) = USED.get(word) {
        used.fetch_and(!bit, Ordering::Release);
        IN_USE.fetch_sub(size, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The only test that uses the reserve, as others would find it used.
    #[test]
    fn pieces_are_large_enough_and_nobody_elses() {
        assert_eq!(start(CLASSES.len()), (WORDS, SIZE));
        assert!(!is_short());
        let sizes = [1, 128, 129, 1000, 5000, 8192, 8193, 32768];
        let mut held = Vec::new();
        for (number, &size) in sizes.iter().cycle().take(800).enumerate() {
            let memory = take(size, 16);
            let Some(offset) = offset(memory) else {
                assert!(memory.is_null() && number > 100, "{number}");
                continue;
            };
            assert!(
                memory.addr().is_multiple_of(ALIGNMENT)
                    && (size..=SIZE - offset).contains(&piece_at(offset).0)
            );
            // SAFETY: the piece is ours.
            unsafe { memory.write_bytes(number as u8, size) };
            held.push((memory, offset, size, number as u8));
        }
        assert!(held.len() > 300 && IN_USE.load(Ordering::Relaxed) > SHORT, "{}", held.len());
        for (memory, offset, size, number) in held {
            // SAFETY: the piece is still ours until it is given back.
            let bytes = unsafe { std::slice::from_raw_parts(memory.cast::<u8>(), size) };
            assert!(bytes.iter().all(|&byte| byte == number));
            put(offset);
        }
        assert_eq!(IN_USE.load(Ordering::Relaxed), 0);
        for size in [SIZE, 32 * 1024 + 1] {
            assert!(take(size, 8).is_null());
        }
        assert!(take(8, 256).is_null());
    }
}
