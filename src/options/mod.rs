//! Socket and context options: the values and the tables that say how each is set and read.
//!
//! See zmq_setsockopt(3), zmq_getsockopt(3) and zmq_ctx_set(3). `rows` is the table of socket
//! options and `table` looks options up in it; `context` does the same for contexts. Every
//! other room reads the fields of [`SocketOptions`]; only this room decides what may be stored in
//! them. `docs/adding-an-option.md` tells how to add one.
#![forbid(unsafe_code)]

mod accept_filter;
pub(crate) mod context;
mod limits;
pub(crate) mod numbers;
mod row;
mod rows;
mod store;
pub(crate) mod table;
mod values;

#[cfg(test)]
mod context_test;
#[cfg(test)]
mod document_test;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz_test;
#[cfg(test)]
mod table_test;
#[cfg(test)]
mod values_test;

pub(crate) use accept_filter::AcceptFilter;
pub(crate) use context::ContextOptions;
pub(crate) use limits::Limits;
pub(crate) use row::Outcome;
pub(crate) use store::copy;
pub(crate) use values::{CurveKey, MechanismKind, SecretKey, SocketOptions};
