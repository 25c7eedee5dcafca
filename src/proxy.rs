//! The proxy: passes messages between two sockets until it is told to stop, see zmq_proxy(3) and
//! zmq_proxy_steerable(3). Called by `ffi::proxy`.
//!
//! A direction moves messages while its source has input and its sink takes output. When neither
//! moves, the proxy sleeps until the half that is missing comes: input, or, once there is input,
//! room in the other socket. The control socket is always listened to.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_short;

use crate::error::{Error, Result};
use crate::patterns::SocketType;
use crate::poller::{self, POLLIN, POLLOUT, PollItem};
use crate::socket::relay::{Relay, Stop};
use crate::socket::{DONTWAIT, SNDMORE, Socket};

/// At most so many messages go one way before the other way and the control socket have a turn.
const BURST: usize = 1000;

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Active,
    Paused,
    Terminated,
}

struct Proxy {
    frontend: &'static Socket,
    backend: &'static Socket,
    capture: Option<&'static Socket>,
    control: Option<&'static Socket>,
    state: State,
    /// From the frontend to the backend, and back.
    requests: Relay,
    replies: Relay,
}

thread_local! {
    /// The proxy whose caller sleeps for it; the thread's end, should it be cancelled, finds it here.
    static ASIDE: Cell<Option<Box<Proxy>>> = const { Cell::new(None) };
}

/// Runs until `control` says TERMINATE; otherwise ends only by an error (`TERM`, `INTR`), or has the caller sleep
/// and `run_again` (`ASLEEP`).
pub(crate) fn run(
    frontend: &'static Socket,
    backend: &'static Socket,
    capture: Option<&'static Socket>,
    control: Option<&'static Socket>,
) -> Result<()> {
    let (requests, replies) = (Relay::default(), Relay::default());
    let state = State::Active;
    go_on(Box::new(Proxy { frontend, backend, capture, control, state, requests, replies }))
}

/// Goes on after the sleep.
#[cold]
pub(crate) fn run_again() -> Result<()> {
    let proxy = ASIDE.try_with(Cell::take).ok().flatten().ok_or(Error::INTR)?;
    poller::end_sleep()?;
    go_on(proxy)
}

fn go_on(mut proxy: Box<Proxy>) -> Result<()> {
    let result = proxy.run();
    if result == Err(Error::ASLEEP) {
        drop(ASIDE.try_with(|aside| aside.replace(Some(proxy))));
    }
    result
}

impl Proxy {
    fn run(&mut self) -> Result<()> {
        loop {
            if let Some(control) = self.control
                && control.events()? & POLLIN != 0
            {
                self.obey(control)?;
            }
            let moved = match self.state {
                State::Active => self.exchange()?,
                State::Paused => false,
                State::Terminated => return Ok(()),
            };
            if !moved {
                self.sleep()?;
            }
        }
    }

    /// Moves what can be moved in both directions; false if nothing could.
    fn exchange(&mut self) -> Result<bool> {
        let (frontend, backend) = (self.frontend, self.backend);
        let request = forward(frontend, backend, self.capture, &mut self.requests)?;
        if std::ptr::eq(frontend, backend) {
            return Ok(request);
        }
        let reply = forward(backend, frontend, self.capture, &mut self.replies)?;
        Ok(request || reply)
    }

    /// Waits for what is missing.
    fn sleep(&self) -> Result<()> {
        let item = |socket: &Socket, events| PollItem {
            socket: socket.as_handle(),
            fd: -1,
            events,
            revents: 0,
        };
        let mut items = [item(self.frontend, 0), item(self.backend, 0), item(self.frontend, 0)];
        if self.state == State::Active && std::ptr::eq(self.frontend, self.backend) {
            items[0].events = POLLIN;
        } else if self.state == State::Active {
            let (front, back) = (self.frontend.events()?, self.backend.events()?);
            (items[0].events, items[1].events) = missing(front, back);
        }
        let mut len = 2;
        if let Some(control) = self.control {
            items[2] = item(control, POLLIN);
            len = 3;
        }
        poller::poll_items(&mut items[..len], -1, None).map(drop)
    }

    /// Carries out one command; unknown ones are ignored. A REP always answers.
    fn obey(&mut self, control: &Socket) -> Result<()> {
        let command = match control.recv(DONTWAIT) {
            Err(Error::AGAIN) => return Ok(()),
            other => other?,
        };
        let mut more = command.more();
        while more {
            more = control.recv(DONTWAIT)?.more();
        }
        match command.data() {
            b"PAUSE" => self.state = State::Paused,
            b"RESUME" => self.state = State::Active,
            b"TERMINATE" => self.state = State::Terminated,
            b"STATISTICS" => return self.report(control),
            _ => {}
        }
        if control.kind() == SocketType::Rep { control.send_slice(&[], 0) } else { Ok(()) }
    }

    /// Sends the eight counters. A control socket that cannot send has only itself to blame.
    fn report(&self, control: &Socket) -> Result<()> {
        let (requests, replies) = (&self.requests, &self.replies);
        let traffic = [requests.received, replies.sent, replies.received, requests.sent];
        let values = traffic.iter().flat_map(|traffic| [traffic.messages, traffic.bytes]);
        for (index, value) in values.enumerate() {
            let more = if index < 7 { SNDMORE } else { 0 };
            match control.send_slice(&value.to_ne_bytes(), DONTWAIT | more) {
                Err(Error::AGAIN | Error::NOTSUP | Error::HOSTUNREACH) if index == 0 => break,
                other => other?,
            }
        }
        Ok(())
    }
}

/// The events to sleep for on either socket: input, except where input is there already and only
/// the other socket's room is missing.
fn missing(front: c_short, back: c_short) -> (c_short, c_short) {
    let one_way = |source: c_short, sink: c_short| match source & POLLIN != 0 {
        true if sink & POLLOUT == 0 => (0, POLLOUT),
        _ => (POLLIN, 0),
    };
    let (front_in, back_out) = one_way(front, back);
    let (back_in, front_out) = one_way(back, front);
    (front_in | front_out, back_in | back_out)
}

/// Passes messages on while there are any and `to` has room; false if there were none.
fn forward(
    from: &Socket,
    to: &Socket,
    capture: Option<&Socket>,
    relay: &mut Relay,
) -> Result<bool> {
    let mut passed = 0;
    while passed < BURST {
        let (run, stop) = relay.run(from, to, capture)?;
        passed += run;
        match stop {
            Stop::Turn => {}
            Stop::Idle => return Ok(passed > 0),
            Stop::Refused => send(to, capture, relay)?,
            Stop::Locked if !fetch(from, to, relay)? => return Ok(passed > 0),
            Stop::Locked => {
                passed += 1;
                send(to, capture, relay)?;
            }
        }
    }
    Ok(true)
}

/// Receives a message by calls of its own; false if there is none, or no room for it: what is read
/// is written. It is read whole before it is written, since the two may be one socket.
fn fetch(from: &Socket, to: &Socket, relay: &mut Relay) -> Result<bool> {
    let alone = std::ptr::eq(from, to);
    if from.events()? & POLLIN == 0 || (!alone && to.events()? & POLLOUT == 0) {
        return Ok(false);
    }
    loop {
        let part = match from.recv(DONTWAIT) {
            Err(Error::AGAIN) if relay.parts.is_empty() => return Ok(false),
            other => other?,
        };
        relay.received.count(part.len());
        let more = part.more();
        relay.parts.push(part);
        if !more {
            relay.parts.reverse();
            return Ok(true);
        }
    }
}

/// Sends what was read and not sent, and waits for room where there is none.
fn send(to: &Socket, capture: Option<&Socket>, relay: &mut Relay) -> Result<()> {
    while let Some(mut part) = relay.parts.pop() {
        let (size, flags) = (part.len(), if part.more() { SNDMORE } else { 0 });
        if let Some(capture) = capture
            && !std::mem::take(&mut relay.captured)
        {
            capture.send(&mut part.copy(), flags)?;
        }
        to.send(&mut part, flags)?;
        relay.sent.count(size);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sleeps_for_the_missing_half() {
        assert_eq!(missing(0, 0), (POLLIN, POLLIN));
        assert_eq!(missing(POLLOUT, POLLOUT), (POLLIN, POLLIN));
        assert_eq!(missing(POLLIN, 0), (0, POLLIN | POLLOUT));
        assert_eq!(missing(POLLIN | POLLOUT, 0), (0, POLLIN | POLLOUT));
        assert_eq!(missing(POLLIN, POLLIN), (POLLOUT, POLLOUT));
        assert_eq!(missing(0, POLLIN | POLLOUT), (POLLIN | POLLOUT, 0));
    }
}
