"""Sends greetings to whoever answers on port 5559, with pyzmq. `scripts/demo.sh` runs it on this library."""

import time

import zmq

context = zmq.Context()
socket = context.socket(zmq.REQ)
socket.setsockopt(zmq.RCVTIMEO, 5000)
socket.setsockopt(zmq.LINGER, 0)
socket.connect("tcp://127.0.0.1:5559")

for number in range(1, 4):
    socket.send_string(f"Hello {number} from Python")
    answer = socket.recv_string()
    print(f"  Python client: '{answer}'", flush=True)
    time.sleep(0.3)

socket.close()
context.term()
