"""What a suite of a binding is, and how it is judged: run on Debian's libzmq5 and on this library, compared test by test.

Used by tests/bindings/run. A suite that differs on purpose, or fails on libzmq too, has a row for each such test in
known.tsv with the reason; any other failure, and a test that ran on Debian's and not here, is a failure of the suite.
"""

import fnmatch
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import harness
import witness

HERE = Path(__file__).resolve().parent
CACHE = harness.TARGET / "bindings"


@dataclass
class Suite:
    """One binding with its tests."""

    name: str
    # How the process comes by the library: "path" (LD_LIBRARY_PATH), "preload" (over what the program brings or finds), or
    # "linked" (built with the staged library; the run on Debian's still goes by LD_LIBRARY_PATH).
    way: str
    # Gives (command, folder to run in); the argument is the folder of the suite.
    command: Callable
    # Makes the folder ready; called once for every change of `pins`.
    prepare: Callable = None
    pins: tuple = ()
    results: Callable = None
    needs: tuple = ()
    limit: float = 200.0
    environment: dict = field(default_factory=dict)
    # Part of the path of the libzmq that the program brings; None: it uses the system's.
    inside: str = None


# ---- what the tests said


def tap(output):
    """Lines of the Test Anything Protocol; several tests of one name are counted."""
    found = {}
    for verdict, name in re.findall(r"^(not ok|ok)\b[ \d-]*(.*)$", output, re.MULTILINE):
        directive = re.search(r"# *(skip|todo)\b", name, re.IGNORECASE)
        name = name.split(" # ")[0].strip() or "unnamed"
        base, number = name, 1
        while name in found:
            number += 1
            name = f"{base} ({number})"
        found[name] = "skip" if directive else "pass" if verdict == "ok" else "fail"
    return found


def pytest(output):
    """Lines of pytest -v."""
    words = {"PASSED": "pass", "XFAIL": "pass", "XPASS": "pass", "SKIPPED": "skip", "FAILED": "fail", "ERROR": "fail"}
    pattern = rf"^(?:\S*/)?(test_\w+\.py::.*?) ({'|'.join(words)})\b"
    return {name: words[verdict] for name, verdict in re.findall(pattern, output, re.MULTILINE)}


# ---- running and judging


def known():
    """Rows of known.tsv: suite pattern, test pattern, what is known, reason."""
    return harness.read_table(HERE / "known.tsv")


def prepare(suite):
    """Makes the folder of a suite ready; the words of what failed, or None."""
    folder = CACHE / re.sub(r"[^a-z0-9.]+", "-", suite.name.lower()).strip("-")
    if not suite.prepare:
        folder.mkdir(parents=True, exist_ok=True)
        return folder, None
    stamp, wanted = folder / ".prepared", harness.digest(suite.name, *suite.pins)
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        problem = suite.prepare(folder)
        if problem:
            return folder, problem
        stamp.write_text(wanted)
    return folder, None


def run_command(command, folder, limit=600, **environment):
    """A step of preparing: its last words if it failed, else None."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("LD_")}
    log = folder / ".log"
    done = harness.run_limited(command, limit, folder, {**env, **environment}, log)
    return None if done.code == 0 else f"{' '.join(map(str, command))}: {done.why(limit)}\n{done.output}"


class Run:
    """One run of a suite on one library."""

    def __init__(self, suite, folder, library, ours, prefix):
        with tempfile.TemporaryDirectory(prefix="oxizmq-bindings-") as scratch:
            log = Path(scratch) / "witness"
            env = {name: value for name, value in os.environ.items() if not name.startswith(("LD_", "PYTEST"))}
            env |= {"TMPDIR": scratch, **suite.environment, **witness.environment(log)}
            alone = suite.inside and not ours
            if suite.way == "preload" and not alone:
                env["LD_PRELOAD"] = str(library / "libzmq.so.5")
            elif suite.way == "path" or (suite.way == "linked" and not ours):
                env["LD_LIBRARY_PATH"] = str(library)
            env["ZMQ_LIBRARY_FOLDER"] = str(library)
            command, where = suite.command(folder)
            finished = harness.run_limited([*prefix, *command], suite.limit, where, env, Path(scratch) / "output")
            self.seconds, self.output = finished.seconds, finished.output
            self.tests = suite.results(finished.output)
            self.problem = None
            if not self.tests:
                self.problem = f"no test ran: {finished.why(suite.limit)}"
            elif finished.code is None or finished.code < 0:
                self.problem = finished.why(suite.limit)
            else:
                self.problem = witness.problem(log, None if alone else library / "libzmq.so.5", suite.inside if alone else None)


def judge(suite, debian, ours):
    """What is wrong, as lines, and the numbers (alike, failed on both, differing on purpose)."""
    rows = [row for row in known() if fnmatch.fnmatchcase(suite.name, row["suite"])]

    def is_known(test, *kinds):
        return any(fnmatch.fnmatchcase(test, row["test"]) and row["known"] in kinds for row in rows)

    wrong, alike, both, differ = [], 0, 0, 0
    for test in sorted({*debian.tests, *ours.tests}):
        before, after = debian.tests.get(test, "absent"), ours.tests.get(test, "absent")
        if is_known(test, "racy"):
            differ += before != after
        elif after == before == "fail":
            both += 1
            if not is_known(test, "both"):
                wrong.append(f"fails on both, and known.tsv does not say why: {test}")
        elif after == before or after == "pass":
            alike += after == "pass"
        elif is_known(test, "differs"):
            differ += 1
        else:
            wrong.append(f"{before} on Debian's libzmq, {after} here: {test}")
    return wrong, (alike, both, differ)


def about(test, output):
    """The lines of the output that tell of a test's failure, as far as that can be known."""
    lines = output.splitlines()
    for number, line in enumerate(lines):
        if test.rpartition("::")[2] in line and re.match(r"not ok|_{3,}|---- ", line):
            return lines[number:number + 12]
    return []


def run(suite, debian, ours, prefix):
    """Runs and judges one suite: (verdict, note, details)."""
    started = time.monotonic()
    missing = [path for path in suite.needs if not Path(path).exists() and not shutil.which(path)]
    if missing:
        return "SKIP", f"needs {missing[0]}", ""
    folder, problem = prepare(suite)
    if problem:
        return "FAIL", "could not be made ready", harness.tail(problem, 25)
    made = time.monotonic() - started
    before = Run(suite, folder, debian, False, prefix)
    if before.problem:
        return "FAIL", "on Debian's libzmq", harness.tail(f"{before.output}\n{before.problem}", 25)
    after = Run(suite, folder, ours, True, prefix)
    wrong, numbers = judge(suite, before, after)
    if after.problem:
        wrong.append(after.problem)
    alike, both, differ = numbers
    note = f"{alike} pass" + (f", {both} fail on both" if both else "") + (f", {differ} differ for a reason" if differ else "")
    note += f"  ({made:.0f} + {before.seconds:.0f} + {after.seconds:.0f} s)"
    if wrong:
        failed = [line for test in sorted(after.tests) if after.tests[test] == "fail" for line in about(test, after.output)]
        return "FAIL", note, harness.tail("\n".join(failed[-60:] + wrong), 100)
    return "PASS", note, ""
