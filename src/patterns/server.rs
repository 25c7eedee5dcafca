//! SERVER: addresses each message to a peer by number (zmq_socket(3) "Client-server pattern").
//!
//! The number is a property of the message (zmq_msg_set_routing_id(3)), not a frame. PEER is made
//! of one.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::message::Message;
use crate::patterns::{Attach, Pattern};
use crate::pipe::{PipeId, Pipes};
use crate::routing::{FairQueue, random};

/// A SERVER socket.
pub(crate) struct Server {
    queue: FairQueue,
    /// INVARIANT: `pipes[n] == id` exactly when `numbers[id] == n`; no number is 0.
    pipes: HashMap<u32, PipeId>,
    numbers: HashMap<PipeId, u32>,
    next: u32,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            queue: FairQueue::default(),
            pipes: HashMap::new(),
            numbers: HashMap::new(),
            next: random(),
        }
    }
}

impl Pattern for Server {
    fn attach(&mut self, _pipes: &mut Pipes, id: PipeId, _how: Attach) {
        let mut number = self.next;
        while number == 0 || self.pipes.contains_key(&number) {
            number = number.wrapping_add(1);
        }
        self.next = number.wrapping_add(1);
        self.pipes.insert(number, id);
        self.numbers.insert(id, number);
        self.queue.attach(id);
    }

    fn readable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.queue.activated(id);
    }

    fn pipe_terminated(&mut self, _pipes: &mut Pipes, id: PipeId) {
        if let Some(number) = self.numbers.remove(&id) {
            self.pipes.remove(&number);
        }
        self.queue.pipe_terminated(id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        if message.more() {
            return Err(Error::INVAL);
        }
        let number = message.routing_id();
        let id = *self.pipes.get(&number).ok_or(Error::HOSTUNREACH)?;
        let pipe = pipes.get_mut(id).ok_or(Error::HOSTUNREACH)?;
        // The number is ours; an inproc peer must not take it for one of its own.
        message.set_routing_id(0);
        if !pipe.write(message) {
            message.set_routing_id(number);
            return Err(if pipe.take_ran_short() {
                Error::NOMEM
            } else if pipe.is_finished() || pipe.peer_closed() {
                // Though not all that it has sent is read.
                Error::HOSTUNREACH
            } else {
                Error::AGAIN
            });
        }
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        let (id, mut message) = self.queue.recv_single(pipes).ok_or(Error::AGAIN)?;
        message.set_routing_id(self.peer_number(id).unwrap_or(0));
        Ok(message)
    }

    fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.has_in(pipes)
    }

    fn has_out(&mut self, _pipes: &mut Pipes) -> bool {
        // Whether there is room depends on the peer that will be named.
        true
    }

    fn peer_number(&self, id: PipeId) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    fn peer_pipe(&self, number: u32) -> Option<PipeId> {
        self.pipes.get(&number).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_come_round_skip_0_and_who_is_there() {
        let (mut server, mut pipes) = (Server::default(), Pipes::default());
        let mut number = |server: &mut Server, id| {
            server.attach(&mut pipes, PipeId(id), Attach::default());
            server.peer_number(PipeId(id)).unwrap()
        };
        server.next = u32::MAX;
        assert_eq!([0, 1, 2].map(|id| number(&mut server, id)), [u32::MAX, 1, 2]);
        server.next = u32::MAX;
        assert_eq!([3, 4].map(|id| number(&mut server, id)), [3, 4]);
        assert!([u32::MAX, 1, 2, 3, 4].iter().all(|&number| server.peer_pipe(number).is_some()));
    }
}
