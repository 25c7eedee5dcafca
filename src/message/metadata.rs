//! What is known of the peer that sent a message: the properties of its handshake.
//!
//! One object per connection, shared by all its messages; `zmq_msg_gets(3)` reads it, ROUTER takes
//! the routing id from it and `ZMQ_SRCFD` the descriptor. Made by `runtime::session` and `socket`.

use std::ffi::CStr;
use std::sync::Arc;

/// Names that nearly every peer has.
const FAMILIAR: [&str; 6] = ["", "Socket-Type", "Identity", "Peer-Address", "User-Id", "Resource"];

/// The properties of one connection. There is one of these for each of many peers, so it is small.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    /// One behind the other: the length of the name and the name, or 0 and its place among the familiar
    /// ones; then the value, NUL-terminated because C reads it in place.
    properties: Box<[u8]>,
    routing_id: Box<[u8]>,
    descriptor: Option<i32>,
    endpoints: Option<(Arc<str>, Arc<str>)>,
}

impl Metadata {
    /// No properties, no routing id.
    pub(crate) fn new() -> Metadata {
        Metadata::default()
    }

    /// Adds a property; the first value of a name wins. Bytes after a NUL are cut off, as C would.
    /// Names of more than 255 bytes do not come over any wire.
    pub(crate) fn set(&mut self, name: impl AsRef<[u8]>, value: &[u8]) {
        let name = name.as_ref();
        let Ok(len) = u8::try_from(name.len()) else { return };
        if self.get(name).is_some() {
            return;
        }
        let end = value.iter().position(|&byte| byte == 0).unwrap_or(value.len());
        let (len, name) = match FAMILIAR.iter().position(|known| known.as_bytes() == name) {
            Some(place) => (0, &[place as u8][..]),
            None => (len, name),
        };
        let all = [&*self.properties, &[len], name, &value[..end], &[0]];
        self.properties = all.concat().into_boxed_slice();
    }

    /// The value of a property; names are any bytes and compare exactly, as in libzmq.
    pub(crate) fn get(&self, name: impl AsRef<[u8]>) -> Option<&CStr> {
        let name = name.as_ref();
        let mut rest = &*self.properties;
        loop {
            let (&len, behind) = rest.split_first()?;
            let (key, behind) = match len {
                0 => {
                    let (&place, behind) = behind.split_first()?;
                    (FAMILIAR.get(usize::from(place))?.as_bytes(), behind)
                }
                len => behind.split_at_checked(len.into())?,
            };
            let value = CStr::from_bytes_until_nul(behind).ok()?;
            if key == name {
                return Some(value);
            }
            rest = behind.get(value.count_bytes() + 1..)?;
        }
    }

    /// Sets the peer's routing id, which may hold any bytes.
    pub(crate) fn set_routing_id(&mut self, routing_id: &[u8]) {
        self.routing_id = routing_id.into();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_found_by_name_and_the_first_value_counts() {
        let mut metadata = Metadata::new();
        let long = "x".repeat(255);
        let all = [("Peer-Address", &b"::1"[..]), ("Socket-Type", b"DEALER"), ("X-own", b"a\0b")];
        for (name, value) in all {
            metadata.set(name, value);
        }
        metadata.set("Identity", b"");
        metadata.set(b"X-\xff", b"\xfe");
        metadata.set(&long, b"last");
        metadata.set("Socket-Type", b"ROUTER");
        metadata.set("x".repeat(256), b"nobody can send this");
        let get = |name: &str| metadata.get(name).map(CStr::to_bytes);
        assert_eq!(get("Peer-Address"), Some(&b"::1"[..]));
        assert_eq!(get("Socket-Type"), Some(&b"DEALER"[..]));
        assert_eq!(get("X-own"), Some(&b"a"[..]), "what C would see");
        assert_eq!(get("Identity"), Some(&b""[..]));
        assert_eq!(metadata.get(b"X-\xff").map(CStr::to_bytes), Some(&b"\xfe"[..]), "any bytes");
        assert_eq!(get(&long), Some(&b"last"[..]));
        for absent in ["", "X-ow", "X-owner", "User-Id", &"x".repeat(256)] {
            assert_eq!(get(absent), None);
        }
    }
}
