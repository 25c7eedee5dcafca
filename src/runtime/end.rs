//! Why a connection is over, as whoever reads or writes it finds out. The session tells monitors of
//! it. Made by `connection` and its halves, judged by `session`.

use std::io::{self, ErrorKind};

use crate::error::Error;
use crate::zmtp::Failure;

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum End {
    /// The transport failed or the peer closed it.
    Closed(Error),
    /// The protocol was broken, or a time limit passed.
    Failed(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> End {
        End::Failed(failure)
    }
}

/// What a stream tells, see `transport::Layer`.
impl From<io::Error> for End {
    fn from(error: io::Error) -> End {
        match (error.raw_os_error(), error.kind()) {
            (None, ErrorKind::InvalidData) => End::Failed(Failure::web_socket()),
            (None, ErrorKind::ConnectionRefused) => End::Failed(Failure::not_now()),
            _ => End::Closed(error.into()),
        }
    }
}

/// The count of a write, `None` if it would block.
pub(super) fn done(result: io::Result<usize>, writable: &mut bool) -> Result<Option<usize>, End> {
    match result {
        Ok(0) => Err(End::Closed(Error::PIPE)),
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            *writable = false;
            Ok(None)
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(End::Closed(error.into())),
    }
}
