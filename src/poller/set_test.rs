//! Tests of `poller::set`.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use super::*;

/// The call as C makes it.
fn wait_for(poller: &mut Poller, events: &mut [PollerEvent], timeout: c_long) -> Result<usize> {
    let mut result = poller.wait(events, timeout);
    while result == Err(Error::ASLEEP) {
        nap::sleep();
        result = poller.wait_again(events);
    }
    result
}

#[test]
fn registrations_are_unique() {
    let (a, _b) = UnixStream::pair().unwrap();
    let (target, mut poller) = (Target::Descriptor(a.as_raw_fd()), Poller::new());
    assert_eq!(poller.modify(target, POLLIN), Err(Error::INVAL));
    assert_eq!(poller.remove(target), Err(Error::INVAL));
    assert_eq!(poller.add(target, ptr::null_mut(), c_short::MAX), Err(Error::INVAL));
    assert_eq!(poller.add(target, ptr::null_mut(), POLLIN), Ok(()));
    assert_eq!(poller.add(target, ptr::null_mut(), POLLIN), Err(Error::INVAL));
    assert_eq!((poller.len(), poller.descriptor()), (1, Err(Error::INVAL)));
    assert_eq!(poller.remove(target), Ok(()));
    assert_eq!(poller.len(), 0);
}

#[test]
fn events_come_with_the_user_data() {
    let (a, b) = UnixStream::pair().unwrap();
    let (mut mark, mut poller) = (0u8, Poller::new());
    let mark = (&raw mut mark).cast();
    let gone = Target::Descriptor(a.as_raw_fd());
    poller.add(gone, ptr::null_mut(), POLLIN).unwrap();
    poller.add(Target::Descriptor(b.as_raw_fd()), mark, POLLOUT).unwrap();
    let mut events = [PollerEvent { events: 77, ..PollerEvent::NONE }; 2];
    assert_eq!(wait_for(&mut poller, &mut events, -1), Ok(1));
    assert_eq!((events[0].fd, events[0].user_data, events[0].events), (b.as_raw_fd(), mark, 2));
    assert_eq!((events[1].fd, events[1].events), (-1, 0));
    drop(a);
    poller.modify(Target::Descriptor(b.as_raw_fd()), 0).unwrap();
    poller.remove(gone).unwrap();
    assert_eq!(wait_for(&mut poller, &mut events, 5), Err(Error::AGAIN));
}

#[test]
fn waiting_for_nothing_is_refused() {
    let mut poller = Poller::new();
    let mut events = [PollerEvent::NONE];
    assert_eq!(wait_for(&mut poller, &mut events, -1), Err(Error::FAULT));
    assert_eq!(wait_for(&mut poller, &mut events, 0), Err(Error::AGAIN));
    assert_eq!(wait_for(&mut poller, &mut events, 1), Err(Error::AGAIN));
}

#[test]
fn what_comes_between_looking_and_waiting_is_told() {
    use crate::context::Context;
    use crate::options::numbers;
    use crate::patterns::SocketType;
    use crate::sys::poll;

    let context = Context::create().unwrap();
    let [pull, push] = [SocketType::Pull, SocketType::Push]
        .map(|kind| Socket::create(&context.core().unwrap(), kind as i32).unwrap());
    pull.bind("inproc://between").unwrap();
    push.connect("inproc://between").unwrap();
    let mut fd = [0; 4];
    pull.option(numbers::FD, &mut fd).unwrap();
    for _ in 0..3 {
        assert_eq!(pull.events(), Ok(0));
        push.send_slice(b"now", 0).unwrap();
        let mut items = [PollFd::new(i32::from_ne_bytes(fd), libc::POLLIN)];
        assert_eq!(poll(&mut items, Some(Duration::from_secs(5))).unwrap(), 1);
        assert_eq!(pull.recv(0).unwrap().data(), b"now");
    }
    pull.close().unwrap();
    push.close().unwrap();
    context.terminate().unwrap();
}

#[test]
fn a_descriptor_tells_of_what_was_there_before() {
    use crate::context::Context;
    use crate::patterns::SocketType;
    use crate::sys::poll;

    let context = Context::create().unwrap();
    let [gather, scatter] = [SocketType::Gather, SocketType::Scatter]
        .map(|kind| Socket::create(&context.core().unwrap(), kind as i32).unwrap());
    gather.bind("inproc://before").unwrap();
    scatter.connect("inproc://before").unwrap();
    scatter.send_slice(b"before", 0).unwrap();
    // Taken in, but not received.
    assert_eq!(gather.events(), Ok(POLLIN));
    let readable = |poller: &mut Poller| {
        let mut items = [PollFd::new(poller.descriptor().unwrap(), libc::POLLIN)];
        poll(&mut items, Some(Duration::ZERO)).unwrap() == 1
    };
    let mut events = [PollerEvent::NONE];
    let target = Target::socket(gather.as_handle());
    let (mut early, mut late) = (Poller::new(), Poller::new());
    early.add(target, ptr::null_mut(), POLLIN).unwrap();
    assert!(readable(&mut early));
    assert_eq!(late.add(Target::socket(scatter.as_handle()), ptr::null_mut(), 0), Ok(()));
    let _ = (readable(&mut late), wait_for(&mut late, &mut events, 0));
    assert!(!readable(&mut late));
    late.add(target, ptr::null_mut(), 0).unwrap();
    let _ = wait_for(&mut late, &mut events, 0);
    assert!(!readable(&mut late));
    late.modify(target, POLLIN).unwrap();
    assert!(readable(&mut late));
    assert_eq!(gather.recv(0).unwrap().data(), b"before");
    assert_eq!(wait_for(&mut late, &mut events, 0), Err(Error::AGAIN));
    late.remove(target).unwrap();
    scatter.send_slice(b"after", 0).unwrap();
    assert!(!readable(&mut late));
    // A closed socket is told of, and only once.
    assert_eq!(wait_for(&mut early, &mut events, 0), Ok(1));
    gather.close().unwrap();
    assert!(readable(&mut early));
    assert_eq!(wait_for(&mut early, &mut events, 0), Err(Error::NOTSOCK));
    assert!(!readable(&mut early));
    scatter.close().unwrap();
    context.terminate().unwrap();
}
