"""pyzmq in asyncio: a server of many requests at a time, and clients that do something else while they wait."""

import asyncio

import zmq
import zmq.asyncio
from story import expect, finish, say, start

ENDPOINT = "tcp://127.0.0.1:5753"
CLIENTS = 20
REQUESTS = 25


async def serve():
    with zmq.asyncio.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.bind(ENDPOINT)
        working = set()

        async def work(client, number):
            await asyncio.sleep(0.01 * (int(number) % 3))  # answers overtake each other
            await socket.send_multipart([client, number])

        while True:
            client, number = await socket.recv_multipart()
            if number == b"stop":
                break
            task = asyncio.create_task(work(client, number))
            working.add(task)
            task.add_done_callback(working.discard)
        await asyncio.gather(*working)


def server():
    asyncio.run(serve())


async def ask(context):
    with context.socket(zmq.DEALER) as socket:
        socket.connect(ENDPOINT)
        for number in range(REQUESTS):
            await socket.send(str(number).encode())
        answers = [int(await socket.recv()) for _ in range(REQUESTS)]
        expect(sorted(answers) == list(range(REQUESTS)), "each request was answered once")
        return answers != sorted(answers)


async def talk():
    with zmq.asyncio.Context() as context:
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        ticking = asyncio.create_task(tick())
        overtaken = await asyncio.wait_for(asyncio.gather(*(ask(context) for _ in range(CLIENTS))), 20)
        ticking.cancel()
        say(f"{CLIENTS} clients in one thread, {REQUESTS} requests each, out of order for {sum(overtaken)}; {ticks} ticks meanwhile")
        expect(any(overtaken) and ticks > 1, "nobody waited for anybody")
        with context.socket(zmq.DEALER) as socket:
            socket.connect(ENDPOINT)
            socket.linger = 5000
            await socket.send(b"stop")


def main():
    other = start(server)
    asyncio.run(talk())
    finish(other)


if __name__ == "__main__":
    main()
