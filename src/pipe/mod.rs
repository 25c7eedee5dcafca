//! Pipes: the two-way queues between a socket and one peer.
//!
//! A [`Pipe`] is one end; `pair` makes two joined ends. Each direction is a queue of bytes in
//! canonical ZMTP 2+ framing (`byte_queue`) or, with ZMQ_CONFLATE, a slot for the newest message
//! (`conflate`). Frames are encoded by whoever writes and decoded lazily by whoever reads; a
//! multipart message becomes visible with its last frame. High water marks are counted in messages.
//!
//! The application's ends live in a [`Pipes`] slab owned by the socket; patterns name them by
//! [`PipeId`]. The other end belongs to a session (`runtime::session`) or to another socket (inproc).

#![deny(unsafe_code)]

use std::sync::Arc;

use crate::message::{Message, Metadata};

/// Names a pipe within one socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PipeId(pub(crate) u32);

/// What happened to a pipe. Events are hints: the truth is in the queue, so a stale or repeated
/// event does no harm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PipeEvent {
    /// The peer published messages after the reader had found none.
    Readable,
    /// The peer read enough that a writer that was refused may write again.
    Writable,
    /// The peer closed its end.
    Closed,
}

/// Where the events of a pipe end go: the mailbox of a socket or of an I/O thread.
/// `notify` must not block, call back into the pipe, or take a socket's lock.
pub(crate) trait Notify: Send + Sync {
    /// `key` is what the owner passed to `Pipe::set_owner_key`.
    fn notify(&self, key: u32, event: PipeEvent);
}

/// One end of a pipe.
pub(crate) struct Pipe {}

impl Pipe {
    /// Whether a whole message can be read now. When it says no it arms the notification, and a
    /// `Readable` event follows as soon as there is one. Commands that no pattern wants are skipped.
    pub(crate) fn check_read(&mut self) -> bool {
        todo!()
    }

    /// Reads the next frame into `message`; `None` if there is none. Once the first frame of a
    /// message was read, the rest follows without fail. The frame carries the peer's metadata.
    pub(crate) fn read(&mut self) -> Option<Message> {
        todo!()
    }

    /// Whether a message can be written now: below the high water mark, not finished, peer alive.
    /// When it says no because of the mark, a `Writable` event follows when there is room.
    pub(crate) fn check_write(&mut self) -> bool {
        todo!()
    }

    /// Writes one frame and takes the message (leaves it empty); gives false and leaves it alone
    /// when `check_write` would. A message is visible to the peer when its last frame (no MORE)
    /// is written. In the middle of a message it never refuses for the high water mark.
    pub(crate) fn write(&mut self, _message: &mut Message) -> bool {
        todo!()
    }

    /// Writes a frame outside the high water mark: subscriptions and other commands.
    /// False if the peer is gone.
    pub(crate) fn write_control(&mut self, _message: Message) -> bool {
        todo!()
    }

    /// Removes the frames of a message that was not completed.
    pub(crate) fn rollback(&mut self) {
        todo!()
    }

    /// Says that this end reads nothing that is left when the peer closes (libzmq's `set_nodelay`).
    pub(crate) fn set_nodelay(&mut self) {
        todo!()
    }

    /// Asks for termination from this end: finishes writing, drops what was not read, and has the
    /// socket remove the pipe (`Pattern::pipe_terminated` follows) after the current call.
    pub(crate) fn terminate(&mut self) {
        todo!()
    }

    /// What is known of the peer; `None` until the handshake is done (inproc: from the start).
    pub(crate) fn metadata(&self) -> Option<&Arc<Metadata>> {
        todo!()
    }
}

/// The pipes of one socket.
pub(crate) struct Pipes {}

impl Pipes {
    /// The pipe with this id, if it still exists.
    pub(crate) fn get_mut(&mut self, _id: PipeId) -> Option<&mut Pipe> {
        todo!()
    }
}

impl std::ops::Index<PipeId> for Pipes {
    type Output = Pipe;
    fn index(&self, _id: PipeId) -> &Pipe {
        todo!()
    }
}

impl std::ops::IndexMut<PipeId> for Pipes {
    fn index_mut(&mut self, _id: PipeId) -> &mut Pipe {
        todo!()
    }
}
