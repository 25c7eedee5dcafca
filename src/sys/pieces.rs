//! Large writes to a unix socket, in one piece or in many small ones. Called by `transport::stream`.
//!
//! The kernel copies a large write into blocks of 32 KiB. The reader's processor keeps those it has
//! emptied, hundreds of MiB of them, while the writer's takes new ones. Usually that costs little. In a
//! virtual machine whose host gives memory only when it is touched (and takes it back when it is free) a new
//! block can cost twenty times what the copy does. What fits beside the header of a block's descriptor
//! comes from other memory, that goes round; but so many more of them cost twice as much as a usual copy.
//! So a thread looks what its large writes cost, and while they are dear it makes small ones, by one call.

#[cfg(not(target_os = "linux"))]
pub(crate) use super::net::send_vectored as send;

#[cfg(target_os = "linux")]
pub(crate) use self::linux::send;

#[cfg(target_os = "linux")]
mod linux {
    use std::cell::Cell;
    use std::io::{self, IoSlice};
    use std::mem::MaybeUninit;
    use std::os::fd::{AsRawFd, BorrowedFd};

    use super::super::{cancel, cvt, net};

    /// Writes of fewer bytes, and what they cost, tell nothing.
    const LEAST: usize = 32 * 1024;
    /// So much goes beside the header; a page less what the kernel needs there.
    const PIECE: usize = 3584;
    /// At most this many pieces by one call, of so many parts in all.
    const PIECES: usize = 64;
    const PARTS: usize = 2 * PIECES;

    /// A write is dear if it takes this long for 1024 bytes, in nanoseconds: 10 to 20 times what is usual.
    const DEAR: u64 = 1500;
    /// After a dear write so many times its bytes go in small pieces. Then it is tried again, as new
    /// memory is cheap once somebody has touched it.
    const TIMES: usize = 16;
    /// One write in so many is looked at: while all is well, and when small pieces were no better.
    const RARELY: u8 = 4;
    const HARDLY: u8 = 255;

    /// What a thread knows of its writes.
    #[derive(Clone, Copy, Default)]
    pub(super) struct Habit {
        /// So many bytes go in small pieces.
        small: usize,
        /// What the last dear write cost; 0 when it is known that small pieces cost less.
        dear: u64,
        /// Writes until one is looked at.
        wait: u8,
    }

    impl Habit {
        /// Whether the next write is made of small pieces.
        pub(super) fn is_small(&self) -> bool {
            self.small > 0
        }

        /// Whether to look what the next write costs.
        pub(super) fn looks(&mut self) -> bool {
            if self.is_small() {
                return self.dear > 0;
            }
            let looks = self.wait == 0;
            self.wait = self.wait.saturating_sub(1);
            looks
        }

        /// So many bytes were written, at so many nanoseconds if it was looked at.
        pub(super) fn learn(&mut self, bytes: usize, time: Option<u64>) {
            let price = time.filter(|_| bytes >= LEAST).map(|time| time * 1024 / bytes as u64);
            match price {
                None => self.small = self.small.saturating_sub(bytes),
                Some(price) if self.is_small() => {
                    let pays = price < self.dear / 2;
                    *self = Habit {
                        small: if pays { self.small.saturating_sub(bytes) } else { 0 },
                        dear: 0,
                        wait: if pays { 0 } else { HARDLY },
                    };
                }
                Some(price) if price >= DEAR => {
                    *self = Habit { small: bytes.saturating_mul(TIMES), dear: price, wait: 0 };
                }
                Some(_) => self.wait = RARELY - 1,
            }
        }
    }

    thread_local! {
        static HABIT: Cell<Habit> = const { Cell::new(Habit { small: 0, dear: 0, wait: 0 }) };
    }

    /// Writes several buffers without blocking and without SIGPIPE.
    pub(crate) fn send(socket: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        if buffers.iter().map(|buffer| buffer.len()).sum::<usize>() < LEAST {
            return net::send_vectored(socket, buffers);
        }
        let mut habit = HABIT.get();
        let before = if habit.looks() { time() } else { None };
        let whole = || net::send_vectored(socket, buffers);
        let result = if habit.is_small() {
            // A sandbox may know one call and not the other.
            send_small(socket, buffers).or_else(|error| match error.kind() {
                io::ErrorKind::WouldBlock => Err(error),
                _ => whole(),
            })
        } else {
            whole()
        };
        if let Ok(bytes) = &result {
            let taken = before.and_then(|before| Some(time()?.saturating_sub(before)));
            habit.learn(*bytes, taken);
        }
        HABIT.set(habit);
        result
    }

    /// The processor time of this thread in nanoseconds: others may come in between.
    fn time() -> Option<u64> {
        let mut time = MaybeUninit::<libc::timespec>::zeroed();
        // SAFETY: the system fills it in; zeros are a value, too.
        let time = unsafe {
            cvt(libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, time.as_mut_ptr())).ok()?;
            time.assume_init()
        };
        Some(u64::try_from(time.tv_sec).ok()? * 1_000_000_000 + u64::try_from(time.tv_nsec).ok()?)
    }

    /// The same in small pieces.
    pub(super) fn send_small(socket: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let nothing = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
        let mut parts = [nothing; PARTS];
        let mut ends = [0; PIECES];
        let pieces = cut(buffers, &mut parts, &mut ends);
        // SAFETY: zeros mean that there is nothing: no name, no buffers, no control data.
        let mut headers: [libc::mmsghdr; PIECES] = unsafe { MaybeUninit::zeroed().assume_init() };
        let mut from = 0;
        for (header, &end) in headers.iter_mut().zip(ends.iter().take(pieces)) {
            let parts = parts.get_mut(from..end).unwrap_or_default();
            header.msg_hdr.msg_iov = parts.as_mut_ptr();
            header.msg_hdr.msg_iovlen = parts.len() as _;
            from = end;
        }
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        loop {
            let (socket, place) = (socket.as_raw_fd(), headers.as_mut_ptr());
            // SAFETY: the first `pieces` headers name parts of the buffers, which sendmmsg only reads.
            let send =
                || unsafe { libc::sendmmsg(socket, place, pieces as libc::c_uint, flags as _) };
            match cvt(cancel::off(send)) {
                Ok(sent) => {
                    let sent = headers.iter().take(usize::try_from(sent).unwrap_or(0));
                    return Ok(sent.map(|header| header.msg_len as usize).sum());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Cuts buffers into parts of pieces: `ends` are the numbers of the parts behind each piece. How many
    /// pieces.
    pub(super) fn cut(
        buffers: &[IoSlice<'_>],
        parts: &mut [libc::iovec; PARTS],
        ends: &mut [usize; PIECES],
    ) -> usize {
        let (mut part, mut piece, mut room) = (0, 0, PIECE);
        'all: for buffer in buffers {
            let mut rest: &[u8] = buffer;
            while !rest.is_empty() {
                let (Some(place), Some(end)) = (parts.get_mut(part), ends.get_mut(piece)) else {
                    break 'all;
                };
                let (now, later) = rest.split_at(rest.len().min(room));
                *place =
                    libc::iovec { iov_base: now.as_ptr().cast_mut().cast(), iov_len: now.len() };
                part += 1;
                *end = part;
                room -= now.len();
                rest = later;
                if room == 0 {
                    (piece, room) = (piece + 1, PIECE);
                }
            }
        }
        // The last one may be shorter.
        piece + usize::from(room < PIECE)
    }
}

#[cfg(all(test, target_os = "linux"))]
#[path = "pieces_test.rs"]
mod pieces_test;
