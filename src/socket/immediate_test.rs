//! Connections that get their pipe when they are made (ZMQ_IMMEDIATE): which name it has, and that it goes with
//! its endpoint: zmq_setsockopt(3), zmq_disconnect(3).

use std::time::{Duration, Instant};

use super::endpoints_test::{Scene, send, set};
use crate::error::{Error, Result};
use crate::message::Message;
use crate::options::numbers;
use crate::patterns::SocketType;
use crate::socket::{DONTWAIT, Socket};

const SNDMORE: i32 = 2;

/// Repeats until it gives something.
pub(super) fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(super) fn last_endpoint(socket: &Socket) -> String {
    let mut buffer = [0; 256];
    let size = socket.option(numbers::LAST_ENDPOINT, &mut buffer).unwrap();
    String::from_utf8(buffer[..size - 1].to_vec()).unwrap()
}

/// Binds to where another was bound a moment ago, or to anywhere.
pub(super) fn bound(scene: &Scene, kind: SocketType, endpoint: &str) -> &'static Socket {
    let socket = scene.socket(kind);
    wait_for("the port is free", || socket.bind(endpoint).ok());
    socket
}

fn begin(router: &Socket, name: &str) -> Result<()> {
    let mut message = Message::from_slice(name.as_bytes()).unwrap();
    router.send(&mut message, SNDMORE | DONTWAIT)
}

/// Sends to the peer of this name, as soon as there is one.
fn send_to(router: &Socket, name: &str, body: &str) {
    wait_for(name, || begin(router, name).ok());
    send(router, body.as_bytes());
}

pub(super) fn heard(socket: &Socket) -> String {
    let message = wait_for("a message", || socket.recv(DONTWAIT).ok());
    String::from_utf8(message.data().to_vec()).unwrap()
}

/// How many messages wait to be read.
fn received(socket: &Socket) -> u64 {
    let core = &mut *socket.enter().unwrap();
    core.pipes.ids().into_iter().map(|id| core.pipes[id].waiting().1).sum()
}

#[test]
fn a_chosen_name_is_that_of_the_next_connection_whenever_that_comes() {
    let scene = Scene::new();
    let [first, second] = [(); 2].map(|()| bound(&scene, SocketType::Dealer, "tcp://127.0.0.1:*"));
    let [first_endpoint, second_endpoint] = [first, second].map(last_endpoint);
    let router = scene.socket(SocketType::Router);
    set(router, numbers::ROUTER_MANDATORY, 1);
    set(router, numbers::IMMEDIATE, 1);
    router.set_option(numbers::CONNECT_ROUTING_ID, b"first").unwrap();
    // What cannot be connected to does not use the name up.
    assert_eq!(router.connect("tcp://nonsense"), Err(Error::INVAL));
    router.connect(&first_endpoint).unwrap();
    // Meanwhile the connection is made, but not taken in.
    std::thread::sleep(Duration::from_millis(50));
    router.set_option(numbers::CONNECT_ROUTING_ID, b"second").unwrap();
    assert_eq!(begin(router, "second"), Err(Error::HOSTUNREACH));
    set(router, numbers::IMMEDIATE, 0);
    router.connect(&second_endpoint).unwrap();
    send_to(router, "second", "for the second");
    send_to(router, "first", "for the first");
    assert_eq!(heard(second), "for the second");
    assert_eq!(heard(first), "for the first");
    // It keeps the name when it comes back; what it had sent is read first.
    set(first, numbers::LINGER, -1);
    send(first, b"last words");
    first.close().unwrap();
    let first = bound(&scene, SocketType::Dealer, &first_endpoint);
    let mut back = Message::from_slice(b"back").unwrap();
    first.send(&mut back, 0).unwrap();
    for words in ["last words", "back"] {
        assert_eq!(heard(router), "first");
        assert_eq!(heard(router), words);
    }
    send_to(router, "first", "again");
    assert_eq!(heard(first), "again");
    for socket in [first, second, router] {
        socket.close().unwrap();
    }
    scene.0.terminate().unwrap();
}

#[test]
fn a_stream_has_the_name_that_was_chosen_for_it_again_and_again() {
    let scene = Scene::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let stream = scene.socket(SocketType::Stream);
    set(stream, numbers::IMMEDIATE, 1);
    stream.set_option(numbers::CONNECT_ROUTING_ID, b"web").unwrap();
    stream.connect(&endpoint).unwrap();
    for _ in 0..2 {
        drop(listener.accept().unwrap());
    }
    // Of each connection: it came, and went.
    for _ in 0..4 {
        assert_eq!(heard(stream), "web");
        assert_eq!(heard(stream), "");
    }
    stream.close().unwrap();
    scene.0.terminate().unwrap();
}

#[test]
fn a_stream_has_it_when_what_the_one_before_left_is_read() {
    use std::io::{Read, Write};
    let scene = Scene::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    for _ in 0..10 {
        let stream = scene.socket(SocketType::Stream);
        let connect = |immediate| {
            set(stream, numbers::IMMEDIATE, immediate);
            stream.set_option(numbers::CONNECT_ROUTING_ID, b"name").unwrap();
            stream.connect(&endpoint).unwrap();
            listener.accept().unwrap().0
        };
        let mut first = connect(1);
        first.write_all(&[b'1'; 20_000]).unwrap();
        // That it came, and what it says.
        for words in ["name", ""] {
            assert_eq!(heard(stream), words);
        }
        wait_for("its words", || (received(stream) >= 2).then_some(()));
        stream.disconnect(&endpoint).unwrap();
        let mut second = connect(0);
        assert_eq!(begin(stream, "name"), Err(Error::HOSTUNREACH));
        assert_eq!(heard(stream), "name");
        assert!(heard(stream).starts_with("111"));
        wait_for("the name", || {
            while stream.recv(DONTWAIT).is_ok() {}
            begin(stream, "name").ok()
        });
        send(stream, b"two");
        let mut words = [0; 3];
        second.read_exact(&mut words).unwrap();
        assert_eq!(&words, b"two");
        stream.close().unwrap();
    }
    scene.0.terminate().unwrap();
}

#[test]
fn nothing_goes_to_an_endpoint_that_was_disconnected() {
    let scene = Scene::new();
    for immediate in [1, 0] {
        let pulls = [(); 2].map(|()| bound(&scene, SocketType::Pull, "tcp://127.0.0.1:*"));
        let push = scene.socket(SocketType::Push);
        set(push, numbers::IMMEDIATE, immediate);
        for pull in pulls {
            push.connect(&last_endpoint(pull)).unwrap();
        }
        // Both are there.
        for pull in pulls {
            wait_for("a message", || {
                push.send(&mut Message::from_slice(b"before").unwrap(), 0).unwrap();
                pull.recv(DONTWAIT).ok()
            });
        }
        push.disconnect(&last_endpoint(pulls[0])).unwrap();
        for _ in 0..20 {
            send(push, b"after");
        }
        let mut after = 0;
        wait_for("all messages", || {
            after += usize::from(heard(pulls[1]) == "after");
            (after == 20).then_some(())
        });
        while let Ok(message) = pulls[0].recv(DONTWAIT) {
            assert_eq!(message.data(), b"before");
        }
        // The other connection is made anew, and is the endpoint's still.
        let endpoint = last_endpoint(pulls[1]);
        pulls[1].close().unwrap();
        let pull = bound(&scene, SocketType::Pull, &endpoint);
        if immediate == 1 {
            wait_for("a connection", || {
                push.send(&mut Message::from_slice(b"again").unwrap(), DONTWAIT).ok();
                pull.recv(DONTWAIT).ok()
            });
            push.disconnect(&endpoint).unwrap();
            let sent = push.send(&mut Message::from_slice(b"after").unwrap(), DONTWAIT);
            assert_eq!(sent, Err(Error::AGAIN));
        }
        for socket in [pulls[0], pull, push] {
            socket.close().unwrap();
        }
    }
    scene.0.terminate().unwrap();
}

#[test]
fn what_came_before_its_endpoint_was_disconnected_is_read() {
    let scene = Scene::new();
    for frames in [1, 3] {
        let push = bound(&scene, SocketType::Push, "tcp://127.0.0.1:*");
        let pull = scene.socket(SocketType::Pull);
        set(pull, numbers::IMMEDIATE, 1);
        let gone = |socket: &Socket| {
            let core = socket.enter().unwrap();
            (core.pipes.len() == 0).then_some(())
        };
        let parts: Vec<_> = (0..5 * frames).map(|part: u8| [part]).collect();
        for _ in 0..3 {
            pull.connect(&last_endpoint(push)).unwrap();
            for part in &parts {
                let more = if (part[0] + 1) % frames == 0 { 0 } else { SNDMORE };
                push.send(&mut Message::from_slice(part).unwrap(), more).unwrap();
            }
            assert_eq!(pull.recv(0).unwrap().data(), parts[0]);
            // The first is read to its end only if it has one frame.
            let rest = if frames == 1 { 4 } else { 5 };
            wait_for("the rest", || (received(pull) == rest).then_some(()));
            pull.disconnect(&last_endpoint(push)).unwrap();
            for part in &parts[1..] {
                assert_eq!(pull.recv(DONTWAIT).unwrap().data(), part);
            }
            assert_eq!(pull.recv(DONTWAIT).err(), Some(Error::AGAIN));
            // And it has ended then.
            for socket in [pull, push] {
                wait_for("the end", || gone(socket));
            }
        }
        push.close().unwrap();
        pull.close().unwrap();
    }
    scene.0.terminate().unwrap();
}

#[test]
fn a_name_is_given_again_when_what_came_is_read() {
    let scene = Scene::new();
    let dealer = bound(&scene, SocketType::Dealer, "tcp://127.0.0.1:*");
    let router = scene.socket(SocketType::Router);
    set(router, numbers::ROUTER_MANDATORY, 1);
    let connect = |immediate| {
        set(router, numbers::IMMEDIATE, immediate);
        router.set_option(numbers::CONNECT_ROUTING_ID, b"name").unwrap();
        router.connect(&last_endpoint(dealer)).unwrap();
    };
    connect(1);
    send_to(router, "name", "before");
    assert_eq!(heard(dealer), "before");
    dealer.send_slice(b"one", SNDMORE).unwrap();
    send(dealer, b"two");
    assert_eq!(heard(router), "name");
    assert_eq!(heard(router), "one");
    router.disconnect(&last_endpoint(dealer)).unwrap();
    connect(0);
    assert_eq!(begin(router, "name"), Err(Error::HOSTUNREACH));
    assert_eq!(heard(router), "two");
    wait_for("the end of the first connection", || {
        assert_eq!(router.recv(DONTWAIT).err(), Some(Error::AGAIN));
        begin(router, "name").ok()
    });
    send(router, b"after");
    assert_eq!(heard(dealer), "after");
    for socket in [dealer, router] {
        socket.close().unwrap();
    }
    scene.0.terminate().unwrap();
}
