//! Listeners and dialers on the loopback interface.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use crate::error::Error;
use crate::options::{AcceptFilter, SocketOptions};
use crate::sys::{PollFd, poll};
use crate::transport::testing::{accept, await_dial, connect, listen, nothing, options};
use crate::transport::{Accept, Dial, Stream, find};

/// Sends a few bytes either way.
fn bounce(a: &Stream, b: &Stream) {
    for (from, to) in [(a, b), (b, a)] {
        assert_eq!(from.write(b"hello").unwrap(), 5);
        let mut items = [PollFd::new(to.descriptor(), libc::POLLIN)];
        assert_eq!(poll(&mut items, Some(Duration::from_secs(5))).unwrap(), 1);
        let mut buffer = [0; 16];
        assert_eq!(to.read(&mut buffer).unwrap(), 5);
        assert_eq!(&buffer[..5], b"hello");
    }
}

fn meet(bind: &str, options: &SocketOptions) -> (Stream, Stream) {
    let listener = listen(bind, options).unwrap();
    let dialed = connect(&listener.endpoint(), options).unwrap();
    (dialed, accept(&*listener, options))
}

#[test]
fn wildcards_are_resolved_and_reached() {
    let plain = options();
    let ipv6 = SocketOptions { ipv6: true, ..options() };
    for (bind, options, starts) in [
        ("tcp://*:*", &plain, "tcp://0.0.0.0:"),
        ("tcp://127.0.0.1:0", &plain, "tcp://127.0.0.1:"),
        ("tcp://lo:*", &plain, "tcp://127.0.0.1:"),
        ("tcp://localhost:*", &plain, "tcp://127.0.0.1:"),
        ("tcp://*:*", &ipv6, "tcp://[::]:"),
        ("tcp://127.0.0.1:*", &ipv6, "tcp://[::ffff:127.0.0.1]:"),
        ("tcp://127.0.0.1:5;127.0.0.1:*", &plain, "tcp://127.0.0.1:"),
        ("tcp://[::1]:*", &ipv6, "tcp://[::1]:"),
    ] {
        let endpoint = listen(bind, options).unwrap().endpoint();
        assert!(endpoint.starts_with(starts) && !endpoint.ends_with(":0"), "{bind} {endpoint}");
        let (dialed, accepted) = meet(bind, options);
        bounce(&dialed, &accepted);
    }
}

#[test]
fn stream_tells_its_ends() {
    let (dialed, accepted) = meet("tcp://127.0.0.1:*", &options());
    assert_eq!(accepted.peer_address(), "127.0.0.1");
    assert_eq!(dialed.peer_address(), "127.0.0.1");
    assert_eq!(dialed.local_endpoint(), accepted.remote_endpoint());
    assert_eq!(dialed.remote_endpoint(), accepted.local_endpoint());
    assert!(dialed.local_endpoint().starts_with("tcp://127.0.0.1:"));
    assert!(dialed.descriptor() >= 3);
}

#[test]
fn end_of_stream_and_lost_peer_are_no_signal() {
    let (dialed, accepted) = meet("tcp://127.0.0.1:*", &options());
    let mut buffer = [0; 4];
    assert_eq!(dialed.read(&mut buffer).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    drop(accepted);
    let mut items = [PollFd::new(dialed.descriptor(), libc::POLLIN)];
    poll(&mut items, Some(Duration::from_secs(5))).unwrap();
    assert_eq!(dialed.read(&mut buffer).unwrap(), 0);
    // The first write is answered with RST, a later one with EPIPE; SIGPIPE would end the test.
    let slices = [std::io::IoSlice::new(b"a"), std::io::IoSlice::new(b"b")];
    while dialed.write_vectored(&slices).is_ok() {}
    assert!(dialed.write(b"x").is_err());
}

#[test]
fn bind_errors() {
    let options = options();
    let listener = listen("tcp://127.0.0.1:*", &options).unwrap();
    for (endpoint, error) in [
        (listener.endpoint().as_str(), Error::ADDRINUSE),
        ("tcp://nosuchif0:5555", Error::NODEV),
        ("tcp://192.0.2.1:5555", Error::ADDRNOTAVAIL),
        ("tcp://127.0.0.1", Error::INVAL),
        ("tcp://127.0.0.1:x", Error::INVAL),
        ("tcp://[::1]:5555", Error::NODEV),
        ("tcp://nosuch;127.0.0.1:*", Error::INVAL),
        ("tcp://;127.0.0.1:*", Error::INVAL),
        ("tcp://nosuchif0:0;127.0.0.1:*", Error::NODEV),
    ] {
        assert_eq!(listen(endpoint, &options).err(), Some(error), "{endpoint}");
    }
}

#[test]
fn connect_syntax() {
    let tcp = find("tcp").unwrap();
    for (address, good) in [
        ("localhost:1234", true),
        ("[::1]:1234", true),
        ("127.0.0.1:0;localhost:1234", true),
        ("lo:5555;localhost:1235", true),
        ("fe80::1%eth0:5", true),
        ("under_score.host-name:5", true),
        ("localhost:65535", true),
        ("localhost:65536", false),
        ("localhost:invalid", false),
        ("in val id:1234", false),
        ("192.168.0.200:*", false),
        ("*:5555", false),
        ("localhost", false),
        ("localhost:", false),
        ("", false),
    ] {
        assert_eq!(tcp.check_connect(address, &options()).is_ok(), good, "{address}");
    }
}

/// An address at which nobody listens. One at which this process did would not do: a child that
/// another test has just forked may listen there still.
fn unused() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).unwrap()
}

#[test]
fn refused_and_unknown() {
    let options = options();
    let nowhere = connect(&format!("tcp://{}", unused()), &options);
    assert_eq!(nowhere.err(), Some(Error::CONNREFUSED));
    let unknown = connect("tcp://no-such-host.invalid:5", &options);
    assert_eq!(unknown.err(), Some(Error::INVAL));
    assert_eq!(connect("tcp://[::1]:5", &options).err(), Some(Error::INVAL));
    let source = connect("tcp://localhost:5;127.0.0.1:5", &options);
    assert_eq!(source.err(), Some(Error::NODEV));
}

/// `localhost` may have ::1 first, where nobody listens.
#[test]
fn every_address_of_a_name_is_tried() {
    let options = SocketOptions { ipv6: true, ..options() };
    let listener = listen("tcp://127.0.0.1:*", &options).unwrap();
    let port = listener.endpoint().rsplit_once(':').unwrap().1.to_owned();
    let dialed = connect(&format!("tcp://localhost:{port}"), &options).unwrap();
    bounce(&dialed, &accept(&*listener, &options));
}

#[test]
fn source_address() {
    let options = options();
    let listener = listen("tcp://127.0.0.1:*", &options).unwrap();
    let target = listener.endpoint();
    let target = target.strip_prefix("tcp://").unwrap();
    let dialed = connect(&format!("tcp://127.0.0.2:0;{target}"), &options).unwrap();
    let accepted = accept(&*listener, &options);
    assert_eq!(accepted.peer_address(), "127.0.0.2");
    bounce(&dialed, &accepted);
}

#[test]
fn filters() {
    for (filters, welcome) in [
        (&["127.0.0.1"][..], true),
        (&["10.0.0.0/8"], false),
        (&["10.0.0.0/8", "127.0.0.0/8"], true),
    ] {
        let filters = filters
            .iter()
            .map(|text| AcceptFilter::parse(text.as_bytes(), false).unwrap())
            .collect();
        let options = SocketOptions { tcp_accept_filters: filters, ..options() };
        let listener = listen("tcp://127.0.0.1:*", &options).unwrap();
        let _dialed = connect(&listener.endpoint(), &options).unwrap();
        let mut items = [PollFd::new(listener.descriptor(), libc::POLLIN)];
        poll(&mut items, Some(Duration::from_secs(5))).unwrap();
        let accepted = listener.accept(&options).unwrap();
        assert_eq!(matches!(accepted, Accept::Stream(_)), welcome);
    }
}

/// Connecting to a free ephemeral port from that same port is what #4599 is about.
#[test]
fn never_meets_itself() {
    let options = options();
    let itself = loop {
        let port = unused();
        match connect(&format!("tcp://{port};{port}"), &options).err() {
            // Somebody else on this machine got it meanwhile.
            Some(Error::ADDRINUSE) => {}
            other => break other,
        }
    };
    assert_eq!(itself, Some(Error::CONNREFUSED));
}

#[test]
fn options_are_applied() {
    let options = SocketOptions {
        sndbuf: 8192,
        rcvbuf: 8192,
        tos: 0x28,
        tcp_keepalive: 1,
        tcp_keepalive_cnt: 5,
        tcp_keepalive_idle: 60,
        tcp_keepalive_intvl: 30,
        tcp_maxrt: 5000,
        ..options()
    };
    use crate::sys::sockopt;
    use std::os::fd::AsFd;
    let (dialed, accepted) = meet("tcp://127.0.0.1:*", &options);
    for stream in [&dialed, &accepted] {
        for (option, expected) in [
            (sockopt::NO_DELAY, 1),
            (sockopt::KEEPALIVE, 1),
            (sockopt::KEEPALIVE_COUNT, 5),
            (sockopt::KEEPALIVE_IDLE, 60),
            (sockopt::KEEPALIVE_INTERVAL, 30),
            (sockopt::USER_TIMEOUT, 5000),
            (sockopt::TYPE_OF_SERVICE, 0x28),
        ] {
            assert_eq!(sockopt::value(stream.as_fd(), option).unwrap(), expected);
        }
        // The kernel doubles what it was asked for.
        let send_buffer = sockopt::value(stream.as_fd(), sockopt::SEND_BUFFER).unwrap();
        assert_eq!(send_buffer, 16384);
    }
    let device = SocketOptions { bound_device: b"nosuchif0".to_vec(), ..options };
    assert!(listen("tcp://127.0.0.1:*", &device).is_err());
}

#[test]
fn a_small_high_water_mark_is_not_hidden_by_the_kernel() {
    let options = SocketOptions { sndhwm: 1, ..options() };
    let (dialed, accepted) = meet("tcp://127.0.0.1:*", &options);
    let taken: usize = std::iter::from_fn(|| dialed.write(&[0; 65536]).ok()).sum();
    assert!(taken < 600_000, "{taken} bytes");
    // It goes on when the peer reads.
    let mut buffer = vec![0; 65536];
    let mut left = taken;
    while left > 0 {
        left -= accepted.read(&mut buffer).unwrap_or(0);
    }
    let mut items = [PollFd::new(dialed.descriptor(), libc::POLLOUT)];
    assert_eq!(poll(&mut items, Some(Duration::from_secs(5))).unwrap(), 1);
    assert!(dialed.write(b"more").is_ok());
}

#[test]
fn listening_socket_of_the_application() {
    use std::os::fd::IntoRawFd;
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let expected = format!("tcp://{}", socket.local_addr().unwrap());
    let inherited = SocketOptions { use_fd: socket.into_raw_fd(), ..options() };
    let listener = listen("tcp://ignored:1", &inherited).unwrap();
    assert_eq!(listener.endpoint(), expected);
    let dialed = connect(&expected, &options()).unwrap();
    bounce(&dialed, &accept(&*listener, &options()));
    let closed = SocketOptions { use_fd: 12345, ..options() };
    assert_eq!(listen("tcp://ignored:1", &closed).err(), Some(Error::BADF));
}

#[test]
fn abandoned_and_cancelled() {
    let options = options();
    // TEST-NET-1 answers nothing, or the machine says, soon or at once, that there is no way to it.
    let mut dialer = find("tcp").unwrap().dialer("192.0.2.1:5", &options).unwrap();
    match dialer.start(nothing()) {
        Dial::Connecting(descriptor) => {
            assert_eq!(dialer.descriptor(), Some(descriptor));
            // Called without need.
            match dialer.poll() {
                Dial::Connecting(_) => {
                    assert!(matches!(dialer.abandon(), Dial::Failed(Error::TIMEDOUT)));
                    assert_eq!(
                        (dialer.descriptor(), dialer.last_descriptor()),
                        (None, Some(descriptor))
                    );
                }
                dial => assert!(matches!(dial, Dial::Failed(_)), "{dial:?}"),
            }
        }
        Dial::Failed(_) => {}
        other => panic!("{other:?}"),
    }
    let listener = listen("tcp://127.0.0.1:*", &options).unwrap();
    let endpoint = listener.endpoint();
    let address = endpoint.strip_prefix("tcp://").unwrap();
    let mut dialer = find("tcp").unwrap().dialer(address, &options).unwrap();
    for _ in 0..3 {
        let _ = dialer.start(nothing());
        dialer.cancel();
        assert_eq!(dialer.descriptor(), None);
    }
    let dial = dialer.start(nothing());
    await_dial(&mut *dialer, dial).unwrap();
}
