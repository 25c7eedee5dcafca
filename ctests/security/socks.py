"""Connections through a SOCKS5 proxy, RFC 1928 and 1929; started by ctests/security/run. LD_LIBRARY_PATH names the library.

    socks.py microsocks     the proxy of that name: without and with user and password, and names left to it
    socks.py script         one that answers wrongly: the connection fails, is tried again, and the library lives
"""

import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "peers"))
import library  # noqa: E402

PROXY, USERNAME, PASSWORD = 68, 99, 100


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def asks(context, port, proxy, user=None, host="127.0.0.1", patience=10000):
    """Whether a REQ gets through the proxy to the REP at `port`."""
    own = context.socket(library.REQ)
    own.set(PROXY, proxy.encode())
    if user:
        own.set(USERNAME, user[0])
        own.set(PASSWORD, user[1])
    own.connect(f"tcp://{host}:{port}")
    own.send(b"question")
    answer = own.receive_or_errno(patience)
    own.close()
    return answer == [b"question"]


def echo(context):
    own = context.socket(library.REP)
    own.set(library.RCVTIMEO, -1)
    port = own.bind()

    def run():
        while (frames := own.receive()) != [b"end"]:
            own.send(*frames)
        own.send(b"end")
        own.close()

    thread = threading.Thread(target=run)
    thread.start()
    return port, thread


def microsocks():
    program = shutil.which("microsocks")
    if not program:
        sys.exit("microsocks is not installed")
    context = library.Context()
    port, thread = echo(context)
    for arguments, user, wanted in (([], None, True), (["-u", "tom", "-P", "secret"], (b"tom", b"secret"), True),
                                    (["-u", "tom", "-P", "secret"], (b"tom", b"wrong"), False),
                                    (["-u", "tom", "-P", "secret"], None, False)):
        at = free_port()
        proxy = subprocess.Popen([program, "-i", "127.0.0.1", "-p", str(at), *arguments], stderr=subprocess.DEVNULL)
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", at)) == 0:
                        break
                time.sleep(0.02)
            for host in ("127.0.0.1", "localhost"):
                through = asks(context, port, f"127.0.0.1:{at}", user, host, 10000 if wanted else 500)
                print(f"{' '.join(arguments) or 'open'}, {user}, {host}: {'through' if through else 'not through'}")
                assert through == wanted
        finally:
            proxy.terminate()
            proxy.wait()
    own = context.socket(library.REQ)
    own.connect(f"tcp://127.0.0.1:{port}")
    own.send(b"end")
    assert own.receive() == [b"end"]
    own.close()
    thread.join()
    context.end()


# What a proxy says to the greeting, to user and password, and to the request; None: that is as it should be.
BAD = {
    "another version": [b"\4\0"],
    "no method": [b"\5\xff"],
    "a method that was not offered": [b"\5\2"],
    "half an answer": [b"\5"],
    "nothing": [b""],
    "another version of the reply": [None, b"\4\0\0\1\0\0\0\0\0\0"],
    "general failure": [None, b"\5\1\0\1\0\0\0\0\0\0"],
    "not allowed": [None, b"\5\2\0\1\0\0\0\0\0\0"],
    "refused": [None, b"\5\5\0\1\0\0\0\0\0\0"],
    "an unknown code": [None, b"\5\x63\0\1\0\0\0\0\0\0"],
    "a reserved byte": [None, b"\5\0\7\1\0\0\0\0\0\0"],
    "an unknown kind of address": [None, b"\5\0\0\x09\0\0\0\0\0\0"],
    "an empty name": [None, b"\5\0\0\3\0"],
    "half a reply": [None, b"\5\0\0\1\0\0"],
    "garbage": [b"HTTP/1.0 400 Bad Request\r\n\r\n"],
}


def script():
    context = library.Context()
    for name, answers in BAD.items():
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(20)
        own = context.socket(library.DEALER)
        own.set(PROXY, f"127.0.0.1:{listener.getsockname()[1]}".encode())
        # The name is not one that a resolver knows: it is the proxy's to look up.
        own.connect("tcp://name.of.the.proxy:5555")
        requests = []
        for _ in range(2):
            peer = listener.accept()[0]
            peer.settimeout(20)
            assert peer.recv(3) == b"\5\1\0"
            peer.sendall(answers[0] if answers[0] is not None else b"\5\0")
            if answers[0] is None:
                request = peer.recv(300)
                assert request == b"\5\1\0\3\x11name.of.the.proxy" + struct.pack(">H", 5555), request
                requests.append(request)
                peer.sendall(answers[1])
            if "half" in name or name in ("nothing", "an empty name"):
                peer.close()
                continue
            try:
                rest = peer.recv(1)
            except ConnectionResetError:
                rest = b""
            assert rest == b"", f"{name}: the library goes on with {rest!r}"
            peer.close()
        print(f"{name}: tried again")
        own.close()
        listener.close()
    context.end()


if __name__ == "__main__":
    {"microsocks": microsocks, "script": script}[sys.argv[1]]()
