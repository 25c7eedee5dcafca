//! How the values that are more than a number find their way into the fields.
//!
//! Called by the rows of the table, after the length was checked. `None` takes a value back.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::options::{AcceptFilter, CurveKey, MechanismKind, SocketOptions};
use crate::z85;

type Bytes<'a> = Option<&'a [u8]>;

/// Replaces a field.
pub(super) fn bytes(field: &mut Vec<u8>, value: Bytes<'_>) -> Result<()> {
    *field = copy(value.unwrap_or_default())?;
    Ok(())
}

/// A copy of what the application gives, which may be as long as it likes: `NOMEM` if there is no memory for it.
pub(crate) fn copy(value: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(value.len()).map_err(|_| Error::NOMEM)?;
    copy.extend_from_slice(value);
    Ok(copy)
}

/// Puts one native four-byte number into a set, or empties it.
pub(super) fn number<N: FromNative + Ord>(field: &mut BTreeSet<N>, value: Bytes<'_>) -> Result<()> {
    match value {
        None => field.clear(),
        Some(value) => {
            let value = value.try_into().map_err(|_| Error::INVAL)?;
            field.insert(N::from_native(value));
        }
    }
    Ok(())
}

/// The number types of the ipc filters.
pub(super) trait FromNative {
    fn from_native(bytes: [u8; 4]) -> Self;
}

impl FromNative for i32 {
    fn from_native(bytes: [u8; 4]) -> i32 {
        i32::from_ne_bytes(bytes)
    }
}

impl FromNative for u32 {
    fn from_native(bytes: [u8; 4]) -> u32 {
        u32::from_ne_bytes(bytes)
    }
}

/// TCP_ACCEPT_FILTER: the IPV6 option decides at this moment how the address is understood.
pub(super) fn accept_filter(options: &mut SocketOptions, value: Bytes<'_>) -> Result<()> {
    match value {
        None => options.tcp_accept_filters.clear(),
        Some(value) => {
            let filter = AcceptFilter::parse(value, options.ipv6)?;
            options.tcp_accept_filters.push(filter);
        }
    }
    Ok(())
}

/// ROUTER_RAW: once on, switching it off again does not bring ZMTP back.
pub(super) fn router_raw(options: &mut SocketOptions, value: i32) {
    if value != 0 {
        options.recv_routing_id = false;
        options.raw_socket = true;
    }
}

/// METADATA: `X-name:value`. The value of four bytes is refused because libzmq takes it for an int.
pub(super) fn metadata(options: &mut SocketOptions, value: Bytes<'_>) -> Result<()> {
    let value = value.unwrap_or_default();
    let colon = value.iter().position(|&byte| byte == b':').ok_or(Error::INVAL)?;
    let (name, content) = (&value[..colon], &value[colon + 1..]);
    let good = value.len() != 4 && name.starts_with(b"X-") && name.len() <= 255;
    if !good || content.is_empty() {
        return Err(Error::INVAL);
    }
    if !options.metadata.iter().any(|(known, _)| known == name) {
        options.metadata.push((name.to_vec(), copy(content)?));
    }
    Ok(())
}

/// PLAIN_USERNAME and PLAIN_PASSWORD make the socket a PLAIN client; taken back, the mechanism is
/// NULL again but the credentials stay.
pub(super) fn plain(
    options: &mut SocketOptions,
    field: fn(&mut SocketOptions) -> &mut Vec<u8>,
    value: Bytes<'_>,
) -> Result<()> {
    match value {
        None => options.mechanism = MechanismKind::Null,
        Some(value) => {
            *field(options) = value.to_vec();
            options.as_server = false;
            options.mechanism = MechanismKind::Plain;
        }
    }
    Ok(())
}

/// PLAIN_SERVER; off means NULL.
pub(super) fn plain_server(options: &mut SocketOptions, value: i32) {
    server(options, value, MechanismKind::Plain, MechanismKind::Null);
}

/// CURVE_SERVER; off means NULL.
pub(super) fn curve_server(options: &mut SocketOptions, value: i32) {
    server(options, value, MechanismKind::Curve, MechanismKind::Null);
}

/// GSSAPI stays the mechanism even when the socket shall not be a server.
pub(super) fn gssapi_server(options: &mut SocketOptions, value: i32) {
    server(options, value, MechanismKind::Gssapi, MechanismKind::Gssapi);
}

fn server(options: &mut SocketOptions, value: i32, on: MechanismKind, off: MechanismKind) {
    options.as_server = value != 0;
    options.mechanism = if options.as_server { on } else { off };
}

/// PLAIN_SERVER, read.
pub(super) fn is_plain_server(options: &SocketOptions) -> i32 {
    is_server(options, MechanismKind::Plain)
}

/// CURVE_SERVER, read.
pub(super) fn is_curve_server(options: &SocketOptions) -> i32 {
    is_server(options, MechanismKind::Curve)
}

/// GSSAPI_SERVER, read.
pub(super) fn is_gssapi_server(options: &SocketOptions) -> i32 {
    is_server(options, MechanismKind::Gssapi)
}

fn is_server(options: &SocketOptions, mechanism: MechanismKind) -> i32 {
    (options.as_server && options.mechanism == mechanism).into()
}

/// GSSAPI_PRINCIPAL makes GSSAPI the mechanism.
pub(super) fn gssapi_principal(options: &mut SocketOptions, value: Bytes<'_>) -> Result<()> {
    options.mechanism = MechanismKind::Gssapi;
    bytes(&mut options.gss_principal, value)
}

/// GSSAPI_SERVICE_PRINCIPAL makes the socket a client of GSSAPI.
pub(super) fn gssapi_service_principal(
    options: &mut SocketOptions,
    value: Bytes<'_>,
) -> Result<()> {
    options.mechanism = MechanismKind::Gssapi;
    options.as_server = false;
    bytes(&mut options.gss_service_principal, value)
}

/// A CURVE key: 32 bytes as they are, or Z85 in 40 bytes or in 41 with the NUL.
pub(super) fn curve_key(
    options: &mut SocketOptions,
    field: fn(&mut SocketOptions) -> &mut CurveKey,
    value: Bytes<'_>,
    as_client: bool,
) -> Result<()> {
    let value = value.unwrap_or_default();
    match value.len() {
        32 => field(options).copy_from_slice(value),
        40 | 41 => {
            let text = value.split(|&byte| byte == 0).next().unwrap_or_default();
            let key = z85::decode(text)?;
            // A NUL inside cuts the text short, and then only so much of the key is replaced.
            let place = field(options).get_mut(..key.len()).ok_or(Error::INVAL)?;
            place.copy_from_slice(&key);
        }
        _ => return Err(Error::INVAL),
    }
    options.mechanism = MechanismKind::Curve;
    if as_client {
        options.as_server = false;
    }
    Ok(())
}
