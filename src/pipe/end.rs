//! One end of a pipe.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::byte_queue::{self, Style, queue};
use super::conflate;
use super::high_water::HighWater;
use super::link::{EndConfig, Link, Side};
use super::set::Ended;
use super::{Direct, PipeEvent, PipeId};
use crate::message::{COMMAND, Message, Metadata};

enum Output {
    Queue(byte_queue::Writer),
    Slot(conflate::Writer),
}

enum Input {
    Queue(byte_queue::Reader),
    Slot(conflate::Reader),
}

/// Below this high water mark not a single message more is received than it allows, and a message
/// counts as waiting until all of it is with the kernel.
const EXACT_BELOW: u64 = 64;

/// Messages closer together than this make a burst.
const BURST: Duration = Duration::from_micros(2);

/// One end of a pipe. Dropping it closes the pipe: the peer reads what was published and then
/// finds the end; what it writes is lost.
pub(crate) struct Pipe {
    output: Output,
    input: Input,
    link: Arc<Link>,
    side: Side,
    high_water: HighWater,
    /// Between the frames of a message that is being written.
    in_message: bool,
    /// This end writes no more.
    finished: bool,
    accept_commands: bool,
    nodelay: bool,
    /// This end is done for; its socket removes it.
    ended: bool,
    /// Where the socket looks for ends that are done for, and the name of this one there.
    registry: Option<(Arc<Ended>, PipeId)>,
    /// What `link` offered at the time of `direct_changes`.
    direct: Option<Arc<dyn Direct>>,
    direct_changes: u32,
    /// When this thread sent by itself; and whether it has received by itself since.
    last_direct: Option<Instant>,
    fresh: bool,
    /// A writer was told to wait since.
    was_full: bool,
    /// How often this thread tried to receive by itself.
    direct_reads: u64,
    background: bool,
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
            let (writer, reader) = queue(style);
            (Output::Queue(writer), Input::Queue(reader))
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
            in_message: false,
            finished: false,
            accept_commands: false,
            nodelay: false,
            ended: false,
            registry: None,
            direct: None,
            direct_changes: 0,
            last_direct: None,
            fresh: false,
            was_full: false,
            direct_reads: 0,
            background: false,
        }
    }

    // ---- reading

    /// Whether a whole message can be read now. When it says no it arms the notification, and a
    /// `Readable` event follows as soon as there is one. Commands that no pattern wants are skipped.
    #[inline]
    pub(crate) fn check_read(&mut self) -> bool {
        if self.ended {
            return false;
        }
        loop {
            let flags = match &mut self.input {
                Input::Queue(reader) => reader.peek(),
                Input::Slot(reader) => reader.has_message().then_some(0),
            };
            match flags {
                Some(flags) if flags & COMMAND == 0 || self.accept_commands => {
                    return true;
                }
                Some(_) => {
                    if let Input::Queue(reader) = &mut self.input {
                        drop(reader.read());
                    }
                    self.tell_writer();
                }
                None if self.fall_asleep() => return false,
                None => {}
            }
        }
    }

    /// True: asleep or ended. False: look again.
    #[cold]
    fn fall_asleep(&mut self) -> bool {
        if let Some(asleep) = self.receive_directly()
            && !(asleep && self.peer_finished())
        {
            return asleep;
        }
        let closed = self.peer_finished();
        let asleep = match &mut self.input {
            // Saying so again is not needed until the writer took notice.
            Input::Queue(reader) => (reader.sleeps() && !closed) || reader.sleep(),
            Input::Slot(reader) => reader.sleep(),
        };
        if asleep {
            return true;
        }
        let empty = match &mut self.input {
            Input::Queue(reader) => !reader.has_bytes(),
            Input::Slot(reader) => !reader.has_message(),
        };
        if empty && closed {
            self.end();
            return true;
        }
        false
    }

    /// Lets this thread receive, if the connection is its to read: `None` if it is not. True: there
    /// was nothing, and the reader sleeps.
    fn receive_directly(&mut self) -> Option<bool> {
        let direct = self.direct()?.clone();
        self.direct_reads += 1;
        let Input::Queue(reader) = &mut self.input else { return None };
        reader.rouse();
        let mine = direct.receive(&mut || {
            if !reader.has_bytes() {
                reader.doze();
            }
        });
        if !mine {
            return None;
        }
        let nothing = !reader.has_bytes();
        self.fresh |= !nothing;
        Some(nothing)
    }

    /// The connection behind the pipe, if this thread may work on it.
    #[inline]
    pub(crate) fn direct(&mut self) -> Option<&Arc<dyn Direct>> {
        let changes = self.link.changes();
        if changes != self.direct_changes {
            self.direct_changes = changes;
            self.direct = self.link.direct();
        }
        self.direct.as_ref()
    }

    /// How often this thread tried to receive by itself.
    pub(crate) fn direct_reads(&self) -> u64 {
        self.direct_reads
    }

    /// Offers the connection to the thread at the other end, or takes the offer back.
    pub(crate) fn offer_direct(&mut self, direct: Option<Arc<dyn Direct>>) {
        self.link.set_direct(direct);
    }

    /// Messages written here always leave by the I/O thread: for patterns that write the same
    /// message to many.
    ///
    /// They also count as waiting until they are sent: what is refused here is refused or dropped,
    /// and not just late.
    pub(crate) fn write_in_background(&mut self) {
        if !std::mem::replace(&mut self.background, true) {
            self.link.set_broadcast();
        }
    }

    /// Lets the reader sleep, for a session that works on the writer's thread.
    pub(crate) fn doze(&mut self) {
        if let Input::Queue(reader) = &mut self.input {
            reader.doze();
        }
    }

    /// Reads the next frame; `None` if there is none. Once the first frame of a message was read,
    /// the rest follows without fail. The frame carries the peer's metadata.
    #[inline]
    pub(crate) fn read(&mut self) -> Option<Message> {
        let mut message = Message::new();
        self.read_into(&mut message).then_some(message)
    }

    /// The same, into a message that is left alone if there is none.
    #[inline]
    pub(crate) fn read_into(&mut self, message: &mut Message) -> bool {
        if !self.check_read() {
            return false;
        }
        let found = match &mut self.input {
            Input::Queue(reader) => reader.read_into(message),
            Input::Slot(reader) => reader.take().map(|taken| *message = taken).is_some(),
        };
        self.tell_writer();
        found
    }

    /// Tells a writer that waits for room that there is some.
    #[inline]
    pub(crate) fn tell_writer(&mut self) {
        if let Input::Queue(reader) = &mut self.input
            && reader.writer_waits()
        {
            self.link.notify(self.side.other(), PipeEvent::Writable);
        }
    }

    /// Whether the peer will notify this end of the next message.
    pub(crate) fn reader_asleep(&self) -> bool {
        match &self.input {
            Input::Queue(reader) => reader.sleeps(),
            Input::Slot(_) => true,
        }
    }

    /// Whether nothing is left to read, commands included. Unlike `check_read` it may be called
    /// while a frame is half sent.
    pub(crate) fn is_drained(&mut self) -> bool {
        match &mut self.input {
            Input::Queue(reader) => !reader.has_bytes(),
            Input::Slot(reader) => !reader.has_message(),
        }
    }

    /// What is known of the peer; `None` until the handshake is done (inproc: from the start).
    pub(crate) fn metadata(&mut self) -> Option<Arc<Metadata>> {
        match &mut self.input {
            Input::Queue(reader) => {
                reader.peek();
                reader.metadata().cloned()
            }
            Input::Slot(reader) => reader.metadata(),
        }
    }

    /// Lets `read` hand out SUBSCRIBE, CANCEL, JOIN and LEAVE commands.
    pub(crate) fn accept_commands(&mut self) {
        self.accept_commands = true;
    }

    /// Whether the peer writes no more. What it wrote may still be there to read.
    pub(crate) fn peer_finished(&self) -> bool {
        match &self.input {
            Input::Queue(reader) => reader.writer_closed(),
            Input::Slot(reader) => reader.writer_closed(),
        }
    }

    // ---- writing

    /// Whether a message can be written now: below the high water mark, not finished, peer alive.
    /// When it says no because of the mark, a `Writable` event follows when there is room.
    #[inline]
    pub(crate) fn check_write(&mut self) -> bool {
        if self.finished || self.ended || self.peer_closed() {
            return false;
        }
        self.in_message || self.write_credit() > 0
    }

    /// The same for a writer that would rather hear of the mark than go on at once: when the mark
    /// is reached as far as is known, it says no even if the peer has read since, and a `Writable`
    /// event follows. So a publisher that must not drop (ZMQ_XPUB_NODROP) is told at its mark. Small
    /// marks are exact anyway.
    pub(crate) fn check_write_as_known(&mut self) -> bool {
        let limit = self.link.limit(self.side);
        let full = limit >= EXACT_BELOW && self.high_water.credit(limit) == 0 && !self.in_message;
        let room = self.check_write();
        if full && room {
            self.link.notify(self.side, PipeEvent::Writable);
        }
        room && !full
    }

    /// Whether the peer is gone altogether, so that nothing written is read.
    #[inline]
    pub(crate) fn peer_closed(&self) -> bool {
        match &self.output {
            Output::Queue(writer) => writer.reader_closed(),
            Output::Slot(writer) => writer.reader_closed(),
        }
    }

    /// How many messages may be written now; 0 arms the notification.
    #[inline]
    pub(crate) fn write_credit(&mut self) -> u64 {
        let limit = self.link.limit(self.side);
        match self.high_water.credit(limit) {
            0 => self.find_credit(limit),
            credit => credit,
        }
    }

    #[cold]
    fn find_credit(&mut self, limit: u64) -> u64 {
        let Output::Queue(writer) = &mut self.output else { return u64::MAX };
        loop {
            self.high_water.learn(writer.consumed());
            let credit = self.high_water.credit(limit);
            if credit > 0 {
                return credit;
            }
            let awaited = self.high_water.awaited(writer.published());
            if writer.wait_for(awaited) {
                self.was_full = true;
                return 0;
            }
        }
    }

    /// How many messages may be published at once: what `write_credit` says where the high water
    /// mark is small; else whatever one read brought, once there is any credit at all.
    pub(crate) fn batch_credit(&mut self) -> u64 {
        match (self.write_credit(), self.link.limit(self.side)) {
            (0, _) => 0,
            (credit, 1..EXACT_BELOW) => credit,
            _ => u64::MAX,
        }
    }

    /// Writes one frame and takes the message (leaves it empty); gives false and leaves it alone
    /// when `check_write` would. A message is visible to the peer when its last frame (no MORE)
    /// is written. In the middle of a message it never refuses for the high water mark.
    #[inline]
    pub(crate) fn write(&mut self, message: &mut Message) -> bool {
        if !self.check_write() {
            return false;
        }
        let more = message.more();
        let notify = match &mut self.output {
            Output::Queue(writer) => {
                writer.push_from(message);
                !more && writer.publish()
            }
            Output::Slot(writer) => writer.put(message.take()),
        };
        self.written(more, notify);
        true
    }

    /// The same, but the message stays as it is: it goes to other pipes, too.
    #[inline]
    pub(crate) fn write_copy(&mut self, message: &Message) -> bool {
        if !self.check_write() {
            return false;
        }
        let more = message.more();
        let notify = match &mut self.output {
            Output::Queue(writer) => {
                writer.push_copy(message);
                !more && writer.publish()
            }
            Output::Slot(writer) => writer.put(message.share()),
        };
        self.written(more, notify);
        true
    }

    /// Accounts for a frame.
    #[inline]
    fn written(&mut self, more: bool, notify: bool) {
        self.in_message = more;
        if !more {
            self.count(1);
        }
        if notify && !self.send_directly() {
            self.link.notify(self.side.other(), PipeEvent::Readable);
        }
    }

    /// Sends on this thread what the I/O thread would have to be woken for. Not in a burst: there
    /// the other thread, once awake, takes many messages at a time.
    #[cold]
    fn send_directly(&mut self) -> bool {
        if self.background || self.direct().is_none() {
            return false;
        }
        let now = Instant::now();
        let calm = self.last_direct.is_none_or(|last| now.duration_since(last) >= BURST);
        // What follows a full queue is part of a burst, too.
        let calm = calm && !std::mem::take(&mut self.was_full);
        if !std::mem::take(&mut self.fresh) && !calm {
            self.last_direct = Some(now);
            return false;
        }
        let sent = self.direct().is_some_and(|direct| direct.send());
        self.last_direct = Some(Instant::now());
        sent
    }

    /// Counts messages that were written and published.
    #[inline]
    pub(crate) fn count(&mut self, messages: u64) {
        if let Output::Queue(writer) = &mut self.output {
            let limit = self.link.limit(self.side);
            self.high_water.wrote(messages, writer.published(), limit);
        }
    }

    /// Writes a frame outside the high water mark: subscriptions and other commands. An incomplete
    /// message is given up. False if the peer is gone.
    pub(crate) fn write_control(&mut self, message: Message) -> bool {
        if self.finished || self.ended || self.peer_closed() {
            return false;
        }
        self.rollback();
        let notify = match &mut self.output {
            Output::Queue(writer) => {
                writer.push_message(message);
                writer.publish()
            }
            Output::Slot(_) => return false,
        };
        if notify {
            self.link.notify(self.side.other(), PipeEvent::Readable);
        }
        true
    }

    /// The same for what a socket has to say, and at once where this thread may send: a subscription
    /// is not to be overtaken by what the application does next.
    pub(crate) fn write_commands(&mut self, commands: Vec<Message>) {
        if commands.is_empty() || self.finished || self.ended || self.peer_closed() {
            return;
        }
        self.rollback();
        let Output::Queue(writer) = &mut self.output else { return };
        for command in commands {
            writer.push_message(command);
        }
        if writer.publish() && !self.send_directly() {
            self.link.notify(self.side.other(), PipeEvent::Readable);
        }
    }

    /// Says what is known of this end to the peer; all later messages carry it there.
    pub(crate) fn write_metadata(&mut self, metadata: Arc<Metadata>) {
        let notify = match &mut self.output {
            Output::Queue(writer) => {
                writer.push_metadata(metadata);
                writer.publish()
            }
            Output::Slot(writer) => writer.set_metadata(metadata),
        };
        if notify {
            self.link.notify(self.side.other(), PipeEvent::Readable);
        }
    }

    /// Removes the frames of a message that was not completed.
    pub(crate) fn rollback(&mut self) {
        if std::mem::take(&mut self.in_message)
            && let Output::Queue(writer) = &mut self.output
        {
            writer.rollback();
        }
    }

    /// Whether the high water mark of what is read here is so small, or its writer so minded, that
    /// each message counts.
    pub(crate) fn is_exact(&self) -> bool {
        self.link.is_broadcast() || matches!(self.link.limit(self.side.other()), 1..EXACT_BELOW)
    }

    // ---- the ends of life

    /// Says that this end reads nothing that is left when the peer closes (libzmq's `set_nodelay`).
    pub(crate) fn set_nodelay(&mut self) {
        self.nodelay = true;
    }

    /// Has the peer say this last, when it finishes. Only the first farewell counts.
    pub(crate) fn set_peer_farewell(&mut self, message: Vec<u8>) {
        self.link.set_farewell(self.side.other(), message);
    }

    /// Writes no more: the peer finds the end after what was published. Reading goes on.
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
        self.rollback();
        let farewell = self.link.farewell(self.side).map(Message::from_slice);
        if let Some(Ok(farewell)) = farewell {
            self.write_control(farewell);
        }
        self.finished = true;
        match &mut self.output {
            Output::Queue(writer) => writer.close(),
            Output::Slot(writer) => writer.close(),
        };
        true
    }

    /// Asks for termination from this end: finishes writing, drops what was not read, and has the
    /// socket remove the pipe (`Pattern::pipe_terminated` follows) after the current call.
    pub(crate) fn terminate(&mut self) {
        self.finish();
        self.end();
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true)
            && let Some((registry, id)) = &self.registry
        {
            registry.add(*id);
        }
    }

    /// The owner's answer to a `Closed` event: ends the pipe if nothing is left to read. True:
    /// something is left and the pattern must read it.
    pub(crate) fn peer_has_closed(&mut self) -> bool {
        if !self.peer_finished() {
            return false;
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
        let written = match &mut self.output {
            Output::Queue(writer) => {
                self.high_water.learn(writer.consumed());
                if writer.consumed() == writer.published() { 0 } else { self.high_water.waiting() }
            }
            Output::Slot(_) => 0,
        };
        let received = match &mut self.input {
            Input::Queue(reader) => reader.count_messages(),
            Input::Slot(reader) => reader.has_message().into(),
        };
        (written, received)
    }

    /// The key that comes with this end's events from now on.
    pub(crate) fn set_owner_key(&mut self, key: u32) {
        self.link.set_key(self.side, key);
    }

    pub(super) fn register(&mut self, registry: Arc<Ended>, id: PipeId) {
        self.link.set_key(self.side, id.0);
        self.registry = Some((registry, id));
    }

    /// Changes the high water marks of this end (ZMQ_SNDHWM, ZMQ_RCVHWM).
    pub(crate) fn set_marks(&mut self, send: i32, receive: i32) {
        self.link.set_marks(self.side, send, receive);
        // Either side may have been refused below the new mark.
        self.link.notify(self.side, PipeEvent::Writable);
        self.link.notify(self.side.other(), PipeEvent::Writable);
    }

    /// Notifies the peer; for the session, which writes to the queue itself.
    pub(crate) fn notify_peer(&self, event: PipeEvent) {
        self.link.notify(self.side.other(), event);
    }

    /// The queue towards the peer, unless it is a conflating slot.
    pub(crate) fn writer(&mut self) -> Option<&mut byte_queue::Writer> {
        match &mut self.output {
            Output::Queue(writer) => Some(writer),
            Output::Slot(_) => None,
        }
    }

    /// The queue from the peer, unless it is a conflating slot.
    pub(crate) fn reader(&mut self) -> Option<&mut byte_queue::Reader> {
        match &mut self.input {
            Input::Queue(reader) => Some(reader),
            Input::Slot(_) => None,
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
        }
        self.link.notify(self.side.other(), PipeEvent::Closed);
    }
}
