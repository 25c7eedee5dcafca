"""What was mended in libzmq's GSSAPI after 4.3.5 (the reference is built without it). Runs inside a Kerberos realm of its own, see ctests/gssapi/realm."""

from trigger import *
from trigger import main

GSSAPI_SERVER, GSSAPI_PRINCIPAL, GSSAPI_SERVICE_PRINCIPAL = 62, 63, 64
WHO = b"zmqtest2"


def server(context, kind):
    sock = context.socket(kind)
    sock.set(GSSAPI_SERVER, 1)
    sock.set(GSSAPI_PRINCIPAL, WHO + b"\0")
    return sock


def client(context, kind):
    sock = context.socket(kind)
    sock.set(GSSAPI_PRINCIPAL, WHO + b"\0")
    sock.set(GSSAPI_SERVICE_PRINCIPAL, WHO + b"\0")
    sock.set(RECONNECT_IVL, 20)
    return sock


def hears(pub, sub, topic):
    sub.set(RCVTIMEO, 30)
    for _ in range(150):
        pub.send(topic + b" text")
        try:
            return sub.receive() == [topic + b" text"]
        except Failed:
            continue
    return False


@row("ccfe5082", reference="not run", seconds=60)
def subscriptions_survive_a_reconnect():
    context = Context()
    xpub, sub = server(context, XPUB), client(context, SUB)
    port = xpub.bind()
    sub.set(SUBSCRIBE, b"one")
    sub.set(SUBSCRIBE, b"two")
    sub.connect(f"tcp://127.0.0.1:{port}")
    assert hears(xpub, sub, b"one")
    sub.set(UNSUBSCRIBE, b"two")
    for _ in range(2):
        xpub.close()
        time.sleep(0.05)
        xpub = server(context, XPUB)
        until(lambda: zmq.zmq_bind(xpub.handle, b"tcp://127.0.0.1:%d" % port) == 0)
        assert hears(xpub, sub, b"one"), "the subscription is lost"
        found = set()
        while not isinstance(answer := xpub.receive_or_errno(50), str):
            found.add(answer[0])
        assert found == {b"\1one"}, found


@row("80a4ac4c", reference="not run", seconds=60)
def encrypted_messages_are_freed():
    context = Context()
    pull, push = server(context, PULL), client(context, PUSH)
    push.connect(f"tcp://127.0.0.1:{pull.bind()}")

    def once():
        for _ in range(20):
            push.send(b"x" * 3000)
        for _ in range(20):
            pull.receive()

    does_not_grow(once, 100, 3_000_000)


@row("ba63f037", reference="not run", seconds=60)
def a_client_that_zap_denies_stays_outside():
    context = Context()
    handler = context.socket(REP)
    check(zmq.zmq_bind(handler.handle, b"inproc://zeromq.zap.01"), "zmq_bind")
    for status in (b"400", b"300", b"500"):
        pull, push = server(context, PULL), client(context, PUSH)
        pull.set(ZAP_DOMAIN, b"domain")
        push.set(RECONNECT_IVL, -1)
        push.connect(f"tcp://127.0.0.1:{pull.bind()}")
        push.send(b"let me in")
        request = handler.receive()
        assert request[5] == b"GSSAPI"
        handler.send(b"1.0", request[1], status, b"no", b"", b"")
        assert pull.receive_or_errno(300) == "errno 11", status
        push.close()
        pull.close()


if __name__ == "__main__":
    main()
