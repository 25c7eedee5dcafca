//! The values of the context options, zmq_ctx_set(3).
//!
//! Owned by `context::Context`; a socket copies what it inherits when it is created.

use std::collections::BTreeSet;

/// Every context option as the user set it.
#[derive(Clone, Debug)]
pub(crate) struct ContextOptions {
    pub(crate) io_threads: i32,
    pub(crate) max_sockets: i32,
    pub(crate) max_msgsz: i32,
    /// Whether new sockets linger for ever (`true`) or not at all.
    pub(crate) blocky: bool,
    /// What new sockets start with.
    pub(crate) ipv6: bool,
    pub(crate) zero_copy_recv: bool,
    /// -1: leave the scheduling policy of the I/O threads alone.
    pub(crate) thread_sched_policy: i32,
    /// -1: leave the priority of the I/O threads alone.
    pub(crate) thread_priority: i32,
    /// The processors the I/O threads may run on; empty means all.
    pub(crate) thread_affinity_cpus: BTreeSet<i32>,
    /// Put before the name of every I/O thread.
    pub(crate) thread_name_prefix: Vec<u8>,
}

impl Default for ContextOptions {
    fn default() -> ContextOptions {
        ContextOptions {
            io_threads: 1,
            max_sockets: 1023,
            max_msgsz: i32::MAX,
            blocky: true,
            ipv6: false,
            zero_copy_recv: true,
            thread_sched_policy: -1,
            thread_priority: -1,
            thread_affinity_cpus: BTreeSet::new(),
            thread_name_prefix: Vec::new(),
        }
    }
}
