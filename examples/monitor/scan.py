"""What page.py shows of one box: its processes that use 0MQ, their sockets and connections, and the figures of both.

The kernel knows which processes have a libzmq loaded (/proc/PID/maps), which connections are theirs and how many bytes
went over each (`ss`). Types of sockets and counts of messages are known for processes that run with witness.so. A libzmq
linked into a program leaves no trace in maps; such a program is seen only as a peer of others. A box is whatever has
network interfaces of its own: a host, or a container.
"""

import os
import re
import struct
import subprocess
import time
from pathlib import Path

TYPES = ["PAIR", "PUB", "SUB", "REQ", "REP", "DEALER", "ROUTER", "PULL", "PUSH", "XPUB", "XSUB", "STREAM", "SERVER", "CLIENT",
         "RADIO", "DISH", "GATHER", "SCATTER", "DGRAM", "PEER", "CHANNEL"]
# entry_t of witness.c: socket, parts in, bytes in, parts out, bytes out, type, closed, endpoints
ENTRY = struct.Struct("5Q2i208s")
USERS = re.compile(r"pid=(\d+),fd=(\d+)")


def processes():
    """Processes of this box that have a libzmq loaded: pid -> (command, path of the library)."""
    found = {}
    here = os.readlink("/proc/self/ns/net")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int(folder.name) == os.getpid() or os.readlink(folder / "ns/net") != here:
                continue
            library = re.search(r"\S*/libzmq\S*\.so\S*", (folder / "maps").read_text())
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except (OSError, ValueError):
            continue  # it has ended, or is not ours to look at
        if library:
            found[int(folder.name)] = (" ".join(words).strip(), library[0])
    return found


def ss(*options):
    done = subprocess.run(["ss", "-H", "-O", "-n", "-p", *options], capture_output=True, text=True)
    return [line.split() for line in done.stdout.splitlines()]


def figure(words, name):
    return next((float(word.split(":")[1].split("/")[0]) for word in words if word.startswith(name + ":")), 0)


def connections(wanted):
    """TCP connections and listeners of the wanted processes, and unix connections, which only have queues: pid -> list."""
    found = {pid: [] for pid in wanted}
    tcp = [words for words in ss("-t", "-a", "-i") if len(words) >= 5]
    owner = {words[3]: int(user[1]) for words in tcp if words[0] == "ESTAB" and (user := USERS.search(" ".join(words)))}
    for words in tcp:
        for pid in {int(pid) for pid, _ in USERS.findall(" ".join(words))} & set(found):
            if words[0] == "LISTEN":
                found[pid].append({"kind": "listens", "local": f"tcp://{words[3]}"})
            elif words[0] == "ESTAB":
                found[pid].append({
                    "kind": "connected", "local": f"tcp://{words[3]}", "remote": f"tcp://{words[4]}", "peer": owner.get(words[4]),
                    "bytes_out": int(figure(words, "bytes_sent")), "bytes_in": int(figure(words, "bytes_received")),
                    "waiting_in": int(words[1]), "waiting_out": int(words[2]), "round_trip_ms": figure(words, "rtt")})
    unix = [words for words in ss("-x", "-a") if len(words) >= 8 and words[0] == "u_str"]
    owner = {words[5]: int(user[1]) for words in unix if (user := USERS.search(" ".join(words)))}
    for words in unix:
        pid, peer = owner.get(words[5]), owner.get(words[7])
        if pid not in found:
            continue
        if words[1] == "LISTEN":
            found[pid].append({"kind": "listens", "local": f"ipc://{words[4]}"})
        elif peer in found and peer != pid:
            found[pid].append({"kind": "connected", "local": f"ipc://{words[4]}", "remote": "ipc", "peer": peer,
                               "waiting_in": int(words[2]), "waiting_out": int(words[3])})
    return found


def witnessed(folder, pid):
    """The sockets of a process that runs with witness.so; None for one that does not."""
    try:
        data = (Path(folder) / str(pid)).read_bytes()
    except (OSError, TypeError):
        return None
    sockets = []
    for socket, parts_in, bytes_in, parts_out, bytes_out, kind, closed, endpoints in ENTRY.iter_unpack(data):
        if socket > 1 and not closed:
            words = endpoints.split(b"\0")[0].decode(errors="replace").split()
            sockets.append({
                "id": socket, "type": TYPES[kind] if kind < len(TYPES) else str(kind),
                "endpoints": [" ".join(pair) for pair in zip(words[::2], words[1::2])],
                "parts_in": parts_in, "bytes_in": bytes_in, "parts_out": parts_out, "bytes_out": bytes_out})
    return sockets


class Box:
    """One box, scanned again and again: figures come with how much they grow in a second."""

    def __init__(self, name, folder=None):
        self.name, self.folder = name, folder
        self.before, self.at = {}, None

    def scan(self):
        now = time.monotonic()
        found = processes()
        connected = connections(found)
        state = []
        for pid, (command, library) in sorted(found.items()):
            sockets = witnessed(self.folder, pid)
            state.append({"pid": pid, "command": command, "library": library, "witnessed": sockets is not None,
                          "sockets": sockets or [], "connections": connected[pid]})
        seen = {}
        for process in state:
            for item in process["sockets"] + process["connections"]:
                key = (process["pid"], item.get("id"), item.get("local"), item.get("remote"))
                figures = {name: item[name] for name in ["parts_in", "parts_out", "bytes_in", "bytes_out"] if name in item}
                for name, value in figures.items():
                    grown = value - self.before.get(key, figures)[name]
                    item[f"{name}_rate"] = round(grown / (now - self.at)) if self.at else 0
                seen[key] = figures
        self.before, self.at = seen, now
        return {"box": self.name, "time": time.time(), "processes": state}
