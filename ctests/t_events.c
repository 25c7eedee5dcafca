/* ZMQ_FD and ZMQ_EVENTS: the loop that every binding with an event loop runs, and what EVENTS says. Called by ctests/run. */
#define ZMQ_BUILD_DRAFT_API
#include "common.h"

#include <fcntl.h>
#include <poll.h>

static int is_readable (int descriptor, int timeout)
{
    struct pollfd item = {descriptor, POLLIN, 0};
    return poll (&item, 1, timeout) == 1;
}

/* Waits by the descriptor alone; takes all that ZMQ_EVENTS says is there. */
static int loop_until (void *socket, int wanted, size_t *bytes)
{
    char buffer[4096];
    int descriptor = get_int (socket, ZMQ_FD), count = 0;
    const long deadline = milliseconds () + 5000;
    while (count < wanted && milliseconds () < deadline) {
        while (get_int (socket, ZMQ_EVENTS) & ZMQ_POLLIN) {
            int size = zmq_recv (socket, buffer, sizeof buffer, ZMQ_DONTWAIT);
            NEED (size != -1);
            *bytes += (size_t) size;
            count++;
        }
        if (count < wanted)
            is_readable (descriptor, 1000);
    }
    return count;
}

static void *sender (void *socket)
{
    static char data[700];
    for (int i = 0; i < 5000; i++) {
        NEED (zmq_send (socket, data, (size_t) (i % 700), 0) != -1);
        if (i % 500 == 0)
            rest (5);
    }
    return NULL;
}

static void loop (void *context, const char *transport)
{
    pthread_t thread;
    size_t bytes = 0;
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    join_pair (pull, push, transport);
    NEED (pthread_create (&thread, NULL, sender, push) == 0);
    int count = loop_until (pull, 5000, &bytes);
    line ("-- %s: %d messages, %zu bytes", transport, count, bytes);
    pthread_join (thread, NULL);
    line ("events %d", get_int (pull, ZMQ_EVENTS));
    end_socket (push);
    end_socket (pull);
}

static void ping_pong (void *context, const char *transport)
{
    size_t bytes = 0;
    void *a = new_socket (context, ZMQ_PAIR), *b = new_socket (context, ZMQ_PAIR);
    join_pair (a, b, transport);
    int rounds = 0;
    NEED (zmq_send (a, "12345", 5, 0) == 5);
    for (int i = 0; i < 500; i++) {
        rounds += loop_until (b, 1, &bytes);
        NEED (zmq_send (b, "123", 3, 0) == 3);
        rounds += loop_until (a, 1, &bytes);
        NEED (zmq_send (a, "12345", 5, 0) == 5);
    }
    line ("-- %s ping pong: %d messages, %zu bytes", transport, rounds, bytes);
    end_socket (a);
    end_socket (b);
}

static void becomes_writable (void *context)
{
    line ("-- room is signalled");
    char buffer[8];
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    set_int (push, ZMQ_SNDHWM, 3);
    set_int (pull, ZMQ_RCVHWM, 3);
    line ("no peer: events %d", get_int (push, ZMQ_EVENTS));
    join_pair (pull, push, "inproc");
    line ("a peer: events %d", get_int (push, ZMQ_EVENTS));
    int sent = 0;
    while (zmq_send (push, "x", 1, ZMQ_DONTWAIT) == 1)
        sent++;
    line ("full after %d: events %d", sent, get_int (push, ZMQ_EVENTS));
    for (int i = 0; i < sent; i++)
        NEED (zmq_recv (pull, buffer, sizeof buffer, 0) == 1);
    line ("descriptor readable %d", is_readable (get_int (push, ZMQ_FD), 1000));
    line ("drained: events %d", get_int (push, ZMQ_EVENTS));
    end_socket (push);
    end_socket (pull);
}

static void descriptor (void *context)
{
    line ("-- the descriptor");
    void *socket = new_socket (context, ZMQ_DEALER), *other = new_socket (context, ZMQ_DEALER);
    int fd = get_int (socket, ZMQ_FD);
    line ("valid %d, the same again %d, closed on exec %d, own to each %d", fd > 2, fd == get_int (socket, ZMQ_FD),
          (fcntl (fd, F_GETFD) & FD_CLOEXEC) != 0, fd != get_int (other, ZMQ_FD));
    line ("events %d", get_int (socket, ZMQ_EVENTS));
    line ("quiet %d", !is_readable (fd, 50));
    join_pair (socket, other, "inproc");
    line ("a peer came: readable %d", is_readable (fd, 1000));
    line ("events %d", get_int (socket, ZMQ_EVENTS));
    line ("quiet %d", !is_readable (fd, 50));
    send_parts (other, "x", NULL);
    line ("a message came: readable %d", is_readable (fd, 1000));
    line ("events %d", get_int (socket, ZMQ_EVENTS));
    take ("socket", socket, 0);
    line ("events %d", get_int (socket, ZMQ_EVENTS));
    end_socket (socket);
    end_socket (other);
}

/* What came is told by the descriptor until ZMQ_EVENTS was read; setting or reading an option in between hides nothing. */
static void options_hide_nothing (void *context)
{
    line ("-- options between the signal and ZMQ_EVENTS");
    char name[100];
    size_t size = sizeof name;
    void *pull = new_socket (context, ZMQ_PULL), *sub = new_socket (context, ZMQ_SUB);
    void *push = new_socket (context, ZMQ_PUSH), *pub = new_socket (context, ZMQ_PUB);
    join_pair (pull, push, "tcp");
    const int fd = get_int (pull, ZMQ_FD);
    /* The connection is told, too. */
    settle ();
    line ("events %d", get_int (pull, ZMQ_EVENTS));
    /* The connection may have been the last signal; the next one shall be the message. */
    while (is_readable (fd, 50))
        get_int (pull, ZMQ_EVENTS);
    send_parts (push, "x", NULL);
    line ("a message came: readable %d", is_readable (fd, 1000));
    set_int (pull, ZMQ_RCVHWM, 7);
    set_int (pull, ZMQ_LINGER, 0);
    NEED (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, name, &size) == 0 && get_int (pull, ZMQ_TYPE) == ZMQ_PULL);
    line ("still readable %d", is_readable (fd, 0));
    line ("events %d", get_int (pull, ZMQ_EVENTS));
    const int subscriber = get_int (sub, ZMQ_FD);
    NEED (zmq_bind (pub, "tcp://127.0.0.1:*") == 0);
    size = sizeof name;
    NEED (zmq_getsockopt (pub, ZMQ_LAST_ENDPOINT, name, &size) == 0 && zmq_connect (sub, name) == 0);
    settle ();
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "", 0) == 0);
    line ("connected and subscribed: readable %d", is_readable (subscriber, 0));
    end_socket (push);
    end_socket (pull);
    end_socket (pub);
    end_socket (sub);
}

/* The same with calls that are no options: whoever makes them between two sleeps is woken all the same. */
static void calls_hide_nothing (void *context)
{
    line ("-- other calls between the signal and ZMQ_EVENTS");
    char endpoint[256];
    void *router = new_socket (context, ZMQ_ROUTER), *dealer = new_socket (context, ZMQ_DEALER);
    void *watcher = new_socket (context, ZMQ_PAIR);
    NEED (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "peer", 4) == 0);
    bind_any (router, "tcp", endpoint);
    NEED (zmq_connect (dealer, endpoint) == 0);
    const int fd = get_int (router, ZMQ_FD);
    send_parts (dealer, "0", NULL);
    take ("router", router, 0);
    static const char *const CALLS[] = {"peer state", "monitor", "statistics", "end of the monitor"};
    for (int call = 0; call < 4; call++) {
        /* Who has read ZMQ_EVENTS without messages in it is told of the next one. */
        do
            NEED (!(get_int (router, ZMQ_EVENTS) & ZMQ_POLLIN));
        while (is_readable (fd, 50));
        send_parts (dealer, "x", NULL);
        line ("a message came: readable %d", is_readable (fd, 1000));
        settle ();
        switch (call) {
            case 0:
                SHOW (zmq_socket_get_peer_state (router, "peer", 4));
                break;
            case 1:
                SHOW (zmq_socket_monitor_versioned (router, "inproc://watched", ZMQ_EVENT_PIPES_STATS, 2, ZMQ_PAIR));
                NEED (zmq_connect (watcher, "inproc://watched") == 0);
                break;
            case 2:
                SHOW (zmq_socket_monitor_pipes_stats (router));
                break;
            default:
                SHOW (zmq_socket_monitor (router, NULL, 0));
        }
        line ("%s: still readable %d", CALLS[call], is_readable (fd, 0));
        line ("events %d", get_int (router, ZMQ_EVENTS));
        take ("router", router, 0);
    }
    while (is_readable (fd, 50))
        get_int (router, ZMQ_EVENTS);
    SHOW (zmq_socket_get_peer_state (router, "peer", 4));
    line ("nothing came: readable %d", is_readable (fd, 50));
    end_socket (dealer);
    end_socket (router);
    end_socket (watcher);
}

int main (void)
{
    void *context = new_context ();
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        loop (context, TRANSPORTS[i]);
        ping_pong (context, TRANSPORTS[i]);
    }
    becomes_writable (context);
    descriptor (context);
    options_hide_nothing (context);
    calls_hide_nothing (context);
    end_context (context);
    return 0;
}
