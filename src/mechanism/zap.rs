//! The ZeroMQ Authentication Protocol, 27/ZAP: requests to and replies from the handler at
//! `inproc://zeromq.zap.01`. The session carries the frames; the mechanisms call this.

use crate::error::Error;
use crate::patterns::SocketType;
use crate::zmtp::{EngineConfig, Failure, error_code, metadata};

const VERSION: &[u8] = b"1.0";
/// One request at a time goes over one connection to the handler.
const REQUEST_ID: &[u8] = b"1";

/// What the handler decided.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    /// 200, 300, 400 or 500.
    pub(crate) status: u16,
    pub(crate) user_id: Vec<u8>,
    pub(crate) properties: metadata::List,
}

/// A request, beginning with the empty delimiter frame.
pub(crate) fn request(
    config: &EngineConfig,
    mechanism: &[u8],
    credentials: &[&[u8]],
) -> Vec<Vec<u8>> {
    let mut frames = vec![
        Vec::new(),
        VERSION.to_vec(),
        REQUEST_ID.to_vec(),
        config.zap.domain.clone(),
        config.peer_address.clone().into_bytes(),
        config.routing_id.clone(),
        mechanism.to_vec(),
    ];
    frames.extend(credentials.iter().map(|credential| credential.to_vec()));
    frames
}

/// Reads a reply to a socket of the type `own`, which begins with the empty delimiter frame as well.
pub(crate) fn parse_reply<F: AsRef<[u8]>>(frames: &[F], own: SocketType) -> Result<Reply, Failure> {
    let [delimiter, version, request_id, status, _text, user_id, properties] = frames else {
        return Err(Failure::handshake(error_code::ZAP_MALFORMED_REPLY));
    };
    if !delimiter.as_ref().is_empty() {
        return Err(Failure::handshake(error_code::ZAP_UNSPECIFIED));
    }
    if version.as_ref() != VERSION {
        return Err(Failure::handshake(error_code::ZAP_BAD_VERSION));
    }
    if request_id.as_ref() != REQUEST_ID {
        return Err(Failure::handshake(error_code::ZAP_BAD_REQUEST_ID));
    }
    let status = match status.as_ref() {
        b"200" => 200,
        b"300" => 300,
        b"400" => 400,
        b"500" => 500,
        _ => return Err(Failure::handshake(error_code::ZAP_INVALID_STATUS_CODE)),
    };
    let properties = metadata::parse_zap(properties.as_ref(), own)?;
    Ok(Reply { status, user_id: user_id.as_ref().to_vec(), properties })
}

/// Whether a peer may come in.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// The handler has not answered yet.
    Pending,
    /// Yes; with what the handler said of the peer, if it was asked.
    Granted(Option<Reply>),
    /// No.
    Denied(u16),
}

impl Access {
    /// What follows from a reply. Without a handler, `without_handler` decides.
    pub(crate) fn from_reply(
        reply: Option<Reply>,
        without_handler: bool,
    ) -> Result<Access, Failure> {
        match reply {
            Some(reply) if reply.status == 200 => Ok(Access::Granted(Some(reply))),
            Some(reply) => Ok(Access::Denied(reply.status)),
            None if without_handler => Ok(Access::Granted(None)),
            None => Err(Failure::no_detail(Error::FAULT)),
        }
    }
}

/// The ERROR command for a denied peer. 300 is a temporary failure: the peer shall try again and
/// is therefore disconnected without a word.
pub(crate) fn denial(status: u16) -> Option<Vec<u8>> {
    (status != 300).then(|| crate::zmtp::command::error(status.to_string().as_bytes()))
}
