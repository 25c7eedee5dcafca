"""Messages of 16 bytes from one process to another in Python: `rate.py push COUNT` or `rate.py ask COUNT`.

Prints how many a second and microseconds of processor time of both processes for each. Started by benches/clients/run.
"""

import os
import sys
import time

import zmq

kind, count = sys.argv[1], int(sys.argv[2])
BODY = b"x" * 16
server_type, client_type = {"push": (zmq.PULL, zmq.PUSH), "ask": (zmq.REP, zmq.REQ)}[kind]
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    socket = zmq.Context().socket(client_type)
    socket.connect(os.read(reader, 256).decode())
    if kind == "push":
        for _ in range(count + 1):
            socket.send(BODY)
    else:
        for _ in range(count + 1):
            socket.send(BODY)
            socket.recv()
    socket.context.destroy(linger=-1)
    os._exit(0)
socket = zmq.Context().socket(server_type)
socket.bind("tcp://127.0.0.1:*")
os.write(writer, socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0"))
assert socket.recv() == BODY
started = time.monotonic()
if kind == "push":
    for _ in range(count):
        socket.recv()
else:
    for _ in range(count):
        socket.send(BODY)
        socket.recv()
    socket.send(BODY)
rate = count / (time.monotonic() - started)
assert os.waitpid(child, 0)[1] == 0
print(rate, sum(os.times()[:4]) / count * 1e6)
