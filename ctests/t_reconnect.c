/* Connections that come and go: late binders, restarts, disconnect, unbind, IMMEDIATE, several endpoints. Called by ctests/run. */
#define ZMQ_BUILD_DRAFT_API
#include "common.h"
#include "raw.h"

static void restart (void *context, const char *transport)
{
    char endpoint[256];
    line ("-- a %s peer restarts", transport);
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    bind_any (pull, transport, endpoint);
    void *monitor = watch (context, push, ZMQ_EVENT_DISCONNECTED);
    NEED (zmq_connect (push, endpoint) == 0);
    send_parts (push, "1", NULL);
    take ("pull", pull, 0);
    for (int i = 0; i < 3; i++) {
        end_socket (pull);
        /* What is sent before push has noticed is lost. */
        NEED (comes (monitor, 20000) && zmq_recv (monitor, NULL, 0, 0) != -1 && zmq_recv (monitor, NULL, 0, 0) != -1);
        settle ();
        send_parts (push, "while it was away", NULL);
        pull = new_socket (context, ZMQ_PULL);
        NEED (zmq_bind (pull, endpoint) == 0);
        take ("pull", pull, 0);
        send_parts (push, "when it was back", NULL);
        take ("pull", pull, 0);
    }
    NEED (zmq_socket_monitor (push, NULL, 0) == 0);
    end_socket (monitor);
    end_socket (push);
    end_socket (pull);
}

static void let_go (void *context, const char *transport)
{
    char endpoint[256];
    line ("-- disconnect and connect again over %s", transport);
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    bind_any (pull, transport, endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    send_parts (push, "one", NULL);
    take ("pull", pull, 0);
    SHOW (zmq_disconnect (push, endpoint));
    settle ();
    SHOW (zmq_send (push, "x", 1, ZMQ_DONTWAIT));
    SHOW (zmq_disconnect (push, endpoint));
    NEED (zmq_connect (push, endpoint) == 0);
    send_parts (push, "two", NULL);
    take ("pull", pull, 0);
    SHOW (zmq_unbind (pull, endpoint));
    settle ();
    line ("a peer that is there is not heard after unbind");
    send_parts (push, "three", NULL);
    take ("pull", pull, 0);
    end_socket (push);
    end_socket (pull);
}

static void immediate (void *context)
{
    char endpoint[256];
    line ("-- IMMEDIATE");
    void *pull = new_socket (context, ZMQ_PULL), *there = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    bind_any (pull, "tcp", endpoint);
    end_socket (pull);
    settle ();
    set_int (push, ZMQ_IMMEDIATE, 1);
    NEED (zmq_connect (push, endpoint) == 0);
    SHOW (zmq_send (push, "x", 1, ZMQ_DONTWAIT));
    join_pair (there, push, "tcp");
    settle ();
    for (int i = 0; i < 4; i++)
        send_parts (push, "only to who is there", NULL);
    line ("%d came", take_all ("there", there));
    pull = new_socket (context, ZMQ_PULL);
    NEED (zmq_bind (pull, endpoint) == 0);
    rest_using (push, 400);
    for (int i = 0; i < 4; i++)
        send_parts (push, "to both", NULL);
    line ("%d came", take_all ("there", there));
    line ("%d came", take_all ("pull", pull));
    end_socket (there);
    end_socket (pull);
    end_socket (push);
}

static void queued_for_the_absent (void *context)
{
    char endpoint[256];
    line ("-- without IMMEDIATE messages wait for the absent");
    void *pull = new_socket (context, ZMQ_PULL), *there = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    bind_any (pull, "tcp", endpoint);
    end_socket (pull);
    settle ();
    NEED (zmq_connect (push, endpoint) == 0);
    join_pair (there, push, "tcp");
    settle ();
    for (int i = 0; i < 6; i++)
        send_parts (push, "in turn", NULL);
    line ("%d came", take_all ("there", there));
    pull = new_socket (context, ZMQ_PULL);
    NEED (zmq_bind (pull, endpoint) == 0);
    rest_using (push, 300);
    line ("%d came", take_all ("pull", pull));
    end_socket (there);
    end_socket (pull);
    end_socket (push);
}

static void subscriptions_survive (void *context)
{
    char endpoint[256];
    line ("-- subscriptions are repeated to a new publisher");
    void *pub = new_socket (context, ZMQ_PUB), *sub = new_socket (context, ZMQ_SUB);
    bind_any (pub, "tcp", endpoint);
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "a", 1) == 0 && zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "b", 1) == 0);
    NEED (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "b", 1) == 0);
    NEED (zmq_connect (sub, endpoint) == 0);
    settle ();
    send_parts (pub, "a1", NULL);
    take ("sub", sub, 0);
    end_socket (pub);
    settle ();
    pub = new_socket (context, ZMQ_PUB);
    NEED (zmq_bind (pub, endpoint) == 0);
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "c", 1) == 0);
    rest_using (sub, 500);
    get_int (pub, ZMQ_EVENTS);
    send_parts (pub, "a2", NULL);
    send_parts (pub, "b2", NULL);
    send_parts (pub, "c2", NULL);
    line ("%d came", take_all ("sub", sub));
    end_socket (pub);
    end_socket (sub);
}

static void several_endpoints (void *context)
{
    char endpoints[3][256];
    line ("-- one socket, three transports");
    void *pull = new_socket (context, ZMQ_PULL), *pushes[3];
    for (int i = 0; i < 3; i++) {
        bind_any (pull, TRANSPORTS[i], endpoints[i]);
        pushes[i] = new_socket (context, ZMQ_PUSH);
        NEED (zmq_connect (pushes[i], endpoints[i]) == 0);
        send_parts (pushes[i], TRANSPORTS[i], NULL);
        take ("pull", pull, 0);
    }
    SHOW (zmq_unbind (pull, endpoints[1]));
    for (int i = 0; i < 3; i++) {
        send_parts (pushes[i], TRANSPORTS[i], "again", NULL);
        take ("pull", pull, 0);
        end_socket (pushes[i]);
    }
    end_socket (pull);
}

/* 0 is no interval either, whatever it looks like. */
static void never_again (void *context, const char *transport, int interval)
{
    char endpoint[256];
    line ("-- %s with an interval of %d", transport, interval);
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    bind_any (pull, transport, endpoint);
    end_socket (pull);
    settle ();
    set_int (push, ZMQ_RECONNECT_IVL, interval);
    set_int (push, ZMQ_LINGER, 0);
    NEED (zmq_connect (push, endpoint) == 0);
    settle ();
    pull = new_socket (context, ZMQ_PULL);
    NEED (zmq_bind (pull, endpoint) == 0);
    send_parts (push, "to nobody", NULL);
    rest_using (push, 300);
    line ("%d came", take_all ("pull", pull));
    NEED (zmq_connect (push, endpoint) == 0);
    rest_using (push, 200);
    send_parts (push, "one of two", NULL);
    send_parts (push, "one of two", NULL);
    line ("%d came", take_all ("pull", pull));
    end_socket (push);
    end_socket (pull);
}

/* Whoever was turned away may still disconnect, once. */
static void turned_away (void *context, const char *transport)
{
    char endpoint[256];
    line ("-- turned away over %s", transport);
    void *pub = new_socket (context, ZMQ_PUB), *push = new_socket (context, ZMQ_PUSH);
    bind_any (pub, transport, endpoint);
    for (int i = 0; i < 2; i++) {
        NEED (zmq_connect (push, endpoint) == 0);
        rest_using (push, 200);
    }
    SHOW (zmq_disconnect (push, endpoint));
    SHOW (zmq_disconnect (push, endpoint));
    end_socket (push);
    end_socket (pub);
}

static void no_handshake (void *context)
{
    char endpoint[256];
    line ("-- not again after a handshake that failed");
    int door = raw_listen (endpoint);
    void *push = new_socket (context, ZMQ_PUSH);
    set_int (push, ZMQ_RECONNECT_STOP, ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED);
    NEED (zmq_connect (push, endpoint) == 0);
    close (accept (door, NULL, NULL));
    rest_using (push, 300);
    struct pollfd item = {door, POLLIN, 0};
    line ("comes again: %d", poll (&item, 1, 0));
    SHOW (zmq_disconnect (push, endpoint));
    SHOW (zmq_disconnect (push, endpoint));
    end_socket (push);
    close (door);
}

int main (void)
{
    void *context = new_context ();
    restart (context, "tcp");
    restart (context, "ipc");
    let_go (context, "tcp");
    let_go (context, "ipc");
    immediate (context);
    queued_for_the_absent (context);
    subscriptions_survive (context);
    several_endpoints (context);
    never_again (context, "tcp", 0);
    never_again (context, "tcp", -1);
    never_again (context, "ipc", 0);
    turned_away (context, "tcp");
    turned_away (context, "ipc");
    no_handshake (context);
    end_context (context);
    return 0;
}
