"""The fuzz targets as programs: building them, and what they need to run. Imported by fuzz/run and fuzz/coverage."""

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "ctests"))
import harness  # noqa: E402

WORK = harness.TARGET / "fuzz"
# What libFuzzer wants of the compiler, all of it in stable Rust: cargo-fuzz sets the same.
FLAGS = ["--cfg", "fuzzing", "-Cpasses=sancov-module", "-Cllvm-args=-sanitizer-coverage-level=4",
         "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters", "-Cllvm-args=-sanitizer-coverage-pc-table",
         "-Cllvm-args=-sanitizer-coverage-trace-compares", "-Ccodegen-units=1"]
# Larger inputs are slower and find no more; nothing here may take long or much memory.
LIMITS = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024"]


def known():
    """The names of all targets."""
    return sorted(file.stem for file in (HERE / "fuzz_targets").glob("*.rs"))


def build(folder="build", more_flags=()):
    """Builds all of them; gives the folder that they are in."""
    host = re.search(r"host: (\S+)", subprocess.check_output(["rustc", "-vV"], text=True)).group(1)
    # With a target named, build scripts and macros are left alone.
    env = dict(os.environ, CARGO_TARGET_DIR=str(WORK / folder), CARGO_ENCODED_RUSTFLAGS="\x1f".join([*FLAGS, *more_flags]))
    command = ["cargo", "build", "--locked", "--release", "--quiet", "--bins", "--target", host, "--manifest-path",
               HERE / "Cargo.toml"]
    if subprocess.run([str(word) for word in command], env=env).returncode != 0:
        harness.die("the fuzz targets do not build (fuzz/Cargo.lock follows by `cargo update --workspace` there)")
    return WORK / folder / host / "release"


def environment(target):
    env = dict(os.environ, RUST_BACKTRACE="0")
    if target == "differential":
        env["ZMQ_REFERENCE"] = str(harness.reference() / "lib/libzmq.so.5")
    return env
