"""Ten thousand strangers at a server who say no more than a greeting; started by ctests/security/run.

    strangers.py NULL|PLAIN|CURVE|GSSAPI

One in four says nothing at all, and one in four half a greeting. Each costs less than 4 KiB, although it announces a command of 120,000 bytes; a client who knows the key is served as if
they were not there; and all of them are hung up on when ZMQ_HANDSHAKE_IVL is over. LD_LIBRARY_PATH names the library.
"""

import os
import resource
import select
import socket
import struct
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peers"))
import library  # noqa: E402
import pairs  # noqa: E402

CROWD = 10_000
PATIENCE = 20
MOST = 4096
BACKLOG = 19


def raise_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        hard = max(hard, CROWD + 1000)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except ValueError:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(CROWD, hard - 500)


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def crowd(port, count, mechanism, told):
    """The strangers, in a process of their own: tells when all are known, and when all were hung up on."""
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x01" + mechanism.ljust(20, b"\0") + bytes(32)
    poll, sockets = select.poll(), {}
    # What each says, and how much it hears then. libzmq and this library say their signature at once.
    begun = greeting + b"\x06" + struct.pack(">Q", 120_000) + b"\x05HELLO"
    kinds = [(b"", 10), (greeting[:11], 64), (begun, 64), (begun, 64)]
    for number in range(count):
        sock = socket.create_connection(("127.0.0.1", port), 60)
        sock.sendall(kinds[number % 4][0])
        sockets[sock.fileno()] = sock
    for number, sock in enumerate(sockets.values()):
        got = 0
        while got < kinds[number % 4][1]:
            got += len(sock.recv(64))
    os.write(told, b"k")
    for sock in sockets.values():
        poll.register(sock, select.POLLIN)
    end = time.monotonic() + PATIENCE + 60
    while sockets and time.monotonic() < end:
        for descriptor, _ in poll.poll(1000):
            try:
                if sockets[descriptor].recv(65536):
                    continue
            except ConnectionResetError:
                pass
            poll.unregister(descriptor)
            sockets.pop(descriptor).close()
    os.write(told, b"h" if not sockets else b"!")
    os._exit(0)


def let_everybody_in(context):
    """A ZAP handler, without which PLAIN lets nobody in."""
    handler = context.socket(library.REP)
    handler.set(library.RCVTIMEO, -1)
    library.check(library.zmq.zmq_bind(handler.handle, b"inproc://zeromq.zap.01"), "zmq_bind")

    def answer():
        try:
            while True:
                handler.send(b"1.0", handler.receive()[1], b"200", b"", b"", b"")
        except library.Failed:
            handler.close()

    threading.Thread(target=answer, daemon=True).start()


def main(mechanism):
    if mechanism == "GSSAPI" and not os.environ.get("KRB5_KTNAME"):
        os.execv(HERE.parent / "gssapi/realm", ["realm", sys.executable, __file__, mechanism])
    count = raise_limit()
    context = library.Context()
    let_everybody_in(context)
    own = context.socket(library.ROUTER)
    own.set(BACKLOG, 4096)
    own.set(library.HANDSHAKE_IVL, PATIENCE * 1000)
    pairs.configure(own, mechanism, True)
    port = own.bind()

    def visit():
        """How long a client with the key takes to be served."""
        begun = time.monotonic()
        client = context.socket(library.DEALER)
        pairs.configure(client, mechanism, False)
        client.set(library.RCVTIMEO, 30000)
        own.set(library.RCVTIMEO, 30000)
        client.connect(f"tcp://127.0.0.1:{port}")
        client.send(b"hello")
        own.send(*own.receive())
        assert client.receive() == [b"hello"]
        client.close()
        return time.monotonic() - begun

    visit()
    told, tell = os.pipe()
    before = resident()
    if os.fork() == 0:
        crowd(port, count, mechanism.encode(), tell)
    assert os.read(told, 1) == b"k"
    cost = (resident() - before) / count
    seconds = visit()
    print(f"{count} strangers: {cost:.0f} bytes each; a client is served in {seconds * 1000:.0f} ms")
    assert cost < MOST, f"a stranger costs {cost:.0f} bytes"
    assert os.read(told, 1) == b"h", "some were not hung up on"
    print("all were hung up on")
    visit()
    os.wait()
    own.close()
    context.end()


if __name__ == "__main__":
    main(sys.argv[1])
