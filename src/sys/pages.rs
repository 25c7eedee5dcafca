//! Large pieces of memory that nobody has touched, when the system reads them. Called by `transport::stream`.
//!
//! A buffer of calloc, an array of zeros, a mapped file, or a message that its owner did not fill has no
//! pages yet. A write takes an exception for every 4 KiB of it, which costs more than the bytes do; asked for
//! all at once the pages cost a quarter. Where there are pages asking would be a waste, so a thread asks
//! only as long as its writes meet such memory, and counts the exceptions of some writes to know.

use std::io::{self, IoSlice};

#[cfg(target_os = "linux")]
pub(crate) use self::linux::writing;

/// Writes these pieces by `write`, with an eye on their pages.
#[cfg(not(target_os = "linux"))]
pub(crate) fn writing(
    _pieces: &[IoSlice<'_>],
    write: impl FnOnce() -> io::Result<usize>,
) -> io::Result<usize> {
    write()
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use std::cell::Cell;
    use std::mem::MaybeUninit;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// Pieces of fewer bytes are left alone.
    pub(super) const LEAST: usize = 64 * 1024;
    /// So many exceptions in a write tell that its memory was not touched.
    const MANY: i64 = 12;
    /// A write without them may have found the rest of a piece that was asked for before, so it takes more.
    const TRIES: u8 = 4;
    /// As long as all is well one write in so many is looked at.
    const RARELY: u8 = 8;

    thread_local! {
        /// How often to ask before giving up, and writes until one is looked at.
        static HABIT: Cell<(u8, u8)> = const { Cell::new((0, 0)) };
        /// How many bytes the last write took.
        static TAKEN: Cell<usize> = const { Cell::new(0) };
    }

    /// Writes these pieces by `write`, with an eye on their pages.
    pub(crate) fn writing(
        pieces: &[IoSlice<'_>],
        write: impl FnOnce() -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut large = pieces.iter().filter(|piece| piece.len() >= LEAST).peekable();
        if large.peek().is_none() {
            return write();
        }
        let (tries, wait) = HABIT.get();
        if tries == 0 && wait > 0 {
            HABIT.set((0, wait - 1));
            return write();
        }
        let before = exceptions();
        if tries > 0 {
            // Of many pieces the system takes some, and the others come again.
            let likely = TAKEN.get().max(LEAST);
            let mut asked = 0;
            for piece in large {
                if asked >= likely {
                    break;
                }
                ask_for(piece);
                asked += piece.len();
            }
        }
        let result = write();
        if let Ok(taken) = &result {
            TAKEN.set(*taken);
        }
        let tries = if exceptions() - before >= MANY { TRIES } else { tries.saturating_sub(1) };
        HABIT.set((tries, RARELY - 1));
        result
    }

    /// Has the system give pages to a piece. It need not work: Linux before 5.14 does not know how.
    pub(super) fn ask_for(piece: &[u8]) {
        let before = piece.as_ptr().addr() % page();
        let start = piece.as_ptr().wrapping_sub(before).cast_mut();
        // SAFETY: only the pages that the piece lies in are given memory, and no byte changes.
        let _ =
            unsafe { libc::madvise(start.cast(), before + piece.len(), libc::MADV_POPULATE_READ) };
    }

    /// Pages that this thread asked for or ran into so far.
    pub(super) fn exceptions() -> i64 {
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the system fills it in; zeros are a value, too.
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
            usage.assume_init()
        };
        usage.ru_minflt
    }

    fn page() -> usize {
        static SIZE: AtomicUsize = AtomicUsize::new(0);
        let mut size = SIZE.load(Relaxed);
        if size == 0 {
            // SAFETY: a plain question.
            let found = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
            size = usize::try_from(found).unwrap_or(4096);
            SIZE.store(size, Relaxed);
        }
        size
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::linux::{LEAST, ask_for, exceptions};
    use super::*;

    const SIZE: usize = 1024 * 1024;

    /// Lends memory without pages.
    fn with_untouched(use_it: impl FnOnce(&[u8])) {
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: new memory, all zeros, which nobody uses after it is given back.
        unsafe {
            let memory = libc::mmap(std::ptr::null_mut(), SIZE, access, kind, -1, 0);
            assert_ne!(memory, libc::MAP_FAILED);
            use_it(std::slice::from_raw_parts(memory.cast::<u8>(), SIZE));
            libc::munmap(memory, SIZE);
        }
    }

    /// Exceptions of reading a byte of each page.
    fn read(bytes: &[u8]) -> i64 {
        let before = exceptions();
        assert_eq!(bytes.iter().step_by(4096).map(std::hint::black_box).max(), Some(&0));
        exceptions() - before
    }

    #[test]
    fn untouched_memory_is_asked_for_after_the_first_write() {
        let known = |bytes: &[u8]| {
            // SAFETY: as in the product.
            unsafe {
                libc::madvise(bytes.as_ptr().cast_mut().cast(), 1, libc::MADV_POPULATE_READ) == 0
            }
        };
        with_untouched(|bytes| {
            let bytes = &bytes[100..SIZE - 100];
            ask_for(bytes);
            assert!(read(bytes) < 16 || !known(&bytes[3996..]));
        });
        let mut asked = Vec::new();
        for _ in 0..3 {
            with_untouched(|bytes| {
                let mut exceptions = 0;
                let written = writing(&[IoSlice::new(bytes)], || {
                    exceptions = read(bytes);
                    Ok(bytes.len())
                });
                assert_eq!(written.unwrap(), bytes.len());
                asked.push(exceptions < 16);
            });
        }
        // How many the first takes depends on the size of the system's pages.
        with_untouched(|bytes| assert!(asked[2] || !known(bytes)));
    }

    #[test]
    fn what_the_last_write_did_not_take_is_not_asked_for() {
        let mut last = Vec::new();
        for _ in 0..2 {
            with_untouched(|bytes| {
                let pieces: Vec<_> = bytes.chunks(LEAST).map(IoSlice::new).collect();
                let written = writing(&pieces, || {
                    last.push(read(&bytes[SIZE - LEAST..]));
                    read(bytes);
                    Ok(LEAST)
                });
                assert_eq!(written.unwrap(), LEAST);
            });
        }
        // The first write asks for nothing.
        assert!(last[1] * 2 >= last[0], "{last:?}");
    }

    #[test]
    fn every_write_is_made_once() {
        let bytes = vec![1; 2 * LEAST];
        let mut writes = 0;
        for _ in 0..100 {
            let pieces = [IoSlice::new(&bytes), IoSlice::new(&bytes[..10]), IoSlice::new(&[])];
            for pieces in [&pieces[..], &pieces[1..]] {
                let written = writing(pieces, || {
                    writes += 1;
                    Ok(writes)
                });
                assert_eq!(written.unwrap(), writes);
            }
        }
        assert_eq!(writes, 200);
    }
}
