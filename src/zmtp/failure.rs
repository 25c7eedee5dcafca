//! Why a connection has to end, and what the socket monitor shall say about it.
//!
//! See zmq_socket_monitor(3), "Protocol errors". Made all over `zmtp` and `mechanism`, read by
//! `runtime::session` and `monitor`.

use crate::error::Error;

/// The `ZMQ_PROTOCOL_ERROR_*` numbers of `zmq.h`.
pub(crate) mod error_code {
    pub(crate) const ZMTP_UNSPECIFIED: u32 = 0x1000_0000;
    pub(crate) const ZMTP_UNEXPECTED_COMMAND: u32 = 0x1000_0001;
    pub(crate) const ZMTP_INVALID_SEQUENCE: u32 = 0x1000_0002;
    pub(crate) const ZMTP_KEY_EXCHANGE: u32 = 0x1000_0003;
    pub(crate) const ZMTP_MALFORMED_COMMAND_UNSPECIFIED: u32 = 0x1000_0011;
    pub(crate) const ZMTP_MALFORMED_COMMAND_MESSAGE: u32 = 0x1000_0012;
    pub(crate) const ZMTP_MALFORMED_COMMAND_HELLO: u32 = 0x1000_0013;
    pub(crate) const ZMTP_MALFORMED_COMMAND_INITIATE: u32 = 0x1000_0014;
    pub(crate) const ZMTP_MALFORMED_COMMAND_ERROR: u32 = 0x1000_0015;
    pub(crate) const ZMTP_MALFORMED_COMMAND_READY: u32 = 0x1000_0016;
    pub(crate) const ZMTP_MALFORMED_COMMAND_WELCOME: u32 = 0x1000_0017;
    pub(crate) const ZMTP_INVALID_METADATA: u32 = 0x1000_0018;
    pub(crate) const ZMTP_CRYPTOGRAPHIC: u32 = 0x1100_0001;
    pub(crate) const ZMTP_MECHANISM_MISMATCH: u32 = 0x1100_0002;
    pub(crate) const ZAP_UNSPECIFIED: u32 = 0x2000_0000;
    pub(crate) const ZAP_MALFORMED_REPLY: u32 = 0x2000_0001;
    pub(crate) const ZAP_BAD_REQUEST_ID: u32 = 0x2000_0002;
    pub(crate) const ZAP_BAD_VERSION: u32 = 0x2000_0003;
    pub(crate) const ZAP_INVALID_STATUS_CODE: u32 = 0x2000_0004;
    pub(crate) const ZAP_INVALID_METADATA: u32 = 0x2000_0005;
    pub(crate) const WS_UNSPECIFIED: u32 = 0x3000_0000;
}

/// The end of a connection: the cause, and the monitor event that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) event: FailureKind,
}

/// Who or what is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// `ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL` with an errno: nobody can be blamed.
    HandshakeFailedNoDetail(i32),
    /// `ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL` with a number of [`error_code`]: the peer, or the ZAP
    /// handler, broke the protocol.
    HandshakeFailedProtocol(u32),
    /// `ZMQ_EVENT_HANDSHAKE_FAILED_AUTH` with a ZAP status code: access was denied.
    HandshakeFailedAuth(u16),
    /// No event of its own: the peer of an established connection fell silent.
    Timeout,
    /// No event of its own: the peer sent what cannot be read as ZMTP.
    Protocol,
}

impl Failure {
    /// The handshake broke the protocol in the way `code` of [`error_code`] names.
    pub(crate) fn handshake(code: u32) -> Failure {
        Failure { error: Error::PROTO, event: FailureKind::HandshakeFailedProtocol(code) }
    }

    /// Access was denied with this ZAP status code.
    pub(crate) fn denied(status: u16) -> Failure {
        Failure { error: Error::PROTO, event: FailureKind::HandshakeFailedAuth(status) }
    }

    /// The peer broke the protocol below ZMTP, in its handshake or later.
    pub(crate) fn web_socket() -> Failure {
        Failure::handshake(error_code::WS_UNSPECIFIED)
    }

    /// The peer, or a proxy in front of it, does not speak WebSocket now, but may do so later.
    pub(crate) fn not_now() -> Failure {
        Failure { error: Error::CONNREFUSED, ..Failure::web_socket() }
    }

    /// The handshake could not go on, though the peer did nothing wrong.
    pub(crate) fn no_detail(error: Error) -> Failure {
        Failure { error, event: FailureKind::HandshakeFailedNoDetail(error.errno()) }
    }

    /// The peer broke the framing.
    pub(crate) fn protocol() -> Failure {
        Failure { error: Error::PROTO, event: FailureKind::Protocol }
    }

    /// A frame exceeds `ZMQ_MAXMSGSIZE` or what this machine can address.
    pub(crate) fn too_large() -> Failure {
        Failure { error: Error::MSGSIZE, event: FailureKind::Protocol }
    }

    /// The peer wants this side to remember more than it does for one peer.
    pub(crate) fn refused() -> Failure {
        Failure { error: Error::MSGSIZE, event: FailureKind::Protocol }
    }

    /// The peer of an established connection was silent for too long.
    pub(crate) fn silent() -> Failure {
        Failure { error: Error::TIMEDOUT, event: FailureKind::Timeout }
    }

    /// There is no memory for a frame.
    pub(crate) fn no_memory() -> Failure {
        Failure::no_detail(Error::NOMEM)
    }

    /// Whether the peer broke the rules of the mechanism, which a monitor hears of at any time: frames that
    /// are forged, replayed or plain.
    pub(crate) fn breaks_mechanism(&self) -> bool {
        self.event != Failure::web_socket().event
            && matches!(self.event, FailureKind::HandshakeFailedProtocol(_))
    }

    /// Whether connecting anew may help. libzmq reconnects after timeouts, which is also how a client without
    /// a ticket ends there; it gives a connecting session up after protocol errors, since the peer would only
    /// commit them again, and where nobody answers for ZAP.
    pub(crate) fn may_reconnect(&self) -> bool {
        match self.event {
            // This side lacks a ticket, entropy or memory now, and may have it later.
            FailureKind::HandshakeFailedNoDetail(_) => self.error != Error::FAULT,
            _ => matches!(self.error, Error::TIMEDOUT | Error::CONNREFUSED),
        }
    }
}

/// Makes room for what a frame needs, which may be as much as there is.
pub(crate) fn reserve(buffer: &mut Vec<u8>, size: usize) -> Result<(), Failure> {
    buffer.try_reserve(size).map_err(|_| Failure::no_memory())
}
