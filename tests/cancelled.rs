//! Threads that are cancelled, pthread_cancel(3), while they send and receive all the time: none leaves a lock held or a
//! message half sent, and the sockets go on with other threads. libzmq's do not; what it can do, too, is in
//! ctests/t_cancel.c. STRESS_ROUNDS sets how often.

mod stress;

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use stress::*;
use zmq::ffi::*;

type Entry = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;

unsafe extern "C" {
    fn pthread_create(
        thread: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        entry: Entry,
        argument: *mut c_void,
    ) -> c_int;
}

/// PTHREAD_CANCELED.
const CANCELLED: usize = usize::MAX;

struct Talk {
    sends: *mut c_void,
    receives: *mut c_void,
    begun: AtomicBool,
}

/// Two parts at a time. Nothing of it is dropped when the thread is cancelled.
unsafe extern "C-unwind" fn talk(argument: *mut c_void) -> *mut c_void {
    // SAFETY: `cancel_while` waits for the thread before it lets go of what it gave.
    let Talk { sends, receives, begun } = unsafe { &*argument.cast::<Talk>() };
    begun.store(true, Ordering::SeqCst);
    let mut buffer = [0u8; 2000];
    loop {
        // SAFETY: the sockets are handles, the buffers are as long as they are said to be.
        unsafe {
            for (part, flags) in [(&[1u8; 10][..], ZMQ_SNDMORE), (&[2u8; 2000][..], 0)] {
                zmq_send(*sends, part.as_ptr().cast(), part.len(), flags);
            }
            for _ in 0..2 {
                zmq_recv(*receives, buffer.as_mut_ptr().cast(), buffer.len(), 0);
            }
            // Over inproc it has had to wait for nothing; now it would.
            zmq_recv(*receives, buffer.as_mut_ptr().cast(), buffer.len(), ZMQ_DONTWAIT);
        }
    }
}

/// Runs `talk` for so long, then cancels it and waits for its end.
fn cancel_while(talking: &mut Talk, time: Duration) {
    talking.begun.store(false, Ordering::SeqCst);
    let (mut thread, mut result) = (MaybeUninit::uninit(), null_mut());
    // SAFETY: the argument outlives the thread, which is joined here.
    unsafe {
        let argument = (&raw mut *talking).cast();
        assert_eq!(pthread_create(thread.as_mut_ptr(), std::ptr::null(), talk, argument), 0);
        let thread = thread.assume_init();
        while !talking.begun.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        thread::sleep(time);
        assert_eq!(libc::pthread_cancel(thread), 0);
        assert_eq!(libc::pthread_join(thread, &raw mut result), 0);
    }
    assert_eq!(result.addr(), CANCELLED);
}

fn set(socket: *mut c_void, option: c_int, value: c_int) {
    let (value, length) = ((&raw const value).cast(), size_of::<c_int>());
    // SAFETY: the value is an int.
    assert_eq!(unsafe { zmq_setsockopt(socket, option, value, length) }, 0);
}

#[test]
fn who_is_cancelled_leaves_sockets_as_good_as_they_were() {
    for endpoint in [c"tcp://127.0.0.1:*", c"ipc://*", c"inproc://cancelled"] {
        for round in 0..rounds(40) {
            // SAFETY: handles, strings and buffers as the functions want them.
            unsafe {
                let context = zmq_ctx_new();
                let (push, pull) = (zmq_socket(context, ZMQ_PUSH), zmq_socket(context, ZMQ_PULL));
                let (mut at, mut length) = ([0u8; 256], 256);
                assert_eq!(zmq_bind(pull, endpoint.as_ptr()), 0);
                let place = at.as_mut_ptr().cast();
                assert_eq!(zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, place, &raw mut length), 0);
                assert_eq!(zmq_connect(push, at.as_ptr().cast()), 0);
                let mut talking =
                    Talk { sends: push, receives: pull, begun: AtomicBool::new(false) };
                // One by one, with the same sockets; then this thread.
                for turn in 0..3 {
                    cancel_while(
                        &mut talking,
                        Duration::from_micros((300 + 41 * round + 97 * turn).into()),
                    );
                }
                set(push, ZMQ_SNDTIMEO, 10_000);
                set(pull, ZMQ_RCVTIMEO, 10_000);
                // It may have been cancelled between the two parts.
                assert_eq!(zmq_send(push, c"end".as_ptr().cast(), 3, 0), 3);
                let mut buffer = [0u8; 3];
                loop {
                    match zmq_recv(pull, buffer.as_mut_ptr().cast(), 3, 0) {
                        3 => break,
                        length => assert!(length == 10 || length == 2000, "round {round}"),
                    }
                }
                assert_eq!(&buffer, b"end");
                assert_eq!((zmq_close(push), zmq_close(pull), zmq_ctx_term(context)), (0, 0, 0));
            }
        }
    }
}
