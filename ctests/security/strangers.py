"""Ten thousand strangers at a CURVE server who say no more than a greeting; started by ctests/security/run.

    strangers.py NULL|CURVE

Each costs less than 4 KiB, although it announces a command of 120,000 bytes; a client who knows the key is served as if
they were not there; and all of them are hung up on when ZMQ_HANDSHAKE_IVL is over. LD_LIBRARY_PATH names the library.
"""

import os
import resource
import select
import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "peers"))
import library  # noqa: E402

CROWD = 10_000
PATIENCE = 20
MOST = 4096
CURVE_SERVER, CURVE_PUBLICKEY, CURVE_SECRETKEY, CURVE_SERVERKEY, BACKLOG = 47, 48, 49, 50, 19
SERVER = b"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", b"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
CLIENT = b"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", b"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"


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
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", port), 60)
        sock.sendall(greeting + b"\x06" + struct.pack(">Q", 120_000) + b"\x05HELLO")
        sockets[sock.fileno()] = sock
    for sock in sockets.values():
        got = 0
        while got < 64:
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


def main(mechanism):
    count = raise_limit()
    context = library.Context()
    own = context.socket(library.ROUTER)
    own.set(BACKLOG, 4096)
    own.set(library.HANDSHAKE_IVL, PATIENCE * 1000)
    if mechanism == "CURVE":
        own.set(CURVE_SERVER, 1)
        own.set(CURVE_SECRETKEY, SERVER[1])
    port = own.bind()

    def visit():
        """How long a client with the key takes to be served."""
        begun = time.monotonic()
        client = context.socket(library.DEALER)
        if mechanism == "CURVE":
            client.set(CURVE_SERVERKEY, SERVER[0])
            client.set(CURVE_PUBLICKEY, CLIENT[0])
            client.set(CURVE_SECRETKEY, CLIENT[1])
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
