/* XPUB and XSUB: what a publisher sees of subscriptions, verbose and manual modes, messages upstream. Called by ctests/run. */
#include "common.h"

static void subscriptions (void *context, const char *transport)
{
    char endpoint[256];
    line ("-- %s", transport);
    void *xpub = new_socket (context, ZMQ_XPUB), *sub = new_socket (context, ZMQ_SUB), *xsub = new_socket (context, ZMQ_XSUB);
    bind_any (xpub, transport, endpoint);
    NEED (zmq_connect (sub, endpoint) == 0);
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "topic", 5) == 0);
    take ("xpub", xpub, 0);
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "topic", 5) == 0);
    NEED (zmq_connect (xsub, endpoint) == 0);
    NEED (zmq_send (xsub, "\1topic", 6, 0) == 6);
    take_all ("xpub", xpub);
    NEED (zmq_send (xsub, "\1other", 6, 0) == 6);
    take ("xpub", xpub, 0);
    send_parts (xpub, "topic of both", NULL);
    send_parts (xpub, "other", "of one", NULL);
    take_all ("sub", sub);
    take_all ("xsub", xsub);
    NEED (zmq_send (xsub, "\0topic", 6, 0) == 6);
    take_all ("xpub", xpub);
    NEED (zmq_send (xsub, "a message upstream", 18, 0) == 18);
    take ("xpub", xpub, 0);
    NEED (zmq_send (xsub, "\2odd", 4, 0) == 4);
    NEED (zmq_send (xsub, "", 0, 0) == 0);
    take_all ("xpub", xpub);
    end_socket (sub);
    take ("xpub", xpub, 0);
    end_socket (xsub);
    take ("xpub", xpub, 0);
    end_socket (xpub);
}

static void verbose (void *context)
{
    char endpoint[256];
    static const int modes[] = {0, ZMQ_XPUB_VERBOSE, ZMQ_XPUB_VERBOSER};
    for (int m = 0; m < 3; m++) {
        line ("-- %s", m == 0 ? "plain" : m == 1 ? "verbose" : "verboser");
        void *xpub = new_socket (context, ZMQ_XPUB), *one = new_socket (context, ZMQ_SUB), *two = new_socket (context, ZMQ_SUB);
        if (modes[m])
            set_int (xpub, modes[m], 1);
        bind_any (xpub, "inproc", endpoint);
        NEED (zmq_connect (one, endpoint) == 0 && zmq_connect (two, endpoint) == 0);
        NEED (zmq_setsockopt (one, ZMQ_SUBSCRIBE, "t", 1) == 0);
        take_all ("xpub", xpub);
        NEED (zmq_setsockopt (two, ZMQ_SUBSCRIBE, "t", 1) == 0);
        take_all ("xpub", xpub);
        NEED (zmq_setsockopt (one, ZMQ_UNSUBSCRIBE, "t", 1) == 0);
        take_all ("xpub", xpub);
        NEED (zmq_setsockopt (two, ZMQ_UNSUBSCRIBE, "t", 1) == 0);
        take_all ("xpub", xpub);
        end_socket (one);
        end_socket (two);
        end_socket (xpub);
    }
}

static void manual (void *context)
{
    line ("-- manual");
    void *xpub = new_socket (context, ZMQ_XPUB), *sub = new_socket (context, ZMQ_SUB);
    SHOW (zmq_setsockopt (xpub, ZMQ_SUBSCRIBE, "x", 1));
    set_int (xpub, ZMQ_XPUB_MANUAL, 1);
    join_pair (xpub, sub, "inproc");
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "A", 1) == 0);
    take ("xpub", xpub, 0);
    SHOW (zmq_setsockopt (xpub, ZMQ_SUBSCRIBE, "B", 1));
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "B", 1) == 0);
    take ("xpub", xpub, 0);
    send_parts (xpub, "A", NULL);
    send_parts (xpub, "B", NULL);
    take_all ("sub", sub);
    NEED (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "A", 1) == 0);
    take ("xpub", xpub, 0);
    SHOW (zmq_setsockopt (xpub, ZMQ_UNSUBSCRIBE, "B", 1));
    send_parts (xpub, "B", NULL);
    take_all ("sub", sub);
    end_socket (sub);
    end_socket (xpub);
}

static void welcome (void *context)
{
    line ("-- welcome message");
    void *xpub = new_socket (context, ZMQ_XPUB), *sub = new_socket (context, ZMQ_SUB);
    SHOW (zmq_setsockopt (xpub, ZMQ_XPUB_WELCOME_MSG, "W", 1));
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "W", 1) == 0);
    join_pair (xpub, sub, "tcp");
    take ("sub", sub, 0);
    take ("xpub", xpub, 0);
    end_socket (sub);
    end_socket (xpub);
}

int main (void)
{
    void *context = new_context ();
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        subscriptions (context, TRANSPORTS[i]);
    verbose (context);
    manual (context);
    welcome (context);
    end_context (context);
    return 0;
}
