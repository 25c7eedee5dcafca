"""pyzmq as most people use it: REQ/REP and PUB/SUB between processes, with a poller, Python objects and big arrays."""

import zmq
from story import expect, finish, say, start

REQUESTS = "tcp://127.0.0.1:5751"
NEWS = "tcp://127.0.0.1:5752"


def server():
    with zmq.Context() as context, context.socket(zmq.REP) as service, context.socket(zmq.PUB) as news:
        service.bind(REQUESTS)
        news.bind(NEWS)
        poller = zmq.Poller()
        poller.register(service, zmq.POLLIN)
        request = None
        while request != "stop":
            if poller.poll(20):
                request = service.recv_pyobj()
                service.send_json({"asked": request})
            news.send_multipart([b"time", b"12:00"])
            news.send_multipart([b"temperature", b"21"])


def main():
    other = start(server)
    with zmq.Context() as context, context.socket(zmq.REQ) as client, context.socket(zmq.SUB) as news:
        client.connect(REQUESTS)
        for request in ["hello", 42, ["a", None, 2.5]]:
            client.send_pyobj(request)
            answer = client.recv_json()
            expect(answer == {"asked": request}, f"the answer to {request}")
            say(f"{request} was answered by {answer}")

        news.subscribe("temp")
        news.connect(NEWS)
        for _ in range(5):
            expect(news.poll(10_000), "news within ten seconds")
            expect(news.recv_multipart() == [b"temperature", b"21"], "only what was subscribed to")
        say("heard the temperature five times")

        # Large messages go out without a copy; the tracker tells when the buffer may be touched again.
        with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
            port = pull.bind_to_random_port("tcp://127.0.0.1")
            push.connect(f"tcp://127.0.0.1:{port}")
            big = bytearray(range(256)) * 40_000
            tracker = push.send(big, copy=False, track=True)
            frame = pull.recv(copy=False)
            expect(frame.buffer == big, "ten megabytes, as they were")
            tracker.wait(10)
            say(f"{len(frame.bytes)} bytes without a copy")

        client.send_pyobj("stop")
        client.recv_json()
    finish(other)


if __name__ == "__main__":
    main()
