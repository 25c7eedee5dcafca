//! The NORM library, loaded when the first socket asks for it.
//!
//! `libnorm.so.1` speaks NACK-Oriented Reliable Multicast (RFC 5740) from a thread of its own. Here
//! is what a one-way stream of bytes needs of its `normApi.h` 1.5, behind a type that owns what it
//! opens and hands out no pointers. A machine without the library runs everything but norm. Called
//! by `transport::multicast::norm`.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ops::RangeInclusive;
use std::os::fd::RawFd;
use std::ptr::{NonNull, null};

use super::library::{Loaded, functions};
use super::signals;
use crate::error::{Error, Result};

/// What the handles of instances, sessions, nodes and objects point to; null is none.
type Handle = *const c_void;

/// `NormEvent`.
#[repr(C)]
struct RawEvent {
    kind: c_int,
    session: Handle,
    sender: Handle,
    object: Handle,
}

/// `NormEventType`, as far as it matters here.
const TX_QUEUE_VACANCY: c_int = 1;
const TX_QUEUE_EMPTY: c_int = 2;
const RX_OBJECT_NEW: c_int = 17;
const RX_OBJECT_UPDATED: c_int = 19;
const RX_OBJECT_COMPLETED: c_int = 20;
const RX_OBJECT_ABORTED: c_int = 21;
/// `NORM_SEND_ERROR`, before and since `NORM_RX_ACK_REQUEST` came to stand before it. What 26 means now
/// comes to those who ask for acknowledgements, what 27 meant then to those who set a timer.
const SEND_ERRORS: RangeInclusive<c_int> = 26..=27;
/// `NORM_OBJECT_STREAM`, `NORM_FLUSH_ACTIVE`, `NORM_SYNC_STREAM`, `NORM_NODE_ANY`.
const OBJECT_STREAM: c_int = 3;
const FLUSH_ACTIVE: c_int = 2;
const SYNC_STREAM: c_int = 1;
pub(crate) const ANY_NODE: u32 = u32::MAX;

// normApi.h.
functions! {
    struct Functions;
    NormCreateInstance: fn(bool) -> Handle;
    NormDestroyInstance: fn(Handle);
    NormStopInstance: fn(Handle);
    NormGetNextEvent: fn(Handle, *mut RawEvent, bool) -> bool;
    NormGetDescriptor: fn(Handle) -> c_int;
    NormCreateSession: fn(Handle, *const c_char, u16, u32) -> Handle;
    NormDestroySession: fn(Handle);
    NormIsUnicastAddress: fn(*const c_char) -> bool;
    NormSetTTL: fn(Handle, u8) -> bool;
    NormSetTOS: fn(Handle, u8) -> bool;
    NormSetRxPortReuse: fn(Handle, bool, *const c_char, *const c_char, u16);
    NormSetLoopback: fn(Handle, bool) -> bool;
    NormSetMulticastInterface: fn(Handle, *const c_char) -> bool;
    NormSetDefaultUnicastNack: fn(Handle, bool);
    NormSetDefaultSyncPolicy: fn(Handle, c_int);
    NormStartReceiver: fn(Handle, u32) -> bool;
    NormStopReceiver: fn(Handle);
    NormGetRandomSessionId: fn() -> u16;
    NormStartSender: fn(Handle, u16, u32, u16, u16, u16, u8) -> bool;
    NormStopSender: fn(Handle);
    NormSetTxRate: fn(Handle, f64);
    NormGetTxRate: fn(Handle) -> f64;
    NormSetCongestionControl: fn(Handle, bool, bool);
    NormSetEcnSupport: fn(Handle, bool, bool, bool);
    NormSetAutoParity: fn(Handle, u8);
    NormStreamOpen: fn(Handle, u32, *const c_char, c_uint) -> Handle;
    NormStreamSetPushEnable: fn(Handle, bool);
    NormStreamFlush: fn(Handle, bool, c_int);
    NormStreamWrite: fn(Handle, *const c_char, c_uint) -> c_uint;
    NormStreamRead: fn(Handle, *mut c_char, *mut c_uint) -> bool;
    NormStreamSeekMsgStart: fn(Handle) -> bool;
    NormObjectGetType: fn(Handle) -> c_int;
    NormObjectRetain: fn(Handle);
    NormObjectRelease: fn(Handle);
}

fn functions() -> Result<&'static Functions> {
    static FUNCTIONS: Loaded<Functions> = Loaded::new();
    FUNCTIONS.get(|| Functions::load("libnorm.so.1")).ok_or(Error::PROTONOSUPPORT)
}

/// Whether the library is there.
pub(crate) fn is_available() -> bool {
    functions().is_ok()
}

/// How a session is opened.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) address: &'a CStr,
    pub(crate) port: u16,
    /// The number of this host in the session, or [`ANY_NODE`].
    pub(crate) node: u32,
    pub(crate) interface: Option<&'a CStr>,
    pub(crate) hops: u8,
    pub(crate) tos: u8,
    /// Receivers complain to the sender and not to the group.
    pub(crate) unicast_nacks: bool,
    /// In bytes.
    pub(crate) buffer: u32,
    /// `None`: a receiver.
    pub(crate) sender: Option<SenderSettings>,
}

#[derive(Debug)]
pub(crate) struct SenderSettings {
    pub(crate) segment_size: u16,
    pub(crate) block_size: u16,
    pub(crate) parity: u16,
    pub(crate) auto_parity: u8,
    pub(crate) push: bool,
    pub(crate) pace: Pace,
}

/// How fast a sender sends.
#[derive(Debug)]
pub(crate) enum Pace {
    /// So many bits a second.
    Fixed(f64),
    /// By congestion control, with explicit notification, that alone, and tolerating loss.
    Controlled { ecn: bool, ecn_only: bool, lossy: bool },
}

/// Names a stream that a session receives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct StreamId(usize);

/// What happened to a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// `write` may take more.
    Writable,
    /// All that was written was sent at least once; `write` may take more.
    Sent,
    /// A stream may have something to read.
    Readable(StreamId),
    /// A stream is at its end. It cannot be read any more after the next event.
    Ended(StreamId),
    /// The system did not take what was sent.
    Failed,
    Other,
}

/// A session of which this host is the sender, or one of the receivers.
pub(crate) struct Session {
    functions: &'static Functions,
    instance: Handle,
    session: Handle,
    /// What is sent, if this is the sender.
    stream: Option<NonNull<c_void>>,
    /// INVARIANT: the streams that are received, each retained.
    received: HashMap<StreamId, Handle>,
    /// A stream to forget at the next event.
    ended: Option<StreamId>,
}

// SAFETY: the library's functions lock their instance and may be called from any thread.
unsafe impl Send for Session {}

impl Session {
    /// Opens a session and begins to send or receive. PROTONOSUPPORT without the library, else the
    /// errno of what failed.
    pub(crate) fn open(settings: &Settings<'_>) -> Result<Session> {
        let functions = functions()?;
        let last_error = || match super::errno::get() {
            0 => Error::INVAL,
            errno => Error::from_errno(errno),
        };
        super::errno::set(0);
        // The library's thread shall not take the application's signals.
        let blocked = signals::block_all();
        // SAFETY: no conditions.
        let instance = unsafe { (functions.NormCreateInstance)(false) };
        drop(blocked);
        if instance.is_null() {
            return Err(last_error());
        }
        // From here on dropping it destroys what there is.
        let mut this = Session {
            functions,
            instance,
            session: null(),
            stream: None,
            received: HashMap::new(),
            ended: None,
        };
        let address = settings.address.as_ptr();
        // SAFETY: the instance is valid, the address NUL-terminated.
        this.session = unsafe {
            (functions.NormCreateSession)(instance, address, settings.port, settings.node)
        };
        if this.session.is_null() {
            return Err(last_error());
        }
        this.configure(settings);
        let started = match &settings.sender {
            Some(sender) => this.start_sender(settings.buffer, sender),
            // SAFETY: the session is valid.
            None => unsafe {
                (functions.NormSetDefaultSyncPolicy)(this.session, SYNC_STREAM);
                (functions.NormStartReceiver)(this.session, settings.buffer)
            },
        };
        if started { Ok(this) } else { Err(last_error()) }
    }

    fn configure(&self, settings: &Settings<'_>) {
        let (functions, session) = (self.functions, self.session);
        // SAFETY: the session is valid, the texts are NUL-terminated.
        unsafe {
            let unicast = (functions.NormIsUnicastAddress)(settings.address.as_ptr());
            if !unicast {
                (functions.NormSetTTL)(session, settings.hops);
                (functions.NormSetRxPortReuse)(session, true, null(), null(), 0);
                (functions.NormSetLoopback)(session, true);
                if let Some(interface) = settings.interface {
                    // A bad one is found out when sending or receiving starts.
                    (functions.NormSetMulticastInterface)(session, interface.as_ptr());
                }
            }
            if unicast || settings.unicast_nacks {
                (functions.NormSetDefaultUnicastNack)(session, true);
            }
            (functions.NormSetTOS)(session, settings.tos);
        }
    }

    fn start_sender(&mut self, buffer: u32, sender: &SenderSettings) -> bool {
        let (functions, session) = (self.functions, self.session);
        let SenderSettings { segment_size, block_size, parity, .. } = *sender;
        // SAFETY: the session is valid; no info is passed to the stream.
        unsafe {
            let id = (functions.NormGetRandomSessionId)();
            let start = functions.NormStartSender;
            if !start(session, id, buffer, segment_size, block_size, parity, 0) {
                return false;
            }
            match sender.pace {
                Pace::Fixed(rate) => (functions.NormSetTxRate)(session, rate),
                Pace::Controlled { ecn, ecn_only, lossy } => {
                    (functions.NormSetCongestionControl)(session, true, true);
                    if ecn || lossy {
                        (functions.NormSetEcnSupport)(session, ecn, ecn_only, lossy);
                    }
                }
            }
            if sender.auto_parity > 0 {
                (functions.NormSetAutoParity)(session, sender.auto_parity);
            }
            let stream = (functions.NormStreamOpen)(session, buffer, null(), 0);
            self.stream = NonNull::new(stream.cast_mut());
            if let Some(stream) = self.stream {
                (functions.NormStreamSetPushEnable)(stream.as_ptr(), sender.push);
            }
        }
        self.stream.is_some()
    }

    /// Readable while there are events.
    pub(crate) fn descriptor(&self) -> RawFd {
        // SAFETY: the instance is valid.
        unsafe { (self.functions.NormGetDescriptor)(self.instance) }
    }

    /// The next event, if there is one.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        if let Some(ended) = self.ended.take() {
            self.forget(ended);
        }
        let mut event = RawEvent { kind: 0, session: null(), sender: null(), object: null() };
        // SAFETY: the instance is valid, and so is the place for the event. It does not wait.
        let found =
            unsafe { (self.functions.NormGetNextEvent)(self.instance, &raw mut event, false) };
        found.then(|| match event.kind {
            TX_QUEUE_VACANCY => Event::Writable,
            TX_QUEUE_EMPTY => Event::Sent,
            RX_OBJECT_NEW | RX_OBJECT_UPDATED => match self.remember(event.object) {
                Some(id) => Event::Readable(id),
                None => Event::Other,
            },
            RX_OBJECT_COMPLETED | RX_OBJECT_ABORTED => {
                let id = StreamId(event.object.addr());
                self.ended = self.received.contains_key(&id).then_some(id);
                self.ended.map_or(Event::Other, Event::Ended)
            }
            kind if SEND_ERRORS.contains(&kind) => Event::Failed,
            _ => Event::Other,
        })
    }

    /// How many bits a second are sent just now.
    pub(crate) fn rate(&self) -> f64 {
        // SAFETY: the session is valid.
        unsafe { (self.functions.NormGetTxRate)(self.session) }
    }

    fn remember(&mut self, object: Handle) -> Option<StreamId> {
        if object.is_null() {
            return None;
        }
        let id = StreamId(object.addr());
        if !self.received.contains_key(&id) {
            // SAFETY: the event just taken names a valid object; retaining it keeps it so.
            unsafe {
                if (self.functions.NormObjectGetType)(object) != OBJECT_STREAM {
                    return None;
                }
                (self.functions.NormObjectRetain)(object);
            }
            self.received.insert(id, object);
        }
        Some(id)
    }

    fn forget(&mut self, id: StreamId) {
        if let Some(object) = self.received.remove(&id) {
            // SAFETY: it was retained by `remember`.
            unsafe { (self.functions.NormObjectRelease)(object) };
        }
    }

    /// Writes into the stream that is sent; gives how much it took.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> usize {
        let Some(stream) = self.stream else { return 0 };
        let count = c_uint::try_from(bytes.len()).unwrap_or(c_uint::MAX);
        // SAFETY: the stream is open, the bytes are valid.
        let taken = unsafe {
            (self.functions.NormStreamWrite)(stream.as_ptr(), bytes.as_ptr().cast(), count)
        };
        taken as usize
    }

    /// Ends a message in the stream that is sent, and sends what was written.
    pub(crate) fn flush(&mut self) {
        if let Some(stream) = self.stream {
            // SAFETY: the stream is open.
            unsafe { (self.functions.NormStreamFlush)(stream.as_ptr(), true, FLUSH_ACTIVE) };
        }
    }

    /// Goes to the beginning of the next message in a stream. False: it has not come yet.
    pub(crate) fn seek_message(&mut self, id: StreamId) -> bool {
        // SAFETY: the object is retained.
        self.received
            .get(&id)
            .is_some_and(|&object| unsafe { (self.functions.NormStreamSeekMsgStart)(object) })
    }

    /// Reads from a stream. `None`: bytes are missing; seek the next message.
    pub(crate) fn read(&mut self, id: StreamId, buffer: &mut [u8]) -> Option<usize> {
        let &object = self.received.get(&id)?;
        let mut count = c_uint::try_from(buffer.len()).unwrap_or(c_uint::MAX);
        let to = buffer.as_mut_ptr().cast();
        // SAFETY: the object is retained, the buffer has room for `count` bytes.
        let whole = unsafe { (self.functions.NormStreamRead)(object, to, &raw mut count) };
        whole.then_some(count as usize)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for id in self.received.keys().copied().collect::<Vec<_>>() {
            self.forget(id);
        }
        // SAFETY: all of it is valid and not used afterwards; a session that was not started may
        // be stopped.
        unsafe {
            if !self.session.is_null() {
                (self.functions.NormStopReceiver)(self.session);
                (self.functions.NormStopSender)(self.session);
                (self.functions.NormDestroySession)(self.session);
            }
            (self.functions.NormStopInstance)(self.instance);
            (self.functions.NormDestroyInstance)(self.instance);
        }
    }
}
