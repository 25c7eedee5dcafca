"""pyzmq with its own test suite: Debian's, the newest built from its sdist, and its wheel with the library preloaded.

Part of tests/bindings/run.
"""

import tarfile

import harness
from suite import Suite, pytest, run_command

PYTHON = "/usr/bin/python3"
NEWEST = "27.3.0"
PINS = ["pytest==8.4.2", "pytest-asyncio==1.2.0", "tornado==6.5.2", "gevent==25.9.1"]
OPTIONS = ["-m", "pytest", "-v", "--color=no", "-p", "no:cacheprovider", "--tb=short"]
# Left out on both libraries, since where they fail they take others with them.
RACY = [
    # Publishes at once what a subscription just sent shall let through. When it fails, its log handler stays and every later
    # test of that file fails with it, on libzmq too.
    "test_log.py::TestPubLog::test_blank_root_topic",
]


def without(*tests):
    return [f"--deselect={test}" for test in tests]


DEBIAN = "/usr/lib/python3/dist-packages"


def debian(folder):
    # Not in the package's folder, where modules have names of the standard library.
    racy = without(*(f"tests/{test}" for test in RACY))
    return [PYTHON, *OPTIONS, f"--rootdir={DEBIAN}/zmq", *racy, f"{DEBIAN}/zmq/tests"], folder


def environment(*packages, **variables):
    """A preparation: a virtual environment with `packages`, and the newest sdist's tests beside it."""
    def prepare(folder):
        cache = harness.TARGET / "bindings" / "pip"
        pip = [folder / "venv/bin/pip", "--disable-pip-version-check", "--quiet", "--cache-dir", cache]
        sdist = ["--no-deps", "--no-binary=pyzmq", f"pyzmq=={NEWEST}"]
        problem = run_command([PYTHON, "-m", "venv", folder / "venv"], folder)
        problem = problem or run_command([*pip, "install", *packages, *PINS], folder, **variables)
        problem = problem or run_command([*pip, "download", *sdist], folder, **variables)
        if problem:
            return problem
        with tarfile.open(folder / f"pyzmq-{NEWEST}.tar.gz") as archive:
            for member in archive.getmembers():
                # Beside the tests, the package's source would be taken for the package.
                inner = member.name.partition("/")[2]
                if member.isfile() and (inner.startswith("tests/") or inner == "pytest.ini"):
                    target = folder / "suite" / inner
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.extractfile(member).read())
        return None
    return prepare


def from_source(folder):
    stage = str(harness.ours())
    return environment("--no-binary=pyzmq", f"pyzmq=={NEWEST}", PYZMQ_NO_BUNDLE="1", ZMQ_PREFIX=stage,
                       PKG_CONFIG_PATH=f"{stage}/lib/pkgconfig")(folder)


def newest(folder):
    racy = without(*(f"tests/{test}" for test in RACY))
    return [folder / "venv/bin/python", *OPTIONS, *racy, "tests"], folder / "suite"


SUITES = [
    Suite("Debian python3-zmq 24.0.1", "path", debian, results=pytest,
          needs=(PYTHON, f"{DEBIAN}/pytest", f"{DEBIAN}/zmq/tests", f"{DEBIAN}/tornado")),
    Suite(f"pyzmq {NEWEST} from source", "linked", newest, from_source, (NEWEST, *PINS, str(harness.TARGET)), pytest,
          needs=(PYTHON, "g++")),
    Suite(f"pyzmq {NEWEST} wheel", "preload", newest, environment("--only-binary=pyzmq", f"pyzmq=={NEWEST}"),
          (NEWEST, *PINS), pytest, needs=(PYTHON,), inside="pyzmq.libs"),
]
