//! A frame on its way into a sender's endless stream, in pieces of any size. Used by `norm` and `pgm`.

use crate::message::Message;

/// The longest that stands before a body in either stream.
const MAX_HEADER: usize = 10;

/// See the head of this file. The body stays where it is.
pub(super) struct Outgoing {
    header: [u8; MAX_HEADER],
    header_len: usize,
    body: Message,
    /// How much of both has gone.
    gone: usize,
}

impl Outgoing {
    /// `header` is cut off behind the longest.
    pub(super) fn new(header: &[u8], body: Message) -> Outgoing {
        let mut own = [0; MAX_HEADER];
        let header_len = header.len().min(MAX_HEADER);
        own.iter_mut().zip(header).for_each(|(to, from)| *to = *from);
        Outgoing { header: own, header_len, body, gone: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.header_len + self.body.len()
    }

    pub(super) fn has_gone(&self) -> bool {
        self.gone == self.len()
    }

    /// What goes next, in one piece.
    pub(super) fn rest(&self) -> &[u8] {
        match self.gone.checked_sub(self.header_len) {
            Some(gone) => self.body.data().get(gone..).unwrap_or_default(),
            None => self.header.get(self.gone..self.header_len).unwrap_or_default(),
        }
    }

    /// So much of the rest has gone.
    pub(super) fn advance(&mut self, count: usize) {
        self.gone += count;
    }
}
