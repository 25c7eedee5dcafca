//! Feeds null, stale and wrong pointers to every function of the C API: each answers with the
//! errno its man page names, and nothing is read or written through the pointer.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "the calls break the contracts on purpose; that they are safe all the same is tested"
)]

mod calls;

use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use zmq::ffi::*;

use calls::*;

/// Pointers that are no handle: null, unmapped, foreign memory, odd addresses.
fn wrong() -> Vec<*mut c_void> {
    let zeros: &'static mut [u64] = vec![0; 512].leak();
    let ones: &'static mut [u64] = vec![u64::MAX; 512].leak();
    let foreign = zeros.as_mut_ptr().cast::<c_void>();
    let addresses = [0, 1, 8, 0xdead_0000, usize::MAX].map(std::ptr::without_provenance_mut);
    let mut all = addresses.to_vec();
    all.extend([foreign, foreign.wrapping_byte_add(3), ones.as_mut_ptr().cast()]);
    all.push(wrong as fn() -> Vec<*mut c_void> as *mut c_void);
    all
}

#[track_caller]
fn fails<T: PartialEq + std::fmt::Debug>(answer: T, failure: T, errno: c_int) {
    let found = zmq_errno();
    assert_eq!(answer, failure);
    assert_eq!(found, errno, "errno {found} instead of {errno}");
}

#[track_caller]
fn works(answer: c_int) -> c_int {
    assert!(answer >= 0, "errno {}", zmq_errno());
    answer
}

fn refused(calls: &[Call], handle: Handle, errno: c_int) {
    for (name, call) in calls {
        // SAFETY: that a wrong handle does no harm is what is tested.
        let answer = unsafe { call(handle) };
        let found = zmq_errno();
        assert_eq!((answer, found), (-1, errno), "zmq_{name}({handle:p})");
    }
}

#[test]
fn pointers_that_are_no_handles() {
    for handle in wrong() {
        refused(SOCKET_CALLS, handle, libc::ENOTSOCK);
        refused(CONTEXT_CALLS, handle, libc::EFAULT);
        refused(POLLER_CALLS, handle, libc::EFAULT);
        refused(TIMERS_CALLS, handle, libc::EFAULT);
        // SAFETY: as above.
        unsafe {
            fails(zmq_socket(handle, ZMQ_PAIR), null_mut(), libc::EFAULT);
            fails(zmq_connect_peer(handle, ENDPOINT), 0, libc::ENOTSOCK);
            fails(zmq_atomic_counter_inc(handle), -1, libc::EFAULT);
            fails(zmq_atomic_counter_dec(handle), -1, libc::EFAULT);
            fails(zmq_atomic_counter_value(handle), -1, libc::EFAULT);
            zmq_atomic_counter_set(handle, 7);
            let mut place = handle;
            zmq_atomic_counter_destroy(&mut place);
            assert_eq!(place, handle);
            assert_eq!((zmq_stopwatch_intermediate(handle), zmq_stopwatch_stop(handle)), (0, 0));
            zmq_threadclose(handle);
        }
    }
}

#[test]
fn handles_of_another_kind() {
    // SAFETY: that wrong handles do no harm is what is tested.
    unsafe {
        let (context, mut poller, mut timers) = (zmq_ctx_new(), zmq_poller_new(), zmq_timers_new());
        let socket = zmq_socket(context, ZMQ_PAIR);
        for handle in [context, poller, timers] {
            refused(SOCKET_CALLS, handle, libc::ENOTSOCK);
        }
        for handle in [socket, poller, timers] {
            refused(CONTEXT_CALLS, handle, libc::EFAULT);
        }
        for handle in [context, socket, timers] {
            refused(POLLER_CALLS, handle, libc::EFAULT);
        }
        for handle in [context, socket, poller] {
            refused(TIMERS_CALLS, handle, libc::EFAULT);
            fails(zmq_atomic_counter_inc(handle), -1, libc::EFAULT);
        }
        works(zmq_poller_destroy(&mut poller));
        works(zmq_timers_destroy(&mut timers));
        works(zmq_close(socket));
        works(zmq_ctx_term(context));
    }
}

#[test]
fn stale_handles() {
    // SAFETY: that stale handles do no harm is what is tested.
    unsafe {
        let context = zmq_ctx_new();
        let socket = zmq_socket(context, ZMQ_PAIR);
        works(zmq_close(socket));
        refused(SOCKET_CALLS, socket, libc::ENOTSOCK);
        fails(zmq_connect_peer(socket, ENDPOINT), 0, libc::ENOTSOCK);
        works(zmq_ctx_term(context));
        refused(CONTEXT_CALLS, context, libc::EFAULT);
        fails(zmq_socket(context, ZMQ_PAIR), null_mut(), libc::EFAULT);

        let (poller, timers) = (zmq_poller_new(), zmq_timers_new());
        let (mut first, mut second) = (poller, timers);
        works(zmq_poller_destroy(&mut first));
        works(zmq_timers_destroy(&mut second));
        assert!(first.is_null() && second.is_null());
        refused(POLLER_CALLS, poller, libc::EFAULT);
        refused(TIMERS_CALLS, timers, libc::EFAULT);

        let counter = zmq_atomic_counter_new();
        let mut place = counter;
        zmq_atomic_counter_destroy(&mut place);
        assert!(place.is_null());
        fails(zmq_atomic_counter_inc(counter), -1, libc::EFAULT);

        let watch = zmq_stopwatch_start();
        zmq_stopwatch_stop(watch);
        assert_eq!(zmq_stopwatch_stop(watch), 0);

        let running = zmq_threadstart(Some(thread), null_mut());
        zmq_threadclose(running);
        zmq_threadclose(running);
    }
}

#[test]
fn null_arguments_beside_a_good_socket() {
    // SAFETY: null is what every one of these functions must bear.
    unsafe {
        let context = zmq_ctx_new();
        let socket = zmq_socket(context, ZMQ_PAIR);
        for call in [zmq_bind, zmq_connect, zmq_unbind, zmq_disconnect] {
            fails(call(socket, null()), -1, libc::EINVAL);
            fails(call(socket, c"\xff\xfe".as_ptr()), -1, libc::EINVAL);
            fails(call(socket, c"".as_ptr()), -1, libc::EINVAL);
        }
        let mut len = 4;
        let mut value = 0u64;
        let place = (&raw mut value).cast();
        fails(zmq_setsockopt(socket, ZMQ_LINGER, null(), 4), -1, libc::EINVAL);
        fails(zmq_setsockopt(socket, ZMQ_LINGER, null(), 0), -1, libc::EINVAL);
        fails(zmq_setsockopt(socket, ZMQ_LINGER, place, usize::MAX), -1, libc::EINVAL);
        fails(zmq_getsockopt(socket, ZMQ_TYPE, null_mut(), &mut len), -1, libc::EINVAL);
        fails(zmq_getsockopt(socket, ZMQ_TYPE, place, null_mut()), -1, libc::EINVAL);
        fails(zmq_ctx_get_ext(context, ZMQ_IO_THREADS, null_mut(), &mut len), -1, libc::EINVAL);
        fails(zmq_ctx_get_ext(context, ZMQ_IO_THREADS, place, null_mut()), -1, libc::EINVAL);
        fails(zmq_ctx_set_ext(context, ZMQ_IO_THREADS, null(), 4), -1, libc::EINVAL);
        fails(zmq_join(socket, null()), -1, libc::EINVAL);
        fails(zmq_leave(socket, null()), -1, libc::EINVAL);
        fails(zmq_socket_get_peer_state(socket, null(), 3), -1, libc::EINVAL);
        fails(zmq_send(socket, null(), 1, 0), -1, libc::EFAULT);
        fails(zmq_send(socket, place, usize::MAX, 0), -1, libc::EFAULT);
        fails(zmq_send_const(socket, null(), 1, 0), -1, libc::EFAULT);
        fails(zmq_recv(socket, null_mut(), 1, 0), -1, libc::EFAULT);
        fails(zmq_recv(socket, null_mut(), 0, ZMQ_DONTWAIT), -1, libc::EAGAIN);
        fails(zmq_sendiov(socket, null_mut(), 1, 0), -1, libc::EINVAL);
        let mut part = libc::iovec { iov_base: null_mut(), iov_len: 1 };
        fails(zmq_sendiov(socket, &mut part, 0, 0), -1, libc::EINVAL);
        fails(zmq_sendiov(socket, &mut part, 1, 0), -1, libc::EFAULT);
        fails(zmq_recviov(socket, null_mut(), &mut 1, 0), -1, libc::EINVAL);
        fails(zmq_recviov(socket, &mut part, null_mut(), 0), -1, libc::EINVAL);
        fails(zmq_recviov(socket, &mut part, &mut 0, 0), -1, libc::EINVAL);
        fails(zmq_proxy(socket, null_mut(), null_mut()), -1, libc::EFAULT);
        fails(zmq_proxy(null_mut(), socket, null_mut()), -1, libc::EFAULT);
        fails(zmq_device(ZMQ_QUEUE, null_mut(), socket), -1, libc::EFAULT);
        for handle in wrong().into_iter().filter(|handle| !handle.is_null()) {
            fails(zmq_proxy(socket, handle, null_mut()), -1, libc::ENOTSOCK);
            fails(zmq_proxy(socket, socket, handle), -1, libc::ENOTSOCK);
            let answer = zmq_proxy_steerable(socket, socket, null_mut(), handle);
            fails(answer, -1, libc::ENOTSOCK);
        }
        works(zmq_close(socket));
        works(zmq_ctx_term(context));
    }
}

#[test]
fn pollers_and_polling() {
    // SAFETY: null and wrong handles are what is tested; the rest is valid.
    unsafe {
        let mut item = PollItem { socket: null_mut(), fd: -1, events: 1, revents: 0 };
        fails(zmq_poll(null_mut(), 1, 0), -1, libc::EFAULT);
        fails(zmq_poll(&mut item, -1, 0), -1, libc::EINVAL);
        fails(zmq_ppoll(null_mut(), 1, 0, null()), -1, libc::EFAULT);
        fails(zmq_ppoll(&mut item, -1, 0, null()), -1, libc::EINVAL);
        assert_eq!((zmq_poll(null_mut(), 0, 0), zmq_poll(&mut item, 1, 0)), (0, 0));
        assert_eq!(zmq_ppoll(null_mut(), 0, 0, null()), 0);
        fails(zmq_poller_destroy(null_mut()), -1, libc::EFAULT);
        let mut poller = zmq_poller_new();
        for handle in wrong() {
            fails(zmq_poller_add(poller, handle, null_mut(), 1), -1, libc::ENOTSOCK);
            fails(zmq_poller_modify(poller, handle, 1), -1, libc::ENOTSOCK);
            fails(zmq_poller_remove(poller, handle), -1, libc::ENOTSOCK);
            if !handle.is_null() {
                item.socket = handle;
                fails(zmq_poll(&mut item, 1, 0), -1, libc::ENOTSOCK);
                fails(zmq_ppoll(&mut item, 1, 0, null()), -1, libc::ENOTSOCK);
            }
        }
        fails(zmq_poller_add_fd(poller, -1, null_mut(), 1), -1, libc::EBADF);
        fails(zmq_poller_modify_fd(poller, -1, 1), -1, libc::EBADF);
        fails(zmq_poller_remove_fd(poller, -1), -1, libc::EBADF);
        fails(zmq_poller_wait(poller, null_mut(), 0), -1, libc::EFAULT);
        fails(zmq_poller_wait_all(poller, null_mut(), 1, 0), -1, libc::EFAULT);
        fails(zmq_poller_wait_all(poller, &mut event(), -1, 0), -1, libc::EINVAL);
        works(zmq_poller_add_fd(poller, 0, null_mut(), 0));
        fails(zmq_poller_fd(poller, &mut 0), -1, libc::EINVAL);
        fails(zmq_poller_fd(poller, null_mut()), -1, libc::EFAULT);
        works(zmq_poller_destroy(&mut poller));
    }
}

#[test]
fn a_registered_socket_may_be_closed() {
    // SAFETY: handles that became stale are what is tested.
    unsafe {
        let context = zmq_ctx_new();
        let socket = zmq_socket(context, ZMQ_PAIR);
        let mut poller = zmq_poller_new();
        works(zmq_poller_add(poller, socket, null_mut(), 1));
        works(zmq_close(socket));
        fails(zmq_poller_wait(poller, &mut event(), 0), -1, libc::ENOTSOCK);
        fails(zmq_poller_modify(poller, socket, 1), -1, libc::ENOTSOCK);
        works(zmq_poller_remove(poller, socket));
        fails(zmq_poller_remove(poller, socket), -1, libc::ENOTSOCK);
        works(zmq_poller_destroy(&mut poller));
        works(zmq_ctx_term(context));
    }
}

#[test]
fn messages() {
    let mut zeros = MaybeUninit::<zmq_msg_t>::zeroed();
    let zeros = zeros.as_mut_ptr();
    let mut space = [0u64; 16];
    let odd = space.as_mut_ptr().cast::<zmq_msg_t>().wrapping_byte_add(1);
    let mut good = MaybeUninit::<zmq_msg_t>::uninit();
    let good = good.as_mut_ptr();
    // SAFETY: null, odd addresses and what is no message are what is tested.
    unsafe {
        fails(zmq_msg_init(null_mut()), -1, libc::EFAULT);
        fails(zmq_msg_init_size(null_mut(), 1), -1, libc::EFAULT);
        fails(zmq_msg_init_data(null_mut(), null_mut(), 0, None, null_mut()), -1, libc::EFAULT);
        fails(zmq_msg_init_buffer(null_mut(), null(), 0), -1, libc::EFAULT);
        fails(zmq_msg_more(null_mut()), -1, libc::EFAULT);
        fails(zmq_msg_init_data(good, null_mut(), 1, None, null_mut()), -1, libc::EFAULT);
        fails(zmq_msg_init_buffer(good, null(), 1), -1, libc::EFAULT);
        fails(zmq_msg_init_size(good, usize::MAX), -1, libc::ENOMEM);
        works(zmq_msg_init(good));
        let context = zmq_ctx_new();
        let socket = zmq_socket(context, ZMQ_PAIR);
        for bad in [null_mut(), odd, zeros] {
            fails(zmq_msg_close(bad), -1, libc::EFAULT);
            fails(zmq_msg_move(bad, good), -1, libc::EFAULT);
            fails(zmq_msg_move(good, bad), -1, libc::EFAULT);
            fails(zmq_msg_copy(bad, good), -1, libc::EFAULT);
            fails(zmq_msg_copy(good, bad), -1, libc::EFAULT);
            fails(zmq_msg_data(bad), null_mut(), libc::EFAULT);
            assert_eq!(zmq_msg_size(bad), 0);
            fails(zmq_msg_get(bad, ZMQ_SHARED), -1, libc::EFAULT);
            fails(zmq_msg_set(bad, ZMQ_MORE, 1), -1, libc::EINVAL);
            fails(zmq_msg_gets(bad, c"Socket-Type".as_ptr()), null(), libc::EFAULT);
            fails(zmq_msg_set_routing_id(bad, 1), -1, libc::EFAULT);
            fails(zmq_msg_routing_id(bad), 0, libc::EFAULT);
            fails(zmq_msg_set_group(bad, c"g".as_ptr()), -1, libc::EFAULT);
            fails(zmq_msg_group(bad), null(), libc::EFAULT);
            fails(zmq_msg_send(bad, socket, 0), -1, libc::EFAULT);
            fails(zmq_msg_recv(bad, socket, 0), -1, libc::EFAULT);
            fails(zmq_sendmsg(socket, bad, 0), -1, libc::EFAULT);
            fails(zmq_recvmsg(socket, bad, 0), -1, libc::EFAULT);
        }
        // What was closed can be asked.
        assert_eq!((zmq_msg_more(odd), zmq_msg_more(zeros)), (0, 0));
        works(zmq_msg_init(odd));
        works(zmq_msg_close(odd));
        fails(zmq_msg_gets(good, null()), null(), libc::EINVAL);
        fails(zmq_msg_gets(good, c"Socket-Type".as_ptr()), null(), libc::EINVAL);
        fails(zmq_msg_set_group(good, null()), -1, libc::EINVAL);
        fails(zmq_msg_set_routing_id(good, 0), -1, libc::EINVAL);
        fails(zmq_msg_get(good, 99), -1, libc::EINVAL);
        fails(zmq_msg_get(good, ZMQ_SRCFD), -1, libc::EINVAL);
        works(zmq_msg_move(good, good));
        works(zmq_msg_copy(good, good));
        works(zmq_msg_close(good));
        fails(zmq_msg_close(good), -1, libc::EFAULT);
        works(zmq_close(socket));
        works(zmq_ctx_term(context));
    }
}

#[test]
fn helpers() {
    let mut text = [0 as c_char; 64];
    let mut bytes = [0u8; 64];
    // SAFETY: null and bad text are what is tested; the buffers are large enough.
    unsafe {
        zmq_version(null_mut(), null_mut(), null_mut());
        assert_eq!(zmq_has(null()), 0);
        assert!(!zmq_strerror(-1).is_null() && !zmq_strerror(0).is_null());
        zmq_atomic_counter_destroy(null_mut());
        fails(zmq_timers_destroy(null_mut()), -1, libc::EFAULT);
        fails(zmq_threadstart(None, null_mut()), null_mut(), libc::EFAULT);
        let mut timers = zmq_timers_new();
        fails(zmq_timers_add(timers, 1, None, null_mut()), -1, libc::EFAULT);
        fails(zmq_timers_cancel(timers, 0), -1, libc::EINVAL);
        fails(zmq_timers_timeout(timers), -1, libc::EINVAL);
        works(zmq_timers_destroy(&mut timers));

        fails(zmq_z85_encode(null_mut(), bytes.as_ptr(), 4), null_mut(), libc::EINVAL);
        fails(zmq_z85_encode(text.as_mut_ptr(), null(), 4), null_mut(), libc::EINVAL);
        fails(zmq_z85_encode(text.as_mut_ptr(), bytes.as_ptr(), 3), null_mut(), libc::EINVAL);
        fails(zmq_z85_decode(null_mut(), c"00000".as_ptr()), null_mut(), libc::EINVAL);
        fails(zmq_z85_decode(bytes.as_mut_ptr(), null()), null_mut(), libc::EINVAL);
        for bad in [c"", c"0", c"0000", c"000000", c"00 00", c"#####"] {
            fails(zmq_z85_decode(bytes.as_mut_ptr(), bad.as_ptr()), null_mut(), libc::EINVAL);
        }
        fails(zmq_curve_keypair(null_mut(), text.as_mut_ptr()), -1, libc::EINVAL);
        fails(zmq_curve_keypair(text.as_mut_ptr(), null_mut()), -1, libc::EINVAL);
        fails(zmq_curve_public(null_mut(), c"00000".as_ptr()), -1, libc::EINVAL);
        fails(zmq_curve_public(text.as_mut_ptr(), null()), -1, libc::EINVAL);
        fails(zmq_init(-1), null_mut(), libc::EINVAL);
    }
}

#[test]
fn a_timer_handler_may_come_back() {
    unsafe extern "C-unwind" fn cancel_all(id: c_int, timers: *mut c_void) {
        // SAFETY: the argument is the timers' own handle.
        unsafe {
            assert_eq!(zmq_timers_cancel(timers, id), 0);
            assert_eq!(zmq_timers_cancel(timers, 3 - id), 0);
            let mut timers = timers;
            assert_eq!(zmq_timers_destroy(&mut timers), 0);
        }
    }
    // SAFETY: the handler gets what it expects.
    unsafe {
        let timers = zmq_timers_new();
        works(zmq_timers_add(timers, 0, Some(cancel_all), timers));
        works(zmq_timers_add(timers, 0, Some(cancel_all), timers));
        works(zmq_timers_execute(timers));
        fails(zmq_timers_execute(timers), -1, libc::EFAULT);
    }
}

#[test]
fn curve_keys_belong_together() {
    let mut keys = [[0 as c_char; 41]; 4];
    let [public, secret, derived, other] = keys.each_mut().map(|key| key.as_mut_ptr());
    // SAFETY: every buffer has room for a key.
    unsafe {
        works(zmq_curve_keypair(public, secret));
        works(zmq_curve_public(derived, secret));
        works(zmq_curve_keypair(other, secret));
        // The example keys of libzmq's zmq_curve(7).
        let example = c"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";
        works(zmq_curve_public(secret, example.as_ptr()));
        for bad in [c"", c"00000", c"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh", c"00 00"] {
            fails(zmq_curve_public(secret, bad.as_ptr()), -1, libc::EINVAL);
        }
    }
    assert!(keys[0] == keys[2] && keys[0] != keys[3]);
    let text: Vec<u8> = keys[1].iter().flat_map(|byte| byte.to_ne_bytes()).collect();
    assert_eq!(text, b"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\0");
}
