//! The GSSAPI mechanism, 38/ZMTP-GSSAPI: Kerberos proves who both sides are and encrypts what
//! passes between them.
//!
//! Called through `mechanism::Mechanism` and `mechanism::Transform`. The cryptography is the
//! system's library, see `sys::gssapi`; alone among the mechanisms this one can block, while the
//! library asks a key distribution centre for a ticket.
//!
//! ```text
//!   client                                    server
//!   INITIATE token -------------------------->
//!            <------------------------------- INITIATE token
//!   (until both have a context)
//!   INITIATE without a token ----------------> asks the ZAP handler about the client's name
//!            <------------------------------- MESSAGE (READY metadata), or ERROR
//!   MESSAGE (READY metadata) ---------------->
//! ```
//!
//! With `ZMQ_GSSAPI_PLAINTEXT`, READY and all frames after it pass as they are.

mod client;
mod message;
mod server;

pub(crate) use client::Client;
pub(crate) use server::Server;

use crate::error::Error;
use crate::sys::gssapi::{Credential, Name, NameType};
use crate::zmtp::{EngineConfig, Failure, GssapiConfig, command, error_code, metadata};
use message::Messages;

/// The credentials of the principal that was configured; `None` are the default ones.
fn credential(config: &GssapiConfig) -> Result<Option<Credential>, Failure> {
    if config.principal.is_empty() {
        return Ok(None);
    }
    let name = name(&config.principal, config.principal_type)?;
    Credential::acquire(&name).map(Some).map_err(Failure::no_detail)
}

/// A name of one of the types `ZMQ_GSSAPI_NT_*`.
fn name(text: &[u8], name_type: i32) -> Result<Name, Failure> {
    let name_type = match name_type {
        0 => NameType::Hostbased,
        1 => NameType::UserName,
        2 => NameType::Krb5Principal,
        _ => return Err(Failure::no_detail(Error::INVAL)),
    };
    Name::import(text, name_type).map_err(Failure::no_detail)
}

/// What the connection ends with when the library does not take what the peer has sent.
fn refused(error: Error) -> Failure {
    match error {
        Error::NOMEM => Failure::no_memory(),
        _ => Failure::handshake(error_code::ZMTP_CRYPTOGRAPHIC),
    }
}

/// `INITIATE length(4) token`.
fn initiate(token: &[u8]) -> Vec<u8> {
    [command::INITIATE, &(token.len() as u32).to_be_bytes(), token].concat()
}

/// The token of an INITIATE command.
fn token(initiate: &[u8]) -> Result<&[u8], Failure> {
    super::check_structure(initiate)?;
    let rest = initiate
        .strip_prefix(command::INITIATE)
        .ok_or(Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND))?;
    exact(rest).ok_or(Failure::handshake(error_code::ZMTP_MALFORMED_COMMAND_INITIATE))
}

/// The bytes behind a length of four bytes, if nothing else follows.
fn exact(bytes: &[u8]) -> Option<&[u8]> {
    let (len, token) = bytes.split_first_chunk()?;
    (usize::try_from(u32::from_be_bytes(*len)) == Ok(token.len())).then_some(token)
}

/// What this side says of itself, wrapped unless all is plain text.
fn ready(config: &EngineConfig, messages: Option<&mut Messages>) -> Result<Vec<u8>, Failure> {
    let mut ready = command::READY.to_vec();
    metadata::put_own(config, &mut ready);
    match messages {
        Some(messages) => messages.wrap(&ready),
        None => Ok(ready),
    }
}

/// What the peer says of itself.
fn process_ready(
    config: &EngineConfig,
    messages: Option<&mut Messages>,
    command: &[u8],
) -> Result<metadata::Properties, Failure> {
    let plain;
    let ready = match messages {
        Some(messages) => {
            plain = messages.unwrap(command)?;
            plain.body()
        }
        None => command,
    };
    super::check_structure(ready)?;
    let properties = ready
        .strip_prefix(command::READY)
        .ok_or(Failure::handshake(error_code::ZMTP_UNEXPECTED_COMMAND))?;
    metadata::parse_peer(properties, config.kind)
}

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz_test;
#[cfg(test)]
mod gssapi_test;
