"""Request and reply: `reqrep.py server ENDPOINT` echoes until it is told to stop, `client` sends 1,000 requests.

The requests have one to five parts of up to 64 KiB; the answer is the same parts behind one that names the server's
language. Every language of this folder has such a pair and all of them understand each other. Started by run.
"""

import sys

import zmq
from common import check, finish


def server(context, endpoint):
    socket = context.socket(zmq.REP)
    socket.bind(endpoint)
    print("endpoint", socket.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
    count = 0
    while True:
        parts = socket.recv_multipart()
        socket.send_multipart([b"python", *parts])
        if parts == [b"stop"]:
            break
        count += 1
    finish(f"served {count}")
    socket.close()


def client(context, endpoint):
    socket = context.socket(zmq.REQ)
    socket.connect(endpoint)
    total = 0
    for number in range(1000):
        parts = []
        for part in range(number % 5 + 1):
            size = (number * 7919 + part * 104729) % 65537 if number % 3 else (number + part) % 300
            parts.append(bytes([(number + part) % 256]) * size)
        socket.send_multipart(parts)
        answer = socket.recv_multipart()
        check(answer[1:] == parts, f"the answer to request {number}")
        total += sum(map(len, parts))
    socket.send(b"stop")
    socket.recv_multipart()
    finish(f"1000 requests, {total} bytes")
    socket.close()


role, endpoint = sys.argv[1:]
context = zmq.Context()
{"server": server, "client": client}[role](context, endpoint)
context.term()
