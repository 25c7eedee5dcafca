"""CURVE spoken by hand with libsodium, 26/CURVEZMQ, to the library that LD_LIBRARY_PATH names; started by ctests/security/run.

    oracle.py client      the library is the server
    oracle.py server      the library is the client

Keys are fixed. Each box that the library makes, in the handshake and after it, must be the one that libsodium makes of the
same text, key and nonce; and the library must open those of libsodium. Bodies have every size about the ends of blocks,
batches and frame headers, one by one and many in one write. Then what a forger does on a connection that stands: what comes
before it is delivered, and the monitor hears of it. Prints what happened, the same for every library.
"""

import socket
import struct
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "peers"))
import library  # noqa: E402
import sodium  # noqa: E402

CURVE_SERVER, CURVE_PUBLICKEY, CURVE_SECRETKEY, CURVE_SERVERKEY = 47, 48, 49, 50
CLIENT, SERVER = bytes(range(1, 33)), bytes(range(101, 133))
SHORT_CLIENT, SHORT_SERVER = bytes([7]) * 32, bytes([9]) * 32
PAIR = b"\x0bSocket-Type\0\0\0\x04PAIR\x08Identity\0\0\0\0"
SIZES = [*range(0, 300), *range(440, 500), 1023, 1024, 1025, 4095, 4096, 4097, 8191, 8192, 8193, 65500, 65535, 65536, 65537,
         131071, 131072, 131073, 1 << 20]
MORE = 1


def body(size, number):
    return bytes((index * 31 + number) & 0xff for index in range(min(size, 256))) * (size // 256 + 1)


def frame(flags, content):
    if len(content) < 256:
        return bytes([flags, len(content)]) + content
    return bytes([flags | 2]) + struct.pack(">Q", len(content)) + content


class Peer:
    """One connection, and after the handshake both directions of it."""

    def __init__(self, sock, as_server):
        self.sock = sock
        self.sock.settimeout(60)
        self.buffer = b""
        self.sent = self.seen = 0
        names = [b"CurveZMQMESSAGEC", b"CurveZMQMESSAGES"]
        self.prefix, self.their_prefix = names[::-1] if as_server else names
        sock.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"CURVE".ljust(20, b"\0") + bytes([as_server]) + bytes(31))
        greeting = self.take(64)
        assert greeting[12:32].rstrip(b"\0") == b"CURVE", greeting

    def take(self, size):
        while len(self.buffer) < size:
            more = self.sock.recv(1 << 20)
            assert more, "the library hung up"
            self.buffer += more
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def frame(self):
        flags, size = self.take(2)
        if flags & 2:
            size = struct.unpack(">Q", bytes([size]) + self.take(7))[0]
        return flags & ~2, self.take(size)

    def command(self, name):
        flags, content = self.frame()
        name = bytes([len(name)]) + name
        assert flags == 4 and content.startswith(name), (flags, content[:20])
        return content[len(name):]

    def wrapped(self, content, more):
        self.sent += 1
        counter = struct.pack(">Q", self.sent)
        box = sodium.seal(self.key, self.prefix + counter, bytes([MORE if more else 0]) + content)
        return frame(0, b"\x07MESSAGE" + counter + box)

    def unwrapped(self):
        flags, content = self.frame()
        assert flags == 0 and content.startswith(b"\x07MESSAGE"), (flags, content[:20])
        counter = struct.unpack(">Q", content[8:16])[0]
        assert counter > self.seen, "a nonce was used twice"
        self.seen = counter
        text = sodium.open_same(self.key, self.their_prefix + content[8:16], content[16:])
        return text[0], text[1:]


def counted(prefix, counter):
    return prefix + struct.pack(">Q", counter)


def be_client(port):
    peer = Peer(socket.create_connection(("127.0.0.1", port)), False)
    server = sodium.public(SERVER)
    key = sodium.shared(server, SHORT_CLIENT)
    own = sodium.public(SHORT_CLIENT)
    hello = b"\x05HELLO\1\0" + bytes(72) + own + counted(b"", 1) + sodium.seal(key, counted(b"CurveZMQHELLO---", 1), bytes(64))
    peer.sock.sendall(frame(4, hello))
    welcome = peer.command(b"WELCOME")
    assert len(welcome) == 160, len(welcome)
    text = sodium.open_same(key, b"WELCOME-" + welcome[:16], welcome[16:])
    short, cookie = text[:32], text[32:]
    assert len(cookie) == 96

    vouch_key = sodium.shared(short, CLIENT)
    nonce = bytes(range(16))
    vouch = sodium.seal(vouch_key, b"VOUCH---" + nonce, own + server)
    peer.key = sodium.shared(short, SHORT_CLIENT)
    text = sodium.public(CLIENT) + nonce + vouch + PAIR
    box = sodium.seal(peer.key, counted(b"CurveZMQINITIATE", 2), text)
    peer.sock.sendall(frame(4, b"\x08INITIATE" + cookie + counted(b"", 2) + box))
    ready = peer.command(b"READY")
    peer.seen = struct.unpack(">Q", ready[:8])[0]
    properties = sodium.open_same(peer.key, b"CurveZMQREADY---" + ready[:8], ready[8:])
    assert b"\x0bSocket-Type\0\0\0\x04PAIR" in properties, properties
    peer.sent = 2
    return peer


def be_server(listener):
    peer = Peer(listener.accept()[0], True)
    hello = peer.command(b"HELLO")
    assert len(hello) == 194 and hello[:74] == b"\1\0" + bytes(72), hello
    theirs = hello[74:106]
    key = sodium.shared(theirs, SERVER)
    assert sodium.open_same(key, b"CurveZMQHELLO---" + hello[106:114], hello[114:]) == bytes(64)
    cookie = bytes(range(96))
    nonce = bytes(range(16, 32))
    own = sodium.public(SHORT_SERVER)
    box = sodium.seal(key, b"WELCOME-" + nonce, own + cookie)
    peer.sock.sendall(frame(4, b"\x07WELCOME" + nonce + box))

    initiate = peer.command(b"INITIATE")
    assert initiate[:96] == cookie
    peer.key = sodium.shared(theirs, SHORT_SERVER)
    peer.seen = struct.unpack(">Q", initiate[96:104])[0]
    text = sodium.open_same(peer.key, b"CurveZMQINITIATE" + initiate[96:104], initiate[104:])
    client = text[:32]
    assert client == sodium.public(CLIENT), "another client"
    vouch = sodium.open_same(sodium.shared(client, SHORT_SERVER), b"VOUCH---" + text[32:48], text[48:128])
    assert vouch == theirs + sodium.public(SERVER)
    assert b"\x0bSocket-Type\0\0\0\x04PAIR" in text[128:], text[128:]
    box = sodium.seal(peer.key, counted(b"CurveZMQREADY---", 1), PAIR)
    peer.sock.sendall(frame(4, b"\x05READY" + counted(b"", 1) + box))
    peer.sent = 1
    return peer


def converse(peer, own):
    """`own` is the library's socket, `peer` the other end."""
    bodies = [body(size, number)[:size] for number, size in enumerate(SIZES)]
    ends = [number % 3 == 0 or number + 1 == len(bodies) for number in range(len(bodies))]
    for name, piece in (("one by one", 1), ("at once", len(bodies))):
        # The library receives while it is being sent to.
        received = []
        taker = threading.Thread(target=lambda: received.extend(own.receive() for _ in range(sum(ends))))
        taker.start()
        wire = [peer.wrapped(content, not end) for content, end in zip(bodies, ends)]
        for start in range(0, len(wire), piece):
            peer.sock.sendall(b"".join(wire[start:start + piece]))
        taker.join()
        parts = [part for message in received for part in message]
        wrong = [n for n, (part, content) in enumerate(zip(parts, bodies)) if part != content]
        assert parts == bodies, f"{len(received)} messages, {len(parts)} of {len(bodies)} frames, wrong from {wrong[:3]}"
        print(f"the library took {len(bodies)} frames in {len(received)} messages, {name}")

    def give():
        for message in received:
            own.send(*message)

    giver = threading.Thread(target=give)
    giver.start()
    for content, end in zip(bodies, ends):
        assert peer.unwrapped() == (0 if end else MORE, content)
    giver.join()
    print(f"libsodium took {len(bodies)} frames, each as it would have made it")


def connect(context, role):
    """A socket of the library, its monitor, and the other end of its connection after the handshake."""
    own = context.socket(library.PAIR)
    monitor = library.Monitor(context, own)
    own.set(library.RCVTIMEO, 60000)
    own.set(library.SNDTIMEO, 60000)
    if role == "client":
        own.set(CURVE_SERVER, 1)
        own.set(CURVE_SECRETKEY, SERVER)
        peer = be_client(own.bind())
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            own.set(CURVE_SERVERKEY, sodium.public(SERVER))
            own.set(CURVE_PUBLICKEY, sodium.public(CLIENT))
            own.set(CURVE_SECRETKEY, CLIENT)
            own.connect(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
            peer = be_server(listener)
    return own, monitor, peer


def changed(wire):
    return wire[:-1] + bytes([wire[-1] ^ 1])


FORGERIES = {
    "one with a wrong tag": lambda peer: changed(peer.wrapped(b"forged", False)),
    "one with a wrong tag, and more": lambda peer: changed(peer.wrapped(b"forged", False)) + peer.wrapped(b"late", False),
    "a long one with a wrong tag": lambda peer: changed(peer.wrapped(b"forged" * 10000, False)),
    "one again": lambda peer: 2 * peer.wrapped(b"twice", False),
    "a plain one": lambda peer: frame(0, b"\x05plain"),
    "a plain one without structure": lambda peer: frame(0, b"plain"),
    "one without a box": lambda peer: frame(0, b"\x07MESSAGE" + bytes(8)),
}


def forge(context, role, name, before):
    own, monitor, peer = connect(context, role)
    # In one write, whatever its batches are.
    peer.sock.sendall(b"".join(peer.wrapped(b"%d" % number, False) for number in range(before)) + FORGERIES[name](peer))
    delivered = 0
    while isinstance(own.receive_or_errno(100), list):
        delivered += 1
    print(f"{name} behind {before}: {delivered} delivered")
    # libzmq may forget to end the connection, over telling its monitor.
    print("   ", *(event for event in monitor.events() if "FAILED" in event))
    peer.sock.close()
    own.close()
    monitor.close()


def main(role):
    context = library.Context()
    own, monitor, peer = connect(context, role)
    print(f"shaken hands, libsodium as the {role}")
    converse(peer, own)
    peer.sock.close()
    own.close()
    monitor.close()
    for name in FORGERIES:
        for before in (0, 9):
            forge(context, role, name, before)
    context.end()


if __name__ == "__main__":
    main(sys.argv[1])
