"""The loop of gevent, which lives on ZMQ_FD: as loop.py, `green.py server ENDPOINT` is a ROUTER, `client` 20 DEALERs.

Each dealer is a pair of greenlets, one that sends and one that receives. Started by run.
"""

import sys

import gevent
import zmq.green as zmq
from common import check, finish
from gevent.lock import Semaphore

DEALERS, REQUESTS, WINDOW = 20, 100, 10


def server(context, endpoint):
    router = context.socket(zmq.ROUTER)
    router.bind(endpoint)
    print("endpoint", router.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
    for _ in range(DEALERS * REQUESTS):
        peer, number, body = router.recv_multipart()
        router.send_multipart([peer, number, body[::-1]])
    finish("answered all")
    router.close(linger=2000)


def dealer(context, endpoint, index):
    socket = context.socket(zmq.DEALER)
    socket.connect(endpoint)
    window = Semaphore(WINDOW)

    def ask():
        for number in range(REQUESTS):
            window.acquire()
            socket.send_multipart([b"%d" % number, b"%d of %d" % (number, index)])

    asking = gevent.spawn(ask)
    for number in range(REQUESTS):
        with gevent.Timeout(20):
            answer, body = socket.recv_multipart()
        check(int(answer) == number and body[::-1] == b"%d of %d" % (number, index), f"answer {number} to dealer {index}")
        window.release()
        if number % 25 == 0:
            gevent.sleep(0.001)
    asking.get()
    socket.close()


def client(context, endpoint):
    gevent.joinall([gevent.spawn(dealer, context, endpoint, index) for index in range(DEALERS)], raise_error=True)
    finish(f"{DEALERS * REQUESTS} answers")


role, endpoint = sys.argv[1:]
context = zmq.Context()
{"server": server, "client": client}[role](context, endpoint)
context.term()
