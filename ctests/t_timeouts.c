/* What happens when time passes: handshakes, heartbeats, connects and reconnects, by raw peers and the monitor. Called by
   ctests/run. */
#define ZMQ_BUILD_DRAFT_API 1
#include "common.h"
#include "raw.h"

#include <fcntl.h>
#include <signal.h>

static void *context;

/* Waits for an event; gives its value, -1 if it does not come. */
static int await_event (void *watcher, int wanted, int patience)
{
    const long end = milliseconds () + patience;
    for (long left; (left = end - milliseconds ()) > 0;) {
        zmq_pollitem_t item = {watcher, 0, ZMQ_POLLIN, 0};
        if (zmq_poll (&item, 1, left) != 1)
            break;
        unsigned char frame[8];
        char where[256];
        uint16_t event;
        int32_t value;
        NEED (zmq_recv (watcher, frame, sizeof frame, 0) == 6 && zmq_recv (watcher, where, sizeof where, 0) != -1);
        memcpy (&event, frame, 2);
        memcpy (&value, frame + 2, 4);
        if (event == wanted)
            return value;
    }
    return -1;
}

/* libzmq waits for somebody to take the events of a socket that closes. */
static void end_watched (void *socket, void *watcher)
{
    end_socket (socket);
    await_event (watcher, ZMQ_EVENT_MONITOR_STOPPED, 2000);
    end_socket (watcher);
}

static const char *about (long took, long wanted)
{
    return took < wanted * 8 / 10 ? "too early" : took > wanted + 400 ? "too late" : "in time";
}

static void handshakes (void)
{
    static const struct { const char *what; const char *bytes; size_t size; } SAID[] = {
        {"nothing", "", 0},
        {"half a signature", "\377\0\0\0", 4},
        {"a greeting", (const char *) GREETING, 64},
    };
    line ("-- handshake interval");
    for (int ivl = 0; ivl <= 300; ivl += 300) {
        char endpoint[256];
        void *pull = new_socket (context, ZMQ_PULL), *watcher = watch (context, pull, ZMQ_EVENT_ALL);
        set_int (pull, ZMQ_HANDSHAKE_IVL, ivl);
        bind_any (pull, "tcp", endpoint);
        for (size_t i = 0; i < sizeof SAID / sizeof *SAID; i++) {
            int fd = raw_connect (endpoint);
            long started = milliseconds ();
            raw_send (fd, SAID[i].bytes, SAID[i].size);
            const char *fate = raw_fate (fd, 800);
            line ("%d ms, after %s: %s, %s", ivl, SAID[i].what, fate, about (milliseconds () - started, ivl ? ivl : 800));
            if (ivl)
                line ("event %s", await_event (watcher, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, 200) == -1 ? "none" : "no detail");
            close (fd);
        }
        end_watched (pull, watcher);
    }
    line ("-- and where we connect");
    char endpoint[64];
    int door = raw_listen (endpoint);
    void *pull = new_socket (context, ZMQ_PULL), *watcher = watch (context, pull, ZMQ_EVENT_ALL);
    set_int (pull, ZMQ_HANDSHAKE_IVL, 200);
    set_int (pull, ZMQ_RECONNECT_IVL, 50);
    NEED (zmq_connect (pull, endpoint) == 0);
    for (int i = 0; i < 2; i++) {
        int fd = accept (door, NULL, NULL);
        long started = milliseconds ();
        const char *fate = raw_fate (fd, 1000);
        line ("%s, %s", fate, about (milliseconds () - started, 200));
        close (fd);
    }
    close (door);
    end_watched (pull, watcher);
}

static void shake_hands (int fd)
{
    unsigned char buffer[256];
    raw_send (fd, GREETING, 11);
    raw_send (fd, "\1", 1);
    raw_send (fd, GREETING + 12, 52);
    raw_send (fd, buffer, ready_command (buffer, "DEALER"));
    NEED (raw_read (fd, buffer, 64, 10000) == 64 && raw_read (fd, buffer, 2, 10000) == 2);
    NEED (raw_read (fd, buffer + 2, buffer[1], 10000) == buffer[1]);
}

static void print_read (const char *what, int fd, int size, int patience)
{
    unsigned char buffer[128];
    int n = raw_read (fd, buffer, size, patience);
    printf ("%s: %s ", what, n == -1 ? "closed" : n == 0 ? "nothing" : "");
    if (n > 0)
        print_bytes (buffer, (size_t) n);
    printf ("\n");
}

static void linger_in_a_handler (int number)
{
    (void) number;
    rest (2500);
}

static void *receive_to_the_end (void *socket)
{
    char byte = 0;
    while (byte != '!')
        zmq_recv (socket, &byte, 1, 0);
    return NULL;
}

/* What peers say counts although the thread that was to read it does something else. */
static void heard_in_a_handler (void)
{
    char endpoint[256];
    unsigned char buffer[9];
    const struct sigaction kept = {.sa_handler = linger_in_a_handler};
    NEED (sigaction (SIGUSR1, &kept, NULL) == 0);
    void *dealer = new_socket (context, ZMQ_DEALER);
    set_int (dealer, ZMQ_HEARTBEAT_IVL, 100);
    set_int (dealer, ZMQ_HEARTBEAT_TIMEOUT, 1000);
    bind_any (dealer, "tcp", endpoint);
    pthread_t receiver;
    NEED (pthread_create (&receiver, NULL, receive_to_the_end, dealer) == 0);
    int fd = raw_connect (endpoint), alive = 1;
    shake_hands (fd);
    for (int i = 0; i < 30 && alive; i++) {
        alive = raw_read (fd, buffer, 9, 1000) == 9;
        raw_send (fd, "\0\1x", 3);
        if (i == 2)
            NEED (pthread_kill (receiver, SIGUSR1) == 0);
    }
    line ("alive %d", alive);
    close (fd);
    fd = raw_connect (endpoint);
    shake_hands (fd);
    raw_send (fd, "\0\1!", 3);
    NEED (pthread_join (receiver, NULL) == 0);
    close (fd);
    end_socket (dealer);
}

static void heartbeats (void)
{
    char endpoint[256];
    static const int TTLS[] = {0, 1000, 65500, 65600, 70000, 6553599};
    line ("-- we ping");
    for (size_t i = 0; i < sizeof TTLS / sizeof *TTLS; i++) {
        void *dealer = new_socket (context, ZMQ_DEALER);
        set_int (dealer, ZMQ_HEARTBEAT_IVL, 100);
        set_int (dealer, ZMQ_HEARTBEAT_TIMEOUT, 300);
        set_int (dealer, ZMQ_HEARTBEAT_TTL, TTLS[i]);
        bind_any (dealer, "tcp", endpoint);
        int fd = raw_connect (endpoint);
        shake_hands (fd);
        long started = milliseconds ();
        line ("ttl %d", TTLS[i]);
        print_read ("a ping", fd, 9, 400);
        const char *fate = raw_fate (fd, 1000);
        line ("unanswered: %s, %s", fate, about (milliseconds () - started, 300));
        close (fd);
        end_socket (dealer);
    }
    line ("-- answered, or kept awake by a message");
    for (int i = 0; i < 2; i++) {
        void *dealer = new_socket (context, ZMQ_DEALER);
        set_int (dealer, ZMQ_HEARTBEAT_IVL, 60);
        set_int (dealer, ZMQ_HEARTBEAT_TIMEOUT, 2000);
        bind_any (dealer, "tcp", endpoint);
        int fd = raw_connect (endpoint), alive = 1;
        shake_hands (fd);
        for (int j = 0; j < 12 && alive; j++) {
            unsigned char buffer[9];
            alive = raw_read (fd, buffer, 9, 1000) == 9;
            raw_send (fd, i ? "\0\1x" : "\4\5\4PONG", i ? 3 : 7);
        }
        line ("alive %d", alive);
        close (fd);
        end_socket (dealer);
    }
    line ("-- answered, and the thread that receives is kept in a signal handler");
    heard_in_a_handler ();
    line ("-- we are pinged");
    static const struct { const char *what; const char *bytes; size_t size; int answer; } PINGS[] = {
        {"no context", "\4\7\4PING\0\0", 9, 7},
        {"a context", "\4\12\4PING\0\0abc", 12, 10},
        {"a context of 16 bytes", "\4\27\4PING\0\0abcdefghijklmnop", 25, 23},
        {"a ttl of 0.2 s", "\4\7\4PING\0\2", 9, 7},
        {"a ttl of 6553.5 s", "\4\7\4PING\377\377", 9, 7},
    };
    for (size_t i = 0; i < sizeof PINGS / sizeof *PINGS; i++) {
        void *dealer = new_socket (context, ZMQ_DEALER);
        bind_any (dealer, "tcp", endpoint);
        int fd = raw_connect (endpoint);
        shake_hands (fd);
        raw_send (fd, PINGS[i].bytes, PINGS[i].size);
        line ("%s", PINGS[i].what);
        print_read ("a pong", fd, PINGS[i].answer, 300);
        line ("then %s", raw_fate (fd, 600));
        close (fd);
        end_socket (dealer);
    }
}

/* A listener that answers no more: its queue is full. */
static int deaf (char *endpoint, int *fillers)
{
    int door = raw_listen (endpoint);
    NEED (listen (door, 0) == 0);
    for (int i = 0; i < 4; i++) {
        struct sockaddr_in address;
        socklen_t size = sizeof address;
        NEED (getsockname (door, (struct sockaddr *) &address, &size) == 0);
        fillers[i] = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        NEED (connect (fillers[i], (struct sockaddr *) &address, sizeof address) == 0 || errno == EINPROGRESS);
    }
    return door;
}

static void connects (void)
{
    char endpoint[64];
    int fillers[4], door = deaf (endpoint, fillers);
    line ("-- connect timeout");
    for (int limit = 0; limit <= 200; limit += 200) {
        void *push = new_socket (context, ZMQ_PUSH), *watcher = watch (context, push, ZMQ_EVENT_ALL);
        set_int (push, ZMQ_CONNECT_TIMEOUT, limit);
        set_int (push, ZMQ_RECONNECT_IVL, 40);
        long started = milliseconds ();
        NEED (zmq_connect (push, endpoint) == 0);
        line ("%d ms: delayed by %s", limit, errno_name (await_event (watcher, ZMQ_EVENT_CONNECT_DELAYED, 500)));
        int closed = await_event (watcher, ZMQ_EVENT_CLOSED, 600);
        line ("closed %d, %s", closed != -1, closed == -1 ? "" : about (milliseconds () - started, limit));
        if (closed != -1)
            line ("retried %d", await_event (watcher, ZMQ_EVENT_CONNECT_RETRIED, 300) >= 40);
        end_watched (push, watcher);
    }
    for (int i = 0; i < 4; i++)
        close (fillers[i]);
    close (door);
}

static void reconnects (void)
{
    static const struct { const char *what; int interval, max, stop; } HOW[] = {
        {"every 50 ms", 50, 0, 0}, {"every 50 ms exactly", 50, 50, 0}, {"up to 400 ms", 50, 400, 0}, {"never", -1, 0, 0},
        {"not after a refusal", 50, 0, ZMQ_RECONNECT_STOP_CONN_REFUSED},
    };
    char endpoint[64];
    close (raw_listen (endpoint));
    line ("-- reconnect intervals");
    for (size_t i = 0; i < sizeof HOW / sizeof *HOW; i++) {
        void *push = new_socket (context, ZMQ_PUSH), *watcher = watch (context, push, ZMQ_EVENT_ALL);
        set_int (push, ZMQ_RECONNECT_IVL, HOW[i].interval);
        set_int (push, ZMQ_RECONNECT_IVL_MAX, HOW[i].max);
        if (HOW[i].stop)
            set_int (push, ZMQ_RECONNECT_STOP, HOW[i].stop);
        NEED (zmq_connect (push, endpoint) == 0);
        line ("%s", HOW[i].what);
        int low = HOW[i].interval;
        for (int turn = 0; turn < 6; turn++) {
            int wait = await_event (watcher, ZMQ_EVENT_CONNECT_RETRIED, 900);
            if (wait == -1) {
                line ("no more");
                break;
            }
            int high = HOW[i].max >= HOW[i].interval ? HOW[i].max : low * 2;
            line ("wait %d in range %d", turn, wait >= HOW[i].interval && wait <= high);
        }
        /* Whoever has stopped for good has no endpoint any more. */
        rest_using (push, 100);
        SHOW (zmq_send (push, "x", 1, ZMQ_DONTWAIT));
        SHOW (zmq_disconnect (push, endpoint));
        end_watched (push, watcher);
    }
}

int main (void)
{
    context = new_context ();
    handshakes ();
    heartbeats ();
    connects ();
    reconnects ();
    end_context (context);
    return 0;
}
