"""Answers greetings on tcp://*:5559, with pyzmq. `scripts/demo.sh` runs it on this library."""

import zmq

context = zmq.Context()
socket = context.socket(zmq.REP)
socket.bind("tcp://*:5559")

while True:
    request = socket.recv_string()
    print(f"  Python server: got '{request}'", flush=True)
    socket.send_string(f"Good day from Python, you said: {request}")
