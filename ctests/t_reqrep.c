/* REQ and REP: turns, parts, several servers, a lost server, relaxed and correlated requests. Called by ctests/run. */
#define ZMQ_BUILD_DRAFT_API 1
#include "common.h"

static void exchange (void *req, void *rep, const char *text)
{
    NEED (send_parts (req, text, "", "more", NULL) == 0);
    take ("rep", rep, 0);
    NEED (send_parts (rep, "answer", text, NULL) == 0);
    take ("req", req, 0);
}

static void over (void *context, const char *transport, int server_binds)
{
    line ("-- %s, %s binds", transport, server_binds ? "REP" : "REQ");
    void *rep = new_socket (context, ZMQ_REP), *req = new_socket (context, ZMQ_REQ);
    if (server_binds)
        join_pair (rep, req, transport);
    else
        join_pair (req, rep, transport);
    exchange (req, rep, "one");
    exchange (req, rep, "two");
    send_parts (req, "", NULL);
    take ("rep", rep, 0);
    send_parts (rep, "", NULL);
    take ("req", req, 0);
    end_socket (req);
    end_socket (rep);
}

static void several_servers (void *context, const char *transport)
{
    char endpoint[256], name[16];
    line ("-- three servers over %s", transport);
    void *req = new_socket (context, ZMQ_REQ), *reps[3];
    for (int i = 0; i < 3; i++) {
        reps[i] = new_socket (context, ZMQ_REP);
        snprintf (endpoint, sizeof endpoint, "inproc://server %d", i);
        if (strcmp (transport, "inproc") == 0)
            NEED (zmq_bind (reps[i], endpoint) == 0);
        else
            bind_any (reps[i], transport, endpoint);
        NEED (zmq_connect (req, endpoint) == 0);
        settle ();
    }
    for (int i = 0; i < 6; i++) {
        snprintf (name, sizeof name, "rep %d", i % 3);
        NEED (send_parts (req, "who", NULL) == 0);
        take (name, reps[i % 3], 0);
        NEED (send_parts (reps[i % 3], name, NULL) == 0);
        take ("req", req, 0);
    }
    for (int i = 0; i < 3; i++)
        end_socket (reps[i]);
    end_socket (req);
}

static void several_clients (void *context, const char *transport)
{
    char endpoint[256], text[16];
    line ("-- three clients over %s", transport);
    void *rep = new_socket (context, ZMQ_REP), *reqs[3];
    bind_any (rep, transport, endpoint);
    for (int i = 0; i < 3; i++) {
        reqs[i] = new_socket (context, ZMQ_REQ);
        NEED (zmq_connect (reqs[i], endpoint) == 0);
        snprintf (text, sizeof text, "client %d", i);
        send_parts (reqs[i], text, NULL);
        settle ();
    }
    for (int i = 0; i < 3; i++) {
        char buffer[16] = "";
        NEED (zmq_recv (rep, buffer, sizeof buffer - 1, 0) != -1);
        NEED (send_parts (rep, buffer, "served", NULL) == 0);
    }
    for (int i = 0; i < 3; i++) {
        snprintf (text, sizeof text, "req %d", i);
        take (text, reqs[i], 0);
        end_socket (reqs[i]);
    }
    end_socket (rep);
}

static void relaxed (void *context)
{
    line ("-- relaxed and correlated");
    void *rep = new_socket (context, ZMQ_REP), *req = new_socket (context, ZMQ_REQ);
    set_int (req, ZMQ_REQ_RELAXED, 1);
    set_int (req, ZMQ_REQ_CORRELATE, 1);
    join_pair (rep, req, "tcp");
    send_parts (req, "first", NULL);
    take ("rep", rep, 0);
    SHOW (zmq_send (req, "second", 6, 0));
    send_parts (rep, "answer to first", NULL);
    take ("rep", rep, 0);
    send_parts (rep, "answer to second", NULL);
    take ("req", req, 0);
    set_int (req, ZMQ_RCVTIMEO, 100);
    take ("req", req, 0);
    end_socket (req);
    end_socket (rep);
}

static void server_restarts (void *context)
{
    char endpoint[256];
    line ("-- the server goes and comes back");
    void *rep = new_socket (context, ZMQ_REP), *req = new_socket (context, ZMQ_REQ);
    bind_any (rep, "tcp", endpoint);
    NEED (zmq_connect (req, endpoint) == 0);
    exchange (req, rep, "before");
    end_socket (rep);
    settle ();
    rep = new_socket (context, ZMQ_REP);
    NEED (zmq_bind (rep, endpoint) == 0);
    exchange (req, rep, "after");
    end_socket (req);
    end_socket (rep);
}

/* What greets each peer has no empty frame in front, so a REQ sends it over inproc at most. */
static void greets (void *context, const char *transport)
{
    char endpoint[256];
    line ("-- a REQ that would greet its peers, %s", transport);
    void *router = new_socket (context, ZMQ_ROUTER), *req = new_socket (context, ZMQ_REQ);
    NEED (zmq_setsockopt (router, ZMQ_ROUTING_ID, "R", 1) == 0 && zmq_setsockopt (req, ZMQ_ROUTING_ID, "Q", 1) == 0);
    NEED (zmq_setsockopt (req, ZMQ_HELLO_MSG, "hello", 5) == 0);
    bind_any (router, transport, endpoint);
    NEED (zmq_connect (req, endpoint) == 0);
    send_parts (req, "request", NULL);
    set_int (router, ZMQ_RCVTIMEO, 300);
    while (take ("router", router, 0) != -1)
        ;
    end_socket (req);
    end_socket (router);
}

int main (void)
{
    void *context = new_context ();
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        over (context, TRANSPORTS[i], 1);
        over (context, TRANSPORTS[i], 0);
        several_servers (context, TRANSPORTS[i]);
        several_clients (context, TRANSPORTS[i]);
        greets (context, TRANSPORTS[i]);
    }
    relaxed (context);
    server_restarts (context);
    end_context (context);
    return 0;
}
