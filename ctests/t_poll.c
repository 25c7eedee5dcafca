/* zmq_poll: what is reported when, for ZeroMQ sockets and native descriptors, timeouts, changes. Called by ctests/run. */
#define ZMQ_BUILD_DRAFT_API
#include "common.h"

#include <signal.h>
#include <sys/socket.h>

static void report (const char *when, zmq_pollitem_t *items, int count, long timeout)
{
    long started = milliseconds ();
    int result = zmq_poll (items, count, timeout);
    int code = zmq_errno ();
    long waited = milliseconds () - started;
    printf ("%s: %d%s%s, revents", when, result, result == -1 ? " " : "", result == -1 ? errno_name (code) : "");
    for (int i = 0; i < count; i++)
        printf (" %d", items[i].revents);
    line ("%s", timeout > 0 && result == 0 ? waited >= timeout - 5 ? ", waited" : ", did not wait" : "");
}

static void sockets (void *context, const char *transport)
{
    line ("-- %s", transport);
    void *rep = new_socket (context, ZMQ_REP), *req = new_socket (context, ZMQ_REQ);
    join_pair (rep, req, transport);
    settle ();
    zmq_pollitem_t items[] = {{rep, 0, ZMQ_POLLIN | ZMQ_POLLOUT, 0}, {req, 0, ZMQ_POLLIN | ZMQ_POLLOUT, 0}};
    report ("idle", items, 2, 0);
    send_parts (req, "question", NULL);
    report ("asked, rep", items, 1, 1000);
    report ("asked, req", items + 1, 1, 50);
    take ("rep", rep, 0);
    report ("to be answered", items, 2, 0);
    send_parts (rep, "answer", NULL);
    report ("answered, req", items + 1, 1, 1000);
    report ("answered, both", items, 2, 0);
    take ("req", req, 0);
    report ("idle again", items, 2, 0);
    items[0].events = items[1].events = ZMQ_POLLIN;
    report ("nothing to read", items, 2, 60);
    items[0].events = 0;
    items[1].events = 0;
    report ("no interest", items, 2, 0);
    end_socket (req);
    end_socket (rep);
}

static void several_at_once (void *context)
{
    char endpoint[256];
    line ("-- many sockets, some ready");
    void *push = new_socket (context, ZMQ_PUSH), *pulls[8];
    zmq_pollitem_t items[8];
    bind_any (push, "tcp", endpoint);
    for (int i = 0; i < 8; i++) {
        pulls[i] = new_socket (context, ZMQ_PULL);
        items[i] = (zmq_pollitem_t){pulls[i], 0, ZMQ_POLLIN, 0};
        NEED (zmq_connect (pulls[i], endpoint) == 0);
        rest_calmly (30);
    }
    settle ();
    report ("none", items, 8, 0);
    for (int i = 0; i < 3; i++)
        send_parts (push, "x", NULL);
    settle ();
    report ("three", items, 8, 1000);
    report ("the last five", items + 3, 5, 0);
    take ("pull 1", pulls[1], 0);
    report ("two", items, 8, 1000);
    report ("still two", items, 8, 0);
    for (int i = 0; i < 8; i++)
        end_socket (pulls[i]);
    zmq_pollitem_t out = {push, 0, ZMQ_POLLOUT, 0};
    settle ();
    report ("push without peers", &out, 1, 50);
    end_socket (push);
}

static void native (void *context)
{
    int pair[2];
    char buffer[8];
    line ("-- native descriptors beside sockets");
    NEED (socketpair (AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    join_pair (pull, push, "inproc");
    zmq_pollitem_t items[] = {{NULL, pair[0], ZMQ_POLLIN, 0}, {pull, 0, ZMQ_POLLIN, 0}};
    report ("quiet", items, 2, 40);
    NEED (write (pair[1], "x", 1) == 1);
    report ("native", items, 2, 1000);
    send_parts (push, "x", NULL);
    report ("both", items, 2, 1000);
    NEED (read (pair[0], buffer, sizeof buffer) == 1);
    report ("socket", items, 2, 1000);
    take ("pull", pull, 0);
    items[0].events = ZMQ_POLLIN | ZMQ_POLLOUT;
    report ("writable", items, 2, 1000);
    close (pair[1]);
    items[0].events = ZMQ_POLLIN;
    report ("hung up", items, 2, 1000);
    close (pair[0]);
    end_socket (push);
    end_socket (pull);
}

/* A socket and its own ZMQ_FD as a native descriptor, in both orders: who polls the socket learns of the descriptor, too. */
static void own_descriptor (void *context)
{
    char endpoint[256];
    line ("-- a socket and its own descriptor");
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    bind_any (push, "tcp", endpoint);
    const int descriptor = get_int (pull, ZMQ_FD);
    zmq_pollitem_t items[] = {{pull, 0, ZMQ_POLLIN, 0}, {NULL, descriptor, ZMQ_POLLIN, 0}, {pull, 0, ZMQ_POLLIN, 0}};
    NEED (zmq_connect (pull, endpoint) == 0);
    settle ();
    report ("connected", items, 2, 500);
    report ("known by now", items, 2, 50);
    send_parts (push, "x", NULL);
    settle ();
    report ("message", items, 3, 500);
    report ("message, descriptor read", items, 2, 500);
    take ("pull", pull, 0);
    send_parts (push, "x", NULL);
    settle ();
    report ("message, descriptor first", items + 1, 2, 0);
    take ("pull", pull, 0);
    end_socket (push);
    end_socket (pull);
}

/* Twice without waiting: what was found the first time must not be believed for ever. */
static void report_twice (const char *when, void *socket)
{
    zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN | ZMQ_POLLOUT, 0};
    report (when, &item, 1, 0);
    report (when, &item, 1, 0);
}

/* Options that open a socket for sending. */
static void options (void *context)
{
    line ("-- options between two polls");
    void *router = new_socket (context, ZMQ_ROUTER);
    set_int (router, ZMQ_ROUTER_MANDATORY, 1);
    report_twice ("mandatory", router);
    set_int (router, ZMQ_ROUTER_MANDATORY, 0);
    report_twice ("not mandatory", router);
    end_socket (router);
    void *rep = new_socket (context, ZMQ_REP), *req = new_socket (context, ZMQ_REQ);
    join_pair (rep, req, "inproc");
    send_parts (req, "question", NULL);
    report_twice ("asked", req);
    set_int (req, ZMQ_REQ_RELAXED, 1);
    report_twice ("relaxed", req);
    end_socket (req);
    end_socket (rep);
}

static void *sends_later (void *socket)
{
    rest (100);
    send_parts (socket, "woken", NULL);
    return NULL;
}

static void wakes (void *context, const char *transport)
{
    pthread_t thread;
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    join_pair (pull, push, transport);
    zmq_pollitem_t item = {pull, 0, ZMQ_POLLIN, 0};
    NEED (pthread_create (&thread, NULL, sends_later, push) == 0);
    report (transport, &item, 1, -1);
    take ("pull", pull, 0);
    pthread_join (thread, NULL);
    end_socket (push);
    end_socket (pull);
}

static volatile sig_atomic_t handled;

static void handle (int number)
{
    (void) number;
    handled++;
}

/* A signal that is blocked but for zmq_ppoll waits behind what has just come, and is not kept waiting by what was told of before. */
static void with_signals (void *context, long timeout)
{
    line ("-- zmq_ppoll with a signal that waits, timeout %ld", timeout);
    int ends[2];
    sigset_t blocked, before;
    sigemptyset (&blocked);
    sigaddset (&blocked, SIGUSR1);
    NEED (signal (SIGUSR1, handle) != SIG_ERR && sigprocmask (SIG_BLOCK, &blocked, &before) == 0 && pipe (ends) == 0);
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    join_pair (pull, push, "inproc");
    zmq_pollitem_t items[] = {{pull, 0, ZMQ_POLLIN, 0}, {NULL, ends[0], ZMQ_POLLIN, 0}};
    for (int count = 1; count <= 2; count++) {
        handled = 0;
        NEED (!(get_int (pull, ZMQ_EVENTS) & ZMQ_POLLIN) && zmq_send (push, "x", 1, 0) == 1);
        SHOW (raise (SIGUSR1));
        for (int round = 0; round < 3; round++) {
            SHOW (zmq_ppoll (items, count, timeout, &before));
            line ("of %d: %d, handled %d", count, items[0].revents, handled);
        }
        take ("pull", pull, 0);
    }
    NEED (write (ends[1], "x", 1) == 1 && raise (SIGUSR1) == 0);
    SHOW (zmq_ppoll (items, 2, timeout, &before));
    line ("a descriptor: %d %d, handled %d", items[0].revents, items[1].revents, handled);
    NEED (sigprocmask (SIG_SETMASK, &before, NULL) == 0);
    line ("handled %d", handled);
    close (ends[0]);
    close (ends[1]);
    end_socket (push);
    end_socket (pull);
}

int main (void)
{
    void *context = new_context ();
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        sockets (context, TRANSPORTS[i]);
    several_at_once (context);
    native (context);
    own_descriptor (context);
    options (context);
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        wakes (context, TRANSPORTS[i]);
    zmq_pollitem_t none = {NULL, 0, 0, 0};
    report ("no items", &none, 0, 50);
    with_signals (context, 0);
    with_signals (context, 100);
    with_signals (context, -1);
    end_context (context);
    return 0;
}
