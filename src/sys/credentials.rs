//! Who is at the other end of a unix socket: SO_PEERCRED, getpwuid(3), getgrgid(3). Called by the
//! ipc transport.

use std::ffi::{CStr, c_char, c_int};
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
    // SAFETY: group is plain old data.
    let mut group: libc::group = unsafe { std::mem::zeroed() };
    let found = look_up(&mut buffer, |place, size| {
        let mut found = std::ptr::null_mut();
        // SAFETY: all pointers are valid, and the buffer for its size.
        let code = unsafe { libc::getgrgid_r(gid, &raw mut group, place, size, &raw mut found) };
        (code, !found.is_null())
    });
    if !found {
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

fn user_name(uid: u32) -> Option<Vec<u8>> {
    let mut buffer = vec![0u8; BUFFER];
    // SAFETY: passwd is plain old data.
    let mut user: libc::passwd = unsafe { std::mem::zeroed() };
    let found = look_up(&mut buffer, |place, size| {
        let mut found = std::ptr::null_mut();
        // SAFETY: all pointers are valid, and the buffer for its size.
        let code = unsafe { libc::getpwuid_r(uid, &raw mut user, place, size, &raw mut found) };
        (code, !found.is_null())
    });
    // SAFETY: pw_name is a NUL-terminated string inside the buffer.
    found.then(|| unsafe { CStr::from_ptr(user.pw_name) }.to_bytes().to_vec())
}

/// Asks a database with a buffer that grows until the entry fits. The question gives the error
/// number and whether there is an entry; the entry points into the buffer.
fn look_up(buffer: &mut Vec<u8>, mut ask: impl FnMut(*mut c_char, usize) -> (c_int, bool)) -> bool {
    loop {
        let (code, found) = ask(buffer.as_mut_ptr().cast(), buffer.len());
        if code == libc::ERANGE && buffer.len() < BUFFER_MAX {
            buffer.resize(buffer.len() * 4, 0);
            continue;
        }
        return code == 0 && found;
    }
}

/// Groups with many members need more than the usual.
const BUFFER: usize = 4096;
const BUFFER_MAX: usize = 1 << 20;
