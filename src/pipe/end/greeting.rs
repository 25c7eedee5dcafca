//! What an end says first, in two steps: put down where the peer does not see it yet, and shown when all the others
//! that are to be greeted have memory for theirs. Called by `socket::inproc` when a name is bound that others
//! have waited for.

use std::sync::Arc;

use super::{Output, Pipe};
use crate::error::{Error, Result};
use crate::message::{Message, Metadata};
use crate::pipe::PipeEvent;

/// Who is at this end, and the first message; each may be wanted or not.
#[derive(Default)]
pub(crate) struct Greeting {
    pub(crate) metadata: Option<Arc<Metadata>>,
    pub(crate) hello: Option<Message>,
}

impl Pipe {
    /// Puts down what needs memory of the pipe, and leaves in the greeting what does not. `NOMEM` without it;
    /// `withdraw_greeting` is due then, too.
    pub(crate) fn prepare_greeting(&mut self, greeting: &mut Greeting) -> Result<()> {
        let nothing = greeting.metadata.is_none() && greeting.hello.is_none();
        let kept_later = matches!(self.output, Output::Later(_)) && greeting.hello.is_none();
        if nothing || kept_later || matches!(self.output, Output::Slot(_)) || self.peer_closed() {
            return Ok(());
        }
        let writer = self.writer().ok_or(Error::NOMEM)?;
        let known = greeting.metadata.take().is_none_or(|metadata| writer.push_metadata(metadata));
        let said = greeting.hello.as_mut().is_none_or(|hello| writer.push_from(hello));
        if known && said { Ok(()) } else { Err(Error::NOMEM) }
    }

    /// Shows it to the peer.
    pub(crate) fn give_greeting(&mut self, greeting: Greeting) {
        if self.peer_closed() {
            return;
        }
        let Greeting { metadata, hello } = greeting;
        let said = hello.is_some();
        let notify = match &mut self.output {
            Output::Queue(writer) => writer.publish(),
            Output::Slot(writer) => {
                let known = metadata.is_some_and(|metadata| writer.set_metadata(metadata));
                hello.is_some_and(|hello| writer.put(hello)) || known
            }
            Output::Later(_) => {
                let known = metadata.is_some();
                if let Some(metadata) = metadata {
                    self.link.later(self.side).introduce(metadata);
                }
                known
            }
        };
        if said {
            self.count(1);
        }
        if notify {
            self.link.notify(self.side.other(), PipeEvent::Readable);
        }
    }

    /// Takes back what was put down, as if nothing had been.
    pub(crate) fn withdraw_greeting(&mut self) {
        if let Some(writer) = self.made_writer() {
            writer.rollback();
        }
    }
}

#[cfg(all(test, not(loom)))]
#[path = "greeting_test.rs"]
mod greeting_test;
