//! The functions of libzmq's zmq_timers(3).

use std::ffi::{c_int, c_long, c_void};
use std::time::Instant;

use once_cell::race::OnceBox;

use super::arg;
use super::boundary::{boundary, making};
use super::handle::Shelf;
use crate::error::{Error, Result};
use crate::sys::lock::Mutex;
use crate::timers::Timers;

/// What a timer calls, see libzmq's zmq_timers(3).
#[allow(non_camel_case_types)]
pub type zmq_timer_fn = Option<unsafe extern "C-unwind" fn(timer_id: c_int, arg: *mut c_void)>;

/// A handler and its argument, an address that is only handed back.
#[derive(Clone, Copy)]
struct Call {
    handler: unsafe extern "C-unwind" fn(c_int, *mut c_void),
    arg: usize,
}

static TIMERS: Shelf<Mutex<Option<Timers<Call>>>> = Shelf::new();

/// Calls `act` with a set of timers; not to be held while a handler runs, which may come back.
fn with<T>(timers: *mut c_void, act: impl FnOnce(&mut Timers<Call>) -> Result<T>) -> Result<T> {
    act(TIMERS.get(timers)?.lock().as_mut().ok_or(Error::FAULT)?)
}

/// Milliseconds since the first use.
fn now() -> u64 {
    // Not one that waits for the thread that came first, as a forked child would do for ever.
    static START: OnceBox<Instant> = OnceBox::new();
    START
        .get_or_init(|| Box::new(Instant::now()))
        .elapsed()
        .as_millis()
        .try_into()
        .unwrap_or(u64::MAX)
}

/// Makes a set of timers.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_timers_new() -> *mut c_void {
    making(|| TIMERS.take(|timers| *timers.lock() = Some(Timers::new())))
}

/// Ends a set of timers and sets the pointer to null.
///
/// # Safety
/// `timers_p` is null or points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_destroy(timers_p: *mut *mut c_void) -> c_int {
    boundary(|| {
        // SAFETY: by the contract of the function.
        let place = unsafe { arg::place(timers_p, Error::FAULT) }?;
        drop(TIMERS.give_back(place.get(), |timers| timers.lock().take())?);
        place.set(std::ptr::null_mut());
        Ok(())
    })
}

/// Adds a timer of `interval` milliseconds and gives its id.
///
/// # Safety
/// `handler` is null or may be called with `arg` as long as the timer lives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_add(
    timers: *mut c_void,
    interval: usize,
    handler: zmq_timer_fn,
    arg: *mut c_void,
) -> c_int {
    making(|| {
        with(timers, |timers| {
            let handler = handler.ok_or(Error::FAULT)?;
            let call = Call { handler, arg: arg.expose_provenance() };
            Ok(timers.add(now(), interval as u64, call))
        })
    })
}

/// Removes a timer.
///
/// # Safety
/// `timers` comes from `zmq_timers_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_cancel(timers: *mut c_void, timer_id: c_int) -> c_int {
    boundary(|| with(timers, |timers| timers.cancel(timer_id)))
}

/// Changes the interval of a timer and starts it anew.
///
/// # Safety
/// `timers` comes from `zmq_timers_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_set_interval(
    timers: *mut c_void,
    timer_id: c_int,
    interval: usize,
) -> c_int {
    boundary(|| with(timers, |timers| timers.set_interval(now(), timer_id, interval as u64)))
}

/// Starts a timer anew.
///
/// # Safety
/// `timers` comes from `zmq_timers_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_reset(timers: *mut c_void, timer_id: c_int) -> c_int {
    boundary(|| with(timers, |timers| timers.reset(now(), timer_id)))
}

/// The milliseconds until the next timer is due; -1 and EINVAL if there is none.
///
/// # Safety
/// `timers` comes from `zmq_timers_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_timeout(timers: *mut c_void) -> c_long {
    boundary(|| {
        let timeout = with(timers, |timers| timers.timeout(now()).ok_or(Error::INVAL))?;
        Ok(c_long::try_from(timeout).unwrap_or(c_long::MAX))
    })
}

/// Calls the handlers of all timers that are due.
///
/// A handler may end the thread, pthread_exit(3), and throw: nothing of the library waits for it.
///
/// # Safety
/// `timers` comes from `zmq_timers_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_timers_execute(timers: *mut c_void) -> c_int {
    let mut time = (0, 0);
    let begin = || {
        time = (now(), with(timers, |timers| Ok(timers.begin()))?);
        Ok(())
    };
    let mut result = boundary(begin);
    while result == 0 {
        let mut due = None;
        let fire = || {
            // A handler may have ended the timers; then there is nothing left to do.
            due = with(timers, |timers| Ok(timers.fire(time.0, time.1))).unwrap_or(None);
            Ok(())
        };
        result = boundary(fire);
        let Some((id, call)) = due else { break };
        let arg = std::ptr::with_exposed_provenance_mut(call.arg);
        // SAFETY: `zmq_timers_add` was promised that the handler may be called with `arg`.
        unsafe { (call.handler)(id, arg) };
    }
    result
}
