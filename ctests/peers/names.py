"""Names with several addresses, with changing ones and with a name server that does not answer; started by ctests/peers/run.

The process gets an /etc/hosts of its own. libzmq tries the first address only and looks names up on the I/O thread, so
most of this is in deliberate.tsv.
"""

import ctypes
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

FOLDER = Path.cwd()


def private_files():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x20000) != 0:  # CLONE_NEWNS
        raise OSError(ctypes.get_errno(), "unshare")
    # In a chroot / is no mount; there the mounts are as private as those of whoever made it.
    subprocess.run(["mount", "--make-rprivate", "/"], stderr=subprocess.DEVNULL)
    for name, text in (("hosts", ""), ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n"),
                       ("nsswitch.conf", "hosts: files dns\n")):
        (FOLDER / name).write_text(text)
        subprocess.run(["mount", "--bind", FOLDER / name, f"/etc/{name}"], check=True)


def hosts(*lines):
    """In place: it is a mount."""
    (FOLDER / "hosts").write_text("".join(line + "\n" for line in lines))


private_files()
from library import PULL, PUSH, Context  # noqa: E402

IPV6 = 42


def deaf_name_server():
    """Takes questions and keeps them."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    return server


def reach(context, name, where, ipv6):
    pull, push = context.socket(PULL), context.socket(PUSH)
    for each in (pull, push):
        each.set(IPV6, ipv6)
    port = pull.bind(f"tcp://{where}:*")
    push.connect(f"tcp://{name}:{port}")
    push.send(b"hello")
    print(pull.receive_or_errno(700))
    push.close()
    pull.close()


def addresses(context):
    hosts("127.0.0.1 one.test", "127.0.0.5 two.test", "127.0.0.1 two.test", "::1 six.test", "127.0.0.1 six.test",
          "127.0.0.7 many.test", "127.0.0.6 many.test", "127.0.0.8 many.test", "127.0.0.1 many.test")
    print("-- the only address")
    reach(context, "one.test", "127.0.0.1", 0)
    print("-- either of two addresses")
    reach(context, "two.test", "127.0.0.5", 0)
    reach(context, "two.test", "127.0.0.1", 0)
    print("-- the last of four addresses")
    reach(context, "many.test", "127.0.0.1", 0)
    print("-- IPv6 or IPv4")
    reach(context, "six.test", "[::1]", 1)
    reach(context, "six.test", "127.0.0.1", 1)
    print("-- only the IPv4 address without ZMQ_IPV6")
    reach(context, "six.test", "127.0.0.1", 0)


def changes(context):
    print("-- a name that moves")
    hosts("127.0.0.9 moving.test")
    pull, push = context.socket(PULL), context.socket(PUSH)
    port = pull.bind("tcp://127.0.0.1:*")
    push.connect(f"tcp://moving.test:{port}")
    push.send(b"hello")
    print(pull.receive_or_errno(300))
    hosts("127.0.0.1 moving.test")
    print(pull.receive_or_errno(1000))
    push.close()
    print("-- a name that comes to be")
    push = context.socket(PUSH)
    push.connect(f"tcp://later.test:{port}")
    push.send(b"hello")
    print(pull.receive_or_errno(300))
    hosts("127.0.0.1 later.test")
    print(pull.receive_or_errno(1000))
    push.close()
    pull.close()


def slow(context):
    """While a name is looked up, everything else goes on; two name servers' timeouts are 2 s."""
    server = deaf_name_server()
    hosts("127.0.0.1 known.test")
    pull, push, lost = context.socket(PULL), context.socket(PUSH), context.socket(PUSH)
    port = pull.bind("tcp://127.0.0.1:*")
    started = time.monotonic()
    lost.connect(f"tcp://unknown.test:{port}")
    print("-- connecting to a name that nobody knows takes no time:", time.monotonic() - started < 0.2)
    time.sleep(0.1)
    push.connect(f"tcp://known.test:{port}")
    push.send(b"hello")
    print("-- others connect meanwhile")
    print(pull.receive_or_errno(700))
    for each in (pull, push, lost):
        each.close()
    started = time.monotonic()
    ended = threading.Thread(target=context.end)
    ended.start()
    ended.join(0.7)
    print("-- and the context ends while it is looked up")
    print("ended:", not ended.is_alive())
    server.close()
    ended.join(20)


def main():
    context = Context()
    addresses(context)
    changes(context)
    slow(context)


if __name__ == "__main__":
    main()
    os._exit(0)
