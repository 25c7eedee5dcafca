//! Threads of the library, and what one sets about itself: name, processors, scheduling.
//!
//! Rust's own way of starting one ends the process when there is no memory for its handle, and when C code
//! that it runs ends the thread by pthread_exit(3) or is cancelled.
//! ZMQ_THREAD_NAME_PREFIX, ZMQ_THREAD_AFFINITY_CPU_*, ZMQ_THREAD_SCHED_POLICY and
//! ZMQ_THREAD_PRIORITY of zmq_ctx_set(3). What sets something acts on the calling thread. Called by
//! `runtime::io_thread`, the resolver, `biased` and zmq_threadstart.

use std::ffi::{CString, c_void};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

type Body = Box<dyn FnOnce() + Send>;

/// A thread that was started. It goes on by itself if this is dropped.
pub(crate) struct Thread(Option<libc::pthread_t>);

// SAFETY: any thread may wait for another one or let it go; where it is a pointer it is only a name.
unsafe impl Send for Thread {}

/// What begins a thread. It may not return but be unwound to its end.
type Entry = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;

unsafe extern "C" {
    // The libc crate's takes only what is never unwound.
    fn pthread_create(
        thread: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        entry: Entry,
        argument: *mut c_void,
    ) -> libc::c_int;
}

/// Starts a thread with so large a stack.
pub(crate) fn start(stack: usize, body: impl FnOnce() + Send + 'static) -> io::Result<Thread> {
    unsafe extern "C-unwind" fn enter(body: *mut c_void) -> *mut c_void {
        // SAFETY: `start` passes the box on, to this one call.
        let body = *unsafe { Box::from_raw(body.cast::<Body>()) };
        let _ = catch_unwind(AssertUnwindSafe(body));
        std::ptr::null_mut()
    }
    // SAFETY: it takes the body over.
    unsafe { create(stack, enter, Box::<Body>::new(Box::new(body))) }
}

/// A function of the application, which may end its thread.
pub(crate) type Function = unsafe extern "C-unwind" fn(*mut c_void);

/// Starts a thread that runs a function of the application, and owns nothing meanwhile: the thread may be
/// cancelled, and leave by pthread_exit(3).
///
/// # Safety
/// The function may be called with `argument` by another thread.
pub(crate) unsafe fn start_foreign(
    stack: usize,
    name: &'static str,
    function: Function,
    argument: *mut c_void,
) -> io::Result<Thread> {
    struct Call(&'static str, Function, *mut c_void);
    /// Takes the call out of its box.
    fn prepare(call: *mut c_void) -> (Function, *mut c_void) {
        // SAFETY: `create` passes the box on, to this one call.
        let Call(name, function, argument) = *unsafe { Box::from_raw(call.cast::<Call>()) };
        set_name(name);
        (function, argument)
    }
    unsafe extern "C-unwind" fn enter(call: *mut c_void) -> *mut c_void {
        let (function, argument) = prepare(call);
        // SAFETY: so `start_foreign` was promised.
        unsafe { function(argument) };
        std::ptr::null_mut()
    }
    // SAFETY: it takes the call over.
    unsafe { create(stack, enter, Box::new(Call(name, function, argument))) }
}

/// Starts a thread.
///
/// # Safety
/// `entry` takes the ownership of a `T` of a box over, and may do so in another thread.
unsafe fn create<T>(stack: usize, entry: Entry, argument: Box<T>) -> io::Result<Thread> {
    let argument = Box::into_raw(argument);
    let mut attributes = std::mem::MaybeUninit::uninit();
    let mut thread = std::mem::MaybeUninit::uninit();
    // SAFETY: the attributes are initialised before they are used; the new thread takes the argument over.
    let result = unsafe {
        let attributes = attributes.as_mut_ptr();
        errno_of(libc::pthread_attr_init(attributes)).and_then(|()| {
            libc::pthread_attr_setstacksize(attributes, stack);
            let result = pthread_create(thread.as_mut_ptr(), attributes, entry, argument.cast());
            libc::pthread_attr_destroy(attributes);
            errno_of(result)
        })
    };
    match result {
        // SAFETY: pthread_create(3) has succeeded, and so has written the thread.
        Ok(()) => Ok(Thread(Some(unsafe { thread.assume_init() }))),
        Err(error) => {
            // SAFETY: no thread was made, so the argument is still ours.
            drop(unsafe { Box::from_raw(argument) });
            Err(error)
        }
    }
}

impl Thread {
    /// Waits until it has ended.
    pub(crate) fn join(mut self) {
        if let Some(thread) = self.0.take() {
            // SAFETY: it was neither joined nor detached.
            unsafe { libc::pthread_join(thread, std::ptr::null_mut()) };
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // SAFETY: it was neither joined nor detached.
            unsafe { libc::pthread_detach(thread) };
        }
    }
}

/// A number that no other living thread has, never 0: where the system keeps what belongs to the thread.
#[inline(always)]
#[cfg(not(loom))]
pub(crate) fn id() -> usize {
    #[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
    {
        let id: usize;
        // SAFETY: the ABI for thread-local storage puts the address of the thread's block there.
        unsafe {
            std::arch::asm!("mov {}, fs:0", out(reg) id, options(pure, readonly, nostack, preserves_flags));
        }
        id
    }
    #[cfg(all(target_os = "linux", target_arch = "aarch64", not(miri)))]
    {
        let id: usize;
        // SAFETY: reads the register that holds the address of the thread's block.
        unsafe {
            std::arch::asm!("mrs {}, tpidr_el0", out(reg) id, options(pure, nomem, nostack, preserves_flags));
        }
        id
    }
    #[cfg(not(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64"),
        not(miri)
    )))]
    {
        thread_local!(static PLACE: u8 = const { 0 });
        PLACE.with(|place| std::ptr::from_ref(place).addr())
    }
}

/// The same in loom's world, where threads are not the system's.
#[cfg(loom)]
pub(crate) fn id() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    loom::thread_local!(static ID: usize = NEXT.fetch_add(1, Ordering::Relaxed));
    ID.with(|id| *id)
}

/// A name for the debugger's eyes; a longer one than the kernel keeps (15 bytes) is cut.
pub(crate) fn set_name(name: &str) {
    let kept: Vec<u8> = name.bytes().filter(|&byte| byte != 0).take(15).collect();
    let Ok(name) = CString::new(kept) else { return };
    // SAFETY: the name is NUL-terminated; pthread_self is always valid.
    unsafe {
        libc::pthread_setname_np(libc::pthread_self(), name.as_ptr());
    }
}

/// Binds the thread to these processors; an empty list leaves it free.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn set_affinity(processors: impl IntoIterator<Item = i32>) -> io::Result<()> {
    // SAFETY: cpu_set_t is plain old data, all zeroes is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    let mut any = false;
    for processor in processors {
        let processor = usize::try_from(processor)
            .ok()
            .filter(|&processor| processor < libc::CPU_SETSIZE as usize)
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        // SAFETY: the index was checked against the size of the set.
        unsafe { libc::CPU_SET(processor, &mut set) };
        any = true;
    }
    if !any {
        return Ok(());
    }
    // SAFETY: 0 is the calling thread, the set is initialised.
    super::cvt(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) })?;
    Ok(())
}

/// Binding threads to processors is not offered by this platform.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn set_affinity(_processors: impl IntoIterator<Item = i32>) -> io::Result<()> {
    Ok(())
}

/// Sets policy and priority, each unless `None`. The real-time policies take the priority; with
/// any other a priority above zero asks for the best nice value instead.
pub(crate) fn set_scheduling(policy: Option<i32>, priority: Option<i32>) -> io::Result<()> {
    if policy.is_none() && priority.is_none() {
        return Ok(());
    }
    let mut current = 0;
    // SAFETY: sched_param is plain old data.
    let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: both out pointers are valid.
    let result = unsafe {
        libc::pthread_getschedparam(libc::pthread_self(), &raw mut current, &raw mut parameters)
    };
    errno_of(result)?;
    let policy = policy.unwrap_or(current);
    let real_time = policy == libc::SCHED_FIFO || policy == libc::SCHED_RR;
    match priority {
        _ if !real_time => parameters.sched_priority = 0,
        Some(priority) => parameters.sched_priority = priority,
        None => {}
    }
    // SAFETY: the parameters are initialised.
    errno_of(unsafe {
        libc::pthread_setschedparam(libc::pthread_self(), policy, &raw const parameters)
    })?;
    if !real_time && priority.is_some_and(|priority| priority > 0) {
        super::errno::set(0);
        // SAFETY: no pointers. -1 may be a valid result, so errno tells.
        let nice = unsafe { libc::nice(-20) };
        if nice == -1 && super::errno::get() != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The pthread functions return the error instead of setting errno.
fn errno_of(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(result)) }
}
