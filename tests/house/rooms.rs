//! The rooms of the house and who may use whom: the one table behind `tests/house.rs`.
//!
//! `docs/architecture.md` shows the same table; the test keeps the two equal
//! (`UPDATE=1 cargo test --test house` rewrites it there). When a rule proves impractical, it is
//! changed here, and the reason goes into the third column.

/// Where `unsafe` may stand in a room.
pub(crate) enum Unsafe {
    /// Nowhere: the room's first file says `#![forbid(unsafe_code)]`.
    Nowhere,
    /// Everywhere in the room.
    Anywhere,
    /// In these modules of the room only, files or folders. The room's first file says
    /// `#![deny(unsafe_code)]`, these lift it with `#![allow(unsafe_code)]`.
    In(&'static [&'static str]),
}
use Unsafe::{Anywhere, In, Nowhere};

/// A folder or file directly below `src`, or a part of one that has rules of its own.
pub(crate) struct Room {
    /// `message` is `src/message.rs` or all of `src/message/`; `runtime/session` is
    /// `src/runtime/session*.rs` and what is below `src/runtime/session/`. The longest name counts.
    pub(crate) name: &'static str,
    /// Rooms whose items it may name. `pipe` is all of that room; `pipe/` only its front door, that
    /// is what `pipe/mod.rs` itself offers and not its inner files; `patterns::SocketType` one item.
    /// Its own room is always allowed.
    pub(crate) may_use: &'static [&'static str],
    pub(crate) unsafe_code: Unsafe,
    /// What it is, and why it may use what surprises.
    pub(crate) what: &'static str,
}

#[rustfmt::skip]
pub(crate) const ROOMS: &[Room] = &[
    Room { name: "error", may_use: &[], unsafe_code: Nowhere,
        what: "errno values as one flat type" },
    Room { name: "message", may_use: &["sys::lock", "sys::prefetch", "sys::cancel", "sys::errand", "error"], unsafe_code: Anywhere,
        what: "the 64-byte message, its content, metadata" },
    Room { name: "pipe", may_use: &["message", "sys::membarrier", "sys::lock", "sys::sync", "sys::prefetch", "error"], unsafe_code: In(&["byte_queue"]),
        what: "byte queues with high water marks; a fence that costs only the sleeper is a system call, a hint to the processor an instruction" },
    Room { name: "routing", may_use: &["pipe/", "message", "error"], unsafe_code: Nowhere,
        what: "fair queue, load balancer, distributor, subscriptions, routing table" },
    Room { name: "patterns", may_use: &["routing", "pipe/", "message", "options", "error"], unsafe_code: Nowhere,
        what: "one file per socket type: policy over pipes, no I/O, no clock" },
    Room { name: "options", may_use: &["endpoint", "error", "z85", "patterns::SocketType"], unsafe_code: Nowhere,
        what: "the option table; a socket knows its own type as an option" },
    Room { name: "endpoint", may_use: &["error"], unsafe_code: Nowhere,
        what: "scheme and address of an endpoint" },
    Room { name: "z85", may_use: &["error"], unsafe_code: Nowhere,
        what: "text form of CURVE keys" },
    Room { name: "sys", may_use: &["error"], unsafe_code: Anywhere,
        what: "thin wrappers of libc" },
    Room { name: "zmtp", may_use: &["message", "mechanism/", "mechanism::zap", "options", "patterns::SocketType", "error"], unsafe_code: Nowhere,
        what: "the protocol as pure state machines" },
    Room { name: "mechanism", may_use: &["message", "zmtp", "options", "z85", "patterns::SocketType", "sys::salsa20", "sys::poly1305", "sys::gssapi", "error"], unsafe_code: Nowhere,
        what: "security handshakes as pure state machines; choosing wide instructions is `unsafe`, Kerberos is a C library" },
    Room { name: "transport", may_use: &["sys", "endpoint", "options", "patterns::SocketType", "error"], unsafe_code: Nowhere,
        what: "byte streams and datagrams: listen, connect, addresses; udp, norm and pgm ask which side of a socket they serve" },
    Room { name: "transport/multicast", may_use: &["sys", "options", "patterns::SocketType", "message", "error"], unsafe_code: Nowhere,
        what: "norm and pgm, whose libraries want whole messages and give them" },
    Room { name: "monitor", may_use: &["message", "options", "sys", "endpoint", "zmtp::Failure", "zmtp::FailureKind", "error"],
        unsafe_code: Nowhere,
        what: "socket events; failed handshakes are told by what the protocol calls them" },
    Room { name: "runtime", may_use: &["pipe::Notify", "pipe::PipeEvent", "message", "transport", "sys", "endpoint", "options", "monitor", "error"],
        unsafe_code: Nowhere,
        what: "I/O threads: reactor, tasks, listeners, back-off; no protocol" },
    Room { name: "runtime/mod", may_use: &["pipe", "patterns::Attach", "transport", "options", "monitor", "error"], unsafe_code: Nowhere,
        what: "what sockets see of it: starts sessions and listeners, makes their pipes" },
    Room { name: "runtime/session", may_use: &["pipe/", "patterns::Attach", "patterns::SocketType", "message", "zmtp::Failure", "transport", "sys", "endpoint", "options", "monitor", "error"],
        unsafe_code: Nowhere,
        what: "a pipe and the connections it outlives" },
    Room { name: "runtime/end", may_use: &["zmtp::Failure", "error"], unsafe_code: Nowhere,
        what: "why a connection is over" },
    Room { name: "runtime/connection", may_use: &["pipe/", "zmtp", "message", "transport", "sys", "options", "error"], unsafe_code: Nowhere,
        what: "joins a pipe, a protocol engine and a stream, with its two halves:" },
    Room { name: "runtime/link", may_use: &["pipe/", "message", "sys::epoll", "sys::fork", "sys::sync", "sys::nap", "error"], unsafe_code: Nowhere,
        what: "an established connection and its pipe, shared with the application's thread" },
    Room { name: "runtime/datagrams", may_use: &["pipe/", "message", "transport", "error"], unsafe_code: Nowhere,
        what: "a pipe and the datagrams that go through it" },
    Room { name: "runtime/multicast", may_use: &["pipe/", "message", "transport", "error"], unsafe_code: Nowhere,
        what: "a pipe and the reliable multicast that goes through it" },
    Room { name: "runtime/notices", may_use: &["pipe/", "message", "options", "patterns::SocketType", "error"], unsafe_code: Nowhere,
        what: "messages that tell a socket of its connections" },
    Room { name: "runtime/zap", may_use: &["pipe/", "message", "error"], unsafe_code: Nowhere,
        what: "takes an engine's question to the ZAP handler" },
    Room { name: "runtime/incoming", may_use: &["pipe", "zmtp", "message", "transport", "error"], unsafe_code: Nowhere,
        what: "from the stream into the pipe" },
    Room { name: "runtime/outgoing", may_use: &["pipe", "zmtp", "message", "transport", "sys::spin", "error"], unsafe_code: Nowhere,
        what: "from the pipe to the stream" },
    Room { name: "context", may_use: &["runtime/", "pipe", "options", "patterns::Attach", "message", "sys::Bell", "sys::sync", "sys::lock", "sys::fork", "error"],
        unsafe_code: Nowhere,
        what: "handles, registry of sockets, inproc directory, termination (sleeps on a bell)" },
    Room { name: "socket", may_use: &["patterns/", "pipe", "message", "runtime/", "transport/", "transport::multicast", "options", "monitor", "endpoint", "context", "sys::bell", "sys::Bell", "sys::biased", "sys::errand", "sys::sync", "sys::fork", "sys::spin", "sys::cancel", "sys::nap", "error"],
        unsafe_code: Nowhere,
        what: "the shell round every pattern: blocking (on its mailbox's bell), endpoints, the set of pipes" },
    Room { name: "poller", may_use: &["socket", "sys", "error"], unsafe_code: Nowhere,
        what: "zmq_poll and the pollers" },
    Room { name: "proxy", may_use: &["socket", "poller", "message", "patterns::SocketType", "error"], unsafe_code: Nowhere,
        what: "zmq_proxy and zmq_proxy_steerable; a REP that controls it wants an answer" },
    Room { name: "timers", may_use: &["sys", "error"], unsafe_code: Nowhere,
        what: "the timer API" },
    Room { name: "fuzz", may_use: &["zmtp", "mechanism", "transport", "options", "routing", "z85"], unsafe_code: Nowhere,
        what: "for tests and the fuzzer only: the table of what it feeds, whose functions are in the rooms' `fuzz_test.rs`" },
    Room { name: "ffi", may_use: &["context", "socket", "message", "poller", "proxy", "timers", "options", "z85", "mechanism::public_key", "transport::find", "sys", "error"],
        unsafe_code: Anywhere,
        what: "every exported C function: check, call, convert; errno and signal masks are the system's, zmq_has asks who is there" },
    Room { name: "lib", may_use: &[], unsafe_code: Nowhere,
        what: "the map: declares the rooms" },
];

/// Rooms that may name each other, as they are halves of one subject. Other circles there are none.
pub(crate) const HALVES: &[[&str; 2]] = &[["mechanism", "zmtp"]];
