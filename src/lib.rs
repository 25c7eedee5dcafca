//! oxizmq: a drop-in replacement for libzmq.
//!
//! This file is the map: the rooms of the house and nothing else. `ffi` is the C API, `context`
//! and `socket` the safe core behind it, `patterns` the messaging patterns on top of `routing`
//! and `pipe`; `zmtp` and `mechanism` are the protocol without any I/O, `transport` the
//! byte streams, and `runtime` the threads that join them. `docs/architecture.md` is the tour.

// The fuzzer's build takes a part of what the tests share.
#![cfg_attr(fuzzing, allow(dead_code, unused_imports))]
// Without the draft functions nobody calls what is there for them alone.
#![cfg_attr(not(feature = "draft"), allow(dead_code))]

mod context;
mod endpoint;
mod error;
pub mod ffi;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod mechanism;
mod message;
mod monitor;
mod options;
mod patterns;
mod pipe;
mod poller;
mod proxy;
mod routing;
mod runtime;
mod socket;
mod sys;
mod timers;
mod transport;
mod z85;
mod zmtp;
