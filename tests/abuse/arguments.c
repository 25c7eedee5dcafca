/* What the calls of the abuse test are made with. See calls.c. */
#define _GNU_SOURCE
#include "abuse.h"

#include <limits.h>

void *any_handle (struct abuser *me, void *volatile *kind, uint32_t count)
{
    static uint64_t zeros[64], ones[64] = {[0 ... 63] = UINT64_MAX};
    void *const junk[] = {NULL, NULL, zeros, ones, (char *) zeros + 3, (void *) 8, (void *) UINTPTR_MAX, (void *) 0xdead0000,
        (void *) any_handle};
    void *const others[] = {hands.contexts[0], hands.sockets[0], hands.pollers[0], hands.timers[0], hands.counters[0]};
    switch (below (me, 16)) {
        case 0: return ANY (junk);
        case 1: return ANY (others);
        case 2: /* A neighbour of a good one. */
            return (char *) kind[below (me, count)] + (int) below (me, 129) - 64;
        default: return kind[below (me, count)];
    }
}

int any_int (struct abuser *me)
{
    const int ints[] = {0, 0, 1, 1, 2, 3, 5, 10, 100, 255, 256, 1000, 65535, 65536, 1000000, INT_MAX, INT_MAX - 1, -1, -1, -2,
        INT_MIN};
    return ANY (ints);
}

long any_timeout (struct abuser *me)
{
    return (long) below (me, 3);
}

size_t impossible (struct abuser *me)
{
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 63, (size_t) 1 << 63};
    return ANY (sizes);
}

size_t any_size (struct abuser *me)
{
    const size_t sizes[] = {0, 0, 1, 2, 4, 8, 16, 29, 30, 32, 33, 34, 40, 41, 42, 64, 255, 256, 257, 512, 513, 1024};
    return ANY (sizes);
}

const char *any_endpoint (struct abuser *me)
{
    static __thread char text[5000];
    static const char *const fixed[] = {
        "inproc://a", "inproc://b", "inproc://a", "inproc://", "tcp://127.0.0.1:*", "tcp://127.0.0.1:*", "tcp://127.0.0.1:1",
        "tcp://*:*",
        "tcp://", "tcp://:", "tcp://127.0.0.1", "tcp://127.0.0.1:65536", "tcp://127.0.0.1:-1", "tcp://[::1]:*", "tcp://[::1",
        "tcp://[]:1",
        "tcp://127.0.0.1:*;127.0.0.1:2", "tcp://;;;", "tcp://999.1.1.1:1", "ipc://*", "ipc://", "ipc://@", "ipc://@abuse",
        "ipc:///", "ipc:///nowhere/x",
        "udp://127.0.0.1:9000", "udp://239.0.0.1:9000", "udp://127.0.0.1:*", "udp://", "ws://127.0.0.1:*",
        "ws://127.0.0.1:*/a/b", "ws://", "wss://127.0.0.1:*",
        "tipc://{1,2,3}", "tipc://{", "tipc://<*>", "vsock://*:*", "vsock://1:99999", "vmci://*:*", "pgm://x",
        "epgm://127.0.0.1;239.0.0.1:7", "norm://127.0.0.1:9",
        "gssapi_tcp://x", "", "x", "://", "a://b", "\xff\xfe://", "tcp://\xff:1", "inproc://\xc3\x28", "%s%n://",
        "tcp://127.0.0.1:1\n"};
    /* Theirs are other libraries, which are strict. */
    static const char *const multicast[] = {"pgm://127.0.0.1;239.0.0.1:7", "epgm://127.0.0.1;239.0.0.1:7",
        "norm://239.0.0.1:9001", "norm://2,127.0.0.1;239.0.0.1:9002"};
    uint32_t kind = below (me, 12);
    if (me->theme % 17 == 16 && kind > 5)
        return ANY (multicast);
    if (kind == 0)
        return NULL;
    if (kind == 1) {
        memset (text, 'a', sizeof text - 1);
        memcpy (text, below (me, 2) ? "inproc://" : below (me, 2) ? "ipc://ab/" : "tcp://ab:", 9);
        return text;
    }
    size_t size = 256;
    /* Where one of the others is bound. */
    if (kind < 6 && zmq_getsockopt (hands.sockets[below (me, SOCKETS)], ZMQ_LAST_ENDPOINT, text, &size) == 0 && size > 1)
        return text;
    return ANY (fixed);
}
