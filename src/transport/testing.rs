//! What the tests of transports share.

use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::options::{ContextOptions, SocketOptions};
use crate::patterns::SocketType;
use crate::sys::fd::OwnedFd;
use crate::sys::{PollFd, poll};
use crate::transport::{Accept, Dial, Dialer, Listener, Stream, Waker, find};

pub(super) fn options() -> SocketOptions {
    SocketOptions::new(SocketType::Pair, &ContextOptions::default())
}

pub(super) fn listen(endpoint: &str, options: &SocketOptions) -> Result<Box<dyn Listener>> {
    let endpoint = Endpoint::parse(endpoint).unwrap();
    find(endpoint.scheme).unwrap().listen(endpoint.address, options)
}

/// A connection to a bare descriptor.
pub(crate) fn plain() -> (Stream, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    (Stream::new(OwnedFd::from(std::os::fd::OwnedFd::from(near)), "test"), far)
}

/// Waits for a peer and takes it.
pub(super) fn accept(listener: &dyn Listener, options: &SocketOptions) -> Stream {
    let mut items = [PollFd::new(listener.descriptor(), libc::POLLIN)];
    assert_eq!(poll(&mut items, Some(Duration::from_secs(5))).unwrap(), 1, "nobody came");
    match listener.accept(options).unwrap() {
        Accept::Stream(stream) => stream,
        Accept::Refused => panic!("refused"),
    }
}

/// One whole round.
pub(super) fn connect(endpoint: &str, options: &SocketOptions) -> Result<Stream> {
    let endpoint = Endpoint::parse(endpoint).unwrap();
    let mut dialer = find(endpoint.scheme).unwrap().dialer(endpoint.address, options)?;
    let (sender, receiver) = mpsc::channel();
    let mut dial = dialer.start(Box::new(move || sender.send(()).unwrap_or_default()));
    if let Dial::Resolving = dial {
        receiver.recv_timeout(Duration::from_secs(20)).unwrap();
        dial = dialer.poll();
    }
    await_dial(&mut *dialer, dial)
}

/// The rest of a round once the name is known.
pub(super) fn await_dial(dialer: &mut dyn Dialer, mut dial: Dial) -> Result<Stream> {
    loop {
        match dial {
            Dial::Done(stream) => return Ok(stream),
            Dial::Failed(error) => return Err(error),
            Dial::Connecting(descriptor) => {
                let mut items = [PollFd::new(descriptor, libc::POLLOUT)];
                assert_eq!(poll(&mut items, Some(Duration::from_secs(10))).unwrap(), 1);
            }
            Dial::Negotiating(descriptor) => {
                let mut items = [PollFd::new(descriptor, libc::POLLIN)];
                assert_eq!(poll(&mut items, Some(Duration::from_secs(10))).unwrap(), 1);
            }
            Dial::Resolving => panic!("no name to resolve"),
        }
        dial = dialer.poll();
    }
}

/// A waker for dialers that have no name to look up.
pub(super) fn nothing() -> Waker {
    Box::new(|| {})
}
