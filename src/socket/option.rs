//! Socket options: zmq_setsockopt(3), zmq_getsockopt(3). The rules are in `options::table`. Called
//! by `ffi::socket`.

use super::{Core, Socket};
use crate::error::{Error, Result};
use crate::options::Outcome;
use crate::options::numbers;
use crate::options::table::{self, Found};

impl Socket {
    /// Sets an option.
    pub(crate) fn set_option(&self, option: i32, value: &[u8]) -> Result<()> {
        self.set(option, Some(value))
    }

    /// Sets an option from a null pointer.
    pub(crate) fn set_option_null(&self, option: i32) -> Result<()> {
        self.set(option, None)
    }

    fn set(&self, option: i32, value: Option<&[u8]>) -> Result<()> {
        let mut core = self.lock_only()?;
        core.set_option(option, value)?;
        // It may have changed what ZMQ_EVENTS answers.
        core.mailbox.unsettle();
        Ok(())
    }

    /// Reads an option into `buffer` and returns the length of the value.
    pub(crate) fn option(&self, option: i32, buffer: &mut [u8]) -> Result<usize> {
        let mut core = if option == numbers::EVENTS { self.enter()? } else { self.lock_only()? };
        core.option(option, buffer)
    }
}

impl Core {
    /// See `Socket::set_option`.
    pub(super) fn set_option(&mut self, option: i32, value: Option<&[u8]>) -> Result<()> {
        match table::set(&mut self.options, option, value)? {
            Outcome::Stored => self.pattern.options_changed(&self.options),
            Outcome::ResizePipes => {
                for id in self.pipes.ids() {
                    self.pipes[id].set_marks(self.options.sndhwm, self.options.rcvhwm);
                }
                self.pattern.options_changed(&self.options);
            }
            Outcome::TellPattern => {
                let value = value.unwrap_or_default();
                // The value is stored whether or not the pattern has a use for it.
                let _ = self.pattern.set_option(&mut self.pipes, option, value);
                self.pattern.options_changed(&self.options);
            }
            Outcome::Pattern => {
                let value = value.unwrap_or_default();
                self.pattern.set_option(&mut self.pipes, option, value)?;
            }
        }
        self.reap();
        Ok(())
    }

    fn option(&mut self, option: i32, buffer: &mut [u8]) -> Result<usize> {
        if option == numbers::ROUTING_ID
            && let Some(id) = self.pattern.routing_id()
        {
            let target = buffer.get_mut(..id.len()).ok_or(Error::INVAL)?;
            target.copy_from_slice(id);
            return Ok(id.len());
        }
        match table::get(&self.options, option, buffer)? {
            Found::Written(length) => Ok(length),
            Found::Pattern => table::put_int(buffer, self.pattern.option(option)?),
            Found::Socket => match option {
                numbers::RCVMORE => table::put_int(buffer, self.receive_more.into()),
                // Programs must use zmq_poller for these, which lets several threads wait.
                numbers::FD if self.options.kind.is_thread_safe() => Err(Error::INVAL),
                numbers::FD => table::put_int(buffer, self.descriptor_for_loops()),
                numbers::EVENTS => table::put_int(buffer, self.events_for_loops().into()),
                numbers::LAST_ENDPOINT => table::put_text(buffer, self.endpoints.last.as_bytes()),
                _ => Err(Error::INVAL),
            },
        }
    }
}
