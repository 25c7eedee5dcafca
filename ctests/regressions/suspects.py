"""What is still suspected in libzmq's tree: the trigger shows itself there, where it does so reliably; here it must hold."""

from trigger import *
from trigger import main


@row("suspect: PING shorter than 7 bytes", reference="fails")
def a_ping_without_its_ttl_is_no_ping():
    context = Context()
    pull = context.socket(PULL)
    port = pull.bind()
    for short in (b"\4PING", b"\4PING\0"):
        wire = shake(port, "PUSH")
        wire.send(command(short))
        assert wire.fate(500) == "closed"
    wire = shake(port, "PUSH")
    wire.send(command(b"\4PING\0\0") + command(b"\4PING\0\0context"))
    assert wire.take(7) == command(b"\4PONG")
    assert wire.take(14) == command(b"\4PONGcontext")


@row("suspect: a malformed command's error is ignored", reference="fails")
def a_malformed_command_ends_the_connection():
    context = Context()
    pull = context.socket(PULL)
    port = pull.bind()
    for broken in (b"", b"\xffPING", b"\x09SUB"):
        wire = shake(port, "PUSH")
        wire.send(message(b"before") + command(broken) + message(b"behind"))
        assert closed(wire), broken
        assert pull.receive() == [b"before"]
        assert pull.receive_or_errno(50) == "errno 11"


@row("suspect: an IPv6 packet on a raw UDP socket", reference="crashes|fails")
def an_ipv6_datagram_for_a_dgram_socket():
    context = Context()
    sock, port = context.socket(DGRAM), udp_port()
    sock.set(IPV6, 1)
    check(zmq.zmq_bind(sock.handle, f"udp://[::1]:{port}".encode()), "zmq_bind")
    plain = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    plain.bind(("::1", 0))
    for _ in range(20):
        plain.sendto(b"six", ("::1", port))
    sender, body = sock.receive()
    assert body == b"six" and sender.startswith(b"[::1]:"), sender
    sock.send(sender, b"answer")
    plain.settimeout(2)
    assert plain.recv(100) == b"answer"


def bound_to(port):
    """Another descriptor for the udp socket of this process that is bound to a port."""
    for name in os.listdir("/proc/self/fd"):
        try:
            found = socket.socket(fileno=os.dup(int(name)))
            if found.type == socket.SOCK_DGRAM and found.getsockname()[1] == port:
                return found
        except (OSError, IndexError):
            pass
    return None


@row("suspect: UDP receive and -1", reference="passes")
def an_error_of_a_udp_socket_is_not_its_end():
    context = Context()
    sock, port = context.socket(DGRAM), udp_port()
    check(zmq.zmq_bind(sock.handle, f"udp://127.0.0.1:{port}".encode()), "zmq_bind")
    # The kernel tells a socket that nobody is there only when it is connected. So it is, by somebody else in this process.
    until(lambda: bound_to(port))
    same, told = bound_to(port), 0
    for _ in range(20):
        dead = udp_port()
        same.connect(("127.0.0.1", dead))
        sock.send(f"127.0.0.1:{dead}".encode(), b"nobody")
        time.sleep(0.005)
        # Who reads first hears of it; once that is the library.
        told += same.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    assert told, "it was never the library"
    same.connect_ex(("0.0.0.0", 0))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.connect(same.fileno(), struct.pack("=H14x", socket.AF_UNSPEC), 16) == 0, "dissolves the connection"
    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(5):
        plain.sendto(b"hello", ("127.0.0.1", port))
    assert sock.receive()[1] == b"hello"


@row("suspect: a peer dictates the allocation of a frame", reference="fails")
def a_size_that_is_only_announced_costs_nothing():
    def committed():
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")

    context = Context()
    pull = context.socket(PULL)
    port = pull.bind()
    wires = [shake(port, "PUSH") for _ in range(20)]
    works(context)
    before = committed(), resident()
    for number, wire in enumerate(wires):
        wire.send(b"\2" + (1 << 32 + number % 9).to_bytes(8, "big") + b"x" * 1000)
    time.sleep(0.3)
    works(context)
    grown = [after - at for after, at in zip((committed(), resident()), before)]
    assert grown[0] < 300_000_000 and grown[1] < 30_000_000, grown
    wires[0].send(b"x" * 100_000)
    works(context)


if __name__ == "__main__":
    main()
