"""Time that counts only while this process's other threads get the processor when they want it; ctests/calm.h in Python.

Imported by library.py and wire.py. A peer that waits for an answer "for long enough" has to wait longer on a busy machine.
"""

import os
import threading
import time

TRIES = 5


def others():
    """How long the other threads have waited for a processor so far, in seconds, and whether one of them wants one now."""
    waited, wanting = 0, False
    for task in os.listdir("/proc/self/task"):
        if int(task) == threading.get_native_id():
            continue
        try:
            with open(f"/proc/self/task/{task}/schedstat") as file:
                waited += int(file.read().split()[1])
            with open(f"/proc/self/task/{task}/stat") as file:
                wanting |= file.read().rpartition(")")[2].split()[0] == "R"
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has gone
    return waited / 1e9, wanting


def calm_since(before):
    """Whether since `before`, some milliseconds ago, nobody was kept from working for long."""
    for _ in range(50):
        now, wanting = others()
        if not wanting:
            break
        time.sleep(0.002)
    return not wanting and now < before + 0.002


def patiently(attempt, nothing):
    """Repeats an attempt that came to nothing while others kept this process from its work."""
    for _ in range(TRIES):
        before, _ = others()
        result = attempt()
        if result != nothing or calm_since(before):
            break
    return result
