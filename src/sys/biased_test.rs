//! The biased lock with the system's threads: exclusion while its owner changes.

use std::sync::atomic::AtomicBool;
use std::thread as threads;

use super::*;

/// Two numbers that are always changed together.
type Pair = (u64, u64);

fn change(lock: &Biased<Pair>) {
    let mut pair = lock.lock(|| true).unwrap();
    assert_eq!(pair.0, pair.1);
    pair.0 += 1;
    std::hint::black_box(&mut *pair);
    pair.1 += 1;
}

fn owned<T>(lock: &Biased<T>) -> bool {
    !lock.owner.load(Ordering::Relaxed).is_null()
}

#[test]
fn a_thread_that_is_alone_owns_the_lock() {
    let lock = Biased::<Pair>::default();
    for _ in 0..FIRST {
        assert!(!owned(&lock));
        change(&lock);
    }
    assert_eq!(owned(&lock), membarrier::register());
    change(&lock);
    assert_eq!(lock.lock(|| true).unwrap().0, u64::from(FIRST) + 1);
}

#[test]
fn ownership_is_revoked_and_gets_dearer() {
    let lock = Biased::<Pair>::default();
    let mut total = 0;
    for needed in [FIRST, 2 * FIRST, 4 * FIRST] {
        for _ in 0..needed {
            change(&lock);
        }
        assert_eq!(owned(&lock), membarrier::register());
        threads::scope(|scope| scope.spawn(|| change(&lock)).join()).unwrap();
        assert!(!owned(&lock));
        total += u64::from(needed) + 1;
    }
    assert_eq!(lock.lock(|| true).unwrap().0, total);
}

#[test]
fn an_owner_inside_is_waited_for_unless_one_is_impatient() {
    let lock = Biased::<Pair>::default();
    for _ in 0..FIRST {
        change(&lock);
    }
    let inside = lock.lock(|| true).unwrap();
    threads::scope(|scope| {
        assert!(scope.spawn(|| lock.lock(|| false).is_none()).join().unwrap());
        let waits = scope.spawn(|| change(&lock));
        threads::sleep(std::time::Duration::from_millis(20));
        assert!(!waits.is_finished());
        drop(inside);
        waits.join().unwrap();
    });
}

#[test]
fn an_owner_of_two_locks_may_hold_both() {
    let (one, other) = (Biased::<Pair>::default(), Biased::<Pair>::default());
    for _ in 0..2 * FIRST {
        change(&one);
        change(&other);
    }
    let guard = one.lock(|| true).unwrap();
    for _ in 0..2 * FIRST {
        change(&other);
    }
    drop(guard);
    change(&other);
    assert_eq!(other.lock(|| true).unwrap().0, u64::from(4 * FIRST) + 1);
}

#[test]
fn threads_that_come_and_go_exclude_each_other() {
    let lock = Biased::<Pair>::default();
    let over = AtomicBool::new(false);
    let rounds: u64 = if cfg!(debug_assertions) { 300 } else { 3000 };
    let others = threads::scope(|scope| {
        // One owns it most of the time, others come now and then.
        let owner = scope.spawn(|| {
            let mut count = 0;
            while !over.load(Ordering::Relaxed) {
                change(&lock);
                count += 1;
            }
            count
        });
        for round in 0..rounds {
            let thread = scope.spawn(|| (0..20).for_each(|_| change(&lock)));
            if round % 3 == 0 {
                (0..40).for_each(|_| change(&lock));
            }
            thread.join().unwrap();
        }
        over.store(true, Ordering::Relaxed);
        owner.join().unwrap()
    });
    let expected = others + rounds * 20 + rounds.div_ceil(3) * 40;
    assert_eq!(*lock.lock(|| true).unwrap(), (expected, expected));
}
