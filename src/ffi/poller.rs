//! The functions of libzmq's zmq_poller(3).

use std::ffi::{c_int, c_long, c_short, c_void};

use super::boundary::{boundary, go_on, making, sleeping, whole};
use super::handle::Shelf;
use super::{Descriptor, arg};
use crate::error::{Error, Result};
pub use crate::poller::PollerEvent;
use crate::poller::{Deadline, Poller, Target};
use crate::sys::lock::Mutex;
use crate::sys::{cancel, errand};

static POLLERS: Shelf<Mutex<Option<Poller>>> = Shelf::new();

/// Calls `act` with a poller. Calls from several threads wait for each other.
fn with<T>(poller: *mut c_void, act: impl FnOnce(&mut Poller) -> Result<T>) -> Result<T> {
    let _hold = errand::hold();
    let mut poller = POLLERS.get(poller)?.lock();
    act(poller.as_mut().ok_or(Error::FAULT)?)
}

/// The same for an act that waits. It is called again, with the time when it is to end, where it was broken off.
fn waiting<T>(
    poller: *mut c_void,
    mut act: impl FnMut(&mut Poller, Option<Deadline>) -> Result<T>,
) -> Result<T> {
    cancel::off(|| {
        let mut deadline = None;
        loop {
            let before = deadline.take();
            let result = with(poller, |poller| {
                let result = act(poller, before);
                deadline = poller.paused();
                result
            });
            if deadline.is_none() {
                return result;
            }
        }
    })
}

/// Calls `act` with a poller and a descriptor.
fn with_fd<T>(
    poller: *mut c_void,
    fd: Descriptor,
    act: impl FnOnce(&mut Poller, Target) -> Result<T>,
) -> Result<T> {
    with(poller, |poller| match fd {
        -1 => Err(Error::BADF),
        fd => act(poller, Target::Descriptor(fd)),
    })
}

/// Makes a poller.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_poller_new() -> *mut c_void {
    making(|| POLLERS.take(|poller| *poller.lock() = Some(Poller::new())))
}

/// Ends a poller and sets the pointer to null.
///
/// # Safety
/// `poller_p` is null or points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_destroy(poller_p: *mut *mut c_void) -> c_int {
    whole(|| {
        // SAFETY: by the contract of the function.
        let place = unsafe { arg::place(poller_p, Error::FAULT) }?;
        drop(POLLERS.give_back(place.get(), |poller| poller.lock().take())?);
        place.set(std::ptr::null_mut());
        Ok(())
    })
}

/// How many sockets and descriptors are registered.
///
/// # Safety
/// `poller` comes from `zmq_poller_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_size(poller: *mut c_void) -> c_int {
    boundary(|| with(poller, |poller| Ok(poller.len())))
}

/// Registers a socket.
///
/// # Safety
/// `poller` comes from `zmq_poller_new`, `socket` from `zmq_socket`; other pointers are found out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_add(
    poller: *mut c_void,
    socket: *mut c_void,
    user_data: *mut c_void,
    events: c_short,
) -> c_int {
    making(|| with(poller, |poller| poller.add(Target::socket(socket), user_data, events)))
}

/// Changes the events of a socket.
///
/// # Safety
/// As for `zmq_poller_add`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_modify(
    poller: *mut c_void,
    socket: *mut c_void,
    events: c_short,
) -> c_int {
    whole(|| with(poller, |poller| poller.modify(Target::socket(socket), events)))
}

/// Forgets a socket.
///
/// # Safety
/// As for `zmq_poller_add`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_remove(poller: *mut c_void, socket: *mut c_void) -> c_int {
    whole(|| with(poller, |poller| poller.remove(Target::socket(socket))))
}

/// Writes the one event that `wait` finds.
///
/// # Safety
/// As for `zmq_poller_wait`.
unsafe fn one(
    poller: *mut c_void,
    event: *mut PollerEvent,
    wait: impl Fn(&mut Poller, &mut [PollerEvent]) -> Result<usize>,
) -> Result<()> {
    // SAFETY: passed on.
    let event = unsafe { arg::place(event, Error::FAULT) };
    let (event, mut found) = (event?, PollerEvent::NONE);
    let result = waiting(poller, |poller, deadline| {
        look(poller, std::slice::from_mut(&mut found), deadline, &wait)
    });
    event.set(if result.is_ok() { found } else { PollerEvent::NONE });
    result.map(drop)
}

/// Waits, or goes on with it until that time.
fn look(
    poller: &mut Poller,
    events: &mut [PollerEvent],
    deadline: Option<Deadline>,
    wait: impl Fn(&mut Poller, &mut [PollerEvent]) -> Result<usize>,
) -> Result<usize> {
    match deadline {
        Some(deadline) => poller.wait_until(events, deadline),
        None => wait(poller, events),
    }
}

/// Goes on after a sleep.
///
/// # Safety
/// As for `zmq_poller_wait`.
#[cold]
#[inline(never)]
unsafe fn one_again(poller: *mut c_void, event: *mut PollerEvent) -> c_int {
    // SAFETY: passed on.
    go_on(|| unsafe { one(poller, event, Poller::wait_again) })
}

/// Waits for one event.
///
/// # Safety
/// `event` is null or points to an event.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_poller_wait(
    poller: *mut c_void,
    event: *mut PollerEvent,
    timeout: c_long,
) -> c_int {
    // SAFETY: by the contract of the function.
    let wait = || unsafe { one(poller, event, |poller, events| poller.wait(events, timeout)) };
    // SAFETY: by the contract of the function.
    sleeping(wait, || unsafe { one_again(poller, event) })
}

/// Writes the events that `wait` finds.
///
/// # Safety
/// As for `zmq_poller_wait_all`.
unsafe fn all(
    poller: *mut c_void,
    events: *mut PollerEvent,
    n_events: c_int,
    wait: impl Fn(&mut Poller, &mut [PollerEvent]) -> Result<usize>,
) -> Result<usize> {
    waiting(poller, |poller, deadline| {
        if events.is_null() {
            return Err(Error::FAULT);
        }
        let len = usize::try_from(n_events).map_err(|_| Error::INVAL)?;
        // SAFETY: passed on.
        look(poller, unsafe { arg::array(events, len, Error::FAULT) }?, deadline, &wait)
    })
}

/// Goes on after a sleep.
///
/// # Safety
/// As for `zmq_poller_wait_all`.
#[cold]
#[inline(never)]
unsafe fn all_again(poller: *mut c_void, events: *mut PollerEvent, n_events: c_int) -> c_int {
    // SAFETY: passed on.
    go_on(|| unsafe { all(poller, events, n_events, Poller::wait_again) })
}

/// Waits for up to `n_events` events and gives how many came.
///
/// # Safety
/// `events` is null or points to `n_events` events.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_poller_wait_all(
    poller: *mut c_void,
    events: *mut PollerEvent,
    n_events: c_int,
    timeout: c_long,
) -> c_int {
    let wait = |poller: &mut Poller, events: &mut [PollerEvent]| poller.wait(events, timeout);
    // SAFETY: by the contract of the function.
    let wait = || unsafe { all(poller, events, n_events, wait) };
    // SAFETY: by the contract of the function.
    sleeping(wait, || unsafe { all_again(poller, events, n_events) })
}

/// A descriptor that becomes readable when one of the thread-safe sockets has news.
///
/// # Safety
/// `fd` is null or points to a descriptor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_fd(poller: *mut c_void, fd: *mut Descriptor) -> c_int {
    whole(|| {
        with(poller, |poller| {
            // SAFETY: by the contract of the function.
            let place = unsafe { arg::place(fd, Error::FAULT) }?;
            place.set(poller.descriptor()?);
            Ok(())
        })
    })
}

/// Registers a descriptor.
///
/// # Safety
/// `poller` comes from `zmq_poller_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_add_fd(
    poller: *mut c_void,
    fd: Descriptor,
    user_data: *mut c_void,
    events: c_short,
) -> c_int {
    making(|| with_fd(poller, fd, |poller, target| poller.add(target, user_data, events)))
}

/// Changes the events of a descriptor.
///
/// # Safety
/// As for `zmq_poller_add_fd`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_modify_fd(
    poller: *mut c_void,
    fd: Descriptor,
    events: c_short,
) -> c_int {
    whole(|| with_fd(poller, fd, |poller, target| poller.modify(target, events)))
}

/// Forgets a descriptor.
///
/// # Safety
/// As for `zmq_poller_add_fd`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_remove_fd(poller: *mut c_void, fd: Descriptor) -> c_int {
    whole(|| with_fd(poller, fd, Poller::remove))
}
