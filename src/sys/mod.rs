//! Thin wrappers of system calls.

pub(crate) mod membarrier;
