//! A transport that breaks on demand, for the tests of the runtime.

use std::io::{self, IoSlice};
use std::os::fd::{BorrowedFd, RawFd};
use std::panic::resume_unwind;

use crate::options::SocketOptions;
use crate::sys::lock::Mutex;
use crate::sys::net;
use crate::transport::stream::Layer;
use crate::transport::{Accept, Listener, testing};

/// A tcp listener on whose connections a read panics when it brings `TRIGGER`.
pub(crate) struct Brittle(Box<dyn Listener>);

impl Brittle {
    pub(crate) const TRIGGER: &'static [u8] = b"this breaks it";

    pub(crate) fn listen(endpoint: &str, options: &SocketOptions) -> Brittle {
        Brittle(testing::listen(endpoint, options).unwrap())
    }

    /// Where to connect.
    pub(crate) fn address(&self) -> String {
        self.0.endpoint().trim_start_matches("tcp://").to_owned()
    }
}

impl Listener for Brittle {
    fn endpoint(&self) -> String {
        self.0.endpoint()
    }

    fn descriptor(&self) -> RawFd {
        self.0.descriptor()
    }

    fn accept(&self, options: &SocketOptions) -> io::Result<Accept> {
        Ok(match self.0.accept(options)? {
            Accept::Stream(stream) => Accept::Stream(stream.layered(Box::new(Mutex::new(Glass)))),
            refused => refused,
        })
    }

    fn close(self: Box<Self>) {
        self.0.close();
    }
}

struct Glass;

impl Layer for Glass {
    fn read(&mut self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        let count = net::receive(fd, buffer)?;
        if buffer[..count].windows(Brittle::TRIGGER.len()).any(|part| part == Brittle::TRIGGER) {
            // A panic that prints nothing.
            resume_unwind(Box::new(()));
        }
        Ok(count)
    }

    fn write(&mut self, fd: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        net::send_vectored(fd, buffers)
    }
}
