"""Debian's pyzmq with its own test suite.

Part of tests/bindings/run.
"""

from suite import Suite, pytest

PYTHON = "/usr/bin/python3"
OPTIONS = ["-m", "pytest", "-v", "--color=no", "-p", "no:cacheprovider", "--tb=short"]
# Publishes at once what a subscription just sent shall let through. When it fails, its log handler stays and every later test
# of that file fails with it, on libzmq too.
RACY = ["test_log.py::TestPubLog::test_blank_root_topic"]


def without(*tests):
    return [f"--deselect={test}" for test in tests]


DEBIAN = "/usr/lib/python3/dist-packages"


def debian(folder):
    # Not in the package's folder, where modules have names of the standard library.
    racy = without(*(f"tests/{test}" for test in RACY))
    return [PYTHON, *OPTIONS, f"--rootdir={DEBIAN}/zmq", *racy, f"{DEBIAN}/zmq/tests"], folder


SUITES = [
    Suite("Debian python3-zmq 24.0.1", "path", debian, results=pytest,
          needs=(PYTHON, f"{DEBIAN}/pytest", f"{DEBIAN}/zmq/tests", f"{DEBIAN}/tornado")),
]
