/*
 * High water marks: what each kind of socket does when a peer does not take its messages.
 *
 * A queue is limited in messages, ZMQ_SNDHWM at the sender plus ZMQ_RCVHWM at the receiver; over inproc there is nothing
 * else in between, so that it can be counted here. PUSH, DEALER and REQ wait (or say EAGAIN when told not to), PUB and
 * ROUTER drop, and a ROUTER with ZMQ_ROUTER_MANDATORY refuses. A queue that has been full takes new messages only when
 * the receiver has taken about half of it.
 */
#include "story.h"

#define MANY 1000

static void *context;

/* Two sockets with marks of `hwm` each, connected. */
static void make_pair (int sender, int receiver, int hwm, void **out, void **in)
{
    static int count;
    char endpoint[32];
    snprintf (endpoint, sizeof endpoint, "inproc://pair-%d", ++count);
    *out = new_socket (context, sender);
    *in = new_socket (context, receiver);
    set_int (*out, ZMQ_SNDHWM, hwm);
    set_int (*in, ZMQ_RCVHWM, hwm);
    set_int (*out, ZMQ_SNDTIMEO, 0);
    set_int (*in, ZMQ_RCVTIMEO, 100);
    if (receiver == ZMQ_SUB)
        set_text (*in, ZMQ_SUBSCRIBE, "");
    if (sender == ZMQ_ROUTER)
        set_text (*in, ZMQ_ROUTING_ID, "peer");
    bind_to (*out, endpoint);
    connect_to (*in, endpoint);
    rest (50);
}

static int arrived (void *in)
{
    message_t message;
    int count = 0;
    while (receive (in, &message))
        count++;
    return count;
}

/* Those that wait: as many go in as there is room, then EAGAIN; none is lost. */
static void waits (int sender, int receiver, const char *name, int hwm)
{
    void *out, *in;
    int sent = 0;
    make_pair (sender, receiver, hwm, &out, &in);
    while (sent < MANY && SEND (out, "message"))
        sent++;
    EXPECT (sent == 2 * hwm && zmq_errno () == EAGAIN);
    EXPECT (arrived (in) == sent);
    EXPECT (SEND (out, "again") && arrived (in) == 1);
    say ("%s, mark %d: took %d, then said EAGAIN; all of them arrived", name, hwm, sent);
    zmq_close (out);
    zmq_close (in);
}

static void publisher_drops (int hwm)
{
    void *out, *in;
    make_pair (ZMQ_PUB, ZMQ_SUB, hwm, &out, &in);
    for (int i = 0; i < MANY; i++)
        EXPECT (SEND (out, "message"));
    int count = arrived (in);
    say ("PUB, mark %d: took %d, and %d arrived", hwm, MANY, count);
    EXPECT (count == 2 * hwm);
    zmq_close (out);
    zmq_close (in);
}

static void router_drops_or_refuses (void)
{
    void *out, *in;
    make_pair (ZMQ_ROUTER, ZMQ_DEALER, 5, &out, &in);
    for (int i = 0; i < MANY; i++)
        EXPECT (SEND (out, "peer", "message") && SEND (out, "nobody", "message"));
    int count = arrived (in);
    say ("ROUTER, mark 5: took %d for the peer and as many for nobody, and %d arrived", MANY, count);
    EXPECT (count == 10);

    set_int (out, ZMQ_ROUTER_MANDATORY, 1);
    EXPECT (zmq_send (out, "nobody", 6, ZMQ_SNDMORE) == -1 && zmq_errno () == EHOSTUNREACH);
    int sent = 0;
    while (sent < MANY && SEND (out, "peer", "message"))
        sent++;
    EXPECT (zmq_errno () == EAGAIN && arrived (in) == sent && sent == 10);
    say ("ROUTER that must deliver: EHOSTUNREACH for nobody, EAGAIN after %d for the peer; all of them arrived", sent);
    zmq_close (out);
    zmq_close (in);
}

/* Without a peer there is no queue at all, unless ZMQ_IMMEDIATE is 0 and one has been connected to. */
static void nobody_there (void)
{
    void *push = new_socket (context, ZMQ_PUSH), *request = new_socket (context, ZMQ_REQ), *dealer = new_socket (context, ZMQ_DEALER);
    void *publish = new_socket (context, ZMQ_PUB), *all[] = {push, request, dealer};
    for (int i = 0; i < 3; i++) {
        set_int (all[i], ZMQ_SNDTIMEO, 50);
        EXPECT (!SEND (all[i], "message") && zmq_errno () == EAGAIN);
    }
    EXPECT (SEND (publish, "message"));
    connect_to (push, "tcp://127.0.0.1:1");
    EXPECT (SEND (push, "message"));
    say ("nobody there: PUSH, REQ and DEALER wait, PUB drops; a PUSH that has connected queues");
    zmq_close (publish);
    for (int i = 0; i < 3; i++)
        zmq_close (all[i]);
}

int main (void)
{
    context = zmq_ctx_new ();
    waits (ZMQ_PUSH, ZMQ_PULL, "PUSH", 1);
    waits (ZMQ_PUSH, ZMQ_PULL, "PUSH", 50);
    waits (ZMQ_DEALER, ZMQ_DEALER, "DEALER", 1);
    waits (ZMQ_DEALER, ZMQ_DEALER, "DEALER", 50);
    waits (ZMQ_PAIR, ZMQ_PAIR, "PAIR", 1);
    publisher_drops (1);
    publisher_drops (50);
    router_drops_or_refuses ();
    nobody_there ();
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
