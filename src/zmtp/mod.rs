//! ZMTP, the protocol on one connection, without any I/O.
//!
//! `engine` is the whole of it: `runtime::connection` feeds it bytes and the time and takes bytes and
//! events out. It never touches a socket, a clock or entropy. `greeting` finds the version of the peer
//! (13/ZMTP 1.0, 15/ZMTP 2.0, 23/ZMTP 3.0, 37/ZMTP 3.1), the handshake runs a security mechanism
//! (`crate::mechanism`), and then frames pass: `inbound` delimits those that are canonical as they
//! come from the wire, `assembler` reads the others and `outbound` writes them.
#![forbid(unsafe_code)]

mod assembler;
mod codec_v1;
pub(crate) mod command;
mod config;
mod engine;
mod established;
pub(crate) mod failure;
pub(crate) mod frame;
mod greeting;
mod handshake;
mod heartbeat;
mod inbound;
pub(crate) mod metadata;
mod outbound;

pub(crate) use config::{CurveConfig, EngineConfig, GssapiConfig, MechanismConfig, RandomFn};
pub(crate) use engine::{Engine, Event};
pub(crate) use established::FrameSink;
pub(crate) use failure::{Failure, FailureKind, error_code};
pub(crate) use heartbeat::Delivery;
pub(crate) use inbound::Scan;

#[cfg(test)]
mod engine_test;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz_test;
#[cfg(test)]
mod garbage_test;
#[cfg(test)]
mod heartbeat_test;
#[cfg(any(test, fuzzing))]
pub(crate) mod session_fuzz_test;
#[cfg(any(test, fuzzing))]
pub(crate) mod testing;
#[cfg(test)]
mod versions_test;
