//! Where the events of a monitored socket leave: the PAIR, PUB or PUSH of zmq_socket_monitor(3).
//!
//! libzmq lets the thread that reports wait for somebody to take the event. Here it never waits, since it
//! may be an I/O thread with other connections to serve, or the one that shall read the event next.
//! Instead, what happens before anybody has connected waits for him, a reader may fall far behind, and
//! the last event finds room always. Called by `monitor`, and by whoever connects to the endpoint.

use std::collections::VecDeque;
use std::sync::Arc;

use super::mailbox::Mailbox;
use super::{Core, Socket};
use crate::error::{Error, Result};
use crate::message::{MORE, Message};
use crate::monitor::Event;
use crate::options::numbers;
use crate::patterns::Attach;
use crate::pipe::{Notify, Pipe, PipeEvent};
use crate::runtime::Owner;
use crate::sys::sync::Mutex;

/// So many events may be on their way to a reader, beside those that its own mark allows: 4 to 10 MB.
pub(super) const MARK: i32 = 100_000;

/// So many events wait for the first reader, or the next.
const KEPT: usize = 1000;

/// See the head of this file.
pub(super) struct Outlet {
    socket: &'static Socket,
    /// Tells whether `socket` still is the monitor's.
    mailbox: Arc<Mailbox>,
    left: Mutex<Left>,
}

/// What has not left yet.
#[derive(Default)]
struct Left {
    /// The rest of an event in whose middle there was no memory. It goes first, or the next event would be its end.
    begun: Vec<Message>,
    kept: VecDeque<Vec<Message>>,
}

impl Outlet {
    /// Through `socket`, whose mailbox this is.
    pub(super) fn new(socket: &'static Socket, mailbox: Arc<Mailbox>) -> Outlet {
        Outlet { socket, mailbox, left: Mutex::default() }
    }

    /// Sends an event, or keeps it. It is lost when there is no room for it.
    pub(super) fn report(&self, event: Event, mut frames: Vec<Message>) {
        let mut left = self.left.lock();
        let Ok(mut core) = self.socket.lock_again(&self.mailbox) else { return };
        if event == Event::MonitorStopped {
            // Readers wait for this one to know that they are done.
            let _ = core.set_option(numbers::SNDHWM, Some(&0i32.to_ne_bytes()));
        }
        let sent = core.send_left(&mut left);
        let sent = sent.and_then(|()| core.send_event(&mut frames, &mut left.begun));
        let unread = sent == Err(Error::AGAIN) && core.pipes.len() == 0;
        if unread && left.kept.len() < KEPT && left.kept.try_reserve(1).is_ok() {
            left.kept.push_back(frames);
        }
    }
}

impl Core {
    fn send_left(&mut self, left: &mut Left) -> Result<()> {
        self.take_in()?;
        send_frames(&mut left.begun, |frame| self.send_frame(frame))?;
        while let Some(frames) = left.kept.front_mut() {
            self.send_event(frames, &mut left.begun)?;
            left.kept.pop_front();
            if !left.begun.is_empty() {
                return Err(Error::NOMEM);
            }
        }
        Ok(())
    }

    /// Sends an event, or leaves it as it was. What there is no memory for in the middle of it becomes `begun`.
    fn send_event(&mut self, frames: &mut Vec<Message>, begun: &mut Vec<Message>) -> Result<()> {
        let all = frames.len();
        match send_frames(frames, |frame| self.send_frame(frame)) {
            Err(_) if frames.len() < all => {
                *begun = std::mem::take(frames);
                Ok(())
            }
            result => result,
        }
    }

    fn send_frame(&mut self, frame: &mut Message) -> Result<()> {
        self.try_send_as(frame, if frame.more() { MORE } else { 0 })
    }
}

/// Takes out what can be sent, from the first one on.
fn send_frames(
    frames: &mut Vec<Message>,
    mut send: impl FnMut(&mut Message) -> Result<()>,
) -> Result<()> {
    while let Some(frame) = frames.first_mut() {
        send(frame)?;
        frames.remove(0);
    }
    Ok(())
}

impl Notify for Outlet {
    fn notify(&self, key: u64, event: PipeEvent) {
        self.mailbox.notify(key, event);
    }
}

impl Owner for Outlet {
    fn attach(&self, pipe: Pipe, how: Attach) {
        self.mailbox.attach(pipe, how);
        let mut left = self.left.lock();
        if !left.kept.is_empty()
            && let Ok(mut core) = self.socket.lock_again(&self.mailbox)
        {
            // What finds no room goes on waiting.
            let _ = core.send_left(&mut left);
        }
    }

    fn gone(&self, session: u64) {
        self.mailbox.gone(session);
    }

    fn renounced(&self, session: u64) {
        self.mailbox.renounced(session);
    }
}

#[cfg(test)]
#[path = "outlet_test.rs"]
mod tests;
