//! What the two ends of a pipe share besides the queues: whom to notify, and the high water marks.
//! Called by both ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32};

use super::later::Later;
use super::{Direct, PipeEvent};
use crate::sys::lock::Mutex;
use crate::sys::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// Where the events of a pipe end go: the mailbox of a socket or of an I/O thread.
///
/// `notify` must not block, call back into the pipe, or take a socket's lock.
pub(crate) trait Notify: Send + Sync {
    /// `key` is what the owner passed to `Pipe::set_owner_key`.
    fn notify(&self, key: u64, event: PipeEvent);
}

/// The key of an end whose owner has not taken it in yet; its owner looks at the state of the pipe
/// when it does, so such events may be dropped.
pub(crate) const NO_KEY: u64 = u64::MAX;

/// One of the two ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    A,
    B,
}

impl Side {
    /// The opposite one.
    pub(super) fn other(self) -> Side {
        if self == Side::A { Side::B } else { Side::A }
    }
}

struct End {
    owner: Arc<dyn Notify>,
    key: AtomicU64,
    /// What this end's owner allows to wait, sent and received; -1: it has no say (a session).
    send_mark: AtomicI32,
    receive_mark: AtomicI32,
}

/// Shared by both ends.
pub(super) struct Link {
    a: End,
    b: End,
    /// The directions from A and from B, before there are queues.
    from_a: Later,
    from_b: Later,
    kept: Mutex<Kept>,
    /// How often what the session offers has changed.
    changes: AtomicU32,
    /// One side writes the same messages to many.
    broadcast: AtomicBool,
    /// A socket wants no more of this peer.
    refused: AtomicBool,
    /// The same, but its connection stays.
    forsaken: AtomicBool,
}

/// What an application wants to be said; the pipes of a socket share it.
type Bytes = Arc<Vec<u8>>;

#[derive(Default)]
struct Kept {
    /// What the session offers to the socket.
    direct: Option<Arc<dyn Direct>>,
    /// What A and B say last (ZMQ_DISCONNECT_MSG of the other end's socket); hardly anybody has that.
    farewells: Option<Box<[Option<Bytes>; 2]>>,
}

/// How an end is set up.
pub(crate) struct EndConfig {
    pub(crate) owner: Arc<dyn Notify>,
    /// High water marks of this end, 0 for none; `None` if the end has no say.
    pub(crate) marks: Option<(i32, i32)>,
}

impl End {
    fn new(config: EndConfig) -> End {
        let (send, receive) = config.marks.unwrap_or((-1, -1));
        End {
            owner: config.owner,
            key: AtomicU64::new(NO_KEY),
            send_mark: AtomicI32::new(send),
            receive_mark: AtomicI32::new(receive),
        }
    }
}

impl Link {
    pub(super) fn new(a: EndConfig, b: EndConfig) -> Arc<Link> {
        Arc::new(Link {
            a: End::new(a),
            b: End::new(b),
            from_a: Later::new(),
            from_b: Later::new(),
            kept: Mutex::new(Kept::default()),
            changes: AtomicU32::new(0),
            broadcast: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            forsaken: AtomicBool::new(false),
        })
    }

    fn end(&self, side: Side) -> &End {
        if side == Side::A { &self.a } else { &self.b }
    }

    /// The direction from one side to the other, before there is a queue.
    pub(super) fn later(&self, from: Side) -> &Later {
        if from == Side::A { &self.from_a } else { &self.from_b }
    }

    /// The session offers to work on the connection, or no longer.
    pub(super) fn set_direct(&self, direct: Option<Arc<dyn Direct>>) {
        let old = std::mem::replace(&mut self.kept.lock().direct, direct);
        self.changes.fetch_add(1, Ordering::Release);
        drop(old);
    }

    /// Whoever writes here writes the same messages to many.
    pub(super) fn set_broadcast(&self) {
        self.broadcast.store(true, Ordering::Relaxed);
    }

    /// Whether one side writes the same messages to many.
    pub(super) fn is_broadcast(&self) -> bool {
        self.broadcast.load(Ordering::Relaxed)
    }

    /// A socket wants no more of this peer.
    pub(super) fn refuse(&self) {
        self.refused.store(true, Ordering::Release);
    }

    /// Whether a socket wants no more of this peer.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Acquire)
    }

    /// A socket wants no more of this peer, whose connection stays.
    pub(super) fn forsake(&self) {
        self.forsaken.store(true, Ordering::Release);
    }

    /// Whether a socket wants no more of this peer, whose connection stays.
    pub(super) fn is_forsaken(&self) -> bool {
        self.forsaken.load(Ordering::Acquire)
    }

    /// How often what the session offers has changed.
    #[inline]
    pub(super) fn changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    /// What the session offers.
    pub(super) fn direct(&self) -> Option<Arc<dyn Direct>> {
        self.kept.lock().direct.clone()
    }

    /// Tells the owner of this end, if it has taken it in.
    pub(super) fn notify(&self, side: Side, event: PipeEvent) {
        let end = self.end(side);
        let mut key = end.key.load(Ordering::Acquire);
        if key == NO_KEY {
            // Either the key is seen here, or its owner sees what it is to be told of: see `set_key`.
            fence(Ordering::SeqCst);
            key = end.key.load(Ordering::Acquire);
        }
        if key != NO_KEY {
            end.owner.notify(key, event);
        }
    }

    /// The key that comes with the events of this end. The caller looks at the pipe afterwards: of what
    /// happened before it is not told.
    pub(super) fn set_key(&self, side: Side, key: u64) {
        self.end(side).key.store(key, Ordering::Release);
        // A store and a later load of something else: nothing less keeps them in order.
        fence(Ordering::SeqCst);
    }

    /// True: they are others than before.
    pub(super) fn set_marks(&self, side: Side, send: i32, receive: i32) -> bool {
        let end = self.end(side);
        let send_before = end.send_mark.swap(send, Ordering::Relaxed);
        let receive_before = end.receive_mark.swap(receive, Ordering::Relaxed);
        (send_before, receive_before) != (send, receive)
    }

    /// What this side shall say last; only the first counts.
    pub(super) fn set_farewell(&self, side: Side, message: Bytes) {
        let mut kept = self.kept.lock();
        let farewells = kept.farewells.get_or_insert_default();
        let [a, b] = &mut **farewells;
        let farewell = if side == Side::A { a } else { b };
        farewell.get_or_insert(message);
    }

    /// What this side shall say last.
    pub(super) fn farewell(&self, side: Side) -> Option<Bytes> {
        let kept = self.kept.lock();
        let [a, b] = &**kept.farewells.as_ref()?;
        if side == Side::A { a.clone() } else { b.clone() }
    }

    /// How many messages may wait on their way from `side` to the other: the sum of what both
    /// owners allow, without limit (0) if one of them sets none.
    #[inline]
    pub(super) fn limit(&self, side: Side) -> u64 {
        let send = self.end(side).send_mark.load(Ordering::Relaxed);
        let receive = self.end(side.other()).receive_mark.load(Ordering::Relaxed);
        match (send, receive) {
            (0, _) | (_, 0) => 0,
            (send, receive) => send.max(0) as u64 + receive.max(0) as u64,
        }
    }
}
