//! Socket addresses of every family we speak: internet, unix, virtual machines, TIPC. Called by
//! `net` and by the transports on top of IP.

use std::io;
use std::mem::{MaybeUninit, offset_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::cvt;

/// `struct sockaddr_tipc` of linux/tipc.h, which libc lacks. The meaning of the three numbers
/// depends on the kind: type, lower and upper of a range; type, instance and domain of a name;
/// reference and node of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct TipcAddress {
    family: u16,
    pub(crate) kind: u8,
    pub(crate) scope: i8,
    pub(crate) numbers: [u32; 3],
}

impl TipcAddress {
    /// AF_TIPC.
    pub(crate) const FAMILY: i32 = 30;
    /// The kinds, TIPC_ADDR_NAMESEQ and so on.
    pub(crate) const RANGE: u8 = 1;
    pub(crate) const NAME: u8 = 2;
    pub(crate) const PORT: u8 = 3;

    pub(crate) fn new(kind: u8, scope: i8, numbers: [u32; 3]) -> TipcAddress {
        TipcAddress { family: TipcAddress::FAMILY as u16, kind, scope, numbers }
    }
}

/// A socket address of any family.
#[derive(Clone, Copy)]
pub(crate) struct Address {
    pub(super) storage: libc::sockaddr_storage,
    pub(super) length: libc::socklen_t,
}

/// How many bytes a pathname or abstract name may have, the NUL not counted.
pub(crate) const UNIX_NAME_MAX: usize =
    size_of::<libc::sockaddr_un>() - offset_of!(libc::sockaddr_un, sun_path) - 1;

impl Address {
    /// Any `sockaddr_*`, copied byte by byte.
    fn copied<T>(value: &T) -> Address {
        const { assert!(size_of::<T>() <= size_of::<libc::sockaddr_storage>()) };
        let mut address = Address::empty();
        // SAFETY: the storage is at least as large as T (asserted above), aligned for every
        // sockaddr, and T is one of the plain old data sockaddr_* structures.
        unsafe { (&raw mut address.storage).cast::<T>().copy_from_nonoverlapping(value, 1) };
        address.length = size_of::<T>() as libc::socklen_t;
        address
    }

    /// Of no family yet.
    pub(super) fn empty() -> Address {
        // SAFETY: sockaddr_storage is plain old data; all zeroes is AF_UNSPEC.
        Address { storage: unsafe { MaybeUninit::zeroed().assume_init() }, length: 0 }
    }

    /// The address of a pathname, or of an abstract name when it starts with a NUL byte.
    /// `None` if it is longer than [`UNIX_NAME_MAX`] or empty.
    pub(crate) fn unix(name: &[u8]) -> Option<Address> {
        if name.is_empty() || name.len() > UNIX_NAME_MAX {
            return None;
        }
        // SAFETY: sockaddr_un is plain old data.
        let mut unix: libc::sockaddr_un = unsafe { MaybeUninit::zeroed().assume_init() };
        unix.sun_family = libc::AF_UNIX as libc::sa_family_t;
        for (to, from) in unix.sun_path.iter_mut().zip(name) {
            *to = *from as libc::c_char;
        }
        let mut address = Address::copied(&unix);
        address.length = (offset_of!(libc::sockaddr_un, sun_path) + name.len()) as libc::socklen_t;
        Some(address)
    }

    /// libc::AF_INET and so on.
    pub(crate) fn family(&self) -> i32 {
        i32::from(self.storage.ss_family)
    }

    /// The address as internet address, if it is one.
    pub(crate) fn ip(&self) -> Option<SocketAddr> {
        let length = self.length as usize;
        match self.family() {
            libc::AF_INET if length >= size_of::<libc::sockaddr_in>() => {
                // SAFETY: the family and the length say that a sockaddr_in is stored.
                let v4 = unsafe { *(&raw const self.storage).cast::<libc::sockaddr_in>() };
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 if length >= size_of::<libc::sockaddr_in6>() => {
                // SAFETY: the family and the length say that a sockaddr_in6 is stored.
                let v6 = unsafe { *(&raw const self.storage).cast::<libc::sockaddr_in6>() };
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
            }
            _ => None,
        }
    }

    /// The name of a unix socket: a path, an abstract name that starts with NUL, or nothing.
    pub(crate) fn unix_name(&self) -> Option<Vec<u8>> {
        if self.family() != libc::AF_UNIX {
            return None;
        }
        // SAFETY: sockaddr_storage is large enough for and aligned as a sockaddr_un, and is
        // initialised throughout.
        let unix = unsafe { *(&raw const self.storage).cast::<libc::sockaddr_un>() };
        let length = (self.length as usize)
            .saturating_sub(offset_of!(libc::sockaddr_un, sun_path))
            .min(unix.sun_path.len());
        // A `c_char` is an `i8` here and a `u8` there.
        let bytes = unix.sun_path.iter().take(length).flat_map(|byte| byte.to_ne_bytes());
        let mut name: Vec<u8> = bytes.collect();
        if name.first() != Some(&0)
            && let Some(end) = name.iter().position(|&byte| byte == 0)
        {
            name.truncate(end);
        }
        Some(name)
    }

    /// The address of a virtual machine's socket: context id and port.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn vsock(cid: u32, port: u32) -> Address {
        // SAFETY: sockaddr_vm is plain old data.
        let mut vm: libc::sockaddr_vm = unsafe { MaybeUninit::zeroed().assume_init() };
        vm.svm_family = libc::AF_VSOCK as libc::sa_family_t;
        vm.svm_cid = cid;
        vm.svm_port = port;
        Address::copied(&vm)
    }

    /// Context id and port, if it is such an address.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn vsock_parts(&self) -> Option<(u32, u32)> {
        if self.family() != libc::AF_VSOCK
            || (self.length as usize) < size_of::<libc::sockaddr_vm>()
        {
            return None;
        }
        // SAFETY: the family and the length say that a sockaddr_vm is stored.
        let vm = unsafe { *(&raw const self.storage).cast::<libc::sockaddr_vm>() };
        Some((vm.svm_cid, vm.svm_port))
    }

    /// A TIPC address.
    pub(crate) fn tipc(address: TipcAddress) -> Address {
        Address::copied(&address)
    }

    /// The TIPC address, if it is one.
    pub(crate) fn tipc_address(&self) -> Option<TipcAddress> {
        if self.family() != TipcAddress::FAMILY || (self.length as usize) < size_of::<TipcAddress>()
        {
            return None;
        }
        // SAFETY: the family and the length say that it is stored, and any bits are valid.
        Some(unsafe { *(&raw const self.storage).cast::<TipcAddress>() })
    }

    /// What system calls take, with `len`.
    pub(super) fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    /// Runs a call that fills in an address.
    pub(super) fn filled(
        call: impl FnOnce(*mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int,
    ) -> io::Result<(libc::c_int, Address)> {
        let mut address = Address::empty();
        address.length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        let result = cvt(call((&raw mut address.storage).cast(), &raw mut address.length))?;
        let capacity = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        address.length = address.length.min(capacity);
        Ok((result, address))
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        match address {
            SocketAddr::V4(v4) => {
                // SAFETY: sockaddr_in is plain old data.
                let mut raw: libc::sockaddr_in = unsafe { MaybeUninit::zeroed().assume_init() };
                raw.sin_family = libc::AF_INET as libc::sa_family_t;
                raw.sin_port = v4.port().to_be();
                raw.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
                Address::copied(&raw)
            }
            SocketAddr::V6(v6) => {
                // SAFETY: sockaddr_in6 is plain old data.
                let mut raw: libc::sockaddr_in6 = unsafe { MaybeUninit::zeroed().assume_init() };
                raw.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                raw.sin6_port = v6.port().to_be();
                raw.sin6_addr.s6_addr = v6.ip().octets();
                raw.sin6_flowinfo = v6.flowinfo();
                raw.sin6_scope_id = v6.scope_id();
                Address::copied(&raw)
            }
        }
    }
}
