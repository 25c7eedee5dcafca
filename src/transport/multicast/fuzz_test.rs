//! What the fuzzer feeds to reliable multicast: the payload of pgm packets and of norm streams. See
//! `crate::fuzz`.

use super::group::Frames;
use super::{norm, pgm};
use crate::fuzz::Input;
use crate::message::Message;
use crate::options::Limits;
use crate::transport::testing::options;

pub(crate) fn packets(data: &[u8]) {
    let mut input = Input(data);
    let mut options = options();
    options.maxmsgsize = match input.byte() {
        0 => -1,
        limit => limit.into(),
    };
    let limits = Limits::new(options.maxmsgsize, options.rcvhwm);
    let piece = 1 + usize::from(input.byte() % 50);
    let bytes = input.rest();
    for unpack in [pgm::unpack_all, norm::unpack_all] {
        let whole = unpack(bytes, usize::MAX, limits);
        let pieces = unpack(bytes, piece, limits);
        assert_eq!((plain(&whole.0), whole.1), (plain(&pieces.0), pieces.1));
        let longest = whole.0.iter().flatten().map(Message::len).max().unwrap_or(0);
        assert!(longest as u64 <= limits.frame);
    }
}

/// The bodies.
pub(super) fn plain(messages: &[Frames]) -> Vec<Vec<&[u8]>> {
    messages.iter().map(|frames| frames.iter().map(Message::data).collect()).collect()
}

#[cfg(test)]
pub(super) fn frame(body: &[u8], more: bool) -> Message {
    let mut frame = Message::from_slice(body).unwrap();
    frame.set_more(more);
    frame
}
