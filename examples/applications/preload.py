"""LD_PRELOAD puts a library under a program that is linked to another one.

The programs here are Debian's Python with Debian's pyzmq, linked to Debian's libzmq5. One of them
answers, one asks, both with the other library preloaded and nothing else changed. (Node's package, which carries a libzmq
inside, is put on this library in the same way: see ../node.)
"""

import os
import subprocess
import sys
from pathlib import Path

ENDPOINT = "tcp://127.0.0.1:5774"
SERVER = f"""
import zmq
context = zmq.Context()
socket = context.socket(zmq.REP)
socket.bind("{ENDPOINT}")
print(socket.recv_string())
socket.send_string(zmq.zmq_version())
socket.close()
context.term()  # or the answer may go with the process
"""
CLIENT = f"""
import re, zmq
socket = zmq.Context().socket(zmq.REQ)
socket.connect("{ENDPOINT}")
socket.send_string("hello from " + zmq.zmq_version())
print(socket.recv_string())
print(*set(re.findall(r"/\\S*/libzmq\\S*", open("/proc/self/maps").read())))
"""


def library():
    """The library that programs started from here would find."""
    for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":"):
        if folder and (Path(folder) / "libzmq.so.5").exists():
            return str(Path(folder) / "libzmq.so.5")
    raise SystemExit("LD_LIBRARY_PATH names no folder with a libzmq.so.5")


def start(text, preload):
    env = dict(os.environ, LD_PRELOAD=preload) if preload else dict(os.environ)
    env.pop("LD_LIBRARY_PATH", None)
    return subprocess.Popen(["/usr/bin/python3", "-c", text], env=env, stdout=subprocess.PIPE, text=True)


def main():
    preloaded = library()
    server, client = start(SERVER, preloaded), start(CLIENT, preloaded)
    try:
        found = client.communicate(timeout=20)[0].splitlines()
        heard = server.communicate(timeout=20)[0].strip()
    finally:
        server.kill()
        client.kill()
    if server.returncode or client.returncode or not heard.startswith("hello from ") or len(found) != 2:
        raise SystemExit(f"not so: they understand each other: {found} {heard}")
    loaded = {os.path.realpath(path) for path in found[1].split()}
    if loaded != {os.path.realpath(preloaded)}:
        raise SystemExit(f"not so: only the preloaded library is there: {loaded}")
    print(f"'{heard}' was answered by {found[0]}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
