"""What the Python scripts of this folder share. They run on Debian's python3-zmq, started by tests/clients/run."""


def loaded_library():
    """The libzmq file of this process."""
    with open("/proc/self/maps") as maps:
        return sorted({line.split(None, 5)[5].strip() for line in maps if "/libzmq.so" in line})


def finish(text):
    print(text)
    for path in loaded_library():
        print("library", path)


def check(condition, text):
    if not condition:
        raise SystemExit(f"wrong: {text}")
