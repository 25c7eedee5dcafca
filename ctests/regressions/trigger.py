"""What the themes of this folder share: the table of triggers, sockets and plain connections, and a look at the process.

A trigger is a function that fails by an exception, a crash or by never ending. `@row(...)` names the rows of the table in
docs/security.md that it stands for and says what libzmq 4.3.5 does; `ctests/regressions/run` runs each in a process of its own.
"""

import ctypes
import os
import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "peers"))
from library import *  # noqa: E402, F403
from library import Context, Failed, Socket, check, zmq  # noqa: E402
from wire import SIGNATURE, Closed, Door, Wire, dial, ready  # noqa: E402, F401

# Options and types that library.py has no use for.
(HWM_SEND, HWM_RECEIVE, FD, RECONNECT_STOP, HEARTBEAT_IVL, HEARTBEAT_TTL, HEARTBEAT_TIMEOUT, IPV6, METADATA) = (
    23, 24, 14, 109, 75, 76, 77, 42, 95)
(PLAIN_SERVER, PLAIN_USERNAME, PLAIN_PASSWORD, CURVE_SERVER, CURVE_PUBLIC, CURVE_SECRET, CURVE_SERVERKEY, ZAP_DOMAIN) = (
    44, 45, 46, 47, 48, 49, 50, 55)
ROUTER_HANDOVER, XPUB_VERBOSE, RADIO, DISH, DGRAM, PEER, IMMEDIATE = 56, 40, 14, 15, 18, 19, 39
UNSUBSCRIBE, SERVER, CLIENT, SNDBUF = 7, 12, 13, 11

zmq.zmq_disconnect.argtypes = zmq.zmq_unbind.argtypes = [ctypes.c_void_p, ctypes.c_char_p]

V31 = SIGNATURE + b"\3\1NULL" + bytes(48)
ROWS = []


class Row:
    def __init__(self, function, ids, reference, seconds):
        self.name, self.ids, self.reference, self.seconds = function.__name__, ids, reference, seconds
        self.function = function
        self.theme = Path(function.__code__.co_filename).stem


def row(*ids, reference="passes", seconds=30):
    """`reference`: what libzmq 4.3.5 was seen to do: passes, fails, crashes or hangs, or several
    of them (`a|b`), where it depends on the moment; or `not run`. Anything else is a failure of the row."""
    def keep(function):
        ROWS.append(Row(function, ids, reference, seconds))
        return function
    return keep


def main():
    """Started by the runner as `theme.py NAME`."""
    [found] = [entry for entry in ROWS if entry.name == sys.argv[1]]
    found.function()
    print("holds")
    sys.stdout.flush()
    os._exit(0)


def resident():
    """The resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def does_not_grow(work, rounds, most):
    """Runs `work` often; after a warm-up memory may grow by `most` bytes."""
    for _ in range(max(1, rounds // 4)):
        work()
    before = resident()
    for _ in range(rounds):
        work()
    grown = resident() - before
    assert grown < most, f"{grown} bytes more after {rounds} rounds"


def until(condition, seconds=5.0):
    """Waits for something that must come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def endpoint(sock):
    return sock.get(LAST_ENDPOINT).rstrip(b"\0").decode()  # noqa: F405


def works(context, bound=None):
    """The process is alive and messages pass."""
    pull, push = context.socket(PULL), context.socket(PUSH)  # noqa: F405
    push.connect(f"tcp://127.0.0.1:{pull.bind()}")
    push.send(b"alive")
    assert pull.receive() == [b"alive"]
    push.close()
    pull.close()


def shake(port, kind):
    """A peer of ZMTP 3.1 that has shaken hands."""
    wire = dial(port)
    wire.send(V31 + ready(kind.encode()))
    wire.take(64)
    flags, size = wire.take(2)
    wire.take(size)
    return wire


def message(body, more=False):
    if len(body) < 256:
        return bytes([more, len(body)]) + body
    return bytes([more | 2]) + struct.pack(">Q", len(body)) + body


def command(body):
    return bytes([4, len(body)]) + body


def closed(wire, patience=2000):
    return wire.fate(patience) == "closed"


def keypair():
    public, secret = ctypes.create_string_buffer(41), ctypes.create_string_buffer(41)
    check(zmq.zmq_curve_keypair(public, secret), "zmq_curve_keypair")
    return public.value, secret.value


def udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
