//! The descriptor by which an application's own loop hears of a socket (ZMQ_FD): an epoll with the bell of the
//! socket's mailbox in it, where connections can be shown besides. Used by `bell`.

use std::io;
use std::os::fd::RawFd;

use super::epoll::Epoll;

/// See the head of this file.
pub(super) struct Front {
    /// `None` only while it is dropped.
    epoll: Option<Epoll>,
    bell: RawFd,
}

impl Front {
    /// EMFILE or ENFILE when descriptors ran out, and an error where there is no epoll.
    pub(super) fn new(bell: RawFd) -> io::Result<Front> {
        let epoll = Epoll::new()?;
        epoll.add(bell, 0, true)?;
        Ok(Front { epoll: Some(epoll), bell })
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.epoll.as_ref().map_or(-1, Epoll::descriptor)
    }

    /// Whether the number still names it: an application may close it by mistake, and what it opens next gets
    /// that number. Nobody else's epoll has the bell in it.
    pub(super) fn is_there(&self) -> bool {
        self.epoll.as_ref().is_some_and(|epoll| epoll.change(self.bell, 0, true).is_ok())
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if !self.is_there() {
            // Another file's, by now or soon.
            std::mem::forget(self.epoll.take());
        }
    }
}
