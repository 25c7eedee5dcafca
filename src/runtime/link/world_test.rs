//! A small world for the model of the takeover: a kernel with one connection, the loop of an I/O
//! thread, and a socket with one pipe. What is proven is not here: `Takeover` and the pipe are the
//! product's own. Used by `loom_test`.

use std::collections::VecDeque;

use loom::sync::{Condvar, Mutex, MutexGuard};
use loom::thread;
use std::sync::{Arc, Weak};

use super::*;
use crate::error::Error;
use crate::message::Message;
use crate::pipe::{Bed, Direct, EndConfig, Notify, Pipe, PipeConfig, PipeEvent, Style, Turn, pair};

#[path = "world_socket_test.rs"]
mod socket;
pub(super) use socket::{Hall, Socket};

/// What the threads see of each other besides the link and the queue.
#[derive(Default)]
pub(super) struct State {
    /// Bytes that the peer sent, a message each, and whether it is gone.
    pub(super) unread: VecDeque<u8>,
    pub(super) closed: bool,
    /// What was sent to the peer; and how much more the connection takes.
    pub(super) wire: Vec<u8>,
    pub(super) room: usize,
    /// The I/O thread's reactor: it watches for input and for room, and an edge of either that it has not
    /// reported.
    pub(super) watched: bool,
    roomy: bool,
    edge: bool,
    room_edge: bool,
    /// Somebody left an order for the I/O thread, or a note for the socket.
    woken: bool,
    pub(super) told: bool,
    /// The connection is watched in a crowd, which is the application's.
    pub(super) member: bool,
    pub(super) taken: bool,
    /// The session has found the connection broken and reported it.
    pub(super) lost: bool,
    /// The I/O thread shall end.
    over: bool,
}

impl State {
    /// There is something to read, or the end.
    fn readable(&self) -> bool {
        !self.unread.is_empty() || self.closed
    }

    /// The crowd's task is told of it.
    fn crowd_is_told(&self) -> bool {
        self.member && !self.taken && self.readable()
    }
}

/// The kernel, the inbox of the I/O thread and the mailbox of the socket.
#[derive(Default)]
pub(super) struct World {
    state: Mutex<State>,
    changed: Condvar,
}

impl World {
    pub(super) fn new() -> Arc<World> {
        let world = World::default();
        world.lock().room = usize::MAX;
        world.lock().watched = true;
        world.lock().roomy = true;
        // The first turn of the session, once the handshake is done.
        world.lock().woken = true;
        Arc::new(world)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Sleeps until something is so.
    pub(super) fn until(&self, ready: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while !ready(&state) {
            state = self.changed.wait(state).unwrap();
        }
        state
    }

    /// The peer sends.
    pub(super) fn arrive(&self, bytes: &[u8]) {
        self.change(|state| {
            state.unread.extend(bytes);
            state.edge = true;
        });
    }

    /// The peer closes the connection.
    pub(super) fn close(&self) {
        self.change(|state| {
            state.closed = true;
            state.edge = true;
        });
    }

    /// The peer reads: there is room again.
    pub(super) fn make_room(&self, room: usize) {
        self.change(|state| {
            state.room = room;
            state.room_edge = state.roomy;
        });
    }

    pub(super) fn stop(&self) {
        self.change(|state| state.over = true);
    }
}

/// Where the events of a pipe's end go.
struct Orders(Arc<World>);
struct Notes(Arc<World>);

impl Notify for Orders {
    fn notify(&self, _key: u64, _event: PipeEvent) {
        self.0.change(|state| state.woken = true);
    }
}

impl Notify for Notes {
    fn notify(&self, _key: u64, _event: PipeEvent) {
        self.0.change(|state| state.told = true);
    }
}

impl Station for Arc<World> {
    fn watch(&self, watch: bool) -> bool {
        self.change(|state| {
            state.watched = watch;
            // What is there already is reported once more.
            state.edge |= watch && (!state.unread.is_empty() || state.closed);
            state.roomy = watch;
            state.room_edge = watch && state.room > 0;
        });
        true
    }

    fn watch_writing(&self) -> bool {
        self.change(|state| {
            state.roomy = true;
            state.room_edge = state.room > 0;
        });
        true
    }

    fn wake_session(&self) {
        self.change(|state| state.woken = true);
    }

    fn descriptor(&self) -> RawFd {
        7
    }

    fn found(&self, _bed: Bed) -> Option<Arc<dyn Crowd>> {
        None
    }

    fn place(&self) -> usize {
        0
    }
}

/// A connection with the session's end of its pipe: each byte is a message. What one read brings is
/// all there is, and is held back at the high water mark.
pub(super) struct Line {
    world: Arc<World>,
    held: VecDeque<u8>,
    readable: bool,
    writable: bool,
    pipe: Pipe,
    ended: Option<End>,
    crowd: Option<Arc<dyn Crowd>>,
}

impl Line {
    /// True: nothing is held back.
    fn take_in(&mut self) -> bool {
        while !self.held.is_empty() {
            if self.pipe.write_credit() == 0 {
                return false;
            }
            let byte = self.held.pop_front();
            let writer = self.pipe.writer().unwrap();
            writer.push(0, &byte.map_or([0], |byte| [byte]));
            let notify = writer.publish();
            self.pipe.count(1);
            if notify {
                self.pipe.notify_peer(PipeEvent::Readable);
            }
        }
        true
    }

    /// As `Link::dissolve`.
    pub(super) fn part(mut self) {
        self.pipe.offer_direct(None);
    }

    /// Sends what is published; false when the connection takes no more.
    fn write_out(&mut self) -> bool {
        loop {
            let Some(reader) = self.pipe.reader() else { return true };
            if !reader.has_bytes() {
                return true;
            }
            let mut state = self.world.lock();
            if !self.writable || state.room == 0 {
                self.writable = false;
                return false;
            }
            state.room -= 1;
            drop(state);
            let byte = reader.read().map(|message| message.data()[0]);
            self.world.change(|state| state.wire.extend(byte));
        }
    }
}

impl Shared for Line {
    fn receive(&mut self, _now: Instant, turns: usize) -> Result<bool, End> {
        let mut open = self.take_in();
        for _ in 0..turns {
            if !open || !self.readable {
                return Ok(false);
            }
            let mut state = self.world.lock();
            if state.unread.is_empty() {
                if state.closed {
                    return Err(End::Closed(Error::PIPE));
                }
                self.readable = false;
            }
            self.held.append(&mut state.unread);
            drop(state);
            self.world.changed.notify_all();
            open = self.take_in();
        }
        Ok(open && self.readable)
    }

    fn send(&mut self, _now: Instant) -> Result<Sent, End> {
        loop {
            if !self.write_out() {
                return Ok(Sent::Blocked);
            }
            if !self.pipe.check_read() {
                return Ok(Sent::All);
            }
        }
    }

    fn send_directly(&mut self) -> Result<Sent, End> {
        if !self.writable || !self.write_out() {
            return Ok(Sent::Blocked);
        }
        self.pipe.doze();
        Ok(Sent::All)
    }

    fn holds(&self) -> bool {
        false
    }

    fn set_readable(&mut self) {
        self.readable = true;
    }

    fn is_readable(&self) -> bool {
        self.readable
    }

    fn is_writable(&self) -> bool {
        self.writable
    }

    fn has_control(&self) -> bool {
        false
    }

    fn ended(&mut self) -> &mut Option<End> {
        &mut self.ended
    }

    fn crowd(&mut self) -> &mut Option<Arc<dyn Crowd>> {
        &mut self.crowd
    }

    fn end_wait(&mut self) {
        self.pipe.notify_peer(PipeEvent::Readable);
    }
}

pub(super) type Model = Takeover<Line, Arc<World>>;

/// A link and the socket at the other end of its pipe, which may hold so many messages unread.
pub(super) fn joined(world: &Arc<World>, mark: i32) -> (Arc<Model>, Socket) {
    let config = PipeConfig { styles: (Style::Memory, Style::Wire), conflate: (false, false) };
    let session = EndConfig { owner: Arc::new(Orders(world.clone())), marks: None };
    let socket = EndConfig { owner: Arc::new(Notes(world.clone())), marks: Some((0, mark)) };
    let (mut pipe, mut other) = pair(config, session, socket);
    pipe.set_owner_key(1);
    other.set_owner_key(2);
    let link = Arc::new(Model::new(world.clone(), true, true));
    pipe.offer_direct(Some(link.clone()));
    let line = Line {
        world: world.clone(),
        held: VecDeque::new(),
        readable: true,
        writable: true,
        pipe,
        ended: None,
        crowd: None,
    };
    *link.lock() = Some(line);
    (link, Socket { world: world.clone(), pipe: other, active: true })
}

/// The loop of an I/O thread with one session on it, until it is stopped or the connection is lost.
pub(super) fn io_thread(world: Arc<World>, link: Arc<Model>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let (mut now, mut watch, mut due) = (Instant::now(), Watch::default(), false);
        loop {
            let mut state = world.until(|state| {
                state.woken
                    || state.edge
                    || state.room_edge
                    || state.over
                    || due
                    || state.crowd_is_told()
            });
            let crowd = state.crowd_is_told();
            if state.over {
                break;
            }
            state.woken = false;
            // The reactor reports either side only if it is told to.
            let (edge, watched) = (std::mem::take(&mut state.edge), state.watched);
            let room = std::mem::take(&mut state.room_edge);
            drop(state);
            now += TICK;
            if crowd {
                link.receive_for_crowd();
            }
            if (edge || room)
                && let Some(line) = &mut *link.lock()
            {
                line.readable |= edge && watched;
                line.writable |= room;
            }
            loop {
                match link.pump(now) {
                    Ok(Pumped { again: true, .. }) => {}
                    Ok(_) => break,
                    Err(_) => {
                        link.end().unwrap().part();
                        world.change(|state| state.lost = true);
                        return;
                    }
                }
            }
            due = link.tick(now, &mut watch).is_some();
            if due {
                thread::yield_now();
            }
        }
        link.end().unwrap().part();
    })
}
