//! What the tests that strain the library share: safe handles, rounds, and a watch over the time.
//! Used by tests/shared_sockets.rs, tests/shared_polls.rs, tests/taken_over.rs, tests/data_path.rs,
//! tests/wiped.rs, tests/termination.rs, tests/crowds.rs, tests/unbound.rs, tests/lent.rs and tests/forked.rs.

#![allow(dead_code, reason = "each of the tests uses its part")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "a handle may be stale in these tests; buffers and strings live through each call"
)]

use std::ffi::{CString, c_int, c_void};
use std::ptr::null_mut;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use zmq::ffi::*;

/// A call's success, or the errno it failed with.
pub(crate) type Answer = Result<c_int, c_int>;

fn answer(result: c_int) -> Answer {
    if result == -1 { Err(zmq_errno()) } else { Ok(result) }
}

/// The handle of a context.
#[derive(Clone, Copy)]
pub(crate) struct Context(*mut c_void);

/// The handle of a socket.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Socket(pub(crate) *mut c_void);

unsafe impl Send for Context {}
unsafe impl Send for Socket {}
unsafe impl Sync for Context {}
unsafe impl Sync for Socket {}

impl Context {
    pub(crate) fn new() -> Context {
        Context(zmq_ctx_new())
    }

    pub(crate) fn socket(self, kind: c_int) -> Socket {
        let socket = self.try_socket(kind);
        assert!(!socket.0.is_null(), "errno {}", zmq_errno());
        socket
    }

    /// May be null.
    pub(crate) fn try_socket(self, kind: c_int) -> Socket {
        Socket(unsafe { zmq_socket(self.0, kind) })
    }

    pub(crate) fn set(self, option: c_int, value: c_int) -> Answer {
        answer(unsafe { zmq_ctx_set(self.0, option, value) })
    }

    pub(crate) fn shutdown(self) -> Answer {
        answer(unsafe { zmq_ctx_shutdown(self.0) })
    }

    pub(crate) fn term(self) -> Answer {
        answer(unsafe { zmq_ctx_term(self.0) })
    }

    /// Two sockets of these types joined over a transport: the first one is bound.
    pub(crate) fn pair(self, transport: &str, kinds: (c_int, c_int)) -> (Socket, Socket) {
        let (bound, connected) = (self.socket(kinds.0), self.socket(kinds.1));
        for socket in [bound, connected] {
            socket.set(ZMQ_LINGER, 0).unwrap();
        }
        if kinds.1 == ZMQ_SUB {
            answer(unsafe { zmq_setsockopt(connected.0, ZMQ_SUBSCRIBE, null_mut(), 0) }).unwrap();
        }
        let endpoint = bound.bind_any(transport);
        connected.connect(&endpoint).unwrap();
        (bound, connected)
    }
}

impl Socket {
    pub(crate) fn set(self, option: c_int, value: c_int) -> Answer {
        answer(unsafe { zmq_setsockopt(self.0, option, (&raw const value).cast(), 4) })
    }

    pub(crate) fn get(self, option: c_int) -> Answer {
        let (mut value, mut size) = (0, 4);
        let result = unsafe { zmq_getsockopt(self.0, option, (&raw mut value).cast(), &mut size) };
        answer(result).map(|_| value)
    }

    pub(crate) fn bind(self, endpoint: &str) -> Answer {
        let endpoint = CString::new(endpoint).unwrap();
        answer(unsafe { zmq_bind(self.0, endpoint.as_ptr()) })
    }

    pub(crate) fn connect(self, endpoint: &str) -> Answer {
        let endpoint = CString::new(endpoint).unwrap();
        answer(unsafe { zmq_connect(self.0, endpoint.as_ptr()) })
    }

    pub(crate) fn unbind(self, endpoint: &str) -> Answer {
        let endpoint = CString::new(endpoint).unwrap();
        answer(unsafe { zmq_unbind(self.0, endpoint.as_ptr()) })
    }

    pub(crate) fn disconnect(self, endpoint: &str) -> Answer {
        let endpoint = CString::new(endpoint).unwrap();
        answer(unsafe { zmq_disconnect(self.0, endpoint.as_ptr()) })
    }

    /// Binds to a free endpoint and gives its name.
    pub(crate) fn bind_any(self, transport: &str) -> String {
        match transport {
            "inproc" => {
                let name = format!("inproc://{:x}", self.0 as usize);
                self.bind(&name).unwrap();
                name
            }
            _ => {
                let any = match transport {
                    "ipc" => String::from("ipc://*"),
                    _ => format!("{transport}://127.0.0.1:*"),
                };
                self.bind(&any).unwrap();
                let (mut name, mut size) = ([0u8; 256], 256);
                let at = name.as_mut_ptr().cast();
                let found = unsafe { zmq_getsockopt(self.0, ZMQ_LAST_ENDPOINT, at, &mut size) };
                answer(found).unwrap();
                String::from_utf8(name[..size - 1].to_vec()).unwrap()
            }
        }
    }

    pub(crate) fn send(self, body: &[u8], flags: c_int) -> Answer {
        answer(unsafe { zmq_send(self.0, body.as_ptr().cast(), body.len(), flags) })
    }

    pub(crate) fn recv(self, flags: c_int) -> Result<Vec<u8>, c_int> {
        let mut buffer = vec![0; 4096];
        let size = unsafe { zmq_recv(self.0, buffer.as_mut_ptr().cast(), buffer.len(), flags) };
        buffer.truncate(answer(size)? as usize);
        Ok(buffer)
    }

    /// Waits for events on this socket.
    pub(crate) fn poll(self, events: i16, timeout: i64) -> Answer {
        let mut item = PollItem { socket: self.0, fd: -1, events, revents: 0 };
        answer(unsafe { zmq_poll(&mut item, 1, timeout) })
    }

    /// Registers this socket with a poller and waits there.
    pub(crate) fn poller_wait(self, events: i16, timeout: i64) -> Answer {
        let mut poller = zmq_poller_new();
        let mut found =
            [PollerEvent { socket: null_mut(), fd: 0, user_data: null_mut(), events: 0 }; 2];
        let result = unsafe {
            answer(zmq_poller_add(poller, self.0, null_mut(), events))
                .and_then(|_| answer(zmq_poller_wait_all(poller, found.as_mut_ptr(), 2, timeout)))
        };
        unsafe { zmq_poller_destroy(&mut poller) };
        result
    }

    pub(crate) fn proxy(self, other: Socket) -> Answer {
        answer(unsafe { zmq_proxy(self.0, other.0, null_mut()) })
    }

    pub(crate) fn close(self) -> Answer {
        answer(unsafe { zmq_close(self.0) })
    }
}

/// How often to repeat what takes a moment: STRESS_ROUNDS, or `usual`.
pub(crate) fn rounds(usual: u32) -> u32 {
    std::env::var("STRESS_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Runs `test`; a process in which it hangs is ended after `seconds`.
pub(crate) fn within(seconds: u64, test: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    if finished.recv_timeout(Duration::from_secs(seconds)) == Err(mpsc::RecvTimeoutError::Timeout) {
        eprintln!("{:?} hangs", std::thread::current().name());
        // A core, or a debugger, shows where.
        std::process::abort();
    }
    worker.join().unwrap();
}

/// A little time, another one each time: between nothing and `most`.
pub(crate) fn a_moment(seed: u32, most: Duration) {
    let part = seed.wrapping_mul(2_654_435_761) >> 16;
    let wait = most * (part % 64) / 64;
    let end = Instant::now() + wait;
    if wait > Duration::from_micros(200) {
        std::thread::sleep(wait);
    }
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

/// The processor time of this process so far.
pub(crate) fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
