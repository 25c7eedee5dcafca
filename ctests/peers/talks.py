"""Conversations of a library with a peer that speaks an older ZMTP, started by ctests/peers/run, which compares two libraries.

Every pair of socket types, the peer connecting and connected to, with an identity and without, in one piece and byte by
byte. Prints all that either side reads.
"""

import sys
import time

from library import DEALER, NAMES, PAIR, PUB, PULL, PUSH, REP, REQ, ROUTER, ROUTING_ID, SUB, SUBSCRIBE, XPUB, XSUB
from library import Context
from wire import DIALECTS, Closed, Door, dial

LARGE = bytes(range(256)) * 400
SIZES = [b"", b"x", b"y" * 253, b"z" * 254, b"u" * 255, b"v" * 256, b"w" * 8193, LARGE]


def brief(message):
    if isinstance(message, str):
        return message
    parts = [part if isinstance(part, str) else f"<{len(part)} bytes {part[:1]!r}>" if len(part) > 40 else repr(part)
             for part in message]
    return " | ".join(parts)


def both_ways(say, ours, peer, envelope_in=(), envelope_out=()):
    """Messages one way and then the other. `envelope_in` is what the peer puts in front, `envelope_out` what we do."""
    for body in SIZES:
        peer.send(*envelope_in, body)
        say("library <-", ours.receive())
        ours.send(*envelope_out, body)
        say("peer <-", peer.receive())
    peer.send(*envelope_in, b"one", b"", b"three")
    say("library <-", ours.receive())
    ours.send(*envelope_out, b"one", b"", b"three")
    say("peer <-", peer.receive())


def routed(say, ours, peer, envelope=()):
    """The library's ROUTER: the peer speaks first, its routing id comes with the message."""
    for body in SIZES:
        peer.send(*envelope, body)
        identity, *rest = ours.receive()
        say("library <-", ["generated" if identity[:1] == b"\0" else identity, *rest])
        ours.send(identity, *rest)
        say("peer <-", peer.receive())


def asks(say, ours, peer, envelope=()):
    for body in SIZES:
        ours.send(*envelope, body)
        question = peer.receive()
        say("peer <-", question)
        peer.send(*question)
        say("library <-", ours.receive())


def answers(say, ours, peer, envelope):
    for body in SIZES:
        peer.send(*envelope, body)
        say("library <-", ours.receive())
        ours.send(body, b"more")
        say("peer <-", peer.receive())


def takes(say, ours, peer):
    for body in SIZES:
        peer.send(body, body)
        say("library <-", ours.receive())


def gives(say, ours, peer):
    for body in SIZES:
        ours.send(body, body)
        say("peer <-", peer.receive())


def publishes(say, ours, peer):
    peer.subscribe(b"a")
    peer.subscribe(b"b")
    peer.send(b"\0b")
    if ours.kind == XPUB:
        for _ in range(4):
            say("library <-", ours.receive_or_errno())
    else:
        time.sleep(0.1)
    for topic in (b"b1", b"a1", b"c1", b"a2"):
        ours.send(topic, b"body")
    ours.send(b"a last")
    message = None
    while message != [b"a last"]:
        message = peer.receive()
        say("peer <-", message)


def subscribes(say, ours, peer):
    """The peer reads subscriptions as messages, in any order; then publishes, whatever was asked for."""
    def subscribe(topic):
        if ours.kind == SUB:
            ours.set(SUBSCRIBE, topic)
        else:
            ours.send(b"\1" + topic)

    ours.rest_using(60)
    subscribe(b"late")
    found = sorted(map(brief, (peer.receive(), peer.receive())))
    say("peer <-", " and ".join(found))
    if ours.kind == XSUB:
        ours.send(b"\2not a subscription")
        say("peer <-", peer.receive())
    for topic in (b"early 1", b"other", b"late 1", b"early 2"):
        peer.send(topic, b"body")
    for _ in range(3):
        say("library <-", ours.receive())
    say("library <-", ours.receive_or_errno(150))


PAIRS = [
    (PAIR, PAIR, both_ways, {}),
    (REQ, REP, asks, {}),
    (REQ, ROUTER, asks, {}),
    (REP, REQ, answers, {"envelope": (b"",)}),
    (REP, DEALER, answers, {"envelope": (b"hop", b"")}),
    (DEALER, REP, asks, {"envelope": (b"",)}),
    (DEALER, ROUTER, both_ways, {}),
    (DEALER, DEALER, both_ways, {}),
    (ROUTER, REQ, routed, {"envelope": (b"",)}),
    (ROUTER, DEALER, routed, {}),
    (ROUTER, ROUTER, routed, {}),
    (PULL, PUSH, takes, {}),
    (PUSH, PULL, gives, {}),
    (PUB, SUB, publishes, {}),
    (PUB, XSUB, publishes, {}),
    (XPUB, SUB, publishes, {}),
    (XPUB, XSUB, publishes, {}),
    (SUB, PUB, subscribes, {}),
    (SUB, XPUB, subscribes, {}),
    (XSUB, PUB, subscribes, {}),
    (XSUB, XPUB, subscribes, {}),
]


def talk(dialect, pair, connects, identity, trickle):
    kind, peer_kind, conversation, extra = pair
    print(f"-- {NAMES[kind]} here, {NAMES[peer_kind]} of {dialect.name} {'connects' if connects else 'is connected to'},"
          f" identity {identity!r}{', byte by byte' if trickle else ''}")

    def say(what, message):
        print(what, brief(message))

    context = Context()
    ours = context.socket(kind)
    if identity:
        ours.set(ROUTING_ID, b"library")
    if kind == SUB:
        ours.set(SUBSCRIBE, b"early")
    door = None if connects else Door()
    if connects:
        port = ours.bind()
        if kind == XSUB:
            ours.send(b"\1early")
        wire = dial(port, trickle)
    else:
        ours.connect(door.endpoint)
        if kind == XSUB:
            ours.send(b"\1early")
        wire = door.accept(trickle)
    try:
        peer = dialect(wire, peer_kind, identity)
        print(peer.greet())
        conversation(say, ours, peer, **extra)
        wire.close()
        if not connects:
            # The library comes again.
            wire = door.accept(trickle)
            peer = dialect(wire, peer_kind, identity)
            print("again", peer.greet())
    except (Closed, TimeoutError) as why:
        print(f"the peer gives up: {why}")
    except Exception as why:  # noqa: BLE001: whatever it is, it is to be compared
        print(f"{type(why).__name__}: {why}")
    wire.close()
    if door:
        door.close()
    ours.close()
    context.end()


def main():
    dialect = next(dialect for dialect in DIALECTS if dialect.__name__ == sys.argv[1])
    connects = sys.argv[2] == "connects"
    for pair in PAIRS:
        for identity in (b"", b"me"):
            for trickle in (False, True):
                talk(dialect, pair, connects, identity, trickle)


if __name__ == "__main__":
    main()
