/* When the free function of zmq_msg_init_data is called: not before a small message has left. Called by ctests/run. */
#include "common.h"

static volatile int released;

static void release (void *data, void *hint)
{
    (void) hint;
    free (data);
    __sync_fetch_and_add (&released, 1);
}

static void lend (zmq_msg_t *message, size_t size)
{
    NEED (zmq_msg_init_data (message, calloc (1, size), size, release, NULL) == 0);
}

static void send_lent (void *socket, size_t size, int flags)
{
    zmq_msg_t message;
    lend (&message, size);
    NEED (zmq_msg_send (&message, socket, flags) == (int) size);
    NEED (zmq_msg_size (&message) == 0 && zmq_msg_close (&message) == 0);
}

static void wait_for_release (int count)
{
    for (int i = 0; i < 400 && released < count; i++)
        rest (5);
    rest (20);
    line ("released %d", released);
}

/* An endpoint that was bound and is not any more. */
static void free_endpoint (void *context, const char *transport, char *endpoint, size_t size)
{
    void *socket = new_socket (context, ZMQ_PULL);
    NEED (zmq_bind (socket, fresh_name (transport)) == 0);
    NEED (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    end_socket (socket);
    settle ();
}

static void encrypt (void *to, void *from)
{
    char public[41], secret[41], mine[41], hidden[41];
    NEED (zmq_curve_keypair (public, secret) == 0 && zmq_curve_keypair (mine, hidden) == 0);
    set_int (to, ZMQ_CURVE_SERVER, 1);
    NEED (zmq_setsockopt (to, ZMQ_CURVE_SECRETKEY, secret, 41) == 0);
    NEED (zmq_setsockopt (from, ZMQ_CURVE_SERVERKEY, public, 41) == 0);
    NEED (zmq_setsockopt (from, ZMQ_CURVE_PUBLICKEY, mine, 41) == 0);
    NEED (zmq_setsockopt (from, ZMQ_CURVE_SECRETKEY, hidden, 41) == 0);
}

/* Messages wait for a peer that comes later, one does not fit any more. */
static void wait_for_peer (void *context, const char *transport, int curve)
{
    line ("-- %s%s", transport, curve ? " with CURVE" : "");
    char endpoint[256];
    free_endpoint (context, transport, endpoint, sizeof endpoint);
    void *to = new_socket (context, ZMQ_PULL), *from = new_socket (context, ZMQ_PUSH);
    if (curve)
        encrypt (to, from);
    set_int (from, ZMQ_SNDHWM, 3);
    NEED (zmq_connect (from, endpoint) == 0);
    released = 0;
    zmq_msg_t more, copy;
    send_lent (from, 9, 0);
    send_lent (from, 9, ZMQ_SNDMORE);
    send_lent (from, 4, 0);
    lend (&more, 300);
    NEED (zmq_msg_init (&copy) == 0 && zmq_msg_copy (&copy, &more) == 0);
    NEED (zmq_msg_send (&copy, from, 0) == 300);
    SHOW (zmq_msg_send (&more, from, ZMQ_DONTWAIT));
    SHOW (zmq_msg_size (&more));
    wait_for_release (0);
    NEED (zmq_bind (to, endpoint) == 0);
    for (int i = 0; i < 4; i++) {
        char buffer[512];
        SHOW (zmq_recv (to, buffer, sizeof buffer, 0));
    }
    wait_for_release (3);
    SHOW (zmq_msg_close (&more));
    wait_for_release (4);
    end_socket (from);
    end_socket (to);
}

/* Nobody comes: what was sent goes with the socket, and what was not sent to its end. */
static void give_up (void *context, const char *transport)
{
    line ("-- nobody at %s", transport);
    char endpoint[256];
    free_endpoint (context, transport, endpoint, sizeof endpoint);
    void *from = new_socket (context, ZMQ_PUSH);
    NEED (zmq_connect (from, endpoint) == 0);
    released = 0;
    for (int i = 0; i < 100; i++)
        send_lent (from, 16, 0);
    send_lent (from, 16, ZMQ_SNDMORE);
    wait_for_release (0);
    end_socket (from);
    wait_for_release (101);
}

/* A stream of small ones. */
static void stream (void *context, const char *transport)
{
    line ("-- a stream over %s", transport);
    void *to = new_socket (context, ZMQ_PULL), *from = new_socket (context, ZMQ_PUSH);
    set_int (to, ZMQ_RCVHWM, 0);
    join_pair (to, from, transport);
    released = 0;
    for (int i = 0; i < 5000; i++)
        send_lent (from, i % 300 + 1, i % 3 ? 0 : ZMQ_SNDMORE);
    for (int i = 0; i < 5000; i++) {
        char buffer[512];
        NEED (zmq_recv (to, buffer, sizeof buffer, 0) == i % 300 + 1);
    }
    wait_for_release (5000);
    end_socket (from);
    end_socket (to);
}

int main (void)
{
    void *context = new_context ();
    wait_for_peer (context, "tcp", 0);
    wait_for_peer (context, "ipc", 0);
    wait_for_peer (context, "tcp", 1);
    give_up (context, "tcp");
    give_up (context, "ipc");
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        stream (context, TRANSPORTS[i]);
    end_context (context);
    return 0;
}
