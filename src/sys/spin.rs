//! Waiting without sleeping for a little while, as long as that tends to pay.
//!
//! A sleep and a wake-up cost several microseconds on both sides. When the other side is busy with
//! what we wait for, looking again for that long is cheaper; when it is not, it is a waste. So a
//! spin that failed makes the next ones rarer, exponentially, and one that succeeded makes them
//! frequent again. On a machine with one processor nobody spins. Used by socket and runtime.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::cancel;

/// How long one spin lasts at most: about what a sleep and a wake-up cost.
const LIMIT: Duration = Duration::from_micros(60);
/// No question takes so long.
const INTERRUPTION: Duration = Duration::from_micros(15);
/// After failures in a row at most one in 2^7 waits is tried.
const RAREST: u8 = 7;

/// The experience of one waiter.
#[derive(Default)]
pub(crate) struct Spin {
    failures: u8,
    skip: u8,
}

impl Spin {
    /// For a waiter that may never have much to wait for: it does not begin with a spin.
    pub(crate) fn doubtful() -> Spin {
        Spin { failures: 2, skip: 3 }
    }

    /// Whether to spin this time.
    pub(crate) fn worthwhile(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        several_processors()
    }

    /// Takes in how it went.
    pub(crate) fn learn(&mut self, success: bool) {
        if success {
            self.failures = self.failures.saturating_sub(2);
        } else {
            self.failures = (self.failures + 1).min(RAREST);
            self.skip = (1 << self.failures) - 1;
        }
    }

    /// Looks some dozens of times, about a microsecond.
    pub(crate) fn briefly(mut ready: impl FnMut() -> bool) -> bool {
        for _ in 0..64 {
            if ready() {
                return true;
            }
            std::hint::spin_loop();
        }
        false
    }

    /// Looks again and again; true if `ready` was true in time.
    pub(crate) fn wait(ready: impl Fn() -> bool) -> bool {
        let start = Instant::now();
        loop {
            for _ in 0..32 {
                if ready() {
                    return true;
                }
                std::hint::spin_loop();
            }
            if start.elapsed() > LIMIT {
                return false;
            }
        }
    }

    /// The same with a question that takes a system call, if it is worthwhile, and learns from it.
    pub(crate) fn ask(&mut self, ready: impl FnMut() -> bool) -> bool {
        if !self.worthwhile() {
            return false;
        }
        let Asked { found, lesson } = Spin::asking(ready);
        self.take_in(lesson);
        found
    }

    /// The same in two steps: for who has to let go of this experience before the question, and comes back
    /// to it with the lesson.
    pub(crate) fn asking(mut ready: impl FnMut() -> bool) -> Asked {
        if ready() {
            return Asked { found: true, lesson: None };
        }
        let start = Instant::now();
        let (mut now, mut before) = (start, start);
        while now - start <= LIMIT && now - before <= INTERRUPTION {
            if ready() {
                return Asked { found: true, lesson: Some(start.elapsed() <= LIMIT) };
            }
            before = now;
            now = Instant::now();
        }
        Asked { found: false, lesson: Some(false) }
    }

    /// Learns from a question, if there was something to learn.
    pub(crate) fn take_in(&mut self, lesson: Option<bool>) {
        if let Some(success) = lesson {
            self.learn(success);
        }
    }
}

/// What came of asking. Nothing is learned from an answer that was there already. Whoever loses the processor
/// meanwhile should not have spun: others want it, perhaps the very one who is waited for.
pub(crate) struct Asked {
    pub(crate) found: bool,
    pub(crate) lesson: Option<bool>,
}

/// Whoever does not know yet asks the system, and nobody waits for another's answer: it takes some system
/// calls, and in a child that was forked meanwhile the one who asked is not there.
fn several_processors() -> bool {
    static COUNT: AtomicU8 = AtomicU8::new(UNKNOWN);
    const UNKNOWN: u8 = 0;
    const SEVERAL: u8 = 2;
    let mut known = COUNT.load(Ordering::Relaxed);
    if known == UNKNOWN {
        let several =
            cancel::off(std::thread::available_parallelism).is_ok_and(|count| count.get() > 1);
        known = if several { SEVERAL } else { 1 };
        COUNT.store(known, Ordering::Relaxed);
    }
    known == SEVERAL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_make_spins_rare_and_successes_frequent() {
        let mut spin = Spin::default();
        let mut tried = 0;
        for _ in 0..10_000 {
            if spin.worthwhile() {
                tried += 1;
                spin.learn(false);
            }
        }
        // One in 2^RAREST, and those on the way there.
        assert!(tried <= (10_000 >> RAREST) + u32::from(RAREST), "{tried}");
        if several_processors() {
            while !spin.worthwhile() {}
            for _ in 0..5 {
                spin.learn(true);
            }
            assert!(spin.worthwhile());
        }
    }

    #[test]
    fn a_spin_ends() {
        assert!(!Spin::wait(|| false));
        assert!(Spin::wait(|| true));
    }
}
