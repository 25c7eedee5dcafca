"""The web server Mongrel2 in front of a handler: one HTTP request from end to end.

Mongrel2 PUSHes each request to the handlers of its route, with its own id, the connection's number, the path, and headers
and body as netstrings. Handlers PUBlish answers, in front of which stands for which server and which connections they
are. Handlers may come and go; here one handles two requests at the same time over one pair of sockets.
"""

import json
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import zmq
from story import expect, say

SERVER = "5d4f1e7c-0c9b-4f0e-9a57-scenario"
HANDLER = "a3b1c1de-6a06-4a6f-8d1c-scenario"
REQUESTS, ANSWERS = "tcp://127.0.0.1:5771", "tcp://127.0.0.1:5772"
PORT = 5773

CONFIGURATION = f"""
answers = Handler(send_spec='{REQUESTS}', send_ident='{HANDLER}', recv_spec='{ANSWERS}', recv_ident='')
main = Server(uuid='{SERVER}', access_log='/logs/access.log', error_log='/logs/error.log', chroot='./',
    pid_file='/run/mongrel2.pid', default_host='localhost', name='main', bind_addr='127.0.0.1', port={PORT},
    hosts=[Host(name='localhost', routes={{'/ask': answers}})])
settings = {{'zeromq.threads': 1, 'server.daemonize': 0}}
servers = [main]
"""


def netstring(data):
    """The first netstring of `data`, and what comes after it."""
    size, rest = data.split(b":", 1)
    return rest[: int(size)], rest[int(size) + 1 :]


def answer(message):
    """Reads a request of Mongrel2, makes the answer that it wants published."""
    server, connection, path, rest = message.split(b" ", 3)
    headers, rest = netstring(rest)
    body, _ = netstring(rest)
    headers = json.loads(headers)
    words = f"{headers['METHOD']} {path.decode()} with {body.decode()!r}".encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(words)}\r\n\r\n".encode()
    return b"%s %d:%s, %s%s" % (server, len(connection), connection, head, words)


def ask(text):
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/ask", data=text.encode(), headers={"Host": "localhost"})
    for _ in range(100):
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.read().decode()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)  # Mongrel2 is not there yet
    raise SystemExit("Mongrel2 does not answer")


def main():
    with tempfile.TemporaryDirectory() as folder:
        for name in ["logs", "run", "tmp"]:
            (Path(folder) / name).mkdir()
        (Path(folder) / "mongrel2.conf").write_text(CONFIGURATION)
        subprocess.run(["m2sh", "load", "-config", "mongrel2.conf"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        log = open(Path(folder) / "output", "w")
        server = subprocess.Popen(["mongrel2", "config.sqlite", SERVER], cwd=folder, stdout=log, stderr=log)
        try:
            with zmq.Context() as context, context.socket(zmq.PULL) as requests, context.socket(zmq.PUB) as answers:
                requests.connect(REQUESTS)
                answers.connect(ANSWERS)
                with ThreadPoolExecutor() as clients:
                    waiting = [clients.submit(ask, text) for text in ["hello", "and hello again"]]
                    while not all(one.done() for one in waiting):
                        if requests.poll(100):
                            message = requests.recv()
                            if b'"METHOD":"JSON"' not in message:
                                answers.send(answer(message))
                    found = [one.result() for one in waiting]
            expect(found == ["POST /ask with 'hello'", "POST /ask with 'and hello again'"], f"the answers: {found}")
            for text in found:
                say(f"HTTP answer: {text}")
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            log.close()


if __name__ == "__main__":
    main()
