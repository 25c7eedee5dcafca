//! What a thread sleeps on until another one rings: a `Signaler` that knows about forks.
//!
//! It stays rung until it is silenced, and wakes everybody who waits. In a forked child, which
//! shares the descriptor with its parent, ringing and silencing do nothing and waiting is
//! interrupted. Used by the mailbox of a socket and by the end of a context. Under `--cfg loom` it
//! is a flag with loom's condition variable.

/// At most this many other descriptors can be waited for beside a bell.
pub(crate) const OTHERS: usize = 16;

#[cfg(loom)]
pub(crate) use model::Bell;
#[cfg(not(loom))]
pub(crate) use real::Bell;

#[cfg(not(loom))]
mod real {
    use std::io;
    use std::os::fd::RawFd;
    use std::sync::OnceLock;
    use std::time::Duration;

    use super::OTHERS;
    use crate::error::{Error, Result};
    use crate::sys::front::Front;
    use crate::sys::{PollFd, Signaler, fork, nap, poll};

    /// How long to sleep before the next look where nothing can ring.
    const LOOK: Duration = Duration::from_millis(1);

    pub(crate) struct Bell {
        /// Goes before what is in it.
        front: OnceLock<Option<Front>>,
        signaler: Signaler,
        generation: u32,
    }

    impl Bell {
        /// EMFILE or ENFILE when descriptors ran out.
        pub(crate) fn new() -> io::Result<Bell> {
            let (signaler, generation) = (Signaler::new()?, fork::generation());
            Ok(Bell { front: OnceLock::new(), signaler, generation })
        }

        /// Readable while the bell is rung or something else that is shown there is readable: an
        /// epoll. The same at every call; `None` where there can be none.
        pub(crate) fn front(&self) -> Option<RawFd> {
            let make = || {
                let possible = !cfg!(feature = "portable") && self.is_ours();
                if possible { Front::new(self.descriptor()).ok() } else { None }
            };
            self.front.get_or_init(make).as_ref().map(Front::descriptor)
        }

        /// Whether `front` was made and the application has not closed it.
        pub(crate) fn front_is_there(&self) -> bool {
            self.front.get().and_then(Option::as_ref).is_some_and(Front::is_there)
        }

        /// Readable while the bell is rung.
        pub(crate) fn descriptor(&self) -> RawFd {
            self.signaler.descriptor()
        }

        /// Wakes whoever waits, now or later.
        pub(crate) fn ring(&self) {
            if self.is_ours() {
                self.signaler.signal();
            }
        }

        /// False: it was not rung.
        pub(crate) fn silence(&self) -> bool {
            !self.is_ours() || self.signaler.drain()
        }

        /// Sleeps until it is rung or one of the other descriptors is readable, and gives a bit for
        /// each of those that is. `AGAIN` when the time is up, `INTR` after a signal.
        pub(crate) fn wait(&self, others: &[RawFd], timeout: Option<Duration>) -> Result<u32> {
            if !self.is_ours() {
                return Err(Error::INTR);
            }
            let lost = self.signaler.is_lost();
            let bell = if lost { -1 } else { self.descriptor() };
            let look = lost && timeout.is_none_or(|timeout| timeout > LOOK);
            let timeout = if look { Some(LOOK) } else { timeout };
            let mut items = [const { PollFd::new(-1, 0) }; 1 + OTHERS];
            let mut count = 0;
            for &descriptor in std::iter::once(&bell).chain(others.iter().take(OTHERS)) {
                items[count] = PollFd::new(descriptor, libc::POLLIN);
                count += 1;
            }
            if poll(&mut items[..count], timeout)? == 0 && !look {
                return Err(Error::AGAIN);
            }
            Ok(self.told(&items[0], &items[1..count]))
        }

        /// Plans to sleep in the same way where the thread may be cancelled. False: it has to `wait` here.
        pub(crate) fn plan(&self, others: &[RawFd], timeout: Option<Duration>) -> bool {
            let all = std::iter::once(self.descriptor()).chain(others.iter().take(OTHERS).copied());
            let items = all.map(|descriptor| PollFd::new(descriptor, libc::POLLIN));
            self.is_ours() && !self.signaler.is_lost() && nap::plan_poll(items, timeout, None)
        }

        /// What `wait` would have answered after such a sleep.
        pub(crate) fn woken(&self) -> Result<u32> {
            let woken = nap::outcome(|ready, items, _| match (ready?, items.split_first()) {
                (0, _) | (_, None) => Err(Error::AGAIN),
                (_, Some((bell, others))) => Ok(self.told(bell, others)),
            });
            woken.unwrap_or(Err(Error::INTR))
        }

        /// A bit for each of the others that is readable.
        fn told(&self, bell: &PollFd, others: &[PollFd]) -> u32 {
            if bell.revents() & libc::POLLNVAL != 0 {
                self.signaler.give_up();
            }
            let ready = others.iter().enumerate();
            let bits = ready.map(|(index, item)| u32::from(item.revents() != 0) << index);
            bits.fold(0, |all, bit| all | bit)
        }

        /// Whether it was made by this process, and not by the parent of a forked child.
        pub(crate) fn is_ours(&self) -> bool {
            self.generation == fork::generation()
        }
    }
}

#[cfg(loom)]
mod model {
    use std::io;
    use std::os::fd::RawFd;
    use std::time::Duration;

    use crate::error::Result;

    pub(crate) struct Bell {
        rung: loom::sync::Mutex<bool>,
        changed: loom::sync::Condvar,
    }

    impl Bell {
        pub(crate) fn new() -> io::Result<Bell> {
            Ok(Bell { rung: loom::sync::Mutex::new(false), changed: loom::sync::Condvar::new() })
        }

        pub(crate) fn descriptor(&self) -> RawFd {
            -1
        }

        pub(crate) fn front(&self) -> Option<RawFd> {
            None
        }

        pub(crate) fn front_is_there(&self) -> bool {
            false
        }

        pub(crate) fn is_ours(&self) -> bool {
            true
        }

        pub(crate) fn ring(&self) {
            *self.rung.lock().unwrap() = true;
            self.changed.notify_all();
        }

        pub(crate) fn silence(&self) -> bool {
            std::mem::take(&mut *self.rung.lock().unwrap())
        }

        pub(crate) fn wait(&self, _others: &[RawFd], _timeout: Option<Duration>) -> Result<u32> {
            let mut rung = self.rung.lock().unwrap();
            while !*rung {
                rung = self.changed.wait(rung).unwrap();
            }
            Ok(0)
        }

        pub(crate) fn plan(&self, _others: &[RawFd], _timeout: Option<Duration>) -> bool {
            false
        }

        pub(crate) fn woken(&self) -> Result<u32> {
            Ok(0)
        }
    }
}
