//! The reading direction of a pipe's end.

use std::mem::MaybeUninit;
use std::sync::Arc;

use super::{Input, Pipe};
use crate::message::{COMMAND, Message, Metadata};
use crate::pipe::byte_queue::Reader;
use crate::pipe::{Direct, PipeEvent};

/// How often a socket waits for a new connection by its mailbox alone.
const PLAIN_WAITS: u8 = 2;

impl Pipe {
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
                Input::Later => self.peek_later(),
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

    #[cold]
    #[inline(never)]
    fn peek_later(&mut self) -> Option<u8> {
        self.reader().and_then(Reader::peek)
    }

    /// True: asleep or ended. False: look again.
    #[cold]
    fn fall_asleep(&mut self) -> bool {
        // The last that was read may have been no message, but what is known of a peer, and the writer wait for that.
        self.tell_writer();
        if let Some(asleep) = self.receive_directly()
            && !(asleep && self.peer_finished())
        {
            return asleep;
        }
        let closed = self.peer_finished();
        self.arrive();
        let asleep = match &mut self.input {
            // Saying so again is not needed until the writer took notice.
            Input::Queue(reader) => (reader.sleeps() && !closed) || reader.sleep(),
            Input::Slot(reader) => reader.sleep(),
            // Whoever makes the queue notifies.
            Input::Later => !closed,
        };
        if asleep {
            return true;
        }
        let empty = match &mut self.input {
            Input::Queue(reader) => !reader.has_bytes(),
            Input::Slot(reader) => !reader.has_message(),
            Input::Later => true,
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
        self.direct_reads = self.direct_reads.wrapping_add(1);
        self.arrive();
        let mine = match &mut self.input {
            Input::Queue(reader) => {
                reader.rouse();
                direct.receive(&mut || {
                    if !reader.has_bytes() {
                        reader.doze();
                    }
                })
            }
            Input::Slot(_) => false,
            Input::Later => direct.receive(&mut || {}),
        };
        if !mine {
            return None;
        }
        let nothing = !self.reader().is_some_and(Reader::has_bytes);
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

    /// Whether to wait for this connection itself. It takes some system calls and a wake-up of the I/O
    /// thread to begin with that, so whoever waits for the first times does not.
    pub(crate) fn is_worth_waiting_for(&mut self) -> bool {
        self.waits = self.waits.saturating_add(u8::from(self.direct().is_some()));
        self.waits > PLAIN_WAITS
    }

    /// Sets or clears a mark of the socket's; whether that changed it.
    pub(crate) fn set_noticed(&mut self, noticed: bool) -> bool {
        std::mem::replace(&mut self.noticed, noticed) != noticed
    }

    /// How often this thread tried to receive by itself.
    pub(crate) fn direct_reads(&self) -> u32 {
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
        self.arrive();
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
    #[inline(always)]
    pub(crate) fn read_into(&mut self, message: &mut Message) -> bool {
        if !self.ended
            && let Input::Queue(reader) = &mut self.input
            && reader.read_short(message)
        {
            self.tell_writer();
            return true;
        }
        self.read_slowly(message)
    }

    /// Reads a message of one frame that is there into a message, if it is to be copied.
    #[inline(always)]
    pub(crate) fn read_straight(&mut self, message: &mut Message) -> bool {
        if !self.ended
            && let Input::Queue(reader) = &mut self.input
            && let Some(waits) = reader.read_whole(message)
        {
            if waits {
                self.tell_of_room();
            }
            return true;
        }
        false
    }

    /// Reads a message of one frame that is there into `to`, as much of it as fits, and gives its length.
    #[inline(always)]
    pub(crate) fn read_bytes(&mut self, to: &mut [MaybeUninit<u8>]) -> Option<usize> {
        if !self.ended
            && let Input::Queue(reader) = &mut self.input
            && let Some((len, waits)) = reader.read_bytes(to)
        {
            if waits {
                self.tell_of_room();
            }
            return Some(len);
        }
        None
    }

    #[inline(never)]
    fn read_slowly(&mut self, message: &mut Message) -> bool {
        if !self.check_read() {
            return false;
        }
        let found = match &mut self.input {
            Input::Queue(reader) => reader.read_into(message),
            Input::Slot(reader) => reader.take().map(|taken| *message = taken).is_some(),
            Input::Later => false,
        };
        self.tell_writer();
        found
    }

    /// Tells a writer that waits for room that there is some.
    #[inline(always)]
    pub(crate) fn tell_writer(&mut self) {
        if let Input::Queue(reader) = &mut self.input
            && reader.writer_waits()
        {
            self.tell_of_room();
        }
    }

    #[cold]
    fn tell_of_room(&self) {
        self.link.notify(self.side.other(), PipeEvent::Writable);
    }

    /// Goes no further for now: what has left until here is needed no more, which matters to who has
    /// lent it (zmq_msg_init_data(3)). Whoever comes to the end says so by going to sleep.
    pub(crate) fn let_go(&mut self) {
        if let Input::Queue(reader) = &mut self.input {
            reader.let_go();
        }
    }

    /// Whether the peer will notify this end of the next message.
    pub(crate) fn reader_asleep(&self) -> bool {
        match &self.input {
            Input::Queue(reader) => reader.sleeps(),
            Input::Slot(_) | Input::Later => true,
        }
    }

    /// Whether nothing is left to read, commands included. Unlike `check_read` it may be called
    /// while a frame is half sent.
    pub(crate) fn is_drained(&mut self) -> bool {
        self.arrive();
        match &mut self.input {
            Input::Queue(reader) => !reader.has_bytes(),
            Input::Slot(reader) => !reader.has_message(),
            Input::Later => true,
        }
    }

    /// Whether the peer writes no more and all that it wrote is read. In this order: between a look that finds nothing
    /// and the end there may be more.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.peer_finished() && self.is_drained()
    }

    /// What is known of the peer; `None` until the handshake is done (inproc: from the start).
    pub(crate) fn metadata(&mut self) -> Option<Arc<Metadata>> {
        self.arrive();
        match &mut self.input {
            Input::Queue(reader) => {
                reader.peek();
                reader.metadata().cloned()
            }
            Input::Slot(reader) => reader.metadata(),
            Input::Later => self.link.later(self.side.other()).metadata(),
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
            Input::Later => self.link.later(self.side.other()).writer_closed(),
        }
    }
}
