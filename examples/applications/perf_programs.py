"""libzmq's own perf programs, compiled from its sources as they are, on whichever libzmq.so.5 the loader finds."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "ctests"))
import harness  # noqa: E402

ENDPOINT = "tcp://127.0.0.1:5761"


def build(name):
    """Against libzmq's header and library; which library is used is decided when it runs."""
    reference = harness.reference()
    source = reference / "vendor" / "perf" / f"{name}.cpp"
    program = harness.TARGET / "examples" / "perf" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    (program.parent / "platform.hpp").touch()  # what libzmq's build writes; nothing in it is needed
    command = ["g++", "-O2", "-pthread", f"-I{reference}/include", f"-I{program.parent}", source, f"-L{reference}/lib", "-lzmq"]
    problem = harness.compile_if_older(program, [source], command)
    if problem:
        raise SystemExit(f"{name} does not compile\n{problem}")
    return program


def run(*command):
    """Runs to the end; what it has printed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise SystemExit(f"{command[0].name}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def pair(local, remote, *words):
    """One program binds, the other connects; what both have printed."""
    server = subprocess.Popen([str(build(local)), ENDPOINT, *words], stdout=subprocess.PIPE, text=True)
    try:
        printed = run(build(remote), ENDPOINT, *words)
        return printed + server.communicate(timeout=60)[0]
    finally:
        server.kill()


def figure(text, words):
    found = re.search(rf"{words}: ([\d.]+) (.*)", text)
    if not found or float(found[1]) <= 0:
        raise SystemExit(f"no {words} in\n{text}")
    return f"{found[1]} {found[2]}"


def main():
    print("tcp round trip:", figure(pair("local_lat", "remote_lat", "16", "5000"), "average latency"))
    print("tcp throughput:", figure(pair("local_thr", "remote_thr", "16", "500000"), "mean throughput"))
    print("inproc round trip:", figure(run(build("inproc_lat"), "16", "20000"), "average latency"))
    print("inproc throughput:", figure(run(build("inproc_thr"), "16", "500000"), "mean throughput"))
    print("proxy throughput:", figure(run(build("proxy_thr"), "16", "200000"), "mean throughput"))


if __name__ == "__main__":
    main()
