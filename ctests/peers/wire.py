"""ZMTP as its older versions spoke it, by hand: 13/ZMTP 1.0, 15/ZMTP 2.0, 23/ZMTP 3.0. Imported by talks.py and garbage.py."""

import socket
import struct
import time

import calm
from library import NAMES

SIGNATURE = b"\xff\0\0\0\0\0\0\0\1\x7f"


class Closed(Exception):
    """The library hung up, or said nothing for two seconds."""


class Wire:
    """A connection of which every byte is told apart. `trickle` sends byte by byte."""

    def __init__(self, sock, trickle=False):
        self.sock = sock
        self.trickle = trickle
        self.buffer = b""
        sock.settimeout(2)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        if not self.trickle or len(data) > 100:
            return self.sock.sendall(data)
        for index in range(len(data)):
            self.sock.sendall(data[index:index + 1])
            time.sleep(0.0005)

    def take(self, size):
        while len(self.buffer) < size:
            try:
                more = self.sock.recv(65536)
            except TimeoutError:
                raise Closed(f"nothing came, after {self.buffer!r}") from None
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed("the end of the stream")
            self.buffer += more
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def fate(self, patience=400):
        """Whether the library hangs up within this time; what it still says is thrown away."""
        return calm.patiently(lambda: self.fate_within(patience), "still open")

    def fate_within(self, patience):
        end = time.monotonic() + patience / 1000
        while (left := end - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                if not self.sock.recv(65536):
                    return "closed"
            except TimeoutError:
                break
            except ConnectionResetError:
                return "closed"
        return "still open"

    def close(self):
        self.sock.close()


def dial(port, trickle=False):
    return Wire(socket.create_connection(("127.0.0.1", port)), trickle)


class Door:
    """Listens for the library to connect."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.sock.settimeout(3)
        self.endpoint = f"tcp://127.0.0.1:{self.sock.getsockname()[1]}"

    def accept(self, trickle=False):
        return Wire(self.sock.accept()[0], trickle)

    def close(self):
        self.sock.close()


class Unversioned:
    """ZMTP 1.0: no greeting, an identity frame first. Length counts the flags."""

    name = "ZMTP 1.0"

    def __init__(self, wire, kind, identity=b""):
        self.wire, self.kind, self.identity = wire, kind, identity

    def greet(self):
        """Gives what the library said of itself."""
        self.wire.send(self.frame(self.identity))
        head = self.wire.take(10)
        size = struct.unpack(">Q", head[1:9])[0]
        return f"greeting {head.hex()} identity {self.wire.take(size - 1)!r}"

    def frame(self, body, more=False):
        size = len(body) + 1
        head = bytes([size]) if size < 255 else b"\xff" + struct.pack(">Q", size)
        return head + bytes([more]) + body

    def send(self, *frames):
        last = len(frames) - 1
        self.wire.send(b"".join(self.frame(body, index < last) for index, body in enumerate(frames)))

    def receive_frame(self):
        size = self.wire.take(1)[0]
        if size == 255:
            size = struct.unpack(">Q", self.wire.take(8))[0]
        flags = self.wire.take(1)[0]
        return flags, self.wire.take(size - 1)

    def receive(self):
        frames, more = [], True
        while more:
            flags, body = self.receive_frame()
            if flags > 1:
                frames.append(f"flags {flags}")
            frames.append(body)
            more = flags & 1
        return frames

    def subscribe(self, topic):
        self.send(b"\1" + topic)


class Versioned1(Unversioned):
    """The framing of 1.0 behind a greeting of revision 0."""

    name = "ZMTP 1.0 with a greeting"

    def greet(self):
        self.wire.send(SIGNATURE + bytes([0, self.kind]))
        self.wire.send(self.frame(self.identity))
        head = self.wire.take(12)
        return f"greeting {head.hex()} identity {self.receive_frame()!r}"


class Version2(Unversioned):
    """ZMTP 2.0: signature, revision 1, socket type; then frames with flags first."""

    name = "ZMTP 2.0"

    def greet(self):
        self.wire.send(SIGNATURE + bytes([1, self.kind]))
        self.wire.send(self.frame(self.identity))
        head = self.wire.take(12)
        return f"greeting {head.hex()} identity {self.receive_frame()!r}"

    def frame(self, body, more=False):
        if len(body) < 256:
            return bytes([more, len(body)]) + body
        return bytes([more | 2]) + struct.pack(">Q", len(body)) + body

    def receive_frame(self):
        flags = self.wire.take(1)[0]
        size = struct.unpack(">Q", self.wire.take(8))[0] if flags & 2 else self.wire.take(1)[0]
        return flags & ~2, self.wire.take(size)


class Version3(Version2):
    """ZMTP 3.0 with the NULL mechanism."""

    name = "ZMTP 3.0"

    def greet(self):
        self.wire.send(SIGNATURE + b"\3\0NULL" + bytes(16) + bytes(32))
        self.wire.send(ready(NAMES[self.kind].encode(), self.identity))
        head = self.wire.take(64)
        return f"greeting {head.rstrip(bytes(1)).hex()} ready {self.receive_frame()!r}"


def ready(kind, identity=None):
    body = b"\5READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
    if identity is not None:
        body += b"\x08Identity" + struct.pack(">I", len(identity)) + identity
    return bytes([4, len(body)]) + body


DIALECTS = [Unversioned, Versioned1, Version2, Version3]
