//! Helpers: zmq_has(3), zmq_atomic_counter_new(3), stopwatches, threads, sleeping.

use std::ffi::{c_char, c_int, c_ulong, c_void};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use once_cell::race::OnceBox;

use super::arg;
use super::boundary::{boundary, whole};
use super::handle::Shelf;
use crate::error::Error;
use crate::sys::lock::Mutex;
use crate::sys::{gssapi, nap, norm, pgm, signals, thread};
use crate::transport::find as transport;

/// What zmq_has(3) may be asked, and whether it is there.
const CAPABILITIES: &[Capability] = &[
    (b"ipc", || transport("ipc").is_some()),
    (b"pgm", pgm::is_available),
    (b"tipc", || transport("tipc").is_some()),
    (b"norm", norm::is_available),
    (b"vmci", || transport("vmci").is_some()),
    (b"vsock", || transport("vsock").is_some()),
    (b"WS", || transport("ws").is_some()),
    (b"WSS", || transport("wss").is_some()),
    (b"curve", || true),
    (b"gssapi", gssapi::is_available),
    (b"draft", || cfg!(feature = "draft")),
];

type Capability = (&'static [u8], fn() -> bool);

/// Whether the library can do something, see zmq_has(3).
///
/// # Safety
/// `capability` is null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_has(capability: *const c_char) -> c_int {
    whole(|| {
        // SAFETY: by the contract of the function.
        let Ok(name) = (unsafe { arg::c_str(capability) }) else { return Ok(0) };
        let row = CAPABILITIES.iter().find(|(key, _)| *key == name.to_bytes());
        Ok(c_int::from(row.is_some_and(|(_, present)| present())))
    })
}

static COUNTERS: Shelf<AtomicI32> = Shelf::new();

/// Makes a counter that is zero, see zmq_atomic_counter_new(3).
#[unsafe(no_mangle)]
pub extern "C" fn zmq_atomic_counter_new() -> *mut c_void {
    boundary(|| COUNTERS.take(|counter| counter.store(0, Ordering::SeqCst)))
}

/// Sets a counter, see zmq_atomic_counter_set(3).
///
/// # Safety
/// `counter` comes from `zmq_atomic_counter_new`; nothing happens to other pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_set(counter: *mut c_void, value: c_int) {
    boundary(|| {
        COUNTERS.get(counter)?.store(value, Ordering::SeqCst);
        Ok(())
    });
}

/// Adds one and gives the value before, see zmq_atomic_counter_inc(3).
///
/// # Safety
/// `counter` comes from `zmq_atomic_counter_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_inc(counter: *mut c_void) -> c_int {
    boundary(|| Ok(COUNTERS.get(counter)?.fetch_add(1, Ordering::SeqCst)))
}

/// Takes one away; 0 if that made it zero, otherwise 1, see zmq_atomic_counter_dec(3).
///
/// # Safety
/// `counter` comes from `zmq_atomic_counter_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_dec(counter: *mut c_void) -> c_int {
    boundary(|| Ok(c_int::from(COUNTERS.get(counter)?.fetch_sub(1, Ordering::SeqCst) != 1)))
}

/// The value of a counter, see zmq_atomic_counter_value(3).
///
/// # Safety
/// `counter` comes from `zmq_atomic_counter_new`; other pointers are answered with EFAULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_value(counter: *mut c_void) -> c_int {
    boundary(|| Ok(COUNTERS.get(counter)?.load(Ordering::SeqCst)))
}

/// Ends a counter and sets the pointer to null, see zmq_atomic_counter_destroy(3).
///
/// # Safety
/// `counter_p` is null or points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_destroy(counter_p: *mut *mut c_void) {
    boundary(|| {
        // SAFETY: by the contract of the function.
        let place = unsafe { arg::place(counter_p, Error::FAULT) }?;
        COUNTERS.give_back(place.get(), |_| Some(()))?;
        place.set(std::ptr::null_mut());
        Ok(())
    });
}

static WATCHES: Shelf<AtomicU64> = Shelf::new();

/// Microseconds since the first use.
fn microseconds() -> u64 {
    // Not one that waits for the thread that came first, as a forked child would do for ever.
    static START: OnceBox<Instant> = OnceBox::new();
    START
        .get_or_init(|| Box::new(Instant::now()))
        .elapsed()
        .as_micros()
        .try_into()
        .unwrap_or(u64::MAX)
}

fn elapsed(start: &AtomicU64) -> c_ulong {
    microseconds().saturating_sub(start.load(Ordering::Relaxed)) as c_ulong
}

/// Starts a stopwatch.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_stopwatch_start() -> *mut c_void {
    boundary(|| WATCHES.take(|start| start.store(microseconds(), Ordering::Relaxed)))
}

/// The microseconds since a stopwatch was started.
///
/// # Safety
/// `watch` comes from `zmq_stopwatch_start`; other pointers are answered with 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_stopwatch_intermediate(watch: *mut c_void) -> c_ulong {
    WATCHES.get(watch).map_or(0, elapsed)
}

/// The microseconds since a stopwatch was started, which ends here.
///
/// # Safety
/// `watch` comes from `zmq_stopwatch_start`; other pointers are answered with 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_stopwatch_stop(watch: *mut c_void) -> c_ulong {
    WATCHES.give_back(watch, |start| Some(elapsed(start))).unwrap_or(0)
}

/// Sleeps for so many seconds.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn zmq_sleep(seconds: c_int) {
    nap::pause(Duration::from_secs(seconds.try_into().unwrap_or(0)));
}

/// What `zmq_threadstart` runs. It may end its thread by pthread_exit(3), or be cancelled.
#[allow(non_camel_case_types)]
pub type zmq_thread_fn = Option<unsafe extern "C-unwind" fn(arg: *mut c_void)>;

static THREADS: Shelf<Mutex<Option<thread::Thread>>> = Shelf::new();

/// As much as C programs are used to.
const STACK: usize = 8 << 20;

/// Runs `func(arg)` in a new thread, which takes no signals.
///
/// # Safety
/// `func` is null or may be called with `arg` from another thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_threadstart(func: zmq_thread_fn, arg: *mut c_void) -> *mut c_void {
    whole(|| {
        let func = func.ok_or(Error::FAULT)?;
        let _blocked = signals::block_all();
        // SAFETY: by the contract of the function.
        let thread = unsafe { thread::start_foreign(STACK, "ZMQapp", func, arg) }?;
        THREADS.take(|slot| *slot.lock() = Some(thread))
    })
}

/// Waits for a thread to end.
///
/// # Safety
/// `thread` comes from `zmq_threadstart`; nothing happens to other pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_threadclose(thread: *mut c_void) {
    whole(|| {
        THREADS.give_back(thread, |slot| slot.lock().take())?.join();
        Ok(())
    });
}
