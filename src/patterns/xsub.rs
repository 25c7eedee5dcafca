//! XSUB: subscribes by sending, receives what was subscribed to (29/PUBSUB, zmq_socket(3)).
//!
//! The subscriptions are counted here, so that they can be told to every publisher that comes or
//! comes back, and are taken back when the last of them is. SUB is made of one.

use crate::error::{Error, Result};
use crate::message::{Message, Subscription};
use crate::options::{SocketOptions, numbers};
use crate::patterns::{Attach, Pattern, value};
use crate::pipe::{PipeId, Pipes};
use crate::routing::{Distributor, FairQueue, PrefixMap};

/// A XSUB socket.
#[derive(Default)]
pub(crate) struct Xsub {
    queue: FairQueue,
    out: Distributor,
    /// How often each topic was subscribed to.
    subscriptions: PrefixMap<u32>,
    /// One of the topics is empty: all messages match.
    everything: bool,
    /// A frame that `has_in` found to match.
    prefetched: Option<Message>,
    /// The last frame handed out has more frames behind it.
    more_recv: bool,
    /// The last frame sent has more frames behind it.
    more_send: bool,
    /// The frames behind the first may be subscriptions.
    process_subscribe: bool,
    /// Only the first frame of a message can be a subscription.
    only_first_subscribe: bool,
    /// Tell the publishers of every unsubscription, not only of the last.
    verbose_unsubscribe: bool,
    /// Drop what was not subscribed to (SUB).
    filter: bool,
    invert_matching: bool,
}

impl Xsub {
    /// Counts a subscription and tells the publishers.
    pub(super) fn subscribe(&mut self, pipes: &mut Pipes, topic: &[u8]) -> Result<()> {
        let command = Subscription::Subscribe(topic).to_command()?;
        self.count(topic)?;
        self.tell(pipes, &command);
        Ok(())
    }

    /// Takes a subscription back and tells the publishers if it was the last of its topic.
    pub(super) fn unsubscribe(&mut self, pipes: &mut Pipes, topic: &[u8]) -> Result<()> {
        let command = Subscription::Cancel(topic).to_command()?;
        if self.discount(topic) || self.verbose_unsubscribe {
            self.tell(pipes, &command);
        }
        Ok(())
    }

    /// Writes a command to all publishers, whether or not they have room for messages: a
    /// subscription that got lost would be lost for good.
    fn tell(&mut self, pipes: &mut Pipes, command: &Message) {
        self.out.for_each(pipes, |pipe| pipe.write_commands([Ok(command.share())]));
    }

    fn count(&mut self, topic: &[u8]) -> Result<()> {
        let (_, count) = self.subscriptions.get_or_insert_with(topic, || 0)?;
        *count = count.saturating_add(1);
        self.everything |= topic.is_empty();
        Ok(())
    }

    /// Whether the topic is not wanted any more.
    fn discount(&mut self, topic: &[u8]) -> bool {
        let Some(node) = self.subscriptions.find(topic) else { return false };
        match self.subscriptions.value_mut(node) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            _ => {
                self.everything &= !topic.is_empty();
                self.subscriptions.remove(node).is_some()
            }
        }
    }

    /// Tells one publisher all subscriptions.
    fn send_subscriptions(&self, pipes: &mut Pipes, id: PipeId) {
        if let Some(pipe) = pipes.get_mut(id) {
            let mut commands = Vec::new();
            self.subscriptions
                .for_each(|topic, _| commands.push(Subscription::Subscribe(topic).to_command()));
            pipe.write_commands(commands);
        }
    }

    fn matches(&self, message: &Message) -> bool {
        let subscribed = self.subscriptions.prefixes_of(message.data()).next().is_some();
        subscribed != self.invert_matching
    }

    /// The next frame that the application wants.
    fn fetch(&mut self, pipes: &mut Pipes) -> Option<Message> {
        let mut message = Message::new();
        self.fetch_into(pipes, &mut message).is_ok().then_some(message)
    }

    fn fetch_into(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        loop {
            self.queue.recv_into(pipes, message).ok_or(Error::AGAIN)?;
            if self.more_recv || !self.filter || self.matches(message) {
                return Ok(());
            }
            while message.more() {
                self.queue.recv_into(pipes, message).ok_or(Error::AGAIN)?;
            }
        }
    }
}

impl Pattern for Xsub {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, _how: Attach) {
        self.queue.attach(id);
        self.out.attach(id);
        self.send_subscriptions(pipes, id);
    }

    fn readable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.queue.activated(id);
    }

    fn writable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.out.activated(id);
    }

    fn hiccuped(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.out.skip_rest(id);
        self.send_subscriptions(pipes, id);
    }

    fn pipe_terminated(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.queue.pipe_terminated(id);
        // Nothing of what `has_in` has found was received yet.
        if self.prefetched.is_some() && self.queue.forget_severed(id) {
            self.prefetched = None;
        }
        self.out.pipe_terminated(id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        if Subscription::from_message(message.data()).is_some() {
            // All publishers get the same one.
            message.own()?;
        }
        let first = !self.more_send;
        self.more_send = message.more();
        if first {
            self.process_subscribe = !self.only_first_subscribe;
        }
        let subscription = if first || self.process_subscribe {
            Subscription::from_message(message.data())
        } else {
            None
        };
        match subscription {
            Some(Subscription::Subscribe(topic)) => {
                self.process_subscribe = true;
                // Told again even if it is not new: a publisher may be verbose about them.
                if let Err(error) = self.count(topic) {
                    self.more_send = !first;
                    return Err(error);
                }
            }
            Some(Subscription::Cancel(topic)) => {
                self.process_subscribe = true;
                if !self.discount(topic) && !self.verbose_unsubscribe {
                    message.take();
                    return Ok(());
                }
            }
            // A message for the application behind an XPUB.
            _ => {
                self.out.send_to_all(pipes, message);
                return Ok(());
            }
        }
        // A message whose last frame was not told goes on with this one, as in libzmq.
        if first && !self.more_send && !self.out.is_within_message() {
            let message = message.take();
            self.out.for_each(pipes, |pipe| pipe.write_commands([Ok(message.share())]));
        } else {
            self.out.send_to_all(pipes, message);
        }
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        let message = match self.prefetched.take() {
            Some(message) => message,
            None => self.fetch(pipes).ok_or(Error::AGAIN)?,
        };
        self.more_recv = message.more();
        Ok(message)
    }

    fn recv_into(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        match self.prefetched.take() {
            Some(prefetched) => *message = prefetched,
            None => self.fetch_into(pipes, message)?,
        }
        self.more_recv = message.more();
        Ok(())
    }

    fn straight_in(&self) -> Option<PipeId> {
        let passes = !self.filter || self.everything && !self.invert_matching;
        if !passes || self.more_recv || self.prefetched.is_some() {
            return None;
        }
        self.queue.straight()
    }

    fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        if self.more_recv || self.prefetched.is_some() {
            return true;
        }
        self.prefetched = self.fetch(pipes);
        self.prefetched.is_some()
    }

    fn has_out(&mut self, _pipes: &mut Pipes) -> bool {
        true
    }

    fn set_option(&mut self, _pipes: &mut Pipes, option: i32, value: &[u8]) -> Result<()> {
        match option {
            numbers::ONLY_FIRST_SUBSCRIBE => self.only_first_subscribe = value::flag(value)?,
            // libzmq reads an int here whatever the length; a short value is an int too.
            numbers::XSUB_VERBOSE_UNSUBSCRIBE => {
                self.verbose_unsubscribe = value.iter().take(4).any(|&byte| byte != 0);
            }
            _ => return Err(Error::INVAL),
        }
        Ok(())
    }

    fn option(&self, option: i32) -> Result<i32> {
        match option {
            numbers::TOPICS_COUNT => Ok(self.subscriptions.len().try_into().unwrap_or(i32::MAX)),
            _ => Err(Error::INVAL),
        }
    }

    fn options_changed(&mut self, options: &SocketOptions) {
        self.filter = options.filter;
        self.invert_matching = options.invert_matching;
    }
}
