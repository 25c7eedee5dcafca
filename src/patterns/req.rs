//! REQ: a request, then its reply, in strict turns (28/REQREP).
//!
//! ```text
//!             send, last frame                recv: id and empty frame match
//!   [Request] -----------------> [Awaiting] --------------------------------> [Replying]
//!       ^                            | send, if relaxed: the reply is given up     |
//!       +----------------------------+---------------------------------------------+
//!                                                                  recv, last frame
//! ```
//!
//! On the wire a request is an empty frame and the body, with ZMQ_REQ_CORRELATE a request id before
//! them. Replies that do not begin the same way, and messages from other peers, are skipped.

use crate::error::{Error, Result};
use crate::message::Message;
use crate::options::{SocketOptions, numbers};
use crate::patterns::dealer::Dealer;
use crate::patterns::{Attach, Pattern, value};
use crate::pipe::{PipeId, Pipes};
use crate::routing::random;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// A request is to be sent; `begun` if some of its frames were.
    Request { begun: bool },
    /// The request is out, nothing of the reply was handed out yet.
    Awaiting,
    /// The body of the reply is being handed out.
    Replying,
}

/// A REQ socket.
pub(crate) struct Req {
    dealer: Dealer,
    state: State,
    /// Where the request went; `None` if that peer is gone, then any peer may reply.
    reply_pipe: Option<PipeId>,
    request_id: u32,
    /// Requests carry an id that replies must repeat (ZMQ_REQ_CORRELATE).
    correlate: bool,
    /// A new request may be sent while a reply is awaited (ZMQ_REQ_RELAXED).
    relaxed: bool,
}

impl Default for Req {
    fn default() -> Req {
        Req {
            dealer: Dealer::default(),
            state: State::Request { begun: false },
            reply_pipe: None,
            request_id: random(),
            correlate: false,
            relaxed: false,
        }
    }
}

impl Req {
    /// Sends what goes before the body of a request.
    fn begin_request(&mut self, pipes: &mut Pipes) -> Result<()> {
        self.reply_pipe = None;
        if self.correlate {
            self.request_id = self.request_id.wrapping_add(1);
            let mut id = Message::from_slice(&self.request_id.to_ne_bytes())?;
            id.set_more(true);
            self.dealer.send_to(pipes, &mut id)?;
        }
        let mut bottom = Message::new();
        bottom.set_more(true);
        self.reply_pipe = self.dealer.send_to(pipes, &mut bottom)?;
        // A late reply to an earlier request must not be taken for the reply to this one.
        while self.dealer.recv_from(pipes).is_ok() {}
        Ok(())
    }

    /// The next frame from the peer that was asked.
    fn recv_reply(&mut self, pipes: &mut Pipes) -> Result<Message> {
        loop {
            let (id, message) = self.dealer.recv_from(pipes)?;
            if self.reply_pipe.is_none_or(|asked| asked == id) {
                return Ok(message);
            }
        }
    }

    /// Reads frames up to the body of a reply to our request.
    fn find_reply(&mut self, pipes: &mut Pipes) -> Result<()> {
        'replies: loop {
            let expected = [Some(self.request_id.to_ne_bytes()), None];
            for id in &expected[usize::from(!self.correlate)..] {
                let mut frame = self.recv_reply(pipes)?;
                let wanted = id.as_ref().map_or(&[][..], |id| id);
                if !frame.more() || frame.data() != wanted {
                    while frame.more() {
                        frame = self.recv_reply(pipes)?;
                    }
                    continue 'replies;
                }
            }
            return Ok(());
        }
    }
}

impl Pattern for Req {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, how: Attach) {
        self.dealer.attach(pipes, id, how);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.dealer.readable(pipes, id);
    }

    fn writable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.dealer.writable(pipes, id);
    }

    fn pipe_terminated(&mut self, pipes: &mut Pipes, id: PipeId) {
        if self.reply_pipe == Some(id) {
            self.reply_pipe = None;
        }
        self.dealer.pipe_terminated(pipes, id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        let begun = match self.state {
            State::Request { begun } => begun,
            State::Awaiting | State::Replying if !self.relaxed => return Err(Error::FSM),
            State::Awaiting | State::Replying => false,
        };
        if !begun {
            self.state = State::Request { begun: false };
            self.begin_request(pipes)?;
            self.state = State::Request { begun: true };
        }
        let more = message.more();
        self.dealer.send(pipes, message)?;
        if !more {
            self.state = State::Awaiting;
        }
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        match self.state {
            State::Request { .. } => return Err(Error::FSM),
            State::Awaiting => {
                self.find_reply(pipes)?;
                self.state = State::Replying;
            }
            State::Replying => {}
        }
        let message = self.recv_reply(pipes)?;
        if !message.more() {
            self.state = State::Request { begun: false };
        }
        Ok(message)
    }

    fn has_in(&mut self, pipes: &mut Pipes) -> bool {
        !matches!(self.state, State::Request { .. }) && self.dealer.has_in(pipes)
    }

    fn has_out(&mut self, pipes: &mut Pipes) -> bool {
        (self.relaxed || matches!(self.state, State::Request { .. })) && self.dealer.has_out(pipes)
    }

    fn set_option(&mut self, pipes: &mut Pipes, option: i32, value: &[u8]) -> Result<()> {
        match option {
            numbers::REQ_CORRELATE => self.correlate = value::flag(value)?,
            numbers::REQ_RELAXED => self.relaxed = value::flag(value)?,
            _ => return self.dealer.set_option(pipes, option, value),
        }
        Ok(())
    }

    fn options_changed(&mut self, options: &SocketOptions) {
        self.dealer.options_changed(options);
    }
}
