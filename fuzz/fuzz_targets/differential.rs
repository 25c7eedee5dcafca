//! The same bytes to a socket of this library and to one of libzmq 4.3.5: both applications must read
//! the same messages. `make fuzz TARGET=differential` says where libzmq is (ZMQ_REFERENCE).
//!
//! The sockets stay; each input is a connection of its own over a Unix socket, whose sending side is
//! closed behind the bytes. When the library has closed the other one, everything was delivered.
//! libzmq loses what a peer sent that leaves at once (#3392), and keeps to itself what came in one
//! piece with the handshake and half a frame. So it is given time: until it has delivered as much as
//! this library, or for a moment; and when the two differ, both hear it once more, byte by byte.
#![no_main]

use std::ffi::{CString, c_char, c_int, c_void};
use std::io::{Error, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::time::Duration;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
// Only its C functions are used.
use zmq as _;

const DEALER: c_int = 5;
const PULL: c_int = 7;
const MAXMSGSIZE: c_int = 22;
const RCVHWM: c_int = 24;
const RCVMORE: c_int = 13;
const RCVTIMEO: c_int = 27;
/// What closes the connection while libzmq has not delivered as much, in milliseconds.
const PATIENCE: c_int = 50;
const MOMENT: Duration = Duration::from_millis(2);
/// Between two bytes, and behind the last, when they come one by one: longer each time, as libzmq may
/// have to wait for a processor.
const PAUSE: Duration = Duration::from_micros(100);
const LONG_MOMENT: Duration = Duration::from_millis(30);
const ATTEMPTS: u32 = 4;
/// glibc's: the library's own calls go to itself, not to ours of the same name.
const RTLD_DEEPBIND: c_int = 8;

type Socket = *mut c_void;

/// The functions of one library.
#[derive(Clone, Copy)]
struct Api {
    ctx_new: unsafe extern "C" fn() -> *mut c_void,
    socket: unsafe extern "C" fn(*mut c_void, c_int) -> Socket,
    bind: unsafe extern "C" fn(Socket, *const c_char) -> c_int,
    set: unsafe extern "C" fn(Socket, c_int, *const c_void, usize) -> c_int,
    get: unsafe extern "C" fn(Socket, c_int, *mut c_void, *mut usize) -> c_int,
    recv: unsafe extern "C" fn(Socket, *mut c_void, usize, c_int) -> c_int,
}

unsafe extern "C" {
    fn zmq_ctx_new() -> *mut c_void;
    fn zmq_socket(context: *mut c_void, kind: c_int) -> Socket;
    fn zmq_bind(socket: Socket, endpoint: *const c_char) -> c_int;
    fn zmq_setsockopt(socket: Socket, option: c_int, value: *const c_void, size: usize) -> c_int;
    fn zmq_getsockopt(socket: Socket, option: c_int, value: *mut c_void, size: *mut usize)
    -> c_int;
    fn zmq_recv(socket: Socket, buffer: *mut c_void, size: usize, flags: c_int) -> c_int;
}

const OURS: Api = Api {
    ctx_new: zmq_ctx_new,
    socket: zmq_socket,
    bind: zmq_bind,
    set: zmq_setsockopt,
    get: zmq_getsockopt,
    recv: zmq_recv,
};

fn reference() -> Api {
    let path = std::env::var("ZMQ_REFERENCE").expect("ZMQ_REFERENCE names libzmq.so.5");
    // SAFETY: libzmq's initialisers have no demands, and it is never unloaded. The types are those
    // of zmq.h.
    unsafe {
        let library = Library::open(Some(path), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND).unwrap();
        let library = Box::leak(Box::new(library));
        Api {
            ctx_new: *library.get(b"zmq_ctx_new").unwrap(),
            socket: *library.get(b"zmq_socket").unwrap(),
            bind: *library.get(b"zmq_bind").unwrap(),
            set: *library.get(b"zmq_setsockopt").unwrap(),
            get: *library.get(b"zmq_getsockopt").unwrap(),
            recv: *library.get(b"zmq_recv").unwrap(),
        }
    }
}

/// One library's sockets: with and without a limit, of both kinds.
struct Side {
    api: Api,
    name: &'static str,
    sockets: Vec<(usize, String)>,
}

const KINDS: [(c_int, i64); 4] = [(PULL, -1), (PULL, 100), (DEALER, -1), (DEALER, 100)];

impl Side {
    fn new(api: Api, name: &'static str) -> Side {
        let sockets = KINDS.iter().enumerate().map(|(number, &(kind, limit))| {
            let path = format!("/tmp/oxizmq-fuzz-{}-{name}-{number}", std::process::id());
            let endpoint = CString::new(format!("ipc://{path}")).unwrap();
            // SAFETY: the handles are the library's own, the values are of the size given.
            let socket = unsafe {
                let socket = (api.socket)((api.ctx_new)(), kind);
                let limit: *const i64 = &limit;
                assert_eq!((api.set)(socket, MAXMSGSIZE, limit.cast(), 8), 0);
                let hwm: *const c_int = &0;
                assert_eq!((api.set)(socket, RCVHWM, hwm.cast(), 4), 0);
                assert_eq!((api.bind)(socket, endpoint.as_ptr()), 0);
                socket
            };
            (socket as usize, path)
        });
        Side { api, name, sockets: sockets.collect() }
    }

    /// The messages that the application reads. So many are waited for before the peer leaves.
    fn verdict(
        &self,
        which: usize,
        bytes: &[u8],
        expected: Option<usize>,
        slowly: Option<u32>,
    ) -> Vec<Vec<Vec<u8>>> {
        let (socket, path) = &self.sockets[which];
        let mut peer = UnixStream::connect(path).expect("a listening socket");
        peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // It may have heard enough before the end.
        if let Some(attempt) = slowly {
            let slower = 4u32.pow(attempt);
            for byte in bytes.chunks(1) {
                let _ = peer.write_all(byte);
                std::thread::sleep(PAUSE * slower);
            }
            std::thread::sleep(LONG_MOMENT * slower);
        } else {
            let _ = peer.write_all(bytes);
        }
        let mut messages = Vec::new();
        match expected.filter(|_| slowly.is_none()) {
            None => {}
            Some(0) => std::thread::sleep(MOMENT),
            Some(_) => messages = self.read(*socket as Socket, PATIENCE, expected),
        }
        let _ = peer.shutdown(std::net::Shutdown::Write);
        let mut said = [0; 4096];
        loop {
            match peer.read(&mut said) {
                Ok(0) => break,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Ok(_) => {}
                // libFuzzer's own clock.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{} keeps a connection that is over: {error}", self.name),
            }
        }
        messages.append(&mut self.read(*socket as Socket, 0, None));
        messages
    }

    /// Messages until none comes in this time, or so many have come.
    fn read(&self, socket: Socket, time: c_int, most: Option<usize>) -> Vec<Vec<Vec<u8>>> {
        // SAFETY: the value is of the size given.
        unsafe {
            let time: *const c_int = &time;
            assert_eq!((self.api.set)(socket, RCVTIMEO, time.cast(), 4), 0);
        }
        let mut messages = vec![Vec::new()];
        let mut buffer = vec![0u8; 1 << 16];
        while most.is_none_or(|most| messages.len() <= most) {
            // SAFETY: the buffer has the length given, the option is an int.
            unsafe {
                let to = buffer.as_mut_ptr().cast();
                let size = (self.api.recv)(socket, to, buffer.len(), 0);
                let Ok(size) = usize::try_from(size) else {
                    if Error::last_os_error().kind() == ErrorKind::Interrupted {
                        continue;
                    }
                    break;
                };
                messages.last_mut().unwrap().push(buffer[..size].to_vec());
                let (mut more, mut length): (c_int, usize) = (0, size_of::<c_int>());
                (self.api.get)(socket, RCVMORE, (&raw mut more).cast(), &raw mut length);
                if more == 0 {
                    messages.push(Vec::new());
                }
            }
        }
        assert_eq!(messages.pop(), Some(Vec::new()), "{}: half a message", self.name);
        messages
    }
}

/// Flags and sizes of the frames behind the greeting, of which the first is the handshake.
fn frames(bytes: &[u8]) -> Vec<(u8, u64)> {
    let mut found = Vec::new();
    let mut rest = match bytes.get(10) {
        Some(0) => None,
        Some(1) => bytes.get(12..),
        _ => bytes.get(64..),
    };
    while let Some([flags, short, tail @ ..]) = rest {
        let (size, body) = match tail.split_at_checked(7) {
            Some((low, body)) if flags & 2 != 0 => {
                let low = low.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
                (u64::from(*short) << 56 | low, body)
            }
            _ => (u64::from(*short), tail),
        };
        found.push((*flags, size));
        rest = usize::try_from(size).ok().and_then(|size| body.get(size..));
    }
    found
}

/// Whether there are commands behind the handshake. libzmq gives those that it does not know to the
/// application as messages, and goes on behind malformed ones, which end a connection here.
fn has_commands(frames: &[(u8, u64)]) -> bool {
    frames.iter().skip(1).any(|(flags, _)| flags & 4 != 0)
}

/// Whether the handshake is longer than ZMQ_MAXMSGSIZE, which libzmq holds it to and this library does
/// not: it is no message.
fn has_long_handshake(bytes: &[u8], frames: &[(u8, u64)], limit: i64) -> bool {
    let newer = bytes.get(10).is_some_and(|&revision| revision > 1);
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    newer && frames.first().is_some_and(|&(_, size)| size > limit)
}

fn is_part_of<T: PartialEq>(some: &[T], all: &[T]) -> bool {
    let mut all = all.iter();
    some.iter().all(|one| all.any(|other| one == other))
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static SIDES: OnceLock<(Side, Side)> = OnceLock::new();
    let (ours, theirs) =
        SIDES.get_or_init(|| (Side::new(OURS, "oxizmq"), Side::new(reference(), "libzmq")));
    let Some((&which, bytes)) = data.split_first() else { return };
    let which = usize::from(which) % KINDS.len();
    let frames = frames(bytes);
    if has_long_handshake(bytes, &frames, KINDS[which].1) {
        return;
    }
    let mut here = ours.verdict(which, bytes, None, None);
    let mut there = theirs.verdict(which, bytes, Some(here.len()), None);
    let agree = |here: &[Vec<Vec<u8>>], there: &[Vec<Vec<u8>>]| {
        here == there || has_commands(&frames) && is_part_of(here, there)
    };
    for attempt in 0..ATTEMPTS {
        if agree(&here, &there) {
            return;
        }
        here = ours.verdict(which, bytes, None, Some(attempt));
        there = theirs.verdict(which, bytes, None, Some(attempt));
    }
    assert!(agree(&here, &there), "here {here:?}, libzmq {there:?}");
});
