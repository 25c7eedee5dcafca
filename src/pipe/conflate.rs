//! The conflating slot: one direction of a pipe that keeps only the newest message (ZMQ_CONFLATE).
//!
//! It stands where the byte queue stands otherwise. Multipart messages do not fit a slot: as
//! zmq_setsockopt(3) says, only one part is kept. Called by `end`.

use std::sync::Arc;

use crate::message::{Message, Metadata};
use crate::sys::lock::Mutex;

#[derive(Default)]
struct Slot {
    message: Option<Message>,
    metadata: Option<Arc<Metadata>>,
    reader_asleep: bool,
    writer_closed: bool,
    reader_closed: bool,
}

/// The writing side.
pub(crate) struct Writer(Arc<Mutex<Slot>>);

/// The reading side.
pub(crate) struct Reader(Arc<Mutex<Slot>>);

/// A new slot.
pub(crate) fn slot() -> (Writer, Reader) {
    let slot = Arc::new(Mutex::new(Slot::default()));
    (Writer(slot.clone()), Reader(slot))
}

impl Writer {
    /// Replaces the message. True: the reader sleeps and must be notified.
    pub(crate) fn put(&mut self, mut message: Message) -> bool {
        // Without memory for a copy the message is lost, as an older one would be.
        if message.own().is_err() {
            return false;
        }
        message.set_more(false);
        let mut slot = self.0.lock();
        // Of the peer that sent it: when it is read, another one may be connected.
        message.set_metadata(slot.metadata.clone());
        let older = slot.message.replace(message);
        let asleep = std::mem::take(&mut slot.reader_asleep);
        // Its free function may be the application's.
        drop(slot);
        drop(older);
        asleep
    }

    /// All later messages carry this.
    pub(crate) fn set_metadata(&mut self, metadata: Arc<Metadata>) -> bool {
        let mut slot = self.0.lock();
        slot.metadata = Some(metadata);
        std::mem::take(&mut slot.reader_asleep)
    }

    /// Whether the reader is gone.
    pub(crate) fn reader_closed(&self) -> bool {
        self.0.lock().reader_closed
    }

    /// Says that nothing more will be written. True: notify the reader.
    pub(crate) fn close(&mut self) -> bool {
        let mut slot = self.0.lock();
        slot.writer_closed = true;
        std::mem::take(&mut slot.reader_asleep)
    }
}

impl Reader {
    /// Whether there is a message.
    pub(crate) fn has_message(&self) -> bool {
        self.0.lock().message.is_some()
    }

    /// Takes the message.
    pub(crate) fn take(&mut self) -> Option<Message> {
        self.0.lock().message.take()
    }

    /// Goes to sleep; false if there is a message or the writer is gone.
    pub(crate) fn sleep(&mut self) -> bool {
        let mut slot = self.0.lock();
        slot.reader_asleep = slot.message.is_none() && !slot.writer_closed;
        slot.reader_asleep
    }

    /// What is known of the peer.
    pub(crate) fn metadata(&self) -> Option<Arc<Metadata>> {
        self.0.lock().metadata.clone()
    }

    /// Whether the writer is gone.
    pub(crate) fn writer_closed(&self) -> bool {
        self.0.lock().writer_closed
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Reader {
    /// Says that nothing more will be read.
    pub(crate) fn close(&mut self) {
        let mut slot = self.0.lock();
        slot.reader_closed = true;
        let unread = slot.message.take();
        drop(slot);
        drop(unread);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(writer: &mut Writer, body: &[u8]) {
        writer.put(Message::from_slice(body).unwrap());
    }

    fn user(message: &Message) -> Option<&[u8]> {
        message.metadata()?.get("User-Id").map(std::ffi::CStr::to_bytes)
    }

    fn of(name: &[u8]) -> Arc<Metadata> {
        let mut metadata = Metadata::new();
        metadata.set("User-Id", name);
        Arc::new(metadata)
    }

    #[test]
    fn a_message_keeps_the_name_of_who_sent_it() {
        let (mut writer, mut reader) = slot();
        put(&mut writer, b"from nobody");
        writer.set_metadata(of(b"alice"));
        assert_eq!(user(&reader.take().unwrap()), None);
        put(&mut writer, b"from alice");
        writer.set_metadata(of(b"bob"));
        let message = reader.take().unwrap();
        assert_eq!((message.data(), user(&message)), (&b"from alice"[..], Some(&b"alice"[..])));
        put(&mut writer, b"from alice or bob");
        put(&mut writer, b"from bob");
        let message = reader.take().unwrap();
        assert_eq!((message.data(), user(&message)), (&b"from bob"[..], Some(&b"bob"[..])));
        assert!(reader.take().is_none());
    }
}
