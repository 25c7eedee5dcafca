/* Every errno that accept, connect, send, recv and their like may fail with, one after the other, while messages flow:
   the process lives, the monitor hears of it, the connection is made anew, and the next message comes through.
   EAGAIN is not among those of accept, send and recv, nor EEXIST among those of epoll_ctl: the kernel does not say so
   when it is not so. Called by ctests/faults/run. */
#include "faults.h"

static const int ACCEPT[] = {EBADF, ECONNABORTED, EFAULT, EINTR, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOTSOCK, EOPNOTSUPP, EPERM, EPROTO,
                             ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, ENETUNREACH, ENOSR, ESOCKTNOSUPPORT,
                             EPROTONOSUPPORT, ETIMEDOUT};
static const int CONNECT[] = {EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EALREADY, EBADF, ECONNREFUSED, EFAULT,
                              EINTR, EISCONN, ENETUNREACH, ENOTSOCK, EPROTOTYPE, ETIMEDOUT, EHOSTUNREACH, ENOBUFS, ENOENT, ENOMEM};
static const int SEND[] = {EACCES, EALREADY, EBADF, ECONNRESET, EDESTADDRREQ, EFAULT, EINTR, EINVAL, EISCONN, EMSGSIZE, ENOBUFS, ENOMEM,
                           ENOTCONN, ENOTSOCK, EOPNOTSUPP, EPIPE, ETIMEDOUT, EHOSTUNREACH, ENETDOWN, ENETUNREACH, EIO};
static const int RECV[] = {EBADF, ECONNREFUSED, EFAULT, EINTR, EINVAL, ENOMEM, ENOTCONN, ENOTSOCK, ECONNRESET, ETIMEDOUT, EHOSTUNREACH,
                           ENETDOWN, EIO, EPIPE};
static const int SOCKET[] = {EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTONOSUPPORT, EPERM};
static const int OPTION[] = {EBADF, EDOM, EINVAL, EISCONN, ENOPROTOOPT, ENOTSOCK, ENOMEM, EPERM};
static const int EPOLL_CTL[] = {EBADF, EINVAL, ENOENT, ENOMEM, ENOSPC, EPERM};
static const int EPOLL_WAIT[] = {EBADF, EFAULT, EINTR, EINVAL};
static const int POLL[] = {EFAULT, EINVAL, ENOMEM};

#define LIST(x) x, sizeof x / sizeof *x

struct round
{
    const char *name;
    enum fault what;
    const int *errors;
    size_t count;
    /* It fails while the connection is made, or afterwards. */
    int connecting;
    /* How many such calls there are at least, of which any may fail; 0: one. */
    int several;
    /* One of these events follows at the client, or at the server; and whether it carries the errno. */
    int client_event, server_event, tells;
};

static const struct round ROUNDS[] = {
    {"accept", FAULT_ACCEPT, LIST (ACCEPT), 1, 0, 0, ZMQ_EVENT_ACCEPT_FAILED, 1},
    {"connect", FAULT_CONNECT, LIST (CONNECT), 1, 0, ZMQ_EVENT_CONNECT_RETRIED, 0, 0},
    {"a connect under way", FAULT_CONNECTED, LIST (CONNECT), 1, 0, 0, 0, 0},
    {"socket", FAULT_SOCKET, LIST (SOCKET), 1, 0, ZMQ_EVENT_CONNECT_RETRIED, 0, 0},
    {"setsockopt", FAULT_SETSOCKOPT, LIST (OPTION), 1, 3, 0, 0, 0},
    {"getsockname", FAULT_NAME, LIST (OPTION), 1, 3, 0, 0, 0},
    {"epoll_ctl", FAULT_EPOLL_CTL, LIST (EPOLL_CTL), 1, 7, 0, 0, 0},
    {"send in the handshake", FAULT_SEND, LIST (SEND), 1, 3, ZMQ_EVENT_DISCONNECTED, ZMQ_EVENT_DISCONNECTED, 0},
    {"recv in the handshake", FAULT_RECV, LIST (RECV), 1, 3, ZMQ_EVENT_DISCONNECTED, ZMQ_EVENT_DISCONNECTED, 0},
    {"send", FAULT_SEND, LIST (SEND), 0, 3, ZMQ_EVENT_DISCONNECTED, ZMQ_EVENT_DISCONNECTED, 0},
    {"recv", FAULT_RECV, LIST (RECV), 0, 3, ZMQ_EVENT_DISCONNECTED, ZMQ_EVENT_DISCONNECTED, 0},
    {"epoll_wait", FAULT_EPOLL_WAIT, LIST (EPOLL_WAIT), 0, 3, 0, 0, 0},
};

/* The event is seen at one of the two sides. */
static void heard (const struct round *round, int error, void *at_client, void *at_server, const char *when)
{
    long end = milliseconds () + PATIENCE;
    while (milliseconds () < end) {
        int value, event = next_event (at_client, &value, 5);
        if (event & round->client_event)
            return;
        event = next_event (at_server, &value, 5);
        if (event & round->server_event) {
            CHECK (!round->tells || value == error, "%s: the event says %s", when, errno_name (value));
            return;
        }
    }
    fail ("%s: no event", when);
}

static int scene (const struct round *round, int error, const char *transport, int request, int after)
{
    char endpoint[256], when[128];
    snprintf (when, sizeof when, "%s, %s after %d, %s, %s", round->name, strerror (error), after, transport, request ? "REQ" : "PUSH");
    void *context = new_context ();
    void *server = quick_socket (context, request ? ZMQ_REP : ZMQ_PULL), *client = quick_socket (context, request ? ZMQ_REQ : ZMQ_PUSH);
    void *at_server = watch_all (context, server), *at_client = watch_all (context, client);
    bind_any (server, transport, endpoint);
    if (round->connecting)
        fault_arm (round->what, error, after, 1);
    NEED (zmq_connect (client, endpoint) == 0);
    if (!round->connecting) {
        exchange (client, server, when);
        fault_arm (round->what, error, after, 1);
    }
    for (int i = 0; i < 3 && (i == 0 || fault_left (round->what)); i++)
        exchange (client, server, when);
    int hit = fault_hits (round->what);
    if (hit && error != EINTR && (round->client_event || round->server_event))
        heard (round, error, at_client, at_server, when);
    exchange (client, server, when);
    fault_disarm (round->what);
    end_socket (client);
    end_socket (server);
    end_socket (at_client);
    end_socket (at_server);
    end_context (context);
    return hit;
}

/* Calls that wait in the application's thread say why they cannot, and the socket goes on. */
static void waiting (void)
{
    for (size_t i = 0; i < sizeof POLL / sizeof *POLL; i++) {
        void *context = new_context ();
        void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
        join_pair (pull, push, "tcp");
        zmq_pollitem_t item = {pull, 0, ZMQ_POLLIN, 0};
        fault_arm (FAULT_POLL, POLL[i], 0, 1);
        int polled = zmq_poll (&item, 1, 5);
        CHECK ((polled == -1 && zmq_errno () == POLL[i]) || fault_hits (FAULT_POLL) == 0, "zmq_poll says %d", polled);
        fault_arm (FAULT_POLL, POLL[i], 0, 1);
        char byte;
        set_int (pull, ZMQ_RCVTIMEO, 20);
        int got = zmq_recv (pull, &byte, 1, 0);
        CHECK (got == -1 && (zmq_errno () == POLL[i] || fault_hits (FAULT_POLL) == 0), "zmq_recv says %s", errno_name (zmq_errno ()));
        fault_disarm (FAULT_POLL);
        exchange (push, pull, "after poll failed");
        end_socket (pull);
        end_socket (push);
        end_context (context);
    }
    line ("poll: %d errnos", (int) (sizeof POLL / sizeof *POLL));
}

int main (void)
{
    for (size_t i = 0; i < sizeof ROUNDS / sizeof *ROUNDS; i++) {
        const struct round *round = &ROUNDS[i];
        int hits = 0, scenes = 0;
        for (size_t j = 0; j < round->count; j++)
            for (int how = 0; how < 4; how++) {
                int after = round->several ? (int) ((j * 4 + (size_t) how) % (size_t) round->several) : 0;
                hits += scene (round, round->errors[j], how & 1 ? "ipc" : "tcp", how & 2, after);
                scenes++;
            }
        line ("%s: %d errnos, failed in %d of %d scenes", round->name, (int) round->count, hits, scenes);
        /* How often the reactor waits depends on how much it is given to do at once. */
        CHECK (hits * 4 >= scenes || (hits > 0 && round->what == FAULT_EPOLL_WAIT), "%s: the faults do not reach the library", round->name);
    }
    waiting ();
    return 0;
}
