"""pyzmq in gevent (zmq.green): greenlets that look as if they blocked, and do not."""

import gevent
import zmq.green as zmq
from story import expect, say

CLIENTS = 20
REQUESTS = 25


def serve(socket):
    while True:
        client, request = socket.recv_multipart()
        gevent.spawn_later(0.03 * (int(request) % 3), socket.send_multipart, [client, request])


def ask(context, endpoint, finished):
    socket = context.socket(zmq.DEALER)
    socket.connect(endpoint)
    for number in range(REQUESTS):
        socket.send(str(number).encode())
    answers = [int(socket.recv()) for _ in range(REQUESTS)]
    expect(sorted(answers) == list(range(REQUESTS)), "each request was answered once")
    finished.append(answers)
    socket.close()


def main():
    context = zmq.Context()
    service = context.socket(zmq.ROUTER)
    port = service.bind_to_random_port("tcp://127.0.0.1")
    server = gevent.spawn(serve, service)
    ticks = []

    def tick():
        while True:
            gevent.sleep(0.001)
            ticks.append(1)

    ticking = gevent.spawn(tick)
    finished = []
    clients = [gevent.spawn(ask, context, f"tcp://127.0.0.1:{port}", finished) for _ in range(CLIENTS)]
    gevent.joinall(clients, timeout=20, raise_error=True)
    expect(len(finished) == CLIENTS and len(ticks) > 1, f"all done, and nobody waited for anybody: {len(finished)}, {len(ticks)}")
    gevent.killall([server, ticking])
    service.close()
    context.term()
    say(f"{CLIENTS} greenlets, {REQUESTS} requests each; {len(ticks)} ticks meanwhile")


if __name__ == "__main__":
    main()
