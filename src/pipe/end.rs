//! One end of a pipe: what it consists of and how it ends. Its two directions are in `reading` and
//! `writing`; `following` is for many pipes that are written to at once, `greeting` for what is
//! said first. Called by patterns and routing, by the socket, and on the other side by the session.

#![forbid(unsafe_code)]

mod anticipating;
mod following;
mod greeting;
mod reading;
mod writing;

pub(crate) use greeting::Greeting;

use std::sync::Arc;
use std::time::Instant;

use super::byte_queue::{self, Style};
use super::conflate;
use super::high_water::{HighWater, LONG_RUN};
use super::link::{EndConfig, Link, Side};
use super::set::Ended;
use super::{Direct, PipeEvent, PipeId};
use crate::message::Message;

enum Output {
    Queue(byte_queue::Writer),
    Slot(conflate::Writer),
    /// A queue as soon as something is written (`later`).
    Later(Style),
}

enum Input {
    Queue(byte_queue::Reader),
    Slot(conflate::Reader),
    /// A queue as soon as the peer has written something.
    Later,
}

/// Below this high water mark not a single message more is received than it allows, and a message
/// counts as waiting until all of it is with the kernel.
const EXACT_BELOW: u64 = 64;

/// One end of a pipe. Dropping it closes the pipe: the peer reads what was published and then
/// finds the end; what it writes is lost.
pub(crate) struct Pipe {
    output: Output,
    input: Input,
    link: Arc<Link>,
    side: Side,
    high_water: HighWater,
    /// How many messages may be written without a look at anything but the queue, and how many that
    /// were when it was last told. What lies between is written, and not yet counted.
    budget: u32,
    granted: u32,
    /// Between the frames of a message that is being written.
    in_message: bool,
    /// This end writes no more.
    finished: bool,
    accept_commands: bool,
    nodelay: bool,
    /// This end is done for; its socket removes it.
    ended: bool,
    /// Where the socket looks for ends that are done for, and the name of this one there.
    registry: Option<Arc<Ended>>,
    id: PipeId,
    /// What `link` offered at the time of `direct_changes`.
    direct: Option<Arc<dyn Direct>>,
    direct_changes: u32,
    /// When this thread sent by itself; and whether it has received by itself since.
    last_direct: Option<Instant>,
    fresh: bool,
    /// A writer was told to wait since.
    was_full: bool,
    /// The last refusal was for want of memory.
    ran_short: bool,
    #[cfg(test)]
    runs_short: Option<u32>,
    /// How often this thread tried to receive by itself.
    direct_reads: u32,
    /// How often the socket was about to wait for the connection.
    waits: u8,
    background: bool,
    noticed: bool,
    /// The queue follows a log.
    following: bool,
}

/// How a pipe is made.
#[derive(Clone, Copy)]
pub(crate) struct PipeConfig {
    /// How bodies are stored from end A to end B, and back.
    pub(crate) styles: (Style, Style),
    /// Keep only the newest message, from A to B and back.
    pub(crate) conflate: (bool, bool),
}

/// Two joined ends.
pub(crate) fn pair(config: PipeConfig, a: EndConfig, b: EndConfig) -> (Pipe, Pipe) {
    let link = Link::new(a, b);
    let direction = |style, conflate| {
        if conflate {
            let (writer, reader) = conflate::slot();
            (Output::Slot(writer), Input::Slot(reader))
        } else {
            (Output::Later(style), Input::Later)
        }
    };
    let (a_out, b_in) = direction(config.styles.0, config.conflate.0);
    let (b_out, a_in) = direction(config.styles.1, config.conflate.1);
    let a = Pipe::new(a_out, a_in, link.clone(), Side::A);
    let b = Pipe::new(b_out, b_in, link, Side::B);
    (a, b)
}

impl Pipe {
    fn new(output: Output, input: Input, link: Arc<Link>, side: Side) -> Pipe {
        Pipe {
            output,
            input,
            link,
            side,
            high_water: HighWater::default(),
            budget: 0,
            granted: 0,
            in_message: false,
            finished: false,
            accept_commands: false,
            nodelay: false,
            ended: false,
            registry: None,
            id: PipeId(0),
            direct: None,
            direct_changes: 0,
            last_direct: None,
            fresh: false,
            was_full: false,
            ran_short: false,
            #[cfg(test)]
            runs_short: None,
            direct_reads: 0,
            waits: 0,
            background: false,
            noticed: false,
            following: false,
        }
    }

    // ---- the ends of life

    /// Says that this end reads nothing that is left when the peer closes (libzmq's `set_nodelay`).
    pub(crate) fn set_nodelay(&mut self) {
        self.nodelay = true;
    }

    /// Has the peer say this last, when it finishes. Only the first farewell counts.
    pub(crate) fn set_peer_farewell(&mut self, message: impl Into<Arc<Vec<u8>>>) {
        self.link.set_farewell(self.side.other(), message.into());
    }

    /// Writes no more: the peer finds the end after what was published, and answers by writing no more
    /// either. Reading goes on until that.
    pub(crate) fn finish(&mut self) {
        if self.stop_writing() {
            self.link.notify(self.side.other(), PipeEvent::Closed);
        }
    }

    /// True: the peer has to be told.
    fn stop_writing(&mut self) -> bool {
        if self.finished {
            return false;
        }
        self.leave_log();
        self.rollback();
        let farewell = self.link.farewell(self.side).map(|farewell| Message::from_slice(&farewell));
        if let Some(Ok(farewell)) = farewell {
            self.write_control(farewell);
        }
        self.settle();
        self.finished = true;
        match &mut self.output {
            Output::Queue(writer) => drop(writer.close()),
            Output::Slot(writer) => drop(writer.close()),
            Output::Later(_) => {}
        }
        self.link.later(self.side).close_writer();
        true
    }

    /// Asks for termination from this end: finishes writing, drops what was not read, and has the
    /// socket remove the pipe (`Pattern::pipe_terminated` follows) after the current call.
    pub(crate) fn terminate(&mut self) {
        self.finish();
        self.end();
    }

    /// The same for a peer that asks for more than a socket gives: its connection ends at once, and is not
    /// made again.
    pub(crate) fn refuse(&mut self) {
        self.link.refuse();
        self.terminate();
    }

    /// Whether the socket at one of the ends has refused the other.
    pub(crate) fn is_refused(&self) -> bool {
        self.link.is_refused()
    }

    /// Asks for the end for a peer that another takes the place of: what it has sent is read before, and its
    /// connection stays, if it has one. What it sends from now on is read off that, and goes nowhere.
    pub(crate) fn forsake(&mut self) {
        self.link.forsake();
        self.finish();
    }

    /// Whether the socket at one of the ends has forsaken the other.
    pub(crate) fn is_forsaken(&self) -> bool {
        self.link.is_forsaken()
    }

    fn end(&mut self) {
        self.settle();
        if !std::mem::replace(&mut self.ended, true)
            && let Some(registry) = &self.registry
        {
            registry.add(self.id);
        }
    }

    /// Whether this end writes no more.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether one of the two ends writes no more: the pipe ends when it is read.
    pub(crate) fn is_ending(&self) -> bool {
        self.finished || self.peer_finished()
    }

    /// The owner's answer to a `Closed` event: writes no more, and ends the pipe if nothing is left to
    /// read. True: something is left and the pattern must read it.
    pub(crate) fn peer_has_closed(&mut self) -> bool {
        if !self.peer_finished() {
            return false;
        }
        // A peer that has finished reads on, but only what was written until this end knew.
        if !self.peer_closed() {
            self.finish();
        }
        if self.nodelay {
            self.end();
            return false;
        }
        self.check_read()
    }

    // ---- the owner's business

    /// How many messages wait in this pipe: written here and not known to be read, and written by
    /// the peer. What is not queued because only the newest message counts is not there at all.
    pub(crate) fn waiting(&mut self) -> (u64, u64) {
        self.settle();
        let written = match &mut self.output {
            Output::Queue(writer) => {
                self.high_water.learn(writer.consumed());
                if writer.consumed() == writer.published() { 0 } else { self.high_water.waiting() }
            }
            Output::Slot(_) | Output::Later(_) => 0,
        };
        self.arrive();
        let received = match &mut self.input {
            Input::Queue(reader) => reader.count_messages(),
            Input::Slot(reader) => reader.has_message().into(),
            Input::Later => 0,
        };
        (written, received)
    }

    /// The key that comes with this end's events from now on.
    pub(crate) fn set_owner_key(&mut self, key: u64) {
        self.link.set_key(self.side, key);
    }

    /// Takes the name that the socket knows this end by, and tells the registry when it ends.
    pub(super) fn register(&mut self, registry: Arc<Ended>, id: PipeId) {
        self.link.set_key(self.side, id.0.into());
        (self.registry, self.id) = (Some(registry), id);
    }

    /// Changes the high water marks of this end (ZMQ_SNDHWM, ZMQ_RCVHWM).
    pub(crate) fn set_marks(&mut self, send: i32, receive: i32) {
        self.settle();
        self.disturb_log();
        if !self.link.set_marks(self.side, send, receive) {
            return;
        }
        // Either side may have been refused below the new mark.
        self.link.notify(self.side, PipeEvent::Writable);
        self.link.notify(self.side.other(), PipeEvent::Writable);
    }

    /// Notifies the peer; for the session, which writes to the queue itself.
    pub(crate) fn notify_peer(&self, event: PipeEvent) {
        self.link.notify(self.side.other(), event);
    }

    /// The queue towards the peer, unless it is a conflating slot. It is made for this if need be, and there
    /// is memory.
    pub(crate) fn writer(&mut self) -> Option<&mut byte_queue::Writer> {
        self.make_queue();
        self.made_writer()
    }

    /// The same if something was written.
    pub(crate) fn made_writer(&mut self) -> Option<&mut byte_queue::Writer> {
        match &mut self.output {
            Output::Queue(writer) => Some(writer),
            Output::Slot(_) | Output::Later(_) => None,
        }
    }

    /// The queue from the peer, unless it is a conflating slot or nothing was written.
    pub(crate) fn reader(&mut self) -> Option<&mut byte_queue::Reader> {
        self.arrive();
        match &mut self.input {
            Input::Queue(reader) => Some(reader),
            Input::Slot(_) | Input::Later => None,
        }
    }

    /// Whether what is written, or read, goes through a queue and not through a conflating slot.
    pub(crate) fn writes_queue(&self) -> bool {
        !matches!(self.output, Output::Slot(_))
    }

    pub(crate) fn reads_queue(&self) -> bool {
        !matches!(self.input, Input::Slot(_))
    }

    /// Makes the queue that is written to, if there is none.
    #[inline]
    fn make_queue(&mut self) {
        if let Output::Later(style) = self.output {
            self.make_queue_now(style);
        }
    }

    #[cold]
    fn make_queue_now(&mut self, style: Style) {
        if let Some(mut writer) = self.link.later(self.side).make(style) {
            if self.finished {
                writer.close();
            }
            self.output = Output::Queue(writer);
        }
    }

    /// Finds the queue that is read, if the peer has made it meanwhile.
    #[inline]
    fn arrive(&mut self) {
        if let Input::Later = self.input {
            self.arrive_now();
        }
    }

    #[cold]
    fn arrive_now(&mut self) {
        if let Some(reader) = self.link.later(self.side.other()).take() {
            self.input = Input::Queue(reader);
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.stop_writing();
        // Close the reading side before the notification, so that the peer sees both.
        match &mut self.input {
            Input::Queue(reader) => reader.close(),
            Input::Slot(reader) => reader.close(),
            Input::Later => drop(self.link.later(self.side.other()).close_reader()),
        }
        // The other end cannot be told of anything any more if it was dropped before.
        if !(self.peer_finished() && self.peer_closed()) {
            self.link.notify(self.side.other(), PipeEvent::Closed);
        }
    }
}
