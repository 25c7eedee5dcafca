"""A live page of boxes, processes, sockets and their figures, for applications that know nothing of it.

    page.py --port 8000 [--hub tcp://*:5780]              serves http://127.0.0.1:8000/ and takes what other boxes report
    page.py --report tcp://HOST:5780 --box NAME           looks at this box once a second and reports it
Both look at their own box; --witness FOLDER is where programs leave their counts that run with witness.so:
    LD_AUDIT=witness.so OXIZMQ_WITNESS=FOLDER program...
"""

import argparse
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import zmq
from scan import Box

HERE = Path(__file__).resolve().parent
SILENT = 10  # seconds without a word after which a box is left out


class Boxes:
    """The newest state of each box."""

    def __init__(self):
        self.known, self.lock = {}, threading.Lock()

    def take(self, state):
        with self.lock:
            self.known[state["box"]] = (time.monotonic(), state)

    def all(self):
        with self.lock:
            return [state for at, state in self.known.values() if time.monotonic() - at < SILENT]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/state.json":
            self.answer("application/json", json.dumps({"boxes": self.server.boxes.all()}).encode())
        elif self.path == "/":
            self.answer("text/html; charset=utf-8", (HERE / "page.html").read_bytes())
        else:
            self.send_error(404)

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def report(options):
    """Looks at this box and tells the hub, for ever."""
    box = Box(options.box, options.witness)
    with zmq.Context() as context, context.socket(zmq.PUSH) as hub:
        hub.setsockopt(zmq.SNDHWM, 1)  # an old state is worth nothing
        hub.linger = 0
        hub.connect(options.report)
        while True:
            try:
                hub.send_json(box.scan(), zmq.DONTWAIT)
            except zmq.Again:
                pass
            time.sleep(options.every)


def serve(options):
    boxes = Boxes()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.boxes = boxes
    threading.Thread(target=server.serve_forever, daemon=True).start()
    box = Box(options.box, options.witness)
    with zmq.Context() as context, context.socket(zmq.PULL) as reports:
        if options.hub:
            reports.bind(options.hub)
        while True:
            boxes.take(box.scan())
            until = time.monotonic() + options.every
            while (left := until - time.monotonic()) > 0:
                if reports.poll(left * 1000):
                    boxes.take(reports.recv_json())


def main():
    parser = argparse.ArgumentParser(description="a live page of 0MQ applications")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--hub", help="endpoint at which to take reports of other boxes")
    parser.add_argument("--report", help="endpoint of a hub: report to it instead of serving a page")
    parser.add_argument("--box", default=socket.gethostname(), help="what this box is called")
    parser.add_argument("--witness", help="folder of the files of witness.so")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two looks")
    options = parser.parse_args()
    report(options) if options.report else serve(options)


if __name__ == "__main__":
    main()
