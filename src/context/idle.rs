//! Waiting until nothing uses a context any more: zmq_ctx_term(3). Called by `core`.
//!
//! Whoever stops using it does so first and reports it afterwards; whoever waits looks only after
//! the bell that the reports ring is there.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::sys::Bell;
use crate::sys::sync::Mutex;

/// See the head of this file.
#[derive(Default)]
pub(super) struct Idle {
    /// Made by the first that waits.
    bell: Mutex<Option<Arc<Bell>>>,
}

impl Idle {
    /// Somebody has stopped using the context.
    pub(super) fn report(&self) {
        if let Some(bell) = &*self.bell.lock() {
            bell.ring();
        }
    }

    /// Sleeps as long as it is in use. `INTR` after a signal. `elsewhere`: `ASLEEP` if the caller has to sleep, and then
    /// to ask `woken` and this again.
    pub(super) fn wait_while(&self, elsewhere: bool, in_use: impl Fn() -> bool) -> Result<()> {
        while in_use() {
            let bell = self.bell();
            if !in_use() {
                break;
            }
            match bell {
                Some(bell) if elsewhere && bell.plan(&[], None) => return Err(Error::ASLEEP),
                Some(bell) => {
                    bell.wait(&[], None)?;
                    bell.silence();
                }
                // No descriptor left to sleep on: look again now and then.
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        // Others may wait as well, and this thread may have silenced what was for them.
        self.report();
        Ok(())
    }

    /// What came of the caller's sleep. `INTR` after a signal.
    pub(super) fn woken(&self) -> Result<()> {
        let Some(bell) = self.bell() else { return Ok(()) };
        match bell.woken() {
            Ok(_) | Err(Error::AGAIN) => {
                bell.silence();
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn bell(&self) -> Option<Arc<Bell>> {
        let mut bell = self.bell.lock();
        if bell.is_none() {
            *bell = Bell::new().ok().map(Arc::new);
        }
        bell.clone()
    }
}

#[cfg(all(test, loom))]
mod tests {
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::thread;

    use super::*;

    #[test]
    fn loom_everybody_who_waits_learns_that_the_last_user_is_gone() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(|| {
            let shared = loom::sync::Arc::new((Idle::default(), AtomicUsize::new(2)));
            let user = shared.clone();
            let users = thread::spawn(move || {
                for _ in 0..2 {
                    user.1.fetch_sub(1, Ordering::AcqRel);
                    user.0.report();
                }
            });
            let second = shared.clone();
            let in_use = |users: &AtomicUsize| users.load(Ordering::Acquire) > 0;
            let second =
                thread::spawn(move || second.0.wait_while(false, || in_use(&second.1)).unwrap());
            shared.0.wait_while(false, || in_use(&shared.1)).unwrap();
            second.join().unwrap();
            users.join().unwrap();
        });
    }
}
