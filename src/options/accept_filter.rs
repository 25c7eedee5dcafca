//! One ZMQ_TCP_ACCEPT_FILTER: an address with a prefix length, zmq_setsockopt(3).
//!
//! Parsed when the option is set, asked by the tcp listener for every accepted connection.

use std::net::IpAddr;

/// Addresses that share the first `prefix` bits of `network`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AcceptFilter {
    pub(crate) network: IpAddr,
    pub(crate) prefix: u8,
}
