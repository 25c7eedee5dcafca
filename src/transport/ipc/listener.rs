//! Listens at a unix socket.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::{fs, io};

use super::file::{SocketFile, TemporaryDirectory};
use super::{endpoint, parse};
use crate::error::Result;
use crate::options::SocketOptions;
use crate::sys::fd::{self, OwnedFd};
use crate::sys::{credentials, net};
use crate::transport::{Accept, Listener, Stream};

/// See the head of this file.
pub(super) struct IpcListener {
    /// `None` for an abstract name and for a socket the application made. Dropped before the socket, which keeps
    /// the number of its inode: without it, the next file has that number, and would pass for ours.
    _file: Option<SocketFile>,
    socket: OwnedFd,
    endpoint: String,
}

impl IpcListener {
    /// Binds the path, and takes the place of a file that is there.
    pub(super) fn listen(address: &str, options: &SocketOptions) -> Result<IpcListener> {
        if options.use_fd != -1 {
            let name = parse(address)?.unix_name().unwrap_or_default();
            let socket = fd::inherit(options.use_fd)?;
            fd::set_nonblocking(socket.as_fd())?;
            return Ok(IpcListener { _file: None, socket, endpoint: endpoint(&name) });
        }
        if address.starts_with('*') {
            // Removed again by its drop if anything below fails.
            let directory = TemporaryDirectory::make()?;
            let address = format!("{}/socket", directory.path());
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
        Ok(IpcListener { _file: file, socket, endpoint: endpoint(&name) })
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
