//! What of OpenPGM's C interface is used: `pgm/socket.h` and its like, read by hand, and the
//! functions, looked up in `libpgm-5.3.so.0` when the first socket asks for them. Called by the
//! type in `mod.rs` alone.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;

use crate::error::{Error, Result};
use crate::sys::library::{Loaded, functions};

/// `pgm_sock_t`.
#[repr(C)]
pub(super) struct Opaque([u8; 0]);

/// `pgm_error_t`.
#[repr(C)]
pub(super) struct Failure {
    pub(super) domain: c_int,
    pub(super) code: c_int,
    pub(super) message: *mut c_char,
}

/// `pgm_tsi_t`: names a sender.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct SenderId {
    pub(super) host: [u8; 6],
    pub(super) port: u16,
}

/// `pgm_sockaddr_t`.
#[repr(C)]
pub(super) struct SocketAddress {
    pub(super) port: u16,
    pub(super) sender: SenderId,
}

/// `pgm_group_source_req`; begins as `group_req` does.
#[repr(C)]
pub(super) struct GroupRequest {
    pub(super) interface: u32,
    pub(super) group: libc::sockaddr_storage,
    pub(super) source: libc::sockaddr_storage,
    pub(super) address: libc::sockaddr_storage,
}

/// `sizeof (struct group_req)`.
pub(super) const GROUP_REQUEST_SIZE: libc::socklen_t =
    (std::mem::offset_of!(GroupRequest, source)) as libc::socklen_t;

/// `pgm_addrinfo_t`.
#[repr(C)]
pub(super) struct AddressInfo {
    pub(super) family: libc::sa_family_t,
    pub(super) receive_count: u32,
    pub(super) receive: *const GroupRequest,
    pub(super) send_count: u32,
    pub(super) send: *const GroupRequest,
}

/// `pgm_interface_req_t`.
#[repr(C)]
pub(super) struct InterfaceRequest {
    pub(super) interface: u32,
    pub(super) scope: u32,
    pub(super) address: libc::sockaddr_storage,
}

/// `pgm_sk_buff_t`: a received packet.
#[repr(C)]
pub(super) struct Packet {
    pub(super) link: [*mut c_void; 3],
    pub(super) socket: *mut Opaque,
    pub(super) time: u64,
    pub(super) sender: SenderId,
    pub(super) sequence: u32,
    pub(super) padding: u32,
    pub(super) control: [u8; 48],
    pub(super) length: u16,
    pub(super) bits: u32,
    pub(super) headers: [*mut c_void; 4],
    pub(super) head: *mut c_void,
    pub(super) data: *const u8,
}

/// `pgm_msgv_t`.
#[repr(C)]
pub(super) struct Fragments {
    pub(super) count: u32,
    pub(super) packets: [*mut Packet; 16],
}

/// `MSG_ERRQUEUE`, which OpenPGM makes this where the system has none.
pub(super) const ERROR_QUEUE: c_int = 0x2000;

/// Options of a socket, from `PGM_SEND_SOCK` on.
pub(super) const SEND_SOCKET: c_int = 0x2000;
pub(super) const RECEIVE_SOCKET: c_int = 0x2001;
pub(super) const REPAIR_SOCKET: c_int = 0x2002;
pub(super) const PENDING_SOCKET: c_int = 0x2003;
pub(super) const TIME_REMAIN: c_int = 0x2005;
pub(super) const RATE_REMAIN: c_int = 0x2006;
pub(super) const MTU: c_int = 0x2008;
pub(super) const MSS: c_int = 0x200a;
pub(super) const MULTICAST_LOOP: c_int = 0x200c;
pub(super) const MULTICAST_HOPS: c_int = 0x200d;
pub(super) const TYPE_OF_SERVICE: c_int = 0x200e;
pub(super) const AMBIENT_SPM: c_int = 0x200f;
pub(super) const HEARTBEAT_SPM: c_int = 0x2010;
pub(super) const SEND_WINDOW: c_int = 0x2012;
pub(super) const PEER_EXPIRY: c_int = 0x2015;
pub(super) const SPMR_EXPIRY: c_int = 0x2016;
pub(super) const RECEIVE_WINDOW: c_int = 0x2018;
pub(super) const NAK_BACKOFF: c_int = 0x201b;
pub(super) const NAK_REPEAT: c_int = 0x201c;
pub(super) const NAK_DATA: c_int = 0x201d;
pub(super) const NAK_DATA_RETRIES: c_int = 0x201e;
pub(super) const NAK_CONFIRM_RETRIES: c_int = 0x201f;
pub(super) const SEND_ONLY: c_int = 0x2023;
pub(super) const RECEIVE_ONLY: c_int = 0x2024;
pub(super) const NONBLOCKING: c_int = 0x2027;
pub(super) const SEND_GROUP: c_int = 0x2028;
pub(super) const JOIN_GROUP: c_int = 0x2029;
pub(super) const UDP_UNICAST_PORT: c_int = 0x2030;
pub(super) const UDP_MULTICAST_PORT: c_int = 0x2031;
pub(super) const SEND_RATE: c_int = 0x2034;
/// `IPPROTO_PGM`, the level of these options and the protocol.
pub(super) const PGM: c_int = 113;
/// `PGM_IO_STATUS_*`.
pub(super) const NORMAL: c_int = 1;
pub(super) const RESET: c_int = 2;
pub(super) const RATE_LIMITED: c_int = 6;
pub(super) const TIMER_PENDING: c_int = 7;

functions! {
    pub(super) struct Functions;
    pgm_init: fn(*mut *mut Failure) -> bool;
    pgm_error_free: fn(*mut Failure);
    pgm_getaddrinfo: fn(*const c_char, *const AddressInfo, *mut *mut AddressInfo, *mut *mut Failure) -> bool;
    pgm_freeaddrinfo: fn(*mut AddressInfo);
    pgm_socket: fn(*mut *mut Opaque, libc::sa_family_t, c_int, c_int, *mut *mut Failure) -> bool;
    pgm_bind3: fn(*mut Opaque, *const SocketAddress, libc::socklen_t, *const InterfaceRequest, libc::socklen_t,
        *const InterfaceRequest, libc::socklen_t, *mut *mut Failure) -> bool;
    pgm_connect: fn(*mut Opaque, *mut *mut Failure) -> bool;
    pgm_close: fn(*mut Opaque, bool) -> bool;
    pgm_setsockopt: fn(*mut Opaque, c_int, c_int, *const c_void, libc::socklen_t) -> bool;
    pgm_getsockopt: fn(*mut Opaque, c_int, c_int, *mut c_void, *mut libc::socklen_t) -> bool;
    pgm_send: fn(*mut Opaque, *const c_void, usize, *mut usize) -> c_int;
    pgm_recvmsgv: fn(*mut Opaque, *mut Fragments, usize, c_int, *mut usize, *mut *mut Failure) -> c_int;
    pgm_free: fn(*mut c_void);
}

pub(super) fn functions() -> Result<&'static Functions> {
    static FUNCTIONS: Loaded<Functions> = Loaded::new();
    let load = || {
        let functions = Functions::load("libpgm-5.3.so.0")?;
        // SAFETY: a null error is not reported.
        unsafe { (functions.pgm_init)(null_mut()) }.then_some(functions)
    };
    FUNCTIONS.get(load).ok_or(Error::PROTONOSUPPORT)
}
