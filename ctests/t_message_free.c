/*
 * What the free function of zmq_msg_init_data may do: call the library, on the very socket in whose call it runs. Each is
 * called once, and before that call returns where it was due by then. Called by ctests/run.
 */
#define ZMQ_BUILD_DRAFT_API
#include "common.h"

/* What it does, on which socket, and on which thread: libzmq's sockets are nobody else's meanwhile. */
static enum { ASK, LOOK, SEND, CLOSE, COUNT, REST, NOTHING } deed;
static void *its_socket, *its_poller;
static pthread_t user;
static volatile int released, refused;

static void release (void *data, void *hint)
{
    (void) hint;
    free (data);
    if (deed == REST)
        rest (2);
    else if (pthread_equal (pthread_self (), user)) {
        int value, result = 0;
        size_t size = sizeof value;
        switch (deed) {
        case ASK: result = zmq_getsockopt (its_socket, ZMQ_TYPE, &value, &size); break;
        case LOOK: result = zmq_getsockopt (its_socket, ZMQ_EVENTS, &value, &size); break;
        case SEND: result = zmq_send (its_socket, "y", 1, ZMQ_DONTWAIT) - 1; break;
        case CLOSE: result = zmq_close (its_socket); break;
        case COUNT: result = zmq_poller_size (its_poller) - 1; break;
        case REST:
        case NOTHING: break;
        }
        if (result)
            __sync_fetch_and_add (&refused, 1);
    }
    __sync_fetch_and_add (&released, 1);
}

static void begin (const char *scene, void *socket)
{
    line ("-- %s", scene);
    released = refused = 0;
    its_socket = socket;
    user = pthread_self ();
    deed = ASK;
}

static void lend (zmq_msg_t *message, size_t size)
{
    NEED (zmq_msg_init_data (message, calloc (1, size), size, release, NULL) == 0);
}

static void send_lent (void *socket, size_t size)
{
    zmq_msg_t message;
    lend (&message, size);
    NEED (zmq_msg_send (&message, socket, 0) == (int) size);
}

static void tell (void)
{
    line ("released %d, refused %d", released, refused);
}

static void wait_for_release (int count)
{
    for (int i = 0; i < 400 && released < count; i++)
        rest (5);
    tell ();
}

static const size_t SIZES[] = {9, 100, 300, 5000, 100000};
#define SIZE_COUNT 5

/* What nobody wants ends within the call that sends it. */
static void unwanted (void *context, const char *transport)
{
    void *pub = new_socket (context, ZMQ_PUB), *router = new_socket (context, ZMQ_ROUTER);
    NEED (zmq_bind (pub, fresh_name (transport)) == 0 && zmq_bind (router, fresh_name (transport)) == 0);
    begin ("a PUB without subscribers", pub);
    for (deed = ASK; deed <= SEND; deed++)
        for (int i = 0; i < SIZE_COUNT; i++) {
            send_lent (pub, SIZES[i]);
            tell ();
        }
    begin ("a ROUTER that knows nobody", router);
    for (int i = 0; i < SIZE_COUNT; i++) {
        NEED (zmq_send (router, "nobody", 6, ZMQ_SNDMORE) == 6);
        send_lent (router, SIZES[i]);
        tell ();
    }
    end_socket (router);
    begin ("a PUB that its message closes", pub);
    deed = CLOSE;
    send_lent (pub, 100);
    tell ();
    SHOW (zmq_send (pub, "x", 1, 0));
}

static void late_reply (void *context)
{
    void *rep = new_socket (context, ZMQ_REP), *req = new_socket (context, ZMQ_REQ);
    char buffer[4];
    join_pair (rep, req, "inproc");
    begin ("a REP whose REQ has gone", rep);
    NEED (zmq_send (req, "x", 1, 0) == 1 && zmq_recv (rep, buffer, 4, 0) == 1);
    end_socket (req);
    rest_using (rep, 200);
    send_lent (rep, 9000);
    tell ();
    end_socket (rep);
}

/* Received into messages and buffers, by the socket that sends or the one that receives. */
static void passed_on (void *context, const char *transport)
{
    char buffer[9];
    line ("==== %s", transport);
    for (int receiving = 0; receiving < 2; receiving++)
        for (int i = 0; i < SIZE_COUNT; i++) {
            void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
            join_pair (pull, push, transport);
            begin (receiving ? "a PULL" : "a PUSH", receiving ? pull : push);
            zmq_msg_t kept;
            NEED (zmq_msg_init (&kept) == 0);
            for (int round = 0; round < 20; round++) {
                send_lent (push, SIZES[i]);
                NEED (zmq_recv (pull, buffer, sizeof buffer, 0) == (int) SIZES[i]);
                send_lent (push, SIZES[i]);
                NEED (zmq_msg_recv (&kept, pull, 0) == (int) SIZES[i]);
                deed = round % 2 ? LOOK : ASK;
            }
            NEED (zmq_msg_close (&kept) == 0);
            wait_for_release (40);
            lend (&kept, SIZES[i]);
            NEED (zmq_send (push, "x", 1, 0) == 1 && zmq_msg_recv (&kept, pull, 0) == 1);
            tell ();
            NEED (zmq_msg_close (&kept) == 0);
            lend (&kept, SIZES[i]);
            NEED (zmq_msg_close (&kept) == 0);
            tell ();
            end_socket (push);
            end_socket (pull);
        }
}

/* Thirty in a row by one thread: the lock of a socket is soon its own. */
static void in_a_row (void *context)
{
    void *pair = new_socket (context, ZMQ_PAIR), *other = new_socket (context, ZMQ_PAIR);
    join_pair (pair, other, "inproc");
    char buffer[9];
    begin ("a PAIR that answers from there", pair);
    deed = SEND;
    for (int i = 0; i < 30; i++) {
        send_lent (other, 5000);
        send_lent (other, 50);
        NEED (zmq_recv (pair, buffer, 9, 0) == 5000 && zmq_recv (pair, buffer, 9, 0) == 50);
    }
    for (int i = 0; i < 60; i++)
        NEED (zmq_recv (other, buffer, 9, 0) == 1);
    tell ();
    end_socket (pair);
    end_socket (other);
}

static void newest_only (void *context)
{
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    set_int (pull, ZMQ_CONFLATE, 1);
    set_int (push, ZMQ_CONFLATE, 1);
    join_pair (pull, push, "inproc");
    begin ("ZMQ_CONFLATE", push);
    for (int i = 0; i < 5; i++)
        send_lent (push, 5000);
    tell ();
    deed = NOTHING;
    end_socket (push);
    end_socket (pull);
    wait_for_release (5);
}

/* What is not sent ends with its socket, or its connection. */
static void unsent (void *context)
{
    void *push = new_socket (context, ZMQ_PUSH), *other = new_socket (context, ZMQ_PULL);
    NEED (zmq_connect (push, "ipc://nobody.ipc") == 0);
    begin ("closed with something unsent", other);
    send_lent (push, 100);
    send_lent (push, 50000);
    end_socket (push);
    wait_for_release (2);
    end_socket (other);
    push = new_socket (context, ZMQ_PUSH);
    NEED (zmq_connect (push, "ipc://nobody.ipc") == 0);
    begin ("disconnected with something unsent", push);
    send_lent (push, 100);
    send_lent (push, 50000);
    NEED (zmq_disconnect (push, "ipc://nobody.ipc") == 0);
    settle ();
    get_int (push, ZMQ_EVENTS);
    end_socket (push);
    wait_for_release (2);
}

/* An XPUB reads subscriptions when it is asked for its events. */
static void subscribed (void *context)
{
    void *xpub = new_socket (context, ZMQ_XPUB), *xsub = new_socket (context, ZMQ_XSUB);
    join_pair (xpub, xsub, "inproc");
    its_poller = zmq_poller_new ();
    NEED (its_poller && zmq_poller_add (its_poller, xpub, NULL, ZMQ_POLLIN) == 0);
    for (int way = 0; way < 2; way++) {
        begin (way ? "by zmq_poller_wait" : "a subscription that is read by zmq_poll", xpub);
        deed = way ? COUNT : ASK;
        zmq_msg_t message;
        lend (&message, 5000);
        *(char *) zmq_msg_data (&message) = 1;
        *((char *) zmq_msg_data (&message) + 1) = way;
        NEED (zmq_msg_send (&message, xsub, 0) == 5000);
        zmq_poller_event_t event;
        NEED (way ? zmq_poller_wait (its_poller, &event, 2000) == 0 : comes (xpub, 2000));
        wait_for_release (1);
        char buffer[9];
        NEED (zmq_recv (xpub, buffer, sizeof buffer, 0) == 5000);
        /* It is noted again, and tells nobody. */
        lend (&message, 5000);
        *(char *) zmq_msg_data (&message) = 1;
        *((char *) zmq_msg_data (&message) + 1) = way;
        NEED (zmq_msg_send (&message, xsub, 0) == 5000);
        if (way)
            SHOW (zmq_poller_wait (its_poller, &event, 50));
        else
            SHOW (comes (xpub, 50));
        wait_for_release (2);
    }
    NEED (zmq_poller_destroy (&its_poller) == 0);
    end_socket (xsub);
    end_socket (xpub);
}

static void *run_proxy (void *sockets)
{
    void **both = sockets;
    user = pthread_self ();
    zmq_proxy (both[0], both[1], NULL);
    end_socket (both[0]);
    end_socket (both[1]);
    return NULL;
}

static void proxied (void)
{
    void *context = new_context ();
    void *both[] = {new_socket (context, ZMQ_PULL), new_socket (context, ZMQ_PUB)};
    void *push = new_socket (context, ZMQ_PUSH);
    join_pair (both[0], push, "inproc");
    NEED (zmq_bind (both[1], fresh_name ("inproc")) == 0);
    begin ("a proxy to nobody", both[1]);
    pthread_t proxy;
    NEED (pthread_create (&proxy, NULL, run_proxy, both) == 0);
    for (int i = 0; i < 100; i++)
        send_lent (push, 5000);
    wait_for_release (100);
    end_socket (push);
    NEED (zmq_ctx_shutdown (context) == 0);
    NEED (pthread_join (proxy, NULL) == 0);
    end_context (context);
}

static void *close_later (void *socket)
{
    rest (100);
    end_socket (socket);
    return NULL;
}

/* When zmq_ctx_term has returned, the application may give up what its free functions use. */
static void term_waits (const char *scene, int receiver, int sender)
{
    void *context = new_context (), *last = new_socket (context, sender), *first = NULL;
    begin (scene, NULL);
    deed = REST;
    if (receiver) {
        first = last;
        last = new_socket (context, receiver);
        join_pair (last, first, "inproc");
    } else
        NEED (zmq_connect (last, fresh_name ("inproc")) == 0);
    for (int i = 0; i < 50; i++)
        send_lent (first ? first : last, 5000);
    if (first) {
        /* A pattern may have read something by then. */
        NEED (comes (last, 2000));
        end_socket (first);
    }
    pthread_t closer;
    NEED (pthread_create (&closer, NULL, close_later, last) == 0);
    end_context (context);
    tell ();
    NEED (pthread_join (closer, NULL) == 0);
}

int main (void)
{
    void *context = new_context ();
    unwanted (context, "inproc");
    unwanted (context, "tcp");
    late_reply (context);
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        passed_on (context, TRANSPORTS[i]);
    in_a_row (context);
    newest_only (context);
    unsent (context);
    subscribed (context);
    proxied ();
    end_context (context);
    term_waits ("a PULL that another thread closes", ZMQ_PULL, ZMQ_PUSH);
    term_waits ("a ROUTER", ZMQ_ROUTER, ZMQ_DEALER);
    term_waits ("nobody has bound the name", 0, ZMQ_PUSH);
    return 0;
}
