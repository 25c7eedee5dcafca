//! DISH: receives the messages of the groups it joined (zmq_socket(3) "Radio-dish", zmq_join(3)).
//!
//! In the pipe a message is a frame with its group and a frame with its body.

use std::collections::BTreeSet;
use std::ffi::CString;

use crate::error::{Error, Result};
use crate::message::{MAX_GROUP, Message, Subscription};
use crate::patterns::{Attach, Pattern};
use crate::pipe::{PipeId, Pipes};
use crate::routing::{Distributor, FairQueue};

/// A DISH socket.
#[derive(Default)]
pub(crate) struct Dish {
    queue: FairQueue,
    out: Distributor,
    groups: BTreeSet<Vec<u8>>,
    /// A message that `has_in` found.
    prefetched: Option<Message>,
}

impl Dish {
    /// Writes a command to all peers, whether or not they have room for messages.
    fn tell(&mut self, pipes: &mut Pipes, command: &Message) {
        self.out.for_each(pipes, |pipe| pipe.write_commands([Ok(command.share())]));
    }

    /// Tells one peer all groups.
    fn send_groups(&self, pipes: &mut Pipes, id: PipeId) {
        if let Some(pipe) = pipes.get_mut(id) {
            let joins = self.groups.iter().map(|group| Subscription::Join(group).to_command());
            pipe.write_commands(joins);
        }
    }

    /// The next message of our groups; what is no such message is skipped.
    fn fetch(&mut self, pipes: &mut Pipes) -> Option<Message> {
        loop {
            let (_, group) = self.queue.recv(pipes)?;
            if !group.more() {
                continue;
            }
            let (_, mut body) = self.queue.recv(pipes)?;
            if !body.more() {
                if self.groups.contains(group.data())
                    && let Ok(group) = CString::new(group.data())
                    && body.set_group(&group).is_ok()
                {
                    return Some(body);
                }
                continue;
            }
            while body.more() {
                (_, body) = self.queue.recv(pipes)?;
            }
        }
    }
}

impl Pattern for Dish {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, _how: Attach) {
        self.queue.attach(id);
        self.out.attach(id);
        self.send_groups(pipes, id);
    }

    fn readable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.queue.activated(id);
    }

    fn hiccuped(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.send_groups(pipes, id);
    }

    fn pipe_terminated(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.queue.pipe_terminated(id);
        self.out.pipe_terminated(id);
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        match self.prefetched.take() {
            Some(message) => Ok(message),
            None => self.fetch(pipes).ok_or(Error::AGAIN),
        }
    }

    fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        if self.prefetched.is_none() {
            self.prefetched = self.fetch(pipes);
        }
        self.prefetched.is_some()
    }

    fn has_out(&mut self, _pipes: &mut Pipes) -> bool {
        // As in libzmq: groups can be joined and left at any time.
        true
    }

    fn join(&mut self, pipes: &mut Pipes, group: &[u8]) -> Result<()> {
        let command = Subscription::Join(group).to_command()?;
        if group.len() > MAX_GROUP || !self.groups.insert(group.to_vec()) {
            return Err(Error::INVAL);
        }
        self.tell(pipes, &command);
        Ok(())
    }

    fn leave(&mut self, pipes: &mut Pipes, group: &[u8]) -> Result<()> {
        let command = Subscription::Leave(group).to_command()?;
        if group.len() > MAX_GROUP || !self.groups.remove(group) {
            return Err(Error::INVAL);
        }
        self.tell(pipes, &command);
        Ok(())
    }
}
