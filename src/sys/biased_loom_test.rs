//! The biased lock under loom: an owner and one that revokes. Run by `make check-loom`.

use loom::cell::UnsafeCell as Watched;
use loom::sync::Arc;
use loom::thread as threads;

use super::*;

/// The lock, and a cell for which loom objects to accesses that nothing orders.
struct Shared {
    lock: Biased<()>,
    value: Watched<u32>,
}

// SAFETY: the cell is touched with the lock held.
unsafe impl Sync for Shared {}

impl Shared {
    /// A lock that the next thread to come owns at once.
    fn eager() -> Arc<Shared> {
        let shared = Shared { lock: Biased::new(()), value: Watched::new(0) };
        shared.lock.slow.lock().needed = 1;
        Arc::new(shared)
    }

    fn change(&self) {
        let _guard = self.lock.lock(|| true).unwrap();
        // SAFETY: the lock is held.
        self.value.with_mut(|value| unsafe { *value += 1 });
    }

    /// The same by the short way, if this thread is the owner.
    fn change_as_owner(&self) {
        match self.lock.lock_own() {
            // SAFETY: the lock is held.
            Some(_own) => self.value.with_mut(|value| unsafe { *value += 1 }),
            None => self.change(),
        }
    }

    /// The same, and something is to be done outside, of which it hears twice.
    fn change_and_be_detained(&self) {
        let own = self.lock.lock_own();
        assert_eq!(detained(), own.is_some());
        if own.is_none() {
            return self.change();
        }
        // SAFETY: the lock is held.
        self.value.with_mut(|value| unsafe { *value += 1 });
        assert!(detained());
    }

    fn value(&self) -> u32 {
        let _guard = self.lock.lock(|| true).unwrap();
        // SAFETY: the lock is held.
        self.value.with(|value| unsafe { *value })
    }
}

fn detained() -> bool {
    detain(&Cell::new(None))
}

fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(test);
}

#[test]
fn an_owner_and_a_stranger_exclude_each_other() {
    model(|| {
        let shared = Shared::eager();
        shared.change();
        let other = shared.clone();
        let stranger = threads::spawn(move || other.change());
        shared.change_as_owner();
        stranger.join().unwrap();
        assert_eq!(shared.value(), 3);
    });
}

#[test]
fn a_new_owner_is_not_disturbed_by_the_old_one() {
    model(|| {
        let shared = Shared::eager();
        shared.change();
        shared.lock.slow.lock().needed = 0;
        let other = shared.clone();
        let stranger = threads::spawn(move || {
            // Owner after the first, inside as such at the second, unless revoked in between.
            other.change();
            other.change();
        });
        shared.change_as_owner();
        stranger.join().unwrap();
        assert_eq!(shared.value(), 4);
    });
}

/// One waits while the owner, and another who becomes it, change the value in this way.
fn two_owners_and_one_who_waits(change: fn(&Shared)) {
    model(move || {
        let shared = Shared::eager();
        shared.change();
        shared.lock.slow.lock().needed = 0;
        let (other, third) = (shared.clone(), shared.clone());
        let waits = threads::spawn(move || other.change());
        let becomes_owner = threads::spawn(move || {
            third.change();
            change(&third);
        });
        change(&shared);
        waits.join().unwrap();
        becomes_owner.join().unwrap();
        assert_eq!(shared.value(), 5);
    });
}

#[test]
fn one_who_waits_sees_that_another_became_the_owner() {
    two_owners_and_one_who_waits(Shared::change);
}

#[test]
fn an_owner_that_is_detained_leaves_as_the_owner() {
    model(|| {
        let shared = Shared::eager();
        shared.change();
        let other = shared.clone();
        let stranger = threads::spawn(move || other.change());
        shared.change_and_be_detained();
        // Inside as the owner again, unless it was revoked.
        shared.change_and_be_detained();
        shared.change_as_owner();
        stranger.join().unwrap();
        assert_eq!(shared.value(), 5);
    });
}

#[test]
fn a_lock_stays_with_an_owner_that_was_detained() {
    model(|| {
        let shared = Shared::eager();
        shared.change();
        shared.change_and_be_detained();
        assert!(shared.lock.lock_own().is_some());
        assert!(!detained());
    });
}

#[test]
fn two_strangers_wait_for_one_that_is_detained() {
    two_owners_and_one_who_waits(Shared::change_and_be_detained);
}

#[test]
fn an_impatient_thread_never_waits() {
    model(|| {
        let shared = Shared::eager();
        shared.change();
        let other = shared.clone();
        let stranger = threads::spawn(move || {
            let guard = other.lock.lock(|| false);
            if guard.is_some() {
                // SAFETY: the lock is held.
                other.value.with_mut(|value| unsafe { *value += 1 });
            }
            u32::from(guard.is_some())
        });
        shared.change();
        let came = stranger.join().unwrap();
        assert_eq!(shared.value(), 2 + came);
    });
}
