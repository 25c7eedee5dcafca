//! How long to wait before connecting again: zmq_setsockopt(3), ZMQ_RECONNECT_IVL and _MAX.
//!
//! Without a maximum every wait is the interval plus a random part of it, so that a crowd does not
//! come back at once; with a maximum the wait doubles up to it. Called by `session`.

use std::time::Duration;

/// The waits of one connection.
pub(super) struct Backoff {
    interval: Duration,
    maximum: Option<Duration>,
    current: Duration,
}

impl Backoff {
    pub(super) fn new(interval: Duration, maximum: Option<Duration>) -> Backoff {
        Backoff { interval, maximum, current: interval }
    }

    /// The next wait. `random` is any number.
    pub(super) fn next(&mut self, random: u32) -> Duration {
        match self.maximum {
            Some(maximum) => {
                let wait = self.current.min(maximum);
                self.current = self.current.saturating_mul(2).min(maximum);
                wait
            }
            None => {
                let spread = self.interval.as_millis().max(1) as u32;
                self.interval + Duration::from_millis((random % spread).into())
            }
        }
    }

    /// The connection was made: start over.
    pub(super) fn reset(&mut self) {
        self.current = self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum_and_start_over() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), Some(ms(350)));
        let waits: Vec<_> = (0..4).map(|_| backoff.next(7)).collect();
        assert_eq!(waits, [ms(100), ms(200), ms(350), ms(350)]);
        backoff.reset();
        assert_eq!(backoff.next(7), ms(100));
    }

    #[test]
    fn without_a_maximum_waits_are_spread() {
        let mut backoff = Backoff::new(Duration::from_millis(100), None);
        for random in [0, 57, 100, u32::MAX] {
            let wait = backoff.next(random).as_millis();
            assert!((100..200).contains(&wait));
        }
    }
}
