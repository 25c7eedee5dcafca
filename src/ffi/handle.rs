//! What the `void *` of the C API stand for.
//!
//! Contexts and sockets look after their own handles. The small objects - pollers, timers,
//! counters, stopwatches, threads - live on a [`Shelf`], a table of the same kind: a stale or
//! foreign pointer is found out without being followed.

use std::ffi::c_void;

use crate::context::handle::Table;
use crate::context::{self, Context};
use crate::error::{Error, Result};
use crate::socket::{self, Socket};

/// The context behind a handle. `FAULT` if there is none.
#[inline]
pub(super) fn context(handle: *mut c_void) -> Result<&'static Context> {
    context::from_handle(handle)
}

/// The socket behind a handle. `NOTSOCK` if there is none.
#[inline]
pub(super) fn socket(handle: *mut c_void) -> Result<&'static Socket> {
    socket::from_handle(handle)
}

/// The socket behind a handle, if it is not null.
pub(super) fn optional_socket(handle: *mut c_void) -> Result<Option<&'static Socket>> {
    if handle.is_null() { Ok(None) } else { socket(handle).map(Some) }
}

/// Objects of one kind.
pub(super) struct Shelf<T: 'static>(Table<T>);

impl<T: Default + Sync> Shelf<T> {
    /// No objects.
    pub(super) const fn new() -> Shelf<T> {
        Shelf(Table::new())
    }

    /// Takes an object, lets `set` fill it and gives its handle. `MFILE` when there are no more.
    pub(super) fn take(&'static self, set: impl FnOnce(&T)) -> Result<*mut c_void> {
        let object = self.0.take().ok_or(Error::MFILE)?;
        set(object);
        Ok(std::ptr::without_provenance_mut(self.0.handle(object)))
    }

    /// The object behind a handle. `FAULT` if it is none of this kind or was given back.
    #[inline]
    pub(super) fn get(&'static self, handle: *mut c_void) -> Result<&'static T> {
        self.0.lookup(handle.addr()).ok_or(Error::FAULT)
    }

    /// Lets `clear` empty an object and keeps it for another use. `FAULT` if there is none, or
    /// `clear` finds it empty because another thread was faster.
    pub(super) fn give_back<R>(
        &'static self,
        handle: *mut c_void,
        clear: impl FnOnce(&T) -> Option<R>,
    ) -> Result<R> {
        let object = self.get(handle)?;
        let rest = clear(object).ok_or(Error::FAULT)?;
        self.0.free(object);
        Ok(rest)
    }
}
