"""Of the bug classes that make people leave libzmq, those between it and the system: descriptors and errnos.

As far as no other test of this project has their trigger already; covered.tsv names those."""

import resource
import subprocess

from trigger import *
from trigger import main


@row("class 2: #4350", reference="crashes|passes")
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


@row("class 2: #3104", reference="crashes|fails")
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


if __name__ == "__main__":
    main()
