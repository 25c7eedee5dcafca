//! Socket and context options: the values (`values`, `context`) and the numbers of `zmq.h`.
//!
//! See zmq_setsockopt(3), zmq_getsockopt(3) and zmq_ctx_set(3). Every other room reads the fields
//! of [`SocketOptions`]; only this room decides what may be stored in them.
#![forbid(unsafe_code)]
#![allow(dead_code)]

mod accept_filter;
mod context;
mod values;

pub(crate) use accept_filter::AcceptFilter;
pub(crate) use context::ContextOptions;
pub(crate) use values::{CurveKey, MechanismKind, SocketOptions};
