//! Tests of `end`: how a pipe comes to its end.

use std::sync::Arc;

use super::link::EndConfig;
use super::{Notify, Pipe, PipeConfig, PipeEvent, Style, pair};
use crate::message::{MORE, Message};

struct Nobody;

impl Notify for Nobody {
    fn notify(&self, _key: u32, _event: PipeEvent) {}
}

fn two_ends() -> (Pipe, Pipe) {
    let config = PipeConfig { styles: (Style::Memory, Style::Memory), conflate: (false, false) };
    let end = || EndConfig { owner: Arc::new(Nobody), marks: Some((1, 1)) };
    pair(config, end(), end())
}

fn rest(pipe: &mut Pipe) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| pipe.read()).map(|message| message.data().to_vec()).collect()
}

#[test]
fn the_farewell_that_the_peer_asked_for_is_the_last_message() {
    let (mut binder, mut connecter) = two_ends();
    binder.set_peer_farewell(b"gone".to_vec());
    for body in ["one", "two"] {
        assert!(connecter.write(&mut Message::from_slice(body.as_bytes()).unwrap()));
    }
    assert!(!connecter.check_write(), "the mark is reached");
    drop(connecter);
    assert_eq!(rest(&mut binder), [&b"one"[..], b"two", b"gone"]);
}

#[test]
fn the_farewell_takes_the_place_of_half_a_message() {
    let (mut binder, mut connecter) = two_ends();
    binder.set_peer_farewell(b"gone".to_vec());
    let mut half = Message::from_slice(b"half").unwrap();
    half.set_flags(MORE);
    assert!(connecter.write(&mut half));
    connecter.terminate();
    assert_eq!(rest(&mut binder), [b"gone"]);
    assert!(binder.peer_finished());
}

#[test]
fn who_asked_for_a_farewell_says_none() {
    let (mut binder, mut connecter) = two_ends();
    binder.set_peer_farewell(b"gone".to_vec());
    drop(binder);
    assert!(rest(&mut connecter).is_empty());
}
