/* Peers that die at every byte of the handshake and of their messages, by closing, by a reset, by SIGKILL; and bytes that
   come and go one by one; a proxy without its server. Whole messages come, parts of messages do not, and a peer in good order is served all the while.
   Called by ctests/faults/run. */
#include "faults.h"
#include "../raw.h"

#include <signal.h>
#include <sys/wait.h>

/* What the peer would say, and how many messages are complete after so many bytes. */
static unsigned char script[1024];
static int length, complete[1024];

static void add (const void *bytes, size_t size, int messages)
{
    for (size_t i = 0; i < size; i++)
        complete[length + (int) i] = length ? complete[length] : 0;
    memcpy (script + length, bytes, size);
    int before = length ? complete[length] : 0;
    length += (int) size;
    complete[length] = before + messages;
}

static void write_script (void)
{
    static unsigned char ready[64], large[9 + 300] = {2, 0, 0, 0, 0, 0, 0, 1, 44};
    add (GREETING, sizeof GREETING, 0);
    add (ready, ready_command (ready, "PUSH"), 0);
    add ("\0\5hello", 7, 1);
    add ("\1\5first", 7, 0);
    add ("\1\0", 2, 0);
    add ("\0\4last", 6, 1);
    add (large, sizeof large, 1);
    add ("\0\0", 2, 1);
}

enum death { CLOSES, RESETS, KILLED, DEATHS };
static const char *const DEATH[] = {"closes", "resets", "is killed"};

static void say (int fd, int bytes)
{
    raw_send (fd, script, (size_t) bytes);
}

/* A process of its own says it, and is killed once the kernel has it. */
static void killed_after (int fd, int bytes)
{
    int done[2];
    NEED (pipe (done) == 0);
    pid_t child = fork_mortal ();
    if (child == 0) {
        say (fd, bytes);
        (void) !write (done[1], "x", 1);
        pause ();
    }
    char byte;
    close (fd);
    NEED (read (done[0], &byte, 1) == 1 && kill (child, SIGKILL) == 0 && waitpid (child, NULL, 0) == child);
    close (done[0]);
    close (done[1]);
}

static int messages (void *pull, int at_least)
{
    char part[512];
    int count = 0, parts = 1;
    set_int (pull, ZMQ_RCVTIMEO, at_least ? PATIENCE : 0);
    while (zmq_recv (pull, part, sizeof part, 0) != -1) {
        if (get_int (pull, ZMQ_RCVMORE)) {
            parts++;
            continue;
        }
        CHECK (parts == 1 || parts == 3, "a message of %d parts", parts);
        parts = 1;
        if (++count >= at_least)
            set_int (pull, ZMQ_RCVTIMEO, 0);
    }
    CHECK (parts == 1, "a message without its last part");
    return count;
}

static void cut (void *context, int bound, enum death death)
{
    char endpoint[256];
    void *pull = quick_socket (context, ZMQ_PULL), *push = quick_socket (context, ZMQ_PUSH), *watcher = watch_all (context, pull);
    int listener = -1;
    bind_any (pull, "tcp", endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    exchange (push, pull, "before");
    if (!bound) {
        listener = raw_listen (endpoint);
        NEED (zmq_connect (pull, endpoint) == 0);
    }
    for (int bytes = 0; bytes <= length; bytes += death == KILLED ? 5 : 1) {
        int fd = bound ? raw_connect (endpoint) : accept (listener, NULL, NULL);
        NEED (fd != -1);
        if (death == KILLED)
            killed_after (fd, bytes);
        else {
            say (fd, bytes);
            if (death == RESETS)
                setsockopt (fd, SOL_SOCKET, SO_LINGER, &(struct linger) {1, 0}, sizeof (struct linger));
            close (fd);
        }
        /* CLOSED: it was reset before it was seen to be there. */
        CHECK (wait_event (watcher, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED, PATIENCE) != -1, "after %d bytes nobody hears of the end", bytes);
        /* Not more than was said in full; less, if the kernel drops what is not read when the peer resets. */
        int got = messages (pull, 0);
        CHECK (got <= 4, "%d messages", got);
        if (bytes % 16 == 0) {
            set_int (pull, ZMQ_RCVTIMEO, 50);
            exchange (push, pull, "in between");
        }
    }
    set_int (pull, ZMQ_RCVTIMEO, 50);
    exchange (push, pull, "after");
    line ("%s, the peer %s after each of its %d bytes", bound ? "bound" : "connected", DEATH[death], length);
    if (listener != -1)
        close (listener);
    end_socket (pull);
    end_socket (push);
    end_socket (watcher);
}

/* A peer that reads what it is told and then closes: nothing of what it said in full is lost. */
static void polite (void *context)
{
    char endpoint[256];
    unsigned char answer[128];
    void *pull = quick_socket (context, ZMQ_PULL);
    bind_any (pull, "tcp", endpoint);
    for (int bytes = 64 + 28; bytes <= length; bytes++) {
        int fd = raw_connect (endpoint);
        say (fd, 64 + 28);
        NEED (raw_read (fd, answer, 64 + 28, PATIENCE) == 64 + 28);
        raw_send (fd, script + 64 + 28, (size_t) (bytes - 64 - 28));
        close (fd);
        int got = messages (pull, complete[bytes]);
        CHECK (got == complete[bytes], "%d of %d messages after %d bytes", got, complete[bytes], bytes);
    }
    line ("what was said in full comes, whatever followed");
    end_socket (pull);
}

static void byte_by_byte (void *context)
{
    char endpoint[256];
    void *pull = quick_socket (context, ZMQ_PULL);
    bind_any (pull, "tcp", endpoint);
    int fd = raw_connect (endpoint);
    NEED (setsockopt (fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &(int) {1}, sizeof (int)) == 0);
    for (int i = 0; i < length; i++) {
        raw_send (fd, script + i, 1);
        if (i % 8 == 0)
            rest (1);
    }
    CHECK (messages (pull, complete[length]) == complete[length], "not all come");
    close (fd);
    end_socket (pull);
    line ("a peer that sends byte by byte is understood");
}

/* The system takes one byte at a time. */
static void one_byte_calls (void *context, const char *transport, int most)
{
    static char data[3000], got[3000];
    char endpoint[256];
    void *pull = quick_socket (context, ZMQ_PULL), *push = quick_socket (context, ZMQ_PUSH);
    set_int (pull, ZMQ_RCVTIMEO, PATIENCE);
    fault_bytes = most;
    bind_any (pull, transport, endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    for (int i = 0; i < 60; i++) {
        int size = i * i % 3000;
        memset (data, i, sizeof data);
        NEED (zmq_send (push, data, (size_t) size, ZMQ_SNDMORE) == size && zmq_send (push, "end", 3, 0) == 3);
        CHECK (zmq_recv (pull, got, sizeof got, 0) == size && memcmp (got, data, (size_t) size) == 0 && get_int (pull, ZMQ_RCVMORE), "message %d", i);
        CHECK (zmq_recv (pull, got, sizeof got, 0) == 3, "its end");
    }
    fault_bytes = 0;
    end_socket (pull);
    end_socket (push);
    line ("%s: %d bytes at a time", transport, most);
}

/* A process with this library is killed while it sends as fast as it can, and while it receives. */
static void killed_in_traffic (void *context)
{
    char endpoint[256];
    void *pull = quick_socket (context, ZMQ_PULL), *watcher = watch_all (context, pull);
    bind_any (pull, "tcp", endpoint);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork_mortal ();
        if (child == 0) {
            static char block[70000];
            void *own = new_context (), *push = new_socket (own, ZMQ_PUSH);
            NEED (zmq_connect (push, endpoint) == 0);
            for (unsigned j = 0;; j++)
                (void) zmq_send (push, block, j % 5 ? j % 900 : sizeof block, j % 3 ? ZMQ_SNDMORE : 0);
        }
        char part[100];
        set_int (pull, ZMQ_RCVTIMEO, PATIENCE);
        for (int j = 0; j < 10 + 7 * i; j++)
            NEED (zmq_recv (pull, part, sizeof part, 0) != -1);
        NEED (kill (child, SIGKILL) == 0 && waitpid (child, NULL, 0) == child);
        /* What is there is whole, and the end comes behind it. */
        set_int (pull, ZMQ_RCVTIMEO, 5);
        int more = get_int (pull, ZMQ_RCVMORE), event = 0;
        for (long end = milliseconds () + PATIENCE; event != ZMQ_EVENT_DISCONNECTED;) {
            CHECK (milliseconds () < end, "nobody hears of the end");
            while (zmq_recv (pull, part, sizeof part, 0) != -1)
                more = get_int (pull, ZMQ_RCVMORE);
            event = next_event (watcher, NULL, 0);
        }
        while (zmq_recv (pull, part, sizeof part, 0) != -1)
            more = get_int (pull, ZMQ_RCVMORE);
        CHECK (!more, "the rest of a message is missing");
    }
    line ("killed in the middle of traffic: what has come is whole");
    end_socket (pull);
    end_socket (watcher);
}

/* A peer that says much, and goes while it is answered: all that it said is received, although sending to it fails first. */
static void answered_too_late (void *context)
{
    enum { MESSAGES = 300, MARK = 10, BODY = 100, ANSWERS = 5 };
    unsigned char buffer[256], frame[2 + BODY] = {0, BODY};
    char endpoint[256];
    void *dealer = quick_socket (context, ZMQ_DEALER);
    set_int (dealer, ZMQ_RCVHWM, MARK);
    set_int (dealer, ZMQ_RCVTIMEO, PATIENCE);
    bind_any (dealer, "tcp", endpoint);
    int fd = raw_connect (endpoint);
    raw_send (fd, GREETING, sizeof GREETING);
    raw_send (fd, buffer, ready_command (buffer, "DEALER"));
    raw_read (fd, buffer, sizeof buffer, 300);
    for (int i = 0; i < MESSAGES; i++) {
        frame[2] = (unsigned char) i;
        raw_send (fd, frame, sizeof frame);
    }
    close (fd);
    for (int i = 0; i < MESSAGES; i++) {
        NEED (zmq_recv (dealer, buffer, sizeof buffer, 0) == BODY && buffer[0] == (unsigned char) i);
        if (i < ANSWERS) {
            zmq_send (dealer, "answer", 6, ZMQ_DONTWAIT);
            rest (20);
        }
    }
    end_socket (dealer);
    line ("what a peer said before it went comes, whoever notices first");
}

/* A proxy stands before a server that is being started anew: it is asked again, until the server is there. */
static void proxy_without_server (void *context)
{
    static const char *const answers[] = {"HTTP/1.1 502 Bad Gateway\r\n\r\n", "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n"};
    enum { WS_UNSPECIFIED = 0x30000000 };
    char endpoint[256], request[4096];
    int listener = raw_listen (endpoint), reuse = 1;
    setsockopt (listener, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
    memcpy (endpoint, " ws", 3);
    void *pull = quick_socket (context, ZMQ_PULL), *push = quick_socket (context, ZMQ_PUSH), *watcher = watch_all (context, push);
    NEED (zmq_connect (push, endpoint + 1) == 0);
    for (int times = 0; times < 4; times++) {
        int fd = accept (listener, NULL, NULL);
        NEED (fd != -1 && recv (fd, request, sizeof request, 0) > 0);
        raw_send (fd, answers[times % 2], strlen (answers[times % 2]));
        CHECK (wait_event (watcher, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, PATIENCE) == WS_UNSPECIFIED, "no word of it");
        close (fd);
    }
    close (listener);
    CHECK (zmq_bind (pull, endpoint + 1) == 0, "%s: %s", endpoint + 1, errno_name (zmq_errno ()));
    exchange (push, pull, "behind a proxy");
    end_socket (push);
    end_socket (pull);
    end_socket (watcher);
    line ("a proxy without its server is asked again");
}

int main (void)
{
    write_script ();
    void *context = new_context ();
    for (int bound = 0; bound < 2; bound++)
        for (int death = 0; death < DEATHS; death++)
            cut (context, bound, (enum death) death);
    polite (context);
    byte_by_byte (context);
    for (int i = 1; i < TRANSPORT_COUNT; i++) {
        one_byte_calls (context, TRANSPORTS[i], 1);
        one_byte_calls (context, TRANSPORTS[i], 13);
    }
    killed_in_traffic (context);
    answered_too_late (context);
    proxy_without_server (context);
    end_context (context);
    return 0;
}
