//! Another name for a file, that must not be another file's: renameat2(2). Called by `transport::ipc`.

use std::io;
use std::path::Path;

/// Fails if there is a file of the new name, and where the system or the file system cannot tell at once.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;

    let name = |path: &Path| {
        CString::new(path.as_os_str().as_bytes())
            .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
    };
    let (from, to) = (name(from)?, name(to)?);
    let here = libc::AT_FDCWD;
    // By its number: older C libraries have no function for it.
    // SAFETY: both names are NUL-terminated, and the call only reads them.
    let result = unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            here,
            from.as_ptr(),
            here,
            to.as_ptr(),
            libc::RENAME_NOREPLACE,
        )
    };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn rename_new(_from: &Path, _to: &Path) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}
