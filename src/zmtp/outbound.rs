//! Frames of the data phase as they go out, for peers to which canonical bytes cannot be sent.
//!
//! ZMTP 1.0 has another header, peers before 3.1 take subscriptions as messages, and an encrypted
//! connection wraps each frame. Called by `established`.

use crate::mechanism::Transform;
use crate::message::{COMMAND, MORE, Subscription};
use crate::zmtp::greeting::Version;
use crate::zmtp::{Failure, codec_v1, failure, frame};

/// What any header and wrapping adds to a body, except a mechanism's own padding.
const OVERHEAD: usize = 128;

/// Appends one frame in the form that `version` and `transform` ask for. Commands that the peer
/// would not understand are left out.
pub(crate) fn encode(
    version: Version,
    transform: Option<&mut (dyn Transform + 'static)>,
    flags: u8,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    failure::reserve(out, body.len() + OVERHEAD)?;
    let mut flags = flags & (MORE | COMMAND);
    let mut body = body;
    let (mut legacy, mut prefix) = ([0], &[][..]);
    if flags & COMMAND != 0 && version != Version::V3_1 {
        let subscription = Subscription::from_command(body);
        if let Some((subscribe, topic)) = subscription.and_then(Subscription::as_legacy) {
            legacy[0] = subscribe;
            (flags, body, prefix) = (0, topic, &legacy);
        } else if version != Version::V3_0 {
            return Ok(());
        }
    }
    match (transform, version) {
        (Some(transform), _) => return transform.encode(flags, prefix, body, out),
        (None, Version::Unversioned | Version::V1) => {
            codec_v1::put_frame(flags, prefix, body, out);
        }
        (None, _) => {
            frame::put_header(flags, prefix.len() + body.len(), out);
            out.extend_from_slice(prefix);
            out.extend_from_slice(body);
        }
    }
    Ok(())
}
