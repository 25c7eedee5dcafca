//! XPUB and many subscribers over a network: whoever follows a log (`routing::distributor`) or not, each
//! gets whole messages in their order, and misses one only at its high water mark.

use std::collections::VecDeque;

use super::SocketType;
use super::testing::TestSocket;
use crate::error::Error;
use crate::message::Subscription;
use crate::options::numbers;
use crate::pipe::{Pipe, PipeId};

const LIMIT: u64 = 100;

/// A message that a subscriber should get, and how many it had read when it was sent.
struct Wanted {
    frames: Vec<Vec<u8>>,
    reads: u64,
}

struct Subscriber {
    id: PipeId,
    pipe: Pipe,
    topics: Vec<&'static [u8]>,
    wanted: VecDeque<Wanted>,
    reads: u64,
    dropped: u64,
}

impl Subscriber {
    fn new(publisher: &mut TestSocket) -> Subscriber {
        let (id, pipe) = publisher.attach_wire();
        let (topics, wanted) = (Vec::new(), VecDeque::new());
        Subscriber { id, pipe, topics, wanted, reads: 0, dropped: 0 }
    }

    fn say(&mut self, subscription: Subscription<'_>) {
        assert!(self.pipe.write(&mut subscription.to_command().unwrap()));
    }

    fn subscribe(&mut self, topic: &'static [u8]) {
        if !self.topics.contains(&topic) {
            self.topics.push(topic);
            self.say(Subscription::Subscribe(topic));
        }
    }

    fn unsubscribe(&mut self) {
        if let Some(topic) = self.topics.pop() {
            self.say(Subscription::Cancel(topic));
        }
    }

    fn wants(&self, first: &[u8]) -> bool {
        self.topics.iter().any(|topic| first.starts_with(topic))
    }

    /// Reads a message and compares it with what was sent; false if there is none.
    fn read(&mut self) -> bool {
        let mut frames = Vec::new();
        loop {
            let Some(frame) = self.pipe.read() else {
                assert!(frames.is_empty(), "a message came in part");
                return false;
            };
            frames.push(frame.data().to_vec());
            if !frame.more() {
                break;
            }
        }
        loop {
            let wanted = self.wanted.pop_front().expect("nobody sent this");
            let waiting = self.reads - wanted.reads;
            if wanted.frames == frames {
                assert!(waiting < LIMIT, "{waiting} messages waited already");
                break;
            }
            assert!(waiting >= LIMIT / 2, "a message was lost while {waiting} waited");
            self.dropped += 1;
        }
        self.reads += 1;
        true
    }
}

/// Numbers that look like random ones.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }
}

const TOPICS: [&[u8]; 4] = [b"", b"a", b"ab", b"b"];

struct World {
    publisher: TestSocket,
    subscribers: Vec<Subscriber>,
    dice: Dice,
    number: u64,
    no_drop: bool,
    dropped: u64,
}

impl World {
    fn new(seed: u64, no_drop: bool) -> World {
        let mut publisher =
            TestSocket::with(SocketType::Xpub, |options| options.sndhwm = LIMIT as i32);
        publisher.set_int(numbers::XPUB_NODROP, no_drop.into());
        let dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        World { publisher, subscribers: Vec::new(), dice, number: 0, no_drop, dropped: 0 }
    }

    /// A message that is like no other.
    fn message(&mut self, topic: &[u8]) -> Vec<Vec<u8>> {
        let count = if self.dice.one_in(3) { 1 + self.dice.below(4) } else { 1 };
        let mut frames = Vec::new();
        for place in 0..count {
            let len = match self.dice.below(200) {
                0 => self.dice.below(200_000),
                1..4 => self.dice.below(20_000),
                4..20 => self.dice.below(1000),
                _ => self.dice.below(30),
            };
            let mut body = if place == 0 { topic.to_vec() } else { Vec::new() };
            body.extend_from_slice(&self.number.to_le_bytes());
            body.resize(body.len() + len as usize, place as u8);
            frames.push(body);
        }
        self.number += 1;
        frames
    }

    fn send(&mut self, topic: &[u8]) {
        let frames = self.message(topic);
        let last = frames.len() - 1;
        for (place, frame) in frames.iter().enumerate() {
            while let Err(error) = self.publisher.send_frame(frame, place < last) {
                assert!(error == Error::AGAIN && self.no_drop && place == 0);
                for subscriber in &mut self.subscribers {
                    for _ in 0..self.dice.below(LIMIT) {
                        subscriber.read();
                    }
                    subscriber.pipe.tell_writer();
                }
                // As a socket that waits does, it goes on with what has come.
                self.publisher.pump();
            }
            if place == 0 {
                for subscriber in &mut self.subscribers {
                    if subscriber.wants(&frame[..]) {
                        let wanted = Wanted { frames: frames.clone(), reads: subscriber.reads };
                        subscriber.wanted.push_back(wanted);
                    }
                }
            }
            if place < last && self.dice.one_in(20) {
                self.change();
            }
        }
    }

    /// Somebody comes, goes, or wants something else.
    fn change(&mut self) {
        let count = self.subscribers.len() as u64;
        match self.dice.below(6) {
            0 if count < 12 => self.subscribers.push(Subscriber::new(&mut self.publisher)),
            1 if count > 4 => {
                let place = self.dice.below(count) as usize;
                let gone = self.subscribers.swap_remove(place);
                self.dropped += gone.dropped;
                if self.dice.one_in(2) {
                    self.publisher.end_pipe(gone.id);
                }
            }
            2 if count > 0 => {
                let place = self.dice.below(count) as usize;
                self.subscribers[place].unsubscribe();
            }
            _ if count > 0 => {
                let place = self.dice.below(count) as usize;
                let topic = TOPICS[self.dice.below(4) as usize];
                self.subscribers[place].subscribe(topic);
            }
            _ => {}
        }
        self.publisher.pump();
        // Nobody reports what is not asked for.
        while self.publisher.recv_frame().is_ok() {}
    }

    fn read_some(&mut self) {
        for subscriber in &mut self.subscribers {
            let most = match self.dice.below(4) {
                0 => 0,
                1 => self.dice.below(20),
                2 => self.dice.below(LIMIT),
                _ => u64::MAX,
            };
            for _ in 0..most {
                if !subscriber.read() {
                    break;
                }
            }
        }
    }

    fn run(mut self) -> u64 {
        for _ in 0..8 {
            self.subscribers.push(Subscriber::new(&mut self.publisher));
            self.change();
        }
        for _ in 0..60 {
            let mut topic: &[u8] = b"abc";
            for _ in 0..self.dice.below(150) {
                if self.dice.one_in(15) {
                    topic = [&b"abc"[..], b"ax", b"b", b"x"][self.dice.below(4) as usize];
                }
                self.send(topic);
                if self.dice.one_in(30) {
                    self.read_some();
                }
            }
            self.change();
        }
        for subscriber in &mut self.subscribers {
            while subscriber.read() {}
            self.dropped += subscriber.dropped + subscriber.wanted.len() as u64;
        }
        self.dropped
    }
}

#[test]
fn each_subscriber_gets_what_it_wants_up_to_its_mark() {
    let dropped: u64 = (0..12).map(|seed| World::new(seed, false).run()).sum();
    assert!(dropped > 0, "some came to their mark");
}

#[test]
fn each_subscriber_gets_everything_where_nothing_may_be_dropped() {
    for seed in 0..12 {
        assert_eq!(World::new(100 + seed, true).run(), 0);
    }
}

#[test]
fn a_message_that_lost_all_its_subscribers_leaves_nothing_behind() {
    let mut world = World::new(1, false);
    for round in 0..3 {
        for _ in 0..5 {
            let mut subscriber = Subscriber::new(&mut world.publisher);
            subscriber.subscribe(b"");
            world.subscribers.push(subscriber);
        }
        for _ in 0..30 {
            world.send(b"x");
        }
        for subscriber in &mut world.subscribers {
            while subscriber.read() {}
            assert!(subscriber.wanted.is_empty());
        }
        world.publisher.send_frame(b"half", true).unwrap();
        for subscriber in std::mem::take(&mut world.subscribers) {
            if round == 0 {
                world.publisher.end_pipe(subscriber.id);
            }
        }
        world.publisher.send_frame(b"of it", false).unwrap();
    }
}
