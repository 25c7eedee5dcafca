//! What the fuzzer feeds to reliable multicast: the payload of pgm packets and of norm streams. See
//! `crate::fuzz`.

use super::group::size_limit;
use super::{norm, pgm};
use crate::fuzz::Input;
use crate::transport::testing::options;

pub(crate) fn packets(data: &[u8]) {
    let mut input = Input(data);
    let mut options = options();
    options.maxmsgsize = match input.byte() {
        0 => -1,
        limit => limit.into(),
    };
    let limit = size_limit(&options);
    let piece = 1 + usize::from(input.byte() % 50);
    let bytes = input.rest();
    for unpack in [pgm::unpack_all, norm::unpack_all] {
        let whole = unpack(bytes, usize::MAX, limit);
        let pieces = unpack(bytes, piece, limit);
        assert_eq!(whole, pieces);
        let longest = whole.0.iter().flatten().map(Vec::len).max().unwrap_or(0);
        assert!(longest as u64 <= limit);
    }
}
