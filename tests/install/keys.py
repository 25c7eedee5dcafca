"""Whether the two keys in a file that curve_keygen wrote belong together, as a script finds them; started by tests/install/run."""

import ctypes
import re
import sys

text = open(sys.argv[1]).read()
public, secret = re.fullmatch(r".*\n\n== CURVE PUBLIC KEY ==\n(\S{40})\n\n== CURVE SECRET KEY ==\n(\S{40})\n", text, re.S).groups()
derived = ctypes.create_string_buffer(41)
assert ctypes.CDLL("libzmq.so.5").zmq_curve_public(derived, secret.encode()) == 0
assert derived.value == public.encode()
print("the pair fits")
