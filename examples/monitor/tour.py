"""Starts some applications in two boxes and the page that shows them, and looks at what it shows.

The applications know nothing of it: a publisher and its subscribers in Python, the Ruby server of ../demo and a client of
it. The second box is a network namespace; where that is not permitted there is one box only.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "ctests"))
import harness  # noqa: E402

PORT = 5783
PUBLISHER = """
import time, zmq
socket = zmq.Context().socket(zmq.PUB)
socket.bind("tcp://127.0.0.1:5781")
while True:
    socket.send_multipart([b"news", b"x" * 100])
    time.sleep(0.01)
"""
SUBSCRIBER = """
import zmq
socket = zmq.Context().socket(zmq.SUB)
socket.connect("tcp://127.0.0.1:5781")
socket.subscribe("")
while True:
    socket.recv_multipart()
"""
CLIENT = """
require 'ffi-rzmq'
context = ZMQ::Context.new # kept: ffi-rzmq ends a context that nobody refers to
socket = context.socket(ZMQ::REQ)
socket.connect('tcp://127.0.0.1:5559')
loop { socket.send_string('hello'); socket.recv_string(answer = +''); sleep 0.02 }
"""

# The processes of a box share its network: one shell starts them all, and ends them.
SCRIPT = f"""
run() {{ "$@" & pids="$pids $!"; }}
trap 'kill -KILL $pids; exit' TERM
run env -u LD_AUDIT "$@"
run /usr/bin/python3 "$0/publisher.py"
run /usr/bin/python3 "$0/subscriber.py"
run /usr/bin/python3 "$0/subscriber.py"
run /usr/bin/ruby {HERE.parent}/demo/server.rb
run /usr/bin/ruby "$0/client.rb"
wait
"""


def state():
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/state.json", timeout=5) as response:
        return {box["box"]: box["processes"] for box in json.load(response)["boxes"]}


def sockets(processes, kind):
    return [socket for process in processes for socket in process["sockets"] if socket["type"] == kind]


def as_it_should_be(boxes, names):
    """What is still missing on the page; None when everything is there."""
    if sorted(boxes) != names:
        return f"boxes {names}: {sorted(boxes)}"
    for name in names:
        found = boxes[name]
        publishers, subscribers = sockets(found, "PUB"), sockets(found, "SUB")
        if len(publishers) != 1 or len(subscribers) != 2 or len(sockets(found, "REP")) != 1 or len(sockets(found, "REQ")) != 1:
            return f"a PUB, two SUB, a REQ and a REP in {name}"
        if publishers[0]["endpoints"] != ["bind tcp://127.0.0.1:5781"]:
            return f"where the publisher is: {publishers[0]['endpoints']}"
        for socket in publishers + sockets(found, "REQ"):
            if socket["parts_out_rate"] < 1:
                return f"parts sent by {socket}"
        for socket in subscribers + sockets(found, "REP"):
            if socket["parts_in_rate"] < 1 or socket["bytes_in"] < socket["parts_in"] * 4:
                return f"parts received by {socket}"
        source = next(process for process in found if sockets([process], "PUB"))
        lines = [line for line in source["connections"] if line["kind"] == "connected"]
        if len({line["peer"] for line in lines} & {process["pid"] for process in found}) != 2:
            return f"who the publisher is connected to: {lines}"
        if any(line["bytes_out"] < 1000 or line["bytes_out_rate"] <= 0 for line in lines):
            return f"bytes that the publisher has sent: {lines}"
    return None


def main():
    witness = harness.TARGET / "examples" / "witness.so"
    command = ["gcc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"]
    problem = harness.compile_if_older(witness, [HERE / "witness.c"], [*command, HERE / "witness.c"])
    if problem:
        raise SystemExit(f"witness.c does not compile\n{problem}")
    unshare = ["unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "south"]
    two = subprocess.run([*unshare, "true"], capture_output=True).returncode == 0
    running = []
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/witness")
        watched = dict(os.environ, LD_AUDIT=str(witness), OXIZMQ_WITNESS=f"{folder}/witness")
        page = ["/usr/bin/python3", HERE / "page.py", "--witness", f"{folder}/witness", "--every", "0.5"]
        log = open(f"{folder}/log", "w+")

        def start(prefix, words, env):
            words = [str(word) for word in [*prefix, *words]]
            running.append(subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=log))

        for name, text in [("publisher.py", PUBLISHER), ("subscriber.py", SUBSCRIBER), ("client.rb", CLIENT)]:
            Path(folder, name).write_text(text)
        try:
            look = ["--box", "north", "--port", PORT, "--hub", f"ipc://{folder}/hub"]
            start([], ["sh", "-c", SCRIPT, folder, *page, *look], watched)
            if two:
                look = ["--box", "south", "--report", f"ipc://{folder}/hub"]
                start(unshare, ["sh", "-c", SCRIPT, folder, *page, *look], watched)
            names = ["north", "south"] if two else ["north"]
            missing = "anything"
            for _ in range(100):
                time.sleep(0.2)
                try:
                    missing = as_it_should_be(state(), names)
                except OSError:
                    continue  # the page is not there yet
                if missing is None:
                    break
            if missing:
                log.seek(0)
                raise SystemExit(f"not on the page: {missing}\n{log.read()[-3000:]}")
            boxes = state()
            for name in names:
                for process in boxes[name]:
                    told = [f"{one['type']} {one['parts_in']} in {one['parts_out']} out" for one in process["sockets"]]
                    print(f"{name}: {process['pid']} {Path(process['command'].split()[-1]).name}: {', '.join(told)}")
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=5) as response:
                if "0MQ applications" not in response.read().decode():
                    raise SystemExit("not so: there is a page")
            print(f"{len(names)} boxes, {sum(map(len, boxes.values()))} processes on the page")
        finally:
            for one in running:
                one.terminate()
                one.wait()
            log.close()


if __name__ == "__main__":
    main()
