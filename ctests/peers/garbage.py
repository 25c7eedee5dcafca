"""Peers that send what cannot be, early and late, started by ctests/peers/run, which compares two libraries.

Each prints whether the library hangs up and what its monitor says; a good peer goes on all the while.
"""

import sys

import calm
from library import MAXMSGSIZE, PULL, PUSH, Context, Monitor
from wire import SIGNATURE, Door, dial, ready

V3 = SIGNATURE + b"\3\0NULL" + bytes(48)
V31 = SIGNATURE + b"\3\1NULL" + bytes(48)
V2 = SIGNATURE + b"\1\x08"
V1 = SIGNATURE + b"\0\x08"
READY = ready(b"PUSH")


def command(body):
    return bytes([4, len(body)]) + body


def properties(*pairs):
    return command(b"\5READY" + b"".join(
        bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value for name, value in pairs))


HANG_UP = b"hang up"
OLD = ("an HTTP", "a TLS", "zeros", "1.0", "2.0", "a signature with an even")


# What a peer says, by name; then it waits, or hangs up.
EARLY = {
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"Accept: everything, really\r\n" * 4,
    "a TLS hello": bytes.fromhex("1603010200010001fc0303") + bytes(range(256)) * 2,
    "zeros": bytes(64),
    "ones": b"\xff" * 64,
    "a signature with an even last byte": b"\xff\0\0\0\0\0\0\0\0\x7e" + bytes(54),
    "a signature, then silence": SIGNATURE,
    "a revision of the future": SIGNATURE + b"\x7f\0NULL" + bytes(48) + READY,
    "revision 2": SIGNATURE + b"\2\0NULL" + bytes(48) + READY,
    "an unknown mechanism": SIGNATURE + b"\3\0NOSUCH" + bytes(46),
    "a mechanism with a tail": SIGNATURE + b"\3\0NULL" + b"\0" * 15 + b"x" + bytes(32),
    "PLAIN": SIGNATURE + b"\3\0PLAIN" + bytes(47),
    "1.0: a frame of no bytes": b"\1\0\0\0",
    "1.0: an identity over the limit": b"\xff\0\0\0\0\0\1\0\0\0" + bytes(64),
    "1.0: an identity of 2^63 bytes": b"\xff\x80\0\0\0\0\0\0\0\0" + bytes(64),
    "1.0: a frame of 2^64-1 bytes": b"\1\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\0",
    "1.0 with a greeting: a frame of no bytes": V1 + b"\1\0" + b"\0",
    "1.0 with a greeting: a frame of 2^63 bytes": V1 + b"\1\0" + b"\xff\x80\0\0\0\0\0\0\0\0",
    "2.0: an identity over the limit": V2 + b"\2\0\0\0\0\0\1\0\0",
    "2.0: a frame of 2^64-1 bytes": V2 + b"\0\0" + b"\2" + b"\xff" * 8,
    "2.0: a frame over the limit": V2 + b"\0\0" + b"\0\xfe",
}

LATE = {
    "a message before READY": b"\0\5hello",
    "READY without a type": properties(),
    "READY of another type": ready(b"SUB"),
    "READY of no known type": ready(b"NOSUCH"),
    "READY of an empty type": ready(b""),
    "READY of a type in small letters": ready(b"push"),
    "READY with two types": properties((b"Socket-Type", b"PUSH"), (b"Socket-Type", b"SUB")),
    "READY with an identity of 300 bytes": b"\6" + (300 + 39).to_bytes(8, "big") + b"\5READY\x0bSocket-Type\0\0\0\4PUSH"
                                           b"\x08Identity" + (300).to_bytes(4, "big") + bytes(300),
    "READY as a message": b"\0" + READY[1:],
    "READY with more to come": b"\5" + READY[1:],
    "READY in a long frame": b"\6" + len(READY[2:]).to_bytes(8, "big") + READY[2:],
    "READY that ends in a name": command(b"\5READY\x0bSocket-T"),
    "READY that ends in a length": command(b"\5READY\x0bSocket-Type\0\0"),
    "READY that ends in a value": command(b"\5READY\x0bSocket-Type\0\0\0\x09PUSH"),
    "READY with a value of 2^31 bytes": command(b"\5READY\x0bSocket-Type\x80\0\0\0PUSH"),
    "READY with a name of no bytes": command(READY[2:] + b"\0\0\0\0\1x"),
    "a command without a name": b"\4\0",
    "a command name longer than the command": command(b"\x20READY"),
    "an unknown command": command(b"\5OTHER"),
    "a HELLO": command(b"\5HELLO\1a\1b"),
    "an ERROR": command(b"\5ERROR\6broken"),
    "an ERROR without a reason": command(b"\5ERROR"),
    "an ERROR whose reason is cut off": command(b"\5ERROR\6bro"),
    "a frame of 2^63 bytes": b"\6\x80\0\0\0\0\0\0\0",
    "half a READY, then silence": READY[:9],
    "half a READY, then the end": READY[:9] + HANG_UP,
}

AFTER = {
    "a message over the limit": b"\0\xfe",
    "a long message over the limit": b"\2\0\0\0\0\0\1\0\0",
    "a message of 2^64-1 bytes": b"\2" + b"\xff" * 8,
    "a message of no bytes": b"\0\0",
    "READY again": READY,
    "an unknown command": command(b"\5OTHER"),
    "a subscription": command(b"\x09SUBSCRIBEtopic"),
    "half a message, then the end": b"\0\5he" + HANG_UP,
    "a first part, then the end": b"\1\5hello" + HANG_UP,
    "PING with a context of 16 bytes": command(b"\4PING\0\0" + bytes(16)),
}


def show(name, monitor, wire, *steps):
    """Says what is in `steps`, listening after each; prints the end of it."""
    print(f"-- {name}")
    fate = "still open"
    for step in steps:
        try:
            wire.send(step.removesuffix(HANG_UP))
        except OSError:
            pass
        fate = wire.fate(100)
    if steps[-1].endswith(HANG_UP):
        wire.close()
        fate = "leaves"
    elif fate == "still open":
        fate = wire.fate(200)
    before = monitor.events(80)
    wire.close()
    after = monitor.events(80)
    if name.startswith(OLD):
        # libzmq says of old peers that have come and gone that their handshake failed.
        before, after = ([event for event in events if "HANDSHAKE" not in event] for events in (before, after))
    print(fate, ":", " ".join(before) or "nothing to tell", "; then", " ".join(after) or "nothing more")


def bound(context):
    """They connect to a library that has a good peer."""
    pull = context.socket(PULL)
    pull.set(MAXMSGSIZE, 200)
    monitor = Monitor(context, pull)
    port = pull.bind()
    good = context.socket(PUSH)
    good.connect(f"tcp://127.0.0.1:{port}")
    good.send(b"a good peer")
    print(pull.receive(), *monitor.events())
    for version, start in (("3.0", V3), ("3.1", V31)):
        for phase, table in (("greeting", EARLY), ("handshake", LATE), ("traffic", AFTER)):
            if phase == "greeting" and version == "3.1":
                continue
            for name, data in table.items():
                steps = {"greeting": [data], "handshake": [start + data], "traffic": [start + READY, data]}[phase]
                show(name if phase == "greeting" else f"{version} {phase}: {name}", monitor, dial(port), *steps)
                while not isinstance(message := pull.receive_or_errno(20), str):
                    print("the library reads", message)
                good.send(b"still", b"here")
                assert pull.receive() == [b"still", b"here"]
    good.close()
    pull.close()
    monitor.close()


def comes_again(door):
    door.sock.settimeout(0.3)
    try:
        door.accept().close()
    except TimeoutError:
        return False
    return True


def connecting(context):
    """The library connects to them."""
    cases = {name: [data] for name, data in EARLY.items()}
    cases |= {f"handshake: {name}": [V31 + data] for name, data in LATE.items()}
    cases |= {f"traffic: {name}": [V31 + READY, data] for name, data in AFTER.items()}
    for name, steps in cases.items():
        door = Door()
        pull = context.socket(PULL)
        pull.set(MAXMSGSIZE, 200)
        monitor = Monitor(context, pull)
        other = context.socket(PUSH)
        pull.connect(door.endpoint)
        other.connect(f"tcp://127.0.0.1:{pull.bind()}")
        wire = door.accept()
        other.send(b"good")
        assert pull.receive() == [b"good"], "before"
        monitor.events(60)
        show(name, monitor, wire, *steps)
        print("comes again" if calm.patiently(lambda: comes_again(door), False) else "does not come again")
        while not isinstance(message := pull.receive_or_errno(50), str):
            print("the library reads", message)
        other.send(b"still here")
        assert pull.receive() == [b"still here"]
        for socket in (other, pull, monitor):
            socket.close()
        door.close()


def main():
    context = Context()
    {"bound": bound, "connecting": connecting}[sys.argv[1]](context)
    context.end()


if __name__ == "__main__":
    main()
