//! The CURVE mechanism, 26/CURVEZMQ: both sides prove that they own a key, and every frame is
//! encrypted and authenticated with keys that live as long as the connection.
//!
//! Called through `mechanism::Mechanism` and, after the handshake, `mechanism::Transform`. Capitals
//! are public keys, small letters secret ones; a prime marks those made for one connection.
//!
//! ```text
//!   client (C, S, C')                                       server (S, S')
//!   HELLO     C', Box [64 zeros](C'->S) ---------------->
//!             <---- WELCOME   Box [S' + cookie](S->C'), cookie = SecretBox [C' + s'](t)
//!   INITIATE  cookie, Box [C + vouch + metadata](C'->S') ->   vouch = Box [C' + S](C->S')
//!                                                             asks the ZAP handler about C
//!             <---- READY     Box [metadata](S'->C'), or ERROR
//!   MESSAGE   Box [flags + body](C'->S')      <-->      Box [flags + body](S'->C')
//! ```

mod boxes;
mod client;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz_test;
mod key;
mod message;
mod server;
mod stream;
mod x25519;

pub(crate) use client::Client;
pub(crate) use server::Server;
pub(crate) use x25519::public_key;

#[cfg(test)]
mod liar_test;
#[cfg(test)]
mod stream_test;
