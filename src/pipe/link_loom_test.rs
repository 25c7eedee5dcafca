//! A pipe's end that its owner takes in while the peer is at it already, under loom: the owner finds what
//! came before, or is told of it. Run by `make check-loom`.
//!
//! An owner that nobody tells waits for ever, and loom would say so.

use std::sync::Arc;

use loom::sync::{Condvar, Mutex};
use loom::thread;

use super::{Notify, Pipe, PipeConfig, PipeEvent, Pipes, Style, pair};
use crate::message::Message;
use crate::pipe::EndConfig;

struct Nobody;

impl Notify for Nobody {
    fn notify(&self, _key: u64, _event: PipeEvent) {}
}

#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    ring: Condvar,
}

impl Notify for Bell {
    fn notify(&self, _key: u64, _event: PipeEvent) {
        *self.rung.lock().unwrap() = true;
        self.ring.notify_one();
    }
}

impl Bell {
    fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.ring.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// One thread does something at its end while the owner of the other takes that in and looks, until
/// it has found it.
fn model(style: Style, act: fn(&mut Pipe), find: fn(&mut Pipe) -> bool) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let config = PipeConfig { styles: (style, style), conflate: (false, false) };
        let bell = Arc::new(Bell::default());
        let marks = Some((0, 0));
        let (mut near, far) = pair(
            config,
            EndConfig { owner: Arc::new(Nobody), marks },
            EndConfig { owner: bell.clone(), marks },
        );
        let peer = thread::spawn(move || {
            act(&mut near);
            near
        });
        let mut pipes = Pipes::default();
        let id = pipes.insert(far);
        while !find(&mut pipes[id]) {
            bell.wait();
        }
        // Not before: the end of the pipe is told of, too.
        drop(peer.join().unwrap());
    });
}

#[test]
fn loom_an_owner_hears_of_what_came_before_it() {
    for style in [Style::Memory, Style::Wire] {
        let act = |pipe: &mut Pipe| {
            assert!(pipe.write(&mut Message::from_slice(b"first").unwrap()));
        };
        model(style, act, Pipe::check_read);
    }
}

#[test]
fn loom_an_owner_hears_of_the_end_that_came_before_it() {
    model(Style::Memory, Pipe::finish, |pipe| pipe.peer_finished());
}

/// What a session relies on when it ends a connection: the last message and the end may come at once, behind its look.
#[test]
fn loom_an_end_is_one_when_all_is_read() {
    for style in [Style::Memory, Style::Wire] {
        let act = |pipe: &mut Pipe| {
            assert!(pipe.write(&mut Message::from_slice(b"last").unwrap()));
            pipe.finish();
        };
        let find = |pipe: &mut Pipe| {
            while pipe.check_read() {
                assert!(pipe.read().is_some());
            }
            let end = pipe.is_at_end();
            assert!(!end || pipe.is_drained());
            end
        };
        model(style, act, find);
    }
}
