//! What a peer may send: the largest frame, and the largest message of many frames. Called by `zmtp` and
//! reliable multicast.

/// No message is refused below this size, however small the limits are for frames and messages.
const ENOUGH: u64 = if cfg!(test) { 400 } else { 256 << 20 };

/// In bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The largest body of a frame.
    pub(crate) frame: u64,
    /// What a message may take before its last frame is there.
    pub(crate) message: u64,
}

impl Limits {
    /// Of `ZMQ_MAXMSGSIZE` (-1: no limit but the address space) and `ZMQ_RCVHWM` (0: none).
    ///
    /// `ZMQ_MAXMSGSIZE` is about frames, as in libzmq, and a message may have as many of them as its sender
    /// likes. Where there is such a limit, all of a message may take what the messages of one frame may that
    /// `ZMQ_RCVHWM` allows; or as much as the subscriptions of a peer, if that is more.
    pub(crate) fn new(maxmsgsize: i64, rcvhwm: i32) -> Limits {
        // 37/ZMTP: "the most significant bit of a long length MUST be zero". This also keeps every
        // sum of a length and an offset away from the end of the address space (CVE-2019-6250).
        let largest = isize::MAX as u64;
        let frame = u64::try_from(maxmsgsize).unwrap_or(largest).min(largest);
        let message = match u64::try_from(rcvhwm) {
            Ok(1..) if maxmsgsize >= 0 => frame.saturating_mul(rcvhwm as u64).max(ENOUGH),
            _ => u64::MAX,
        };
        Limits { frame, message }
    }
}
