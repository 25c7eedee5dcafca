/* The same work on plain sockets: what the machine allows. */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct raw
{
    int fds[2];
    size_t size;
    double gap;
    const char *how;
    atomic_int done;
};

/* Two ends of a connection: tcp or ipc. */
static void connect_pair (struct raw *raw, const char *transport)
{
    if (strcmp (transport, "ipc") == 0) {
        REQUIRE (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, raw->fds) == 0);
        return;
    }
    int port, listener = raw_listen (&port), one = 1;
    raw->fds[1] = raw_connect (port);
    raw->fds[0] = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
    REQUIRE (raw->fds[0] != -1);
    REQUIRE (setsockopt (raw->fds[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
    close (listener);
}

static void run_writer (void *argument)
{
    struct raw *raw = argument;
    close (raw->fds[0]);
    char *body = calloc (1, raw->size);
    REQUIRE (body != NULL);
    for (;;)
        if (send (raw->fds[1], body, raw->size, MSG_NOSIGNAL) == -1)
            return;
}

int raw_bulk (struct run *run)
{
    struct raw *raw = shared_memory (sizeof *raw);
    raw->size = strtoul (run->argv[1], NULL, 10);
    connect_pair (raw, run->argv[0]);
    pid_t child = start_child (run_writer, raw);
    close (raw->fds[1]);
    char *buffer = malloc (raw->size);
    REQUIRE (buffer != NULL);
    uint64_t count = 0;
    double started = 0, at = now ();
    const double warm = at + run->seconds * 0.15, end = warm + run->seconds;
    do {
        read_all (raw->fds[0], buffer, raw->size);
        count++;
        at = now ();
        if (started == 0 && at >= warm) {
            started = at;
            count = 0;
        }
    } while (at < end);
    printf ("thr %.0f\n", (double) count / (at - started));
    close (raw->fds[0]);
    end_child (child);
    return 0;
}

/* Reads `size` bytes in the way that `how` says; 0 at the end. */
static int read_how (struct raw *raw, int fd, int epoll, char *buffer)
{
    size_t have = 0;
    while (have < raw->size) {
        const int flags = raw->how[0] == 'b' ? 0 : MSG_DONTWAIT;
        if (epoll != -1) {
            struct epoll_event event;
            REQUIRE (epoll_wait (epoll, &event, 1, -1) == 1 || errno == EINTR);
        }
        ssize_t got = recv (fd, buffer + have, raw->size - have, flags);
        if (got == 0)
            return 0;
        if (got == -1)
            REQUIRE (errno == EAGAIN || errno == EINTR);
        else
            have += (size_t) got;
    }
    return 1;
}

static int watch (struct raw *raw, int fd)
{
    if (raw->how[0] != 'e')
        return -1;
    int epoll = epoll_create1 (EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    REQUIRE (epoll != -1 && epoll_ctl (epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    return epoll;
}

static void run_echo (void *argument)
{
    struct raw *raw = argument;
    close (raw->fds[0]);
    char buffer[65536];
    int epoll = watch (raw, raw->fds[1]);
    while (read_how (raw, raw->fds[1], epoll, buffer))
        write_all (raw->fds[1], buffer, raw->size);
}

int raw_trip (struct run *run)
{
    struct raw *raw = shared_memory (sizeof *raw);
    raw->how = run->argv[0];
    /* The frame's header and its body. */
    raw->size = strtoul (run->argv[1], NULL, 10) + 2;
    REQUIRE (raw->size <= 65536);
    connect_pair (raw, "tcp");
    pid_t child = start_child (run_echo, raw);
    close (raw->fds[1]);
    char buffer[65536] = "";
    int epoll = watch (raw, raw->fds[0]);
    uint64_t count = 0;
    double started = 0, at = now ();
    const double warm = at + run->seconds * 0.15, end = warm + run->seconds;
    do {
        write_all (raw->fds[0], buffer, raw->size);
        REQUIRE (read_how (raw, raw->fds[0], epoll, buffer));
        count++;
        at = now ();
        if (started == 0 && at >= warm) {
            started = at;
            count = 0;
        }
    } while (at < end);
    printf ("lat %.3f\n", (at - started) * 1e6 / (double) count);
    close (raw->fds[0]);
    end_child (child);
    return 0;
}

static void run_pacer (void *argument)
{
    struct raw *raw = argument;
    close (raw->fds[0]);
    double next = now ();
    for (;;) {
        while (now () < next)
            ;
        double sent = now ();
        if (send (raw->fds[1], &sent, sizeof sent, MSG_NOSIGNAL) == -1)
            return;
        next = sent + raw->gap;
    }
}

int raw_one_way (struct run *run)
{
    static double delays[100000];
    struct raw *raw = shared_memory (sizeof *raw);
    raw->gap = atof (run->argv[0]) * 1e-6;
    connect_pair (raw, "tcp");
    pid_t child = start_child (run_pacer, raw);
    close (raw->fds[1]);
    size_t count = 0;
    double sent;
    const double started = now ();
    while (count < sizeof delays / sizeof *delays) {
        read_all (raw->fds[0], &sent, sizeof sent);
        const double received = now ();
        if (received - started > run->seconds * 0.2)
            delays[count++] = (received - sent) * 1e6;
        if (received - started > run->seconds * 1.2)
            break;
    }
    printf ("oneway %.3f\n", median (delays, count));
    close (raw->fds[0]);
    end_child (child);
    return 0;
}
