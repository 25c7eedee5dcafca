//! Messages that are held although their bytes were copied: their contents are the application's, which is told
//! when they have left (zmq_msg_init_data(3)).
//!
//! A large one lies behind its chunk as it is. For a small one that would cost more than all else that happens to
//! it, so its bytes are copied like any others, and only its reference to the content waits here until the reader
//! is beyond the frame. Then the writer gives it back, when it has written some more: memory goes back to the thread
//! that made it, which costs the allocator a quarter of what another thread's does. Where the writer has
//! nothing more to say the reader does, which has come to the end, or can go no further for now.
//! Called by the writer and the reader of a queue to a network.

use std::collections::VecDeque;
use std::ptr::NonNull;

use super::sync::AtomicBool;
use super::sync::Ordering::Relaxed;
use crate::message::Content;
use crate::sys::lock::Mutex;

/// The writer looks how far the reader is once for so many messages.
const EACH: u32 = 32;
/// And gives back so many for each that it holds: the allocator likes to take what it is about to give.
const FOR_EACH: usize = 2;
/// The reader gives back so many with one look at the list.
const AT_ONCE: usize = 8;

/// A list with more room than this is given up when it is empty.
const KEPT: usize = 128;

/// A reference to a content, and the offset of the queue at which its frame ends.
struct Entry {
    end: u64,
    content: NonNull<Content>,
}

// SAFETY: contents may be used and freed on any thread.
unsafe impl Send for Entry {}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: the reference is the entry's.
        unsafe { Content::release(self.content) };
    }
}

/// What is held for the frames of one queue.
pub(super) struct Held {
    /// Whether there is anything. Changed with the list locked.
    any: AtomicBool,
    /// Never locked while something is given back: that calls the application.
    list: Mutex<List>,
}

struct List {
    /// In the order of their frames.
    entries: VecDeque<Entry>,
    /// How far the reader was when the writer looked, and how many it held since.
    left: u64,
    since: u32,
}

impl List {
    /// Takes the first one, if its frame ends at `offset` or before.
    #[inline]
    fn pop(&mut self, offset: u64) -> Option<Entry> {
        let left = self.entries.front().is_some_and(|entry| entry.end <= offset);
        if left { self.entries.pop_front() } else { None }
    }
}

impl Held {
    pub(super) fn new() -> Held {
        let list = List { entries: VecDeque::new(), left: 0, since: 0 };
        Held { any: AtomicBool::new(false), list: Mutex::new(list) }
    }

    /// Holds a reference until the frame that ends at `end`, and is published afterwards, has left, and gives
    /// back some that have; `consumed` tells how far the reader is. Without memory for it, it is given back at once.
    ///
    /// # Safety
    /// The caller must own the reference.
    #[inline]
    pub(super) unsafe fn hold(
        &self,
        end: u64,
        content: NonNull<Content>,
        consumed: impl FnOnce() -> u64,
    ) {
        let entry = Entry { end, content };
        let mut list = self.list.lock();
        let entries = &mut list.entries;
        if entries.len() == entries.capacity() && entries.try_reserve(AT_ONCE).is_err() {
            drop(list);
            return drop(entry);
        }
        entries.push_back(entry);
        self.any.store(true, Relaxed);
        list.since += 1;
        if list.since >= EACH {
            (list.left, list.since) = (consumed(), 0);
        }
        let left = list.left;
        let some: [Option<Entry>; FOR_EACH] = std::array::from_fn(|_| list.pop(left));
        drop(list);
        drop(some);
    }

    /// Gives back what is held for frames that end at `offset` or before.
    #[inline]
    pub(super) fn let_go(&self, offset: u64) {
        if self.any.load(Relaxed) {
            self.let_go_some(offset);
        }
    }

    #[inline(never)]
    fn let_go_some(&self, offset: u64) {
        loop {
            let mut some = [const { None }; AT_ONCE];
            let mut list = self.list.lock();
            for place in &mut some {
                *place = list.pop(offset);
                if place.is_none() {
                    break;
                }
            }
            self.tidy(&mut list);
            drop(list);
            if some.last().is_none_or(Option::is_none) {
                break;
            }
        }
    }

    /// Gives back what is held for frames behind `offset`, which will not be published.
    pub(super) fn take_back(&self, offset: u64) {
        while self.any.load(Relaxed) {
            let mut list = self.list.lock();
            let behind = list.entries.back().is_some_and(|entry| entry.end > offset);
            let last = if behind { list.entries.pop_back() } else { None };
            self.tidy(&mut list);
            drop(list);
            if last.is_none() {
                break;
            }
        }
    }

    /// A list that is empty again keeps no memory of a burst.
    fn tidy(&self, list: &mut List) {
        if list.entries.is_empty() {
            self.any.store(false, Relaxed);
            if list.entries.capacity() > KEPT {
                list.entries = VecDeque::new();
            }
        }
    }
}
