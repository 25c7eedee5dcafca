//! The C API: the 97 functions of `zmq.h`, one file per theme.
//!
//! Every function has three beats: check the arguments, call the safe core, convert the answer.
//! [`boundary`] does the last and catches panics; [`arg`] and [`handle`] do the first. Nothing is
//! decided here. `include/zmq.h` is generated from these files (`make header`).

mod arg;
mod boundary;
mod constants;
#[cfg(feature = "draft")]
mod constants_draft;
mod context;
mod errno;
mod handle;
mod legacy;
mod message;
mod poll;
#[cfg(feature = "draft")]
mod poller;
mod proxy;
mod security;
mod socket;
mod socket_io;
mod timers;
mod util;

pub use constants::*;
#[cfg(feature = "draft")]
pub use constants_draft::*;
pub use context::*;
pub use errno::*;
pub use legacy::*;
pub use message::*;
pub use poll::*;
#[cfg(feature = "draft")]
pub use poller::*;
pub use proxy::*;
pub use security::*;
pub use socket::*;
pub use socket_io::*;
pub use timers::*;
pub use util::*;
