"""C and C++: what cppzmq offers, the self-tests that Debian's libczmq carries, and those of octave-zeromq.

Part of tests/bindings/run.
"""

from pathlib import Path

import harness
from suite import Suite, run_command, tap

HERE = Path(__file__).resolve().parent


def compiled(compiler, source, *flags):
    """A preparation: a program of this folder, linked to the staged library with its path inside."""
    def prepare(folder):
        stage = harness.ours()
        return run_command([compiler, "-O1", "-Wall", "-o", folder / "program", HERE / source, f"-I{stage}/include",
                            f"-L{stage}/lib", f"-Wl,-rpath,{stage}/lib", *flags, "-lzmq", "-lpthread"], folder)
    return prepare


def program(folder):
    return [folder / "program"], folder


def pins(source):
    return (harness.digest(HERE / source), str(harness.TARGET))


def octave(folder):
    """Each file of tests in the package is a test here, since Octave only counts them."""
    program = """
        pkg load zeromq
        folder = pkg ("list", "zeromq"){1}.archprefix;
        for file = glob (fullfile (folder, "*", "*.cc-tst"))'
          [~, name] = fileparts (file{1});
          [passed, all] = test (file{1}, "quiet");
          words = {"not ok", "ok"};
          printf ("%s - %s, %d tests\\n", words{(passed == all) + 1}, name, all);
        endfor
    """
    return ["/usr/bin/octave-cli", "--quiet", "--no-history", "--eval", program], folder


SUITES = [
    Suite("Debian cppzmq 4.9.0", "linked", program, compiled("g++", "cppzmq.cpp", "-std=c++17"), pins("cppzmq.cpp"), tap,
          ("g++", "/usr/include/zmq.hpp", "/usr/include/zmq_addon.hpp")),
    Suite("Debian libczmq4 4.2.1, its self-tests", "path", program, compiled("gcc", "czmq.c", "-lczmq"), pins("czmq.c"), tap,
          ("gcc", "/usr/include/czmq.h")),
    Suite("Debian octave-zeromq 1.5.5", "path", octave, results=tap, needs=("/usr/bin/octave-cli",)),
]
