//! Tests of `greeting`.

use std::sync::Arc;

use super::Greeting;
use crate::message::{Message, Metadata};
use crate::pipe::{EndConfig, Notify, Pipe, PipeConfig, PipeEvent, Style, pair};

struct Nobody;

impl Notify for Nobody {
    fn notify(&self, _key: u64, _event: PipeEvent) {}
}

fn two_ends(conflate: bool) -> (Pipe, Pipe) {
    let styles = (Style::Memory, Style::Memory);
    let end = || EndConfig { owner: Arc::new(Nobody), marks: Some((10, 10)) };
    pair(PipeConfig { styles, conflate: (conflate, conflate) }, end(), end())
}

fn greeting(name: &[u8], hello: &[u8]) -> Greeting {
    let mut metadata = Metadata::new();
    metadata.set_routing_id(name);
    let hello = (!hello.is_empty()).then(|| Message::from_slice(hello).unwrap());
    Greeting { metadata: Some(Arc::new(metadata)), hello }
}

fn next(pipe: &mut Pipe) -> Option<(Vec<u8>, Vec<u8>)> {
    let message = pipe.read()?;
    let name = pipe.metadata().map(|metadata| metadata.routing_id().to_vec()).unwrap_or_default();
    Some((name, message.data().to_vec()))
}

#[test]
fn a_greeting_that_is_taken_back_leaves_nothing_behind() {
    for hello in [&b"short"[..], &[7; 100_000]] {
        let (mut binder, mut peer) = two_ends(false);
        let mut first = greeting(b"first", hello);
        binder.prepare_greeting(&mut first).unwrap();
        assert_eq!(next(&mut peer), None, "it is not shown yet");
        binder.withdraw_greeting();
        assert_eq!(next(&mut peer), None);
        let mut second = greeting(b"second", b"hello");
        binder.prepare_greeting(&mut second).unwrap();
        binder.give_greeting(second);
        assert!(binder.write(&mut Message::from_slice(b"more").unwrap()));
        assert_eq!(next(&mut peer), Some((b"second".to_vec(), b"hello".to_vec())));
        assert_eq!(next(&mut peer), Some((b"second".to_vec(), b"more".to_vec())));
        assert_eq!(next(&mut peer), None);
    }
}

#[test]
fn a_name_alone_waits_for_the_first_message() {
    for conflate in [false, true] {
        let (mut binder, mut peer) = two_ends(conflate);
        let mut greeting = greeting(b"name", b"");
        binder.prepare_greeting(&mut greeting).unwrap();
        binder.give_greeting(greeting);
        assert!(binder.write(&mut Message::from_slice(b"message").unwrap()));
        assert_eq!(next(&mut peer), Some((b"name".to_vec(), b"message".to_vec())));
    }
}

#[test]
fn a_peer_that_keeps_one_message_is_greeted_too() {
    let (mut binder, mut peer) = two_ends(true);
    let mut greeting = greeting(b"name", b"hello");
    binder.prepare_greeting(&mut greeting).unwrap();
    assert_eq!(next(&mut peer), None);
    binder.give_greeting(greeting);
    assert_eq!(next(&mut peer), Some((b"name".to_vec(), b"hello".to_vec())));
}
