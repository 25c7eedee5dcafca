/* PAIR: both ways, parts, a second peer is turned away, a new one after the first has gone. Called by ctests/run. */
#include "common.h"

static void over (void *context, const char *transport)
{
    char endpoint[256];
    line ("-- %s", transport);
    void *a = new_socket (context, ZMQ_PAIR), *b = new_socket (context, ZMQ_PAIR), *late = new_socket (context, ZMQ_PAIR);
    bind_any (a, transport, endpoint);
    NEED (zmq_connect (b, endpoint) == 0);
    send_parts (a, "to b", NULL);
    send_parts (b, "to", "a", "", "in parts", NULL);
    take ("b", b, 0);
    take ("a", a, 0);

    NEED (zmq_connect (late, endpoint) == 0);
    settle ();
    send_parts (a, "still to b", NULL);
    take ("b", b, 0);
    set_int (late, ZMQ_RCVTIMEO, 100);
    take ("late", late, 0);
    end_socket (late);

    end_socket (b);
    settle ();
    SHOW (zmq_send (a, "x", 1, ZMQ_DONTWAIT));
    /* libzmq lets go of b in steps, and takes them only while the socket is used. */
    rest_using (a, 200);
    line ("events %d", get_int (a, ZMQ_EVENTS));
    void *c = new_socket (context, ZMQ_PAIR);
    NEED (zmq_connect (c, endpoint) == 0);
    send_parts (c, "from c", NULL);
    take ("a", a, 0);
    send_parts (a, "to c", NULL);
    take ("c", c, 0);
    end_socket (c);
    end_socket (a);
}

int main (void)
{
    void *context = new_context ();
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        over (context, TRANSPORTS[i]);
    end_context (context);
    return 0;
}
