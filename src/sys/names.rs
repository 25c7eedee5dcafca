//! Names of hosts and network interfaces: getaddrinfo(3), getifaddrs(3), if_nametoindex(3).
//!
//! `resolve` may block for as long as the name servers please; `transport::resolver` calls it on a
//! thread of its own unless the name is known to be a literal address. Called by the transports and
//! their resolver.

use std::ffi::{CStr, CString};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV6};
use std::ptr;

use super::errno;

/// Why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unresolved {
    OutOfMemory,
    Unknown,
}

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query {
    /// IPv6 addresses, and IPv4 ones mapped into IPv6.
    pub(crate) ipv6: bool,
    /// Only literal addresses; never blocks.
    pub(crate) numeric: bool,
    /// For binding.
    pub(crate) passive: bool,
}

/// Every address of a name in the order the system prefers; with its scope in case of IPv6.
pub(crate) fn resolve(host: &str, query: Query) -> Result<Vec<(IpAddr, u32)>, Unresolved> {
    let host = CString::new(host).map_err(|_| Unresolved::Unknown)?;
    let mut flags = 0;
    if query.passive {
        flags |= libc::AI_PASSIVE;
    }
    if query.numeric {
        flags |= libc::AI_NUMERICHOST;
    }
    if query.ipv6 {
        let mapped = flags | libc::AI_V4MAPPED | libc::AI_ALL;
        match lookup(&host, libc::AF_INET6, mapped) {
            Err(libc::EAI_BADFLAGS) => {}
            result => return result.map_err(unresolved),
        }
    }
    let family = if query.ipv6 { libc::AF_INET6 } else { libc::AF_INET };
    lookup(&host, family, flags).map_err(unresolved)
}

fn unresolved(code: i32) -> Unresolved {
    if code == libc::EAI_MEMORY { Unresolved::OutOfMemory } else { Unresolved::Unknown }
}

fn lookup(host: &CStr, family: i32, flags: i32) -> Result<Vec<(IpAddr, u32)>, i32> {
    // SAFETY: addrinfo is plain old data; zeroes mean "anything".
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_family = family;
    hints.ai_socktype = libc::SOCK_STREAM;
    hints.ai_flags = flags;
    let mut list = ptr::null_mut();
    // SAFETY: the host is NUL-terminated, the hints are initialised, the result pointer is valid.
    let code =
        unsafe { libc::getaddrinfo(host.as_ptr(), ptr::null(), &raw const hints, &raw mut list) };
    if code != 0 {
        return Err(code);
    }
    let mut found = Vec::new();
    let mut next = list;
    while !next.is_null() {
        // SAFETY: a non-null entry of the list that getaddrinfo made and we have not freed.
        let entry = unsafe { &*next };
        // SAFETY: ai_addr is null or points to a sockaddr of the family it names.
        if let Some(address) = unsafe { ip_of(entry.ai_addr) }
            && !found.contains(&address)
        {
            found.push(address);
        }
        next = entry.ai_next;
    }
    // SAFETY: the list is getaddrinfo's and nothing refers to it any more.
    unsafe { libc::freeaddrinfo(list) };
    if found.is_empty() { Err(libc::EAI_NONAME) } else { Ok(found) }
}

/// The first address of that family of a network interface; `None` if there is no such interface.
pub(crate) fn interface_address(name: &str, ipv6: bool) -> Option<(IpAddr, u32)> {
    let wanted = if ipv6 { libc::AF_INET6 } else { libc::AF_INET };
    let mut list = ptr::null_mut();
    // SAFETY: the result pointer is valid.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return None;
    }
    let mut found = None;
    let mut next: *mut libc::ifaddrs = list;
    while !next.is_null() && found.is_none() {
        // SAFETY: a non-null entry of the list that getifaddrs made and we have not freed.
        let entry = unsafe { &*next };
        // SAFETY: ifa_name is a NUL-terminated string that lives as long as the list.
        let same = unsafe { CStr::from_ptr(entry.ifa_name) }.to_bytes() == name.as_bytes();
        // SAFETY: ifa_addr is null or points to a sockaddr.
        if same && !entry.ifa_addr.is_null()
            // SAFETY: just checked for null.
            && i32::from(unsafe { (*entry.ifa_addr).sa_family }) == wanted
        {
            // SAFETY: it points to a sockaddr of the family it names.
            found = unsafe { ip_of(entry.ifa_addr) };
        }
        next = entry.ifa_next;
    }
    // SAFETY: the list is getifaddrs' and nothing refers to it any more.
    unsafe { libc::freeifaddrs(list) };
    found
}

/// The index of a network interface, e.g. for an IPv6 scope.
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name is NUL-terminated.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// The name of the network interface with this index.
pub(crate) fn interface_name(index: u32) -> Option<String> {
    let mut buffer = [0 as libc::c_char; libc::IF_NAMESIZE];
    // SAFETY: the buffer has the size the call demands.
    if unsafe { libc::if_indextoname(index, buffer.as_mut_ptr()) }.is_null() {
        return None;
    }
    // SAFETY: the call succeeded, so the buffer holds a NUL-terminated name.
    let name = unsafe { CStr::from_ptr(buffer.as_ptr()) };
    name.to_str().ok().map(str::to_owned)
}

/// The context id of this machine among virtual ones; ENODEV if it has none.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn local_cid() -> io::Result<u32> {
    use std::os::fd::AsRawFd;
    /// linux/vm_sockets.h; libc lacks it.
    const IOCTL_VM_SOCKETS_GET_LOCAL_CID: libc::c_ulong = 0x7b9;
    let nodev = || io::Error::from_raw_os_error(libc::ENODEV);
    let device = std::fs::File::open("/dev/vsock").map_err(|_| nodev())?;
    let mut cid: u32 = 0;
    // SAFETY: the request writes one unsigned int.
    let result = unsafe {
        libc::ioctl(device.as_raw_fd(), IOCTL_VM_SOCKETS_GET_LOCAL_CID as _, &raw mut cid)
    };
    if result == -1 || cid == libc::VMADDR_CID_ANY { Err(nodev()) } else { Ok(cid) }
}

/// Makes a directory with a unique name and mode 0700 from a template that ends in XXXXXX.
pub(crate) fn make_temporary_directory(template: &str) -> io::Result<String> {
    let mut buffer = CString::new(template)
        .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?
        .into_bytes_with_nul();
    // SAFETY: the buffer is NUL-terminated and writable; mkdtemp keeps its length.
    if unsafe { libc::mkdtemp(buffer.as_mut_ptr().cast()) }.is_null() {
        return Err(io::Error::from_raw_os_error(errno::get()));
    }
    buffer.pop();
    String::from_utf8(buffer).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

/// # Safety
/// `address` is null or points to a sockaddr that is as long as its family demands.
unsafe fn ip_of(address: *const libc::sockaddr) -> Option<(IpAddr, u32)> {
    if address.is_null() {
        return None;
    }
    // SAFETY: not null, and every sockaddr has a family.
    match i32::from(unsafe { (*address).sa_family }) {
        libc::AF_INET => {
            // SAFETY: the family says that it is a sockaddr_in.
            let v4 = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            Some((Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)).into(), 0))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that it is a sockaddr_in6.
            let v6 = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some((Ipv6Addr::from(v6.sin6_addr.s6_addr).into(), v6.sin6_scope_id))
        }
        _ => None,
    }
}

/// The scope as the system prints it behind an address: a name where the scope is a link.
pub(crate) fn scope_suffix(address: &SocketAddrV6) -> String {
    if address.scope_id() == 0 {
        return String::new();
    }
    let [first, second, ..] = address.ip().octets();
    let unicast_link = first == 0xfe && second & 0xc0 == 0x80;
    let multicast_link = first == 0xff && second & 0x0f == 0x02;
    let name = (unicast_link || multicast_link).then(|| interface_name(address.scope_id()));
    match name.flatten() {
        Some(name) => format!("%{name}"),
        None => format!("%{}", address.scope_id()),
    }
}
