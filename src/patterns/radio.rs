//! RADIO: sends each message to the peers that joined its group (zmq_socket(3) "Radio-dish").
//!
//! The group is a property of the message (zmq_msg_set_group(3)); in the pipe it is a frame before
//! the body.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::message::{MAX_GROUP, Message, Subscription};
use crate::options::{SocketOptions, numbers};
use crate::patterns::{Attach, Pattern, value};
use crate::pipe::{PipeId, Pipes};
use crate::routing::{Distributor, MOST_OF_ONE_PIPE, cost_of};

/// A RADIO socket.
#[derive(Default)]
pub(crate) struct Radio {
    out: Distributor,
    /// The members of each group, one entry for each time they joined; none is empty.
    groups: HashMap<Box<[u8]>, Vec<PipeId>>,
    /// What it costs to remember what each member joined, and what it may cost.
    costs: HashMap<PipeId, u64>,
    limit: u64,
    /// Pipes that get everything because nobody can join through them (udp).
    everything: Vec<PipeId>,
    /// Refuse a message that a member has no room for, instead of dropping it for that one.
    no_drop: bool,
}

impl Radio {
    fn process(&mut self, pipes: &mut Pipes, id: PipeId, frame: &Message) {
        if !frame.is_command() {
            return;
        }
        match Subscription::from_command(frame.data()) {
            Some(Subscription::Join(group)) if group.len() <= MAX_GROUP => {
                if self.join(group, id).is_none_or(|cost| cost > self.limit)
                    && let Some(pipe) = pipes.get_mut(id)
                {
                    pipe.refuse();
                }
            }
            Some(Subscription::Leave(group)) => {
                if let Some(members) = self.groups.get_mut(group) {
                    if let Some(place) = members.iter().position(|&member| member == id) {
                        members.swap_remove(place);
                        if let Some(cost) = self.costs.get_mut(&id) {
                            *cost = cost.saturating_sub(cost_of(group));
                        }
                    }
                    if members.is_empty() {
                        self.groups.remove(group);
                    }
                }
            }
            _ => {}
        }
    }

    /// Notes that a peer joined a group; gives what it costs to remember all that it joined, `None`
    /// without memory.
    fn join(&mut self, group: &[u8], id: PipeId) -> Option<u64> {
        self.groups.try_reserve(1).ok()?;
        self.costs.try_reserve(1).ok()?;
        let members = self.groups.entry(group.into()).or_default();
        members.try_reserve(1).ok()?;
        members.push(id);
        let cost = self.costs.entry(id).or_default();
        *cost += cost_of(group);
        Some(*cost)
    }
}

impl Pattern for Radio {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, how: Attach) {
        self.out.attach(id);
        if let Some(pipe) = pipes.get_mut(id) {
            pipe.set_nodelay();
            pipe.accept_commands();
        }
        if how.subscribe_to_all {
            self.everything.push(id);
        } else {
            self.readable(pipes, id);
        }
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        while let Some(frame) = pipes.get_mut(id).and_then(|pipe| pipe.read()) {
            self.process(pipes, id, &frame);
        }
    }

    fn writable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.out.activated(id);
    }

    fn pipe_terminated(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.groups.retain(|_, members| {
            members.retain(|&member| member != id);
            !members.is_empty()
        });
        self.costs.remove(&id);
        self.everything.retain(|&other| other != id);
        self.out.pipe_terminated(id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        if message.more() {
            return Err(Error::INVAL);
        }
        let group = message.group().to_bytes();
        self.out.unmark(pipes);
        let members = self.groups.get(group).into_iter().flatten();
        for &id in members.chain(&self.everything) {
            self.out.mark(id);
        }
        if self.no_drop && !self.out.marked_have_room(pipes) {
            return Err(Error::AGAIN);
        }
        let mut head = Message::from_slice(group)?;
        head.set_more(true);
        self.out.send_to_marked(pipes, &mut head);
        self.out.send_to_marked(pipes, message);
        Ok(())
    }

    fn has_out(&mut self, _pipes: &mut Pipes) -> bool {
        true
    }

    fn set_option(&mut self, _pipes: &mut Pipes, option: i32, value: &[u8]) -> Result<()> {
        match option {
            numbers::XPUB_NODROP => self.no_drop = value::flag(value)?,
            _ => return Err(Error::INVAL),
        }
        Ok(())
    }

    fn options_changed(&mut self, options: &SocketOptions) {
        self.limit = if options.rcvhwm == 0 { u64::MAX } else { MOST_OF_ONE_PIPE };
    }
}
