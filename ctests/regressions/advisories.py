"""The triggers of libzmq's security advisories. All of them were mended by 4.3.5: there they must hold as well."""

import mmap

from trigger import *
from trigger import main


def server(context, mechanism):
    sock = context.socket(PULL)
    if mechanism == "PLAIN":
        sock.set(PLAIN_SERVER, 1)
    else:
        sock.set(CURVE_SERVER, 1)
        sock.set(CURVE_SECRET, keypair()[1])
    return sock, sock.bind()


@row("CVE-2014-7202")
def a_greeting_cannot_name_another_mechanism():
    context = Context()
    for mechanism in ("PLAIN", "CURVE"):
        sock, port = server(context, mechanism)
        for name in (b"NULL", b"", b"PLAIN\0NULL", b"null"):
            wire = dial(port)
            wire.send(SIGNATURE + b"\3\0" + name.ljust(20, b"\0") + bytes(32) + ready(b"PUSH") + message(b"let me in"))
            assert closed(wire), (mechanism, name)
        assert sock.receive_or_errno(100) == "errno 11"
        sock.close()


@row("CVE-2014-9721")
def an_older_protocol_does_not_skip_the_mechanism():
    context = Context()
    for mechanism in ("PLAIN", "CURVE"):
        sock, port = server(context, mechanism)
        for start in (b"\1\0", SIGNATURE + b"\0\5\1\0", SIGNATURE + b"\1\5\0\0", SIGNATURE + b"\2\5\0\0"):
            wire = dial(port)
            wire.send(start + b"\0\x09let me in" + b"\x0a\0let me in")
            # Some of these are beginnings of what could still be right.
            wire.fate(100)
            wire.close()
        assert sock.receive_or_errno(100) == "errno 11"
        sock.close()


@row("CVE-2014-7203")
def a_replayed_curve_message_ends_the_connection():
    context = Context()
    public, secret = keypair()
    pull, push, door = context.socket(PULL), context.socket(PUSH), Door()
    pull.set(CURVE_SERVER, 1)
    pull.set(CURVE_SECRET, secret)
    own = keypair()
    for option, value in ((CURVE_SERVERKEY, public), (CURVE_PUBLIC, own[0]), (CURVE_SECRET, own[1])):
        push.set(option, value)
    push.connect(door.endpoint)
    client, server_side = door.accept(), dial(pull.bind())

    def frame(wire):
        head = wire.take(2)
        if head[0] & 2:
            head += wire.take(7)
        return head + wire.take(int.from_bytes(head[1:], "big"))

    # libzmq's greetings wait for each other.
    for part in (10, 1, 53):
        server_side.send(client.take(part))
        client.send(server_side.take(part))
    for _ in ("HELLO and WELCOME", "INITIATE and READY"):
        server_side.send(frame(client))
        client.send(frame(server_side))
    push.send(b"once")
    sealed = frame(client)
    server_side.send(sealed)
    assert pull.receive() == [b"once"]
    server_side.send(sealed)
    assert closed(server_side)
    assert pull.receive_or_errno(100) == "errno 11"


@row("CVE-2019-6250")
def lengths_near_the_end_of_the_address_space():
    context = Context()
    pull = context.socket(PULL)
    port = pull.bind()
    for length in (b"\xff" * 8, b"\xff" * 7 + b"\xf0", b"\x80" + bytes(7), b"\x7f" + b"\xff" * 7):
        for start in (V31 + ready(b"PUSH"), SIGNATURE + b"\1\x08\0\0"):
            wire = dial(port)
            wire.send(start)
            wire.fate(50)
            wire.send(b"\2" + length + b"x" * 100)
            # "The most significant bit SHALL be zero": nobody waits for such a frame.
            assert length[0] < 0x80 and wire.fate(50) or closed(wire), length
            wire.close()
    works(context)
    assert pull.receive_or_errno(50) == "errno 11"


def stranger(port, server, size):
    """A client that speaks CURVE by libsodium, known to nobody, with so much metadata; what the server says to its INITIATE."""
    import sodium
    own, short = os.urandom(32), os.urandom(32)
    wire = dial(port)
    wire.send(SIGNATURE + b"\3\1CURVE" + bytes(47))
    wire.take(64)

    def body(content):
        flags, length = wire.take(2)
        return wire.take(length if not flags & 2 else int.from_bytes(bytes([length]) + wire.take(7), "big"))[len(content):]

    key, counter = sodium.shared(server, short), bytes(7) + b"\1"
    hello = b"\5HELLO\1\0" + bytes(72) + sodium.public(short) + counter + sodium.seal(key, b"CurveZMQHELLO---" + counter, bytes(64))
    wire.send(command(hello))
    welcome = body(b"\7WELCOME")
    text = sodium.open_same(key, b"WELCOME-" + welcome[:16], welcome[16:])
    theirs, cookie, nonce, counter = text[:32], text[32:], bytes(16), bytes(7) + b"\2"
    vouch = sodium.seal(sodium.shared(theirs, own), b"VOUCH---" + nonce, sodium.public(short) + server)
    metadata = b"\x0bSocket-Type\0\0\0\4PUSH\6X-long" + struct.pack(">I", size) + b"x" * size
    box = sodium.seal(sodium.shared(theirs, short), b"CurveZMQINITIATE" + counter, sodium.public(own) + nonce + vouch + metadata)
    initiate = b"\x08INITIATE" + cookie + counter + box
    wire.send(b"\6" + struct.pack(">Q", len(initiate)) + initiate)
    return body(b"")


@row("CVE-2019-13132")
def long_metadata_for_a_curve_server():
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "security"))
    import sodium
    context, secret = Context(), os.urandom(32)
    pull = context.socket(PULL)
    pull.set(CURVE_SERVER, 1)
    pull.set(CURVE_SECRET, secret)
    port = pull.bind()
    # Where it was a buffer of 256 bytes on the stack, this went over it and over what calls.
    for size in (100, 200, 300, 1000, 5000, 60000):
        assert stranger(port, sodium.public(secret), size).startswith(b"\5READY"), size
    push, own = context.socket(PUSH), keypair()
    for option, value in ((CURVE_SERVERKEY, sodium.public(secret)), (CURVE_PUBLIC, own[0]), (CURVE_SECRET, own[1])):
        push.set(option, value)
    push.connect(f"tcp://127.0.0.1:{port}")
    push.send(b"still here")
    assert pull.receive() == [b"still here"]


@row("CVE-2020-15166")
def connections_that_never_shake_hands_take_no_messages():
    context = Context()
    push = context.socket(PUSH)
    port = push.bind()
    idle = [dial(port) for _ in range(50)]
    for wire in idle[:20]:
        wire.send(SIGNATURE)
    pull = context.socket(PULL)
    pull.connect(f"tcp://127.0.0.1:{port}")
    for number in range(200):
        push.send(b"%d" % number)
    for number in range(200):
        assert pull.receive() == [b"%d" % number]


@row("CVE-2021-20234")
def half_messages_of_servers_that_close_are_freed():
    context, door = Context(), Door()
    pull = context.socket(PULL)
    pull.set(RECONNECT_IVL, 1)
    pull.connect(door.endpoint)
    half = message(b"x" * 200_000, more=True)

    def once():
        wire = door.accept()
        wire.send(V31 + ready(b"PUSH"))
        wire.send(half)
        wire.sock.shutdown(socket.SHUT_WR)
        wire.fate(1000)
        wire.close()
        pull.get(EVENTS_NOW)

    does_not_grow(once, 60, 6_000_000)


@row("CVE-2021-20235", "CVE-2020-36400")
def large_messages_of_a_zmtp_1_0_peer():
    context = Context()
    pull = context.socket(PULL)
    wire = dial(pull.bind())
    bodies = [bytes([number]) * (9000 + 5000 * number) for number in range(4)]
    wire.send(b"\1\0" + b"".join(b"\xff" + struct.pack(">Q", len(body) + 1) + b"\0" + body for body in bodies))
    for body in bodies:
        assert pull.receive() == [body]


@row("CVE-2021-20236", seconds=60)
def very_long_topics_come_and_go():
    context = Context()
    xpub = context.socket(XPUB)
    wire = shake(xpub.bind(), "SUB")
    topics = [bytes([letter]) * 500_000 for letter in range(97, 101)] + [b"a" * 499_999 + b"b"]
    for topic in topics:
        wire.send(message(b"\1" + topic))
    for topic in topics:
        assert xpub.receive() == [b"\1" + topic]
    wire.send(message(b"\0" + topics[0]))
    assert xpub.receive() == [b"\0" + topics[0]]
    # The rest goes with the connection.
    wire.close()
    left = {xpub.receive()[0] for _ in topics[1:]}
    assert left == {b"\0" + topic for topic in topics[1:]}


@row("CVE-2021-20237")
def messages_for_a_publisher_are_freed():
    context = Context()
    pub = context.socket(PUB)
    wire = shake(pub.bind(), "XSUB")
    some = message(b"\2" + b"m" * 1000) * 200

    def once():
        wire.send(some)
        pub.get(EVENTS_NOW)
        pub.send(b"nobody")

    does_not_grow(once, 200, 8_000_000)


@row("OSV-2020-1655")
def z85_of_any_length_reads_only_what_is_there():
    zmq.zmq_z85_decode.restype = ctypes.c_void_p
    zmq.zmq_z85_decode.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    # Text at the end of a page, behind which nothing may be read.
    page = mmap.PAGESIZE
    area = mmap.mmap(-1, 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(area))
    ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + page), ctypes.c_size_t(page), 0)
    out = ctypes.create_string_buffer(page)
    for length in range(0, 60):
        text = b"0" * length + b"\0"
        ctypes.memmove(start + page - len(text), text, len(text))
        decoded = zmq.zmq_z85_decode(out, start + page - len(text))
        assert (decoded is not None) == (length % 5 == 0 and length > 0), length


if __name__ == "__main__":
    main()
