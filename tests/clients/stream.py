"""FFmpeg's protocol `zmq` and its filter of that name: `stream.py server ENDPOINT` sends a test picture, `client` watches it.

The server's ffmpeg publishes MPEG-TS and takes commands for its filters, which pyzmq sends; the client's ffmpeg subscribes
and decodes 25 pictures, which must be grey after a command. Both must use the libzmq that is wanted, as must this program.
Started by run.
"""

import re
import subprocess
import sys

import zmq
from common import check, finish, loaded_library

FFMPEG = ["/usr/bin/ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error"]


def ask(context, endpoint, question):
    socket = context.socket(zmq.REQ)
    socket.connect(endpoint)
    socket.send_string(question)
    answer = socket.recv_string() if socket.poll(20000) else "no answer"
    socket.close(linger=0)
    return answer


def server(context, endpoint):
    control = context.socket(zmq.REP)
    control.bind(endpoint + "-control")
    commands = endpoint + "-commands"
    chain = "zmq=bind_address=" + commands.replace(":", r"\\:") + ",hue@colour"
    sender = subprocess.Popen([*FFMPEG, "-re", "-f", "lavfi", "-i", "testsrc=size=96x64:rate=25", "-vf", chain, "-g", "5",
                               "-f", "mpegts", "zmq:" + endpoint])
    try:
        check(ask(context, commands, "hue@colour s 0") == "0 Success", "the filter's answer to a command")
        check(ask(context, commands, "nobody s 0").split()[0] != "0", "the filter's answer to a wrong command")
        print("endpoint", endpoint, flush=True)
        check(control.poll(40000) and control.recv() == b"stop" and sender.poll() is None, "a stream until it is stopped")
        finish("streamed", loaded_library(sender.pid))
        control.send(b"")
    finally:
        sender.kill()
        sender.wait()
    control.close(linger=2000)


def client(context, endpoint):
    # The mean of each colour plane of each picture; without colours, both differences are 128 everywhere.
    watch = subprocess.Popen(
        [*FFMPEG, "-i", "zmq:" + endpoint, "-frames:v", "25", "-vf",
         "format=yuv420p,signalstats,metadata=mode=print:file=-:direct=1", "-f", "null", "-"],
        stdout=subprocess.PIPE, text=True)
    lines, used = [], set()
    for line in watch.stdout:
        lines.append(line)
        used = used or loaded_library(watch.pid)
    check(watch.wait() == 0, "the watching ffmpeg")
    for plane in "UV":
        means = [float(value) for value in re.findall(rf"{plane}AVG=([\d.]+)", "".join(lines))]
        # The filter may be ahead of the counter by one.
        check(len(means) in (25, 26) and all(abs(mean - 128) < 2 for mean in means), f"pictures without colour: {means}")
    check(ask(context, endpoint + "-control", "stop") == "", "the server's last word")
    finish("25 pictures", used)


role, endpoint = sys.argv[1:]
context = zmq.Context()
{"server": server, "client": client}[role](context, endpoint)
context.term()
