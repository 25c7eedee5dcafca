//! zmq_poll(3) with timeout 0: what a thread found last time, so that idle sockets need not be asked.
//!
//! A thread remembers its last few lists of items. When it comes with one of them again it asks only
//! the sockets that had something to report, and those to which something has happened since
//! (`socket::Quiet`). Comparing the list with the one that is remembered is then all the work that
//! depends on its length. Lists with plain descriptors are not remembered: the kernel has to be asked
//! about these. Called by `poller`.

use std::cell::RefCell;
use std::ptr;
use std::sync::Arc;

use super::PollItem;
use crate::error::Result;
use crate::socket::{self, Quiet};
use crate::sys::memory::same_bytes;

/// How many lists a thread remembers.
const LISTS: usize = 4;
/// The size of a cache line.
const LINE: usize = 64;

/// A list of items, all of them sockets.
struct Recall {
    /// As the application gave them, without what was found; behind some that fill.
    copies: Vec<PollItem>,
    fill: usize,
    /// Those that have to be asked again.
    awake: Vec<u32>,
    /// The others.
    quiet: Arc<Quiet>,
}

thread_local! {
    /// The one used last comes first.
    static RECALLED: RefCell<Vec<Recall>> = const { RefCell::new(Vec::new()) };
}

/// Polls without waiting; `None` if the list is none to be remembered.
#[inline]
pub(super) fn poll_at_once(items: &mut [PollItem]) -> Option<Result<usize>> {
    RECALLED
        .try_with(|recalled| {
            let recalled = &mut *recalled.try_borrow_mut().ok()?;
            if let Some(first) = recalled.first()
                && same_bytes(first.items(), items)
                && first.awake.is_empty()
                && !first.quiet.is_disturbed()
            {
                return Some(Ok(0));
            }
            find(recalled, items).then(|| look(recalled, items))
        })
        .ok()?
}

/// Brings the list to the front, made anew if need be. False: it is none to be remembered.
fn find(recalled: &mut Vec<Recall>, items: &[PollItem]) -> bool {
    if let Some(place) = recalled.iter().position(|recall| recall.is_like(items)) {
        recalled[..=place].rotate_right(1);
        return true;
    }
    if items.is_empty() || items.iter().any(|item| item.socket.is_null()) {
        return false;
    }
    let Ok(count) = u32::try_from(items.len()) else { return false };
    recalled.truncate(LISTS - 1);
    recalled.insert(0, Recall::new(items, count));
    true
}

/// Asks the sockets of the first list that have to be asked. One that fails makes it forgotten.
fn look(recalled: &mut Vec<Recall>, items: &mut [PollItem]) -> Result<usize> {
    let result = recalled.first_mut().map_or(Ok(0), |recall| recall.look(items));
    if result.is_err() {
        recalled.remove(0);
    }
    result
}

impl Recall {
    fn new(items: &[PollItem], count: u32) -> Recall {
        // Both arrays lie alike in their cache lines, so that comparing them reads each line once.
        let mut copies: Vec<PollItem> =
            Vec::with_capacity(items.len() + LINE / size_of::<PollItem>());
        let distance = items.as_ptr().addr().wrapping_sub(copies.as_ptr().addr()) % LINE;
        let fill = distance / size_of::<PollItem>();
        let nothing = PollItem { socket: ptr::null_mut(), fd: -1, events: 0, revents: 0 };
        copies.resize(fill, nothing);
        copies.extend(items.iter().map(|item| PollItem { revents: 0, ..*item }));
        Recall { copies, fill, awake: (0..count).collect(), quiet: Arc::default() }
    }

    #[inline]
    fn items(&self) -> &[PollItem] {
        self.copies.get(self.fill..).unwrap_or_default()
    }

    /// Whether it is this list.
    fn is_like(&self, items: &[PollItem]) -> bool {
        let same = |(one, other): (&PollItem, &PollItem)| {
            (one.socket, one.fd, one.events) == (other.socket, other.fd, other.events)
        };
        self.items().len() == items.len() && self.items().iter().zip(items).all(same)
    }

    fn look(&mut self, items: &mut [PollItem]) -> Result<usize> {
        items.iter_mut().for_each(|item| item.revents = 0);
        if self.quiet.is_disturbed() {
            self.quiet.take(&mut self.awake);
        }
        let (mut found, mut result) = (0, Ok(()));
        self.awake.retain(|&number| {
            let Some(item) = items.get_mut(number as usize) else { return false };
            if result.is_ok() {
                let events = socket::from_handle(item.socket)
                    .and_then(|socket| socket.events_or_quiet(item.events, &self.quiet, number));
                match events {
                    Ok(events) => item.revents = events,
                    Err(error) => result = Err(error),
                }
            }
            found += usize::from(item.revents != 0);
            item.revents != 0
        });
        result.map(|()| found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::error::Error;
    use crate::patterns::SocketType;
    use crate::poller::{POLLIN, POLLOUT, poll_items};
    use crate::socket::Socket;

    fn item(socket: &Socket, events: i16) -> PollItem {
        PollItem { socket: socket.as_handle(), fd: 0, events, revents: 77 }
    }

    #[test]
    fn what_happens_to_a_quiet_socket_is_found() {
        let context = Context::create().unwrap();
        let [pull, push, other] = [SocketType::Pull, SocketType::Push, SocketType::Pull]
            .map(|kind| Socket::create(&context.core().unwrap(), kind as i32).unwrap());
        let mut items = [item(other, POLLIN), item(pull, POLLIN), item(push, POLLOUT)];
        let mut poll = || (poll_items(&mut items, 0, None), items.map(|item| item.revents));
        for _ in 0..2 {
            assert_eq!(poll(), (Ok(0), [0, 0, 0]));
        }
        // Calls of the application: the socket has a pipe, and can write to it.
        pull.bind("inproc://quiet").unwrap();
        push.connect("inproc://quiet").unwrap();
        assert_eq!(poll(), (Ok(1), [0, 0, POLLOUT]));
        // News from another thread.
        for _ in 0..3 {
            std::thread::scope(|scope| {
                scope.spawn(|| push.send_slice(b"news", 0).unwrap());
            });
            for _ in 0..2 {
                assert_eq!(poll(), (Ok(2), [0, POLLIN, POLLOUT]));
            }
            assert_eq!(pull.recv(0).unwrap().data(), b"news");
            for _ in 0..2 {
                assert_eq!(poll(), (Ok(1), [0, 0, POLLOUT]));
            }
        }
        other.close().unwrap();
        assert_eq!(poll().0, Err(Error::NOTSOCK));
        pull.close().unwrap();
        push.close().unwrap();
        context.terminate().unwrap();
    }

    #[test]
    fn what_an_option_changes_is_found() {
        use crate::options::numbers::{REQ_RELAXED, ROUTER_MANDATORY};

        let context = Context::create().unwrap();
        let [router, req, rep] = [SocketType::Router, SocketType::Req, SocketType::Rep]
            .map(|kind| Socket::create(&context.core().unwrap(), kind as i32).unwrap());
        let [on, off] = [1, 0].map(i32::to_ne_bytes);
        router.set_option(ROUTER_MANDATORY, &on).unwrap();
        rep.bind("inproc://options").unwrap();
        req.connect("inproc://options").unwrap();
        req.send_slice(b"request", 0).unwrap();
        let mut items = [item(router, POLLIN | POLLOUT), item(req, POLLIN | POLLOUT)];
        let mut poll = || (poll_items(&mut items, 0, None), items.map(|item| item.revents));
        for _ in 0..2 {
            assert_eq!(poll(), (Ok(0), [0, 0]));
        }
        router.set_option(ROUTER_MANDATORY, &off).unwrap();
        assert_eq!(poll(), (Ok(1), [POLLOUT, 0]));
        req.set_option(REQ_RELAXED, &on).unwrap();
        assert_eq!(poll(), (Ok(2), [POLLOUT, POLLOUT]));
        for socket in [router, req, rep] {
            socket.close().unwrap();
        }
        context.terminate().unwrap();
    }

    /// Finds nothing, disconnects, and finds something; also on the descriptor of ZMQ_FD, if it is `watched`.
    fn disconnect_and_find(socket: &Socket, endpoint: &str, watched: bool) {
        let mut items = [item(socket, POLLIN)];
        if watched {
            let mut fd = [0; size_of::<i32>()];
            socket.option(crate::options::numbers::FD, &mut fd).unwrap();
            let fd = i32::from_ne_bytes(fd);
            items = [PollItem { socket: ptr::null_mut(), fd, events: POLLIN, revents: 0 }];
            // Once it is readable without a reason.
            assert_eq!(socket.events().unwrap() & POLLIN, 0);
        }
        for _ in 0..2 {
            assert_eq!(poll_items(&mut items, 0, None), Ok(0));
        }
        socket.disconnect(endpoint).unwrap();
        for _ in 0..2 {
            assert_eq!(poll_items(&mut items, 0, None), Ok(1), "{endpoint}, {watched}");
        }
        assert_eq!(socket.events().unwrap() & POLLIN, POLLIN);
        assert_eq!(poll_items(&mut items, 0, None), Ok(usize::from(!watched)));
    }

    #[test]
    fn what_a_peer_leaves_that_is_disconnected_is_found() {
        use crate::options::numbers::{ROUTING_ID, SUBSCRIBE};

        let context = Context::create().unwrap();
        let create = |kind| Socket::create(&context.core().unwrap(), kind as i32).unwrap();
        for watched in [false, true] {
            // That nobody is subscribed any more.
            let [xpub, sub] = [SocketType::Xpub, SocketType::Sub].map(create);
            sub.set_option(SUBSCRIBE, b"").unwrap();
            sub.bind("inproc://sub").unwrap();
            xpub.connect("inproc://sub").unwrap();
            sub.events().unwrap();
            assert_eq!(xpub.recv(0).unwrap().data(), [1]);
            disconnect_and_find(xpub, "inproc://sub", watched);
            assert_eq!(xpub.recv(0).unwrap().data(), [0]);
            // A message of who has waited for the name of another.
            let router = create(SocketType::Router);
            let dealers = ["inproc://first", "inproc://second"].map(|endpoint| {
                let dealer = create(SocketType::Dealer);
                dealer.set_option(ROUTING_ID, b"name").unwrap();
                dealer.bind(endpoint).unwrap();
                router.connect(endpoint).unwrap();
                dealer.events().unwrap();
                dealer
            });
            dealers[1].send_slice(b"news", 0).unwrap();
            disconnect_and_find(router, "inproc://first", watched);
            assert_eq!(router.recv(0).unwrap().data(), b"name");
            assert_eq!(router.recv(0).unwrap().data(), b"news");
            for socket in [xpub, sub, router].into_iter().chain(dealers) {
                socket.close().unwrap();
            }
        }
        context.terminate().unwrap();
    }

    #[test]
    fn a_call_that_fails_hides_nothing() {
        use crate::options::numbers::{FD, LINGER};

        let context = Context::create().unwrap();
        let [pull, push] = [SocketType::Pull, SocketType::Push]
            .map(|kind| Socket::create(&context.core().unwrap(), kind as i32).unwrap());
        pull.bind("inproc://pull").unwrap();
        push.connect("inproc://pull").unwrap();
        push.set_option(LINGER, &0i32.to_ne_bytes()).unwrap();
        let mut fd = [0; size_of::<i32>()];
        pull.option(FD, &mut fd).unwrap();
        let fd = i32::from_ne_bytes(fd);
        let mut items = [PollItem { socket: ptr::null_mut(), fd, events: POLLIN, revents: 0 }];
        let calls: [fn(&Socket, &str) -> Result<()>; 4] =
            [Socket::bind, Socket::connect, Socket::unbind, Socket::disconnect];
        for call in calls {
            for endpoint in ["tcp://bad address", "nonsense://x", "inproc://"] {
                assert_eq!(pull.events().unwrap() & POLLIN, 0);
                assert_eq!(poll_items(&mut items, 0, None), Ok(0));
                push.send_slice(b"message", 0).unwrap();
                assert!(call(pull, endpoint).is_err());
                assert_eq!(poll_items(&mut items, 0, None), Ok(1), "{endpoint}");
                assert_eq!(pull.recv(0).unwrap().data(), b"message");
            }
        }
        pull.close().unwrap();
        push.close().unwrap();
        context.terminate().unwrap();
    }

    #[test]
    fn the_end_of_the_context_is_found() {
        let context = Context::create().unwrap();
        let socket = Socket::create(&context.core().unwrap(), SocketType::Sub as i32).unwrap();
        let mut items = [item(socket, POLLIN)];
        assert_eq!(poll_items(&mut items, 0, None), Ok(0));
        context.shutdown().unwrap();
        assert_eq!(poll_items(&mut items, 0, None), Err(Error::TERM));
        socket.close().unwrap();
        context.terminate().unwrap();
    }

    #[test]
    fn lists_that_share_a_socket_do_not_mix() {
        let context = Context::create().unwrap();
        let [pull, push] = [SocketType::Pull, SocketType::Push]
            .map(|kind| Socket::create(&context.core().unwrap(), kind as i32).unwrap());
        pull.bind("inproc://lists").unwrap();
        push.connect("inproc://lists").unwrap();
        let mut lists: Vec<Vec<PollItem>> =
            (1..=LISTS + 2).map(|count| vec![item(pull, POLLIN); count]).collect();
        for _ in 0..3 {
            for list in &mut lists {
                assert_eq!(poll_items(list, 0, None), Ok(0));
            }
            push.send_slice(b"one", 0).unwrap();
            for list in &mut lists {
                assert_eq!(poll_items(list, 0, None), Ok(list.len()));
            }
            assert_eq!(pull.recv(0).unwrap().data(), b"one");
        }
        pull.close().unwrap();
        push.close().unwrap();
        context.terminate().unwrap();
    }

    #[test]
    fn descriptors_are_not_remembered() {
        let mut items = [PollItem { socket: ptr::null_mut(), fd: -1, events: POLLIN, revents: 0 }];
        assert!(poll_at_once(&mut items).is_none());
        assert!(poll_at_once(&mut []).is_none());
    }
}
