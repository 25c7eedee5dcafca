"""libzmq and this library as client and server of one mechanism, both ways round, with a ZAP handler that allows or denies.

    pairs.py NULL|PLAIN|CURVE|GSSAPI           started by ctests/security/run; LD_LIBRARY_PATH names our library
    pairs.py serve MECHANISM STATUS            one side, started by the first: a ROUTER that sends back what it gets
    pairs.py drive MECHANISM STATUS PORT       the other: a DEALER

libzmq is the reference 4.3.5; for GSSAPI, which it is built without, that of Debian, inside the realm of ctests/gssapi/realm.
"""

import ctypes
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peers"))

SIZES = [0, 1, 16, 255, 256, 257, 8192, 65536, 200000]
ZAP_DOMAIN, PLAIN_SERVER, PLAIN_USERNAME, PLAIN_PASSWORD = 55, 44, 45, 46
CURVE_SERVER, CURVE_PUBLICKEY, CURVE_SECRETKEY, CURVE_SERVERKEY = 47, 48, 49, 50
GSSAPI_SERVER, GSSAPI_PRINCIPAL, GSSAPI_SERVICE_PRINCIPAL = 62, 63, 64
GSSAPI_PRINCIPAL_NAMETYPE, GSSAPI_SERVICE_PRINCIPAL_NAMETYPE = 90, 91
# The keys of libzmq's zmq_curve(7).
SERVER = b"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", b"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
CLIENT = b"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", b"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
PRINCIPAL = b"zmqtest2"
DEBIAN = Path("/usr/lib") / subprocess.check_output(["gcc", "-print-multiarch"], text=True).strip()


def configure(own, mechanism, serves):
    if mechanism == "PLAIN":
        if serves:
            own.set(PLAIN_SERVER, 1)
        else:
            own.set(PLAIN_USERNAME, b"tom")
            own.set(PLAIN_PASSWORD, b"secret")
    elif mechanism == "CURVE":
        if serves:
            own.set(CURVE_SERVER, 1)
        else:
            own.set(CURVE_SERVERKEY, SERVER[0])
            own.set(CURVE_PUBLICKEY, CLIENT[0])
        own.set(CURVE_SECRETKEY, SERVER[1] if serves else CLIENT[1])
    elif mechanism == "GSSAPI":
        own.set(GSSAPI_PRINCIPAL_NAMETYPE, 0)
        own.set(GSSAPI_PRINCIPAL, PRINCIPAL)
        if serves:
            own.set(GSSAPI_SERVER, 1)
        else:
            own.set(GSSAPI_SERVICE_PRINCIPAL_NAMETYPE, 0)
            own.set(GSSAPI_SERVICE_PRINCIPAL, PRINCIPAL)


def shaken(library, monitor):
    """The first that a monitor says of a handshake."""
    for _ in range(40):
        frames = monitor.pair.receive_or_errno(200)
        if isinstance(frames, list):
            event, value = struct.unpack("=HI", frames[0])
            if library.EVENTS.get(event, "").startswith("HANDSHAKE"):
                return f"{library.EVENTS[event]} {value:#x}"
    return "no handshake"


def property_of_next(library, own, names):
    """Takes the routing id of the next message and what it says of the peer."""
    zmq = library.zmq
    zmq.zmq_msg_gets.restype = ctypes.c_char_p
    message = ctypes.create_string_buffer(64)
    zmq.zmq_msg_init(message)
    library.check(zmq.zmq_msg_recv(message, ctypes.c_void_p(own.handle), 0), "zmq_msg_recv")
    values = [zmq.zmq_msg_gets(message, name) for name in names]
    zmq.zmq_msg_data.restype = ctypes.c_void_p
    routing_id = ctypes.string_at(zmq.zmq_msg_data(message), zmq.zmq_msg_size(message))
    zmq.zmq_msg_close(message)
    return routing_id, [value.decode() if value else None for value in values]


def serve(mechanism, status):
    import library
    context = library.Context()
    handler = context.socket(library.REP)
    handler.set(library.RCVTIMEO, 20000)
    library.check(library.zmq.zmq_bind(handler.handle, b"inproc://zeromq.zap.01"), "zmq_bind")
    done = []

    def answer():
        while not done:
            try:
                request = handler.receive()
            except library.Failed:
                continue
            assert request[0] == b"1.0" and request[2] == b"global" and request[5] == mechanism.encode(), request
            credentials = {"NULL": [], "PLAIN": [b"tom", b"secret"], "CURVE": None}.get(mechanism, None)
            assert credentials is None or request[6:] == credentials, request
            handler.send(b"1.0", request[1], status.encode(), b"text", b"thomas", b"\x05Hello\0\0\0\x05World")

    threading.Thread(target=answer, daemon=True).start()
    own = context.socket(library.ROUTER)
    own.set(ZAP_DOMAIN, b"global")
    configure(own, mechanism, True)
    monitor = library.Monitor(context, own)
    print(own.bind(), flush=True)
    if status == "200":
        own.set(library.RCVTIMEO, 20000)
        for _ in SIZES:
            routing_id, values = property_of_next(library, own, [b"User-Id", b"Hello", b"Socket-Type"])
            assert values == ["thomas", "World", "DEALER"], values
            own.send(routing_id, *own.receive())
    print(shaken(library, monitor), flush=True)
    sys.stdin.read()
    done.append(True)
    os._exit(0)


def drive(mechanism, status, port):
    import library
    context = library.Context()
    own = context.socket(library.DEALER)
    own.set(library.RECONNECT_IVL, 500)
    configure(own, mechanism, False)
    monitor = library.Monitor(context, own)
    own.connect(f"tcp://127.0.0.1:{port}")
    own.send(bytes(SIZES[0]))
    if status == "200":
        own.set(library.RCVTIMEO, 20000)
        for number, size in enumerate(SIZES):
            if number:
                own.send(bytes([number]) * size)
            assert own.receive() == [bytes([number]) * size]
        print("answered", flush=True)
    else:
        print(own.receive_or_errno(500), flush=True)
    print(shaken(library, monitor), flush=True)
    sys.stdin.read()
    os._exit(0)


def side(libdir, *arguments):
    env = dict(os.environ, LD_LIBRARY_PATH=str(libdir))
    return subprocess.Popen([sys.executable, __file__, *arguments], env=env, text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE)


def conversation(server, client, mechanism, status):
    serving = side(server, "serve", mechanism, status)
    port = serving.stdout.readline().strip()
    driving = side(client, "drive", mechanism, status, port)
    driven = [driving.stdout.readline().strip() for _ in range(2)]
    served = serving.stdout.readline().strip()
    for process in (driving, serving):
        process.stdin.close()
        process.wait()
    return served, *driven


def main(mechanism):
    ours = os.environ["LD_LIBRARY_PATH"]
    theirs = os.environ["OXIZMQ_REFERENCE"]
    if mechanism == "GSSAPI":
        if not os.environ.get("KRB5_KTNAME"):
            os.execv(HERE.parent / "gssapi/realm", ["realm", sys.executable, __file__, mechanism])
        theirs = DEBIAN
        # The realm uses the name of the host.
        if not (DEBIAN / "libzmq.so.5").exists():
            sys.exit("no libzmq with GSSAPI here: the package libzmq5 is missing")
    wrong, heard = 0, {}
    for status in ("200", "300", "400", "500"):
        for name, server, client in (("this library serves", ours, theirs), ("libzmq serves", theirs, ours)):
            served, answer, driven = conversation(server, client, mechanism, status)
            denied = f"HANDSHAKE_FAILED_AUTH {int(status):#x}"
            if status == "200":
                good = (served, answer, driven) == ("HANDSHAKE_SUCCEEDED 0x0", "answered", "HANDSHAKE_SUCCEEDED 0x0")
            elif mechanism == "GSSAPI" and server == theirs:
                # libzmq up to 4.3.5 lets in whom the handler denied.
                good = answer != "answered"
            else:
                # What a denied client hears of it differs by mechanism: the two libraries must agree.
                good = (served, answer) == (denied, "errno 11") and "SUCCEEDED" not in driven
                heard.setdefault(status, set()).add(driven)
            print(f"{'' if good else 'WRONG '}{mechanism} {status}, {name}: {served}; the client: {answer}, {driven}", flush=True)
            wrong += not good
        # 300 is a connection that ends without a word.
        if status in ("400", "500") and mechanism != "GSSAPI" and len(heard[status]) != 1:
            print(f"WRONG {mechanism} {status}: the clients hear {heard[status]}")
            wrong += 1
    sys.exit(wrong > 0)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", mechanism, status]:
            serve(mechanism, status)
        case ["drive", mechanism, status, port]:
            drive(mechanism, status, port)
        case [mechanism]:
            main(mechanism)
