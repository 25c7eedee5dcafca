//! Names that stand several times, and that thousands of them take no longer than a few.

use std::sync::Arc;

use super::*;
use crate::runtime::{IoThread, ThreadConfig};

fn taken(endpoints: &mut Endpoints, name: &str, bound: bool) -> Vec<u32> {
    let targets = endpoints.take(name, bound).unwrap_or_default();
    targets.iter().filter_map(Target::pipe).map(|pipe| pipe.0).collect()
}

fn connected(count: u32) -> Endpoints {
    let mut endpoints = Endpoints::default();
    for pipe in 0..count {
        endpoints.add_inproc_pipe(&format!("inproc://{}", pipe / 2), PipeId(pipe));
    }
    endpoints
}

#[test]
fn with_and_without_an_index() {
    for count in [6, 200] {
        let mut endpoints = connected(count);
        assert_eq!(endpoints.last, format!("inproc://{}", count / 2 - 1));
        assert_eq!(taken(&mut endpoints, "inproc://1", false), [2, 3]);
        assert_eq!(taken(&mut endpoints, "inproc://1", false), []);
        // One of the two has ended by itself, and the number of its pipe is another's then.
        endpoints.remove_pipe(PipeId(4));
        endpoints.remove_pipe(PipeId(4));
        endpoints.add_inproc_pipe("inproc://new", PipeId(4));
        assert_eq!(taken(&mut endpoints, "inproc://2", false), [5]);
        assert!(!endpoints.has_connected("inproc://2"));
        assert_eq!(taken(&mut endpoints, "inproc://new", false), [4]);
        assert_eq!(endpoints.entries.len(), count as usize - 4);
    }
}

#[test]
fn bound_and_connected_under_one_name() {
    for count in [2, 200] {
        let mut endpoints = connected(count);
        endpoints.add_inproc_bound("inproc://0");
        assert_eq!(taken(&mut endpoints, "inproc://0", true), []);
        assert!(endpoints.has_connected("inproc://0"));
        // Whoever asks for the one gets the other if that is all there is.
        assert_eq!(taken(&mut endpoints, "inproc://0", true), [0, 1]);
        assert_eq!(endpoints.take("inproc://0", true).err(), Some(Error::NOENT));
    }
}

#[test]
fn nothing_is_left_of_many() {
    let mut endpoints = connected(1000);
    for pipe in 0..500 {
        endpoints.remove_pipe(PipeId(pipe));
    }
    for name in 250..500 {
        assert_eq!(taken(&mut endpoints, &format!("inproc://{name}"), false).len(), 2);
    }
    let index = endpoints.index.unwrap();
    assert!(endpoints.entries.is_empty() && index.names.is_empty() && index.pipes.is_empty());
}

struct Thread(Arc<IoThread>);

impl Thread {
    fn start() -> Thread {
        Thread(Arc::new(IoThread::start(ThreadConfig::default()).unwrap()))
    }

    fn connect(&self, endpoints: &mut Endpoints, name: &str, key: u64) {
        let handle = TaskHandle::of_nothing(&self.0, key);
        endpoints.add(name, Target::Session(handle, None));
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[test]
fn what_has_ended_by_itself_may_be_disconnected_once() {
    let thread = Thread::start();
    let mut endpoints = Endpoints::default();
    let name = "tcp://127.0.0.1:5555";
    for key in 0..10 {
        thread.connect(&mut endpoints, name, 2 * key);
        thread.connect(&mut endpoints, name, 2 * key + 1);
        endpoints.session_ended(2 * key);
        assert!(endpoints.has_connected(name));
        endpoints.session_ended(2 * key + 1);
        endpoints.session_ended(2 * key + 1);
        assert!(!endpoints.has_connected(name));
        assert_eq!((endpoints.entries.len(), endpoints.ended), (1, 1));
    }
    assert!(matches!(endpoints.take(name, false).as_deref(), Ok([Target::Ended])));
    assert_eq!(endpoints.take(name, false).err(), Some(Error::NOENT));
    thread.connect(&mut endpoints, name, 100);
    endpoints.remove_session(100);
    assert_eq!(endpoints.take(name, false).err(), Some(Error::NOENT));
    assert_eq!(endpoints.ended, 0);
}

#[test]
fn no_more_than_some_that_have_ended_are_remembered() {
    let thread = Thread::start();
    let mut endpoints = Endpoints::default();
    thread.connect(&mut endpoints, "tcp://alive", 0);
    for key in 1..=5 * ENDED_MAX as u64 / 2 {
        thread.connect(&mut endpoints, &format!("tcp://{key}"), key);
        endpoints.session_ended(key);
        assert!(endpoints.has_connected("tcp://alive") && endpoints.ended <= ENDED_MAX);
        assert_eq!(endpoints.entries.len(), endpoints.ended + 1);
    }
    assert_eq!(endpoints.ended, ENDED_MAX / 2);
}

#[test]
fn a_listener_is_found_under_both_its_names() {
    let thread = Thread::start();
    for many in [0, 50] {
        let mut endpoints = connected(many);
        for name in ["ws://127.0.0.1:80", "ws://127.0.0.1:80/"] {
            let handle = TaskHandle::of_nothing(&thread.0, 1);
            let given = Some("ws://127.0.0.1:80".into());
            endpoints.add("ws://127.0.0.1:80/", Target::Listener(handle, given));
            assert_eq!(endpoints.take(name, true).map(|taken| taken.len()), Ok(1));
            assert_eq!(endpoints.take(name, true).err(), Some(Error::NOENT));
        }
        assert_eq!(endpoints.entries.len(), many as usize);
    }
}
