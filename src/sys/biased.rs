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
//! the lock is a mutex.
//!
//! Inside, an owner may find that it has something to do once it is out (`errand`). That costs nothing while there is
//! no such thing: it puts its record's twin in its place ([`detain`]), and then finds on its way out that the owner is
//! another one, as if it had been revoked. Used by `socket` for its core; the loom model is in `biased_loom_test.rs`.

use std::cell::{Cell, UnsafeCell};
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};

use super::sync::{AtomicPtr, Condvar, Mutex, MutexGuard, Ordering, dear_fence, free_fence};
use super::{errand, membarrier, thread};

/// So often in a row a thread takes the lock before it may own it.
const FIRST: u32 = 16;
/// The most that revocations make of it.
const MOST: u32 = 4096;

/// Where a lock has the record of the thread that owns it, or its twin, or null; and so what lock it is.
type Owner = AtomicPtr<Record>;

/// What a thread writes down: which lock it owns and is inside of, null for none. Never freed.
pub(super) struct Record {
    thread: usize,
    holds: AtomicPtr<Owner>,
    next: *mut Record,
    /// Stands for it as the owner of the lock that it is inside of, while something waits for its way out.
    twin: Option<&'static Record>,
}

/// See the head of this file.
#[repr(C)]
pub(crate) struct Biased<T> {
    /// The record of the thread that owns the lock, or null. Set and cleared under `slow`; but the owner itself puts
    /// the twin in the place of the record while it is inside, and the record back. It comes first: the way in is
    /// an instruction shorter.
    owner: Owner,
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

    /// What tells this lock from others.
    #[inline(always)]
    fn name(&self) -> *mut Owner {
        ptr::from_ref(&self.owner).cast_mut()
    }

    /// The way in of the owner: its record.
    #[inline(always)]
    fn enter(&self) -> Option<&'static Record> {
        let owner = self.owner.load(Ordering::Acquire);
        // SAFETY: null or a record, which live for ever.
        let record = unsafe { owner.as_ref() }?;
        // Inside another lock of its own, or of this one, it has to go the long way.
        if record.thread != thread::id() || !record.holds.load(Ordering::Relaxed).is_null() {
            return None;
        }
        // What was done in the lock before is behind it for who reads this name and not the null between.
        record.holds.store(self.name(), Ordering::Release);
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
        record.holds.store(ptr::null_mut(), Ordering::Release);
        free_fence();
        if !ptr::eq(self.owner.load(Ordering::Relaxed), record) {
            self.leave_slowly(record);
        }
    }

    /// The way out of an owner that was revoked, or detained.
    #[cold]
    #[inline(never)]
    fn leave_slowly(&self, record: &'static Record) {
        if !record.give_place(&self.owner) {
            // With the mutex held, whoever waits has not yet looked or is asleep.
            let _slow = self.slow.lock();
            self.left.notify_all();
        }
        errand::own_lock_left();
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
            // In one step: the owner may be about to put its twin there.
            let mut owner = self.owner.load(Ordering::Relaxed);
            if !owner.is_null() {
                let nobody = ptr::null_mut();
                owner = self.owner.swap(nobody, Ordering::AcqRel);
            }
            // SAFETY: null or a record, which live for ever.
            if let Some(owner) = unsafe { owner.as_ref() } {
                if owner.thread != me {
                    dear_fence();
                    slow.needed = (slow.needed * 2).min(MOST);
                }
                slow.leaving = Some(owner);
            }
            match slow.leaving {
                Some(owner) if owner.holds.load(Ordering::Acquire) == self.name() => {
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
        errand::lock_taken();
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
            self.owner.store(Record::mine().name(), Ordering::Release);
        }
        drop(slow);
        errand::lock_left();
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

/// Sees to it that this thread, if it is inside a lock of its own, goes the long way out, and then asks for errands.
/// False: it is inside none.
pub(super) fn detain(known: &Cell<Known>) -> bool {
    let record = known.get().unwrap_or_else(Record::mine);
    known.set(Some(record));
    record.take_place()
}

/// The record of a thread, if it has asked for it before; for this thread's own eyes.
pub(super) type Known = Option<&'static Record>;

impl Record {
    fn new(thread: usize, twin: Option<&'static Record>) -> Record {
        Record { thread, holds: AtomicPtr::new(ptr::null_mut()), next: ptr::null_mut(), twin }
    }

    /// As what stands in a lock.
    fn name(&self) -> *mut Record {
        ptr::from_ref(self).cast_mut()
    }

    /// Puts the twin into the lock that its thread is inside of. False if there is none.
    fn take_place(&'static self) -> bool {
        let lock = self.holds.load(Ordering::Relaxed);
        // SAFETY: the thread is inside, by a guard that borrows the lock.
        let (Some(owner), Some(twin)) = (unsafe { lock.as_ref() }, self.twin) else {
            return false;
        };
        if ptr::eq(owner.load(Ordering::Relaxed), self) {
            // Whoever finds the twin as the owner waits until the twin is out. If it is revoked first, nobody looks.
            twin.holds.store(lock, Ordering::Relaxed);
            let (from, to) = (self.name(), twin.name());
            let _ = owner.compare_exchange(from, to, Ordering::Release, Ordering::Relaxed);
        }
        true
    }

    /// Puts the record back in the place of its twin, as it has left the lock. False if it is the owner no more.
    fn give_place(&'static self, owner: &Owner) -> bool {
        let Some(twin) = self.twin else { return false };
        twin.holds.store(ptr::null_mut(), Ordering::Release);
        let (from, to) = (twin.name(), self.name());
        owner.compare_exchange(from, to, Ordering::Release, Ordering::Relaxed).is_ok()
    }

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
        let twin = Box::leak(Box::new(Record::new(thread, None)));
        let record = Box::leak(Box::new(Record::new(thread, Some(twin))));
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
