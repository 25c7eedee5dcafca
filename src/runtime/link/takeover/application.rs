//! The application's side of a connection that two threads share: what its thread sends, waits for
//! and reads itself, alone or in a crowd. Called by sockets and crowds through `pipe::Direct`.

use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::{Shared, Station, TURN, Takeover};
use crate::error::Error;
use crate::pipe::{Bed, Crowd, Direct};
use crate::runtime::end::End;
use crate::runtime::outgoing::Sent;
use crate::sys::sync::{Ordering, fence};

/// A panic on the application's thread ends the connection, as one on the I/O thread does, and not
/// the call.
fn guarded<R>(work: impl FnOnce() -> Result<R, End>) -> Result<R, End> {
    if cfg!(loom) {
        // Loom reports by panics.
        return work();
    }
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        // Dropping the payload could panic once more.
        std::mem::forget(panic);
        Err(End::Closed(Error::NOTRECOVERABLE))
    })
}

impl<S: Shared + 'static, T: Station + 'static> Direct for Takeover<S, T> {
    fn receive(&self, arm: &mut dyn FnMut()) -> bool {
        let responsible = self.taken.load(Ordering::Acquire) || self.member.load(Ordering::Acquire);
        if !responsible || !self.is_ours() {
            return false;
        }
        let Some(mut guard) = self.shared.try_lock() else {
            self.missed.store(true, Ordering::Relaxed);
            return false;
        };
        let Some(shared) = &mut *guard else { return false };
        if shared.ended().is_some() {
            return false;
        }
        if let Some(crowd) = shared.crowd() {
            // It has said who is readable, and will say so again.
            if !crowd.is_read() {
                return false;
            }
        } else if self.taken.load(Ordering::Relaxed) {
            self.activity.fetch_add(1, Ordering::Relaxed);
            shared.set_readable();
        } else {
            return false;
        }
        let turns = if self.simple { 1 } else { TURN };
        match guarded(|| shared.receive(Instant::now(), turns)) {
            Ok(_) => {
                let holds = !self.simple && shared.holds();
                if holds {
                    self.release(shared);
                }
                if holds || shared.has_control() {
                    self.station.wake_session();
                }
                arm();
                true
            }
            Err(end) => {
                *shared.ended() = Some(end);
                self.release(shared);
                self.station.wake_session();
                false
            }
        }
    }

    fn send(&self) -> bool {
        if !self.is_ours() {
            return false;
        }
        let Some(mut guard) = self.shared.try_lock() else { return false };
        let Some(shared) = &mut *guard else { return false };
        if shared.ended().is_some() {
            return false;
        }
        match guarded(|| shared.send_directly()) {
            Ok(sent) => sent == Sent::All,
            Err(end) => {
                *shared.ended() = Some(end);
                false
            }
        }
    }

    fn take_over(&self) -> Option<RawFd> {
        if !self.is_suitable() || !self.is_ours() {
            return None;
        }
        // Who owns it already waits for some writes of the I/O thread at most. Else that thread may be reading
        // as fast as it can, and whoever wants the lock may not get it until it is done: what it reads
        // reaches the mailbox.
        let mut guard = if self.taken.load(Ordering::Acquire) {
            self.shared.lock()
        } else {
            self.shared.try_lock()?
        };
        let shared = guard.as_mut()?;
        if shared.ended().is_some() || shared.crowd().is_some() || !self.is_suitable() {
            return None;
        }
        let taken = self.taken.load(Ordering::Relaxed);
        if !taken && !self.simple && shared.holds() {
            return None;
        }
        let missed = self.missed.swap(false, Ordering::Relaxed);
        if !taken {
            if !self.leave_watching(shared) {
                return None;
            }
            self.parked.store(true, Ordering::Relaxed);
            self.taken.store(true, Ordering::Release);
        }
        // What was read, and left alone at the high water mark, the descriptor does not tell of;
        // and when the I/O thread hears that there is room, it is ours.
        if (missed || !taken)
            && let Err(end) = guarded(|| shared.receive(Instant::now(), 0))
        {
            *shared.ended() = Some(end);
            self.release(shared);
            drop(guard);
            self.station.wake_session();
            return None;
        }
        // With `shared` locked: whoever ends the connection then knows of the wait, and ends that, too.
        self.waiting.store(true, Ordering::Relaxed);
        Some(self.station.descriptor())
    }

    fn waited(&self) {
        self.waiting.store(false, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.parked.load(Ordering::Relaxed) && self.parked.swap(false, Ordering::AcqRel) {
            self.station.wake_session();
        }
    }

    fn give_back(&self) {
        if !self.taken.load(Ordering::Acquire) || !self.is_ours() {
            return;
        }
        if let Some(shared) = &mut *self.shared.lock() {
            self.release(shared);
        }
        self.station.wake_session();
    }

    fn found(&self, bed: Bed) -> Option<Arc<dyn Crowd>> {
        let can = self.simple && self.is_suitable() && self.is_ours();
        if can { self.station.found(bed) } else { None }
    }

    fn join(self: Arc<Self>, crowd: &Arc<dyn Crowd>, number: u32) -> bool {
        // On another thread the members of the crowd would be read by one thread where there are several.
        if self.member.load(Ordering::Acquire)
            || !self.simple
            || !self.is_suitable()
            || !self.is_ours()
            || crowd.place() != self.station.place()
        {
            return false;
        }
        let mut guard = self.shared.lock();
        let Some(shared) = &mut *guard else { return false };
        let taken = self.taken.load(Ordering::Relaxed);
        if shared.ended().is_some() || taken || !self.is_suitable() {
            return false;
        }
        let descriptor = self.station.descriptor();
        let direct: Arc<dyn Direct> = self.clone();
        if !crowd.watch(descriptor, number, Arc::downgrade(&direct)) {
            return false;
        }
        if !self.leave_watching(shared) {
            crowd.forget(descriptor);
            return false;
        }
        *shared.crowd() = Some(crowd.clone());
        self.member.store(true, Ordering::Release);
        true
    }

    fn expect(&self) {
        if let Some(shared) = &mut *self.shared.lock() {
            shared.set_readable();
        }
    }

    fn receive_for_crowd(&self) {
        let mut guard = self.shared.lock();
        let Some(shared) = &mut *guard else { return };
        if shared.crowd().is_none() || shared.ended().is_some() {
            return;
        }
        shared.set_readable();
        match guarded(|| shared.receive(Instant::now(), TURN)) {
            Ok(true) => return,
            // Nothing left, and no reason to call the session.
            Ok(false) if !shared.is_readable() && !shared.has_control() => return,
            Ok(false) if !shared.is_readable() => {}
            // At the high water mark; the session hears when there is room.
            Ok(false) => self.release(shared),
            Err(end) => {
                *shared.ended() = Some(end);
                self.release(shared);
            }
        }
        drop(guard);
        self.station.wake_session();
    }

    fn leave(&self) {
        if let Some(shared) = &mut *self.shared.lock()
            && shared.crowd().is_some()
        {
            self.release(shared);
            self.station.wake_session();
        }
    }
}
