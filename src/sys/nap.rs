//! Sleeping where a thread may be cancelled, pthread_cancel(3): below nothing that has to be finished.
//!
//! A call that has to wait says here what it would sleep on, puts what it has begun where the thread's end finds
//! it (a thread-local variable that undoes it when it is dropped), and answers `ASLEEP`. The exported function,
//! with no lock held, nothing to drop and no `catch_unwind` around it, sleeps ([`sleep`]) and calls again; what
//! came of it is asked by [`outcome`]. Planned by `bell`, the crowd's epoll and the poller, slept by `ffi::boundary`.

use std::cell::RefCell;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::epoll::EVENTS;
use super::poll::timespec;
use super::signals::SignalSet;
use super::{PollFd, cvt};
use crate::error::Result;

/// What a thread is going to sleep on, and what came of it.
struct Nap {
    /// It was planned and is not over: the system may have the address of `items`. A thread that leaves its sleep
    /// for good, cancelled or by siglongjmp(3), keeps it until that is given up.
    busy: bool,
    bed: Bed,
    timeout: Option<Duration>,
    mask: Option<SignalSet>,
    items: Vec<PollFd>,
    /// Items of sleeps that were given up: the system may have their addresses for as long as the thread lives.
    given_up: Vec<Vec<PollFd>>,
    numbers: Vec<u64>,
    ready: Result<usize>,
}

#[derive(Clone, Copy)]
enum Bed {
    /// It does not sleep, but may be cancelled.
    None,
    /// The descriptors in `items`.
    Items,
    Epoll(RawFd),
}

thread_local! {
    static NAP: RefCell<Nap> = const {
        RefCell::new(Nap {
            busy: false,
            bed: Bed::None,
            timeout: None,
            mask: None,
            items: Vec::new(),
            given_up: Vec::new(),
            numbers: Vec::new(),
            ready: Ok(0),
        })
    };
}

/// Changes the plan. False: the thread has to sleep where it is, at its end, and in a signal handler or a cleanup
/// handler that was called out of another sleep.
fn plan(change: impl FnOnce(&mut Nap)) -> bool {
    let planned = NAP.try_with(|nap| {
        let Ok(mut nap) = nap.try_borrow_mut() else { return false };
        if nap.busy {
            return false;
        }
        nap.busy = true;
        nap.items.clear();
        nap.numbers.clear();
        nap.ready = Ok(0);
        change(&mut nap);
        true
    });
    planned.unwrap_or(false)
}

/// A descriptor that cannot be open: where it is an item, nobody sleeps.
const NEVER_OPEN: RawFd = RawFd::MAX;

/// Whoever has planned a sleep and not come back will find nothing of what it has begun: if it is below a signal
/// handler and has yet to sleep, it does not. False: it would, and what it has begun has to stay.
pub(crate) fn give_up() -> bool {
    let given_up = NAP.try_with(|nap| {
        let Ok(mut nap) = nap.try_borrow_mut() else { return false };
        let nap = &mut *nap;
        match nap.bed {
            Bed::Items if nap.busy && !nap.items.is_empty() => {
                nap.items.fill(PollFd::new(NEVER_OPEN, libc::POLLIN));
                nap.given_up.push(std::mem::take(&mut nap.items));
            }
            Bed::None => {}
            _ if nap.busy => return false,
            _ => {}
        }
        (nap.busy, nap.bed) = (false, Bed::None);
        true
    });
    given_up.unwrap_or(true)
}

/// Only makes the thread end if it was cancelled.
pub(crate) fn plan_none() -> bool {
    plan(|nap| nap.bed = Bed::None)
}

/// As `ppoll`.
pub(crate) fn plan_poll(
    items: impl IntoIterator<Item = PollFd>,
    timeout: Option<Duration>,
    mask: Option<&SignalSet>,
) -> bool {
    plan(|nap| {
        (nap.bed, nap.timeout, nap.mask) = (Bed::Items, timeout, mask.copied());
        nap.items.extend(items);
    })
}

/// As `Epoll::wait`.
pub(crate) fn plan_epoll(descriptor: RawFd, timeout: Option<Duration>) -> bool {
    plan(|nap| (nap.bed, nap.timeout) = (Bed::Epoll(descriptor), timeout))
}

/// Tells what came of the sleep: how many were ready, among the descriptors or the epoll's numbers.
pub(crate) fn outcome<R>(look: impl FnOnce(Result<usize>, &[PollFd], &[u64]) -> R) -> Option<R> {
    let look = |nap: &RefCell<Nap>| {
        let nap = nap.try_borrow().ok()?;
        Some(look(nap.ready, &nap.items, &nap.numbers))
    };
    NAP.try_with(look).ok().flatten()
}

/// The plan as the system takes it.
struct Planned {
    bed: Bed,
    items: *mut libc::pollfd,
    count: usize,
    timeout: Option<libc::timespec>,
    milliseconds: i32,
    mask: Option<SignalSet>,
}

fn planned() -> Planned {
    let planned = NAP.try_with(|nap| {
        let nap = &mut *nap.try_borrow_mut().ok()?;
        let rounded_up =
            |time: Duration| i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
        Some(Planned {
            bed: nap.bed,
            items: nap.items.as_mut_ptr().cast(),
            count: nap.items.len(),
            timeout: nap.timeout.map(timespec),
            milliseconds: nap.timeout.map_or(-1, rounded_up),
            mask: nap.mask,
        })
    });
    planned.ok().flatten().unwrap_or(Planned {
        bed: Bed::None,
        items: std::ptr::null_mut(),
        count: 0,
        timeout: None,
        milliseconds: 0,
        mask: None,
    })
}

fn note(ready: io::Result<libc::c_int>, numbers: impl Iterator<Item = u64>) {
    let _ = NAP.try_with(|nap| {
        let Ok(mut nap) = nap.try_borrow_mut() else { return };
        // Should this be a signal handler, what it interrupted does not sleep as this one did.
        (nap.busy, nap.bed) = (false, Bed::None);
        let ready = ready.map(|count| usize::try_from(count).unwrap_or(0));
        let count = *ready.as_ref().unwrap_or(&0);
        nap.numbers.extend(numbers.take(count));
        nap.ready = ready.map_err(Into::into);
    });
}

/// Sleeps as planned. The thread may end here: whoever calls this has nothing to drop.
pub(crate) fn sleep() {
    unsafe extern "C-unwind" {
        fn ppoll(
            items: *mut libc::pollfd,
            count: libc::nfds_t,
            timeout: *const libc::timespec,
            mask: *const libc::sigset_t,
        ) -> libc::c_int;
    }
    let plan = planned();
    match plan.bed {
        Bed::None => {
            test();
            note(Ok(0), std::iter::empty());
        }
        Bed::Items => {
            let timeout = plan.timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
            let mask = plan.mask.as_ref().map_or(std::ptr::null(), SignalSet::as_ptr);
            // SAFETY: the items are the thread's own, and stay where they are until `note`: as long as it is
            // `busy`, a signal handler plans nothing, or they are kept with what was given up. Timeout and
            // mask are null or outlive the call.
            let ready = unsafe { ppoll(plan.items, plan.count as libc::nfds_t, timeout, mask) };
            note(cvt(ready), std::iter::empty());
        }
        Bed::Epoll(epoll) => sleep_in_epoll(epoll, plan.milliseconds),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn sleep_in_epoll(epoll: RawFd, milliseconds: i32) {
    unsafe extern "C-unwind" {
        fn epoll_wait(
            epoll: libc::c_int,
            events: *mut libc::epoll_event,
            room: libc::c_int,
            milliseconds: libc::c_int,
        ) -> libc::c_int;
    }
    let mut events = [const { libc::epoll_event { events: 0, u64: 0 } }; EVENTS];
    // SAFETY: there is room for so many events.
    let ready =
        unsafe { epoll_wait(epoll, events.as_mut_ptr(), EVENTS as libc::c_int, milliseconds) };
    note(cvt(ready), events.iter().map(|event| event.u64));
}

/// None can be made.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn sleep_in_epoll(_epoll: RawFd, _milliseconds: i32) {}

/// Ends the thread if it was cancelled.
pub(crate) fn test() {
    #[cfg(not(any(target_os = "android", miri)))]
    {
        unsafe extern "C-unwind" {
            fn pthread_testcancel();
        }
        // SAFETY: it takes nothing; there is nothing to drop where it may end the thread.
        unsafe { pthread_testcancel() };
    }
}

/// Sleeps so long, signals or not; the thread may end here.
pub(crate) fn pause(time: Duration) {
    unsafe extern "C-unwind" {
        fn nanosleep(time: *const libc::timespec, left: *mut libc::timespec) -> libc::c_int;
    }
    let mut left = timespec(time);
    // SAFETY: the place is valid, and may be both.
    while unsafe { nanosleep(&raw const left, &raw mut left) } == -1
        && super::errno::get() == libc::EINTR
    {}
}

#[cfg(all(test, not(miri)))]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_plan_stays_as_it_is_until_it_was_slept() {
        let (mut a, b) = UnixStream::pair().unwrap();
        a.write_all(b"x").unwrap();
        let items = |count| vec![PollFd::new(b.as_raw_fd(), libc::POLLIN); count];
        let slept = || {
            sleep();
            outcome(|ready, items, _| (ready, items.len()))
        };
        assert!(plan_poll(items(1), None, None));
        // As a signal handler would, before the system has the plan or thereafter.
        assert!(!plan_poll(items(1000), Some(Duration::ZERO), None) && !plan_none());
        let address = planned().items;
        assert!(!plan_epoll(-1, None));
        assert_eq!((planned().items, planned().count), (address, 1));
        assert_eq!(slept(), Some((Ok(1), 1)));
        assert!(plan_poll(items(1000), None, None));
        assert_eq!(slept(), Some((Ok(1000), 1000)));
        assert!(plan_none());
        assert_eq!(slept(), Some((Ok(0), 0)));
        assert!(plan_none());
        assert_eq!(slept(), Some((Ok(0), 0)));
    }

    #[test]
    fn what_was_given_up_is_not_slept() {
        let (_a, b) = UnixStream::pair().unwrap();
        let item = || [PollFd::new(b.as_raw_fd(), libc::POLLIN)];
        assert!(plan_poll(item(), None, None));
        let begun = planned();
        // As a signal handler would that waits, too.
        assert!(give_up() && plan_poll(item(), Some(Duration::ZERO), None));
        sleep();
        assert_eq!(outcome(|ready, _, _| ready), Some(Ok(0)));
        // SAFETY: it was planned, and is kept.
        let ready = unsafe { libc::poll(begun.items, begun.count as libc::nfds_t, -1) };
        assert_eq!(ready, 1);
        // If it was not planned before, it finds nothing to sleep on.
        assert!(matches!(planned().bed, Bed::None));
        assert!(plan_epoll(-1, None));
        assert!(!give_up());
    }
}
