/* Endpoints given up while messages wait to be sent: what the socket may still do with those connections. Called by ctests/run. */
#include "common.h"

#define COUNT 300

static char body[10000];

/* Two contexts, so that each ends by itself. */
struct world {
    void *context, *others;
    const char *transport;
};

/* A socket that sends far ahead, with little room on the way. */
static void *sender (const struct world *world, int type)
{
    void *socket = new_socket (world->context, type);
    set_int (socket, ZMQ_SNDHWM, 2 * COUNT);
    set_int (socket, ZMQ_SNDBUF, 20000);
    return socket;
}

/* Its peer, which takes in next to nothing by itself. */
static void *peer (const struct world *world, int type)
{
    void *socket = new_socket (world->others, type);
    set_int (socket, ZMQ_RCVHWM, 1);
    set_int (socket, ZMQ_RCVBUF, 20000);
    return socket;
}

/* More than the peer and the way there take; `first` goes before each. */
static void send_much (void *socket, const char *first)
{
    for (int i = 0; i < COUNT; i++) {
        if (first)
            NEED (zmq_send (socket, first, strlen (first), ZMQ_SNDMORE) != -1);
        NEED (zmq_send (socket, body, sizeof body, 0) == sizeof body);
    }
    settle ();
}

/* Reads the long messages. How many there are nobody promises. */
static void read_much (void *socket)
{
    while (comes (socket, 200))
        NEED (zmq_recv (socket, body, sizeof body, ZMQ_DONTWAIT) != -1);
}

static void later_messages_go_to_others (const struct world *world)
{
    char endpoint[256];
    line ("-- messages after zmq_unbind, another peer is connected");
    void *push = sender (world, ZMQ_PUSH), *slow = peer (world, ZMQ_PULL), *fast = new_socket (world->others, ZMQ_PULL);
    set_int (push, ZMQ_LINGER, 300);
    bind_any (push, world->transport, endpoint);
    NEED (zmq_connect (slow, endpoint) == 0);
    settle ();
    send_much (push, NULL);
    join_pair (push, fast, world->transport);
    settle ();
    NEED (zmq_unbind (push, endpoint) == 0);
    settle ();
    for (int i = 0; i < 100; i++)
        NEED (zmq_send (push, "later", 5, ZMQ_DONTWAIT) == 5);
    /* Longer than the linger time. */
    rest_calmly (500);
    int count = 0;
    for (; comes (fast, 200); count++)
        NEED (zmq_recv (fast, body, sizeof body, ZMQ_DONTWAIT) == 5);
    line ("%d of 100 came to the other", count);
    end_socket (push);
    end_socket (slow);
    end_socket (fast);
}

static void closing_is_not_held_up (const struct world *world)
{
    char endpoint[256];
    line ("-- zmq_unbind with a long linger, zmq_close with none");
    void *context = new_context (), *push, *pull = peer (world, ZMQ_PULL);
    push = sender (&(struct world){context, NULL, NULL}, ZMQ_PUSH);
    set_int (push, ZMQ_LINGER, -1);
    bind_any (push, world->transport, endpoint);
    NEED (zmq_connect (pull, endpoint) == 0);
    settle ();
    send_much (push, NULL);
    SHOW (zmq_unbind (push, endpoint));
    settle ();
    set_int (push, ZMQ_LINGER, 0);
    end_socket (push);
    const long started = milliseconds ();
    end_context (context);
    line ("term returned %s", milliseconds () - started < 1000 ? "at once" : "late");
    end_socket (pull);
}

static void nothing_more_is_taken (const struct world *world)
{
    char endpoint[256];
    line ("-- zmq_unbind, and then zmq_send");
    void *push = sender (world, ZMQ_PUSH), *pull = peer (world, ZMQ_PULL);
    set_int (push, ZMQ_LINGER, -1);
    bind_any (push, world->transport, endpoint);
    NEED (zmq_connect (pull, endpoint) == 0);
    settle ();
    send_much (push, NULL);
    SHOW (zmq_unbind (push, endpoint));
    settle ();
    SHOW (zmq_send (push, "late", 4, ZMQ_DONTWAIT));
    read_much (pull);
    SHOW (zmq_send (push, "late", 4, ZMQ_DONTWAIT));
    take_all ("pull", pull);
    SHOW (zmq_unbind (push, endpoint));
    set_int (push, ZMQ_LINGER, 0);
    end_socket (push);
    end_socket (pull);
}

/* What came before it stays readable, what comes after is not received, whether something is left or not. */
static void nothing_more_comes (const struct world *world, int before)
{
    char endpoint[256];
    line ("-- what the peer says %s zmq_unbind", before ? "before and after" : "after");
    void *dealer = sender (world, ZMQ_DEALER), *other = peer (world, ZMQ_DEALER);
    set_int (dealer, ZMQ_LINGER, -1);
    bind_any (dealer, world->transport, endpoint);
    NEED (zmq_connect (other, endpoint) == 0);
    settle ();
    send_much (dealer, NULL);
    for (int i = 0; i < before; i++)
        send_parts (other, "before", NULL);
    settle ();
    SHOW (zmq_unbind (dealer, endpoint));
    settle ();
    for (int i = 0; i < 3; i++)
        zmq_send (other, "after", 5, ZMQ_DONTWAIT);
    settle ();
    SHOW (zmq_send (dealer, "late", 4, ZMQ_DONTWAIT));
    take_all ("dealer", dealer);
    read_much (other);
    take_all ("dealer", dealer);
    SHOW (zmq_send (dealer, "late", 4, ZMQ_DONTWAIT));
    set_int (dealer, ZMQ_LINGER, 0);
    end_socket (dealer);
    end_socket (other);
}

static void a_router_knows_nobody (const struct world *world)
{
    char endpoint[256];
    line ("-- ROUTER");
    void *router = sender (world, ZMQ_ROUTER), *dealer = peer (world, ZMQ_DEALER);
    set_int (router, ZMQ_LINGER, -1);
    set_int (router, ZMQ_ROUTER_MANDATORY, 1);
    NEED (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "D", 1) == 0);
    bind_any (router, world->transport, endpoint);
    NEED (zmq_connect (dealer, endpoint) == 0);
    send_parts (dealer, "hello", NULL);
    take ("router", router, 0);
    send_much (router, "D");
    send_parts (dealer, "unread", NULL);
    settle ();
    NEED (zmq_unbind (router, endpoint) == 0);
    settle ();
    SHOW (zmq_send (router, "D", 1, ZMQ_SNDMORE | ZMQ_DONTWAIT));
    take_all ("router", router);
    SHOW (zmq_send (router, "D", 1, ZMQ_SNDMORE | ZMQ_DONTWAIT));
    SHOW (get_int (router, ZMQ_EVENTS) & ZMQ_POLLIN);
    /* Its name is free for another. */
    void *namesake = new_socket (world->others, ZMQ_DEALER);
    NEED (zmq_setsockopt (namesake, ZMQ_ROUTING_ID, "D", 1) == 0);
    join_pair (router, namesake, world->transport);
    send_parts (namesake, "here", NULL);
    take ("router", router, 0);
    SHOW (send_parts (router, "D", "welcome", NULL));
    take ("namesake", namesake, 0);
    set_int (router, ZMQ_LINGER, 0);
    end_socket (router);
    end_socket (dealer);
    end_socket (namesake);
}

static void a_pair_takes_another (const struct world *world)
{
    char endpoint[256];
    line ("-- PAIR");
    void *pair = sender (world, ZMQ_PAIR), *first = peer (world, ZMQ_PAIR), *second = new_socket (world->others, ZMQ_PAIR);
    set_int (pair, ZMQ_LINGER, -1);
    bind_any (pair, world->transport, endpoint);
    NEED (zmq_connect (first, endpoint) == 0);
    settle ();
    send_much (pair, NULL);
    NEED (zmq_unbind (pair, endpoint) == 0);
    settle ();
    SHOW (zmq_send (pair, "late", 4, ZMQ_DONTWAIT));
    /* libzmq's lets the first go when it looks for something to read. */
    take_all ("pair", pair);
    join_pair (pair, second, world->transport);
    send_parts (pair, "for the second", NULL);
    take ("second", second, 0);
    send_parts (second, "from the second", NULL);
    take ("pair", pair, 0);
    set_int (pair, ZMQ_LINGER, 0);
    end_socket (pair);
    end_socket (first);
    end_socket (second);
}

static void an_xpub_forgets_what_was_wanted (const struct world *world)
{
    char endpoint[256];
    line ("-- XPUB");
    void *xpub = sender (world, ZMQ_XPUB), *sub = peer (world, ZMQ_SUB);
    set_int (xpub, ZMQ_LINGER, -1);
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "topic", 5) == 0);
    bind_any (xpub, world->transport, endpoint);
    NEED (zmq_connect (sub, endpoint) == 0);
    take ("xpub", xpub, 0);
    memcpy (body, "topic", 5);
    send_much (xpub, NULL);
    NEED (zmq_unbind (xpub, endpoint) == 0);
    settle ();
    take_all ("xpub", xpub);
    SHOW (zmq_send (xpub, "topic", 5, ZMQ_DONTWAIT));
    set_int (xpub, ZMQ_LINGER, 0);
    end_socket (xpub);
    end_socket (sub);
}

static void a_req_waits_for_its_answer (const struct world *world)
{
    char endpoint[256];
    line ("-- REQ");
    void *req = sender (world, ZMQ_REQ), *router = peer (world, ZMQ_ROUTER), *rep = new_socket (world->others, ZMQ_REP);
    char *request = calloc (1, COUNT * sizeof body);
    NEED (request != NULL);
    set_int (req, ZMQ_LINGER, -1);
    set_int (req, ZMQ_RCVTIMEO, 300);
    bind_any (req, world->transport, endpoint);
    /* A large one is in its way, so that the request has to wait. */
    NEED (zmq_connect (router, endpoint) == 0);
    settle ();
    for (int part = 0; part < 5; part++)
        NEED (zmq_send (req, request, COUNT * sizeof body, part < 4 ? ZMQ_SNDMORE : 0) != -1);
    SHOW (zmq_unbind (req, endpoint));
    settle ();
    SHOW (zmq_recv (req, body, sizeof body, 0));
    join_pair (req, rep, world->transport);
    settle ();
    SHOW (zmq_send (req, "another", 7, ZMQ_DONTWAIT));
    set_int (req, ZMQ_LINGER, 0);
    end_socket (req);
    end_socket (router);
    end_socket (rep);
    free (request);
}

static void disconnected (const struct world *world, int immediate)
{
    char endpoint[256];
    line ("-- zmq_disconnect, and then zmq_send%s", immediate ? ", IMMEDIATE" : "");
    void *push = sender (world, ZMQ_PUSH), *pull = peer (world, ZMQ_PULL);
    set_int (push, ZMQ_LINGER, -1);
    set_int (push, ZMQ_IMMEDIATE, immediate);
    bind_any (pull, world->transport, endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    settle ();
    send_much (push, NULL);
    SHOW (zmq_disconnect (push, endpoint));
    settle ();
    SHOW (zmq_send (push, "late", 4, ZMQ_DONTWAIT));
    read_much (pull);
    SHOW (zmq_send (push, "late", 4, ZMQ_DONTWAIT));
    take_all ("pull", pull);
    set_int (push, ZMQ_LINGER, 0);
    end_socket (push);
    end_socket (pull);
}

/* The connection breaks when nothing would be sent again: there is nothing to connect for. */
static void broken_after_all (const struct world *world)
{
    char endpoint[256];
    line ("-- zmq_disconnect, IMMEDIATE, and the peer goes");
    void *context = new_context (), *pull = peer (world, ZMQ_PULL);
    void *push = sender (&(struct world){context, NULL, NULL}, ZMQ_PUSH);
    set_int (push, ZMQ_LINGER, -1);
    set_int (push, ZMQ_IMMEDIATE, 1);
    bind_any (pull, world->transport, endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    settle ();
    send_much (push, NULL);
    NEED (zmq_disconnect (push, endpoint) == 0);
    settle ();
    end_socket (pull);
    settle ();
    pull = new_socket (world->others, ZMQ_PULL);
    NEED (zmq_bind (pull, endpoint) == 0);
    set_int (pull, ZMQ_RCVTIMEO, 300);
    SHOW (zmq_recv (pull, body, sizeof body, 0));
    end_socket (push);
    const long started = milliseconds ();
    end_context (context);
    line ("term returned %s", milliseconds () - started < 1000 ? "at once" : "late");
    end_socket (pull);
}

/* Over inproc: what a peer that has gone left behind is read though the socket disconnects, and then what the next one says. */
static void left_behind (int type, int peer_type, int comes_back)
{
    void *context = new_context (), *socket = new_socket (context, type), *peer = new_socket (context, peer_type), *next = NULL;
    const char *endpoint = fresh_name ("inproc");
    line ("-- left behind, %d to %d%s", peer_type, type, comes_back ? ", and another comes" : "");
    NEED (zmq_bind (peer, endpoint) == 0 && zmq_connect (socket, endpoint) == 0);
    if (type == ZMQ_SUB)
        NEED (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "", 0) == 0);
    settle ();
    (void) get_int (peer, ZMQ_EVENTS);
    NEED (send_parts (peer, "one", "two", NULL) == 0 && send_parts (peer, "three", NULL) == 0);
    NEED (send_parts (peer, "four", "five", NULL) == 0);
    take ("socket", socket, 0);
    end_socket (peer);
    rest (100);
    NEED (zmq_disconnect (socket, endpoint) == 0);
    if (comes_back) {
        next = new_socket (context, peer_type);
        NEED (zmq_bind (next, endpoint) == 0 && zmq_connect (socket, endpoint) == 0);
        settle ();
        (void) get_int (next, ZMQ_EVENTS);
    }
    take ("socket", socket, ZMQ_DONTWAIT);
    take ("socket", socket, ZMQ_DONTWAIT);
    if (next) {
        (void) get_int (socket, ZMQ_EVENTS);
        NEED (send_parts (next, "six", NULL) == 0);
        take ("socket", socket, 0);
        end_socket (next);
    }
    else
        take ("socket", socket, ZMQ_DONTWAIT);
    end_socket (socket);
    end_context (context);
}

int main (void)
{
    for (int i = 1; i < TRANSPORT_COUNT; i++) {
        struct world world = {new_context (), new_context (), TRANSPORTS[i]};
        line ("---- over %s", world.transport);
        later_messages_go_to_others (&world);
        closing_is_not_held_up (&world);
        nothing_more_is_taken (&world);
        nothing_more_comes (&world, 0);
        nothing_more_comes (&world, 2);
        a_router_knows_nobody (&world);
        a_pair_takes_another (&world);
        an_xpub_forgets_what_was_wanted (&world);
        a_req_waits_for_its_answer (&world);
        disconnected (&world, 0);
        disconnected (&world, 1);
        broken_after_all (&world);
        end_context (world.context);
        end_context (world.others);
    }
    static const int PAIRS[][2] = {{ZMQ_PULL, ZMQ_PUSH}, {ZMQ_DEALER, ZMQ_DEALER}, {ZMQ_PAIR, ZMQ_PAIR}, {ZMQ_SUB, ZMQ_PUB}};
    for (int i = 0; i < 4; i++)
        /* A PAIR of libzmq refuses the next one. */
        for (int comes_back = 0; comes_back < (PAIRS[i][0] == ZMQ_PAIR ? 1 : 2); comes_back++)
            left_behind (PAIRS[i][0], PAIRS[i][1], comes_back);
    return 0;
}
