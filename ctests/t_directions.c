/* Sending and receiving on socket types that cannot, or cannot now: ENOTSUP, EFSM, EAGAIN. Called by ctests/run. */
#include "common.h"

static const struct { int type; const char *name; } TYPES[] = {
    {ZMQ_PAIR, "PAIR"}, {ZMQ_PUB, "PUB"}, {ZMQ_SUB, "SUB"}, {ZMQ_REQ, "REQ"}, {ZMQ_REP, "REP"}, {ZMQ_DEALER, "DEALER"},
    {ZMQ_ROUTER, "ROUTER"}, {ZMQ_PULL, "PULL"}, {ZMQ_PUSH, "PUSH"}, {ZMQ_XPUB, "XPUB"}, {ZMQ_XSUB, "XSUB"},
};

static void alone (void *context, int type, const char *name)
{
    char buffer[16];
    line ("-- %s without a peer", name);
    void *socket = new_socket (context, type);
    SHOW (zmq_send (socket, "a", 1, ZMQ_DONTWAIT));
    SHOW (zmq_send (socket, "a", 1, ZMQ_DONTWAIT | ZMQ_SNDMORE));
    SHOW (zmq_recv (socket, buffer, sizeof buffer, ZMQ_DONTWAIT));
    line ("events %d", get_int (socket, ZMQ_EVENTS));
    end_socket (socket);
}

static void timeouts (void *context, int type, const char *name)
{
    char buffer[16];
    void *socket = new_socket (context, type);
    set_int (socket, ZMQ_RCVTIMEO, 80);
    set_int (socket, ZMQ_SNDTIMEO, 80);
    long started = milliseconds ();
    int result = zmq_recv (socket, buffer, sizeof buffer, 0);
    int code = result == -1 ? zmq_errno () : 0;
    long waited = milliseconds () - started;
    line ("-- %s recv: %d %s, waited %s", name, result, errno_name (code), waited < 40 ? "not" : waited < 1000 ? "80 ms" : "long");
    started = milliseconds ();
    result = zmq_send (socket, "a", 1, 0);
    code = result == -1 ? zmq_errno () : 0;
    waited = milliseconds () - started;
    line ("-- %s send: %d %s, waited %s", name, result, errno_name (code), waited < 40 ? "not" : waited < 1000 ? "80 ms" : "long");
    end_socket (socket);
}

static void request_reply_states (void *context)
{
    char buffer[16];
    line ("-- REQ and REP take turns");
    void *rep = new_socket (context, ZMQ_REP), *req = new_socket (context, ZMQ_REQ);
    join_pair (rep, req, "inproc");
    SHOW (zmq_recv (req, buffer, sizeof buffer, 0));
    SHOW (zmq_send (rep, "no", 2, 0));
    SHOW (zmq_send (req, "one", 3, ZMQ_SNDMORE));
    SHOW (zmq_recv (req, buffer, sizeof buffer, 0));
    SHOW (zmq_send (req, "two", 3, 0));
    SHOW (zmq_send (req, "three", 5, ZMQ_DONTWAIT));
    SHOW (zmq_recv (rep, buffer, sizeof buffer, 0));
    SHOW (zmq_send (rep, "early", 5, 0));
    SHOW (zmq_recv (rep, buffer, sizeof buffer, 0));
    SHOW (zmq_recv (rep, buffer, sizeof buffer, ZMQ_DONTWAIT));
    SHOW (zmq_send (rep, "answer", 6, 0));
    SHOW (zmq_send (rep, "again", 5, 0));
    SHOW (zmq_recv (req, buffer, sizeof buffer, 0));
    SHOW (zmq_recv (req, buffer, sizeof buffer, 0));
    SHOW (zmq_send (req, "next", 4, 0));
    take ("rep", rep, 0);
    end_socket (req);
    end_socket (rep);
}

int main (void)
{
    void *context = new_context ();
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        alone (context, TYPES[i].type, TYPES[i].name);
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        timeouts (context, TYPES[i].type, TYPES[i].name);
    request_reply_states (context);
    end_context (context);
    return 0;
}
