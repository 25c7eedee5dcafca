//! Looks names up on threads of its own, so that a slow name server stalls no connection.
//!
//! A thread starts when there is something to look up and no thread is free for it, and ends as
//! soon as nothing is left: an idle process, or one that has terminated its contexts, has none.
//! There are at most eight, so that a few dead names do not hold up the others. Called by dialers.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::sys::fork::PerProcess;
use crate::sys::lock::Mutex;
use crate::sys::names::{self, Query, Unresolved};
use crate::sys::{signals, thread};
use crate::transport::Waker;

const THREADS_MAX: usize = 8;

/// What a name server may cost, with the modules the C library loads for it.
const STACK_SIZE: usize = 8 << 20;

/// Addresses with their IPv6 scopes, best first.
pub(super) type Found = Result<Vec<(IpAddr, u32)>>;

/// A look-up under way; dropping it forgets it.
pub(super) struct Lookup(Arc<Mutex<Slot>>);

struct Slot {
    found: Option<Found>,
    /// `None` once called, or when nobody waits any more.
    wake: Option<Waker>,
}

struct Job {
    host: String,
    query: Query,
    slot: Arc<Mutex<Slot>>,
}

#[derive(Default)]
struct Pool {
    waiting: VecDeque<Job>,
    threads: usize,
}

/// Threads do not survive a fork, and one of them may hold the lock; a child starts its own.
static POOL: PerProcess<Mutex<Pool>> = PerProcess::new(Mutex::default);

/// Starts looking up a name; `wake` is called when `take` will have an answer. Fails when there is
/// no thread to do it and none can be started.
pub(super) fn look_up(host: &str, query: Query, wake: Waker) -> Result<Lookup> {
    let slot = Arc::new(Mutex::new(Slot { found: None, wake: Some(wake) }));
    let mut pool = POOL.here().lock();
    if pool.threads < THREADS_MAX {
        match start_thread() {
            Ok(()) => pool.threads += 1,
            Err(error) if pool.threads == 0 => return Err(error),
            // The threads there are will come to it.
            Err(_) => {}
        }
    }
    pool.waiting.push_back(Job { host: host.to_owned(), query, slot: slot.clone() });
    Ok(Lookup(slot))
}

impl Lookup {
    /// The answer, once.
    pub(super) fn take(&self) -> Option<Found> {
        self.0.lock().found.take()
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        // Waits for a waker that is just being called, so that it is never called later.
        self.0.lock().wake = None;
    }
}

/// The new thread blocks on the pool's lock until its job is in.
fn start_thread() -> Result<()> {
    let _blocked = signals::block_all();
    thread::start(STACK_SIZE, || {
        thread::set_name("ZMQbg/Resolver");
        work();
    })?;
    Ok(())
}

fn work() {
    loop {
        let job = {
            let mut pool = POOL.here().lock();
            match pool.waiting.pop_front() {
                Some(job) => job,
                None => {
                    pool.threads -= 1;
                    return;
                }
            }
        };
        if job.slot.lock().wake.is_none() {
            continue;
        }
        let found = names::resolve(&job.host, job.query).map_err(|reason| match reason {
            Unresolved::OutOfMemory => Error::NOMEM,
            Unresolved::Unknown => Error::INVAL,
        });
        let mut slot = job.slot.lock();
        slot.found = Some(found);
        if let Some(wake) = slot.wake.take() {
            wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use super::*;

    const QUERY: Query = Query { ipv6: false, numeric: false, passive: false };

    #[test]
    fn looks_up_many_and_leaves_no_thread() {
        let (sender, receiver) = mpsc::channel();
        let lookups: Vec<Lookup> = (0..40)
            .map(|_| {
                let sender = sender.clone();
                look_up("localhost", QUERY, Box::new(move || sender.send(()).unwrap_or_default()))
                    .unwrap()
            })
            .collect();
        for _ in &lookups {
            receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        }
        for lookup in &lookups {
            assert_eq!(lookup.take(), Some(Ok(vec![([127, 0, 0, 1].into(), 0)])));
            assert_eq!(lookup.take(), None);
        }
        let start = Instant::now();
        while POOL.here().lock().threads != 0 {
            assert!(start.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn forgotten_look_up_wakes_nobody() {
        let (sender, receiver) = mpsc::channel::<()>();
        let wake = Box::new(move || sender.send(()).unwrap_or_default());
        drop(look_up("localhost", QUERY, wake).unwrap());
        // It may have been quicker than the drop; after that it is too late.
        receiver.try_iter().for_each(drop);
        assert!(receiver.recv_timeout(Duration::from_millis(200)).is_err());
    }
}
