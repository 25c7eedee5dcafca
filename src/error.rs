//! The one error type of the library: an `errno` value.
//!
//! Every failure of the C API is reported by `errno`, so the core speaks errno from the start and
//! nothing is translated on the way out. The type is a number and not an enum because the
//! operating system may answer `bind`, `connect` or `accept` with any errno, and an unknown one
//! must reach the caller unchanged. Used by every room.

#![forbid(unsafe_code)]

use std::{fmt, io};

/// An `errno` value, either the operating system's or one of ZeroMQ's own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub(crate) struct Error(i32);

/// What every fallible function of the core returns.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// ZeroMQ's own error numbers start here (`zmq.h`, "a number random enough not to collide").
const HAUSNUMERO: i32 = 156_384_712;

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = $value:expr;)*) => {
        impl Error {
            $($(#[$doc])* pub(crate) const $name: Error = Error($value);)*

            /// The symbolic name of the errors this library returns itself.
            fn name(self) -> Option<&'static str> {
                $(if self == Error::$name { return Some(concat!("E", stringify!($name))); })*
                None
            }
        }
    };
}

errors! {
    /// The operation would block.
    AGAIN = libc::EAGAIN;
    /// A bad option, size, flag or endpoint.
    INVAL = libc::EINVAL;
    /// A null or otherwise unusable pointer.
    FAULT = libc::EFAULT;
    /// The handle is not a socket, or no longer one.
    NOTSOCK = libc::ENOTSOCK;
    /// The operation is not supported by this socket type.
    NOTSUP = libc::ENOTSUP;
    /// Interrupted by a signal.
    INTR = libc::EINTR;
    /// Out of memory.
    NOMEM = libc::ENOMEM;
    /// Too many open files or sockets.
    MFILE = libc::EMFILE;
    /// No such endpoint.
    NOENT = libc::ENOENT;
    /// The peer cannot be reached or is unknown.
    HOSTUNREACH = libc::EHOSTUNREACH;
    /// The endpoint is in use.
    ADDRINUSE = libc::EADDRINUSE;
    /// The address is not one of this machine.
    ADDRNOTAVAIL = libc::EADDRNOTAVAIL;
    /// Nobody listens at the endpoint.
    CONNREFUSED = libc::ECONNREFUSED;
    /// The connection was closed by the other side.
    CONNRESET = libc::ECONNRESET;
    /// The connection was given up.
    CONNABORTED = libc::ECONNABORTED;
    /// The connection is closed.
    PIPE = libc::EPIPE;
    /// The interface does not exist.
    NODEV = libc::ENODEV;
    /// A name is too long.
    NAMETOOLONG = libc::ENAMETOOLONG;
    /// The transport is unknown.
    PROTONOSUPPORT = libc::EPROTONOSUPPORT;
    /// The peer broke the protocol.
    PROTO = libc::EPROTO;
    /// The message exceeds a limit.
    MSGSIZE = libc::EMSGSIZE;
    /// The call timed out.
    TIMEDOUT = libc::ETIMEDOUT;
    /// Not permitted.
    PERM = libc::EPERM;
    /// Access denied.
    ACCES = libc::EACCES;
    /// The descriptor is not open.
    BADF = libc::EBADF;
    /// Already in progress.
    INPROGRESS = libc::EINPROGRESS;
    /// A defect inside the library was caught at the boundary.
    NOTRECOVERABLE = libc::ENOTRECOVERABLE;
    /// A call would sleep, and lets the exported function do that (`sys::nap`); C never sees it.
    ASLEEP = -1;
    /// The call does not fit the state of the socket.
    FSM = HAUSNUMERO + 51;
    /// The transport does not fit the socket type.
    NOCOMPATPROTO = HAUSNUMERO + 52;
    /// The context was terminated.
    TERM = HAUSNUMERO + 53;
    /// No I/O thread is available.
    MTHREAD = HAUSNUMERO + 54;
}

impl Error {
    /// An error from an errno value; zero, which is no error, becomes `NOTRECOVERABLE`.
    pub(crate) const fn from_errno(errno: i32) -> Error {
        if errno == 0 { Error::NOTRECOVERABLE } else { Error(errno) }
    }

    /// The errno value.
    pub(crate) const fn errno(self) -> i32 {
        self.0
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        match error.raw_os_error() {
            Some(errno) => Error::from_errno(errno),
            None => match error.kind() {
                io::ErrorKind::WouldBlock => Error::AGAIN,
                io::ErrorKind::OutOfMemory => Error::NOMEM,
                io::ErrorKind::TimedOut => Error::TIMEDOUT,
                io::ErrorKind::UnexpectedEof => Error::CONNRESET,
                _ => Error::INVAL,
            },
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Error {}
