//! Property lists: the metadata of READY, INITIATE and ZAP replies (37/ZMTP, "Metadata").
//!
//! `property = name-length name value-length(4) value`. Called by the mechanisms.

use crate::patterns::SocketType;
use crate::zmtp::{EngineConfig, Failure, error_code};

const SOCKET_TYPE: &[u8] = b"Socket-Type";
const IDENTITY: &[u8] = b"Identity";
/// "identity = *255OCTET".
const MAX_IDENTITY: usize = 255;

/// More properties than this are no peer's need, and each is looked for among those before it.
const MAX_PROPERTIES: usize = 256;

/// Names that only this side may fill; a peer that announces them is not believed.
const RESERVED: [&[u8]; 3] = [b"User-Id", b"Peer-Address", b"__fd"];

/// Names and values. Both are any bytes.
pub(crate) type List = Vec<(Vec<u8>, Vec<u8>)>;

/// What a peer, or a ZAP handler, said of the peer.
#[derive(Debug, Default)]
pub(crate) struct Properties {
    pub(crate) list: List,
    pub(crate) identity: Vec<u8>,
}

/// Appends one property. Names longer than 255 bytes are left out: they cannot be written.
pub(crate) fn put(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let (Ok(name_len), Ok(value_len)) = (u8::try_from(name.len()), u32::try_from(value.len()))
    else {
        return;
    };
    out.push(name_len);
    out.extend_from_slice(name);
    out.extend_from_slice(&value_len.to_be_bytes());
    out.extend_from_slice(value);
}

/// Appends what this side says of itself: the socket type, the routing id where the peer can make
/// use of it, and the application's own properties (`ZMQ_METADATA`).
pub(crate) fn put_own(config: &EngineConfig, out: &mut Vec<u8>) {
    use SocketType::{Dealer, Req, Router};
    put(SOCKET_TYPE, config.kind.name().as_bytes(), out);
    if matches!(config.kind, Req | Dealer | Router) {
        put(IDENTITY, &config.routing_id, out);
    }
    for (name, value) in &config.properties {
        put(name, value, out);
    }
}

/// Calls `each` for every property. Fails if the bytes are not exactly a list of properties.
fn for_each<'a>(
    mut bytes: &'a [u8],
    mut each: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    fn property(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
        let (&name_len, rest) = bytes.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(name_len))?;
        let (value_len, rest) = rest.split_first_chunk()?;
        let value_len = usize::try_from(u32::from_be_bytes(*value_len)).ok()?;
        let (value, rest) = rest.split_at_checked(value_len)?;
        Some((name, value, rest))
    }
    let invalid = Failure::handshake(error_code::ZMTP_INVALID_METADATA);
    let mut count = 0;
    while !bytes.is_empty() {
        count += 1;
        let (name, value, rest) =
            property(bytes).filter(|_| count <= MAX_PROPERTIES).ok_or(invalid)?;
        each(name, value)?;
        bytes = rest;
    }
    Ok(())
}

/// Whether a peer of this type may talk to `own`.
fn fits(peer: &[u8], own: SocketType) -> bool {
    std::str::from_utf8(peer).is_ok_and(|peer| own.compatible(peer))
}

/// Reads the metadata of a peer and checks that the two sockets may talk to each other.
pub(crate) fn parse_peer(bytes: &[u8], own: SocketType) -> Result<Properties, Failure> {
    let invalid = Failure::handshake(error_code::ZMTP_INVALID_METADATA);
    let mut properties = Properties::default();
    for_each(bytes, |mut name, value| {
        // "Property names are case-insensitive."
        if name.eq_ignore_ascii_case(SOCKET_TYPE) {
            name = SOCKET_TYPE;
            if !fits(value, own) {
                return Err(invalid);
            }
        } else if name.eq_ignore_ascii_case(IDENTITY) {
            name = IDENTITY;
            if value.len() > MAX_IDENTITY {
                return Err(invalid);
            }
            properties.identity = value.to_vec();
        }
        if !RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            properties.list.push((name.to_owned(), value.to_vec()));
        }
        Ok(())
    })?;
    Ok(properties)
}

/// Reads the metadata frame of a ZAP reply. Of the peer's type and routing id the handler may say no more
/// than the peer.
pub(crate) fn parse_zap(bytes: &[u8], own: SocketType) -> Result<List, Failure> {
    let invalid = Failure::handshake(error_code::ZAP_INVALID_METADATA);
    let mut list = Vec::new();
    for_each(bytes, |name, value| {
        let good = match name {
            SOCKET_TYPE => fits(value, own),
            IDENTITY => value.len() <= MAX_IDENTITY,
            _ => true,
        };
        list.push((name.to_owned(), value.to_vec()));
        if good { Ok(()) } else { Err(invalid) }
    })
    .map_err(|_| invalid)?;
    Ok(list)
}

/// The routing id among what a ZAP handler said: the first of a name counts.
pub(crate) fn identity(list: &List) -> Option<&[u8]> {
    list.iter().find(|(name, _)| name == IDENTITY).map(|(_, value)| &**value)
}
