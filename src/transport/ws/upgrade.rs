//! The HTTP upgrade, RFC 6455 section 4, both sides; pure, called by `layer`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use httparse::{EMPTY_HEADER, Header, Request, Response, Status};
use sha1::{Digest, Sha1};

use super::Security;

/// A request or response longer than this is none.
pub(super) const HEAD_MAX: usize = 8192;
const HEADERS_MAX: usize = 64;
/// RFC 6455, section 1.3: what is appended to the key before it is hashed.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// What a server tells somebody who wants something else.
pub(super) const BAD_REQUEST: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Which subprotocol was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `ZWS2.0/<mechanism>`
    Secured,
    /// `ZWS2.0`: no mechanism, but an exchange of identities.
    Bare,
}

/// How far reading a request or response came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed<T> {
    /// There is more to come.
    Partial,
    /// So many bytes, saying this.
    Complete(usize, T),
    /// A proxy whose server is not there, or one that is overloaded: it may be better later.
    NotNow,
    Bad,
}

/// What the client sends.
pub(super) fn request(host: &str, path: &str, key: &str, security: Security) -> Vec<u8> {
    let protocols = match security.name() {
        "NULL" => String::from("ZWS2.0/NULL,ZWS2.0"),
        name => format!("ZWS2.0/{name}"),
    };
    format!(
        "GET {path} HTTP/1.1\r\n\
         Host: {host}\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Protocol: {protocols}\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// The key of a request.
pub(super) fn key(random: [u8; 16]) -> String {
    STANDARD.encode(random)
}

/// What the client makes of the answer.
pub(super) fn parse_response(bytes: &[u8], key: &str, security: Security) -> Parsed<Protocol> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut response = Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Parsed::Partial,
        Err(_) => return Parsed::Bad,
    };
    let protocol = select(response.headers, security);
    // "If the response lacks a |Sec-WebSocket-Accept| header field or the |Sec-WebSocket-Accept|
    // contains a value other than [...], the client MUST _Fail the WebSocket Connection_."
    let accepted = values(response.headers, "sec-websocket-accept")
        .any(|value| value.trim() == accept_key(key));
    match protocol {
        Some((protocol, _))
            if response.code == Some(101) && accepted && upgrades(response.headers) =>
        {
            Parsed::Complete(length, protocol)
        }
        // RFC 9110, section 15.6: "the server is aware that it has erred or is incapable of
        // performing the requested method".
        _ if matches!(response.code, Some(500..=599)) => Parsed::NotNow,
        _ => Parsed::Bad,
    }
}

/// What the server makes of a request: the subprotocol and the answer.
pub(super) fn parse_request(bytes: &[u8], security: Security) -> Parsed<(Protocol, Vec<u8>)> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Parsed::Partial,
        Err(_) => return Parsed::Bad,
    };
    let key = values(request.headers, "sec-websocket-key").next().map(str::trim);
    let (Some("GET"), Some(1), Some(key), Some((protocol, name)), true) = (
        request.method,
        request.version,
        key.filter(|key| !key.is_empty()),
        select(request.headers, security),
        upgrades(request.headers),
    ) else {
        return Parsed::Bad;
    };
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\
         Sec-WebSocket-Protocol: {name}\r\n\r\n",
        accept_key(key)
    );
    Parsed::Complete(length, (protocol, response.into_bytes()))
}

/// The first subprotocol in the lists that fits our mechanism, and how it was written.
fn select<'a>(headers: &[Header<'a>], security: Security) -> Option<(Protocol, &'a str)> {
    values(headers, "sec-websocket-protocol")
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .find_map(|offer| match offer.strip_prefix("ZWS2.0")? {
            "" if security.name() == "NULL" => Some((Protocol::Bare, offer)),
            mechanism if mechanism.strip_prefix('/') == Some(security.name()) => {
                Some((Protocol::Secured, offer))
            }
            _ => None,
        })
}

/// Whether `Upgrade` and `Connection` say what they must.
fn upgrades(headers: &[Header<'_>]) -> bool {
    let has = |name, token: &str| {
        values(headers, name)
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(token))
    };
    has("upgrade", "websocket") && has("connection", "upgrade")
}

fn values<'a>(headers: &[Header<'a>], name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .filter_map(|header| str::from_utf8(header.value).ok())
}

/// RFC 6455, section 4.2.2: the hash of the key and a constant, in base64.
fn accept_key(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::MechanismKind;

    const NULL: Security = Security { mechanism: MechanismKind::Null, as_server: false };
    const PLAIN: Security = Security { mechanism: MechanismKind::Plain, as_server: false };

    /// The example of RFC 6455, section 1.3.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    #[test]
    fn both_sides_agree() {
        assert_eq!(accept_key(KEY), ACCEPT);
        for security in [NULL, PLAIN] {
            let request = request("host:80", "/a/b", KEY, security);
            let Parsed::Complete(length, (protocol, response)) = parse_request(&request, security)
            else {
                panic!("request refused");
            };
            assert_eq!((length, protocol), (request.len(), Protocol::Secured));
            let parsed = parse_response(&response, KEY, security);
            assert_eq!(parsed, Parsed::Complete(response.len(), Protocol::Secured));
            assert_eq!(parse_response(&response, "other", security), Parsed::Bad);
            for end in 0..request.len() {
                assert_eq!(parse_request(&request[..end], security), Parsed::Partial);
            }
        }
        let request = request("host:80", "/", KEY, PLAIN);
        assert_eq!(parse_request(&request, NULL), Parsed::Bad);
    }

    #[test]
    fn nobody_gets_past_a_mechanism_without_one() {
        for (offer, good) in
            [("ZWS2.0/PLAIN", true), ("ZWS2.0", false), ("ZWS2.0/NULL", false), ("ZWS2.0/", false)]
        {
            let request = format!(
                "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Key: a\r\nSec-WebSocket-Protocol: {offer}\r\n\r\n"
            );
            let parsed = parse_request(request.as_bytes(), PLAIN);
            assert_eq!(matches!(parsed, Parsed::Complete(..)), good, "{offer}");
        }
    }

    fn asked(lines: &[&str]) -> Parsed<(Protocol, Vec<u8>)> {
        parse_request(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes(), NULL)
    }

    #[test]
    fn requests_of_browsers_and_strangers() {
        let (get, upgrade) = ("GET /chat HTTP/1.1", "upgrade: WebSocket");
        let (connection, key) = ("Connection: keep-alive, Upgrade", "Sec-WebSocket-Key: abc");
        let protocol = "Sec-WebSocket-Protocol: soap, ZWS2.0";
        let Parsed::Complete(_, (chosen, response)) =
            asked(&[get, "Host: a", upgrade, connection, key, protocol])
        else {
            panic!("refused");
        };
        assert_eq!(chosen, Protocol::Bare);
        assert!(String::from_utf8(response).unwrap().contains("Protocol: ZWS2.0\r\n"));
        for lines in [
            &[get, upgrade, connection, key][..],
            &[get, upgrade, connection, protocol],
            &[get, upgrade, key, protocol],
            &[get, connection, key, protocol],
            &[get, upgrade, connection, key, "Sec-WebSocket-Protocol: ZWS2.0/CURVE, ZWS2"],
            &["POST / HTTP/1.1", upgrade, connection, key, protocol],
            &["GET / HTTP/1.0", upgrade, connection, key, protocol],
            &["\x16\x03\x01 tls"],
        ] {
            assert_eq!(asked(lines), Parsed::Bad, "{lines:?}");
        }
        assert_eq!(parse_request(b"\xff\0\0\0\0\0\0\0\x01\x7f", NULL), Parsed::Bad);
    }

    #[test]
    fn responses_that_are_none() {
        for response in [
            "HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(),
            format!(
                "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
            ),
            format!(
                "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\nSec-WebSocket-Protocol: ZWS2.0/PLAIN\r\n\r\n"
            ),
        ] {
            assert_eq!(parse_response(response.as_bytes(), KEY, NULL), Parsed::Bad);
        }
        for status in ["502 Bad Gateway", "503 Busy"] {
            let response = format!("HTTP/1.1 {status}\r\nRetry-After: 1\r\n\r\n");
            assert_eq!(parse_response(response.as_bytes(), KEY, NULL), Parsed::NotNow);
        }
    }
}
