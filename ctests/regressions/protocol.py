"""Of the bug classes that make people leave libzmq, those of the protocol: heartbeats, subscriptions, ws.

As far as no other test of this project has their trigger already; covered.tsv names those."""

import contextlib
import threading

from trigger import *
from trigger import check, main, zmq


def slow_reader(context, seconds):
    """A PULL of a small queue that heartbeats, and is not read for a while."""
    pull, push = context.socket(PULL), context.socket(PUSH)
    monitor = Monitor(context, push)
    for sock in (pull, push):
        sock.set(HEARTBEAT_IVL, 60)
        sock.set(HEARTBEAT_TIMEOUT, 180)
        sock.set(HEARTBEAT_TTL, 300)
        sock.set(HWM_SEND, 5)
        sock.set(HWM_RECEIVE, 5)
    push.set(SNDTIMEO, 0)
    push.connect(f"tcp://127.0.0.1:{pull.bind()}")
    sent, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            push.send(b"%d " % sent + b"x" * 100_000)
            sent += 1
        except Failed:
            time.sleep(0.01)
    assert "DISCONNECTED" not in monitor.events(10), "a live peer was dropped"
    for number in range(sent):
        assert pull.receive()[0].startswith(b"%d " % number)


@row("class 7: #3937, #4767, #3596", reference="fails")
def heartbeats_bear_with_a_slow_reader():
    slow_reader(Context(), 1.5)


@row("class 7: #2709", reference="fails")
def a_large_message_that_trickles_in_is_a_sign_of_life():
    context = Context()
    pull = context.socket(PULL)
    pull.set(HEARTBEAT_IVL, 60)
    pull.set(HEARTBEAT_TIMEOUT, 200)
    wire = shake(pull.bind(), "PUSH")
    wire.send(b"\2" + (600_000).to_bytes(8, "big"))
    for _ in range(30):
        wire.send(b"y" * 20_000)
        time.sleep(0.02)
    assert pull.receive() == [b"y" * 600_000]


@row("class 7: #4226", reference="passes")
def a_time_to_live_beyond_a_minute_does_not_wrap():
    context = Context()
    push = context.socket(PUSH)
    door = Door()
    push.set(HEARTBEAT_IVL, 20)
    # 65536 tenths of a second; libzmq's own limit is in the manual.
    push.set(HEARTBEAT_TTL, 70_000)
    assert struct.unpack("=i", push.get(HEARTBEAT_TTL, 4))[0] == 70_000
    push.connect(door.endpoint)
    wire = door.accept()
    wire.send(V31 + ready(b"PULL"))
    wire.take(64)
    wire.take(wire.take(2)[1])
    assert wire.take(9) == command(b"\4PING" + (700).to_bytes(2, "big"))


@row("class 7: #4226, a peer's", reference="fails")
def the_time_to_live_of_a_peer_does_not_wrap():
    context = Context()
    pull = context.socket(PULL)
    wire = shake(pull.bind(), "PUSH")
    # 65.6 s; in a 16 bit number of milliseconds that is 64 ms.
    wire.send(command(b"\4PING" + (656).to_bytes(2, "big")))
    assert wire.take(7) == command(b"\4PONG")
    assert wire.fate(700) == "still open", "a live peer was dropped"
    wire.send(message(b"here"))
    assert pull.receive() == [b"here"]


def slow_link(messages, **options):
    """A PUSH that has these to send as soon as its peer has shaken hands, with little room for them on the way."""
    context, door = Context(), Door()
    push = context.socket(PUSH)
    push.set(SNDBUF, 65536)
    push.set(HWM_SEND, 0)
    for option, value in options.items():
        push.set(globals()[option], value)
    push.connect(door.endpoint)
    for body in messages:
        push.send(body)
    wire = door.accept()
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    wire.send(V31 + ready(b"PULL"))
    wire.take(64)
    wire.take(wire.take(2)[1])
    return push, wire


@row("class 7: a large message", reference="passes")
def a_ping_behind_a_large_message_is_not_expected_to_be_answered():
    _push, wire = slow_link([b"y" * 4_000_000], HEARTBEAT_IVL=100, HEARTBEAT_TIMEOUT=300)
    # A peer that only reads slowly, and cannot have seen the PING.
    time.sleep(1.2)
    assert wire.take(9) == b"\2" + (4_000_000).to_bytes(8, "big")
    assert wire.take(4_000_000) == b"y" * 4_000_000


def hung(size, pause):
    """Sends messages of this size to a peer that shakes hands and then reads nothing; how long it is taken for alive."""
    context, door = Context(), Door()
    push = context.socket(PUSH)
    for option, value in ((HEARTBEAT_IVL, 100), (HEARTBEAT_TIMEOUT, 300), (SNDTIMEO, 0), (LINGER, 0)):
        push.set(option, value)
    monitor = Monitor(context, push)
    push.connect(door.endpoint)
    wire = door.accept()
    wire.send(V31 + ready(b"PULL"))
    wire.take(64)
    wire.take(wire.take(2)[1])
    began = time.monotonic()
    while "DISCONNECTED" not in monitor.events(1):
        assert time.monotonic() - began < 15, "it is taken for alive for ever"
        with contextlib.suppress(Failed):
            push.send(b"y" * size)
        time.sleep(pause)
    return time.monotonic() - began


@row("class 7: a hung peer", reference="passes")
def a_hung_peer_is_given_up():
    # The PING is in its system's hands, and so is most of what comes behind.
    assert 0.3 < hung(100, 0.002) < 2
    # Its system has no room left when the PING is due.
    assert 0.3 < hung(100_000, 0) < 12


@row("class 7: a full connection", reference="passes")
def a_pong_comes_between_the_messages_of_a_full_connection():
    count, size = 4000, 2000
    _push, wire = slow_link([b"y" * size] * count)
    for _ in range(3):
        time.sleep(0.2)
        wire.send(command(b"\4PING\0\0"))
        time.sleep(0.2)
        before = 0
        while (flags := wire.take(1)[0]) != 4:
            assert flags == 2
            wire.take(8 + size)
            before += 1
        assert wire.take(6) == b"\5\4PONG"
        assert before < count // 4, f"behind {before} messages"


def ws_port(sock):
    check(zmq.zmq_bind(sock.handle, b"ws://127.0.0.1:*"), "zmq_bind")
    return int(endpoint(sock).rsplit(":", 1)[1].rstrip("/"))


def browser(port, protocol=b"ZWS2.0"):
    """A plain connection to a ws endpoint after the upgrade; without a mechanism, as browsers have it."""
    wire = dial(port)
    wire.send(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: " + protocol + b"\r\n\r\n")
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += wire.take(1)
    assert b" 101 " in answer
    return wire


def masked(opcode, body):
    """A WebSocket frame of a client, with a mask of zeros."""
    assert len(body) < 126
    return bytes([0x80 | opcode, 0x80 | len(body), 0, 0, 0, 0]) + body


def begun(opcode, body):
    """The same, not the last of its message."""
    return bytes([opcode, 0xff]) + struct.pack(">Q", len(body)) + bytes(4) + body


def of_server(take):
    """The opcode and the body of the next WebSocket frame of a server; `take` reads so many bytes."""
    first, size = take(2)
    if size == 126:
        [size] = struct.unpack(">H", take(2))
    return first & 15, take(size)


@row("class 7: over ws", reference="crashes")
def a_browser_is_pinged():
    router = Context().socket(ROUTER)
    router.set(HEARTBEAT_IVL, 100)
    router.set(HEARTBEAT_TIMEOUT, 5000)
    wire = browser(ws_port(router))
    wire.send(masked(2, b"\0ID"))
    assert of_server(wire.take) == (2, b"\0"), "its name"
    for _ in range(3):
        assert of_server(wire.take) == (9, b"")
        wire.send(masked(10, b""))


@row("class 7: over ws", reference="fails")
def the_handshake_of_a_browser_is_told_and_does_not_fail_at_its_end():
    context = Context()
    router = context.socket(ROUTER)
    monitor = Monitor(context, router)
    wire = browser(ws_port(router))
    wire.send(masked(2, b"\0ID") + masked(2, b"\0hello"))
    assert router.receive() == [b"ID", b"hello"]
    wire.close()
    seen = []
    until(lambda: "DISCONNECTED" in seen or seen.extend(monitor.events(50)))
    assert "HANDSHAKE_SUCCEEDED 0x0" in seen
    assert not any("FAILED" in event for event in seen), seen


@row("class 7: over ws", reference="passes")
def a_ping_over_ws_passes_no_mechanism():
    context = Context()
    router, dealer = context.socket(ROUTER), context.socket(DEALER)
    (server_public, server_secret), (public, secret) = keypair(), keypair()
    router.set(CURVE_SERVER, 1)
    router.set(CURVE_SECRET, server_secret)
    router.set(HEARTBEAT_IVL, 100)
    router.set(HEARTBEAT_TIMEOUT, 5000)
    for option, key in ((CURVE_SERVERKEY, server_public), (CURVE_PUBLIC, public), (CURVE_SECRET, secret)):
        dealer.set(option, key)
    door = socket.create_server(("127.0.0.1", 0))
    dealer.connect(f"ws://127.0.0.1:{door.getsockname()[1]}")
    client, server = door.accept()[0], dial(ws_port(router))

    def pass_on():
        while more := client.recv(65536):
            server.send(more)
    threading.Thread(target=pass_on, daemon=True).start()

    def take(size):
        client.sendall(taken := server.take(size))
        return taken
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += take(1)
    pings = 0
    while pings < 3:
        opcode, _ = of_server(take)
        assert opcode in (2, 9, 10)
        pings += opcode == 9
    dealer.send(b"alive")
    assert router.receive()[1] == b"alive"


@row("class 7: over ws", reference="crashes|fails")
def a_slow_reader_over_ws_tells_that_it_lives():
    for curve in (False, True):
        context = Context()
        router, dealer = context.socket(ROUTER), context.socket(DEALER)
        monitor = Monitor(context, dealer)
        if curve:
            (server_public, server_secret), (public, secret) = keypair(), keypair()
            router.set(CURVE_SERVER, 1)
            router.set(CURVE_SECRET, server_secret)
            for option, key in ((CURVE_SERVERKEY, server_public), (CURVE_PUBLIC, public), (CURVE_SECRET, secret)):
                dealer.set(option, key)
        router.set(HWM_RECEIVE, 2)
        dealer.set(HEARTBEAT_IVL, 100)
        dealer.set(HEARTBEAT_TIMEOUT, 300)
        dealer.connect(f"ws://127.0.0.1:{ws_port(router)}")
        dealer.send(b"first")
        router.receive()
        # It is pinged, and answers, before it has more to read than it wants.
        time.sleep(0.3)
        for number in range(50):
            dealer.send(b"%d" % number)
        time.sleep(1.5)
        for number in range(50):
            name, request = router.receive()
            assert request == b"%d" % number
            router.send(name, request)
        for number in range(50):
            assert dealer.receive() == [b"%d" % number]
        assert not any("DISCONNECTED" in event for event in monitor.events(10)), curve


@row("class 13: over ws", reference="fails")
def fragments_before_the_end_of_a_handshake_do_not_fill_the_memory():
    router = Context().socket(ROUTER)
    router.set(CURVE_SERVER, 1)
    router.set(CURVE_SECRET, keypair()[1])
    wire = browser(ws_port(router), b"ZWS2.0/CURVE")
    before = resident()
    try:
        wire.send(begun(2, bytes(100_000)))
        for _ in range(500):
            wire.send(begun(0, bytes(100_000)))
    except OSError:
        pass
    assert resident() - before < 10_000_000, f"{resident() - before} bytes more"
    assert closed(wire)


@row("class 13: over ws", reference="fails")
def a_large_message_in_fragments_may_follow_a_name_at_once():
    router = Context().socket(ROUTER)
    wire = browser(ws_port(router))
    wire.send(masked(2, b"\0ID") + begun(2, bytes(100_001)) + begun(0, bytes(900_000)) + masked(0, bytes(100)))
    assert router.receive() == [b"ID", bytes(1_000_100)]


@row("class 12: over ws", reference="passes")
def what_comes_before_a_broken_frame_over_ws_is_received():
    pull = Context().socket(PULL)
    wire = browser(ws_port(pull))
    wire.send(masked(2, b"\0"))
    assert of_server(wire.take) == (2, b"\0"), "its name"
    # All at once; ZMTP knows no text frames.
    wire.send(b"".join(masked(2, b"\0%d" % number) for number in range(5)) + masked(1, b"text"))
    assert [pull.receive() for _ in range(5)] == [[b"%d" % number] for number in range(5)]


@row("class 12: over ws", reference="fails")
def a_good_bye_over_ws_behind_a_message_ends_the_connection():
    pull = Context().socket(PULL)
    wire = browser(ws_port(pull))
    wire.send(masked(2, b"\0"))
    assert of_server(wire.take) == (2, b"\0"), "its name"
    wire.send(masked(2, b"\0hello") + masked(8, b"\x03\xe8"))
    assert pull.receive() == [b"hello"]
    assert of_server(wire.take) == (8, b"\x03\xe8")
    assert closed(wire)


@row("class 8: #2942, #2252", reference="fails|passes")
def subscribing_and_unsubscribing_in_any_order():
    context = Context()
    pub = context.socket(PUB)
    wire = shake(pub.bind(), "SUB")
    wire.send((message(b"\0never asked for") + message(b"\1a") + message(b"\1a") + message(b"\0a")) * 300)
    sub = context.socket(SUB)
    sub.connect(endpoint(pub))
    for _ in range(500):
        sub.set(SUBSCRIBE, b"b")
        sub.set(UNSUBSCRIBE, b"b")
        sub.set(SUBSCRIBE, b"c")
    # What one takes back another keeps.
    sub.set(SUBSCRIBE, b"a")
    sub.set(RCVTIMEO, 20)

    def heard(text):
        pub.send(text)
        try:
            return sub.receive() == [text]
        except Failed:
            return False

    until(lambda: heard(b"c hear"))
    until(lambda: heard(b"a hear"))
    wire.send(message(b"\1a") + message(b"\0a"))
    time.sleep(0.05)
    until(lambda: heard(b"a hear"))
    wire.send(message(b"\1a"))

    wire.sock.settimeout(0.05)
    came = b""
    for _ in range(40):
        pub.send(b"a still")
        try:
            came += wire.sock.recv(1000)
            break
        except TimeoutError:
            pass
    assert came.startswith(message(b"a still")), came


def small(sock, other):
    """A message of one small frame; the other socket is used meanwhile."""
    buffer = ctypes.create_string_buffer(100)
    for _ in range(100):
        size = zmq.zmq_recv(sock.handle, buffer, len(buffer), 1)
        if size != -1:
            return buffer.raw[:size]
        time.sleep(0.02)
        other.get(EVENTS_NOW)
    raise AssertionError("nothing came")


@row("class 8: #2258", reference="fails")
def thousands_of_filters_survive_a_reconnect():
    context = Context()
    sub, xpub = context.socket(SUB), context.socket(XPUB)
    sub.set(RECONNECT_IVL, 10)
    for number in range(3000):
        sub.set(SUBSCRIBE, b"%05d" % number)
    port = xpub.bind()
    sub.connect(f"tcp://127.0.0.1:{port}")
    for _ in range(2):
        # A subscriber says its filters again when it takes note of the new connection.
        topics = {small(xpub, sub)[1:] for _ in range(3000)}
        assert topics == {b"%05d" % number for number in range(3000)}
        xpub.close()
        time.sleep(0.05)
        xpub = context.socket(XPUB)
        until(lambda: zmq.zmq_bind(xpub.handle, b"tcp://127.0.0.1:%d" % port) == 0)


@row("class 8: #3471", reference="passes")
def garbage_for_a_publisher():
    context = Context()
    xpub = context.socket(XPUB)
    port = xpub.bind()
    for body in (b"", b"\2", b"\1", b"\0", b"\xff" * 300, b"\1" + b"\0" * 70000):
        for start in (V31 + ready(b"SUB"), SIGNATURE + b"\1\2\0\0"):
            wire = dial(port)
            wire.send(start)
            wire.fate(30)
            commands = (b"\x09SUBSCRIBE", b"\6CANCEL", b"\4JOINg", b"\7UNKNOWN", b"\4PONG")
            wire.send(message(body, True) + message(body) + b"".join(map(command, commands)))
            wire.fate(30)
            wire.close()
    xpub.send(b"still here")
    works(context)


@row("class 8: #4286, #1256, #4811, #1400", reference="passes")
def an_idle_publisher_forgets_its_readers():
    context = Context()
    pub = context.socket(PUB)
    port = pub.bind()

    serial = iter(range(100_000))

    def once():
        # libzmq's takes note of what has gone when it is used.
        wires = [shake(port, "SUB") for _ in range(20)]
        for wire in wires:
            wire.send(message(b"\1" + b"%020000d" % next(serial)))
        time.sleep(0.01)
        for wire in wires:
            wire.close()
        pub.get(EVENTS_NOW)

    does_not_grow(once, 30, 3_000_000)


if __name__ == "__main__":
    main()
