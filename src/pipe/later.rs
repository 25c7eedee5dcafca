//! A direction of a pipe that has no queue yet.
//!
//! Of very many connections most carry messages in one direction only, and many none at all. So the
//! writer makes the queue when it has something to put in, and leaves the reading side here, asleep:
//! the first publication notifies. Until then the reader finds here what it would find in the queue:
//! who the peer is, and whether it is gone. Part of `link`, called by both ends.

use std::sync::Arc;

use super::byte_queue::{Reader, Style, Writer, queue};
use crate::message::Metadata;
use crate::sys::sync::{AtomicU32, Mutex, Ordering};

const MADE: u32 = 1;
const WRITER_CLOSED: u32 = 2;
const READER_CLOSED: u32 = 4;

/// See the head of this file.
pub(super) struct Later {
    state: AtomicU32,
    left: Mutex<Left>,
}

/// What the writer leaves for the reader.
#[derive(Default)]
struct Left {
    reader: Option<Reader>,
    metadata: Option<Arc<Metadata>>,
}

impl Later {
    pub(super) fn new() -> Later {
        Later { state: AtomicU32::new(0), left: Mutex::new(Left::default()) }
    }

    fn is(&self, flag: u32) -> bool {
        self.state.load(Ordering::Acquire) & flag != 0
    }

    /// Makes the queue, if there is memory for it; for the writer, once.
    pub(super) fn make(&self, style: Style) -> Option<Writer> {
        let (writer, mut reader) = queue(style)?;
        reader.doze();
        let metadata = self.metadata();
        if let Some(metadata) = metadata {
            reader.know(metadata);
        }
        let mut left = self.left.lock();
        let unwanted = if self.is(READER_CLOSED) {
            Some(reader)
        } else {
            left.reader = Some(reader);
            None
        };
        self.state.fetch_or(MADE, Ordering::Release);
        drop(left);
        drop(unwanted);
        Some(writer)
    }

    /// The reading side, as soon as there is one; for the reader, once.
    pub(super) fn take(&self) -> Option<Reader> {
        if self.is(MADE) { self.left.lock().reader.take() } else { None }
    }

    /// Says who the writer is.
    pub(super) fn introduce(&self, metadata: Arc<Metadata>) {
        let before = self.left.lock().metadata.replace(metadata);
        drop(before);
    }

    /// Who the writer is, as long as nothing was written.
    pub(super) fn metadata(&self) -> Option<Arc<Metadata>> {
        self.left.lock().metadata.clone()
    }

    /// The writer writes no more, whether there is a queue or not.
    pub(super) fn close_writer(&self) {
        self.state.fetch_or(WRITER_CLOSED, Ordering::Release);
    }

    /// Whether the writer writes no more.
    pub(super) fn writer_closed(&self) -> bool {
        self.is(WRITER_CLOSED)
    }

    /// The reader that has no queue goes; one that was made meanwhile is to be dropped.
    pub(super) fn close_reader(&self) -> Option<Reader> {
        let mut left = self.left.lock();
        self.state.fetch_or(READER_CLOSED, Ordering::Release);
        left.reader.take()
    }

    /// Whether the reader reads no more.
    pub(super) fn reader_closed(&self) -> bool {
        self.is(READER_CLOSED)
    }
}
