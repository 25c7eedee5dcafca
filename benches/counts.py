"""Counts what does not depend on the neighbours: instructions by callgrind, system calls by strace.

Called by benches/run. Both tools count a whole process; the difference between many messages and few leaves what one
message costs.
"""

import re
import subprocess
from pathlib import Path

FEW, MANY = 1000, 5000


def counted(tool, program, arguments, env, folder):
    """The figure of one run, or None and why."""
    log = Path(folder) / f"{tool}.log"
    command = {
        "callgrind": ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--log-file={log}"],
        "strace": ["strace", "-f", "-c", "-o", str(log)],
    }[tool]
    totals = []
    for count in (FEW, MANY):
        try:
            done = subprocess.run([*command, program, *arguments, str(count), "0"], env=env, cwd=folder,
                                  capture_output=True, text=True, timeout=120)
        except FileNotFoundError:
            return None, f"no {command[0]}; scripts/setup.sh counters installs it"
        except subprocess.TimeoutExpired:
            return None, f"still running under {tool} after two minutes"
        if done.returncode != 0:
            return None, done.stderr.strip() or f"exit status {done.returncode}"
        text = log.read_text()
        found = re.search(r"Collected : (\d+)", text) if tool == "callgrind" else re.search(r"(\d+) +\d* *total", text)
        if not found:
            return None, f"{tool} gave no total"
        totals.append(int(found.group(1)))
    return (totals[1] - totals[0]) / (MANY - FEW), None
