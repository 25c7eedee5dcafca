//! Listens at a unix socket and takes care of the file that stands for it.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::{endpoint, parse};
use crate::error::Result;
use crate::options::SocketOptions;
use crate::sys::fd::{self, OwnedFd};
use crate::sys::{credentials, fork, names, net};
use crate::transport::{Accept, Listener, Stream};

/// See the head of this file.
pub(super) struct IpcListener {
    socket: OwnedFd,
    endpoint: String,
    /// `None` for an abstract name and for a socket the application made. Dropped after the socket.
    _file: Option<SocketFile>,
}

impl IpcListener {
    /// Binds the path, and takes the place of a file that is there.
    pub(super) fn listen(address: &str, options: &SocketOptions) -> Result<IpcListener> {
        if options.use_fd != -1 {
            let name = parse(address)?.unix_name().unwrap_or_default();
            let socket = fd::inherit(options.use_fd)?;
            fd::set_nonblocking(socket.as_fd())?;
            return Ok(IpcListener { socket, endpoint: endpoint(&name), _file: None });
        }
        if address.starts_with('*') {
            // Removed again by its drop if anything below fails.
            let directory = TemporaryDirectory::make()?;
            let address = format!("{}/socket", directory.path);
            return IpcListener::open(&address, options, Some(directory));
        }
        IpcListener::open(address, options, None)
    }

    fn open(
        address: &str,
        options: &SocketOptions,
        directory: Option<TemporaryDirectory>,
    ) -> Result<IpcListener> {
        let parsed = parse(address)?;
        let has_file = !address.starts_with('@');
        if has_file {
            // What a program that ended without closing left behind, or a binding that is
            // overridden, libzmq's zmq_ipc(7). Anything that cannot be removed makes bind fail.
            let _ = fs::remove_file(address);
        }
        let socket = net::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
        net::bind(socket.as_fd(), &parsed)?;
        let file = if has_file { Some(SocketFile::bound(address, directory)) } else { None };
        net::listen(socket.as_fd(), options.backlog)?;
        let name = parsed.unix_name().unwrap_or_default();
        Ok(IpcListener { socket, endpoint: endpoint(&name), _file: file })
    }
}

impl Listener for IpcListener {
    fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    fn accept(&self, options: &SocketOptions) -> io::Result<Accept> {
        let (socket, _) = net::accept(self.socket.as_fd())?;
        if !is_welcome(&socket, options) {
            return Ok(Accept::Refused);
        }
        Ok(Accept::Stream(Stream::new(socket, "ipc")))
    }

    fn close(self: Box<Self>) {}
}

/// ZMQ_IPC_FILTER_UID, GID and PID: any one that fits is enough; a group fits also if the user is
/// listed as its member.
fn is_welcome(socket: &OwnedFd, options: &SocketOptions) -> bool {
    let (users, groups, processes) = (
        &options.ipc_uid_accept_filters,
        &options.ipc_gid_accept_filters,
        &options.ipc_pid_accept_filters,
    );
    if users.is_empty() && groups.is_empty() && processes.is_empty() {
        return true;
    }
    let Some(peer) = credentials::peer(socket.as_fd()) else { return false };
    users.contains(&peer.uid)
        || groups.contains(&peer.gid)
        || processes.contains(&peer.pid)
        || groups.iter().any(|&group| credentials::is_member(peer.uid, group))
}

/// The file of a bound socket, removed when the socket is closed. It is recognised by its inode:
/// another process may have bound the same path meanwhile, and its file is not ours to remove.
struct SocketFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
    /// A forked child closes its copy, but the file is the parent's.
    generation: u32,
    /// Dropped after the file is gone.
    _directory: Option<TemporaryDirectory>,
}

impl SocketFile {
    fn bound(address: &str, directory: Option<TemporaryDirectory>) -> SocketFile {
        // The program may change its working directory before it closes.
        let path = std::path::absolute(address).unwrap_or_else(|_| PathBuf::from(address));
        let identity = identity(&path);
        SocketFile { path, identity, generation: fork::generation(), _directory: directory }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.generation == fork::generation()
            && self.identity.is_some()
            && self.identity == identity(&self.path)
        {
            // It may be gone already, or the directory not writable any more.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|data| (data.dev(), data.ino()))
}

/// The directory a wildcard address lives in.
struct TemporaryDirectory {
    path: String,
    absolute: PathBuf,
    generation: u32,
}

impl TemporaryDirectory {
    /// In the first of the usual directories that is one, else in the working directory.
    fn make() -> Result<TemporaryDirectory> {
        let parent = ["TMPDIR", "TEMPDIR", "TMP"]
            .iter()
            .filter_map(|name| env::var(name).ok())
            .find(|path| Path::new(path).is_dir());
        let template = match parent {
            Some(parent) if parent.ends_with('/') => format!("{parent}tmpXXXXXX"),
            Some(parent) => format!("{parent}/tmpXXXXXX"),
            None => String::from("tmpXXXXXX"),
        };
        let path = names::make_temporary_directory(&template)?;
        let absolute = std::path::absolute(&path).unwrap_or_else(|_| PathBuf::from(&path));
        Ok(TemporaryDirectory { path, absolute, generation: fork::generation() })
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        if self.generation == fork::generation() {
            // Fails if the application put something there; then it stays.
            let _ = fs::remove_dir(&self.absolute);
        }
    }
}
