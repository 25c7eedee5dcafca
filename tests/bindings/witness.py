"""Which libzmq the processes of a run used: the witness of witness.c.

Used by tests/bindings/suite.py and tests/clients/run.

A program that carries a libzmq inside and has another one preloaded has both in memory. What counts is where its calls
go, which the dynamic linker tells as it binds them; who binds them without telling shows by the files that are open.
"""

from pathlib import Path

import harness

HERE = Path(__file__).resolve().parent
LIBRARY = harness.TARGET / "bindings" / "witness.so"


def build():
    """Has to be done once, before any `environment`."""
    problem = harness.compile_if_older(LIBRARY, [HERE / "witness.c"],
                                       ["gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", HERE / "witness.c"])
    if problem:
        harness.die(f"the witness could not be built\n{problem}")


def environment(log):
    """What a process and its children need to be watched."""
    return {"LD_AUDIT": str(LIBRARY), "ZMQ_WITNESS": str(log)}


def libraries(log):
    """The files that calls went to, one set for each process that had any libzmq."""
    opened, bound = {}, {}
    if log.exists():
        for line in log.read_text().splitlines():
            process, what, path = line.split(" ", 2)
            (opened if what == "opened" else bound).setdefault(process, set()).add(str(Path(path).resolve()))
    return [bound.get(process) or opened[process] for process in {**opened, **bound}]


def problem(log, wanted, inside=None):
    """None if every process used the file `wanted` alone, and there was one. `inside` is what a program brings itself."""
    used = libraries(log)
    if not used:
        return "no process used any libzmq"
    for files in used:
        if inside and all(inside in file for file in files):
            continue
        if wanted is None or files != {str(Path(wanted).resolve())}:
            return f"a process used {', '.join(sorted(files))}, not {wanted or 'what it brought'}"
    return None
