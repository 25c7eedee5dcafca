//! A connected byte stream: what listeners accept and dialers make, and engines speak on. Driven by
//! `runtime::connection`.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use crate::sys::fd::OwnedFd;
use crate::sys::lock::Mutex;
use crate::sys::{credentials, net, pages, pieces, sockopt, tcp};
use crate::transport::{address, ipc};
#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::transport::{tipc, vsock};

/// Owns its descriptor: non-blocking, close-on-exec, never one of the standard streams. Every
/// method may be called from any thread; an error means that the connection is lost unless it is
/// WouldBlock.
pub(crate) struct Stream {
    fd: OwnedFd,
    /// How its endpoints are written.
    scheme: &'static str,
    /// As far as accepting or connecting told, until the connection is established.
    known: Option<Box<Sides>>,
    /// What stands between the bytes of the descriptor and those of the session.
    layer: Option<Box<Mutex<dyn Layer>>>,
}

/// The addresses of both sides.
struct Sides {
    local: Option<SocketAddr>,
    peer: Option<SocketAddr>,
}

/// A protocol below ours on the same connection. What the descriptor tells holds for the stream
/// all the same: a read that finds less than it has room for left nothing behind unless it says so
/// by `left_early`, and after a write that would block the descriptor becomes writable.
///
/// It has a handshake of its own, answers pings of its own, and makes such of the PING commands that are written, even
/// where all other frames are encrypted, and an answer nobody asked for of the command LIVE.
///
/// A peer that breaks the layer's protocol is an error of the kind `InvalidData`, and one that wants
/// to be asked again later is of the kind `ConnectionRefused`, neither with an errno.
pub(super) trait Layer: Send {
    fn read(&mut self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize>;
    fn write(&mut self, fd: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Whether it has more for a reader than it has given, of which the descriptor does not tell.
    fn holds(&mut self) -> bool {
        false
    }
    /// Whether the last read ended before it had to, as much came that is nothing for a reader: others want
    /// to have their turn.
    fn left_early(&self) -> bool {
        false
    }
    /// Whether something came by the last read, which may all have been for the layer: a sign of life.
    fn heard(&self) -> bool {
        false
    }
    /// Whether it has something of its own to say that the descriptor had no room for. It goes on with the next
    /// write, be it of nothing.
    fn owes(&self) -> bool {
        false
    }
    /// The handshake above is over: the peer is no stranger any more.
    fn settle(&mut self) {}
    /// Whether the peer has pinged since this was last asked. It was answered; but only who reads answers, and a
    /// peer that pings must hear of who does not.
    fn pinged(&mut self) -> bool {
        false
    }
}

impl Stream {
    pub(super) fn new(fd: OwnedFd, scheme: &'static str) -> Stream {
        Stream { fd, scheme, known: None, layer: None }
    }

    /// One that was accepted from this address.
    pub(super) fn accepted(fd: OwnedFd, scheme: &'static str, peer: Option<SocketAddr>) -> Stream {
        Stream::connected(fd, scheme, None, peer)
    }

    /// One that was connected, between these addresses.
    pub(super) fn connected(
        fd: OwnedFd,
        scheme: &'static str,
        local: Option<SocketAddr>,
        peer: Option<SocketAddr>,
    ) -> Stream {
        let known = Some(Box::new(Sides { local, peer }));
        Stream { known, ..Stream::new(fd, scheme) }
    }

    /// The same connection, spoken through a layer.
    pub(super) fn layered(self, layer: Box<Mutex<dyn Layer>>) -> Stream {
        Stream { layer: Some(layer), ..self }
    }

    /// The connection is established, and hardly anybody asks for its addresses any more: the kernel
    /// knows them, too.
    pub(crate) fn settle(&mut self) {
        self.known = None;
        if let Some(layer) = &self.layer {
            layer.lock().settle();
        }
    }

    fn peer(&self) -> Option<&SocketAddr> {
        self.known.as_ref()?.peer.as_ref()
    }

    /// Whether the bytes of the descriptor are those of the stream. If not, everybody must use the
    /// methods, and a stream of which less was read than there is has more without the descriptor
    /// being readable.
    pub(crate) fn is_direct(&self) -> bool {
        self.layer.is_none()
    }

    /// Whether there is something to read of which the descriptor does not tell.
    pub(crate) fn holds(&self) -> bool {
        self.layer.as_ref().is_some_and(|layer| layer.lock().holds())
    }

    /// Whether the last read may have left something behind although it found less than it had room for.
    pub(crate) fn left_early(&self) -> bool {
        self.layer.as_ref().is_some_and(|layer| layer.lock().left_early())
    }

    /// Whether something came by the last read, even if it gave nothing.
    pub(crate) fn heard(&self) -> bool {
        self.layer.as_ref().is_some_and(|layer| layer.lock().heard())
    }

    /// Whether the peer has pinged below, since this was last asked, and was answered there.
    pub(crate) fn pinged(&self) -> bool {
        self.layer.as_ref().is_some_and(|layer| layer.lock().pinged())
    }

    /// Whether the layer waits for room: to be told when there is some, by `go_on`.
    pub(crate) fn owes(&self) -> bool {
        self.layer.as_ref().is_some_and(|layer| layer.lock().owes())
    }

    /// The descriptor takes more: what the layer has to say of its own goes on, as nobody above may have anything
    /// to write.
    pub(crate) fn go_on(&self) -> io::Result<()> {
        let Some(layer) = &self.layer else { return Ok(()) };
        let mut layer = layer.lock();
        if !layer.owes() {
            return Ok(());
        }
        match layer.write(self.fd.as_fd(), &[]) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Asks not to be told of less than this many bytes (or the end): a large body comes in many
    /// pieces, and each would wake the reader. Where it cannot be had, every piece does.
    pub(crate) fn expect(&self, bytes: usize) {
        if self.layer.is_none() && self.scheme == "tcp" {
            let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
            let _ = sockopt::set(self.fd.as_fd(), sockopt::RECEIVE_LOW_WATER, bytes);
        }
    }

    /// 0 is the end of the stream.
    #[inline]
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.layer {
            None => net::receive(self.fd.as_fd(), buffer),
            Some(layer) => layer.lock().read(self.fd.as_fd(), buffer),
        }
    }

    /// 0 is the end of the stream.
    pub(crate) fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match &self.layer {
            None => net::receive_vectored(self.fd.as_fd(), buffers),
            // One buffer after the other: less than there is room for must mean that there was no more.
            Some(layer) => {
                let mut layer = layer.lock();
                let mut total = 0;
                for buffer in buffers.iter_mut().filter(|buffer| !buffer.is_empty()) {
                    let count = match layer.read(self.fd.as_fd(), buffer) {
                        // It will be said again.
                        Err(_) if total > 0 => break,
                        result => result?,
                    };
                    total += count;
                    if count < buffer.len() {
                        break;
                    }
                }
                Ok(total)
            }
        }
    }

    /// How many bytes the connection has taken.
    #[inline]
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.layer {
            None => net::send(self.fd.as_fd(), bytes),
            Some(layer) => layer.lock().write(self.fd.as_fd(), &[IoSlice::new(bytes)]),
        }
    }

    /// The same for several pieces at once.
    pub(crate) fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.layer {
            None => pages::writing(buffers, || match self.scheme {
                "ipc" => pieces::send(self.fd.as_fd(), buffers),
                _ => net::send_vectored(self.fd.as_fd(), buffers),
            }),
            Some(layer) => layer.lock().write(self.fd.as_fd(), buffers),
        }
    }

    /// What the peer's system has not acknowledged; `None` if it has all, or is not asked.
    pub(crate) fn unacknowledged(&self) -> Option<tcp::Unacknowledged> {
        tcp::unacknowledged(self.fd.as_fd())
    }

    /// Says to the peer that nothing follows. What comes can still be read.
    pub(crate) fn finish_sending(&self) -> io::Result<()> {
        tcp::finish_sending(self.fd.as_fd())
    }

    /// Throws away some of what came; 0 is the end of the stream. Only for tcp.
    pub(crate) fn discard(&self) -> io::Result<usize> {
        tcp::discard(self.fd.as_fd(), 1 << 20)
    }

    /// The `Peer-Address` property of zmq_msg_gets(3): the ip address, or for a unix socket
    /// `localhost:uid:gid:pid`. Empty if the peer is gone already.
    pub(crate) fn peer_address(&self) -> String {
        if let Some(ip) = self.peer() {
            return address::host(ip);
        }
        let Ok(peer) = net::peer_address(self.fd.as_fd()) else { return String::new() };
        if let Some(ip) = peer.ip() {
            return address::host(&ip);
        }
        match credentials::peer(self.fd.as_fd()) {
            _ if peer.family() != libc::AF_UNIX => String::new(),
            Some(who) => format!("localhost:{}:{}:{}", who.uid, who.gid, who.pid),
            None => String::from("localhost"),
        }
    }

    /// Our side as an endpoint, for monitor events.
    pub(crate) fn local_endpoint(&self) -> String {
        if let Some(ip) = self.known.as_ref().and_then(|known| known.local.as_ref()) {
            return address::endpoint(self.scheme, ip);
        }
        self.endpoint(net::local_address(self.fd.as_fd()))
    }

    /// The other side as an endpoint, for monitor events. Empty if the peer is gone already.
    pub(crate) fn remote_endpoint(&self) -> String {
        if let Some(ip) = self.peer() {
            return address::endpoint(self.scheme, ip);
        }
        self.endpoint(net::peer_address(self.fd.as_fd()))
    }

    fn endpoint(&self, address: io::Result<net::Address>) -> String {
        let Ok(address) = address else { return String::new() };
        if let Some(ip) = address.ip() {
            return address::endpoint(self.scheme, &ip);
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(endpoint) =
            vsock::endpoint(self.scheme, &address).or_else(|| tipc::endpoint(&address))
        {
            return endpoint;
        }
        address.unix_name().map(|name| ipc::endpoint(&name)).unwrap_or_default()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("fd", &self.fd).field("scheme", &self.scheme).finish()
    }
}
