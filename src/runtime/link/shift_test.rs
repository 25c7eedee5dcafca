//! The watchdog of a crowd: to whom it leaves the members, tick by tick.

use super::*;

/// Whether the application is woken by the members.
#[derive(Default)]
struct Door(AtomicBool);

impl Gate for Door {
    fn tell_thread(&self, _: bool) -> bool {
        true
    }

    fn wake_application(&self, wake: bool) -> bool {
        self.0.store(wake, Ordering::Relaxed);
        true
    }

    fn may_sleep_unseen(&self) -> bool {
        false
    }

    fn wake_thread(&self) {}
}

/// Ticks `times` with so many reads before each, after a wait that is over; whether it is still the application's.
fn kept(reads: u32, times: u32) -> bool {
    let shift = Shift::new(Door::default());
    let (mut now, mut watch) = (Instant::now(), Watch::default());
    assert!(shift.begin());
    shift.end();
    for _ in 0..times {
        (0..reads).for_each(|_| shift.note_read());
        shift.tick(now, &mut watch);
        now += TICK;
    }
    assert_eq!(shift.gate.0.load(Ordering::Relaxed), shift.is_taken());
    shift.is_taken()
}

#[test]
fn who_is_away_for_a_whole_tick_loses_the_members() {
    assert!(kept(0, 1));
    assert!(!kept(0, 2));
}

#[test]
fn who_reads_one_member_after_the_other_keeps_them() {
    assert!(kept(BUSY, 100));
}

#[test]
fn who_computes_for_long_between_two_reads_does_not() {
    assert!(!kept(1, 2));
}
