//! What comes when a sleep is over is told by the call that slept, or by ZMQ_FD.

use super::*;
use crate::message::Message;
use crate::options::numbers;
use crate::patterns::SocketType;
use crate::socket::endpoints::endpoints_test::{Scene, send};
use crate::sys::{PollFd, poll};

/// A PULL that has slept, and a message that came just after it was woken so: what it makes of that, and whether its
/// descriptor speaks of it.
fn looked(woken: Error) -> (Result<()>, bool) {
    let scene = Scene::new();
    let [pull, push] = [SocketType::Pull, SocketType::Push].map(|kind| scene.socket(kind));
    pull.bind("inproc://late").unwrap();
    push.connect("inproc://late").unwrap();
    let mut descriptor = [0; 4];
    pull.option(numbers::FD, &mut descriptor).unwrap();
    // Both know of the connection.
    send(push, b"early");
    pull.recv(0).unwrap();
    let mut core = pull.enter().unwrap();
    let mailbox = core.mailbox.clone();
    let ticket = Some(mailbox.prepare_wait());
    core.waiters += 1;
    let mut message = Message::new();
    assert_eq!(core.try_recv(&mut message), Err(Error::AGAIN), "it sleeps");
    drop(core);
    send(push, b"late");
    let mut wait = Wait {
        socket: 0,
        mailbox,
        deadline: None,
        direct: true,
        ticket,
        owned: Owned::Nothing,
        lesson: None,
    };
    let result = match pull.look(&mut wait, Err(woken), &mut |core| core.try_recv(&mut message)) {
        Ok(Look::Over(result)) => result,
        Ok(Look::Again(_)) => panic!("nothing to wait for any more"),
        Err(error) => Err(error),
    };
    let mut items = [PollFd::new(i32::from_ne_bytes(descriptor), libc::POLLIN)];
    let told = poll(&mut items, Some(Duration::ZERO)).unwrap() == 1;
    for socket in [pull, push] {
        socket.close().unwrap();
    }
    scene.0.terminate().unwrap();
    (result, told)
}

#[test]
fn what_comes_as_the_time_is_up_is_received() {
    assert_eq!(looked(Error::AGAIN).0, Ok(()));
}

#[test]
fn what_comes_with_a_signal_is_told_by_the_descriptor() {
    assert_eq!(looked(Error::INTR), (Err(Error::INTR), true));
}
