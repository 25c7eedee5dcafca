"""What `make bench` measures: one row per run of the C program, and what each figure it prints is called.

Read by benches/run. A label of a figure is what results.json, README.md and docs/performance.md know it by; change one
there when it changes here.
"""

from dataclasses import dataclass, field

SIZES = {"16": 16, "256": 256, "4K": 4096, "64K": 65536, "1M": 1048576}

# Units, and whether more of it is better.
MORE = {"/s": True, "us": False, "ns": False, "B": False, "wakes/s": False, "instructions": False, "calls": False}


@dataclass
class Case:
    """One run: its group, the program's arguments, and {figure: (label, unit)}."""
    group: str
    command: list
    figures: dict
    # Other ways to reach the same figures without a library: {name: arguments}.
    raw: dict = field(default_factory=dict)
    # Longer or shorter than --ms.
    scale: float = 1.0
    # Counted by this tool instead of timed, as the difference of two runs.
    tool: str = ""


def single(group, command, label, unit, **more):
    """A run that prints one figure, which has the name of the measurement."""
    return Case(group, command, {command[0]: (label, unit)}, **more)


def cases(transports, sizes):
    """All of them, in the order in which they run."""
    for transport in transports:
        for size in sizes:
            count = str(SIZES.get(size) or int(size))
            raw = {"raw": ["raw-thr", transport, count]} if transport != "inproc" and int(count) >= 65536 else {}
            yield single("thr", ["thr", transport, count], f"thr {transport} {size}", "/s", raw=raw)
        raw = {f"raw {how}": ["raw-lat", how, "16"] for how in ("blocking", "epoll", "spin")} if transport == "tcp" else {}
        yield single("lat", ["lat", transport, "16"], f"lat {transport} 16", "us", raw=raw)
    for gap in ("200", "20", "5"):
        yield single("oneway", ["oneway", gap], f"one-way gap {gap} us", "us", raw={"raw": ["raw-oneway", gap]})
    for count in ("1", "10", "100"):
        figures = {"pub": (f"pub {count}", "/s"), "cost": (f"pub {count}, processor a delivery", "ns")}
        yield Case("pub", ["pub", count], figures)
    for count in ("100", "10000"):
        yield single("pub", ["subscriptions", count], f"subscriptions {count}", "/s")
    for count in ("1000", "9500"):
        names = {"memory": ("memory", "B"), "memory-used": ("memory after use", "B"), "handshake": ("handshake", "us"),
                 "echo-one": ("echo one", "us"), "echo-all": ("echo all", "us")}
        figures = {name: (f"peers {count} {label}", unit) for name, (label, unit) in names.items()}
        yield Case("peers", ["peers", count], figures, raw={"raw": ["raw-peers", count]})
    yield single("churn", ["churn", "server"], "churn accepted", "/s", raw={"raw": ["raw-churn"]})
    yield single("churn", ["churn", "both"], "churn both ends", "/s")
    for size in ("16", "256"):
        yield single("curve", ["thr", "tcp+curve", size], f"curve {size}", "/s")
    yield single("curve", ["churn", "curve"], "curve handshakes", "/s")
    for count in ("1", "100", "1000"):
        yield single("poll", ["poll", count], f"poll {count}", "us", scale=0.5)
    yield Case("fd", ["fd"], {"rate": ("fd rate", "/s"), "trip": ("fd round trip", "us")})
    yield Case("start", ["start"], {"context": ("context", "us"), "first-socket": ("first socket", "us")}, scale=0.5)
    figures = {"clock": ("program start", "us"), "processor": ("program start, processor", "us")}
    yield Case("start", ["spawn"], figures, raw={"raw": ["raw-spawn"]})
    yield single("idle", ["idle"], "idle wake-ups", "wakes/s")
    yield single("pairs", ["pairs", "4"], "four pairs", "us")
    for transport in ("tcp", "inproc"):
        yield single("proxy", ["proxy", transport], f"proxy {transport}", "/s")
    for transport in ("tcp", "inproc"):
        label = f"instructions a message, {transport}"
        yield Case("counts", ["fixed", f"bulk-{transport}"], {"count": (label, "instructions")}, tool="callgrind")
    yield Case("counts", ["fixed", "trip"], {"count": ("system calls a round trip", "calls")}, tool="strace")


@dataclass
class Goal:
    """A goal: `what` is "reference" or a raw way (a ratio, more is better), or "most" (a plain limit)."""
    axis: str
    label: str
    what: str
    bound: float
    # What the neighbours do hardly matters: memory, processor time, the median of very short spans.
    sound: bool = False


# The goals this library was built for. The raw ratio says how much of what the machine allows is reached.
GOALS = [
    Goal("PUSH/PULL tcp, 16 B", "thr tcp 16", "reference", 14),
    Goal("PUSH/PULL tcp, 256 B", "thr tcp 256", "reference", 9),
    Goal("PUSH/PULL tcp, 4 KiB", "thr tcp 4K", "reference", 4),
    Goal("PUSH/PULL tcp, 64 KiB", "thr tcp 64K", "raw", 0.97),
    Goal("PUSH/PULL tcp, 1 MiB", "thr tcp 1M", "raw", 0.97),
    Goal("round trip tcp, beside epoll", "lat tcp 16", "raw epoll", 1 / 1.03),
    Goal("round trip tcp, beside spinning", "lat tcp 16", "raw spin", 1 / 1.06),
    Goal("one way, a message every 20 us", "one-way gap 20 us", "reference", 2.8),
    Goal("inproc, 16 B", "thr inproc 16", "reference", 30),
    Goal("inproc, round trip", "lat inproc 16", "reference", 2),
    Goal("PUB to 100 SUB, deliveries", "pub 100", "reference", 30),
    Goal("memory of an idle peer (1,000)", "peers 1000 memory", "most", 1024, True),
    Goal("memory of an idle peer (9,500)", "peers 9500 memory", "most", 1024, True),
    Goal("handshake, processor time", "peers 9500 handshake", "most", 10, True),
    Goal("ROUTER echo, 1,000 peers, one at a time", "peers 1000 echo one", "raw", 0.9),
    Goal("ROUTER echo, 1,000 peers, all at once", "peers 1000 echo all", "raw", 0.9),
    Goal("ROUTER echo, 9,500 peers, one at a time", "peers 9500 echo one", "raw", 0.9),
    Goal("ROUTER echo, 9,500 peers, all at once", "peers 9500 echo all", "raw", 0.9),
    Goal("connect and close, accepting side", "churn accepted", "reference", 3),
    Goal("connect and close, both ends", "churn both ends", "reference", 3),
    Goal("zmq_poll at once, 1 idle socket", "poll 1", "most", 0.02, True),
    Goal("zmq_poll at once, 100 idle sockets", "poll 100", "most", 0.15, True),
    Goal("zmq_poll at once, 1000 idle sockets", "poll 1000", "most", 0.15, True),
    Goal("10,000 subscriptions, matching", "subscriptions 10000", "reference", 3),
    Goal("CURVE, 16 B", "curve 16", "reference", 4),
    Goal("CURVE, 256 B", "curve 256", "reference", 3),
    Goal("CURVE, handshakes", "curve handshakes", "reference", 3),
    Goal("loop on ZMQ_FD, messages", "fd rate", "reference", 12),
    Goal("loop on ZMQ_FD, round trip", "fd round trip", "reference", 4),
    Goal("program start, processor time", "program start, processor", "most", 400, True),
    Goal("context and first socket", "first socket", "most", 6, True),
    Goal("wake-ups when idle", "idle wake-ups", "most", 0, True),
]


def unit_of(label, table={}):
    """The unit of a figure."""
    if not table:
        for case in cases(("tcp", "ipc", "inproc"), SIZES):
            table.update(dict(case.figures.values()))
    return table.get(label, "/s")


def better(label, ours, other):
    """How many times as good `ours` is as `other`."""
    if ours == other:
        return 1.0
    if MORE[unit_of(label)]:
        return ours / other if other else float("inf")
    return other / ours if ours else float("inf")
