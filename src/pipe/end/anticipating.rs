//! Having the processor get what a pipe's end will touch, some time before its turn comes.
//!
//! Of very many pipes each has left the caches since it was used last, and what it consists of lies in a dozen places.
//! One of them leads to the next, so this goes by steps, each for many pipes. Called by `Pipes::anticipate`.

use std::sync::Arc;

use super::{Input, Output, Pipe};
use crate::sys::prefetch;

/// All of an object.
fn whole<T: ?Sized>(object: &T) {
    prefetch::for_writing_all(std::ptr::from_ref(object).cast(), size_of_val(object));
}

impl Pipe {
    /// The end itself.
    pub(in crate::pipe) fn anticipate(&self) {
        whole(self);
    }

    /// What it points to; `anticipate` was some time ago.
    pub(in crate::pipe) fn anticipate_parts(&self) {
        prefetch::for_writing_all(Arc::as_ptr(&self.link).cast(), size_of_val(&*self.link));
        if let Some(direct) = &self.direct {
            prefetch::for_writing_all(Arc::as_ptr(direct).cast(), size_of_val(&**direct));
        }
        if let Input::Queue(reader) = &self.input {
            reader.anticipate();
        }
        if let Output::Queue(writer) = &self.output {
            writer.anticipate();
        }
    }

    /// Where the next messages go; `anticipate_parts` was some time ago.
    pub(in crate::pipe) fn anticipate_messages(&self) {
        if let Input::Queue(reader) = &self.input {
            reader.anticipate_chunk();
        }
        if let Output::Queue(writer) = &self.output {
            writer.anticipate_chunk();
        }
    }
}
