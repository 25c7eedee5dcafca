//! What the kernel has still to do for a tcp connection: TCP_INFO and SIOCOUTQ of tcp(7), shutdown(2).
//! Called by `transport::stream`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use super::{cancel, cvt, cvt_size};

/// What was sent and is not known to have arrived.
pub(crate) struct Unacknowledged {
    /// In bytes; an end that was said counts for one.
    pub(crate) bytes: usize,
    /// How long the peer's system has owed an answer. Zero for one that answers and has no room.
    pub(crate) silence: Duration,
}

/// `None` if there is nothing, the connection is lost, or it is not tcp.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn unacknowledged(socket: BorrowedFd<'_>) -> Option<Unacknowledged> {
    /// The beginning of `struct tcp_info`, linux/tcp.h.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Info {
        state: u8,
        of_recovery: [u8; 2],
        unanswered_probes: u8,
        of_options: [u8; 4],
        times_and_sizes: [u32; 4],
        segments_on_their_way: u32,
        of_loss: [u32; 4],
        since_other_events: [u32; 3],
        since_acknowledgement_ms: u32,
    }
    const CLOSED: u8 = 7;
    let info: Info =
        super::sockopt::structure(socket, libc::IPPROTO_TCP, libc::TCP_INFO).ok().flatten()?;
    if info.state == CLOSED {
        return None;
    }
    let mut bytes: libc::c_int = 0;
    // SAFETY: the call fills in the number.
    cvt(unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) }).ok()?;
    let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes > 0)?;
    // Who has no room is asked from time to time, and the last question may just have left.
    let silent = info.segments_on_their_way > 0 || info.unanswered_probes > 1;
    let since = if silent { info.since_acknowledgement_ms } else { 0 };
    let silence = Duration::from_millis(since.into());
    Some(Unacknowledged { bytes, silence })
}

/// This platform does not tell.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn unacknowledged(_socket: BorrowedFd<'_>) -> Option<Unacknowledged> {
    None
}

/// Says the end of what is sent; what comes may still be read.
pub(crate) fn finish_sending(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: shutdown(2) takes numbers alone.
    cvt(unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_WR) })?;
    Ok(())
}

/// Throws away up to so many bytes of what has come, without looking at them, and tells how many there were; 0 is
/// the end of the stream.
pub(crate) fn discard(socket: BorrowedFd<'_>, bytes: usize) -> io::Result<usize> {
    let flags = libc::MSG_TRUNC | libc::MSG_DONTWAIT;
    // SAFETY: with MSG_TRUNC a tcp socket writes nothing into the buffer, see tcp(7).
    let discard = || unsafe { libc::recv(socket.as_raw_fd(), std::ptr::null_mut(), bytes, flags) };
    cvt_size(cancel::off(discard))
}
