//! How a connection ended, for who reads: it is told behind all that came before it, and as often as it is asked for.
//! Called by `layer`.

use std::io::{self, ErrorKind};

/// See the head of this file.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// The peer sends nothing more.
    Over,
    /// What the system or TLS says.
    Errno(i32),
    /// What the layer says, see `broken` and `no_memory`.
    Broken(ErrorKind),
}

impl End {
    pub(super) fn of(error: &io::Error) -> End {
        error.raw_os_error().map_or(End::Broken(error.kind()), End::Errno)
    }

    /// As a read has it; 0 is the end of the stream.
    pub(super) fn said(self) -> io::Result<usize> {
        match self {
            End::Over => Ok(0),
            End::Errno(number) => Err(io::Error::from_raw_os_error(number)),
            End::Broken(kind) => Err(kind.into()),
        }
    }
}
