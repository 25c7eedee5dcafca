//! Messages that tell a socket of its connections, in the place of monitor events: each pipe gets
//! its own, in order with what the peer sent.
//!
//! ZMQ_ROUTER_NOTIFY, ZMQ_STREAM_NOTIFY, ZMQ_DISCONNECT_MSG and ZMQ_HICCUP_MSG of
//! zmq_setsockopt(3). Called by `session`.

use std::sync::Arc;

use crate::error::Result;
use crate::message::{Message, Metadata};
use crate::options::SocketOptions;
use crate::patterns::SocketType;
use crate::pipe::Pipe;

/// ZMQ_ROUTER_NOTIFY bits.
const NOTIFY_CONNECT: i32 = 1;
const NOTIFY_DISCONNECT: i32 = 2;

/// Says who the peer is: at once to a socket that wants to know before it hears from it.
pub(super) fn introduce(
    pipe: &mut Pipe,
    options: &SocketOptions,
    peer: Arc<Metadata>,
) -> Result<()> {
    use SocketType::{Peer, Rep, Router, Server, Stream};
    match options.kind {
        Router | Rep | Server | Peer | Stream => pipe.write_metadata(peer),
        _ => pipe.leave_metadata(peer),
    }
}

/// The handshake is done.
pub(super) fn connected(pipe: &mut Pipe, options: &SocketOptions) {
    let wanted = match options.raw_socket {
        true => options.raw_notify,
        false => options.router_notify & NOTIFY_CONNECT != 0,
    };
    if wanted {
        tell(pipe, &[]);
    }
}

/// A connection whose handshake was done is lost. It was accepted, or will be made anew.
pub(super) fn disconnected(pipe: &mut Pipe, options: &SocketOptions, accepted: bool) {
    if options.raw_socket {
        if options.raw_notify {
            tell(pipe, &[]);
        }
        return;
    }
    if options.router_notify & NOTIFY_DISCONNECT != 0 {
        tell(pipe, &[]);
    }
    let (wanted, message) = match accepted {
        true => (options.can_recv_disconnect_msg, &options.disconnect_msg),
        false => (options.can_recv_hiccup_msg, &options.hiccup_msg),
    };
    if wanted && !message.is_empty() {
        tell(pipe, message);
    }
}

/// Leaves a message of our own in the place of one from the peer. It is small and the last for a
/// while, so the high water mark shall not stop it.
fn tell(pipe: &mut Pipe, body: &[u8]) {
    let Ok(mut message) = Message::from_slice(body) else { return };
    if !pipe.write(&mut message) {
        pipe.write_control(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::ContextOptions;
    use crate::pipe::{EndConfig, Notify, PipeConfig, PipeEvent, Style, pair};

    struct Nobody;

    impl Notify for Nobody {
        fn notify(&self, _key: u64, _event: PipeEvent) {}
    }

    /// What the socket finds in a pipe of one message's room after `notices`.
    fn found(notices: impl Fn(&mut Pipe)) -> Vec<Vec<u8>> {
        let config =
            PipeConfig { styles: (Style::Memory, Style::Memory), conflate: (false, false) };
        let end = |marks| EndConfig { owner: Arc::new(Nobody), marks };
        let (mut session, mut socket) = pair(config, end(None), end(Some((1, 1))));
        notices(&mut session);
        std::iter::from_fn(|| socket.read()).map(|message| message.data().to_vec()).collect()
    }

    fn options(kind: SocketType) -> SocketOptions {
        let mut options = SocketOptions::new(kind, &ContextOptions::default());
        options.disconnect_msg = b"gone".to_vec();
        options.hiccup_msg = b"hiccup".to_vec();
        options
    }

    #[test]
    fn a_router_is_told_of_both_and_even_above_its_mark() {
        let mut options = options(SocketType::Router);
        options.router_notify = NOTIFY_CONNECT | NOTIFY_DISCONNECT;
        let all = found(|pipe| {
            connected(pipe, &options);
            disconnected(pipe, &options, true);
        });
        assert_eq!(all, [&b""[..], b"", b"gone"]);
    }

    #[test]
    fn who_connected_finds_a_hiccup_and_who_was_connected_to_a_farewell() {
        let options = [options(SocketType::Peer), options(SocketType::Pair)];
        assert_eq!(found(|pipe| disconnected(pipe, &options[0], false)), [b"hiccup"]);
        assert_eq!(found(|pipe| disconnected(pipe, &options[0], true)), [b"gone"]);
        assert!(found(|pipe| connected(pipe, &options[0])).is_empty());
        assert!(found(|pipe| disconnected(pipe, &options[1], true)).is_empty());
    }
}
