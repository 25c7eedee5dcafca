//! A panic while the application's thread works on a connection: the session finds it ended. And what a
//! session that is about to end has for itself.

use std::panic::resume_unwind;

use super::*;
use crate::pipe::Direct;

/// Whatever is done with it, it panics; but if its peer has gone, that is found.
#[derive(Default)]
struct Defect {
    ended: Option<End>,
    crowd: Option<Arc<dyn Crowd>>,
    told: bool,
    gone: Option<End>,
    sends: u32,
}

impl Shared for Defect {
    fn receive(&mut self, _now: Instant, turns: usize) -> Result<bool, End> {
        if let Some(end) = self.gone.take() {
            return Err(end);
        }
        // Taking it over succeeds.
        if turns == 0 { Ok(false) } else { resume_unwind(Box::new(())) }
    }

    fn send(&mut self, _now: Instant) -> Result<Sent, End> {
        self.sends += 1;
        Ok(Sent::All)
    }

    fn send_directly(&mut self) -> Result<Sent, End> {
        resume_unwind(Box::new(()))
    }

    fn holds(&self) -> bool {
        false
    }

    fn set_readable(&mut self) {}

    fn is_readable(&self) -> bool {
        true
    }

    fn is_writable(&self) -> bool {
        true
    }

    fn has_control(&self) -> bool {
        false
    }

    fn ended(&mut self) -> &mut Option<End> {
        &mut self.ended
    }

    fn crowd(&mut self) -> &mut Option<Arc<dyn Crowd>> {
        &mut self.crowd
    }

    fn end_wait(&mut self) {
        self.told = true;
    }
}

/// Counts how often the session was woken.
struct Woken(AtomicU32);

impl Station for Woken {
    fn watch(&self, _watch: bool) -> bool {
        true
    }

    fn watch_writing(&self) -> bool {
        true
    }

    fn wake_session(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn descriptor(&self) -> RawFd {
        7
    }

    fn found(&self, _bed: Bed) -> Option<Arc<dyn Crowd>> {
        None
    }

    fn place(&self) -> usize {
        0
    }
}

fn defective() -> Takeover<Defect, Woken> {
    let link = Takeover::new(Woken(AtomicU32::new(0)), true, true);
    *link.lock() = Some(Defect::default());
    link
}

#[test]
fn a_panic_in_a_receive_ends_the_connection_and_not_the_call() {
    let link = defective();
    assert_eq!(link.take_over(), Some(7));
    assert!(!link.receive(&mut || {}));
    assert_eq!(link.station.0.load(Ordering::Relaxed), 1);
    assert!(matches!(link.pump(Instant::now()), Err(End::Closed(Error::NOTRECOVERABLE))));
}

#[test]
fn a_panic_in_a_send_leaves_it_to_the_session() {
    let link = defective();
    assert!(!link.send() && !link.send());
    assert!(matches!(link.pump(Instant::now()), Err(End::Closed(Error::NOTRECOVERABLE))));
}

#[test]
fn nothing_is_sent_to_a_peer_that_was_found_gone() {
    let link = defective();
    link.lock().as_mut().unwrap().gone = Some(End::Closed(Error::PIPE));
    assert!(matches!(link.pump(Instant::now()), Err(End::Closed(Error::PIPE))));
    assert_eq!(link.end().unwrap().sends, 0);
}

#[test]
fn what_was_retired_is_not_taken_over_again() {
    let link = defective();
    assert_eq!(link.take_over(), Some(7));
    link.retire();
    // The I/O thread reads again.
    assert!(!link.receive(&mut || {}));
    assert_eq!(link.take_over(), None);
    assert!(!link.taken.load(Ordering::Relaxed));
}

/// Whether who waited was told of the end.
fn wait_ended(link: &Takeover<Defect, Woken>) -> bool {
    link.end().is_some_and(|shared| shared.told)
}

#[test]
fn a_wait_for_the_descriptor_ends_with_the_connection() {
    let link = defective();
    assert_eq!(link.take_over(), Some(7));
    assert!(wait_ended(&link));
    assert!(!wait_ended(&link), "it is over");
}

#[test]
fn a_wait_for_a_descriptor_that_was_taken_back_ends_as_well() {
    for take_back in [Takeover::retire, Takeover::reclaim, |link: &Takeover<_, _>| link.give_back()]
    {
        let link = defective();
        assert_eq!(link.take_over(), Some(7));
        take_back(&link);
        assert!(wait_ended(&link));
    }
}

#[test]
fn who_does_not_wait_is_not_told_of_the_end() {
    let link = defective();
    assert!(!wait_ended(&link));
    let link = defective();
    assert_eq!(link.take_over(), Some(7));
    link.waited();
    assert!(!wait_ended(&link));
}
