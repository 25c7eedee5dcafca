"""Publish and subscribe: `pubsub.py server ENDPOINT` publishes on three topics, `client` subscribes to two of them.

The publisher says hello until the subscriber has reported, on a second endpoint, that it hears it; then come 3,000
messages, of which the subscriber must get its 2,000 in order and nothing else. Started by run.
"""

import sys

import zmq
from common import check, finish

TOPICS = [b"weather", b"sport", b"news"]


def server(context, endpoint):
    pub, ready = context.socket(zmq.PUB), context.socket(zmq.PULL)
    pub.setsockopt(zmq.SNDHWM, 0)
    pub.bind(endpoint)
    endpoint = pub.getsockopt_string(zmq.LAST_ENDPOINT)
    ready.bind(endpoint + "-ready" if endpoint.startswith("ipc") else "tcp://127.0.0.1:*")
    print("endpoint", endpoint + "," + ready.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
    while not ready.poll(10):
        pub.send_multipart([b"hello", b""])
    ready.recv()
    for number in range(1000):
        for topic in TOPICS:
            pub.send_multipart([topic, b"%d" % number, b"x" * (number * 17 % 4000)])
    pub.send_multipart([b"hello", b"end"])
    check(ready.recv() == b"done", "the subscriber's last word")
    finish("published 3000")
    pub.close()
    ready.close()


def client(context, endpoint):
    publisher, reports = endpoint.split(",")
    sub, ready = context.socket(zmq.SUB), context.socket(zmq.PUSH)
    sub.setsockopt(zmq.RCVHWM, 0)
    for topic in (b"hello", b"weather", b"new"):
        sub.setsockopt(zmq.SUBSCRIBE, topic)
    sub.connect(publisher)
    ready.connect(reports)
    check(sub.recv_multipart() == [b"hello", b""], "the greeting")
    ready.send(b"ready")
    got = []
    while True:
        parts = sub.recv_multipart()
        if parts == [b"hello", b"end"]:
            break
        if parts[0] != b"hello":
            check(parts[2] == b"x" * (int(parts[1]) * 17 % 4000), f"the body of {parts[:2]}")
            got.append((parts[0], int(parts[1])))
    check(got == [(topic, number) for number in range(1000) for topic in (b"weather", b"news")], "what came, or its order")
    ready.send(b"done")
    finish(f"{len(got)} messages")
    ready.close()
    sub.close()


role, endpoint = sys.argv[1:]
context = zmq.Context()
{"server": server, "client": client}[role](context, endpoint)
context.term()
