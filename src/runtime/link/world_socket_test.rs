//! The application's side of the small world: a socket with one pipe, and a crowd with room for its
//! connection. Used by `loom_test`.

use std::time::Duration;

use super::*;

/// A socket with one pipe, as `socket::transfer` and `socket::waiting` use it.
pub(in super::super) struct Socket {
    pub(super) world: Arc<World>,
    pub(in super::super) pipe: Pipe,
    /// As in a fair queue: not asked again until something comes.
    pub(super) active: bool,
}

impl Socket {
    fn direct(&mut self) -> Option<Arc<dyn Direct>> {
        self.pipe.direct().cloned()
    }

    fn take_in(&mut self) {
        self.active |= std::mem::take(&mut self.world.lock().told);
    }

    pub(in super::super) fn try_recv(&mut self) -> Option<u8> {
        self.take_in();
        let message = if self.active { self.pipe.read() } else { None };
        self.active = message.is_some();
        message.map(|message| message.data()[0])
    }

    /// As `Socket::block`. `None`: the connection is lost.
    pub(in super::super) fn recv(&mut self) -> Option<u8> {
        if let Some(byte) = self.try_recv() {
            return Some(byte);
        }
        let mut direct = true;
        loop {
            let mut owned = None;
            if direct && let Some(link) = self.direct().filter(|link| link.take_over().is_some()) {
                owned = Some(link);
            }
            let state = self
                .world
                .until(|state| state.told || state.lost || (owned.is_some() && state.readable()));
            let (ready, lost) = (owned.is_some() && state.readable(), state.lost);
            drop(state);
            if owned.is_some()
                && let Some(link) = self.direct()
            {
                link.waited();
            }
            self.active |= ready;
            let reads = self.pipe.direct_reads();
            if let Some(byte) = self.try_recv() {
                return Some(byte);
            }
            if lost {
                return None;
            }
            if ready && self.pipe.direct_reads() == reads {
                self.give_back();
                direct = false;
            }
        }
    }

    /// As `Socket::block` with a crowd, which stays the application's.
    pub(in super::super) fn recv_in_crowd(&mut self) -> Option<u8> {
        loop {
            if let Some(byte) = self.try_recv() {
                return Some(byte);
            }
            self.world.change(|state| state.taken = true);
            let told = |state: &State| state.told || state.lost;
            let state = self.world.until(|state| told(state) || state.member && state.readable());
            let (ready, lost) = (state.member && state.readable(), state.lost);
            drop(state);
            if ready && let Some(link) = self.direct() {
                link.expect();
                self.active = true;
            }
            if lost {
                return self.try_recv();
            }
        }
    }

    /// As zmq_poll and a receive that does not wait.
    pub(in super::super) fn poll(&mut self) -> Option<u8> {
        self.give_back();
        loop {
            if let Some(byte) = self.try_recv() {
                return Some(byte);
            }
            if self.world.until(|state| state.told || state.lost).lost {
                return self.try_recv();
            }
        }
    }

    pub(in super::super) fn give_back(&mut self) {
        if let Some(link) = self.direct() {
            link.give_back();
        }
    }

    /// As a pipe that is not in the middle of a burst.
    pub(in super::super) fn send(&mut self, byte: u8) {
        let link = self.direct();
        let writer = self.pipe.writer().unwrap();
        writer.push_message(Message::from_slice(&[byte]).unwrap());
        if writer.publish() && !link.is_some_and(|link| link.send()) {
            self.pipe.notify_peer(PipeEvent::Readable);
        }
    }
}

/// A crowd with room for one.
pub(in super::super) struct Hall(pub(in super::super) Arc<World>);

impl Crowd for Hall {
    fn take_over(&self) -> bool {
        true
    }

    fn wait(&self, _: &mut Turn, _: Option<Duration>) -> crate::error::Result<()> {
        Ok(())
    }

    fn waited(&self) {}

    fn look(&self, _: &mut Turn) -> bool {
        true
    }

    fn is_taken(&self) -> bool {
        self.0.lock().taken
    }

    fn is_read(&self) -> bool {
        self.is_taken()
    }

    fn give_back(&self) {
        self.0.change(|state| state.taken = false);
    }

    fn close(&self) {}

    fn place(&self) -> usize {
        0
    }

    fn watch(&self, _: RawFd, _: u32, _: Weak<dyn Direct>) -> bool {
        self.0.change(|state| state.member = true);
        true
    }

    fn forget(&self, _: RawFd) {
        self.0.change(|state| state.member = false);
    }
}
