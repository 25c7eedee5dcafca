//! What the fuzzer feeds to the subscriptions: peers choose the topics. See `crate::fuzz`.

use std::collections::{BTreeMap, BTreeSet};

use crate::fuzz::Input;
use crate::message::{COMMAND, Message, Subscription};
use crate::pipe::PipeId;
use crate::routing::prefix_map::PrefixMap;
use crate::routing::subscriptions::{Removed, Subscriptions, cost_of};

/// Against a plain map.
pub(crate) fn subscriptions(data: &[u8]) {
    let mut input = Input(data);
    let mut map: PrefixMap<usize> = PrefixMap::default();
    let mut model: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut step = 0;
    while !input.is_empty() {
        step += 1;
        let action = input.byte();
        let key = input.take(usize::from(action >> 2)).repeat(1 + usize::from(action & 2) * 20);
        if action & 1 == 0 {
            let (id, value) = map.get_or_insert_with(&key, || step).unwrap();
            assert_eq!(*value, *model.entry(key.clone()).or_insert(step));
            assert_eq!(map.key(id), key);
        } else {
            let id = map.find(&key);
            assert_eq!(id.is_some(), model.contains_key(&key));
            let removed = id.and_then(|id| map.remove(id));
            assert_eq!(removed, model.remove(&key));
        }
        assert_eq!(map.len(), model.len());
        let data = [&key[..], input.0].concat();
        let found: Vec<usize> = map.prefixes_of(&data).copied().collect();
        let expected = model.iter().filter(|(key, _)| data.starts_with(key));
        let expected: Vec<usize> = expected.map(|(_, &value)| value).collect();
        assert_eq!(found, expected);
    }
}

/// Who wants which topic.
type Wishes = BTreeMap<Vec<u8>, BTreeSet<u32>>;

/// Frames of several peers, as commands and as messages of old: who gets what, what it costs, and what the
/// end of a peer takes along.
pub(crate) fn wishes(data: &[u8]) {
    let mut input = Input(data);
    let mut subscriptions = Subscriptions::default();
    let mut model = Wishes::new();
    while !input.is_empty() {
        let (action, id) = (input.byte(), u32::from(input.byte() % 5));
        let pipe = PipeId(id);
        if action % 16 == 15 {
            end(&mut subscriptions, &mut model, pipe);
        } else {
            let name: &[u8] = match action % 8 {
                0 => b"\x09SUBSCRIBE",
                1 => b"\x06CANCEL",
                2 => b"\x04JOIN",
                3 => b"",
                4 | 5 => b"\x01",
                _ => b"\0",
            };
            let topic = input.take(usize::from(action >> 4)).repeat(1 + (id as usize / 4) * 30);
            let mut frame = Message::from_slice(&[name, &topic].concat()).unwrap();
            if action % 8 < 4 {
                frame.set_flags(COMMAND);
            }
            match Subscription::from_frame(&frame) {
                Some(Subscription::Subscribe(topic)) => {
                    let is_first = !model.contains_key(topic);
                    assert_eq!(subscriptions.add(topic, pipe), Ok(is_first));
                    model.entry(topic.to_vec()).or_default().insert(id);
                    again(Subscription::Subscribe(topic));
                }
                Some(Subscription::Cancel(topic)) => {
                    let expected = take_back(&mut model, topic, id);
                    assert_eq!(subscriptions.remove(topic, pipe), expected);
                    again(Subscription::Cancel(topic));
                }
                other => assert!(frame.is_command(), "{other:?}"),
            }
        }
        assert_eq!(subscriptions.len(), model.len());
        let costs = model.iter().filter(|(_, ids)| ids.contains(&id));
        assert_eq!(subscriptions.cost(pipe), costs.map(|(topic, _)| cost_of(topic)).sum::<u64>());
        // A message that begins as what comes next does.
        let mut found = BTreeSet::new();
        subscriptions.look_up(input.0);
        subscriptions.for_each_match(|id| {
            found.insert(id.0);
        });
        let wanted = model.iter().filter(|(topic, _)| input.0.starts_with(topic));
        assert_eq!(found, wanted.flat_map(|(_, ids)| ids).copied().collect());
        assert!(subscriptions.look_up(input.0), "the same message, and nothing has changed");
    }
    for id in 0..5 {
        end(&mut subscriptions, &mut model, PipeId(id));
    }
    assert_eq!(subscriptions.len(), 0);
}

/// One peer takes a topic back, in the model.
fn take_back(model: &mut Wishes, topic: &[u8], id: u32) -> Removed {
    let Some(ids) = model.get_mut(topic) else { return Removed::NotFound };
    match (ids.remove(&id), ids.is_empty()) {
        (false, _) => Removed::NotFound,
        (true, false) => Removed::OthersRemain,
        (true, true) => {
            model.remove(topic);
            Removed::Last
        }
    }
}

/// A peer goes, with all its topics in order.
fn end(subscriptions: &mut Subscriptions, model: &mut Wishes, pipe: PipeId) {
    let topics = model.iter().filter(|(_, ids)| ids.contains(&pipe.0));
    let topics: Vec<Vec<u8>> = topics.map(|(topic, _)| topic.clone()).collect();
    let expected: Vec<_> = topics
        .into_iter()
        .map(|topic| {
            let last = take_back(model, &topic, pipe.0) == Removed::Last;
            (topic, last)
        })
        .collect();
    let mut told = Vec::new();
    subscriptions.remove_pipe(pipe, |topic, last| told.push((topic.to_vec(), last)));
    assert_eq!(told, expected);
    assert_eq!(subscriptions.cost(pipe), 0);
}

/// What is written is read back, in either form.
fn again(subscription: Subscription<'_>) {
    let command = subscription.to_command().unwrap();
    assert_eq!(Subscription::from_frame(&command), Some(subscription));
    let message = subscription.to_message().unwrap().unwrap();
    assert_eq!(Subscription::from_frame(&message), Some(subscription));
}
