/* What becomes of a zmq_msg_t when it is sent and received: emptied, shared, released once. Called by ctests/run. */
#include "common.h"

static volatile int released;

static void release (void *data, void *hint)
{
    (void) hint;
    free (data);
    __sync_fetch_and_add (&released, 1);
}

static void wait_for_release (int count)
{
    for (int i = 0; i < 200 && released < count; i++)
        rest (10);
    line ("released %d", released);
}

static void over (void *context, const char *transport)
{
    line ("-- %s", transport);
    void *to = new_socket (context, ZMQ_PULL), *from = new_socket (context, ZMQ_PUSH);
    join_pair (to, from, transport);

    zmq_msg_t message;
    NEED (zmq_msg_init_size (&message, 5) == 0);
    memcpy (zmq_msg_data (&message), "plain", 5);
    SHOW (zmq_msg_send (&message, from, 0));
    SHOW (zmq_msg_size (&message));
    take ("pull", to, 0);

    released = 0;
    NEED (zmq_msg_init_data (&message, calloc (1, 70000), 70000, release, NULL) == 0);
    SHOW (zmq_msg_send (&message, from, 0));
    SHOW (zmq_msg_size (&message));
    SHOW (zmq_msg_close (&message));
    take ("pull", to, 0);
    wait_for_release (1);

    zmq_msg_t copy;
    NEED (zmq_msg_init_data (&message, calloc (1, 500), 500, release, NULL) == 0);
    NEED (zmq_msg_init (&copy) == 0);
    NEED (zmq_msg_copy (&copy, &message) == 0);
    SHOW (zmq_msg_send (&message, from, ZMQ_SNDMORE));
    SHOW (zmq_msg_send (&copy, from, 0));
    take ("pull", to, 0);
    wait_for_release (2);

    /* zmq_send_const must not copy what it need not, zmq_recv tells the whole size. */
    char buffer[4] = {'?', '?', '?', '?'};
    SHOW (zmq_send_const (from, "constant", 8, 0));
    SHOW (zmq_recv (to, buffer, 3, 0));
    line ("cut to '%.4s'", buffer);
    SHOW (zmq_send (from, "", 0, 0));
    SHOW (zmq_recv (to, buffer, 0, 0));
    SHOW (zmq_send (from, NULL, 0, 0));
    SHOW (zmq_recv (to, NULL, 0, 0));

    /* Receiving into a message that holds something releases that. */
    released = 0;
    NEED (zmq_msg_init_data (&message, calloc (1, 40), 40, release, NULL) == 0);
    NEED (zmq_send (from, "new", 3, 0) == 3);
    SHOW (zmq_msg_recv (&message, to, 0));
    wait_for_release (1);
    SHOW (zmq_msg_close (&message));

    /* A message that could not be sent stays with its owner. */
    void *alone = new_socket (context, ZMQ_PUSH);
    NEED (zmq_msg_init_size (&message, 9) == 0);
    SHOW (zmq_msg_send (&message, alone, ZMQ_DONTWAIT));
    SHOW (zmq_msg_size (&message));
    SHOW (zmq_msg_close (&message));

    end_socket (alone);
    end_socket (from);
    end_socket (to);
}

/* A received message is nobody else's until it is copied, whatever came with it. */
static void alone (void *context, const char *transport)
{
    static const char data[20000];
    static const size_t SIZES[] = {100, 600, 3000, 9000, 20000};
    line ("-- %s: ZMQ_SHARED", transport);
    void *to = new_socket (context, ZMQ_PULL), *from = new_socket (context, ZMQ_PUSH);
    join_pair (to, from, transport);
    zmq_msg_t messages[10], copy;
    for (int i = 0; i < 10; i++)
        NEED (zmq_send (from, data, SIZES[i % 5], 0) != -1);
    settle ();
    for (int i = 0; i < 10; i++)
        NEED (zmq_msg_init (messages + i) == 0 && zmq_msg_recv (messages + i, to, 0) == (int) SIZES[i % 5]);
    for (int i = 0; i < 10; i++) {
        const int before = zmq_msg_get (messages + i, ZMQ_SHARED);
        NEED (zmq_msg_init (&copy) == 0 && zmq_msg_copy (&copy, messages + i) == 0);
        line ("%zu bytes: shared %d, copied %d, the copy %d", zmq_msg_size (&copy), before, zmq_msg_get (messages + i, ZMQ_SHARED),
              zmq_msg_get (&copy, ZMQ_SHARED));
        NEED (zmq_msg_close (messages + i) == 0 && zmq_msg_close (&copy) == 0);
    }
    end_socket (from);
    end_socket (to);
}

int main (void)
{
    void *context = new_context ();
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        over (context, TRANSPORTS[i]);
        alone (context, TRANSPORTS[i]);
    }
    end_context (context);
    return 0;
}
