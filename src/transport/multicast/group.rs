//! What the runtime sees of either kind of reliable multicast: a sender to a group, or a receiver of
//! whole messages. Implemented by `norm` and `pgm`.

use std::os::fd::RawFd;
use std::time::Duration;

use crate::message::Message;

/// The frames of a received message; all but the last say that more follow.
pub(crate) type Frames = Vec<Message>;

/// A sender to a group, or a receiver.
pub(crate) trait Multicast: Send {
    /// What to watch for being readable, or for a sender that wants it writable, at the edge.
    fn descriptors(&self) -> Vec<RawFd>;

    fn sends(&self) -> bool;

    /// Does what the protocol has to do. After a descriptor was ready, or the time of `again_in`.
    fn work(&mut self);

    /// How long it can be left alone though no descriptor becomes ready.
    fn again_in(&self) -> Option<Duration> {
        None
    }

    /// Whether `send` would take a frame; goes on with what is left of those before.
    fn can_send(&mut self) -> bool;

    /// Sends a frame. Only if `can_send`.
    fn send(&mut self, frame: Message);

    /// Nothing is to be sent just now: what was held back to fill a packet may go.
    fn flush(&mut self) {}

    /// Whether everything was sent at least once.
    fn is_idle(&self) -> bool;

    /// Whether what is left to be sent is all with a library that sends it by itself.
    fn has_taken_all(&self) -> bool {
        false
    }

    /// Whether sending is of any use, as far as it is known: since the last call the system took
    /// what was sent, and somebody seems to be there.
    fn is_heard(&mut self) -> bool {
        true
    }

    /// The next whole message from any of the senders.
    fn receive(&mut self) -> Option<Frames>;
}
