//! Endpoints as the API takes them, `scheme://address`: zmq_bind(3), zmq_connect(3).
//!
//! Only the split is made here; what an address means is its transport's affair. Used by socket,
//! context and runtime.
#![forbid(unsafe_code)]

use crate::error::{Error, Result};

/// An endpoint taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint<'a> {
    /// Which transport: `tcp`, `ipc`, `inproc` ...
    pub(crate) scheme: &'a str,
    /// What only the transport understands.
    pub(crate) address: &'a str,
}

impl Endpoint<'_> {
    /// INVAL without `://` or with nothing on either side of it. Whether the scheme exists is
    /// `transport::find`'s to say.
    pub(crate) fn parse(endpoint: &str) -> Result<Endpoint<'_>> {
        match endpoint.split_once("://") {
            Some((scheme, address)) if !scheme.is_empty() && !address.is_empty() => {
                Ok(Endpoint { scheme, address })
            }
            _ => Err(Error::INVAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_endpoints_apart() {
        for (endpoint, scheme, address) in [
            ("tcp://127.0.0.1:5555", "tcp", "127.0.0.1:5555"),
            ("ipc:///tmp/a://b", "ipc", "/tmp/a://b"),
            ("inproc://#1", "inproc", "#1"),
            ("unheard-of://x", "unheard-of", "x"),
        ] {
            assert_eq!(Endpoint::parse(endpoint), Ok(Endpoint { scheme, address }));
        }
        for endpoint in ["", "tcp", "tcp:/x", "tcp:127.0.0.1:5", "://x", "tcp://", "://"] {
            assert_eq!(Endpoint::parse(endpoint), Err(Error::INVAL), "{endpoint}");
        }
    }
}
