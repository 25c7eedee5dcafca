//! The commands that travel from a subscriber to a publisher: SUBSCRIBE and CANCEL with a topic
//! (37/ZMTP 3.1, "Subscriptions"), JOIN and LEAVE with a group (zmq_join(3)).
//!
//! Pipes carry them as COMMAND frames whose body is the ZMTP 3.1 command; peers before 3.1, and
//! XSUB sockets whose user subscribes by sending, put a topic into an ordinary message behind a byte
//! 1 or 0 instead. Built by SUB, XSUB and DISH, read by XPUB, PUB and RADIO; the codecs translate.

use super::{COMMAND, Message};
use crate::error::Result;

pub(crate) const SUBSCRIBE: &[u8] = b"\x09SUBSCRIBE";
pub(crate) const CANCEL: &[u8] = b"\x06CANCEL";
const JOIN: &[u8] = b"\x04JOIN";
const LEAVE: &[u8] = b"\x05LEAVE";

/// What a subscriber asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subscription<'a> {
    /// Send me the messages that begin with this topic.
    Subscribe(&'a [u8]),
    /// Take one such subscription back.
    Cancel(&'a [u8]),
    /// Send me the messages of this group.
    Join(&'a [u8]),
    /// I leave the group.
    Leave(&'a [u8]),
}

impl<'a> Subscription<'a> {
    /// The command frame that says so. Fails only for want of memory.
    pub(crate) fn to_command(self) -> Result<Message> {
        let (name, body) = match self {
            Subscription::Subscribe(topic) => (SUBSCRIBE, topic),
            Subscription::Cancel(topic) => (CANCEL, topic),
            Subscription::Join(group) => (JOIN, group),
            Subscription::Leave(group) => (LEAVE, group),
        };
        let mut command = concat(name, body)?;
        command.set_flags(COMMAND);
        Ok(command)
    }

    /// The style of ZMTP before 3.1: a byte 1 or 0 goes before the topic. `None` for groups, which
    /// have no such form.
    pub(crate) fn as_legacy(self) -> Option<(u8, &'a [u8])> {
        match self {
            Subscription::Subscribe(topic) => Some((1, topic)),
            Subscription::Cancel(topic) => Some((0, topic)),
            Subscription::Join(_) | Subscription::Leave(_) => None,
        }
    }

    /// The message in that style.
    pub(crate) fn to_message(self) -> Option<Result<Message>> {
        self.as_legacy().map(|(first, topic)| concat(&[first], topic))
    }

    /// Reads the body of a command frame; `None` if it is some other command.
    pub(crate) fn from_command(body: &'a [u8]) -> Option<Subscription<'a>> {
        if let Some(topic) = body.strip_prefix(SUBSCRIBE) {
            Some(Subscription::Subscribe(topic))
        } else if let Some(topic) = body.strip_prefix(CANCEL) {
            Some(Subscription::Cancel(topic))
        } else if let Some(group) = body.strip_prefix(JOIN) {
            Some(Subscription::Join(group))
        } else {
            body.strip_prefix(LEAVE).map(Subscription::Leave)
        }
    }

    /// Reads the body of an ordinary message as a subscription; `None` if it is something else.
    pub(crate) fn from_message(body: &'a [u8]) -> Option<Subscription<'a>> {
        match body.split_first() {
            Some((1, topic)) => Some(Subscription::Subscribe(topic)),
            Some((0, topic)) => Some(Subscription::Cancel(topic)),
            _ => None,
        }
    }

    /// Reads a frame of either form.
    pub(crate) fn from_frame(frame: &'a Message) -> Option<Subscription<'a>> {
        if frame.is_command() {
            Subscription::from_command(frame.data())
        } else {
            Subscription::from_message(frame.data())
        }
    }
}

fn concat(head: &[u8], tail: &[u8]) -> Result<Message> {
    let mut message = Message::with_size(head.len() + tail.len())?;
    if let Some(bytes) = message.data_mut() {
        let (front, back) = bytes.split_at_mut(head.len());
        front.copy_from_slice(head);
        back.copy_from_slice(tail);
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_carry_topics_and_groups_of_any_length() {
        let long = vec![7; 70_000];
        for body in [&b""[..], b"a", b"\x00\x01", &long] {
            for subscription in [
                Subscription::Subscribe(body),
                Subscription::Cancel(body),
                Subscription::Join(body),
                Subscription::Leave(body),
            ] {
                let command = subscription.to_command().unwrap();
                assert!(command.is_command());
                assert_eq!(Subscription::from_frame(&command), Some(subscription));
            }
        }
    }

    #[test]
    fn old_peers_send_messages() {
        let message = Subscription::Subscribe(b"abc").to_message().unwrap().unwrap();
        assert_eq!(message.data(), b"\x01abc");
        assert_eq!(Subscription::from_frame(&message), Some(Subscription::Subscribe(b"abc")));
        assert_eq!(Subscription::from_message(b"\x00"), Some(Subscription::Cancel(b"")));
        assert!(Subscription::Join(b"group").to_message().is_none());
    }

    #[test]
    fn anything_else_is_no_subscription() {
        for body in [&b""[..], b"\x02", b"hello"] {
            assert_eq!(Subscription::from_message(body), None);
        }
        for body in [&b""[..], b"\x09SUBSCRIB", b"\x04PING", b"\x05JOIN"] {
            assert_eq!(Subscription::from_command(body), None);
        }
    }
}
