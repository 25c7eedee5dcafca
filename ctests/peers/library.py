"""The few calls of a libzmq that scripted peers need, by ctypes; imported by talks.py and garbage.py.

Which libzmq.so.5 that is, LD_LIBRARY_PATH says: the runner starts one process for each library.
"""

import ctypes
import errno
import struct
import threading
import time

import calm

PAIR, PUB, SUB, REQ, REP, DEALER, ROUTER, PULL, PUSH, XPUB, XSUB, STREAM = range(12)
NAMES = "PAIR PUB SUB REQ REP DEALER ROUTER PULL PUSH XPUB XSUB STREAM".split()
DONTWAIT, SNDMORE = 1, 2
ROUTING_ID, SUBSCRIBE, RCVMORE, LINGER, RCVTIMEO, SNDTIMEO, LAST_ENDPOINT = 5, 6, 13, 17, 27, 28, 32
EVENTS_NOW, MAXMSGSIZE, RECONNECT_IVL, HANDSHAKE_IVL = 15, 22, 18, 66
EVENT_ALL = 0xffff
EVENTS = {
    0x1: "CONNECTED", 0x2: "CONNECT_DELAYED", 0x4: "CONNECT_RETRIED", 0x8: "LISTENING", 0x10: "BIND_FAILED",
    0x20: "ACCEPTED", 0x40: "ACCEPT_FAILED", 0x80: "CLOSED", 0x100: "CLOSE_FAILED", 0x200: "DISCONNECTED",
    0x400: "MONITOR_STOPPED", 0x800: "HANDSHAKE_FAILED_NO_DETAIL", 0x1000: "HANDSHAKE_SUCCEEDED",
    0x2000: "HANDSHAKE_FAILED_PROTOCOL", 0x4000: "HANDSHAKE_FAILED_AUTH",
}

zmq = ctypes.CDLL("libzmq.so.5")
for name in ("zmq_ctx_new", "zmq_socket"):
    getattr(zmq, name).restype = ctypes.c_void_p
for name, types in {
    "zmq_socket": [ctypes.c_void_p, ctypes.c_int],
    "zmq_ctx_term": [ctypes.c_void_p],
    "zmq_close": [ctypes.c_void_p],
    "zmq_bind": [ctypes.c_void_p, ctypes.c_char_p],
    "zmq_connect": [ctypes.c_void_p, ctypes.c_char_p],
    "zmq_send": [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int],
    "zmq_recv": [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int],
    "zmq_setsockopt": [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t],
    "zmq_getsockopt": [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)],
    "zmq_socket_monitor": [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int],
}.items():
    getattr(zmq, name).argtypes = types


class Failed(Exception):
    """A call returned -1."""

    def __init__(self, call):
        self.errno = zmq.zmq_errno()
        super().__init__(f"{call}: errno {self.errno}")


def check(result, call):
    if result == -1:
        raise Failed(call)
    return result


class Context:
    def __init__(self):
        self.handle = zmq.zmq_ctx_new()

    def socket(self, kind):
        return Socket(self, kind)

    def end(self):
        check(zmq.zmq_ctx_term(self.handle), "zmq_ctx_term")


class Received(threading.local):
    """Each thread's room for a frame. One for each call would be what tests see that look at the process's memory."""

    def __init__(self):
        self.buffer = ctypes.create_string_buffer(1 << 21)


received = Received()


class Socket:
    """Waits for at most two seconds in each call."""

    def __init__(self, context, kind):
        self.kind = kind
        self.handle = zmq.zmq_socket(context.handle, kind)
        self.set(LINGER, 0)
        self.set(RCVTIMEO, 2000)
        self.set(SNDTIMEO, 2000)
        self.set(RECONNECT_IVL, 20)

    def set(self, option, value):
        if option == MAXMSGSIZE:
            value = struct.pack("=q", value)
        elif isinstance(value, int):
            value = struct.pack("=i", value)
        check(zmq.zmq_setsockopt(self.handle, option, value, len(value)), "zmq_setsockopt")

    def get(self, option, size=256):
        buffer, length = ctypes.create_string_buffer(size), ctypes.c_size_t(size)
        check(zmq.zmq_getsockopt(self.handle, option, buffer, ctypes.byref(length)), "zmq_getsockopt")
        return buffer.raw[:length.value]

    def bind(self, endpoint="tcp://127.0.0.1:*"):
        """Gives the port."""
        check(zmq.zmq_bind(self.handle, endpoint.encode()), "zmq_bind")
        return int(self.get(LAST_ENDPOINT).rstrip(b"\0").rsplit(b":", 1)[1])

    def connect(self, endpoint):
        check(zmq.zmq_connect(self.handle, endpoint.encode()), "zmq_connect")

    def send(self, *frames):
        for index, frame in enumerate(frames):
            flags = SNDMORE if index + 1 < len(frames) else 0
            check(zmq.zmq_send(self.handle, frame, len(frame), flags), "zmq_send")

    def receive(self):
        """The frames of a message."""
        frames, more = [], True
        while more:
            size = check(zmq.zmq_recv(self.handle, received.buffer, len(received.buffer), 0), "zmq_recv")
            frames.append(ctypes.string_at(received.buffer, size))
            more = struct.unpack("=i", self.get(RCVMORE, 4))[0] == 1
        return frames

    def receive_or_errno(self, patience=300):
        def attempt():
            try:
                return self.receive()
            except Failed as failed:
                return f"errno {failed.errno}"

        self.set(RCVTIMEO, patience)
        result = calm.patiently(attempt, f"errno {errno.EAGAIN}")
        self.set(RCVTIMEO, 2000)
        return result

    def rest_using(self, milliseconds):
        """Rests, and meanwhile lets the socket take note of what has happened: libzmq's do that only while used."""
        for _ in range(0, milliseconds, 20):
            time.sleep(0.02)
            self.get(EVENTS_NOW)

    def close(self):
        check(zmq.zmq_close(self.handle), "zmq_close")


class Monitor:
    """The events of a socket; values that are descriptors or differ from run to run are left out."""

    serial = 0

    def __init__(self, context, socket):
        Monitor.serial += 1
        name = f"inproc://monitor-{Monitor.serial}".encode()
        check(zmq.zmq_socket_monitor(socket.handle, name, EVENT_ALL), "zmq_socket_monitor")
        self.pair = context.socket(PAIR)
        self.pair.connect(name.decode())

    def events(self, patience=200):
        """What came until it was quiet for a while."""
        found = []
        while True:
            frames = self.pair.receive_or_errno(patience)
            if isinstance(frames, str):
                return found
            event, value = struct.unpack("=HI", frames[0])
            text = EVENTS.get(event, hex(event))
            if text.startswith("HANDSHAKE"):
                text += f" {value:#x}"
            if text not in ("CONNECT_RETRIED", "CONNECT_DELAYED"):
                found.append(text)
            if text == "MONITOR_STOPPED":
                return found

    def close(self):
        """Once the socket is closed: libzmq waits, for ever, for somebody who takes its events."""
        while "MONITOR_STOPPED" not in (events := self.events(1000)) and events:
            pass
        self.pair.close()
