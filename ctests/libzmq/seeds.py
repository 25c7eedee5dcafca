"""Seeds for libzmq's fuzzer programs, which read them from `tests/libzmq-fuzz-corpora/<program>_seed_corpus`.

libzmq keeps its own corpora in a separate repository; these are made here from the protocols' grammar: valid openings,
and the same cut short, with lengths that lie, with wrong names and with noise. Always the same bytes, so that a failure
can be repeated. Called by ctests/libzmq/run. The protocol programs need half a second per seed and must end within 60 s.
"""

import random
import struct


def greeting(mechanism=b"NULL", major=3, minor=1, server=0, signature=b"\xff" + bytes(8) + b"\x7f"):
    return signature + bytes([major, minor]) + mechanism.ljust(20, b"\0") + bytes([server]) + bytes(31)


def frame(body, flags=0):
    if len(body) > 255:
        return bytes([flags | 2]) + struct.pack(">Q", len(body)) + body
    return bytes([flags, len(body)]) + body


def command(name, body=b""):
    return frame(bytes([len(name)]) + name + body, 4)


def prop(name, value):
    return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value


def ready(socket_type):
    return command(b"READY", prop(b"Socket-Type", socket_type))


def null_peers(noise):
    sub, pub = greeting() + ready(b"SUB"), greeting() + ready(b"XPUB")
    return [
        sub + frame(b"\x01") + frame(b"\x01abc") + frame(b"\x00abc") + command(b"SUBSCRIBE", b"x"),
        pub + frame(b"HELLO") + frame(b"a", 1) + frame(b"b"),
        greeting(major=0)[:12] + noise(40),
        greeting(major=2)[:12] + b"\x02" + frame(b"") + frame(b"\x01"),
        greeting(mechanism=b"\xff" * 20),
        greeting() + b"\x04\xff\x05READY",
        greeting() + command(b"READY", b"\x0bSocket-Type\xff\xff\xff\xff"),
        greeting() + ready(b"NOSUCH"),
        greeting() + command(b"ERROR", b"\xffshort"),
        sub + b"\x02" + b"\xff" * 8 + b"x",
        sub + b"\x02" + b"\x7f" + b"\xff" * 7,
        pub + command(b"PING", b"\x00") + command(b"PING", b"") + command(b"PONG", b"\x01" * 40),
        sub + b"\xf8\x03abc" + noise(300),
        b"\xff" * 10 + noise(200),
        noise(1500),
    ]


def curve_clients(noise):
    return curve_peers(noise, command(b"HELLO", b"\x01\x00" + bytes(72) + noise(120)))


def curve_servers(noise):
    """The program sends 170 bytes and waits for an answer or the end; of a longer frame the rest would be waited for, too."""
    return [seed for seed in curve_peers(noise, command(b"WELCOME", bytes(160))) if b"HELLO\x07" not in seed]


def curve_peers(noise, first):
    welcome = command(b"WELCOME", noise(160))
    opening = greeting(b"CURVE")
    return [
        opening + first + noise(301),
        opening + first + command(b"INITIATE", noise(96 + 32)) + noise(200),
        opening + command(b"HELLO", b"\x07\x00" + bytes(190)),
        opening + command(b"HELLO", b"short"),
        opening + welcome + noise(72) + noise(100),
        opening + welcome + command(b"READY", noise(64)),
        opening + command(b"ERROR", b"\x03400"),
        opening + command(b"MESSAGE", noise(24)),
        greeting(b"NULL") + ready(b"DEALER"),
        opening + noise(700),
        noise(30),
    ]


def ws_clients(noise):
    request = (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ZWS2.0/NULL\r\n"
               b"Sec-WebSocket-Version: 13\r\n\r\n")
    return [
        request + b"\x82\x85\0\0\0\0\x02" + b"\x05REA",
        request + b"\x82\xff" + b"\xff" * 8 + noise(60),
        request + b"\x88\x80\0\0\0\0",
        request + b"\x89\xfd\0\0\0\0" + noise(125),
        request[:100],
        request.replace(b"ZWS2.0/NULL", b"nonsense"),
        request.replace(b"\r\n\r\n", b"\r\nX: " + b"y" * 5000 + b"\r\n\r\n"),
        b"GET " + b"/" * 300 + b"\r\n\r\n",
        noise(400),
    ]


def ws_servers(noise):
    answer = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: ZWS2.0/NULL\r\n\r\n")
    return [
        answer + b"\x82\x1c\x02" + ready(b"PUSH")[2:] + b"\x82\x04\x00abc",
        answer + b"\x82\x7f" + b"\xff" * 8,
        answer + b"\x8a\x00\x89\x05hello\x88\x02\x03\xe8",
        answer + b"\xc2\x00\x72\x01\x00",
        b"HTTP/1.1 404 Not Found\r\n\r\n",
        b"HTTP/1.1 101 \r\n" + b"A: b\r\n" * 60 + b"\r\n",
        b"HTTP/9.9 101\r\n\r\n" + noise(50),
        noise(400),
    ]


def endpoints(noise):
    names = """tcp://127.0.0.1:* tcp://127.0.0.1 tcp://127.0.0.1:99999 tcp://:5555 tcp:// tcp tcp:/127.0.0.1:1 tcp://*:*
        tcp://[::1]:* tcp://[::1:1 tcp://[fe80::1%lo]:* tcp://lo:* tcp://nosuchnic0:* tcp://127.0.0.1:-1 tcp://127.0.0.1:1x
        tcp://127.0.0.1:0;127.0.0.1:1 tcp://;127.0.0.1:1 tcp://256.256.256.256:1 ipc:// ipc://* ipc://@ ipc://@oxi-seed
        ipc://oxi-seed.ipc ipc:///nosuch/folder/x inproc:// inproc://a udp://127.0.0.1:5555 udp://239.1.1.1:1
        ws://127.0.0.1:* ws://127.0.0.1:*/a/b wss:// ws:// tipc://{1,2} tipc://{1,2,3}@0.0.0 tipc://<1:2>
        vmci://1:2 vsock://1:2 nosuch://x :// //x TCP://127.0.0.1:* tcp://127.0.0.1:*/x""".split()
    seeds = [name.encode() for name in names]
    return seeds + [b"tcp://" + b"1" * 4000, b"ipc://" + b"p" * 200, b"tcp://\xff\xfe:1", b"tcp://127.0.0.1:1\0:2", noise(80)]


def option_values(noise):
    numbers = [struct.pack("<i", value) for value in (-2147483648, -2, -1, 0, 1, 2, 100, 65536, 2147483647)]
    texts = [b"x", b"127.0.0.1", b"127.0.0.1:1080", b"k" * 40, b"k" * 41, b"X-Name:value", b"X-Name", b"e" * 255, b"f" * 256]
    return numbers + texts + [bytes(8), b"\xff" * 8, bytes(32), noise(32), noise(1000)]


def z85_texts(noise):
    return [b"HelloWorld", b"~~~~~", b"#####", b"00000", b"HelloWorl\xff", b"\"\"\"\"\"", b"1234567890" * 50, noise(5), noise(500)]


RECIPES = {
    "test_bind_null": null_peers, "test_connect_null": null_peers, "test_bind_stream": null_peers,
    "test_bind_curve": curve_clients, "test_connect_curve": curve_servers,
    "test_bind_ws": ws_clients, "test_connect_ws": ws_servers,
    "test_bind": endpoints, "test_connect": endpoints,
    "test_socket_options": option_values, "test_z85_decode": z85_texts,
}


def write(folder):
    """Writes all seeds below `folder` and returns it."""
    for name, recipe in RECIPES.items():
        dice = random.Random(name)
        corpus = folder / f"{name}_fuzzer_seed_corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(recipe(lambda length: dice.randbytes(length))):
            (corpus / f"{number:03}").write_bytes(seed)
    return folder
