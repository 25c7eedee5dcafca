/*
 * What a connection brought before it ended, or before the peer did something wrong, is received, and its end is told. Called by
 * ctests/run.
 */
#include "common.h"
#include "loops.h"
#include "raw.h"

#include <netinet/tcp.h>

/* Takes numbers in their order until none comes; how many. */
static int count_numbers (void *pull)
{
    char text[16];
    int count = 0;
    while (comes (pull, 300)) {
        int size = zmq_recv (pull, text, sizeof text - 1, ZMQ_DONTWAIT);
        NEED (size > 0);
        text[size] = 0;
        NEED (atoi (text) == count);
        count++;
    }
    return count;
}

/* A peer of ZMTP 1.0 says more at once than the mark allows, and stays. */
static void old_peer (int mark)
{
    void *context = new_context (), *pull = new_socket (context, ZMQ_PULL);
    static unsigned char said[20000];
    char endpoint[256];
    size_t size = 2;
    memcpy (said, "\1\0", 2);
    for (int number = 0; number < 3000; number++) {
        int length = sprintf ((char *) said + size + 2, "%d", number);
        said[size] = (unsigned char) (length + 1);
        said[size + 1] = 0;
        size += (size_t) length + 2;
    }
    set_int (pull, ZMQ_RCVHWM, mark);
    bind_any (pull, "tcp", endpoint);
    int fd = raw_connect (endpoint);
    raw_send (fd, said, size);
    rest (200);
    line ("ZMTP 1.0, mark %d: %d of 3000", mark, count_numbers (pull));
    close (fd);
    end_socket (pull);
    end_context (context);
}

/* A subscriber of ZMTP 1.0 says all in one piece, more than the mark allows: its subscription to everything, which nobody
   says for it, is among it. */
static void old_subscriber (int mark)
{
    void *context = new_context (), *xpub = new_socket (context, ZMQ_XPUB);
    static unsigned char said[1000];
    unsigned char text[16] = {0};
    char endpoint[256];
    size_t size = 2;
    memcpy (said, "\1\0", 2);
    for (int number = 0; number < 12; number++)
        size += (size_t) sprintf ((char *) said + size, "\4%cu%02d", 0, number);
    set_int (xpub, ZMQ_RCVHWM, mark);
    bind_any (xpub, "tcp", endpoint);
    int fd = raw_connect (endpoint), count = 0, other = 0;
    rest (100);
    raw_send (fd, said, size);
    while (comes (xpub, 500)) {
        const int is_next = zmq_recv (xpub, text, sizeof text, ZMQ_DONTWAIT) == 3 && atoi ((char *) text + 1) == count;
        count += is_next;
        other += !is_next;
    }
    line ("a subscriber of ZMTP 1.0, mark %d: %d of 12, and %d notices", mark, count, other);
    close (fd);
    end_socket (xpub);
    end_context (context);
}

/* Behind small messages, more than the mark allows, comes one that is refused for its size. */
static void refused (int curve, int mark)
{
    char public[41], secret[41], large[5000] = {0}, text[16];
    int64_t most = 1000;
    void *context = new_context (), *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    if (curve) {
        NEED (zmq_curve_keypair (public, secret) == 0);
        set_int (pull, ZMQ_CURVE_SERVER, 1);
        NEED (zmq_setsockopt (pull, ZMQ_CURVE_SECRETKEY, secret, 40) == 0);
        NEED (zmq_setsockopt (push, ZMQ_CURVE_SERVERKEY, public, 40) == 0);
        NEED (zmq_setsockopt (push, ZMQ_CURVE_PUBLICKEY, public, 40) == 0);
        NEED (zmq_setsockopt (push, ZMQ_CURVE_SECRETKEY, secret, 40) == 0);
    }
    NEED (zmq_setsockopt (pull, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0);
    set_int (pull, ZMQ_RCVHWM, mark);
    set_int (push, ZMQ_SNDHWM, 0);
    set_int (push, ZMQ_RECONNECT_IVL, -1);
    join_pair (pull, push, "tcp");
    settle ();
    for (int number = 0; number < 100; number++)
        NEED (zmq_send (push, text, (size_t) sprintf (text, "%d", number), 0) > 0);
    NEED (zmq_send (push, large, sizeof large, 0) > 0);
    rest (200);
    line ("%s, mark %d: %d of 100", curve ? "CURVE" : "NULL", mark, count_numbers (pull));
    end_socket (push);
    end_socket (pull);
    end_context (context);
}

static int dealer_named_one (const char *endpoint)
{
    unsigned char answer[300];
    int fd = raw_connect (endpoint), at_once = 1;
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    raw_send (fd, GREETING, 64);
    raw_send (fd, "\4\54\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\3one", 46);
    NEED (raw_read (fd, answer, 66, 2000) == 66 && raw_read (fd, answer, answer[65], 2000) == answer[65]);
    return fd;
}

struct visitor
{
    char endpoint[256];
    int reset;
};

/* Talks long enough for a library to read for the loop that answers, rests, and goes with its last word; then comes again. */
static void *visit (void *argument)
{
    struct visitor *visitor = argument;
    unsigned char answer[8];
    int fd = dealer_named_one (visitor->endpoint), on = 1;
    for (int round = 0; round < 3000; round++) {
        raw_send (fd, "\0\1x", 3);
        NEED (raw_read (fd, answer, 3, 2000) == 3);
    }
    rest (200);
    setsockopt (fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    raw_send (fd, "\0\4last", 6);
    struct linger hard = {1, 0};
    if (visitor->reset) {
        on = 0;
        setsockopt (fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
        setsockopt (fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }
    close (fd);
    rest (200);
    fd = dealer_named_one (visitor->endpoint);
    raw_send (fd, "\0\5again", 7);
    NEED (raw_read (fd, answer, 7, 20000) == 7);
    close (fd);
    return NULL;
}

/* A loop on ZMQ_FD hears of an end that comes with the last message, and of the next peer of that name. */
static void end_behind_the_last (int reset)
{
    void *context = new_context (), *router = new_socket (context, ZMQ_ROUTER);
    void *watcher = watch (context, router, ZMQ_EVENT_DISCONNECTED);
    struct visitor visitor = {.reset = reset};
    pthread_t thread;
    char name[8], body[8];
    bind_any (router, "tcp", visitor.endpoint);
    struct loop loop = loop_on (router, LEVEL);
    NEED (pthread_create (&thread, NULL, visit, &visitor) == 0);
    int last = 0, size = 0;
    while (size != 5 && await (&loop, ZMQ_POLLIN)) {
        NEED (zmq_recv (router, name, sizeof name, ZMQ_DONTWAIT) == 3);
        size = zmq_recv (router, body, sizeof body, ZMQ_DONTWAIT);
        last += size == 4;
        if (size != 4) {
            NEED (zmq_send (router, name, 3, ZMQ_SNDMORE) == 3);
            NEED (zmq_send (router, body, (size_t) size, 0) == size);
        }
    }
    line ("%s: %s; its name %s heard again, its end %s told", reset ? "a reset" : "the end",
          reset || last ? "after the last message" : "without the last message", size == 5 ? "is" : "is not",
          comes (watcher, 1000) ? "is" : "is not");
    pthread_join (thread, NULL);
    end_loop (&loop);
    end_socket (router);
    end_socket (watcher);
    end_context (context);
}

/* A peer fills the queue to the mark, not beyond it, and goes: that is told before anything is read. */
static void end_at_the_mark (int type, int peer_type, const char *name, int mark)
{
    void *context = new_context (), *socket = new_socket (context, type), *peer = NULL;
    void *watcher = watch (context, socket, ZMQ_EVENT_DISCONNECTED);
    char endpoint[256];
    int fd = -1, count = 0, more;
    set_int (socket, ZMQ_RCVHWM, mark);
    bind_any (socket, "tcp", endpoint);
    if (peer_type == -1) {
        fd = raw_connect (endpoint);
        /* That it came is the first message of a STREAM; a peer of ZMTP 1.0 says who it is. */
        for (int number = type == ZMQ_STREAM ? 1 : -1; number < mark; number++) {
            rest (20);
            if (type == ZMQ_STREAM)
                raw_send (fd, "x", 1);
            else
                raw_send (fd, number == -1 ? "\1" : "\2\0x", number == -1 ? 2 : 3);
        }
    }
    else {
        peer = new_socket (context, peer_type);
        set_int (peer, ZMQ_LINGER, 2000);
        NEED (zmq_connect (peer, endpoint) == 0);
        for (int number = 0; number < mark; number++)
            NEED (zmq_send (peer, "x", 1, 0) == 1);
    }
    rest (300);
    if (peer)
        end_socket (peer);
    else
        close (fd);
    const int told = comes (watcher, 2500);
    while (comes (socket, 300))
        for (count++, more = 1; more; more = get_int (socket, ZMQ_RCVMORE)) {
            zmq_msg_t part;
            NEED (zmq_msg_init (&part) == 0 && zmq_msg_recv (&part, socket, ZMQ_DONTWAIT) != -1);
            NEED (zmq_msg_close (&part) == 0);
        }
    /* libzmq has no room for the last message of a STREAM, which says that the peer is gone. */
    line ("%s, mark %d: its end %s told, %s read", name, mark, told ? "is" : "is not", count < mark ? "not all" : "all");
    end_socket (watcher);
    end_socket (socket);
    end_context (context);
}

int main (void)
{
    for (int mark = 10; mark <= 1000; mark *= 10) {
        old_peer (mark);
        refused (0, mark);
        refused (1, mark);
    }
    for (int mark = 1; mark <= 100; mark *= 10)
        old_subscriber (mark);
    end_behind_the_last (0);
    end_behind_the_last (1);
    for (int mark = 1; mark <= 10; mark += 9) {
        end_at_the_mark (ZMQ_PULL, ZMQ_PUSH, "PULL", mark);
        end_at_the_mark (ZMQ_PAIR, ZMQ_PAIR, "PAIR", mark);
        end_at_the_mark (ZMQ_ROUTER, ZMQ_DEALER, "ROUTER", mark);
        end_at_the_mark (ZMQ_PULL, -1, "ZMTP 1.0", mark);
        end_at_the_mark (ZMQ_STREAM, -1, "STREAM", mark);
    }
    return 0;
}
