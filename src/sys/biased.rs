//! A lock that costs next to nothing for the thread that always takes it.
//!
//! A mutex takes two atomic exchanges, 15 ns, and a socket is mostly used by one thread. After a thread has
//! taken the lock some times in a row, the lock is its own: from then on it only writes down, in a
//! [`Record`] of its own, that it is inside. Another thread that comes has to revoke that: it clears
//! the owner, has every processor pass a fence (membarrier(2)), and waits if the owner is inside. As that
//! costs microseconds, each revocation doubles what it takes to own the lock again.
//!
//! ```text
//!     owner                            another thread, with the mutex
//!       holds = lock                     owner = none
//!       fence (free)                     fence (dear)
//!       owner is still me? inside        holds == lock? wait until left
//!       holds = none, owner is me?       inside
//!       if not, tell who waits
//! ```
//! Either the owner sees that it was revoked or the other one sees that it is inside. What the owner
//! writes belongs to it and not to the lock, so one that comes late disturbs nobody. Without membarrier
//! the lock is a mutex. Used by `socket` for its core; the loom model is in `biased_loom_test.rs`.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};

use super::sync::{
    AtomicPtr, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, dear_fence, free_fence,
};
use super::{membarrier, thread};

/// So often in a row a thread takes the lock before it may own it.
const FIRST: u32 = 16;
/// The most that revocations make of it.
const MOST: u32 = 4096;

/// What a thread writes down: which lock it owns and is inside of, 0 for none. Never freed.
struct Record {
    thread: usize,
    holds: AtomicUsize,
    next: *mut Record,
}

/// See the head of this file.
pub(crate) struct Biased<T> {
    /// The record of the thread that owns the lock, or null. Set and cleared under `slow`.
    owner: AtomicPtr<Record>,
    /// How whoever has a `Guard` came in: as the owner with this record, or, when it is null, by the mutex.
    inside: UnsafeCell<*mut Record>,
    held: UnsafeCell<Option<MutexGuard<'static, Slow>>>,
    slow: Mutex<Slow>,
    /// A revoked owner has left.
    left: Condvar,
    value: UnsafeCell<T>,
}

/// What the mutex guards besides the value.
struct Slow {
    /// An owner that was revoked and may still be inside.
    leaving: Option<&'static Record>,
    /// The thread that took the mutex last, and how often in a row.
    last: usize,
    streak: u32,
    /// How long a streak makes an owner.
    needed: u32,
}

// SAFETY: the lock gives one thread at a time access to the value.
unsafe impl<T: Send> Sync for Biased<T> {}
// SAFETY: the records it may point to live for ever and are atomic.
unsafe impl<T: Send> Send for Biased<T> {}

impl<T: Default> Default for Biased<T> {
    fn default() -> Biased<T> {
        Biased::new(T::default())
    }
}

impl<T> Biased<T> {
    pub(crate) fn new(value: T) -> Biased<T> {
        Biased {
            owner: AtomicPtr::new(ptr::null_mut()),
            inside: UnsafeCell::new(ptr::null_mut()),
            held: UnsafeCell::new(None),
            slow: Mutex::new(Slow { leaving: None, last: 0, streak: 0, needed: FIRST }),
            left: Condvar::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock. `None` if it is not free and `patient` does not want to wait.
    #[inline(always)]
    pub(crate) fn lock(&self, patient: impl Fn() -> bool) -> Option<Guard<'_, T, T>> {
        match self.enter() {
            // SAFETY: the lock is ours.
            Some(record) => unsafe { *self.inside.get() = ptr::from_ref(record).cast_mut() },
            None if self.lock_slowly(patient) => {}
            None => return None,
        }
        // SAFETY: a cell's content is never null.
        let value = unsafe { NonNull::new_unchecked(self.value.get()) };
        Some(Guard { lock: self, value })
    }

    /// Takes the lock if it is the calling thread's own, and nobody has come to revoke that.
    #[inline(always)]
    pub(crate) fn lock_own(&self) -> Option<Own<'_, T>> {
        let record = self.enter()?;
        Some(Own { lock: self, record })
    }

    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// The way in of the owner: its record.
    #[inline(always)]
    fn enter(&self) -> Option<&'static Record> {
        let owner = self.owner.load(Ordering::Acquire);
        // SAFETY: null or a record, which live for ever.
        let record = unsafe { owner.as_ref() }?;
        // Inside another lock of its own, or of this one, it has to go the long way.
        if record.thread != thread::id() || record.holds.load(Ordering::Relaxed) != 0 {
            return None;
        }
        record.holds.store(self.address(), Ordering::Relaxed);
        free_fence();
        if self.owner.load(Ordering::Relaxed) != owner {
            self.leave(record);
            return None;
        }
        Some(record)
    }

    /// The way out of the owner.
    #[inline(always)]
    fn leave(&self, record: &'static Record) {
        record.holds.store(0, Ordering::Release);
        free_fence();
        if !ptr::eq(self.owner.load(Ordering::Relaxed), record) {
            self.tell();
        }
    }

    #[cold]
    fn tell(&self) {
        // With the mutex held, whoever waits has not yet looked or is asleep.
        let _slow = self.slow.lock();
        self.left.notify_all();
    }

    #[cold]
    #[inline(never)]
    fn lock_slowly(&self, patient: impl Fn() -> bool) -> bool {
        let mut slow = match self.slow.try_lock() {
            Some(slow) => slow,
            None if patient() => self.slow.lock(),
            None => return false,
        };
        let me = thread::id();
        loop {
            // SAFETY: null or a record, which live for ever.
            if let Some(owner) = unsafe { self.owner.load(Ordering::Acquire).as_ref() } {
                self.owner.store(ptr::null_mut(), Ordering::Relaxed);
                if owner.thread != me {
                    dear_fence();
                    slow.needed = (slow.needed * 2).min(MOST);
                }
                slow.leaving = Some(owner);
            }
            match slow.leaving {
                Some(owner) if owner.holds.load(Ordering::Acquire) == self.address() => {
                    if !patient() {
                        return false;
                    }
                    // Meanwhile somebody else may go in, and come out as the owner.
                    slow = self.left.wait(slow);
                }
                _ => break,
            }
        }
        slow.leaving = None;
        slow.streak = if slow.last == me { slow.streak.saturating_add(1) } else { 1 };
        slow.last = me;
        // SAFETY: the lock is ours. `unlock` takes the mutex's guard out again while `self` is borrowed
        // by a `Guard`, so the mutex outlives it.
        unsafe {
            *self.inside.get() = ptr::null_mut();
            let slow = std::mem::transmute::<MutexGuard<'_, Slow>, MutexGuard<'static, Slow>>(slow);
            *self.held.get() = Some(slow);
        }
        true
    }

    /// Ends what `lock` began.
    #[inline(always)]
    fn unlock(&self) {
        // SAFETY: the lock is still ours.
        match unsafe { (*self.inside.get()).as_ref() } {
            Some(record) => self.leave(record),
            None => self.unlock_slowly(),
        }
    }

    #[cold]
    #[inline(never)]
    fn unlock_slowly(&self) {
        // SAFETY: the lock is still ours, and so is what `lock_slowly` left here.
        let slow = unsafe { (*self.held.get()).take() };
        if slow.as_ref().is_some_and(|slow| slow.streak >= slow.needed) && membarrier::register() {
            self.owner.store(ptr::from_ref(Record::mine()).cast_mut(), Ordering::Release);
        }
    }
}

/// The lock, held; gives access to a `V` within the value.
pub(crate) struct Guard<'a, T, V> {
    lock: &'a Biased<T>,
    value: NonNull<V>,
}

impl<'a, T, V> Guard<'a, T, V> {
    /// Goes from the value to a part of it, if it is there.
    #[inline(always)]
    pub(crate) fn try_map<W>(
        mut self,
        part: impl FnOnce(&mut V) -> Option<&mut W>,
    ) -> Option<Guard<'a, T, W>> {
        let value = NonNull::from(part(&mut self)?);
        let lock = self.lock;
        std::mem::forget(self);
        Some(Guard { lock, value })
    }
}

impl<T, V> Deref for Guard<'_, T, V> {
    type Target = V;

    #[inline(always)]
    fn deref(&self) -> &V {
        // SAFETY: the lock is held, and the part lies in the value, which the guard borrows.
        unsafe { self.value.as_ref() }
    }
}

impl<T, V> DerefMut for Guard<'_, T, V> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut V {
        // SAFETY: as above, and the guard is borrowed for as long.
        unsafe { self.value.as_mut() }
    }
}

impl<T, V> Drop for Guard<'_, T, V> {
    #[inline(always)]
    fn drop(&mut self) {
        self.lock.unlock();
    }
}

/// The lock, held by its owner.
pub(crate) struct Own<'a, T> {
    lock: &'a Biased<T>,
    record: &'static Record,
}

impl<T> Deref for Own<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Own<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and this is borrowed for as long.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Own<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.lock.leave(self.record);
    }
}

/// All records, the newest first: one for each address that the system uses for a thread. It uses them
/// again, so the list stays as long as the most threads there were at a time.
#[cfg(not(loom))]
static RECORDS: AtomicPtr<Record> = AtomicPtr::new(ptr::null_mut());
#[cfg(loom)]
loom::lazy_static! {
    static ref RECORDS: AtomicPtr<Record> = AtomicPtr::new(ptr::null_mut());
}

impl Record {
    /// The record of the calling thread.
    fn mine() -> &'static Record {
        let thread = thread::id();
        let mut newest = RECORDS.load(Ordering::Acquire);
        let mut next = newest;
        // SAFETY: what is in the list lives for ever.
        while let Some(record) = unsafe { next.as_ref() } {
            if record.thread == thread {
                return record;
            }
            next = record.next;
        }
        let record = Box::leak(Box::new(Record {
            thread,
            holds: AtomicUsize::new(0),
            next: ptr::null_mut(),
        }));
        loop {
            record.next = newest;
            let new = ptr::from_mut(record);
            match RECORDS.compare_exchange(newest, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return record,
                Err(other) => newest = other,
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
#[path = "biased_test.rs"]
mod biased_test;
#[cfg(all(test, loom))]
#[path = "biased_loom_test.rs"]
mod loom_test;
