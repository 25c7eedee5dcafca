//! What a socket still knows, and its context, of endpoints that come and go.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::context::{self, Context};
use crate::error::{Error, Result};
use crate::options::numbers;
use crate::patterns::SocketType;
use crate::socket::{DONTWAIT, Socket};

pub(in crate::socket) struct Scene(pub(in crate::socket) &'static Context);

impl Scene {
    pub(in crate::socket) fn new() -> Scene {
        Scene(Context::create().unwrap())
    }

    pub(super) fn core(&self) -> Arc<context::Core> {
        self.0.core().unwrap()
    }

    pub(in crate::socket) fn socket(&self, kind: SocketType) -> &'static Socket {
        let socket = Socket::create(&self.core(), kind as i32).unwrap();
        set(socket, numbers::LINGER, 0);
        socket
    }
}

pub(super) fn set(socket: &Socket, option: i32, value: i32) {
    socket.set_option(option, &value.to_ne_bytes()).unwrap();
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn what_was_bound_is_unbound_by_the_same_words() {
    let scene = Scene::new();
    let socket = scene.socket(SocketType::Pull);
    for address in ["ws://127.0.0.1:P", "tcp://lo:P", "tcp://*:P", "tcp://127.0.0.1:0;127.0.0.1:P"]
    {
        let endpoint = address.replace('P', &free_port().to_string());
        socket.bind(&endpoint).unwrap();
        socket.unbind(&endpoint).unwrap();
        assert_eq!(socket.unbind(&endpoint), Err(Error::NOENT));
    }
    // Of these there may be many; zmq_unbind(3) wants the one that ZMQ_LAST_ENDPOINT tells.
    for endpoint in ["ws://127.0.0.1:*", "tcp://127.0.0.1:*", "tcp://127.0.0.1:0", "ipc://*"] {
        socket.bind(endpoint).unwrap();
        assert_eq!(socket.unbind(endpoint), Err(Error::NOENT));
    }
    socket.close().unwrap();
    scene.0.terminate().unwrap();
}

#[test]
fn a_unix_socket_that_is_not_there_refuses() {
    const STOP_CONN_REFUSED: i32 = 1;
    let scene = Scene::new();
    let socket = scene.socket(SocketType::Push);
    set(socket, numbers::RECONNECT_STOP, STOP_CONN_REFUSED);
    let endpoint = "ipc:///nosuch/folder/of/unix/sockets";
    socket.connect(endpoint).unwrap();
    let start = Instant::now();
    while socket.events().unwrap() != 0 {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(socket.disconnect(endpoint), Err(Error::NOENT));
    socket.close().unwrap();
    scene.0.terminate().unwrap();
}

pub(in crate::socket) fn send(socket: &Socket, body: &[u8]) {
    let mut message = crate::message::Message::from_slice(body).unwrap();
    socket.send(&mut message, DONTWAIT).unwrap();
}

#[test]
fn a_context_forgets_the_names_of_a_socket_and_of_no_other() {
    let scene = Scene::new();
    let [first, second] = [scene.socket(SocketType::Push), scene.socket(SocketType::Push)];
    for _ in 0..3 {
        first.connect("inproc://a").unwrap();
        first.disconnect("inproc://a").unwrap();
        assert!(scene.core().inproc.is_empty());
        first.bind("inproc://a").unwrap();
        assert_eq!(second.bind("inproc://a"), Err(Error::ADDRINUSE));
        assert_eq!(second.unbind("inproc://a"), Err(Error::NOENT));
        first.unbind("inproc://a").unwrap();
        assert!(scene.core().inproc.is_empty());
    }
    // Who is connected to itself and ends that has still bound the name.
    first.bind("inproc://a").unwrap();
    first.connect("inproc://a").unwrap();
    first.disconnect("inproc://a").unwrap();
    first.connect("inproc://b").unwrap();
    second.connect("inproc://b").unwrap();
    second.bind("inproc://c").unwrap();
    assert_eq!(second.bind("inproc://a"), Err(Error::ADDRINUSE));
    first.close().unwrap();
    second.bind("inproc://a").unwrap();
    assert!(scene.core().inproc.find("c").is_some());
    second.close().unwrap();
    assert!(scene.core().inproc.is_empty());
    scene.0.terminate().unwrap();
}

#[test]
fn messages_wait_for_a_name_in_the_order_of_their_connections() {
    let scene = Scene::new();
    let senders: Vec<_> = (0..5).map(|_| scene.socket(SocketType::Push)).collect();
    for (number, sender) in (0..).zip(&senders) {
        sender.connect("inproc://late").unwrap();
        // One of them has nothing to say, and goes.
        if number != 2 {
            send(sender, &[number]);
        }
    }
    senders[1].disconnect("inproc://late").unwrap();
    for sender in senders {
        sender.close().unwrap();
    }
    let receiver = scene.socket(SocketType::Pull);
    receiver.bind("inproc://late").unwrap();
    let received = std::iter::from_fn(|| receiver.recv(DONTWAIT).ok());
    let received: Vec<u8> = received.map(|message| message.data()[0]).collect();
    assert_eq!(received, [0, 1, 3, 4]);
    receiver.close().unwrap();
    assert!(scene.core().inproc.is_empty());
    scene.0.terminate().unwrap();
}

#[test]
fn a_connection_to_who_is_closing_leaves_no_endpoint() {
    let scene = Scene::new();
    let living = scene.socket(SocketType::Dealer);
    living.bind("inproc://living").unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let binder = scene.socket(SocketType::Dealer);
                binder.bind("inproc://closing").unwrap();
                binder.close().unwrap();
            }
        });
        let mut lost = 0;
        for _ in 0..2000 {
            let dealer = scene.socket(SocketType::Dealer);
            dealer.connect("inproc://closing").unwrap();
            dealer.connect("inproc://living").unwrap();
            // If it has ended already, its pipe's number may be that of the other.
            let _ = dealer.disconnect("inproc://closing");
            let mut message = crate::message::Message::from_slice(b"hello").unwrap();
            lost += u32::from(dealer.send(&mut message, DONTWAIT).is_err());
            let _ = living.recv(DONTWAIT);
            dealer.close().unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(lost, 0);
    });
    living.close().unwrap();
    scene.0.terminate().unwrap();
}

#[test]
fn messages_for_a_name_that_nobody_has_bound_end_with_the_context() {
    let scene = Scene::new();
    // Whoever else holds on to it: a thread whose zmq_close has yet to return does.
    let core = scene.core();
    let sender = scene.socket(SocketType::Push);
    sender.connect("inproc://nobody").unwrap();
    send(sender, b"lost");
    sender.close().unwrap();
    assert!(!core.inproc.is_empty());
    scene.0.terminate().unwrap();
    assert!(core.inproc.is_empty());
}

/// A thread sleeps in `call` until `change` gives it something to do; what comes of it.
fn wakes<T>(
    socket: &Socket,
    call: impl Fn() -> Result<T> + Sync,
    change: impl FnOnce(),
) -> Result<()> {
    for option in [numbers::RCVTIMEO, numbers::SNDTIMEO] {
        set(socket, option, 20_000);
    }
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| call().map(drop));
        while socket.lock().unwrap().waiters == 0 {
            assert!(!caller.is_finished(), "it does not sleep");
            std::thread::sleep(Duration::from_millis(1));
        }
        change();
        caller.join().unwrap()
    })
}

#[test]
fn who_sleeps_hears_what_another_thread_disconnects() {
    let scene = Scene::new();
    let [xpub, sub] = [SocketType::Xpub, SocketType::Sub].map(|kind| scene.socket(kind));
    sub.set_option(numbers::SUBSCRIBE, b"").unwrap();
    sub.bind("inproc://sub").unwrap();
    xpub.connect("inproc://sub").unwrap();
    sub.events().unwrap();
    assert_eq!(xpub.recv(0).unwrap().data(), [1]);
    let change = || xpub.disconnect("inproc://sub").unwrap();
    assert_eq!(wakes(xpub, || xpub.recv(0), change), Ok(()));
    for socket in [xpub, sub] {
        socket.close().unwrap();
    }
    scene.0.terminate().unwrap();
}

#[test]
fn who_sleeps_until_a_peer_takes_more_hears_that_it_was_disconnected() {
    let scene = Scene::new();
    let [server, client] = [SocketType::Server, SocketType::Client].map(|kind| scene.socket(kind));
    for (socket, option) in [(server, numbers::SNDHWM), (client, numbers::RCVHWM)] {
        set(socket, option, 1);
    }
    server.bind("inproc://server").unwrap();
    client.connect("inproc://server").unwrap();
    send(client, b"hello");
    let peer = server.recv(0).unwrap().routing_id();
    let reply = |flags| {
        let mut message = crate::message::Message::from_slice(b"reply").unwrap();
        message.set_routing_id(peer);
        server.send(&mut message, flags)
    };
    while reply(DONTWAIT).is_ok() {}
    let change = || server.disconnect_peer(peer).unwrap();
    assert_eq!(wakes(server, || reply(0), change), Err(Error::HOSTUNREACH));
    for socket in [server, client] {
        socket.close().unwrap();
    }
    scene.0.terminate().unwrap();
}

#[test]
fn who_sleeps_hears_what_another_thread_binds_and_connects() {
    let scene = Scene::new();
    for (kind, other) in
        [(SocketType::Pull, SocketType::Push), (SocketType::Push, SocketType::Pull)]
    {
        let send = kind == SocketType::Push;
        let call = |socket: &Socket| match send {
            true => socket.send_slice(b"message", 0),
            false => socket.recv(0).map(drop),
        };
        let [first, second] = [(); 2].map(|()| (scene.socket(kind), scene.socket(other)));
        first.1.connect("inproc://first").unwrap();
        second.1.bind("inproc://second").unwrap();
        if !send {
            first.1.send_slice(b"message", 0).unwrap();
        }
        let bind = || first.0.bind("inproc://first").unwrap();
        assert_eq!(wakes(first.0, || call(first.0), bind), Ok(()));
        let connect = || {
            second.0.connect("inproc://second").unwrap();
            if !send {
                second.1.send_slice(b"message", 0).unwrap();
            }
        };
        assert_eq!(wakes(second.0, || call(second.0), connect), Ok(()));
        for socket in [first.0, first.1, second.0, second.1] {
            socket.close().unwrap();
        }
    }
    scene.0.terminate().unwrap();
}
