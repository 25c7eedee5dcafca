"""What the Python examples share: roles in processes of their own, and words when something is wrong."""

import atexit
import multiprocessing
import sys

# A role starts from a fresh interpreter: nothing of a context is inherited.
_processes = multiprocessing.get_context("spawn")
_running = []


def expect(condition, text):
    if not condition:
        raise SystemExit(f"not so: {text}")


def start(role, *words):
    """Runs a function in a process of its own."""
    process = _processes.Process(target=role, args=words)
    process.start()
    _running.append(process)
    return process


def stop(process):
    """Ends a process wherever it is."""
    _running.remove(process)
    process.kill()
    process.join()


def finish(process):
    """Waits for a process that ends by itself."""
    process.join()
    _running.remove(process)
    expect(process.exitcode == 0, f"{process.name} ended well")


def say(*words):
    print(*words)
    sys.stdout.flush()


@atexit.register
def _leave_none_behind():
    for process in _running:
        process.kill()
