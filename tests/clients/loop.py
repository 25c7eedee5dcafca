"""An asyncio loop, which lives on ZMQ_FD and ZMQ_EVENTS: `loop.py server ENDPOINT` is a ROUTER, `client` 20 DEALERs.

Every dealer keeps ten requests under way; each answer must be that to its request and in order. Started by run.
"""

import asyncio
import sys

import zmq
import zmq.asyncio
from common import check, finish

DEALERS, REQUESTS, WINDOW = 20, 100, 10


async def server(context, endpoint):
    router = context.socket(zmq.ROUTER)
    router.bind(endpoint)
    print("endpoint", router.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
    for _ in range(DEALERS * REQUESTS):
        peer, number, body = await router.recv_multipart()
        await router.send_multipart([peer, number, body[::-1]])
    finish("answered all")
    router.close(linger=2000)


async def dealer(context, endpoint, index):
    socket = context.socket(zmq.DEALER)
    socket.connect(endpoint)
    sent = 0
    for number in range(REQUESTS):
        while sent < min(number + WINDOW, REQUESTS):
            await socket.send_multipart([b"%d" % sent, b"%d of %d" % (sent, index)])
            sent += 1
        answer, body = await asyncio.wait_for(socket.recv_multipart(), 20)
        check(int(answer) == number and body[::-1] == b"%d of %d" % (number, index), f"answer {number} to dealer {index}")
        if number % 25 == 0:
            await asyncio.sleep(0.001)
    socket.close()


async def client(context, endpoint):
    await asyncio.gather(*(dealer(context, endpoint, index) for index in range(DEALERS)))
    finish(f"{DEALERS * REQUESTS} answers")


role, endpoint = sys.argv[1:]
context = zmq.asyncio.Context()
asyncio.run({"server": server, "client": client}[role](context, endpoint))
context.term()
