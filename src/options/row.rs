//! What a row of the option table can say: the rule a value must keep and where the value lives.
//!
//! Rows are data (`rows`), these are their words, and `table` carries them out. Sizes and errors are
//! those of libzmq, see zmq_setsockopt(3): whatever breaks a rule is EINVAL.

use crate::error::Result;
use crate::options::{CurveKey, SocketOptions};
use crate::patterns::SocketType;

/// The socket types an option may be set on or read from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kinds {
    All,
    Only(&'static [SocketType]),
}

/// What a value given to zmq_setsockopt must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Exactly four bytes, a native `int` between these two.
    Int { min: i32, max: i32 },
    /// Exactly eight bytes.
    Wide,
    /// Between `min` and `max` bytes. `null` tells what a null pointer means.
    Bytes { min: usize, max: usize, null: Null },
}

/// What zmq_setsockopt(option, NULL, 0) means for an option that takes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Null {
    /// EINVAL.
    Refused,
    /// Takes the value back; the row's function is called with `None`.
    Resets,
    /// The same, and the length given beside the null pointer does not matter.
    ResetsAtAnyLength,
    /// The same as an empty value.
    Empty,
}

/// Where a value goes once it has kept its rule.
pub(crate) enum Store {
    Int(fn(&mut SocketOptions, i32)),
    Wide(fn(&mut SocketOptions, [u8; 8])),
    Bytes(fn(&mut SocketOptions, Option<&[u8]>) -> Result<()>),
    /// Only the socket's pattern knows it.
    Pattern,
}

/// How an option may be set.
pub(crate) struct Set {
    pub(crate) rule: Rule,
    pub(crate) on: Kinds,
    pub(crate) store: Store,
    pub(crate) then: Outcome,
}

/// What is left for the socket to do after a value was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing.
    Stored,
    /// Stored; the pipes that exist shall have the new high-water marks. As after `Stored`, the pattern's
    /// `options_changed` is called.
    ResizePipes,
    /// Stored; the pattern wants to know as well: call its `set_option`, whose answer does not
    /// matter, and its `options_changed`.
    TellPattern,
    /// Not stored here: the answer of the pattern's `set_option` is the answer.
    Pattern,
}

/// How an option is read.
pub(crate) enum Get {
    /// Exactly four bytes.
    Int(fn(&SocketOptions) -> i32),
    /// Four bytes or more; the rest is zeroed and the length becomes four.
    RoomyInt(fn(&SocketOptions) -> i32),
    /// Exactly eight bytes.
    Wide(fn(&SocketOptions) -> [u8; 8]),
    /// Room for the bytes; the rest is zeroed and the length becomes theirs.
    Bytes(fn(&SocketOptions) -> &[u8]),
    /// As `Bytes`, with a NUL after them that counts.
    Text(fn(&SocketOptions) -> &[u8]),
    /// 32 bytes for the key itself, 41 for its Z85 form; the length stays.
    Key(fn(&SocketOptions) -> &CurveKey),
    /// Fails, but a buffer of four bytes gets the value all the same.
    Spoilt(fn(&SocketOptions) -> i32),
    /// The socket computes it: RCVMORE, FD, EVENTS, LAST_ENDPOINT.
    Socket,
    /// The pattern computes it, a `RoomyInt`, on these types.
    Pattern(Kinds),
}

/// One option of sockets.
pub(crate) struct Row {
    #[cfg_attr(not(test), expect(dead_code, reason = "for docs/options.md, which a test writes"))]
    pub(crate) name: &'static str,
    pub(crate) number: i32,
    /// `None`: cannot be set.
    pub(crate) set: Option<Set>,
    /// `None`: cannot be read.
    pub(crate) get: Option<Get>,
}

impl Kinds {
    /// Whether a socket of this type is among them.
    pub(crate) fn contain(&self, kind: SocketType) -> bool {
        match self {
            Kinds::All => true,
            Kinds::Only(kinds) => kinds.contains(&kind),
        }
    }
}
