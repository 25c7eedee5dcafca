"""What the C test runners and the benchmark share: where things are, compiling with a cache, running isolated.

Imported by ctests/run, ctests/libzmq/run, ctests/abi/run and benches/run. Standard library only.
"""

import hashlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()

# Brings up loopback and a bridge without ports: a multicast interface from which nothing can leave.
NAMESPACE_SETUP = """
ip link set lo up
ip link add oxi0 type bridge
ip addr add 10.111.0.1/24 dev oxi0
ip link set oxi0 up
ip route add 224.0.0.0/4 dev oxi0
"""


def die(text):
    print(text, file=sys.stderr)
    sys.exit(2)


def reference():
    """The staged reference libzmq (built on first use): a folder with lib, include and vendor."""
    built = subprocess.run([ROOT / "tools/reference/build"], stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        die("the reference library could not be built")
    return Path(built.stdout.strip())


def ours():
    """The staged library of this project: a folder with lib and include, see scripts/stage."""
    staged = subprocess.run([ROOT / "scripts/stage"], stdout=subprocess.PIPE, text=True)
    if staged.returncode != 0:
        die("this project's library is not staged; run `make` first")
    return Path(staged.stdout.strip())


def library_environment(libdir, **extra):
    """The environment in which a program finds libzmq.so.5 in `libdir` and nowhere else."""
    if not (Path(libdir) / "libzmq.so.5").exists():
        die(f"there is no libzmq.so.5 in {libdir}")  # the loader would go on and take the system's
    env = dict(os.environ, LD_LIBRARY_PATH=str(libdir), **extra)
    env.pop("LD_PRELOAD", None)
    if DELAYS:
        env["LD_PRELOAD"] = str(DELAYS)
    return env


def digest(*parts):
    """A short name for the inputs of a build."""
    state = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else str(part).encode()
        state.update(len(data).to_bytes(8, "little") + data)
    return state.hexdigest()[:16]


def exported_symbols(library):
    """The names of the defined dynamic symbols of a shared library."""
    lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    return sorted({line.split()[-1] for line in lines.splitlines() if line.strip()})


def compile_if_older(output, sources, command):
    """Runs `command` unless `output` is newer than all `sources`; returns the compiler's words on failure, else None."""
    output = Path(output)
    if output.exists():
        made = output.stat().st_mtime
        if all(Path(source).stat().st_mtime <= made for source in sources):
            return None
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f"{output.name}.{os.getpid()}.tmp")
    done = subprocess.run([str(word) for word in command] + ["-o", str(partial)], capture_output=True, text=True)
    if done.returncode != 0:
        partial.unlink(missing_ok=True)
        return done.stderr + done.stdout or f"exit status {done.returncode}"
    partial.replace(output)
    return None


def _delays():
    """The library that makes threads late at random, if that is wanted."""
    if not os.environ.get("DELAYS"):
        return None
    library = TARGET / "ctests" / "delays.so"
    source = ROOT / "ctests/delays/delays.c"
    problem = compile_if_older(library, [source], ["gcc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror",
                                                   "-shared", "-fPIC", "-ftls-model=initial-exec", source])
    if problem:
        die(problem)
    return library


DELAYS = _delays()


def in_parallel(jobs, work, items):
    """Maps `work` over `items` on `jobs` threads, results in order of `items`."""
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        return list(pool.map(work, items))


def in_parallel_as_ready(jobs, work, items):
    """The same, but yields each result as soon as it is there."""
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        for done in as_completed([pool.submit(work, item) for item in items]):
            yield done.result()


# What gives a program a network namespace of its own: root's way, and that of all others, who are root in there.
UNSHARE = (["unshare", "-n"], ["unshare", "-r", "-n"])


def become_root_of_networks():
    """Starts this program again as root of a user namespace, if only there it may make network namespaces."""
    if os.environ.get("ROOT_OF_NETWORKS"):
        return
    for unshare in UNSHARE:
        if shutil.which("unshare") and subprocess.run([*unshare, "true"], capture_output=True).returncode == 0:
            if "-r" in unshare:
                os.environ["ROOT_OF_NETWORKS"] = "1"
                os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])
            return
    die("network namespaces are not permitted here")


def namespace_prefix():
    """The command prefix that gives a program a network namespace of its own, or [] where that is not permitted."""
    script = NAMESPACE_SETUP.replace("\n", " 2>/dev/null; ").lstrip("; ") + ' exec "$@"'
    for unshare in UNSHARE:
        prefix = [*unshare, "sh", "-c", script, "netns"]
        try:
            probe = subprocess.run([*prefix, "ip", "-o", "link", "show", "up"], capture_output=True, text=True)
        except FileNotFoundError:
            return []
        if probe.returncode == 0 and "lo:" in probe.stdout:
            return prefix
    return []


class Finished:
    """How one run of a program ended. `code` is negative for a signal and None for a timeout; `remains` names the processes
    that it left behind, which were ended."""

    def __init__(self, code, seconds, output, remains=()):
        self.code, self.seconds, self.output, self.remains = code, seconds, output, remains

    def why(self, limit):
        if self.code is None:
            return f"still running after {limit:.0f} s"
        if self.code < 0:
            return f"killed by {signal.Signals(-self.code).name}"
        return f"exit status {self.code}"


def run_limited(command, limit, cwd, env, log, grace=0.0):
    """Runs a program in a session of its own with its output in the file `log`, and ends what is left of the session when the
    program has ended or its time is over. What it has started has so many seconds of grace to go by itself."""
    started = time.monotonic()
    with open(log, "wb") as sink:
        child = subprocess.Popen(
            [str(word) for word in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
            stdout=sink, stderr=subprocess.STDOUT, start_new_session=True,
        )
        in_time = has_ended(child, limit)
        seconds = time.monotonic() - started
        remains = end_session(child, grace if in_time else 0.0)
        code = child.wait()
    return Finished(code if in_time else None, seconds, Path(log).read_text(errors="replace"), remains)


def has_ended(child, limit):
    """Whether a child ends within so many seconds. It is not waited for yet, so its number remains its own."""
    handle = os.pidfd_open(child.pid)
    try:
        return bool(select.select([handle], [], [], limit)[0])
    finally:
        os.close(handle)


def end_session(leader, grace=0.0):
    """Ends the processes of a session after some seconds of grace; the names of those that had to be ended. The leader, a
    Popen, must not have been waited for: then the number is still that of the session."""
    ended, begun = {}, time.monotonic()
    while living := processes_of(leader.pid):
        waited = time.monotonic() - begun
        if waited > grace + 10:
            raise RuntimeError(f"these cannot be ended: {living}")
        if waited >= grace:
            ended.update(living)
            for pid in living:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    return sorted(ended.values())


def processes_of(session):
    """The living processes of a session, names by number."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = stat.read_text(errors="replace").rsplit(")", 1)
        except OSError:
            continue  # ended meanwhile
        state, _, _, its_session = rest.split()[:4]
        if its_session == str(session) and state not in "ZX":  # a zombie has ended
            found[int(stat.parent.name)] = name.split("(", 1)[1]
    return found


def tail(text, lines, indent="    | "):
    return "\n".join(indent + line for line in text.rstrip().splitlines()[-lines:])


def head(text, lines, indent="    | "):
    kept = text.rstrip().splitlines()
    more = [f"{indent}... and {len(kept) - lines} lines more"] if len(kept) > lines else []
    return "\n".join([indent + line for line in kept[:lines]] + more)


def read_table(path):
    """Rows of a tab-separated file with a header line, as dicts; lines that start with # are remarks."""
    lines = [line for line in Path(path).read_text().splitlines() if line and not line.startswith("#")]
    names = lines[0].split("\t")
    return [dict(zip(names, line.split("\t") + [""] * len(names))) for line in lines[1:]]
