//! Sockets: making, closing, options, endpoints, groups, monitors.

use std::ffi::{c_char, c_int, c_void};

use super::boundary::{boundary, making, whole};
use super::{arg, handle};
use crate::error::{Error, Result};
use crate::options::table;
use crate::socket::Socket;

/// Makes a socket, see zmq_socket(3).
///
/// # Safety
/// `context` comes from `zmq_ctx_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket(context: *mut c_void, type_: c_int) -> *mut c_void {
    making(|| Ok(Socket::create(&handle::context(context)?.core()?, type_)?.as_handle()))
}

/// Closes a socket, see zmq_close(3).
///
/// # Safety
/// `socket` comes from `zmq_socket`; other pointers are answered with ENOTSOCK.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_close(socket: *mut c_void) -> c_int {
    whole(|| handle::socket(socket)?.close())
}

/// Sets an option, see zmq_setsockopt(3).
///
/// # Safety
/// `optval` is null or valid for `optvallen` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_setsockopt(
    socket: *mut c_void,
    option: c_int,
    optval: *const c_void,
    optvallen: usize,
) -> c_int {
    making(|| {
        let socket = handle::socket(socket)?;
        if optval.is_null() && (optvallen == 0 || table::null_needs_no_length(option)) {
            return socket.set_option_null(option);
        }
        // SAFETY: by the contract of the function.
        let value = unsafe { arg::bytes(optval, optvallen, Error::INVAL) }?;
        socket.set_option(option, value)
    })
}

/// Reads an option, see zmq_getsockopt(3).
///
/// # Safety
/// `optvallen` is null or points to the length of the buffer `optval`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_getsockopt(
    socket: *mut c_void,
    option: c_int,
    optval: *mut c_void,
    optvallen: *mut usize,
) -> c_int {
    boundary(|| {
        let socket = handle::socket(socket)?;
        // SAFETY: by the contract of the function.
        let (len, value) = unsafe {
            let len = arg::place(optvallen, Error::INVAL)?;
            let value = arg::bytes_mut(optval, len.get(), Error::INVAL)?;
            (len, value)
        };
        len.set(socket.option(option, value)?);
        Ok(())
    })
}

/// Calls `act` with a socket and an endpoint.
///
/// # Safety
/// `endpoint` is null or NUL-terminated.
unsafe fn with_endpoint<T>(
    socket: *mut c_void,
    endpoint: *const c_char,
    act: impl FnOnce(&'static Socket, &str) -> Result<T>,
) -> Result<T> {
    let socket = handle::socket(socket)?;
    // SAFETY: passed on.
    act(socket, unsafe { arg::text(endpoint) }?)
}

/// Accepts connections at an endpoint, see zmq_bind(3).
///
/// # Safety
/// `endpoint` is null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_bind(socket: *mut c_void, endpoint: *const c_char) -> c_int {
    // SAFETY: by the contract of the function.
    making(|| unsafe { with_endpoint(socket, endpoint, Socket::bind) })
}

/// Connects to an endpoint, see zmq_connect(3).
///
/// # Safety
/// `endpoint` is null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_connect(socket: *mut c_void, endpoint: *const c_char) -> c_int {
    // SAFETY: by the contract of the function.
    making(|| unsafe { with_endpoint(socket, endpoint, Socket::connect) })
}

/// Stops accepting connections at an endpoint, see zmq_unbind(3).
///
/// # Safety
/// `endpoint` is null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_unbind(socket: *mut c_void, endpoint: *const c_char) -> c_int {
    // SAFETY: by the contract of the function.
    whole(|| unsafe { with_endpoint(socket, endpoint, Socket::unbind) })
}

/// Ends the connection to an endpoint, see zmq_disconnect(3).
///
/// # Safety
/// `endpoint` is null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_disconnect(socket: *mut c_void, endpoint: *const c_char) -> c_int {
    // SAFETY: by the contract of the function.
    whole(|| unsafe { with_endpoint(socket, endpoint, Socket::disconnect) })
}

/// Connects a PEER socket and gives the routing id of the other side, see zmq_connect_peer(3).
///
/// # Safety
/// `endpoint` is null or NUL-terminated.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_connect_peer(socket: *mut c_void, endpoint: *const c_char) -> u32 {
    // SAFETY: by the contract of the function.
    making(|| unsafe { with_endpoint(socket, endpoint, Socket::connect_peer) })
}

/// Ends the connection to the peer with a routing id.
///
/// # Safety
/// `socket` comes from `zmq_socket`; other pointers are answered with ENOTSOCK.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_disconnect_peer(socket: *mut c_void, routing_id: u32) -> c_int {
    whole(|| handle::socket(socket)?.disconnect_peer(routing_id))
}

/// Lets a DISH socket receive a group.
///
/// # Safety
/// `group` is null or NUL-terminated.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_join(socket: *mut c_void, group: *const c_char) -> c_int {
    making(|| {
        let socket = handle::socket(socket)?;
        // SAFETY: by the contract of the function.
        socket.join(unsafe { arg::c_str(group) }?)
    })
}

/// Ends what `zmq_join` began.
///
/// # Safety
/// `group` is null or NUL-terminated.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_leave(socket: *mut c_void, group: *const c_char) -> c_int {
    whole(|| {
        let socket = handle::socket(socket)?;
        // SAFETY: by the contract of the function.
        socket.leave(unsafe { arg::c_str(group) }?)
    })
}

/// # Safety
/// `endpoint` is null or NUL-terminated.
unsafe fn monitor(
    socket: *mut c_void,
    endpoint: *const c_char,
    events: u64,
    version: c_int,
    kind: c_int,
) -> Result<()> {
    let socket = handle::socket(socket)?;
    let endpoint = if endpoint.is_null() {
        None
    } else {
        // SAFETY: passed on.
        Some(unsafe { arg::text(endpoint) }?)
    };
    socket.monitor(endpoint, events, version, kind)
}

/// Reports what happens to a socket at an endpoint, see zmq_socket_monitor(3).
///
/// # Safety
/// `endpoint` is null, which ends the reports, or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_monitor(
    socket: *mut c_void,
    endpoint: *const c_char,
    events: c_int,
) -> c_int {
    // SAFETY: by the contract of the function.
    making(|| unsafe { monitor(socket, endpoint, events as u64, 1, super::ZMQ_PAIR) })
}

/// The same in a format and over a socket type of choice, see zmq_socket_monitor_versioned(3).
///
/// # Safety
/// `endpoint` is null, which ends the reports, or NUL-terminated.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_monitor_versioned(
    socket: *mut c_void,
    endpoint: *const c_char,
    events: u64,
    event_version: c_int,
    type_: c_int,
) -> c_int {
    // SAFETY: by the contract of the function.
    making(|| unsafe { monitor(socket, endpoint, events, event_version, type_) })
}

/// Asks for a report on the queues of a socket.
///
/// # Safety
/// `socket` comes from `zmq_socket`; other pointers are answered with ENOTSOCK.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_monitor_pipes_stats(socket: *mut c_void) -> c_int {
    whole(|| handle::socket(socket)?.pipes_stats())
}

/// Whether the peer with a routing id can be sent to or received from.
///
/// # Safety
/// `routing_id` is null or valid for `routing_id_size` bytes.
#[cfg(feature = "draft")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_get_peer_state(
    socket: *mut c_void,
    routing_id: *const c_void,
    routing_id_size: usize,
) -> c_int {
    whole(|| {
        let socket = handle::socket(socket)?;
        // SAFETY: by the contract of the function.
        socket.peer_state(unsafe { arg::bytes(routing_id, routing_id_size, Error::INVAL) }?)
    })
}
