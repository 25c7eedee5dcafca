/* Peers by the thousand that connect and say nothing, or half a greeting; peers that come and go; peers that never read, or
   ask for too much: a client in good order is served all the while, and memory and descriptors come back. Called by ctests/faults/run. */
#define _GNU_SOURCE
#include "faults.h"
#include "../raw.h"

#include <malloc.h>
#include <sys/wait.h>

#define CROWD 3000
#define QUESTIONS 300

/* The longest of some round trips, in milliseconds. */
static long served (void *client, void *server, const char *when)
{
    long longest = 0;
    for (unsigned i = 0; i < QUESTIONS; i++) {
        unsigned got = ~i;
        long start = milliseconds ();
        CHECK (zmq_send (client, &i, sizeof i, 0) == sizeof i, "%s: question %u", when, i);
        CHECK (zmq_recv (server, &got, sizeof got, 0) == sizeof got && got == i, "%s: question %u does not come", when, i);
        CHECK (zmq_send (server, &got, sizeof got, 0) == sizeof got, "%s: answer %u", when, i);
        CHECK (zmq_recv (client, &got, sizeof got, 0) == sizeof got && got == i, "%s: answer %u does not come", when, i);
        longest = milliseconds () - start > longest ? milliseconds () - start : longest;
    }
    return longest;
}

static int descriptors (void)
{
    return count_entries ("/proc/self/fd");
}

static long resident (void)
{
    long pages = 0;
    FILE *file = fopen ("/proc/self/statm", "r");
    NEED (file && fscanf (file, "%*d %ld", &pages) == 1);
    fclose (file);
    return pages * 4;
}

static void half_open (void *context, int crowd)
{
    char endpoint[256];
    void *server = quick_socket (context, ZMQ_REP), *client = quick_socket (context, ZMQ_REQ);
    set_int (server, ZMQ_RCVTIMEO, PATIENCE);
    set_int (client, ZMQ_RCVTIMEO, PATIENCE);
    set_int (server, ZMQ_HANDSHAKE_IVL, 3000);
    set_int (server, ZMQ_BACKLOG, 1000);
    bind_any (server, "tcp", endpoint);
    NEED (zmq_connect (client, endpoint) == 0);
    served (client, server, "alone");
    int alone = descriptors (), there[2];
    long memory = resident ();
    NEED (pipe (there) == 0);
    pid_t child = fork_mortal ();
    if (child == 0) {
        for (int i = 0; i < crowd; i++)
            raw_send (raw_connect (endpoint), GREETING, (size_t) (i % 12));
        (void) !write (there[1], "x", 1);
        pause ();
    }
    char byte;
    NEED (read (there[0], &byte, 1) == 1);
    long longest = served (client, server, "in the crowd");
    CHECK (longest < PATIENCE / 4, "a round trip of %ld ms", longest);
    memory = resident () - memory;
    CHECK (memory < crowd * 16L, "%ld KiB for %d peers", memory, crowd);
    long end = milliseconds () + PATIENCE;
    while (descriptors () > alone + 4) {
        CHECK (milliseconds () < end, "%d descriptors are left of the crowd", descriptors () - alone);
        rest (50);
    }
    served (client, server, "after the crowd");
    NEED (kill (child, SIGKILL) == 0 && waitpid (child, NULL, 0) == child);
    close (there[0]);
    close (there[1]);
    end_socket (client);
    end_socket (server);
    line ("thousands that say nothing are given up, and disturb nobody");
}

static void coming_and_going (void *context, int crowd)
{
    char endpoint[256];
    void *server = quick_socket (context, ZMQ_REP), *client = quick_socket (context, ZMQ_REQ);
    set_int (server, ZMQ_RCVTIMEO, PATIENCE);
    set_int (client, ZMQ_RCVTIMEO, PATIENCE);
    set_int (server, ZMQ_BACKLOG, 1000);
    bind_any (server, "tcp", endpoint);
    NEED (zmq_connect (client, endpoint) == 0);
    served (client, server, "alone");
    int alone = descriptors ();
    pid_t child = fork_mortal ();
    if (child == 0) {
        for (int i = 0; i < crowd; i++) {
            int fd = raw_connect (endpoint);
            raw_send (fd, GREETING, (size_t) (i % 64));
            setsockopt (fd, SOL_SOCKET, SO_LINGER, &(struct linger) {i & 1, 0}, sizeof (struct linger));
            close (fd);
        }
        _exit (0);
    }
    int rounds = 0;
    while (waitpid (child, NULL, WNOHANG) == 0 || rounds == 0) {
        served (client, server, "among those who come and go");
        rounds++;
    }
    long end = milliseconds () + PATIENCE;
    while (descriptors () > alone + 2) {
        CHECK (milliseconds () < end, "%d descriptors are left", descriptors () - alone);
        rest (20);
    }
    end_socket (client);
    end_socket (server);
    line ("thousands that come and go leave nothing behind");
}

/* A peer that shakes hands, perhaps subscribes, and never reads again. */
static int mute (const char *endpoint, const char *type)
{
    unsigned char buffer[128];
    int fd = raw_connect (endpoint);
    raw_send (fd, GREETING, sizeof GREETING);
    raw_send (fd, buffer, ready_command (buffer, type));
    if (strcmp (type, "SUB") == 0)
        raw_send (fd, "\0\1\1", 3);
    NEED (raw_read (fd, buffer, 64 + 27, PATIENCE) == 64 + 27);
    return fd;
}

static void never_reads (void *context)
{
    static char block[20000];
    char endpoint[256];
    void *push = quick_socket (context, ZMQ_PUSH), *pull = quick_socket (context, ZMQ_PULL);
    set_int (push, ZMQ_SNDHWM, 10);
    set_int (push, ZMQ_LINGER, 100);
    bind_any (push, "tcp", endpoint);
    int fd = mute (endpoint, "PULL"), sent = 0;
    set_int (push, ZMQ_SNDTIMEO, 200);
    while (zmq_send (push, block, sizeof block, 0) != -1)
        CHECK (++sent < 5000, "the high water mark is not felt");
    CHECK (zmq_errno () == EAGAIN, "%s", errno_name (zmq_errno ()));
    set_int (push, ZMQ_SNDTIMEO, PATIENCE);
    NEED (zmq_connect (pull, endpoint) == 0);
    for (int i = 0; i < 500; i++)
        exchange (push, pull, "beside a peer that never reads");
    end_socket (pull);
    end_socket (push);
    line ("PUSH: the others are served; the mute peer costs its high water mark");
    close (fd);

    void *pub = quick_socket (context, ZMQ_PUB), *sub = quick_socket (context, ZMQ_SUB);
    set_int (pub, ZMQ_SNDHWM, 20);
    set_int (pub, ZMQ_LINGER, 100);
    set_int (sub, ZMQ_RCVTIMEO, PATIENCE);
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "", 0) == 0);
    bind_any (pub, "tcp", endpoint);
    fd = mute (endpoint, "SUB");
    NEED (zmq_connect (sub, endpoint) == 0);
    unsigned got = 0;
    set_int (sub, ZMQ_RCVTIMEO, 20);
    for (long end = milliseconds () + PATIENCE; zmq_recv (sub, &got, sizeof got, 0) == -1;) {
        CHECK (milliseconds () < end, "the subscription does not come");
        NEED (zmq_send (pub, &got, sizeof got, 0) == sizeof got);
    }
    while (zmq_recv (sub, &got, sizeof got, 0) != -1)
        ;
    set_int (sub, ZMQ_RCVTIMEO, PATIENCE);
    long memory = resident ();
    for (unsigned i = 0; i < 2000; i++) {
        memcpy (block, &i, sizeof i);
        NEED (zmq_send (pub, block, sizeof block, 0) == sizeof block);
        CHECK (zmq_recv (sub, &got, sizeof got, 0) == sizeof block && got == i, "message %u", i);
    }
    memory = resident () - memory;
    CHECK (memory < 12000, "%ld KiB more after 40 MB", memory);
    end_socket (sub);
    end_socket (pub);
    close (fd);
    line ("PUB: the others get everything; the mute peer costs its high water mark");
}

static void raw_send_all (int fd, const char *data, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t n = send (fd, data + sent, size - sent, MSG_NOSIGNAL);
        if (n == -1)
            return;
        sent += (size_t) n;
    }
}

/* A peer that subscribes to more than is remembered of one peer: it is sent away, which the monitor hears of, and its topics
   are forgotten. */
static void asks_for_too_much (void *context, int limited)
{
    enum { TOPIC = 16 << 20, TOPICS = 20 };
    char endpoint[256], *frame = malloc (TOPIC + 10);
    void *pub = quick_socket (context, ZMQ_PUB), *sub = quick_socket (context, ZMQ_SUB);
    NEED (frame);
    memset (frame, 't', TOPIC + 10);
    memcpy (frame, "\2\0\0\0\0\1\0\0\1\1", 10);
    set_int (pub, ZMQ_RCVHWM, limited ? 1000 : 0);
    bind_any (pub, "tcp", endpoint);
    void *watcher = watch_all (context, pub);
    long memory = resident ();
    int there[2];
    NEED (pipe (there) == 0);
    pid_t child = fork_mortal ();
    if (child == 0) {
        int fd = mute (endpoint, "SUB");
        for (int topic = 0; topic < TOPICS; topic++) {
            frame[10] = (char) topic;
            raw_send_all (fd, frame, TOPIC + 10);
        }
        (void) !write (there[1], "x", 1);
        pause ();
    }
    CHECK (wait_event (watcher, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, PATIENCE) != -1, "no handshake");
    struct pollfd said = {there[0], POLLIN, 0};
    int event = 0;
    for (long end = milliseconds () + PATIENCE; event == 0 && (limited || poll (&said, 1, 0) == 0);) {
        CHECK (milliseconds () < end, "%s", limited ? "the peer is still there" : "the peer is held up");
        /* A publisher hears of subscriptions when it is used. */
        NEED (zmq_send (pub, "x", 1, 0) == 1);
        event = next_event (watcher, NULL, 1);
    }
    CHECK (event == (limited ? ZMQ_EVENT_DISCONNECTED : 0), "event %d", event);
    NEED (kill (child, SIGKILL) == 0 && waitpid (child, NULL, 0) == child);
    close (there[0]);
    close (there[1]);
    set_int (sub, ZMQ_RCVTIMEO, 20);
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "a", 1) == 0 && zmq_connect (sub, endpoint) == 0);
    for (long end = milliseconds () + PATIENCE; zmq_recv (sub, NULL, 0, 0) == -1;) {
        CHECK (milliseconds () < end, "the next subscriber hears nothing");
        NEED (zmq_send (pub, "after", 5, 0) == 5);
    }
    /* What is free goes back to the system, so that only what is still used is counted. */
    for (long end = milliseconds () + PATIENCE; malloc_trim (0), resident () - memory > 64 * 1024; rest (1)) {
        CHECK (milliseconds () < end, "%ld KiB are left of it", resident () - memory);
        NEED (zmq_send (pub, "after", 5, 0) == 5);
    }
    NEED (zmq_socket_monitor (pub, NULL, 0) == 0);
    end_socket (sub);
    end_socket (pub);
    end_socket (watcher);
    free (frame);
    line ("a peer that subscribes to 320 MiB is %s", limited ? "sent away" : "served where the high water mark is 0");
}

int main (void)
{
    struct rlimit limit;
    NEED (getrlimit (RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    NEED (setrlimit (RLIMIT_NOFILE, &limit) == 0);
    int crowd = limit.rlim_max > CROWD + 200 ? CROWD : (int) limit.rlim_max - 200;
    void *context = new_context ();
    half_open (context, crowd);
    coming_and_going (context, crowd);
    never_reads (context);
    asks_for_too_much (context, 1);
    asks_for_too_much (context, 0);
    end_context (context);
    return 0;
}
