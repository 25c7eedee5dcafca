"""Rust: the crate `zmq` with its own tests, linked to the staged library instead of the libzmq that its build script compiles.

Part of tests/bindings/run.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import harness
from suite import Suite, run_command

VERSION = "0.10.0"


def prepare(folder):
    """Gets the crate and its tests from where cargo keeps them, and compiles them."""
    (folder / "asks/src").mkdir(parents=True)
    (folder / "asks/src/lib.rs").write_text("")
    (folder / "asks/Cargo.toml").write_text(
        f'[package]\nname = "asks"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nzmq = "={VERSION}"\n[workspace]\n')
    problem = run_command(["cargo", "fetch"], folder / "asks")
    if problem:
        return problem
    asked = subprocess.run(["cargo", "metadata", "--format-version=1", "--offline"], cwd=folder / "asks", capture_output=True,
                           check=True, text=True)
    source = next(Path(one["manifest_path"]).parent for one in json.loads(asked.stdout)["packages"] if one["name"] == "zmq")
    shutil.copytree(source, folder / "zmq", ignore=shutil.ignore_patterns(".cargo*"))
    host = re.search(r"^host: (\S+)", subprocess.run(["rustc", "-vV"], capture_output=True, text=True).stdout, re.MULTILINE).group(1)
    (folder / "zmq/.cargo").mkdir()
    (folder / "zmq/.cargo/config.toml").write_text(
        f'[target.{host}.zmq]\nrustc-link-lib = ["zmq"]\nrustc-link-search = ["{harness.ours()}/lib"]\n')
    return run_command(["cargo", "test", "--tests", "--no-run", "--jobs", "2", "--target-dir", folder / "target"], folder / "zmq")


def command(folder):
    # Not those that look at what the compiler says about wrong programs.
    return ["cargo", "test", "--tests", "--no-fail-fast", "--offline", "--target-dir", folder / "target", "--",
            "--skip", "compile"], folder / "zmq"


def results(output):
    """Lines of Rust's test harness, by the file that holds them."""
    words = {"ok": "pass", "FAILED": "fail", "ignored": "skip"}
    found, file = {}, ""
    for line in output.splitlines():
        running = re.match(r"\s+Running (?:unittests )?(\S+)", line)
        verdict = re.match(rf"test (\S+)(?: - should panic)? \.\.\. ({'|'.join(words)})\b", line)
        if running:
            file = running.group(1)
        elif verdict:
            found[f"{file}::{verdict.group(1)}"] = words[verdict.group(2)]
    return found


SUITES = [
    Suite(f"crate zmq {VERSION}", "path", command, prepare, (VERSION, str(harness.TARGET)), results, ("cargo",)),
]
