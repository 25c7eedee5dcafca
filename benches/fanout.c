/*
 * A publisher and many subscribers. The subscribers are plain sockets in a child process that only count bytes, so
 * that the publishing side is what is measured. No message is dropped: ZMQ_XPUB_NODROP holds the publisher up.
 */
#include "bench.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY = 16, FRAME = BODY + 2, MOST = 1000 };

struct fan
{
    atomic_int port;
    atomic_int ready;
    atomic_int done;
    atomic_ullong bytes;
    int subscribers, topics;
};

static void subscribe (int fd, const char *topic)
{
    char frame[2 + 1 + 64];
    const size_t length = strlen (topic);
    frame[0] = 0;
    frame[1] = (char) (1 + length);
    frame[2] = 1;
    memcpy (frame + 3, topic, length);
    write_all (fd, frame, 3 + length);
}

static void name_topic (char name[BODY + 1], uint32_t number)
{
    snprintf (name, BODY + 1, "topic/%09u.", number % 1000000000u);
}

static void run_subscribers (void *argument)
{
    struct fan *fan = argument;
    while (atomic_load (&fan->port) == 0)
        usleep (200);
    int epoll = epoll_create1 (EPOLL_CLOEXEC);
    REQUIRE (epoll != -1);
    for (int i = 0; i < fan->subscribers; i++) {
        int fd = zmtp_connect (fan->port, "SUB");
        char name[BODY + 1];
        if (fan->topics == 0)
            subscribe (fd, "");
        for (int topic = 0; topic < fan->topics; topic++) {
            name_topic (name, (uint32_t) topic * 16);
            subscribe (fd, name);
        }
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        REQUIRE (epoll_ctl (epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    }
    atomic_store (&fan->ready, 1);
    static char buffer[256 * 1024];
    struct epoll_event events[64];
    while (!atomic_load_explicit (&fan->done, memory_order_relaxed)) {
        int count = epoll_wait (epoll, events, 64, 50);
        for (int i = 0; i < count; i++) {
            ssize_t got = recv (events[i].data.fd, buffer, sizeof buffer, MSG_DONTWAIT);
            if (got > 0)
                atomic_fetch_add_explicit (&fan->bytes, (unsigned long long) got, memory_order_relaxed);
        }
    }
}

static void *open_publisher (struct fan *fan, void *context, pid_t *child, int no_drop)
{
    *child = start_child (run_subscribers, fan);
    void *socket = open_socket (context, ZMQ_PUB);
    if (no_drop)
        set_int (socket, ZMQ_XPUB_NODROP, 1);
    char endpoint[256];
    bind_somewhere (socket, "tcp", endpoint);
    atomic_store (&fan->port, port_of (endpoint));
    while (!atomic_load (&fan->ready))
        usleep (200);
    /* The subscriptions are with the kernel; give the publisher time to read them. */
    usleep (100000 + 30 * (useconds_t) fan->topics);
    return socket;
}

static void close_publisher (struct fan *fan, void *context, void *socket, pid_t child)
{
    atomic_store (&fan->done, 1);
    end_child (child);
    zmq_close (socket);
    zmq_ctx_term (context);
}

int measure_publisher (struct run *run)
{
    struct fan *fan = shared_memory (sizeof *fan);
    fan->subscribers = atoi (run->argv[0]);
    REQUIRE (fan->subscribers > 0 && fan->subscribers <= MOST);
    void *context = zmq_ctx_new ();
    pid_t child;
    void *socket = open_publisher (fan, context, &child, 1);
    const char body[BODY] = "sixteen bytes..";
    const double started = now (), warm = started + run->seconds * 0.2, end = warm + run->seconds;
    double from = 0, at, processor = 0;
    unsigned long long first = 0;
    do {
        for (int i = 0; i < 64; i++)
            if (zmq_send (socket, body, sizeof body, 0) == -1)
                REQUIRE (zmq_errno () == EAGAIN);
        at = now ();
        if (from == 0 && at >= warm) {
            from = at;
            first = atomic_load (&fan->bytes);
            processor = cpu_time ();
        }
    } while (at < end);
    const unsigned long long delivered = (atomic_load (&fan->bytes) - first) / FRAME;
    printf ("pub %.0f\n", (double) delivered / (at - from));
    printf ("cost %.2f\n", (cpu_time () - processor) * 1e9 / (double) delivered);
    REQUIRE (delivered > 0);
    close_publisher (fan, context, socket, child);
    return 0;
}

/* One message in sixteen has a subscriber. */
int measure_subscriptions (struct run *run)
{
    struct fan *fan = shared_memory (sizeof *fan);
    fan->subscribers = 1;
    fan->topics = atoi (run->argv[0]);
    REQUIRE (fan->topics > 0);
    void *context = zmq_ctx_new ();
    pid_t child;
    void *socket = open_publisher (fan, context, &child, 0);
    const uint32_t names = (uint32_t) fan->topics * 16;
    char (*bodies)[BODY + 1] = malloc ((size_t) names * sizeof *bodies);
    REQUIRE (bodies != NULL);
    for (uint32_t i = 0; i < names; i++)
        name_topic (bodies[i], i);
    const double started = now ();
    double at;
    uint64_t sent = 0;
    uint32_t next = 0;
    do {
        for (int i = 0; i < 256; i++) {
            REQUIRE (zmq_send (socket, bodies[next], BODY, 0) == BODY);
            /* A stride that is prime to any number of names used here. */
            next = (next + 7919) % names;
        }
        sent += 256;
        at = now ();
    } while (at - started < run->seconds);
    printf ("subscriptions %.0f\n", (double) sent / (at - started));
    REQUIRE (atomic_load (&fan->bytes) > 0);
    close_publisher (fan, context, socket, child);
    free (bodies);
    return 0;
}
