//! Starting and stopping a socket's monitor: zmq_socket_monitor(3).
//!
//! Events leave through an internal socket that is bound to an inproc endpoint, see `outlet`.
//! Called by `ffi::socket`.

use std::sync::Arc;

use super::outlet::{MARK, Outlet};
use super::{Core, Socket};
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::monitor::Event;
use crate::options::numbers;
use crate::patterns::SocketType;

/// Events above these bits exist only in version 2.
const VERSION_1_EVENTS: u64 = 0xffff;

/// The internal socket; closed with this.
pub(super) struct MonitorSocket(&'static Socket);

impl Drop for MonitorSocket {
    fn drop(&mut self) {
        // Fails only if the application guessed the handle and closed it.
        let _ = self.0.close();
    }
}

impl Socket {
    /// Reports `events` at an inproc endpoint; `None` stops.
    pub(crate) fn monitor(
        &self,
        endpoint: Option<&str>,
        events: u64,
        version: i32,
        kind: i32,
    ) -> Result<()> {
        let mut core = self.lock_only()?;
        match endpoint {
            Some(endpoint) => core.start_monitor(endpoint, events, version, kind),
            None => {
                core.stop_monitor();
                Ok(())
            }
        }
    }

    /// Reports how full the pipes are, zmq_socket_monitor_pipes_stats(3).
    pub(crate) fn pipes_stats(&self) -> Result<()> {
        let mut core = self.lock_only()?;
        if !core.monitor.wants(Event::PipesStats) {
            return Err(Error::INVAL);
        }
        if core.pipes.len() == 0 {
            return Err(Error::AGAIN);
        }
        let core = &mut *core;
        for id in core.pipes.ids() {
            let pipe = &mut core.pipes[id];
            let (sent, received) = pipe.waiting();
            let endpoints = core.endpoints.of_pipe(id, pipe);
            core.monitor.emit_values(Event::PipesStats, &[sent, received], &endpoints);
        }
        Ok(())
    }
}

impl Core {
    fn start_monitor(
        &mut self,
        endpoint: &str,
        events: u64,
        version: i32,
        kind: i32,
    ) -> Result<()> {
        if !(1..=2).contains(&version) || (version == 1 && events & !VERSION_1_EVENTS != 0) {
            return Err(Error::INVAL);
        }
        let Endpoint { scheme, address } = Endpoint::parse(endpoint)?;
        if scheme != "inproc" {
            return Err(Error::PROTONOSUPPORT);
        }
        self.stop_monitor();
        let kind = SocketType::from_number(kind).ok_or(Error::INVAL)?;
        if !matches!(kind, SocketType::Pair | SocketType::Pub | SocketType::Push) {
            return Err(Error::INVAL);
        }
        let socket = Socket::create(&self.context, kind.number())?;
        let owned = MonitorSocket(socket);
        // The end of the context shall not wait for events that nobody reads.
        socket.set_option(numbers::LINGER, &0i32.to_ne_bytes())?;
        socket.set_option(numbers::SNDHWM, &MARK.to_ne_bytes())?;
        let outlet = {
            let mut core = socket.enter()?;
            let outlet = Arc::new(Outlet::new(socket, core.mailbox.clone()));
            core.bind_inproc(endpoint, address, outlet.clone())?;
            outlet
        };
        self.monitor_socket = Some(owned);
        let sink = move |event, frames| outlet.report(event, frames);
        self.monitor.install(events, version, Box::new(sink));
        Ok(())
    }

    /// Ends the monitor, if there is one.
    pub(super) fn stop_monitor(&mut self) {
        self.monitor.remove();
        self.monitor_socket = None;
    }
}
