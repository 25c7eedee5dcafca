"""Of the bug classes that make people leave libzmq, those of what is delivered: messages that get lost, names that are
used again, loops that are not woken, and what is slow or too large.

As far as no other test of this project has their trigger already; covered.tsv names those."""

import threading

from trigger import *
from trigger import main


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


def sends_all_and_ends(kind, count, where):
    """A process that sends so many messages to `where()` as fast as it can, closes its socket, and ends its context."""
    child = os.fork()
    if child == 0:
        context = Context()
        sender = context.socket(kind)
        for option, value in ((HWM_SEND, 0), (LINGER, -1), (RECONNECT_IVL, 5)):
            sender.set(option, value)
        sender.connect(where())
        for index in range(count):
            sender.send(b"%d " % index + b"x" * 1000)
        sender.close()
        context.end()
        os._exit(0)
    return child


# 1000 for the long version.
ROUNDS = int(os.environ.get("ROUNDS", "20"))


@row("class 12: the tail of a sender that exits", reference="fails|hangs|passes", seconds=60 + ROUNDS // 4)
def all_of_a_sender_that_exits_arrives_over_ipc():
    # The reader is at its high water mark when the sender's process ends.
    for number in range(ROUNDS):
        where, count = f"ipc://tail-{number}.ipc", 1500
        child = sends_all_and_ends(PUSH, count, lambda: where)
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


@row("class 12: the tail of a sender that leaves answers unread", reference="fails|passes", seconds=60)
def all_of_a_sender_that_reads_no_answers_arrives():
    # What comes to a connection that is closed resets it, and with it goes what the system has not delivered.
    reads, writes = os.pipe()
    count = 10_000
    child = sends_all_and_ends(DEALER, count, lambda: os.read(reads, 100).decode())
    context = Context()
    router = context.socket(ROUTER)
    for option, value in ((HWM_RECEIVE, 10), (HWM_SEND, 0), (RCVTIMEO, 5000)):
        router.set(option, value)
    os.write(writes, f"tcp://127.0.0.1:{router.bind()}".encode())
    for index in range(count):
        name, body = router.receive()
        assert body.startswith(b"%d " % index)
        router.send(name, b"answer")
    assert os.waitpid(child, 0)[1] == 0


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


@row("class 10: a name that is wanted by a second peer", reference="fails")
def who_has_waited_for_a_name_wakes_a_blocked_call():
    context = Context()
    router = context.socket(ROUTER)
    port = router.bind()
    for body in (b"old", b"new"):
        dealer = context.socket(DEALER)
        dealer.set(ROUTING_ID, b"name")
        dealer.connect(f"tcp://127.0.0.1:{port}")
        dealer.send(body)
        time.sleep(0.2)
        if body == b"old":
            dealer.close()
            time.sleep(0.2)
    # Nothing is read until both are there: the end of the first is found when its message has been read.
    assert router.receive() == [b"name", b"old"]
    assert router.receive() == [b"name", b"new"]


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
