/* Peers that send garbage, stop half-way or have the wrong type: they are dropped, the others go on. Called by ctests/run. */
#include "common.h"
#include "raw.h"

static void *pull;
static char endpoint[256];

static int shaken_hands (const char *type)
{
    unsigned char buffer[64];
    int fd = raw_connect (endpoint);
    raw_send (fd, GREETING, sizeof GREETING);
    raw_send (fd, buffer, ready_command (buffer, type));
    raw_read (fd, buffer, 64, 300);
    return fd;
}

static void after (const char *what, int fd)
{
    line ("%s: %s", what, raw_fate (fd, 400));
    close (fd);
}

static void greetings (void)
{
    static const struct { const char *what; const char *bytes; size_t size; } BAD[] = {
        {"an HTTP request", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 37},
        {"a wrong signature", "\377\0\0\0\0\0\0\0\0\0\3\0NULL", 16},
        {"sixty-four zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 64},
        {"half a signature", "\377\0\0", 3},
        {"nothing", "", 0},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        int fd = raw_connect (endpoint);
        raw_send (fd, BAD[i].bytes, BAD[i].size);
        after (BAD[i].what, fd);
    }
    unsigned char greeting[64];
    memcpy (greeting, GREETING, sizeof greeting);
    memcpy (greeting + 12, "NOSUCHMECHANISM", 15);
    int fd = raw_connect (endpoint);
    raw_send (fd, greeting, sizeof greeting);
    after ("an unknown mechanism", fd);
    memcpy (greeting + 12, "PLAIN\0\0\0\0\0\0\0\0\0\0", 15);
    fd = raw_connect (endpoint);
    raw_send (fd, greeting, sizeof greeting);
    after ("another mechanism", fd);
}

/* Not here: a READY whose properties are malformed, which libzmq forgives. */
static void handshakes (void)
{
    static const struct { const char *what; const char *bytes; size_t size; } BAD[] = {
        {"no command but a message", "\0\5hello", 7},
        {"an unknown command", "\4\6\5OTHER", 8},
        {"an empty command", "\4\0", 2},
        {"a command name that is too long", "\4\2\377R", 4},
        {"a frame of 2^63 bytes", "\6\177\377\377\377\377\377\377\377x", 10},
        {"reserved flags", "\370\5hello", 7},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        int fd = raw_connect (endpoint);
        raw_send (fd, GREETING, sizeof GREETING);
        raw_send (fd, BAD[i].bytes, BAD[i].size);
        after (BAD[i].what, fd);
    }
    after ("a type that does not fit", shaken_hands ("SUB"));
    after ("a type that does not exist", shaken_hands ("NOSUCH"));
    after ("a type that fits", shaken_hands ("PUSH"));
}

static void messages (void)
{
    static const struct { const char *what; const char *bytes; size_t size; } ODD[] = {
        {"half a message", "\0\5he", 4},
        {"a first part only", "\1\5hello", 7},
        {"a message over the limit", "\0\77", 2},
        {"a long frame over the limit", "\2\0\0\0\0\0\1\0\0", 9},
        {"a frame of 2^64-1 bytes", "\2\377\377\377\377\377\377\377\377", 9},
        {"a long frame of 3 bytes", "\2\0\0\0\0\0\0\0\3abc", 12},
        {"an empty message", "\0\0", 2},
    };
    for (size_t i = 0; i < sizeof ODD / sizeof *ODD; i++) {
        int fd = shaken_hands ("PUSH");
        raw_send (fd, ODD[i].bytes, ODD[i].size);
        after (ODD[i].what, fd);
        take_all ("pull", pull);
    }
}

int main (void)
{
    int64_t limit = 60;
    void *context = new_context ();
    pull = new_socket (context, ZMQ_PULL);
    NEED (zmq_setsockopt (pull, ZMQ_MAXMSGSIZE, &limit, sizeof limit) == 0);
    bind_any (pull, "tcp", endpoint);
    void *good = new_socket (context, ZMQ_PUSH);
    NEED (zmq_connect (good, endpoint) == 0);
    send_parts (good, "a good peer", NULL);
    take ("pull", pull, 0);

    line ("-- greetings");
    greetings ();
    line ("-- handshakes");
    handshakes ();
    line ("-- messages");
    messages ();

    send_parts (good, "the good peer", "is still here", NULL);
    take ("pull", pull, 0);
    void *late = new_socket (context, ZMQ_PUSH);
    NEED (zmq_connect (late, endpoint) == 0);
    send_parts (late, "and a late one comes in", NULL);
    take ("pull", pull, 0);
    end_socket (late);
    end_socket (good);
    end_socket (pull);
    end_context (context);
    return 0;
}
