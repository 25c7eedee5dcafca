"""What the Python scripts of this folder share. They run on Debian's python3-zmq, started by tests/clients/run."""


def loaded_library(process="self"):
    """The libzmq files of this process, or of another one."""
    with open(f"/proc/{process}/maps") as maps:
        return {line.split(None, 5)[5].strip() for line in maps if "/libzmq.so" in line}


def finish(text, others=()):
    """The last words: `others` are the files that other processes of this side had loaded."""
    print(text)
    for path in sorted(loaded_library() | set(others)):
        print("library", path)


def check(condition, text):
    if not condition:
        raise SystemExit(f"wrong: {text}")
