//! A question to the ZAP handler of the context: may this peer come in? (27/ZAP)
//!
//! The engine makes the request and judges the reply; this carries both over a pipe of their own to
//! whoever has bound `inproc://zeromq.zap.01`. The pipe's events wake the session, so the I/O
//! thread never waits. A handler that does not answer, or that goes away before it did, leaves the
//! peer outside until the time for its handshake is over. Called by `connection`.

use crate::error::{Error, Result};
use crate::message::Message;
use crate::pipe::Pipe;

/// One more than a reply has. What is behind that is not kept: the reply is malformed anyway.
const ENOUGH_FRAMES: usize = 8;

/// A request that was sent. Dropping it takes no notice of the reply. Small, as hardly a connection has one.
pub(super) struct Asked(Box<Pipe>);

impl Asked {
    /// Sends the frames of a request. `pipe` leads to the handler, and its events to the session.
    /// Fails if there is no memory for all of them: one that lacks a frame must not be taken for another one.
    pub(super) fn ask(mut pipe: Pipe, request: &[Vec<u8>]) -> Result<Asked> {
        if let Err(error) = write(&mut pipe, request) {
            pipe.rollback();
            return Err(error);
        }
        Ok(Asked(Box::new(pipe)))
    }

    /// The frames of the reply, once it is there.
    pub(super) fn reply(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut frames = Vec::new();
        while let Some(frame) = self.0.read() {
            if frames.len() < ENOUGH_FRAMES {
                frames.push(frame.data().to_vec());
            }
            if !frame.more() {
                return Some(frames);
            }
        }
        None
    }
}

fn write(pipe: &mut Pipe, request: &[Vec<u8>]) -> Result<()> {
    for (index, body) in request.iter().enumerate() {
        let mut frame = Message::from_slice(body)?;
        frame.set_more(index + 1 < request.len());
        if !pipe.write(&mut frame) {
            // Else the handler is gone; then there is no reply.
            return if pipe.take_ran_short() { Err(Error::NOMEM) } else { Ok(()) };
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::pipe::{EndConfig, Notify, PipeConfig, PipeEvent, Style, pair};

    struct Nobody;

    impl Notify for Nobody {
        fn notify(&self, _key: u64, _event: PipeEvent) {}
    }

    fn pipe() -> (Pipe, Pipe) {
        let config =
            PipeConfig { styles: (Style::Memory, Style::Memory), conflate: (false, false) };
        let end = || EndConfig { owner: Arc::new(Nobody), marks: Some((0, 0)) };
        pair(config, end(), end())
    }

    fn frames(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|index| vec![index as u8; index]).collect()
    }

    fn answer(pipe: &mut Pipe, frames: &[Vec<u8>]) {
        for (index, body) in frames.iter().enumerate() {
            let mut frame = Message::from_slice(body).unwrap();
            frame.set_more(index + 1 < frames.len());
            assert!(pipe.write(&mut frame));
        }
    }

    #[test]
    fn a_request_goes_to_the_handler_and_a_reply_comes_back() {
        let (ours, mut handler) = pipe();
        let mut asked = Asked::ask(ours, &frames(7)).unwrap();
        assert!(asked.reply().is_none());
        for (index, body) in frames(7).iter().enumerate() {
            let frame = handler.read().unwrap();
            assert_eq!((frame.data(), frame.more()), (&**body, index < 6));
        }
        answer(&mut handler, &frames(7));
        assert_eq!(asked.reply(), Some(frames(7)));
    }

    #[test]
    fn an_endless_reply_is_not_kept() {
        let (ours, mut handler) = pipe();
        let mut asked = Asked::ask(ours, &frames(1)).unwrap();
        answer(&mut handler, &frames(100));
        assert_eq!(asked.reply().map(|reply| reply.len()), Some(ENOUGH_FRAMES));
    }

    #[test]
    fn a_handler_that_is_gone_does_not_answer() {
        let (ours, handler) = pipe();
        drop(handler);
        assert!(Asked::ask(ours, &frames(7)).unwrap().reply().is_none());
    }
}
