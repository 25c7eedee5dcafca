/* Peers that never stop: heartbeats and other commands for a socket that does not read, subscriptions for a publisher whose
   application does nothing, a message whose last frame does not come. None of it fills the memory. Called by ctests/faults/run. */
#define _GNU_SOURCE
#include "faults.h"
#include "../raw.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <sys/ioctl.h>

#define MIB (1024L * 1024)
#define FLOOD (64 * MIB)

static long resident (void)
{
    long pages = 0;
    malloc_trim (0);
    FILE *file = fopen ("/proc/self/statm", "r");
    NEED (file && fscanf (file, "%*d %ld", &pages) == 1);
    fclose (file);
    return pages * 4096;
}

/* A peer that has shaken hands and may be written to without waiting. */
static int shaken (const char *endpoint, const char *type)
{
    unsigned char buffer[128];
    int fd = raw_connect (endpoint);
    raw_send (fd, GREETING, sizeof GREETING);
    raw_send (fd, buffer, ready_command (buffer, type));
    NEED (raw_read (fd, buffer, 64 + 2, PATIENCE) == 64 + 2);
    NEED (raw_read (fd, buffer, buffer[65], PATIENCE) == buffer[65]);
    NEED (fcntl (fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

/* A piece of a flood: many of the same frame. */
struct flood
{
    char bytes[65536];
    size_t size;
    long sent;
};

static void repeat (struct flood *flood, const void *frame, size_t size)
{
    for (flood->size = flood->sent = 0; flood->size + size <= sizeof flood->bytes; flood->size += size)
        memcpy (flood->bytes + flood->size, frame, size);
}

/* Sends up to `most` bytes in all; 0 when the other side takes no more now, -1 when it has hung up. */
static int pour (struct flood *flood, int fd, long most)
{
    while (flood->sent < most) {
        size_t at = (size_t) flood->sent % flood->size;
        ssize_t n = send (fd, flood->bytes + at, flood->size - at, MSG_NOSIGNAL);
        if (n == -1)
            return errno == EAGAIN ? 0 : -1;
        flood->sent += n;
    }
    return 1;
}

/* All of it, and the other side has taken it from the network. */
static void pour_all (struct flood *flood, int fd, const char *what)
{
    int left = 1;
    for (long end = milliseconds () + PATIENCE; pour (flood, fd, FLOOD) != 1 || left > 0; rest (1)) {
        CHECK (milliseconds () < end, "%s: held up after %ld bytes", what, flood->sent);
        NEED (ioctl (fd, SIOCOUTQ, &left) == 0);
    }
}

static void nobody_reads (void *context, int type, const char *peer, const char *what)
{
    static const struct {
        const char *name, *frame;
        size_t size;
    } kinds[] = {{"PING", "\4\7\4PING\0\0", 9},
                 {"PONG", "\4\5\4PONG", 7},
                 {"SUBSCRIBE", "\4\13\11SUBSCRIBEa", 13},
                 {"a command nobody knows", "\4\10\7UNHEARD", 10}};
    static struct flood flood;
    for (unsigned kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        /* Subscriptions are a publisher's business. */
        if (type == ZMQ_PUB && kind > 1)
            break;
        char endpoint[256];
        void *socket = quick_socket (context, type);
        bind_any (socket, "tcp", endpoint);
        int fd = shaken (endpoint, peer);
        long memory = resident ();
        repeat (&flood, kinds[kind].frame, kinds[kind].size);
        pour_all (&flood, fd, kinds[kind].name);
        memory = resident () - memory;
        CHECK (memory < 8 * MIB, "%s: %ld KiB for %s", what, memory / 1024, kinds[kind].name);
        if (type == ZMQ_PULL) {
            char body[4];
            size_t rest = (flood.size - (size_t) flood.sent % flood.size) % flood.size;
            raw_send (fd, flood.bytes + flood.size - rest, rest);
            raw_send (fd, "\0\2me", 4);
            set_int (socket, ZMQ_RCVTIMEO, PATIENCE);
            CHECK (zmq_recv (socket, body, sizeof body, 0) == 2, "%s: no message behind %s", what, kinds[kind].name);
        }
        close (fd);
        end_socket (socket);
    }
    line ("%s: commands that nobody reads cost nothing", what);
}

static void nobody_listens_to_wishes (void *context)
{
    static struct flood flood;
    char endpoint[256];
    void *pub = quick_socket (context, ZMQ_XPUB);
    set_int (pub, ZMQ_RCVHWM, 20);
    bind_any (pub, "tcp", endpoint);
    int fd = shaken (endpoint, "SUB"), quiet = 0;
    long memory = resident ();
    repeat (&flood, "\4\13\11SUBSCRIBEa", 13);
    for (long before = 0; quiet < 10; rest (50), before = flood.sent) {
        CHECK (pour (&flood, fd, FLOOD) == 0, "XPUB takes in %ld bytes of subscriptions that nobody asked for", flood.sent);
        quiet = flood.sent == before ? quiet + 1 : 0;
    }
    memory = resident () - memory;
    CHECK (memory < 8 * MIB, "XPUB: %ld KiB for subscriptions", memory / 1024);
    /* Once the application is there, all of it is taken in. */
    for (long end = milliseconds () + PATIENCE; pour (&flood, fd, FLOOD) != 1; rest (1)) {
        CHECK (milliseconds () < end, "the subscriptions are held up after %ld bytes", flood.sent);
        NEED (zmq_send (pub, "b", 1, 0) == 1);
    }
    unsigned char bytes[3];
    for (long end = milliseconds () + PATIENCE; raw_read (fd, bytes, 3, 10) != 3;) {
        CHECK (milliseconds () < end, "nothing is published");
        NEED (zmq_send (pub, "a", 1, 0) == 1);
    }
    CHECK (memcmp (bytes, "\0\1a", 3) == 0, "something else is published");
    close (fd);
    end_socket (pub);
    line ("XPUB: subscriptions wait at the high water mark until somebody listens");
}

static void no_last_frame (void *context)
{
    static struct flood flood;
    char endpoint[256];
    void *pull = quick_socket (context, ZMQ_PULL), *push = quick_socket (context, ZMQ_PUSH);
    int64_t most = 1000;
    NEED (zmq_setsockopt (pull, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0);
    set_int (pull, ZMQ_RCVHWM, 10);
    set_int (pull, ZMQ_RCVTIMEO, PATIENCE);
    bind_any (pull, "tcp", endpoint);

    /* A message of many parts that somebody means. */
    enum { PARTS = 100000 };
    static char body[1000];
    void *watcher = watch_all (context, pull);
    NEED (zmq_connect (push, endpoint) == 0);
    for (int part = 1; part <= PARTS; part++)
        NEED (zmq_send (push, body, sizeof body, part < PARTS ? ZMQ_SNDMORE : 0) == sizeof body);
    for (int part = 1; part <= PARTS; part++) {
        CHECK (zmq_recv (pull, body, sizeof body, 0) == sizeof body, "part %d does not come", part);
        CHECK (get_int (pull, ZMQ_RCVMORE) == (part < PARTS), "part %d", part);
    }
    end_socket (push);
    CHECK (wait_event (watcher, ZMQ_EVENT_DISCONNECTED, PATIENCE) != -1, "the good peer does not go");
    long memory = resident ();
    int fd = shaken (endpoint, "PUSH"), event = 0;
    repeat (&flood, "\1\0", 2);
    long largest = 0;
    for (long end = milliseconds () + 2 * PATIENCE; event != ZMQ_EVENT_DISCONNECTED; event = next_event (watcher, NULL, 1)) {
        CHECK (milliseconds () < end, "the peer is still there after %ld bytes", flood.sent);
        long now = resident () - memory;
        largest = now > largest ? now : largest;
        pour (&flood, fd, flood.sent + MIB);
    }
    CHECK (flood.sent > 256 * MIB, "hung up on after %ld bytes", flood.sent);
    CHECK (flood.sent < 300 * MIB && largest < 300 * MIB, "%ld bytes, of which %ld are kept", flood.sent, largest);
    for (long end = milliseconds () + PATIENCE; resident () - memory > 16 * MIB; rest (5))
        CHECK (milliseconds () < end, "%ld KiB are left of it", (resident () - memory) / 1024);
    close (fd);
    NEED (zmq_socket_monitor (pull, NULL, 0) == 0);
    end_socket (pull);
    end_socket (watcher);
    line ("a message that does not end is given up where ZMQ_MAXMSGSIZE is set");
}

int main (void)
{
    void *context = new_context ();
    nobody_reads (context, ZMQ_PUSH, "PULL", "PUSH");
    nobody_reads (context, ZMQ_PULL, "PUSH", "PULL");
    nobody_reads (context, ZMQ_ROUTER, "DEALER", "ROUTER");
    nobody_reads (context, ZMQ_PUB, "SUB", "PUB");
    nobody_listens_to_wishes (context);
    no_last_frame (context);
    end_context (context);
    return 0;
}
