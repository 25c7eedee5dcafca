//! The same bytes to a socket of this library and to one of libzmq 4.3.5: both applications must read
//! the same messages. `make fuzz TARGET=differential` says where libzmq is (ZMQ_REFERENCE).
//!
//! The sockets stay; each input is a connection of its own over a Unix socket with an abstract name,
//! which leaves no file however this ends. Its sending side is closed behind the bytes. When the library
//! has closed the other one, everything was delivered. libzmq loses what a peer sent that leaves at once (#3392), and keeps to itself what came in one
//! piece with the handshake and half a frame. So it is given time: until it has delivered as much as
//! there is, or for a moment; and when the two differ, both hear it once more, byte by byte.
#![no_main]

#[path = "../oracle.rs"]
mod oracle;

use std::ffi::{CString, c_char, c_int, c_void};
use std::io::{Error, ErrorKind, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
// Only its C functions are used.
use zmq as _;

const DEALER: c_int = 5;
const PULL: c_int = 7;
const MAXMSGSIZE: c_int = 22;
const RCVHWM: c_int = 24;
const RCVMORE: c_int = 13;
const RCVTIMEO: c_int = 27;
/// How long libzmq may take to deliver what it has, and how often is looked meanwhile, in milliseconds, whether it has
/// closed the connection.
const PATIENCE: Duration = Duration::from_millis(50);
const STEP: c_int = 2;
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
    sockets: Vec<(usize, SocketAddr)>,
}

const KINDS: [(c_int, i64); 4] = [(PULL, -1), (PULL, 100), (DEALER, -1), (DEALER, 100)];

impl Side {
    fn new(api: Api, name: &'static str) -> Side {
        let sockets = KINDS.iter().enumerate().map(|(number, &(kind, limit))| {
            let host = format!("oxizmq-fuzz-{}-{name}-{number}", std::process::id());
            let endpoint = CString::new(format!("ipc://@{host}")).unwrap();
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
            (socket as usize, SocketAddr::from_abstract_name(host).unwrap())
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
        let (socket, address) = &self.sockets[which];
        let mut peer = UnixStream::connect_addr(address).expect("a listening socket");
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
            Some(expected) => {
                let end = Instant::now() + PATIENCE;
                while messages.len() < expected && Instant::now() < end && !has_closed(&mut peer) {
                    let missing = expected - messages.len();
                    messages.append(&mut self.read(*socket as Socket, STEP, Some(missing)));
                }
            }
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

/// Whether the other side has; what it has said meanwhile is of no interest.
fn has_closed(peer: &mut UnixStream) -> bool {
    peer.set_nonblocking(true).unwrap();
    let mut said = [0; 4096];
    let closed = loop {
        match peer.read(&mut said) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) => break error.kind() == ErrorKind::ConnectionReset,
        }
    };
    peer.set_nonblocking(false).unwrap();
    closed
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static SIDES: OnceLock<(Side, Side)> = OnceLock::new();
    let (ours, theirs) =
        SIDES.get_or_init(|| (Side::new(OURS, "oxizmq"), Side::new(reference(), "libzmq")));
    let Some((&which, bytes)) = data.split_first() else { return };
    let which = usize::from(which) % KINDS.len();
    let frames = oracle::frames(bytes);
    if oracle::shakes_hands_otherwise(bytes, &frames, KINDS[which].1) {
        return;
    }
    let mut here = ours.verdict(which, bytes, None, None);
    // What this library has lost is waited for, too.
    let plain = oracle::shakes_hands_plainly(&frames);
    let whole = if plain { oracle::whole_messages(&frames) } else { 0 };
    let mut there = theirs.verdict(which, bytes, Some(here.len().max(whole)), None);
    // libzmq gives a connection up whose PING comes in one piece with the handshake, and then proves nothing.
    let mut is_sure = here.len() >= whole || !oracle::has_commands(&frames);
    for attempt in 0..ATTEMPTS {
        if is_sure && oracle::agree(&here, &there, &frames) {
            return;
        }
        here = ours.verdict(which, bytes, None, Some(attempt));
        there = theirs.verdict(which, bytes, None, Some(attempt));
        is_sure = true;
    }
    let agree = oracle::agree(&here, &there, &frames);
    assert!(agree, "here {here:?}, libzmq {there:?}");
});
