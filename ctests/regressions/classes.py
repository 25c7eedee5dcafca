"""The bug classes that make people leave libzmq, as far as no other test of this project has their trigger already
(covered.tsv names those)."""

import resource
import subprocess
import threading

from trigger import *
from trigger import main


@row("class 2: #4350", reference="crashes")
def the_application_closes_the_descriptor_of_a_socket():
    context = Context()
    pull, push = context.socket(PULL), context.socket(PUSH)
    push.connect(f"tcp://127.0.0.1:{pull.bind()}")
    push.send(b"one")
    assert pull.receive() == [b"one"]
    fd = struct.unpack("=i", pull.get(FD, 4))[0]
    os.close(fd)
    push.send(b"two")
    # The process lives; whether this socket still hears is another question.
    pull.receive_or_errno(300)
    pull.close()
    push.close()
    works(context)


@row("class 2: #4472, #1627, #2103", reference="crashes")
def the_application_closes_connections_of_the_library():
    context = Context()
    pull, push = context.socket(PULL), context.socket(PUSH)
    push.connect(f"tcp://127.0.0.1:{pull.bind()}")
    push.send(b"one")
    assert pull.receive() == [b"one"]
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                os.close(int(name))
        except OSError:
            pass
    for _ in range(20):
        try:
            zmq.zmq_send(push.handle, b"two", 3, 1)
        except Failed:
            pass
    pull.receive_or_errno(100)
    pull.close()
    push.close()
    # Until its connections have ended the context closes numbers that may be somebody else's by now: that is the caller's doing.
    context.end()
    other = Context()
    works(other)
    other.end()


@row("class 2: #3104", reference="fails")
def the_standard_descriptors_are_left_alone():
    kept = [os.dup(number) for number in (1, 2)]
    before = os.listdir("/proc/self/fd")
    for number in (0, 1, 2):
        os.close(number)
    context = Context()
    pull, push = context.socket(PULL), context.socket(PUSH)
    push.connect(f"tcp://127.0.0.1:{pull.bind()}")
    push.send(b"one")
    assert pull.receive() == [b"one"]
    used = [number for number in (0, 1, 2) if os.path.exists(f"/proc/self/fd/{number}")]
    for number, copy in zip((1, 2), kept):
        os.dup2(copy, number)
    assert not used, used
    # None of the others is inherited by programs that are started.
    for name in os.listdir("/proc/self/fd"):
        if name not in before and os.path.exists(f"/proc/self/fd/{name}"):
            assert not os.get_inheritable(int(name)), os.readlink(f"/proc/self/fd/{name}")


def sockets_until_error(context, found):
    """Makes sockets and asks for their descriptors, which may be made only then."""
    for _ in range(100):
        handle = zmq.zmq_socket(context.handle, PULL)
        if not handle:
            return zmq.zmq_errno()
        found.append(handle)
        value, size = ctypes.c_int(), ctypes.c_size_t(4)
        if zmq.zmq_getsockopt(handle, FD, ctypes.byref(value), ctypes.byref(size)) == -1:
            return zmq.zmq_errno()
    return 0


@row("class 3: descriptors run out", reference="passes")
def zmq_socket_says_that_descriptors_have_run_out():
    context = Context()
    works(context)
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    found = []
    assert sockets_until_error(context, found) == 24, "EMFILE"
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    for handle in found:
        check(zmq.zmq_close(handle), "zmq_close")
    works(context)


@row("class 3: accept", reference="passes")
def accepting_waits_until_there_are_descriptors():
    context = Context()
    pull = context.socket(PULL)
    monitor = Monitor(context, pull)
    port = pull.bind()
    works(context)
    plain = [socket.socket() for _ in range(30)]
    used = len(os.listdir("/proc/self/fd"))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 2, most))
    for sock in plain:
        sock.connect(("127.0.0.1", port))
    time.sleep(0.3)
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 100, most))
    events = monitor.events(200)
    assert "ACCEPT_FAILED" in events, events
    # Nobody knocks now: those who wait are remembered.
    for sock in plain:
        sock.settimeout(2)
        assert sock.recv(10).startswith(b"\xff"), "not accepted"
        sock.close()
    push = context.socket(PUSH)
    push.connect(f"tcp://127.0.0.1:{port}")
    push.send(b"now")
    assert pull.receive() == [b"now"]


@row("class 4: #2334, #1399", reference="passes")
def addresses_that_the_kernel_refuses():
    context = Context()
    push = context.socket(PUSH)
    push.set(RECONNECT_IVL, 10)
    # Where nobody may go the kernel says EACCES, which is none of the errnos that a connect usually ends with.
    subprocess.run(["ip", "route", "add", "prohibit", "198.51.100.0/24"], check=True)
    try:
        socket.create_connection(("198.51.100.7", 5), 0.5)
        raise AssertionError("somebody is there")
    except PermissionError:
        pass
    for where in ("198.51.100.7:5", "255.255.255.255:5", "240.0.0.1:5", "224.0.0.1:5", "0.0.0.0:1", "203.0.113.1:9", "127.0.0.1:1"):
        push.connect(f"tcp://{where}")
    for where in ("ipc:///nowhere/at/all", "ipc://" + "/".join(["long"] * 15)):
        push.connect(where)
    time.sleep(0.3)
    works(context)
    push.close()
    context.end()


def slow_reader(context, seconds):
    """A PULL of a small queue that heartbeats, and is not read for a while."""
    pull, push = context.socket(PULL), context.socket(PUSH)
    monitor = Monitor(context, push)
    for sock in (pull, push):
        sock.set(HEARTBEAT_IVL, 60)
        sock.set(HEARTBEAT_TIMEOUT, 180)
        sock.set(HEARTBEAT_TTL, 300)
        sock.set(HWM_SEND, 5)
        sock.set(HWM_RECEIVE, 5)
    push.set(SNDTIMEO, 0)
    push.connect(f"tcp://127.0.0.1:{pull.bind()}")
    sent, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            push.send(b"%d " % sent + b"x" * 100_000)
            sent += 1
        except Failed:
            time.sleep(0.01)
    assert "DISCONNECTED" not in monitor.events(10), "a live peer was dropped"
    for number in range(sent):
        assert pull.receive()[0].startswith(b"%d " % number)


@row("class 7: #3937, #4767, #3596", reference="fails")
def heartbeats_bear_with_a_slow_reader():
    slow_reader(Context(), 1.5)


@row("class 7: #2709", reference="fails")
def a_large_message_that_trickles_in_is_a_sign_of_life():
    context = Context()
    pull = context.socket(PULL)
    pull.set(HEARTBEAT_IVL, 60)
    pull.set(HEARTBEAT_TIMEOUT, 200)
    wire = shake(pull.bind(), "PUSH")
    wire.send(b"\2" + (600_000).to_bytes(8, "big"))
    for _ in range(30):
        wire.send(b"y" * 20_000)
        time.sleep(0.02)
    assert pull.receive() == [b"y" * 600_000]


@row("class 7: #4226", reference="passes")
def a_time_to_live_beyond_a_minute_does_not_wrap():
    context = Context()
    push = context.socket(PUSH)
    door = Door()
    push.set(HEARTBEAT_IVL, 20)
    # 65536 tenths of a second; libzmq's own limit is in the manual.
    push.set(HEARTBEAT_TTL, 70_000)
    assert struct.unpack("=i", push.get(HEARTBEAT_TTL, 4))[0] == 70_000
    push.connect(door.endpoint)
    wire = door.accept()
    wire.send(V31 + ready(b"PULL"))
    wire.take(64)
    wire.take(wire.take(2)[1])
    assert wire.take(9) == command(b"\4PING" + (700).to_bytes(2, "big"))


@row("class 7: #4226, a peer's", reference="fails")
def the_time_to_live_of_a_peer_does_not_wrap():
    context = Context()
    pull = context.socket(PULL)
    wire = shake(pull.bind(), "PUSH")
    # 65.6 s; in a 16 bit number of milliseconds that is 64 ms.
    wire.send(command(b"\4PING" + (656).to_bytes(2, "big")))
    assert wire.take(7) == command(b"\4PONG")
    assert wire.fate(700) == "still open", "a live peer was dropped"
    wire.send(message(b"here"))
    assert pull.receive() == [b"here"]


@row("class 8: #2942, #2252", reference="fails|passes")
def subscribing_and_unsubscribing_in_any_order():
    context = Context()
    pub = context.socket(PUB)
    wire = shake(pub.bind(), "SUB")
    wire.send((message(b"\0never asked for") + message(b"\1a") + message(b"\1a") + message(b"\0a")) * 300)
    sub = context.socket(SUB)
    sub.connect(endpoint(pub))
    for _ in range(500):
        sub.set(SUBSCRIBE, b"b")
        sub.set(UNSUBSCRIBE, b"b")
        sub.set(SUBSCRIBE, b"c")
    # What one takes back another keeps.
    sub.set(SUBSCRIBE, b"a")
    sub.set(RCVTIMEO, 20)

    def heard(text):
        pub.send(text)
        try:
            return sub.receive() == [text]
        except Failed:
            return False

    until(lambda: heard(b"c hear"))
    until(lambda: heard(b"a hear"))
    wire.send(message(b"\1a") + message(b"\0a"))
    time.sleep(0.05)
    until(lambda: heard(b"a hear"))
    wire.send(message(b"\1a"))

    wire.sock.settimeout(0.05)
    heard = b""
    for _ in range(40):
        pub.send(b"a still")
        try:
            heard += wire.sock.recv(1000)
            break
        except TimeoutError:
            pass
    assert heard.startswith(message(b"a still")), heard


def small(sock, other):
    """A message of one small frame; the other socket is used meanwhile."""
    buffer = ctypes.create_string_buffer(100)
    for _ in range(100):
        size = zmq.zmq_recv(sock.handle, buffer, len(buffer), 1)
        if size != -1:
            return buffer.raw[:size]
        time.sleep(0.02)
        other.get(EVENTS_NOW)
    raise AssertionError("nothing came")


@row("class 8: #2258", reference="fails")
def thousands_of_filters_survive_a_reconnect():
    context = Context()
    sub, xpub = context.socket(SUB), context.socket(XPUB)
    sub.set(RECONNECT_IVL, 10)
    for number in range(3000):
        sub.set(SUBSCRIBE, b"%05d" % number)
    port = xpub.bind()
    sub.connect(f"tcp://127.0.0.1:{port}")
    for _ in range(2):
        # A subscriber says its filters again when it takes note of the new connection.
        topics = {small(xpub, sub)[1:] for _ in range(3000)}
        assert topics == {b"%05d" % number for number in range(3000)}
        xpub.close()
        time.sleep(0.05)
        xpub = context.socket(XPUB)
        until(lambda: zmq.zmq_bind(xpub.handle, b"tcp://127.0.0.1:%d" % port) == 0)


@row("class 8: #3471", reference="passes")
def garbage_for_a_publisher():
    context = Context()
    xpub = context.socket(XPUB)
    port = xpub.bind()
    for body in (b"", b"\2", b"\1", b"\0", b"\xff" * 300, b"\1" + b"\0" * 70000):
        for start in (V31 + ready(b"SUB"), SIGNATURE + b"\1\2\0\0"):
            wire = dial(port)
            wire.send(start)
            wire.fate(30)
            commands = (b"\x09SUBSCRIBE", b"\6CANCEL", b"\4JOINg", b"\7UNKNOWN", b"\4PONG")
            wire.send(message(body, True) + message(body) + b"".join(map(command, commands)))
            wire.fate(30)
            wire.close()
    xpub.send(b"still here")
    works(context)


@row("class 8: #4286, #1256, #4811, #1400", reference="passes")
def an_idle_publisher_forgets_its_readers():
    context = Context()
    pub = context.socket(PUB)
    port = pub.bind()

    serial = iter(range(100_000))

    def once():
        # libzmq's takes note of what has gone when it is used.
        wires = [shake(port, "SUB") for _ in range(20)]
        for wire in wires:
            wire.send(message(b"\1" + b"%020000d" % next(serial)))
        time.sleep(0.01)
        for wire in wires:
            wire.close()
        pub.get(EVENTS_NOW)

    does_not_grow(once, 30, 3_000_000)


@row("class 12: #1126", reference="passes")
def connecting_after_disconnecting():
    context = Context()
    pull, push = context.socket(PULL), context.socket(PUSH)
    where = f"tcp://127.0.0.1:{pull.bind()}"
    for number in range(20):
        push.connect(where)
        push.send(b"%d" % number)
        assert pull.receive() == [b"%d" % number]
        check(zmq.zmq_disconnect(push.handle, where.encode()), "zmq_disconnect")
    # What was sent before lingers.
    push.set(LINGER, 5000)
    for number in range(20):
        push.connect(where)
        push.send(b"%d" % number)
        check(zmq.zmq_disconnect(push.handle, where.encode()), "zmq_disconnect")
        assert pull.receive() == [b"%d" % number]


@row("class 12: #3392", reference="passes")
def what_came_before_a_reset_is_delivered():
    context = Context()
    pull = context.socket(PULL)
    port = pull.bind()
    for number in range(10):
        wire = shake(port, "PUSH")
        wire.send(b"".join(message(b"%d" % count) for count in range(200)))
        time.sleep(0.03)
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.close()
        for count in range(200):
            assert pull.receive() == [b"%d" % count], number


@row("class 12: the tail of a sender that exits", reference="fails|hangs|passes", seconds=60)
def all_of_a_sender_that_exits_arrives_over_ipc():
    # The reader is at its high water mark when the sender's process ends. ROUNDS=1000 for the long version.
    for number in range(int(os.environ.get("ROUNDS", "20"))):
        where, count = f"ipc://tail-{number}.ipc", 1500
        child = os.fork()
        if child == 0:
            context = Context()
            push = context.socket(PUSH)
            push.set(HWM_SEND, 0)
            push.set(LINGER, -1)
            push.set(RECONNECT_IVL, 5)
            push.connect(where)
            for index in range(count):
                push.send(b"%d " % index + b"x" * 1000)
            push.close()
            context.end()
            os._exit(0)
        context = Context()
        pull = context.socket(PULL)
        pull.set(HWM_RECEIVE, 10)
        check(zmq.zmq_bind(pull.handle, where.encode()), "zmq_bind")
        buffer = ctypes.create_string_buffer(2000)
        pull.set(RCVTIMEO, 5000)
        for index in range(count):
            if index in (5, count - 200):
                time.sleep(0.01)
            size = zmq.zmq_recv(pull.handle, buffer, len(buffer), 0)
            assert size > 0, f"round {number}: lost from {index} of {count} on"
            assert buffer.raw[:size].startswith(b"%d " % index)
        assert os.waitpid(child, 0)[1] == 0
        pull.close()
        context.end()


@row("class 12: #2871, #4394", reference="passes")
def a_queue_holds_what_both_marks_say():
    context = Context()
    for where in ("inproc://hwm", "tcp://127.0.0.1:*"):
        pull, push = context.socket(PULL), context.socket(PUSH)
        pull.set(HWM_RECEIVE, 10)
        push.set(HWM_SEND, 10)
        push.set(SNDTIMEO, 200)
        check(zmq.zmq_bind(pull.handle, where.encode()), where)
        push.connect(endpoint(pull))
        sent = 0
        try:
            while sent < 10_000:
                push.send(b"x" * 100_000)
                sent += 1
        except Failed as failed:
            assert failed.errno == 11
        # Both marks, and what is in the kernel's buffers.
        assert 20 <= sent < 300 and (sent == 20 or where.startswith("tcp")), (where, sent)
        for _ in range(sent):
            pull.receive()
        push.send(b"room again")
        assert pull.receive() == [b"room again"]
        push.close()
        pull.close()


@row("class 10: #2892, #1575, #4503", reference="fails|passes")
def a_name_can_be_used_again():
    context = Context()
    router = context.socket(ROUTER)
    port = router.bind()
    for number in range(30):
        dealer = context.socket(DEALER)
        dealer.set(ROUTING_ID, b"name")
        dealer.connect(f"tcp://127.0.0.1:{port}")
        dealer.send(b"%d" % number)
        assert router.receive() == [b"name", b"%d" % number]
        router.send(b"name", b"back")
        assert dealer.receive() == [b"back"]
        dealer.close()
        # Until the router has noticed that it is gone.
        router.rest_using(40)


@row("class 11: #3641, #1434", reference="passes")
def an_event_loop_that_keeps_the_contract_misses_nothing():
    import select
    context = Context()
    pull, push = context.socket(PULL), context.socket(PUSH)
    push.connect(f"tcp://127.0.0.1:{pull.bind()}")
    fd = struct.unpack("=i", pull.get(FD, 4))[0]
    poll = select.epoll()
    poll.register(fd, select.EPOLLIN | select.EPOLLET)
    taken = threading.Semaphore(0)

    def feed(count, one_by_one):
        for number in range(count):
            if one_by_one:
                # The loop is asleep by then, and has to be woken by this one.
                time.sleep(0.0005)
            push.send(b"%d" % number)
            if one_by_one:
                taken.acquire()

    for count, one_by_one in ((500, False), (300, True)):
        thread = threading.Thread(target=feed, args=(count, one_by_one))
        thread.start()
        got = 0
        while got < count:
            if not struct.unpack("=i", pull.get(EVENTS_NOW, 4))[0] & 1:
                assert poll.poll(5), f"nothing after {got}"
                continue
            while True:
                answer = pull.receive_or_errno(0)
                if isinstance(answer, str):
                    break
                assert answer == [b"%d" % got]
                got += 1
                if one_by_one:
                    taken.release()
        thread.join()


@row("class 13: #4418", reference="passes", seconds=60)
def a_message_larger_than_what_is_made_at_once():
    context = Context()
    pull, push = context.socket(PULL), context.socket(PUSH)
    push.connect(f"tcp://127.0.0.1:{pull.bind()}")
    body = os.urandom(1 << 16) * 700
    push.send(body, b"tail")
    zmq.zmq_msg_data.restype = ctypes.c_void_p
    frame = ctypes.create_string_buffer(64)
    zmq.zmq_msg_init(frame)
    pull.set(RCVTIMEO, 20000)
    assert zmq.zmq_msg_recv(frame, ctypes.c_void_p(pull.handle), 0) == len(body)
    assert ctypes.string_at(zmq.zmq_msg_data(frame), len(body)) == body
    assert pull.receive() == [b"tail"]


class PollItem(ctypes.Structure):
    _fields_ = [("socket", ctypes.c_void_p), ("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]


@row("class 13: oxen-mq#87, #3373", reference="fails")
def polling_hundreds_of_idle_sockets():
    # What it costs does not depend on how many there are, nor on whether they may be shared.
    zmq.zmq_poll.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_long]
    for kind in (PULL, SERVER):
        context = Context()
        sockets = [context.socket(kind) for _ in range(900)]
        items = (PollItem * len(sockets))(*[(sock.handle, 0, 1, 0) for sock in sockets])

        def cost():
            # Of this thread alone: other processes do not count.
            before = time.thread_time_ns()
            for _ in range(100):
                assert check(zmq.zmq_poll(items, len(items), 0), "zmq_poll") == 0
            return (time.thread_time_ns() - before) / 100

        least = min(cost() for _ in range(10))
        assert least < 50_000, f"{least / 1000} us for a poll of type {kind}"
        # And they are awake all the same.
        push = context.socket(PUSH if kind == PULL else CLIENT)
        push.connect(f"tcp://127.0.0.1:{sockets[700].bind()}")
        push.send(b"x")
        assert check(zmq.zmq_poll(items, len(items), 5000), "zmq_poll") == 1
        assert [at for at, item in enumerate(items) if item.revents] == [700]
        for sock in (push, *sockets):
            sock.close()
        context.end()


if __name__ == "__main__":
    main()
