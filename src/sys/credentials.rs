//! Who is at the other end of a unix socket: SO_PEERCRED, getpwuid(3), getgrgid(3).

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use super::sockopt;

/// Process, user and group of the peer when it connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) pid: i32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn peer(socket: BorrowedFd<'_>) -> Option<Credentials> {
    let found: Option<libc::ucred> =
        sockopt::structure(socket, libc::SOL_SOCKET, libc::SO_PEERCRED).ok()?;
    found.map(|found| Credentials { pid: found.pid, uid: found.uid, gid: found.gid })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn peer(_socket: BorrowedFd<'_>) -> Option<Credentials> {
    None
}

/// Whether the user database lists the user as a member of the group.
pub(crate) fn is_member(uid: u32, gid: u32) -> bool {
    let Some(user) = user_name(uid) else { return false };
    let mut buffer = vec![0u8; BUFFER];
    loop {
        // SAFETY: group is plain old data.
        let mut group: libc::group = unsafe { std::mem::zeroed() };
        let mut found = std::ptr::null_mut();
        // SAFETY: all pointers are valid and the buffer is valid for its length.
        let code = unsafe {
            libc::getgrgid_r(
                gid,
                &raw mut group,
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                &raw mut found,
            )
        };
        if code == libc::ERANGE && buffer.len() < BUFFER_MAX {
            buffer.resize(buffer.len() * 4, 0);
            continue;
        }
        if code != 0 || found.is_null() {
            return false;
        }
        let mut member = group.gr_mem;
        loop {
            // SAFETY: gr_mem is a null-terminated array of strings inside the buffer.
            let name = unsafe { *member };
            if name.is_null() {
                return false;
            }
            // SAFETY: a NUL-terminated string inside the buffer.
            if unsafe { CStr::from_ptr(name) }.to_bytes() == user {
                return true;
            }
            // SAFETY: the terminating null was not reached yet.
            member = unsafe { member.add(1) };
        }
    }
}

fn user_name(uid: u32) -> Option<Vec<u8>> {
    let mut buffer = vec![0u8; BUFFER];
    loop {
        // SAFETY: passwd is plain old data.
        let mut user: libc::passwd = unsafe { std::mem::zeroed() };
        let mut found = std::ptr::null_mut();
        // SAFETY: all pointers are valid and the buffer is valid for its length.
        let code = unsafe {
            libc::getpwuid_r(
                uid,
                &raw mut user,
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                &raw mut found,
            )
        };
        if code == libc::ERANGE && buffer.len() < BUFFER_MAX {
            buffer.resize(buffer.len() * 4, 0);
            continue;
        }
        if code != 0 || found.is_null() {
            return None;
        }
        // SAFETY: pw_name is a NUL-terminated string inside the buffer.
        return Some(unsafe { CStr::from_ptr(user.pw_name) }.to_bytes().to_vec());
    }
}

/// Groups with many members need more than the usual.
const BUFFER: usize = 4096;
const BUFFER_MAX: usize = 1 << 20;
