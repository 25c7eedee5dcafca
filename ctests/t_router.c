/* ROUTER and DEALER: envelopes, routing ids, mandatory, handover, probes, unknown peers. Called by ctests/run. */
#include "common.h"

static void *dealer_named (void *context, const char *id, const char *endpoint)
{
    void *dealer = new_socket (context, ZMQ_DEALER);
    NEED (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, id, strlen (id)) == 0);
    NEED (zmq_connect (dealer, endpoint) == 0);
    return dealer;
}

static void over (void *context, const char *transport)
{
    char endpoint[256], id[256];
    size_t size = sizeof id;
    line ("-- %s", transport);
    void *router = new_socket (context, ZMQ_ROUTER);
    bind_any (router, transport, endpoint);
    void *one = dealer_named (context, "one", endpoint), *two = dealer_named (context, "two", endpoint);
    SHOW (zmq_getsockopt (one, ZMQ_ROUTING_ID, id, &size));
    line ("id '%.*s'", (int) size, id);
    send_parts (one, "", "hello", NULL);
    take ("router", router, 0);
    send_parts (two, "no delimiter", NULL);
    take ("router", router, 0);
    send_parts (router, "two", "a", "b", NULL);
    send_parts (router, "one", "", NULL);
    take ("two", two, 0);
    take ("one", one, 0);
    line ("to nobody");
    send_parts (router, "three", "lost", NULL);
    send_parts (router, "one", NULL);
    send_parts (router, "", "x", NULL);
    set_int (one, ZMQ_RCVTIMEO, 100);
    take ("one", one, 0);

    line ("mandatory");
    set_int (router, ZMQ_ROUTER_MANDATORY, 1);
    SHOW (zmq_send (router, "three", 5, ZMQ_SNDMORE));
    SHOW (zmq_send (router, "two", 3, ZMQ_SNDMORE));
    SHOW (zmq_send (router, "there", 5, 0));
    take ("two", two, 0);
    end_socket (two);
    settle ();
    SHOW (zmq_send (router, "two", 3, ZMQ_SNDMORE));

    line ("an anonymous peer");
    void *none = new_socket (context, ZMQ_DEALER);
    NEED (zmq_connect (none, endpoint) == 0);
    send_parts (none, "who am I", NULL);
    size = (size_t) zmq_recv (router, id, sizeof id, 0);
    line ("id of %zu bytes, first %d", size, id[0]);
    take ("router", router, 0);
    NEED (zmq_send (router, id, size, ZMQ_SNDMORE) == (int) size);
    send_parts (router, "you are", NULL);
    take ("none", none, 0);
    end_socket (none);
    end_socket (one);
    end_socket (router);
}

static void same_name (void *context, int handover)
{
    char endpoint[256];
    line ("-- two of the same name, handover %d", handover);
    void *router = new_socket (context, ZMQ_ROUTER);
    set_int (router, ZMQ_ROUTER_HANDOVER, handover);
    bind_any (router, "tcp", endpoint);
    void *first = dealer_named (context, "X", endpoint);
    send_parts (first, "from the first", NULL);
    take ("router", router, 0);
    void *second = dealer_named (context, "X", endpoint);
    settle ();
    send_parts (second, "from the second", NULL);
    set_int (router, ZMQ_RCVTIMEO, 300);
    take ("router", router, 0);
    send_parts (router, "X", "to X", NULL);
    set_int (first, ZMQ_RCVTIMEO, 200);
    set_int (second, ZMQ_RCVTIMEO, 200);
    take ("first", first, 0);
    take ("second", second, 0);
    end_socket (first);
    end_socket (second);
    end_socket (router);
}

/* What a worker sends before it goes is heard, although another run of it takes its name over. */
static void runs_again (void *context, const char *transport)
{
    char endpoint[256], body[16], got[16];
    void *router = new_socket (context, ZMQ_ROUTER);
    set_int (router, ZMQ_ROUTER_HANDOVER, 1);
    bind_any (router, transport, endpoint);
    for (int run = 0; run < 5; run++) {
        void *worker = dealer_named (context, "X", endpoint);
        set_int (worker, ZMQ_LINGER, -1);
        for (int i = 0; i < 10; i++) {
            snprintf (body, sizeof body, "%d.%d", run, i);
            send_parts (worker, body, NULL);
        }
        end_socket (worker);
        settle ();
    }
    set_int (router, ZMQ_RCVTIMEO, 300);
    int heard = 0, next[5] = {0};
    while (zmq_recv (router, got, sizeof got, 0) > 0) {
        int run, number, size = zmq_recv (router, got, sizeof got - 1, 0);
        NEED (size > 0);
        got[size] = 0;
        NEED (sscanf (got, "%d.%d", &run, &number) == 2 && run >= 0 && run < 5);
        heard += number == next[run]++;
    }
    line ("-- %d of 50 messages of a worker that ran five times, %s", heard, transport);
    end_socket (router);
}

static void handover_while_one_waits (void *context, const char *transport)
{
    char endpoint[256];
    line ("-- handover over %s while another peer waits for the name", transport);
    void *router = new_socket (context, ZMQ_ROUTER);
    bind_any (router, transport, endpoint);
    void *first = dealer_named (context, "X", endpoint);
    settle ();
    void *waiting = dealer_named (context, "X", endpoint);
    rest_using (router, 200);
    set_int (router, ZMQ_ROUTER_HANDOVER, 1);
    void *newest = dealer_named (context, "X", endpoint);
    rest_using (router, 200);
    send_parts (newest, "from the newest", NULL);
    take ("router", router, 0);
    send_parts (router, "X", "to the newest", NULL);
    take ("newest", newest, 0);
    end_socket (first);
    end_socket (waiting);
    end_socket (newest);
    end_socket (router);
}

/* Of two of one name that both live the later one has it for good: the former stays connected, unheard. */
static void both_live (void *context, const char *transport)
{
    char endpoint[256];
    line ("-- two of one name live on, %s", transport);
    void *router = new_socket (context, ZMQ_ROUTER);
    set_int (router, ZMQ_ROUTER_HANDOVER, 1);
    set_int (router, ZMQ_ROUTER_MANDATORY, 1);
    bind_any (router, transport, endpoint);
    void *first = dealer_named (context, "X", endpoint);
    send_parts (first, "from the first", NULL);
    take ("router", router, 0);
    void *second = dealer_named (context, "X", endpoint);
    for (int i = 0; i < 3; i++) {
        /* Longer than a lost connection takes to come back. */
        rest_using (router, 250);
        send_parts (second, "from the second", NULL);
        take ("router", router, 0);
        send_parts (router, "X", "to the second", NULL);
        take ("second", second, 0);
        /* Where it has no connection any more, it cannot even send. */
        static char large[100000];
        int sent = zmq_send (first, large, sizeof large, ZMQ_DONTWAIT);
        line ("the first %s", sent > 0 ? "sends" : "cannot send");
    }
    set_int (router, ZMQ_RCVTIMEO, 100);
    take ("router", router, 0);
    set_int (first, ZMQ_RCVTIMEO, 100);
    take ("first", first, 0);
    end_socket (second);
    settle ();
    line ("the second has gone");
    SHOW (zmq_send (router, "X", 1, ZMQ_SNDMORE));
    take ("router", router, 0);
    end_socket (first);
    end_socket (router);
}

static long resident (void)
{
    long total, pages = -1;
    FILE *file = fopen ("/proc/self/statm", "r");
    NEED (file && fscanf (file, "%ld %ld", &total, &pages) == 2);
    fclose (file);
    return pages * (sysconf (_SC_PAGESIZE) / 1024);
}

/* What somebody sends who is unheard is kept nowhere. */
static void unheard_is_not_kept (void *context)
{
    static char large[100000];
    char endpoint[256];
    void *router = new_socket (context, ZMQ_ROUTER), *dealers[2];
    set_int (router, ZMQ_ROUTER_HANDOVER, 1);
    bind_any (router, "tcp", endpoint);
    for (int i = 0; i < 2; i++) {
        dealers[i] = dealer_named (context, "X", endpoint);
        set_int (dealers[i], ZMQ_SNDHWM, 10);
        send_parts (dealers[i], "hello", NULL);
        take ("router", router, 0);
    }
    const long before = resident ();
    for (int i = 0, full = 0; i < 2000 && full < 200; i++)
        if (zmq_send (dealers[0], large, i % 5 ? sizeof large : 100, i % 7 < 3 ? ZMQ_DONTWAIT | ZMQ_SNDMORE : ZMQ_DONTWAIT) < 0) {
            rest_calmly (1);
            full++, i--;
        }
    line ("-- unheard: %s", resident () - before < 30000 ? "hardly anything is kept" : "all is kept");
    end_socket (dealers[0]);
    end_socket (dealers[1]);
    end_socket (router);
}

/* The same where ROUTER connects: who has lost the name is another peer when the connection is made anew. */
static void both_live_where_router_connects (void *context)
{
    char endpoints[2][256];
    line ("-- two of one name to which ROUTER connects");
    void *router = new_socket (context, ZMQ_ROUTER), *dealers[2];
    set_int (router, ZMQ_ROUTER_HANDOVER, 1);
    for (int i = 0; i < 2; i++) {
        dealers[i] = new_socket (context, ZMQ_DEALER);
        NEED (zmq_setsockopt (dealers[i], ZMQ_ROUTING_ID, "X", 1) == 0);
        bind_any (dealers[i], "tcp", endpoints[i]);
        NEED (zmq_connect (router, endpoints[i]) == 0);
        send_parts (dealers[i], i == 0 ? "from the first" : "from the second", NULL);
        take ("router", router, 0);
    }
    rest_using (router, 250);
    send_parts (router, "X", "to the second", NULL);
    take ("second", dealers[1], 0);
    end_socket (dealers[0]);
    dealers[0] = new_socket (context, ZMQ_DEALER);
    NEED (zmq_setsockopt (dealers[0], ZMQ_ROUTING_ID, "X", 1) == 0);
    while (zmq_bind (dealers[0], endpoints[0]) != 0) {
        /* A closed socket keeps its address for a moment. */
        NEED (errno == EADDRINUSE);
        rest_calmly (20);
    }
    send_parts (dealers[0], "from the first, back again", NULL);
    take ("router", router, 0);
    send_parts (router, "X", "to the first", NULL);
    take ("first", dealers[0], 0);
    end_socket (dealers[0]);
    end_socket (dealers[1]);
    end_socket (router);
}

static void probe (void *context)
{
    char endpoint[256];
    line ("-- probe");
    void *router = new_socket (context, ZMQ_ROUTER), *dealer = new_socket (context, ZMQ_DEALER);
    bind_any (router, "tcp", endpoint);
    set_int (dealer, ZMQ_PROBE_ROUTER, 1);
    NEED (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "prober", 6) == 0);
    NEED (zmq_connect (dealer, endpoint) == 0);
    take ("router", router, 0);
    send_parts (router, "prober", "seen", NULL);
    take ("dealer", dealer, 0);
    end_socket (dealer);
    end_socket (router);
}

static void router_to_router (void *context)
{
    char endpoint[256];
    line ("-- router to router by a chosen name");
    void *a = new_socket (context, ZMQ_ROUTER), *b = new_socket (context, ZMQ_ROUTER);
    NEED (zmq_setsockopt (a, ZMQ_ROUTING_ID, "A", 1) == 0);
    NEED (zmq_setsockopt (b, ZMQ_ROUTING_ID, "B", 1) == 0);
    bind_any (a, "tcp", endpoint);
    SHOW (zmq_setsockopt (b, ZMQ_CONNECT_ROUTING_ID, "that", 4));
    NEED (zmq_connect (b, endpoint) == 0);
    set_int (b, ZMQ_ROUTER_MANDATORY, 1);
    settle ();
    send_parts (b, "that", "hello", NULL);
    take ("a", a, 0);
    send_parts (a, "B", "hello back", NULL);
    take ("b", b, 0);
    end_socket (a);
    end_socket (b);
}

static void req_and_rep (void *context)
{
    char endpoint[256];
    line ("-- envelopes of REQ and REP");
    void *router = new_socket (context, ZMQ_ROUTER), *req = new_socket (context, ZMQ_REQ);
    bind_any (router, "inproc", endpoint);
    NEED (zmq_setsockopt (req, ZMQ_ROUTING_ID, "req", 3) == 0);
    NEED (zmq_connect (req, endpoint) == 0);
    send_parts (req, "question", NULL);
    take ("router", router, 0);
    send_parts (router, "req", "not delimited", NULL);
    send_parts (router, "req", "", "answer", NULL);
    take ("req", req, 0);

    void *dealer = new_socket (context, ZMQ_DEALER), *rep = new_socket (context, ZMQ_REP);
    bind_any (rep, "tcp", endpoint);
    NEED (zmq_connect (dealer, endpoint) == 0);
    send_parts (dealer, "without a delimiter", NULL);
    send_parts (dealer, "e1", "e2", "", "body", "rest", NULL);
    take ("rep", rep, 0);
    send_parts (rep, "done", NULL);
    take ("dealer", dealer, 0);
    end_socket (rep);
    end_socket (dealer);
    end_socket (req);
    end_socket (router);
}

/* A name for the next connection is not for one that zmq_connect was asked for before. */
static void chosen_name (void *context)
{
    char endpoint[2][256];
    line ("-- a name is chosen while another connection is made");
    void *router = new_socket (context, ZMQ_ROUTER), *dealer[2];
    set_int (router, ZMQ_ROUTER_MANDATORY, 1);
    for (int i = 0; i < 2; i++) {
        dealer[i] = new_socket (context, ZMQ_DEALER);
        NEED (zmq_setsockopt (dealer[i], ZMQ_ROUTING_ID, i ? "two" : "one", 3) == 0);
        bind_any (dealer[i], "tcp", endpoint[i]);
    }
    set_int (router, ZMQ_IMMEDIATE, 1);
    NEED (zmq_connect (router, endpoint[0]) == 0);
    NEED (zmq_setsockopt (router, ZMQ_CONNECT_ROUTING_ID, "next", 4) == 0);
    rest_using (router, 200);
    set_int (router, ZMQ_IMMEDIATE, 0);
    NEED (zmq_connect (router, endpoint[1]) == 0);
    rest_using (router, 200);
    send_parts (router, "next", "to the next", NULL);
    send_parts (router, "one", "to the first", NULL);
    send_parts (router, "two", "to nobody", NULL);
    take ("one", dealer[0], 0);
    take ("two", dealer[1], 0);
    for (int i = 0; i < 2; i++)
        end_socket (dealer[i]);
    end_socket (router);
}

int main (void)
{
    void *context = new_context ();
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        over (context, TRANSPORTS[i]);
    same_name (context, 0);
    same_name (context, 1);
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        runs_again (context, TRANSPORTS[i]);
        handover_while_one_waits (context, TRANSPORTS[i]);
        both_live (context, TRANSPORTS[i]);
    }
    unheard_is_not_kept (context);
    both_live_where_router_connects (context);
    chosen_name (context);
    probe (context);
    router_to_router (context);
    req_and_rep (context);
    end_context (context);
    return 0;
}
