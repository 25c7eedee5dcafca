//! zmq_proxy(3) and zmq_proxy_steerable(3).

use std::ffi::{c_int, c_void};

use super::boundary::{go_on, sleeping};
use super::handle;
use crate::error::{Error, Result};
use crate::proxy;

fn run(
    frontend: *mut c_void,
    backend: *mut c_void,
    capture: *mut c_void,
    control: *mut c_void,
) -> Result<()> {
    if frontend.is_null() || backend.is_null() {
        return Err(Error::FAULT);
    }
    proxy::run(
        handle::socket(frontend)?,
        handle::socket(backend)?,
        handle::optional_socket(capture)?,
        handle::optional_socket(control)?,
    )
}

#[cold]
fn again() -> c_int {
    go_on(proxy::run_again)
}

/// Passes messages between two sockets until the context ends, see zmq_proxy(3).
///
/// # Safety
/// The sockets come from `zmq_socket`; other pointers are found out. `capture` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_proxy(
    frontend: *mut c_void,
    backend: *mut c_void,
    capture: *mut c_void,
) -> c_int {
    sleeping(|| run(frontend, backend, capture, std::ptr::null_mut()), again)
}

/// The same with a socket to pause, resume, question and end it, see zmq_proxy_steerable(3).
///
/// # Safety
/// The sockets come from `zmq_socket`; other pointers are found out. `capture` and `control` may
/// be null.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_proxy_steerable(
    frontend: *mut c_void,
    backend: *mut c_void,
    capture: *mut c_void,
    control: *mut c_void,
) -> c_int {
    sleeping(|| run(frontend, backend, capture, control), again)
}
