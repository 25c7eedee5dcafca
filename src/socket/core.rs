//! The core of a socket: what its lock guards. Called by the other files of this room, with the
//! lock held.

use std::sync::Arc;

use super::endpoints::Endpoints;
use super::looping::Looping;
use super::mailbox::{Command, Mailbox};
use super::monitoring::MonitorSocket;
use super::straight::Named;
use crate::context;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::options::SocketOptions;
use crate::patterns::{self, Attach, SocketType};
use crate::pipe::{Crowd, Pipe, PipeEvent, PipeId, Pipes};
use crate::sys::cancel;
use crate::sys::spin::Spin;

/// `ZMQ_POLLIN` and `ZMQ_POLLOUT`.
const POLLIN: i16 = 1;
const POLLOUT: i16 = 2;

/// See the head of this file.
pub(super) struct Core {
    pub(super) context: Arc<context::Core>,
    /// The number of the socket in its context.
    pub(super) id: u64,
    pub(super) options: SocketOptions,
    pub(super) pattern: Named,
    pub(super) pipes: Pipes,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) monitor: Arc<Monitor>,
    pub(super) monitor_socket: Option<MonitorSocket>,
    pub(super) endpoints: Endpoints,
    /// The last received frame said that more follow (ZMQ_RCVMORE).
    pub(super) receive_more: bool,
    /// Whether it pays to wait awake for the mailbox.
    pub(super) spin: Spin,
    /// Some connections may have been taken over, see `waiting`.
    pub(super) owns: bool,
    /// Many connections that are waited for together, see `waiting`; and pipes whose connections may
    /// join, as they were heard by way of their I/O threads.
    pub(super) crowd: Option<Arc<dyn Crowd>>,
    pub(super) newcomers: Vec<PipeId>,
    /// Something was sent since the last wait for messages; and how many of the last waits that was
    /// so for.
    pub(super) answered: bool,
    pub(super) dialogue: u32,
    /// The application's own loop, see `looping`.
    pub(super) looping: Looping,
    /// Threads that sleep in a call on this socket, or have not come back yet.
    pub(super) waiters: u32,
    /// How often a call had to wait.
    pub(super) blocked: u8,
    /// The context ends.
    stopped: bool,
}

impl Core {
    /// Enters the context. `TERM` or `MFILE` if it admits no socket.
    pub(super) fn new(
        context: Arc<context::Core>,
        kind: SocketType,
        mailbox: Arc<Mailbox>,
    ) -> Result<Core> {
        let options = SocketOptions::new(kind, &context.options.lock());
        let id = context.enter(mailbox.clone())?;
        let pattern = Named::new(patterns::new(kind, &options));
        Ok(Core {
            context,
            id,
            options,
            pattern,
            pipes: Pipes::default(),
            mailbox,
            monitor: Arc::default(),
            monitor_socket: None,
            endpoints: Endpoints::default(),
            receive_more: false,
            spin: Spin::doubtful(),
            owns: false,
            crowd: None,
            newcomers: Vec::new(),
            answered: false,
            dialogue: 0,
            looping: Looping::default(),
            waiters: 0,
            blocked: 0,
            stopped: false,
        })
    }

    /// Takes in what the mailbox holds. `TERM` once the context ends.
    #[inline]
    pub(super) fn take_in(&mut self) -> Result<()> {
        if self.mailbox.pending() {
            // Connections may come and go with it.
            cancel::off(|| self.obey());
        }
        self.check_context()
    }

    /// `TERM` once the context ends.
    #[inline]
    pub(super) fn check_context(&mut self) -> Result<()> {
        // The context says so to all its sockets at once; the command only wakes who sleeps.
        self.stopped |= self.context.terminating();
        self.check_stopped()
    }

    /// `TERM` once a call has met the end of the context.
    #[inline]
    pub(super) fn check_stopped(&self) -> Result<()> {
        if self.stopped { Err(Error::TERM) } else { Ok(()) }
    }

    #[cold]
    fn obey(&mut self) {
        self.pattern.forget();
        for command in self.mailbox.take() {
            match command {
                Command::Pipe(id, event) => self.pipe_event(id, event),
                Command::Attach(pipe, how) => self.admit(pipe, how),
                Command::Gone(key) => self.endpoints.session_ended(key),
                Command::Renounced(key) => self.endpoints.remove_session(key),
                Command::Look => {}
                Command::Stop => self.stopped = true,
            }
        }
        self.reap();
    }

    fn pipe_event(&mut self, id: PipeId, event: PipeEvent) {
        let Some(pipe) = self.pipes.get_mut(id) else { return };
        match event {
            PipeEvent::Readable => {
                self.notice(id);
                self.pattern.readable(&mut self.pipes, id);
            }
            PipeEvent::Writable => {
                pipe.marks_changed();
                self.pattern.writable(&mut self.pipes, id);
            }
            PipeEvent::Hiccuped => self.pattern.hiccuped(&mut self.pipes, id),
            PipeEvent::Closed => {
                if pipe.peer_has_closed() {
                    self.pattern.readable(&mut self.pipes, id);
                }
            }
        }
    }

    /// Takes in a new pipe of a peer or of a session.
    fn admit(&mut self, pipe: Pipe, how: Attach) {
        let session = how.session;
        if session.is_some_and(|key| !self.endpoints.has_session(key)) {
            // zmq_disconnect came first. The session learns it from the end of its pipe.
            return drop(pipe);
        }
        let id = self.attach(pipe, how);
        if let (Some(key), Some(id)) = (session, id) {
            self.endpoints.set_pipe(key, id);
        }
    }

    /// Takes in a new pipe; gives its number, unless it has come to its end already.
    pub(super) fn attach(&mut self, mut pipe: Pipe, how: Attach) -> Option<PipeId> {
        pipe.set_marks(self.options.sndhwm, self.options.rcvhwm);
        let id = self.pipes.insert(pipe);
        self.pattern.attach(&mut self.pipes, id, how);
        // The peer may have closed before this end had an owner to be told.
        self.pipe_event(id, PipeEvent::Closed);
        self.reap();
        self.pipes.get_mut(id).map(|_| id)
    }

    /// Removes the pipes that have come to their end; whether there were any. Then a peer that has waited for
    /// the name of another may be heard, without further notice: whoever has found nothing looks again.
    #[inline]
    pub(super) fn reap(&mut self) -> bool {
        let any = self.pipes.any_ended();
        if any {
            self.remove_ended();
        }
        any
    }

    /// `Pattern::has_in` or `has_out`, of the pipes that stay.
    #[inline]
    pub(super) fn ask(&mut self, question: fn(&mut Named, &mut Pipes) -> bool) -> bool {
        let mut answer = question(&mut self.pattern, &mut self.pipes);
        while self.reap() && !answer {
            answer = question(&mut self.pattern, &mut self.pipes);
        }
        answer
    }

    #[cold]
    fn remove_ended(&mut self) {
        while self.pipes.any_ended() {
            for id in self.pipes.take_ended() {
                if self.pipes.get_mut(id).is_some() {
                    self.pattern.pipe_terminated(&mut self.pipes, id);
                    self.pipes.remove(id);
                    self.endpoints.remove_pipe(id);
                }
            }
        }
    }

    /// Which of POLLIN and POLLOUT hold.
    pub(super) fn events(&mut self) -> i16 {
        // Who asks for events sleeps elsewhere; the I/O threads have to tell.
        self.give_back();
        let input = self.ask(|pattern, pipes| pattern.has_in(pipes));
        self.events_with(input)
    }

    /// The same when it is known whether POLLIN holds.
    pub(super) fn events_with(&mut self, input: bool) -> i16 {
        let output = self.ask(|pattern, pipes| pattern.has_out(pipes));
        (if input { POLLIN } else { 0 }) | (if output { POLLOUT } else { 0 })
    }

    /// Ends the socket; see `Socket::close`. Gives its place in the context, which it has yet to leave.
    pub(super) fn close(mut self: Box<Self>) -> (Arc<context::Core>, u64) {
        let linger = self.options.linger();
        // Nobody shall connect to what is closing: it would get a pipe that has ended.
        self.context.inproc.leave(self.id);
        // Closing the pipes first tells the sessions that nothing more comes.
        drop(std::mem::take(&mut self.pipes));
        if let Some(crowd) = &self.crowd {
            crowd.close();
        }
        self.endpoints.close_all(linger);
        // It has been told by now that the listeners are closed.
        self.stop_monitor();
        self.mailbox.close();
        (self.context.clone(), self.id)
    }
}
