"""Compiles libzmq's test programs against a given library. Called by ctests/libzmq/run.

The programs include "../include/zmq.h" and "../src/stdint.hpp", so a small tree is staged whose zmq.h is the one of
the library under test and whose platform.hpp tells what that library answers to zmq_has. Objects and programs are
kept in <cargo target>/libzmq-suite/build-<digest of header and platform>/ and reused as long as they are newer than
their sources; programs are linked again when the library exports other symbols.
"""

import shutil
import subprocess
import sys

import harness

FLAGS = """-std=c++11 -O1 -w -pthread -D_GNU_SOURCE -D_REENTRANT -D_THREAD_SAFE -DZMQ_CUSTOM_PLATFORM_HPP
    -DUNITY_USE_COMMAND_LINE_ARGS -DUNITY_EXCLUDE_FLOAT -DZMQ_BUILD_DRAFT_API=1""".split()

# Always true on the Linux that the suite runs on.
PLATFORM = """ZMQ_HAVE_LINUX ZMQ_HAVE_UIO ZMQ_HAVE_SO_PEERCRED ZMQ_HAVE_SO_PRIORITY ZMQ_HAVE_PPOLL HAVE_FORK
    HAVE_MKDTEMP ZMQ_HAVE_EVENTFD ZMQ_IOTHREAD_POLLER_USE_EPOLL""".split()

# zmq_has key -> the macros that the programs test.
CAPABILITIES = {
    "ipc": ["ZMQ_HAVE_IPC"],
    "pgm": ["ZMQ_HAVE_OPENPGM"],
    "tipc": ["ZMQ_HAVE_TIPC"],
    "norm": ["ZMQ_HAVE_NORM"],
    "curve": ["ZMQ_HAVE_CURVE"],
    "gssapi": ["HAVE_LIBGSSAPI_KRB5"],
    "vmci": ["ZMQ_HAVE_VMCI"],
    "vsock": ["ZMQ_HAVE_VSOCK"],
    "WS": ["ZMQ_HAVE_WS"],
    "WSS": ["ZMQ_HAVE_WSS"],
}

# test_security_curve encrypts by hand with libzmq's own helpers; nothing of that comes from the library under test.
CURVE_HEADERS = """clock.hpp config.hpp curve_client_tools.hpp err.hpp likely.hpp macros.hpp mutex.hpp precompiled.hpp
    random.hpp secure_allocator.hpp wire.hpp""".split()
CURVE_SOURCES = ["err.cpp", "random.cpp", "clock.cpp"]

PROBE = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
for key in sys.argv[2:]:
    print(key, library.zmq_has(key.encode()))
"""


class Program:
    def __init__(self, row):
        self.name, self.category = row["program"], row["category"]
        self.seconds = float(row["seconds"])
        self.limit = (int(row["alarm"]) if row["alarm"].isdigit() else 60) + 15
        self.ports = row["ports"]


class Trouble:
    """Why there is no executable."""

    def __init__(self, result, reason, detail=""):
        self.result, self.reason, self.detail = result, reason, detail


def load(path):
    return [Program(row) for row in harness.read_table(path)]


def capabilities(library):
    probe = subprocess.run([sys.executable, "-c", PROBE, library, *CAPABILITIES], capture_output=True, text=True)
    if probe.returncode != 0:
        harness.die(f"{library} does not answer zmq_has:\n{probe.stderr}")
    return [key for key, has in (line.split() for line in probe.stdout.splitlines()) if has == "1"]


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def link(path, source):
    if not path.is_symlink():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(source)


def stage(tree, vendor, header, macros):
    """Lays out the source tree; test sources are links so that their `../include` leads to the header under test."""
    for source in (vendor / "tests").glob("*.?pp"):
        link(tree / "tests" / source.name, source)
    for source in (vendor / "external/unity").glob("unity*"):
        link(tree / "unity" / source.name, source)
    for name in CURVE_HEADERS + CURVE_SOURCES:
        link(tree / "src" / name, vendor / "src" / name)
    for name in ("zmq_draft.h",):
        link(tree / "src" / name, vendor / "src" / name)
    write_if_changed(tree / "include/zmq.h", header.read_text())
    utils = header.with_name("zmq_utils.h")
    if utils.exists():
        write_if_changed(tree / "include/zmq_utils.h", utils.read_text())
    write_if_changed(tree / "src/stdint.hpp", "#include <stdint.h>\n")
    write_if_changed(tree / "platform.hpp", "".join(f"#define {macro} 1\n" for macro in macros))


def compile_object(tree, source, headers, folders=()):
    output = tree / "objects" / (source.stem + ".o")
    compiler = ["gcc", "-O1", "-w", *[f for f in FLAGS if f.startswith("-DUNITY")]] if source.suffix == ".c" else ["g++", *FLAGS]
    command = [*compiler, f"-I{tree}", f"-I{tree}/unity", f"-I{tree}/include", f"-I{tree}/src",
               *[f"-I{folder}" for folder in folders], "-c", source]
    return output, harness.compile_if_older(output, [source, *headers], command)


def build(programs, vendor, libdir, include, jobs, vmci=None):
    """Returns name -> (executable or None, Trouble or None). `vmci` is the folder of a vmci_sockets.h."""
    has = capabilities(libdir / "libzmq.so.5")
    macros = PLATFORM + [macro for key in has for macro in CAPABILITIES[key]]
    if "curve" in has:
        macros += ["ZMQ_USE_LIBSODIUM"]
    header = include / "zmq.h"
    if not header.exists():
        harness.die(f"no zmq.h in {include}")
    name = harness.digest(header, " ".join(macros), " ".join(FLAGS), str(vendor.resolve()))
    suite = harness.TARGET / "libzmq-suite"
    tree = suite / f"build-{name}"
    stage(tree, vendor, header, macros)
    forget_old_builds(suite, keep=6)
    tree.touch()
    headers = [tree / "include/zmq.h", tree / "platform.hpp"]
    print(f"library {libdir}; zmq_has: {' '.join(has)}", flush=True)

    support = [tree / "tests" / f"{stem}.cpp" for stem in ("testutil", "testutil_monitoring", "testutil_security", "testutil_unity")]
    objects = []
    for output, problem in harness.in_parallel(jobs, lambda source: compile_object(tree, source, headers),
                                               [*support, tree / "unity/unity.c"]):
        if problem:
            harness.die(f"the suite's support code does not compile against {header}:\n{problem}")
        objects.append(output)

    symbols = "\n".join(harness.exported_symbols(libdir / "libzmq.so.5")) + "\n"
    bin_dir = tree / ("bin-" + harness.digest(symbols))
    # A library cannot be named by its soname alone on the linker's command line.
    if not (libdir / "libzmq.so").exists():
        harness.die(f"no libzmq.so in {libdir}")

    def build_one(program):
        if program.category == "vmci" and not vmci:
            return None, Trouble("SKIP", "a machine's own vsock is left alone: ctests/guest runs it")
        extra, libraries = [], []
        if program.name == "test_security_curve" and "curve" in has:
            for name in CURVE_SOURCES:
                output, problem = compile_object(tree, tree / "src" / name, headers)
                if problem:
                    return None, Trouble("FAIL", "does not compile", problem)
                extra.append(output)
            libraries = ["-lsodium"]
        folders = [vmci] if program.category == "vmci" else []
        output, problem = compile_object(tree, tree / "tests" / f"{program.name}.cpp", headers, folders)
        if problem:
            return None, Trouble("FAIL", "does not compile", problem)
        executable = bin_dir / program.name
        inputs = [output, *extra, *objects]
        command = ["g++", "-pthread", *inputs, f"-L{libdir}", f"-Wl,-rpath-link,{libdir}", "-lzmq", *libraries]
        problem = harness.compile_if_older(executable, inputs, command)
        if problem:
            return None, Trouble("FAIL", "does not link", problem)
        return executable, None

    return dict(zip([program.name for program in programs], harness.in_parallel(jobs, build_one, programs)))


def prepare_directory(work, name, corpora):
    """A fresh working folder; the fuzzer programs look for their seeds below it."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    if name.endswith("_fuzzer"):
        (work / "tests").mkdir()
        (work / "tests/libzmq-fuzz-corpora").symlink_to(corpora)


def forget_old_builds(suite, keep):
    """Every new header makes a new folder; only the latest few are worth their disk space."""
    builds = sorted(suite.glob("build-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in builds[keep:]:
        shutil.rmtree(old, ignore_errors=True)
