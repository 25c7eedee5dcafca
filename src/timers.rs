//! A set of repeating timers, see libzmq's zmq_timers(3). Called by `ffi::timers`.
//!
//! Pure bookkeeping: it reads no clock and calls no handler. Times are milliseconds since any
//! fixed moment; `T` is what shall be handed back when a timer is due.

#![forbid(unsafe_code)]

use std::collections::{BTreeSet, HashMap};

use crate::error::{Error, Result};

struct Timer<T> {
    interval: u64,
    due: u64,
    /// The round it was fired in last, or that had begun when it was added.
    round: u64,
    payload: T,
}

/// The timers of one `zmq_timers_new`.
pub(crate) struct Timers<T> {
    timers: HashMap<i32, Timer<T>>,
    /// (due, id) of every timer.
    agenda: BTreeSet<(u64, i32)>,
    last_id: i32,
    rounds: u64,
}

impl<T: Copy> Timers<T> {
    /// No timers.
    pub(crate) fn new() -> Timers<T> {
        Timers { timers: HashMap::new(), agenda: BTreeSet::new(), last_id: 0, rounds: 0 }
    }

    /// Adds a timer and gives its id, which is never 0 or negative.
    pub(crate) fn add(&mut self, now: u64, interval: u64, payload: T) -> i32 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.timers.contains_key(&self.last_id) {
                break;
            }
        }
        let due = now.saturating_add(interval);
        let round = self.rounds;
        self.timers.insert(self.last_id, Timer { interval, due, round, payload });
        self.agenda.insert((due, self.last_id));
        self.last_id
    }

    /// Removes a timer. `INVAL` if there is none with this id.
    pub(crate) fn cancel(&mut self, id: i32) -> Result<()> {
        let timer = self.timers.remove(&id).ok_or(Error::INVAL)?;
        self.agenda.remove(&(timer.due, id));
        Ok(())
    }

    /// Changes the interval and starts it anew. `INVAL` if there is no such timer.
    pub(crate) fn set_interval(&mut self, now: u64, id: i32, interval: u64) -> Result<()> {
        self.timers.get_mut(&id).ok_or(Error::INVAL)?.interval = interval;
        self.reset(now, id)
    }

    /// Starts the interval anew. `INVAL` if there is no such timer.
    pub(crate) fn reset(&mut self, now: u64, id: i32) -> Result<()> {
        let timer = self.timers.get_mut(&id).ok_or(Error::INVAL)?;
        self.agenda.remove(&(timer.due, id));
        timer.due = now.saturating_add(timer.interval);
        self.agenda.insert((timer.due, id));
        Ok(())
    }

    /// The time until the next timer is due; `None` if there are no timers.
    pub(crate) fn timeout(&self, now: u64) -> Option<u64> {
        self.agenda.first().map(|(due, _)| due.saturating_sub(now))
    }

    /// Begins to fire what is due, and gives the round a number.
    pub(crate) fn begin(&mut self) -> u64 {
        self.rounds += 1;
        self.rounds
    }

    /// Starts the earliest timer that is due anew and hands its payload out. `None` if there is no more, but those
    /// that had their turn in this round or were added since it began.
    pub(crate) fn fire(&mut self, now: u64, round: u64) -> Option<(i32, T)> {
        let waits = |id: &i32| self.timers.get(id).is_some_and(|timer| timer.round < round);
        let mut due = self.agenda.iter().take_while(|(due, _)| *due <= now).map(|(_, id)| *id);
        let id = due.find(waits)?;
        let timer = self.timers.get_mut(&id)?;
        timer.round = round;
        let payload = timer.payload;
        self.reset(now, id).ok()?;
        Some((id, payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_repeat_in_order() {
        let mut timers = Timers::new();
        assert_eq!(timers.timeout(0), None);
        let slow = timers.add(0, 30, "slow");
        let fast = timers.add(0, 10, "fast");
        assert_eq!((slow, fast, timers.timeout(4)), (1, 2, Some(6)));
        let round = timers.begin();
        assert_eq!(timers.fire(9, round), None);
        assert_eq!(timers.fire(35, round), Some((fast, "fast")));
        assert_eq!(timers.timeout(35), Some(0));
        assert_eq!(timers.fire(35, round), Some((slow, "slow")));
        assert_eq!(timers.fire(35, round), None);
        assert_eq!(timers.timeout(35), Some(10));
        assert_eq!(timers.timeout(100), Some(0));
    }

    #[test]
    fn timers_can_be_moved_and_cancelled() {
        let mut timers = Timers::new();
        let id = timers.add(0, 100, ());
        timers.set_interval(10, id, 5).unwrap();
        assert_eq!(timers.timeout(10), Some(5));
        timers.reset(12, id).unwrap();
        assert_eq!(timers.timeout(12), Some(5));
        timers.cancel(id).unwrap();
        assert_eq!(timers.cancel(id), Err(Error::INVAL));
        assert_eq!(timers.reset(0, id), Err(Error::INVAL));
        assert_eq!(timers.set_interval(0, id, 1), Err(Error::INVAL));
        let round = timers.begin();
        assert_eq!(timers.fire(1000, round), None);
        assert_eq!(timers.timeout(0), None);
    }

    #[test]
    fn extreme_intervals_do_no_harm() {
        let mut timers = Timers::new();
        let never = timers.add(5, u64::MAX, ());
        let always = timers.add(5, 0, ());
        for _ in 0..2 {
            let round = timers.begin();
            assert_eq!(timers.fire(5, round), Some((always, ())));
            let late = timers.add(5, 0, ());
            assert_eq!(timers.fire(5, round), None);
            timers.cancel(late).unwrap();
        }
        timers.cancel(always).unwrap();
        assert_eq!(timers.timeout(5), Some(u64::MAX - 5));
        timers.cancel(never).unwrap();
    }
}
