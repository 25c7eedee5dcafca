//! Every call that takes a handle, with good arguments beside it. Called by `main`.

use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use zmq::ffi::*;

pub(crate) type Handle = *mut c_void;

/// A call with good arguments, but for the handle.
pub(crate) type Call = (&'static str, unsafe fn(Handle) -> c_int);

pub(crate) const ENDPOINT: *const c_char = c"inproc://bad-pointers".as_ptr();

#[rustfmt::skip]
pub(crate) const SOCKET_CALLS: &[Call] = &[
    ("close", |s| unsafe { zmq_close(s) }),
    ("setsockopt", |s| unsafe { zmq_setsockopt(s, ZMQ_LINGER, (&raw const ZERO).cast(), 4) }),
    ("setsockopt, null", |s| unsafe { zmq_setsockopt(s, ZMQ_SUBSCRIBE, null(), 0) }),
    ("getsockopt", |s| {
        let (mut value, mut len) = (0u64, 4);
        unsafe { zmq_getsockopt(s, ZMQ_TYPE, (&raw mut value).cast(), &mut len) }
    }),
    ("bind", |s| unsafe { zmq_bind(s, ENDPOINT) }),
    ("connect", |s| unsafe { zmq_connect(s, ENDPOINT) }),
    ("unbind", |s| unsafe { zmq_unbind(s, ENDPOINT) }),
    ("disconnect", |s| unsafe { zmq_disconnect(s, ENDPOINT) }),
    ("disconnect_peer", |s| unsafe { zmq_disconnect_peer(s, 1) }),
    ("join", |s| unsafe { zmq_join(s, c"g".as_ptr()) }),
    ("leave", |s| unsafe { zmq_leave(s, c"g".as_ptr()) }),
    ("socket_monitor", |s| unsafe { zmq_socket_monitor(s, ENDPOINT, ZMQ_EVENT_ALL) }),
    ("socket_monitor, null", |s| unsafe { zmq_socket_monitor(s, null(), 0) }),
    ("socket_monitor_versioned", |s| unsafe { zmq_socket_monitor_versioned(s, ENDPOINT, 1, 2, ZMQ_PAIR) }),
    ("socket_monitor_pipes_stats", |s| unsafe { zmq_socket_monitor_pipes_stats(s) }),
    ("socket_get_peer_state", |s| unsafe { zmq_socket_get_peer_state(s, c"a".as_ptr().cast(), 1) }),
    ("send", |s| unsafe { zmq_send(s, c"a".as_ptr().cast(), 1, ZMQ_DONTWAIT) }),
    ("send_const", |s| unsafe { zmq_send_const(s, c"a".as_ptr().cast(), 1, ZMQ_DONTWAIT) }),
    ("recv", |s| {
        let mut buffer = [0u8; 4];
        unsafe { zmq_recv(s, buffer.as_mut_ptr().cast(), 4, ZMQ_DONTWAIT) }
    }),
    ("msg_send", |s| with_message(|m| unsafe { zmq_msg_send(m, s, ZMQ_DONTWAIT) })),
    ("msg_recv", |s| with_message(|m| unsafe { zmq_msg_recv(m, s, ZMQ_DONTWAIT) })),
    ("sendmsg", |s| with_message(|m| unsafe { zmq_sendmsg(s, m, ZMQ_DONTWAIT) })),
    ("recvmsg", |s| with_message(|m| unsafe { zmq_recvmsg(s, m, ZMQ_DONTWAIT) })),
    ("sendiov", |s| unsafe {
        let mut part = libc::iovec { iov_base: null_mut(), iov_len: 0 };
        zmq_sendiov(s, &mut part, 1, ZMQ_DONTWAIT)
    }),
    ("recviov", |s| unsafe {
        let mut part = libc::iovec { iov_base: null_mut(), iov_len: 0 };
        zmq_recviov(s, &mut part, &mut 1, ZMQ_DONTWAIT)
    }),
];

pub(crate) const CONTEXT_CALLS: &[Call] = &[
    ("ctx_term", |c| unsafe { zmq_ctx_term(c) }),
    ("ctx_destroy", |c| unsafe { zmq_ctx_destroy(c) }),
    ("term", |c| unsafe { zmq_term(c) }),
    ("ctx_shutdown", |c| unsafe { zmq_ctx_shutdown(c) }),
    ("ctx_set", |c| unsafe { zmq_ctx_set(c, ZMQ_IO_THREADS, 1) }),
    ("ctx_get", |c| unsafe { zmq_ctx_get(c, ZMQ_IO_THREADS) }),
    ("ctx_set_ext", |c| unsafe { zmq_ctx_set_ext(c, ZMQ_IO_THREADS, (&raw const ZERO).cast(), 4) }),
    ("ctx_get_ext", |c| {
        let (mut value, mut len) = (0u64, 4);
        unsafe { zmq_ctx_get_ext(c, ZMQ_IO_THREADS, (&raw mut value).cast(), &mut len) }
    }),
];

pub(crate) const POLLER_CALLS: &[Call] = &[
    ("poller_size", |p| unsafe { zmq_poller_size(p) }),
    ("poller_add", |p| unsafe { zmq_poller_add(p, null_mut(), null_mut(), 1) }),
    ("poller_modify", |p| unsafe { zmq_poller_modify(p, null_mut(), 1) }),
    ("poller_remove", |p| unsafe { zmq_poller_remove(p, null_mut()) }),
    ("poller_add_fd", |p| unsafe { zmq_poller_add_fd(p, 0, null_mut(), 1) }),
    ("poller_modify_fd", |p| unsafe { zmq_poller_modify_fd(p, 0, 1) }),
    ("poller_remove_fd", |p| unsafe { zmq_poller_remove_fd(p, 0) }),
    ("poller_wait", |p| unsafe { zmq_poller_wait(p, &mut event(), 0) }),
    ("poller_wait_all", |p| unsafe { zmq_poller_wait_all(p, &mut event(), 1, 0) }),
    ("poller_fd", |p| unsafe { zmq_poller_fd(p, &mut 0) }),
    ("poller_destroy", |mut p| unsafe { zmq_poller_destroy(&mut p) }),
];

pub(crate) const TIMERS_CALLS: &[Call] = &[
    ("timers_add", |t| unsafe { zmq_timers_add(t, 1, Some(handler), null_mut()) }),
    ("timers_cancel", |t| unsafe { zmq_timers_cancel(t, 1) }),
    ("timers_set_interval", |t| unsafe { zmq_timers_set_interval(t, 1, 1) }),
    ("timers_reset", |t| unsafe { zmq_timers_reset(t, 1) }),
    ("timers_timeout", |t| unsafe { zmq_timers_timeout(t) as c_int }),
    ("timers_execute", |t| unsafe { zmq_timers_execute(t) }),
    ("timers_destroy", |mut t| unsafe { zmq_timers_destroy(&mut t) }),
];

pub(crate) static ZERO: c_int = 0;

pub(crate) unsafe extern "C-unwind" fn handler(_id: c_int, _arg: *mut c_void) {}

pub(crate) unsafe extern "C-unwind" fn thread(_arg: *mut c_void) {}

pub(crate) fn event() -> PollerEvent {
    PollerEvent { socket: null_mut(), fd: 0, user_data: null_mut(), events: 0 }
}

pub(crate) fn with_message(act: impl FnOnce(*mut zmq_msg_t) -> c_int) -> c_int {
    let mut message = MaybeUninit::<zmq_msg_t>::uninit();
    // SAFETY: the message is initialised before it is used, and closed once.
    unsafe {
        zmq_msg_init(message.as_mut_ptr());
        let answer = act(message.as_mut_ptr());
        let errno = zmq_errno();
        zmq_msg_close(message.as_mut_ptr());
        *libc::__errno_location() = errno;
        answer
    }
}
