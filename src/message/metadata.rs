//! What is known of the peer that sent a message: the properties of its handshake.
//!
//! One object per connection, shared by all its messages; `zmq_msg_gets(3)` reads it, ROUTER takes
//! the routing id from it and `ZMQ_SRCFD` the descriptor. Made by `runtime::session` and `socket`.

use std::ffi::{CStr, CString};
use std::sync::Arc;

/// The properties of one connection. Values are NUL-terminated because C reads them in place.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    properties: Vec<(String, CString)>,
    routing_id: Vec<u8>,
    descriptor: Option<i32>,
    endpoints: Option<(Arc<str>, Arc<str>)>,
}

impl Metadata {
    /// No properties, no routing id.
    pub(crate) fn new() -> Metadata {
        Metadata::default()
    }

    /// Adds a property; the first value of a name wins. Bytes after a NUL are cut off, as C would.
    pub(crate) fn set(&mut self, name: &str, value: &[u8]) {
        if self.get(name).is_none() {
            let end = value.iter().position(|&byte| byte == 0).unwrap_or(value.len());
            let value = CString::new(&value[..end]).unwrap_or_default();
            self.properties.push((name.to_owned(), value));
        }
    }

    /// The value of a property; names compare exactly, as in libzmq.
    pub(crate) fn get(&self, name: &str) -> Option<&CStr> {
        self.properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_c_str())
    }

    /// Sets the peer's routing id, which may hold any bytes.
    pub(crate) fn set_routing_id(&mut self, routing_id: &[u8]) {
        self.routing_id = routing_id.to_vec();
    }

    /// The routing id the peer announced; empty if it announced none.
    pub(crate) fn routing_id(&self) -> &[u8] {
        &self.routing_id
    }

    /// Whether a message can be asked for anything in here. Between sockets of one process only
    /// the routing id is told, and messages need not carry it.
    pub(crate) fn concerns_messages(&self) -> bool {
        !self.properties.is_empty() || self.descriptor.is_some()
    }

    /// Sets the descriptor of the connection, for `ZMQ_SRCFD`.
    pub(crate) fn set_descriptor(&mut self, descriptor: i32) {
        self.descriptor = Some(descriptor);
    }

    /// Sets the endpoints of the connection, local and remote, for its socket's monitor.
    pub(crate) fn set_endpoints(&mut self, local: Arc<str>, remote: Arc<str>) {
        self.endpoints = Some((local, remote));
    }

    /// The endpoints of the connection, local and remote, if it has any.
    pub(crate) fn endpoints(&self) -> Option<(&str, &str)> {
        self.endpoints.as_ref().map(|(local, remote)| (&**local, &**remote))
    }

    /// The descriptor of the connection, if it has one.
    pub(crate) fn descriptor(&self) -> Option<i32> {
        self.descriptor
    }
}
