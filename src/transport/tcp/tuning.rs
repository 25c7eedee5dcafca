//! The socket options of tcp connections, in the order libzmq users know them from
//! zmq_setsockopt(3). Called by `dialer` and `listener`.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use crate::options::SocketOptions;
use crate::sys::fd::OwnedFd;
use crate::sys::{net, sockopt};

/// What a dialer keeps of the options.
#[derive(Clone, Debug)]
pub(in crate::transport) struct Tuning {
    tos: i32,
    priority: i32,
    sndbuf: i32,
    rcvbuf: i32,
    busy_poll: i32,
    bound_device: Vec<u8>,
    keepalive: i32,
    keepalive_cnt: i32,
    keepalive_idle: i32,
    keepalive_intvl: i32,
    maxrt: i32,
    /// So few messages may wait that the kernel must not hide many more in its buffer.
    few: bool,
}

/// A send high water mark below this one is meant to be felt (see `pipe`, which counts exactly
/// below the same mark).
const FEW: i32 = 64;
/// What the kernel may then hold unsent, where it would take megabytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LITTLE_UNSENT: i32 = 32 * 1024;

impl Tuning {
    pub(in crate::transport) fn new(options: &SocketOptions) -> Tuning {
        Tuning {
            tos: options.tos,
            priority: options.priority,
            sndbuf: options.sndbuf,
            rcvbuf: options.rcvbuf,
            busy_poll: options.busy_poll,
            bound_device: options.bound_device.clone(),
            keepalive: options.tcp_keepalive,
            keepalive_cnt: options.tcp_keepalive_cnt,
            keepalive_idle: options.tcp_keepalive_idle,
            keepalive_intvl: options.tcp_keepalive_intvl,
            maxrt: options.tcp_maxrt,
            few: (1..FEW).contains(&options.sndhwm),
        }
    }

    /// A socket for connecting from or listening at an address of that family.
    pub(in crate::transport) fn open(&self, address: &SocketAddr) -> io::Result<OwnedFd> {
        let family = if address.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET };
        let socket = net::socket(family, libc::SOCK_STREAM, libc::IPPROTO_TCP)?;
        let fd = socket.as_fd();
        if address.is_ipv6() {
            // One socket for both kinds of addresses, whatever the system's default.
            sockopt::set(fd, sockopt::IPV6_ONLY, 0)?;
        }
        self.prefer(fd, address.is_ipv6());
        if !self.bound_device.is_empty() {
            sockopt::bind_to_device(fd, &self.bound_device)?;
        }
        for (option, value) in
            [(sockopt::SEND_BUFFER, self.sndbuf), (sockopt::RECEIVE_BUFFER, self.rcvbuf)]
        {
            if value >= 0 {
                advise(fd, option, value);
            }
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if self.busy_poll > 0 {
            advise(fd, sockopt::BUSY_POLL, self.busy_poll);
        }
        Ok(socket)
    }

    /// Type of service and priority, which an accepted connection does not inherit everywhere.
    pub(super) fn prefer(&self, fd: BorrowedFd<'_>, ipv6: bool) {
        if self.tos != 0 {
            advise(fd, sockopt::TYPE_OF_SERVICE, self.tos);
            if ipv6 {
                advise(fd, sockopt::TRAFFIC_CLASS, self.tos);
            }
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if self.priority != 0 {
            advise(fd, sockopt::PRIORITY, self.priority);
        }
    }

    /// What a connection gets once it stands: no Nagle (batching is ours), keepalives, maxrt.
    pub(in crate::transport) fn connected(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        sockopt::set(fd, sockopt::NO_DELAY, 1)?;
        if self.keepalive != -1 {
            sockopt::set(fd, sockopt::KEEPALIVE, self.keepalive)?;
            for (option, value) in [
                (sockopt::KEEPALIVE_COUNT, self.keepalive_cnt),
                (sockopt::KEEPALIVE_IDLE, self.keepalive_idle),
                (sockopt::KEEPALIVE_INTERVAL, self.keepalive_intvl),
            ] {
                if value != -1 {
                    sockopt::set(fd, option, value)?;
                }
            }
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if self.maxrt > 0 {
            sockopt::set(fd, sockopt::USER_TIMEOUT, self.maxrt)?;
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if self.few {
            advise(fd, sockopt::UNSENT_LOW_WATER, LITTLE_UNSENT);
        }
        Ok(())
    }
}

/// Sets an option that only makes a connection better: one that the kernel denies (a priority
/// without the right to it, say) is no reason to have no connection.
fn advise(fd: BorrowedFd<'_>, option: sockopt::SocketOption, value: i32) {
    let _ = sockopt::set(fd, option, value);
}
