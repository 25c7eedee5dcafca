//! The OpenPGM library, loaded when the first socket asks for it.
//!
//! `libpgm-5.3.so.0` speaks Pragmatic General Multicast (RFC 3208), on raw IP or in UDP datagrams,
//! on the thread that calls it. Here is what a one-way stream of packets needs of `pgm/socket.h`,
//! behind a type that owns what it opens and hands out no pointers. A machine without the library
//! runs everything but pgm. Called by `transport::multicast::pgm`.

mod library;

use std::ffi::{CStr, c_int};
use std::os::fd::RawFd;
use std::ptr::{null, null_mut};
use std::time::Duration;

pub(crate) use self::library::SenderId;
use self::library::*;
use crate::error::{Error, Result};

/// Whether the library is there.
pub(crate) fn is_available() -> bool {
    functions().is_ok()
}

/// How a socket is opened.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    /// `interface;receive groups;send group` as OpenPGM knows it.
    pub(crate) network: &'a CStr,
    pub(crate) port: u16,
    /// PGM in UDP datagrams.
    pub(crate) udp: bool,
    pub(crate) sends: bool,
    /// Something random that no other sender has.
    pub(crate) host: [u8; 6],
    /// Bytes of the largest packet.
    pub(crate) mtu: i32,
    pub(crate) hops: i32,
    /// Bytes a second.
    pub(crate) rate: i32,
    /// Packets that are kept for repairs.
    pub(crate) window: i32,
    pub(crate) send_buffer: Option<i32>,
    pub(crate) receive_buffer: Option<i32>,
}

/// What came of an attempt to send or to receive.
#[derive(Debug)]
pub(crate) enum Status<T> {
    Done(T),
    /// Again when a descriptor is ready, or at the latest after the time.
    Later(Option<Duration>),
    /// Packets of this sender are lost for good.
    Lost(SenderId),
}

/// An open socket, of a sender or a receiver.
pub(crate) struct Socket {
    functions: &'static Functions,
    socket: *mut Opaque,
}

// SAFETY: OpenPGM's sockets are locked by its functions and belong to no thread.
unsafe impl Send for Socket {}

/// Addresses that the library allocated.
struct Addresses(&'static Functions, *mut AddressInfo);

impl Drop for Addresses {
    fn drop(&mut self) {
        // SAFETY: they are the library's and freed once.
        unsafe { (self.0.pgm_freeaddrinfo)(self.1) };
    }
}

impl Socket {
    /// Opens a socket and joins its groups. PROTONOSUPPORT without the library, and INVAL for
    /// whatever else fails, as in libzmq.
    pub(crate) fn open(settings: &Settings<'_>) -> Result<Socket> {
        let functions = functions()?;
        let mut info = null_mut();
        // SAFETY: the network is NUL-terminated; the results go to `info`.
        let found = checked(functions, |failure| unsafe {
            (functions.pgm_getaddrinfo)(settings.network.as_ptr(), null(), &raw mut info, failure)
        });
        if !found || info.is_null() {
            return Err(Error::INVAL);
        }
        let addresses = Addresses(functions, info);
        // SAFETY: the library filled in its counts and arrays, which live as long as `addresses`.
        let (receive, send) = unsafe {
            let info = &*addresses.1;
            if info.receive_count == 0 || info.send_count == 0 {
                return Err(Error::INVAL);
            }
            (std::slice::from_raw_parts(info.receive, info.receive_count as usize), &*info.send)
        };
        let family = send.group.ss_family;
        let protocol = if settings.udp { libc::IPPROTO_UDP } else { PGM };
        let mut socket = null_mut();
        // SAFETY: the new socket goes to `socket`.
        let opened = checked(functions, |failure| unsafe {
            (functions.pgm_socket)(&raw mut socket, family, libc::SOCK_SEQPACKET, protocol, failure)
        });
        if !opened || socket.is_null() {
            return Err(Error::INVAL);
        }
        // From here on dropping it closes it.
        let this = Socket { functions, socket };
        let done = this.configure(settings)
            && this.bind(settings, family, &receive[0])
            && receive.iter().all(|group| this.set_group(JOIN_GROUP, group))
            && this.set_group(SEND_GROUP, send)
            && this.configure_ip(settings, family)
            // SAFETY: the socket is valid.
            && checked(functions, |failure| unsafe { (functions.pgm_connect)(socket, failure) });
        if done { Ok(this) } else { Err(Error::INVAL) }
    }

    fn configure(&self, settings: &Settings<'_>) -> bool {
        let &Settings { port, udp, sends, mtu, rate, window, .. } = settings;
        let mut done = !udp
            || self.set(UDP_UNICAST_PORT, &[port.into()])
                && self.set(UDP_MULTICAST_PORT, &[port.into()]);
        for (option, value) in
            [(libc::SO_RCVBUF, settings.receive_buffer), (libc::SO_SNDBUF, settings.send_buffer)]
        {
            done &= value.is_none_or(|value| self.set_at(libc::SOL_SOCKET, option, &[value]));
        }
        done &= self.set(MTU, &[mtu]);
        // Times are in microseconds, and those of libzmq.
        const MS: i32 = 1000;
        const S: i32 = 1000 * MS;
        let heartbeats =
            [100 * MS, 100 * MS, 100 * MS, 100 * MS, 1300 * MS, 7 * S, 16 * S, 25 * S, 30 * S];
        let options: &[(c_int, &[i32])] = if sends {
            &[
                (SEND_ONLY, &[1]),
                (SEND_RATE, &[rate]),
                (SEND_WINDOW, &[window]),
                (AMBIENT_SPM, &[30 * S]),
                (HEARTBEAT_SPM, &heartbeats),
            ]
        } else {
            &[
                (RECEIVE_ONLY, &[1]),
                (RECEIVE_WINDOW, &[window]),
                (PEER_EXPIRY, &[300 * S]),
                (SPMR_EXPIRY, &[25 * MS]),
                (NAK_BACKOFF, &[50 * MS]),
                (NAK_REPEAT, &[200 * MS]),
                (NAK_DATA, &[200 * MS]),
                (NAK_DATA_RETRIES, &[50]),
                (NAK_CONFIRM_RETRIES, &[50]),
            ]
        };
        done && options.iter().all(|(option, values)| self.set(*option, values))
    }

    fn bind(
        &self,
        settings: &Settings<'_>,
        family: libc::sa_family_t,
        first: &GroupRequest,
    ) -> bool {
        let address = SocketAddress {
            port: settings.port,
            sender: SenderId { host: settings.host, port: 0 },
        };
        // SAFETY: plain old data.
        let mut interface: InterfaceRequest = unsafe { std::mem::zeroed() };
        interface.interface = first.interface;
        if i32::from(family) == libc::AF_INET6 {
            // SAFETY: an address of that family has that form, and the storage is large enough.
            let group = unsafe { &*(&raw const first.group).cast::<libc::sockaddr_in6>() };
            interface.scope = group.sin6_scope_id;
        }
        let size = size_of::<InterfaceRequest>() as libc::socklen_t;
        let address_size = size_of::<SocketAddress>() as libc::socklen_t;
        // SAFETY: the socket is valid, the structures are the library's.
        checked(self.functions, |failure| unsafe {
            (self.functions.pgm_bind3)(
                self.socket,
                &raw const address,
                address_size,
                &raw const interface,
                size,
                &raw const interface,
                size,
                failure,
            )
        })
    }

    fn configure_ip(&self, settings: &Settings<'_>, family: libc::sa_family_t) -> bool {
        if i32::from(family) != libc::AF_INET6 {
            // Expedited forwarding, where the system lets us.
            self.set(TYPE_OF_SERVICE, &[0x2e << 2]);
        }
        self.set(MULTICAST_LOOP, &[0])
            && self.set(MULTICAST_HOPS, &[settings.hops])
            && self.set(NONBLOCKING, &[1])
    }

    fn set(&self, option: c_int, values: &[i32]) -> bool {
        self.set_at(PGM, option, values)
    }

    fn set_at(&self, level: c_int, option: c_int, values: &[i32]) -> bool {
        let size = size_of_val(values) as libc::socklen_t;
        // SAFETY: the socket is valid, and so is the value of this size.
        unsafe {
            (self.functions.pgm_setsockopt)(
                self.socket,
                level,
                option,
                values.as_ptr().cast(),
                size,
            )
        }
    }

    fn set_group(&self, option: c_int, group: &GroupRequest) -> bool {
        let value = (&raw const *group).cast();
        // SAFETY: the socket is valid; the value begins with a `group_req`.
        unsafe {
            (self.functions.pgm_setsockopt)(self.socket, PGM, option, value, GROUP_REQUEST_SIZE)
        }
    }

    fn int(&self, option: c_int) -> Option<i32> {
        let mut value = 0;
        let mut size = size_of::<c_int>() as libc::socklen_t;
        // SAFETY: the socket is valid, and there is room for the option, an int.
        let done = unsafe {
            let to = (&raw mut value).cast();
            (self.functions.pgm_getsockopt)(self.socket, PGM, option, to, &raw mut size)
        };
        done.then_some(value)
    }

    fn remaining(&self, option: c_int) -> Duration {
        let mut time = libc::timeval { tv_sec: 0, tv_usec: 0 };
        let mut size = size_of::<libc::timeval>() as libc::socklen_t;
        // SAFETY: the socket is valid, and there is room for the option, a timeval.
        unsafe {
            let to = (&raw mut time).cast();
            (self.functions.pgm_getsockopt)(self.socket, PGM, option, to, &raw mut size)
        };
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let micros = u64::try_from(time.tv_usec).unwrap_or(0);
        Duration::from_secs(seconds) + Duration::from_micros(micros)
    }

    /// What to watch; a sender's first is to be written to.
    pub(crate) fn descriptors(&self, sends: bool) -> Vec<RawFd> {
        let options: &[c_int] = if sends {
            &[SEND_SOCKET, RECEIVE_SOCKET, REPAIR_SOCKET, PENDING_SOCKET]
        } else {
            &[RECEIVE_SOCKET, PENDING_SOCKET]
        };
        options.iter().filter_map(|&option| self.int(option)).collect()
    }

    /// The largest packet of data.
    pub(crate) fn packet_size(&self) -> usize {
        self.int(MSS).and_then(|size| usize::try_from(size).ok()).unwrap_or(0)
    }

    /// Sends a packet, all of it or nothing.
    pub(crate) fn send(&mut self, packet: &[u8]) -> Status<()> {
        let mut sent = 0;
        // SAFETY: the socket is valid, the packet too.
        let status = unsafe {
            let data = packet.as_ptr().cast();
            (self.functions.pgm_send)(self.socket, data, packet.len(), &raw mut sent)
        };
        match status {
            NORMAL => Status::Done(()),
            RATE_LIMITED => Status::Later(Some(self.remaining(RATE_REMAIN))),
            _ => Status::Later(None),
        }
    }

    /// Receives a packet, and does what the protocol has to do. A sender receives none.
    pub(crate) fn receive(&mut self, to: &mut Vec<u8>) -> Status<SenderId> {
        let mut fragments = Fragments { count: 0, packets: [null_mut(); 16] };
        let mut bytes = 0;
        let mut status = 0;
        // SAFETY: the socket is valid, and there is room for one message.
        checked(self.functions, |failure| unsafe {
            let (fragments, bytes) = (&raw mut fragments, &raw mut bytes);
            let flags = ERROR_QUEUE;
            status =
                (self.functions.pgm_recvmsgv)(self.socket, fragments, 1, flags, bytes, failure);
            true
        });
        let packets = fragments.packets.iter().take(fragments.count as usize);
        match status {
            NORMAL => {
                let mut sender = SenderId::default();
                to.clear();
                for &packet in packets {
                    // SAFETY: what was received is valid until the next call.
                    unsafe {
                        let packet = &*packet;
                        sender = packet.sender;
                        to.extend_from_slice(std::slice::from_raw_parts(
                            packet.data,
                            packet.length.into(),
                        ));
                    }
                }
                Status::Done(sender)
            }
            RESET => {
                let packet = fragments.packets[0];
                if packet.is_null() {
                    return Status::Later(None);
                }
                // SAFETY: the library made this packet for us, to read and to free.
                unsafe {
                    let sender = (*packet).sender;
                    (self.functions.pgm_free)(packet.cast());
                    Status::Lost(sender)
                }
            }
            TIMER_PENDING => Status::Later(Some(self.remaining(TIME_REMAIN))),
            RATE_LIMITED => Status::Later(Some(self.remaining(RATE_REMAIN))),
            _ => Status::Later(None),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: the socket is valid and not used afterwards. It says goodbye to the group.
        unsafe { (self.functions.pgm_close)(self.socket, true) };
    }
}

/// Calls a function that may make an error, and frees that.
fn checked(functions: &Functions, call: impl FnOnce(*mut *mut Failure) -> bool) -> bool {
    let mut failure = null_mut();
    let done = call(&raw mut failure);
    if !failure.is_null() {
        // SAFETY: the library allocated it.
        unsafe { (functions.pgm_error_free)(failure) };
    }
    done
}
