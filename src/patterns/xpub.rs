//! XPUB: sends each message to the peers that subscribed to its topic, and hands the subscriptions
//! to the application (29/PUBSUB, zmq_socket(3)). PUB is made of one.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::message::{Message, Metadata, Subscription};
use crate::options::{SocketOptions, numbers};
use crate::patterns::{Attach, Pattern, value};
use crate::pipe::{PipeId, Pipes};
use crate::routing::{Distributor, MOST_OF_ONE_PIPE, Removed, Subscriptions};

/// Which peer a pending message makes the subject of ZMQ_SUBSCRIBE in manual mode.
enum Subject {
    /// The one before stays.
    Unchanged,
    /// This one, `None` if it is gone.
    Peer(Option<PipeId>),
}

/// A XPUB socket.
#[derive(Default)]
pub(crate) struct Xpub {
    out: Distributor,
    subscriptions: Subscriptions,
    /// What the peers asked for, when the application decides what they get.
    asked: Subscriptions,
    /// Subscriptions and messages for the application.
    pending: VecDeque<(Message, Subject)>,
    /// Whose subscription was received last: the subject of ZMQ_SUBSCRIBE in manual mode.
    last_pipe: Option<PipeId>,
    /// The last frame sent has more frames behind it.
    more_send: bool,
    /// The last frame read has more frames behind it.
    more_recv: bool,
    /// The frames behind the first may be subscriptions.
    process_subscribe: bool,
    welcome: Message,
    /// Report subscriptions that are not new.
    verbose_subscribe: bool,
    /// Report unsubscriptions that are not the last.
    verbose_unsubscribe: bool,
    /// Only the first frame of a message can be a subscription.
    only_first_subscribe: bool,
    /// Refuse a message that a subscriber has no room for, instead of dropping it for that one.
    no_drop: bool,
    /// The application decides which subscriptions count (ZMQ_XPUB_MANUAL).
    manual: bool,
    /// The next message after a subscription is for that peer alone (ZMQ_XPUB_MANUAL_LAST_VALUE).
    last_value: bool,
    invert_matching: bool,
    /// What the subscriptions of one peer may cost.
    limit: u64,
    /// The pipes that are marked are not those that the last message would go to if it were sent again.
    marks_special: bool,
    /// Nobody receives: the part of XPUB that is PUB.
    mute: bool,
}

impl Xpub {
    /// The XPUB inside a PUB, which keeps nothing for an application that cannot receive.
    pub(super) fn mute() -> Xpub {
        Xpub { mute: true, ..Xpub::default() }
    }

    /// Takes a frame from upstream; false if this peer shall be refused, but not before its message is read whole.
    /// Of one that is refused no request counts any more.
    fn process(&mut self, id: PipeId, frame: Message, refused: bool) -> bool {
        let first = !self.more_recv;
        self.more_recv = frame.more();
        let subscription = if first || self.process_subscribe || frame.is_command() {
            Subscription::from_frame(&frame)
        } else {
            None
        };
        let request = match subscription {
            Some(Subscription::Subscribe(topic)) => Some((true, topic)),
            Some(Subscription::Cancel(topic)) => Some((false, topic)),
            _ => None,
        };
        if first {
            self.process_subscribe = !self.only_first_subscribe || request.is_some();
        }
        let kept = match request {
            Some(_) if refused => true,
            Some((subscribe, topic)) => {
                let applied = self.apply(id, subscribe, topic);
                let mut told = true;
                if applied.is_ok_and(|tell| tell) {
                    let metadata = frame.metadata().cloned();
                    let subject = Subject::Peer(Some(id));
                    told = self.report(subscribe, topic, metadata, subject);
                }
                // What there is no memory for would be missed for ever, unless the peer says it again; so would
                // be, by an application that passes it on, what it is not told of. Of an end it may not hear.
                let missed = applied.is_err() || subscribe && !told;
                if subscribe && !told {
                    // The next who asks for it is told of again.
                    let _ = self.apply(id, false, topic);
                }
                !(missed || subscribe && self.cost(id) > self.limit)
            }
            None => {
                if !self.mute && !frame.is_command() {
                    self.pending.push_back((frame, Subject::Unchanged));
                }
                true
            }
        };
        // A last frame that is nothing to tell, as it is not news, leaves one before it to be the last.
        if !self.more_recv
            && let Some((last, _)) = self.pending.back_mut()
        {
            last.set_more(false);
        }
        kept
    }

    /// Notes what a peer wants; says whether the application shall know.
    fn apply(&mut self, id: PipeId, subscribe: bool, topic: &[u8]) -> Result<bool> {
        Ok(match (self.manual, subscribe) {
            (true, true) => {
                self.asked.add(topic, id)?;
                true
            }
            (true, false) => {
                self.asked.remove(topic, id);
                true
            }
            (false, true) => self.subscriptions.add(topic, id)? || self.verbose_subscribe,
            (false, false) => {
                let removed = self.subscriptions.remove(topic, id);
                removed != Removed::OthersRemain || self.verbose_unsubscribe
            }
        })
    }

    /// What it costs to remember what a peer asked for. What the application gives it is not its fault.
    fn cost(&self, id: PipeId) -> u64 {
        if self.manual { self.asked.cost(id) } else { self.subscriptions.cost(id) }
    }

    /// Queues a subscription for the application. False: there is no memory for it.
    fn report(
        &mut self,
        subscribe: bool,
        topic: &[u8],
        metadata: Option<Arc<Metadata>>,
        subject: Subject,
    ) -> bool {
        if self.mute {
            return true;
        }
        let Some(mut message) = notice(subscribe, topic) else { return false };
        message.set_metadata(metadata);
        let subject = if self.manual { subject } else { Subject::Unchanged };
        self.pending.push_back((message, subject));
        true
    }

    /// Marks the pipes that get the message whose first frame this is.
    fn mark(&mut self, pipes: &mut Pipes, message: &Message) {
        let same = self.subscriptions.look_up(message.data());
        let only = if self.manual && self.last_value { self.last_pipe.take() } else { None };
        // The marks of the last message, or of an attempt that was refused, are left.
        if same && only.is_none() && !self.marks_special && self.out.repeat_marks() {
            return;
        }
        self.out.unmark(pipes);
        self.marks_special = only.is_some();
        let out = &mut self.out;
        self.subscriptions.for_each_match(|id| {
            if only.is_none_or(|only| only == id) {
                out.mark(id);
            }
        });
        if self.invert_matching {
            self.out.invert_marks();
        }
    }
}

/// A subscription for the application, in the form of old; none without memory.
fn notice(subscribe: bool, topic: &[u8]) -> Option<Message> {
    let subscription =
        if subscribe { Subscription::Subscribe(topic) } else { Subscription::Cancel(topic) };
    subscription.to_message()?.ok()
}

impl Pattern for Xpub {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, how: Attach) {
        self.out.attach(id);
        let added = if how.subscribe_to_all { self.subscriptions.add(b"", id) } else { Ok(true) };
        if let Some(pipe) = pipes.get_mut(id) {
            if added.is_err() {
                pipe.refuse();
            }
            pipe.accept_commands();
            if !self.welcome.is_empty() {
                pipe.write(&mut self.welcome.share());
            }
        }
        self.readable(pipes, id);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        let mut refused = false;
        let Some(pipe) = pipes.get_mut(id) else { return };
        while !refused || self.more_recv {
            let Some(frame) = pipe.read() else { break };
            refused |= !self.process(id, frame, refused);
        }
        if refused {
            pipe.refuse();
        }
    }

    fn writable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.out.activated(id);
    }

    fn pipe_terminated(&mut self, _pipes: &mut Pipes, id: PipeId) {
        if self.last_pipe == Some(id) {
            self.last_pipe = None;
        }
        for (_, subject) in &mut self.pending {
            if matches!(subject, Subject::Peer(Some(peer)) if *peer == id) {
                *subject = Subject::Peer(None);
            }
        }
        let Xpub { pending, manual, mute, .. } = self;
        let all = *manual || self.verbose_unsubscribe;
        let mut tell = |topic: &[u8], last: bool| {
            if (last || all) && !*mute {
                let subject = if *manual { Subject::Peer(None) } else { Subject::Unchanged };
                pending.extend(notice(false, topic).map(|message| (message, subject)));
            }
        };
        let (told, silent) = match *manual {
            true => (&mut self.asked, &mut self.subscriptions),
            false => (&mut self.subscriptions, &mut self.asked),
        };
        told.remove_pipe(id, &mut tell);
        silent.remove_pipe(id, |_, _| {});
        self.out.pipe_terminated(id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        if !self.more_send {
            self.mark(pipes, message);
            if self.no_drop && !self.out.marked_have_room(pipes) {
                return Err(Error::AGAIN);
            }
        }
        self.more_send = message.more();
        self.out.send_to_marked(pipes, message);
        Ok(())
    }

    fn recv(&mut self, _pipes: &mut Pipes) -> Result<Message> {
        let (message, subject) = self.pending.pop_front().ok_or(Error::AGAIN)?;
        if let Subject::Peer(peer) = subject {
            self.last_pipe = peer;
        }
        Ok(message)
    }

    fn has_in(&mut self, _pipes: &mut Pipes) -> bool {
        !self.pending.is_empty()
    }

    fn has_out(&mut self, _pipes: &mut Pipes) -> bool {
        true
    }

    fn set_option(&mut self, _pipes: &mut Pipes, option: i32, value: &[u8]) -> Result<()> {
        match option {
            numbers::XPUB_VERBOSE => {
                self.verbose_subscribe = value::flag(value)?;
                self.verbose_unsubscribe = false;
            }
            numbers::XPUB_VERBOSER => {
                self.verbose_subscribe = value::flag(value)?;
                self.verbose_unsubscribe = self.verbose_subscribe;
            }
            numbers::XPUB_MANUAL_LAST_VALUE => {
                self.manual = value::flag(value)?;
                self.last_value = self.manual;
            }
            numbers::XPUB_MANUAL => self.manual = value::flag(value)?,
            numbers::XPUB_NODROP => self.no_drop = value::flag(value)?,
            numbers::ONLY_FIRST_SUBSCRIBE => self.only_first_subscribe = value::flag(value)?,
            numbers::XPUB_WELCOME_MSG => self.welcome = Message::from_slice(value)?,
            numbers::SUBSCRIBE if self.manual => {
                if let Some(id) = self.last_pipe {
                    self.subscriptions.add(value, id)?;
                }
            }
            numbers::UNSUBSCRIBE if self.manual => {
                if let Some(id) = self.last_pipe {
                    self.subscriptions.remove(value, id);
                }
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
        self.marks_special |= self.invert_matching != options.invert_matching;
        self.invert_matching = options.invert_matching;
        self.limit = if options.rcvhwm == 0 { u64::MAX } else { MOST_OF_ONE_PIPE };
    }
}
