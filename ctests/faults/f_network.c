/* The network itself: a link that goes down and comes up again, for a moment, for longer than heartbeats allow, and when a
   socket is closed; one packet in twenty that is lost. Only in a network namespace of its own. Called by ctests/faults/run. */
#include "faults.h"

static void run (const char *command)
{
    CHECK (system (command) == 0, "%s", command);
}

/* Whether this is the namespace that ctests/harness.py has made, and nobody else's: loopback and the bridge are all that is up.
   What is down disturbs nobody: a kernel with modules of tunnels has a tunl0 or sit0 in each new namespace. */
static int alone (void)
{
    return system ("ip -o link show up | grep -q ' oxi0:'") == 0 && system ("test \"$(ip -o link show up | wc -l)\" = 2") == 0;
}

static volatile int sent;

static void *sends (void *push)
{
    static char block[1000];
    for (unsigned i = 0; i < 3000; i++) {
        memcpy (block, &i, sizeof i);
        CHECK (zmq_send (push, block, sizeof block, 0) == sizeof block, "sending %u: %s", i, errno_name (zmq_errno ()));
        sent = (int) i;
    }
    return NULL;
}

/* All of them come, in their order, over one and the same connection. */
static void stream (void *context, const char *what, void (*meanwhile) (void))
{
    char block[1000], endpoint[256];
    void *pull = quick_socket (context, ZMQ_PULL), *push = quick_socket (context, ZMQ_PUSH), *watcher = watch_all (context, push);
    pthread_t sender;
    bind_any (pull, "tcp", endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    exchange (push, pull, what);
    set_int (pull, ZMQ_RCVTIMEO, PATIENCE);
    NEED (pthread_create (&sender, NULL, sends, push) == 0);
    for (unsigned i = 0; i < 3000; i++) {
        unsigned got;
        CHECK (zmq_recv (pull, block, sizeof block, 0) == sizeof block, "%s: message %u does not come", what, i);
        memcpy (&got, block, sizeof got);
        CHECK (got == i, "%s: %u comes instead of %u", what, got, i);
        if (i == 500)
            meanwhile ();
    }
    pthread_join (sender, NULL);
    int event;
    while ((event = next_event (watcher, NULL, 0)) != 0)
        CHECK (event != ZMQ_EVENT_DISCONNECTED, "%s: the connection was given up", what);
    end_socket (pull);
    end_socket (push);
    end_socket (watcher);
    line ("%s: every message comes, in order", what);
}

static void down_and_up (void)
{
    run ("ip link set lo down");
    rest (300);
    run ("ip link set lo up");
}

static void nothing (void)
{
}

/* Longer than the heartbeats allow: both sides give the connection up, and make it anew. */
static void long_down (void *context)
{
    char endpoint[256];
    void *server = quick_socket (context, ZMQ_REP), *client = quick_socket (context, ZMQ_REQ);
    for (int i = 0; i < 2; i++) {
        void *socket = i ? server : client;
        set_int (socket, ZMQ_HEARTBEAT_IVL, 50);
        set_int (socket, ZMQ_HEARTBEAT_TIMEOUT, 300);
        set_int (socket, ZMQ_HANDSHAKE_IVL, 2000);
    }
    void *at_server = watch_all (context, server), *at_client = watch_all (context, client);
    bind_any (server, "tcp", endpoint);
    NEED (zmq_connect (client, endpoint) == 0);
    exchange (client, server, "before");
    run ("ip link set lo down");
    CHECK (wait_event (at_client, ZMQ_EVENT_DISCONNECTED, PATIENCE) != -1, "the client hears nothing");
    CHECK (wait_event (at_server, ZMQ_EVENT_DISCONNECTED, PATIENCE) != -1, "the server hears nothing");
    CHECK (wait_event (at_client, ZMQ_EVENT_CONNECT_RETRIED, PATIENCE) != -1, "the client does not try again");
    run ("ip link set lo up");
    exchange (client, server, "after");
    CHECK (wait_event (at_client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, PATIENCE) != -1, "no new connection");
    end_socket (client);
    end_socket (server);
    end_socket (at_client);
    end_socket (at_server);
    line ("down for longer than heartbeats allow: both sides hear of it, and connect anew");
}

/* The same when so much is on its way that not even a PING finds room. */
static void full_and_down (void *context)
{
    static char block[65536];
    char endpoint[256];
    void *pull = quick_socket (context, ZMQ_PULL), *push = quick_socket (context, ZMQ_PUSH);
    set_int (push, ZMQ_HEARTBEAT_IVL, 100);
    set_int (push, ZMQ_HEARTBEAT_TIMEOUT, 500);
    set_int (push, ZMQ_SNDTIMEO, 0);
    set_int (push, ZMQ_LINGER, 0);
    void *events = watch_all (context, push);
    bind_any (pull, "tcp", endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    exchange (push, pull, "before");
    run ("ip link set lo down");
    for (int refused = 0; refused < 20;) {
        if (zmq_send (push, block, sizeof block, 0) == -1) {
            refused++;
            rest (10);
        }
    }
    CHECK (wait_event (events, ZMQ_EVENT_DISCONNECTED, PATIENCE) != -1, "nothing is heard of a network that went while much was sent");
    run ("ip link set lo up");
    end_socket (push);
    end_socket (pull);
    end_socket (events);
    line ("down while much is on its way: it is heard of");
}

/* The end of a context does not wait for a network that is not there; what was sent comes when it is back. */
static void closed_while_down (void *context)
{
    char endpoint[256], block[16];
    void *other = new_context ();
    void *pull = quick_socket (context, ZMQ_PULL), *push = quick_socket (other, ZMQ_PUSH);
    set_int (push, ZMQ_LINGER, -1);
    set_int (pull, ZMQ_RCVTIMEO, PATIENCE);
    bind_any (pull, "tcp", endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    exchange (push, pull, "before");
    rest (1200);
    run ("ip link set lo down");
    NEED (zmq_send (push, "the last", 8, 0) == 8);
    long began = milliseconds ();
    end_socket (push);
    end_context (other);
    long took = milliseconds () - began;
    CHECK (took >= 900 && took < 4000, "the end takes %ld ms: a second is for the network to answer", took);
    run ("ip link set lo up");
    CHECK (zmq_recv (pull, block, sizeof block, 0) == 8, "what was sent before the end is lost: %s", errno_name (zmq_errno ()));
    end_socket (pull);
    line ("closed while it is down: the end does not wait, and what was sent comes when it is up");
}

static void questions (void *context)
{
    char endpoint[256];
    void *server = quick_socket (context, ZMQ_REP), *client = quick_socket (context, ZMQ_REQ);
    set_int (server, ZMQ_RCVTIMEO, PATIENCE);
    set_int (client, ZMQ_RCVTIMEO, PATIENCE);
    bind_any (server, "tcp", endpoint);
    NEED (zmq_connect (client, endpoint) == 0);
    for (int i = 0; i < 40; i++)
        exchange (client, server, "with packets lost");
    end_socket (client);
    end_socket (server);
    line ("one packet in twenty lost: every question is answered");
}

static void new_connections (void *context)
{
    for (int i = 0; i < 5; i++) {
        char endpoint[256];
        void *pull = quick_socket (context, ZMQ_PULL), *push = quick_socket (context, ZMQ_PUSH);
        bind_any (pull, "tcp", endpoint);
        NEED (zmq_connect (push, endpoint) == 0);
        exchange (push, pull, "a new connection with packets lost");
        end_socket (pull);
        end_socket (push);
    }
    line ("one packet in twenty lost: connections are made");
}

int main (void)
{
    if (!alone ()) {
        line ("no network namespace of its own");
        return 77;
    }
    void *context = new_context ();
    stream (context, "down for a moment", down_and_up);
    long_down (context);
    full_and_down (context);
    closed_while_down (context);
    run ("iptables -A INPUT -i lo -m statistic --mode random --probability 0.05 -j DROP");
    stream (context, "one packet in twenty lost", nothing);
    questions (context);
    new_connections (context);
    run ("iptables -F INPUT");
    end_context (context);
    return 0;
}
