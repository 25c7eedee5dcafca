/* zmq_proxy, zmq_proxy_steerable and zmq_device between clients and workers, with capture. Called by ctests/run. */
#include "common.h"

struct proxy
{
    void *context, *front, *back, *capture, *control;
    int result, code;
};

static void *run_proxy (void *argument)
{
    struct proxy *proxy = argument;
    if (proxy->control)
        proxy->result = zmq_proxy_steerable (proxy->front, proxy->back, proxy->capture, proxy->control);
    else
        proxy->result = zmq_proxy (proxy->front, proxy->back, proxy->capture);
    proxy->code = zmq_errno ();
    end_socket (proxy->front);
    end_socket (proxy->back);
    if (proxy->capture)
        end_socket (proxy->capture);
    if (proxy->control)
        end_socket (proxy->control);
    return NULL;
}

static void queue (const char *transport)
{
    char front[256], back[256], captured[256];
    pthread_t thread;
    line ("-- a queue over %s", transport);
    struct proxy proxy = {.context = new_context ()};
    void *context = new_context ();
    void *inside = strcmp (transport, "inproc") == 0 ? proxy.context : context;
    proxy.front = new_socket (proxy.context, ZMQ_ROUTER);
    proxy.back = new_socket (proxy.context, ZMQ_DEALER);
    proxy.capture = new_socket (proxy.context, ZMQ_PUSH);
    bind_any (proxy.front, transport, front);
    bind_any (proxy.back, transport, back);
    bind_any (proxy.capture, transport, captured);
    void *req = new_socket (inside, ZMQ_REQ), *rep = new_socket (inside, ZMQ_REP), *watch = new_socket (inside, ZMQ_PULL);
    NEED (zmq_connect (req, front) == 0 && zmq_connect (rep, back) == 0 && zmq_connect (watch, captured) == 0);
    settle ();
    NEED (pthread_create (&thread, NULL, run_proxy, &proxy) == 0);
    for (int i = 0; i < 3; i++) {
        send_parts (req, "question", "part", NULL);
        take ("rep", rep, 0);
        send_parts (rep, "answer", NULL);
        take ("req", req, 0);
    }
    int parts = 0, bodies = 0;
    while (comes (watch, 200)) {
        char buffer[64];
        int size = zmq_recv (watch, buffer, sizeof buffer, 0);
        parts++;
        bodies += size == 8 || size == 6;
    }
    line ("captured %d parts, %d of them bodies", parts, bodies);
    end_socket (req);
    end_socket (rep);
    end_socket (watch);
    SHOW (zmq_ctx_shutdown (proxy.context));
    pthread_join (thread, NULL);
    line ("the proxy returned %d %s", proxy.result, errno_name (proxy.code));
    end_context (proxy.context);
    end_context (context);
}

static void forwarder (void)
{
    char front[256], back[256];
    pthread_t thread;
    line ("-- a forwarder");
    struct proxy proxy = {.context = new_context ()};
    void *context = new_context ();
    proxy.front = new_socket (proxy.context, ZMQ_XSUB);
    proxy.back = new_socket (proxy.context, ZMQ_XPUB);
    bind_any (proxy.front, "tcp", front);
    bind_any (proxy.back, "ipc", back);
    NEED (pthread_create (&thread, NULL, run_proxy, &proxy) == 0);
    void *pub = new_socket (context, ZMQ_PUB), *sub = new_socket (context, ZMQ_SUB);
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "yes", 3) == 0);
    NEED (zmq_connect (pub, front) == 0 && zmq_connect (sub, back) == 0);
    settle ();
    settle ();
    send_parts (pub, "yes", "1", NULL);
    send_parts (pub, "no", "2", NULL);
    send_parts (pub, "yes!", NULL);
    line ("%d came", take_all ("sub", sub));
    end_socket (pub);
    end_socket (sub);
    zmq_ctx_shutdown (proxy.context);
    pthread_join (thread, NULL);
    end_context (proxy.context);
    end_context (context);
}

static void steered (void)
{
    pthread_t thread;
    line ("-- steered: TERMINATE");
    struct proxy proxy = {.context = new_context ()};
    proxy.front = new_socket (proxy.context, ZMQ_PULL);
    proxy.back = new_socket (proxy.context, ZMQ_PUSH);
    proxy.control = new_socket (proxy.context, ZMQ_PAIR);
    void *control = new_socket (proxy.context, ZMQ_PAIR), *push = new_socket (proxy.context, ZMQ_PUSH), *pull = new_socket (proxy.context, ZMQ_PULL);
    join_pair (proxy.control, control, "inproc");
    join_pair (proxy.front, push, "tcp");
    join_pair (proxy.back, pull, "tcp");
    NEED (pthread_create (&thread, NULL, run_proxy, &proxy) == 0);
    send_parts (push, "through", NULL);
    take ("pull", pull, 0);
    send_parts (control, "TERMINATE", NULL);
    pthread_join (thread, NULL);
    line ("the proxy returned %d", proxy.result);
    end_socket (control);
    end_socket (push);
    end_socket (pull);
    end_context (proxy.context);
}

enum { FLOOD = 3000, NARROW = 8 };

static void *flood (void *publisher)
{
    char number[16];
    for (int i = 0; i < FLOOD; i++) {
        snprintf (number, sizeof number, "%d", i);
        send_parts (publisher, number, i % 3 ? NULL : "more", NULL);
    }
    return NULL;
}

/* How many parts of message `i` come in their order. */
static int takes (void *socket, int i)
{
    char buffer[32] = "", number[16];
    int parts = 0, more = 1;
    snprintf (number, sizeof number, "%d", i);
    for (size_t size = sizeof more; more; parts++) {
        NEED (zmq_recv (socket, buffer, sizeof buffer - 1, 0) != -1);
        NEED (zmq_getsockopt (socket, ZMQ_RCVMORE, &more, &size) == 0);
        NEED (parts > 0 || memcmp (buffer, number, strlen (number)) == 0);
    }
    return parts;
}

/* More than there is room for, in messages of one and two parts: nothing is lost, and everything is captured and counted. */
static void narrow (void)
{
    pthread_t thread, sender;
    line ("-- a narrow forwarder with capture");
    struct proxy proxy = {.context = new_context ()};
    void *sockets[] = {
      proxy.front = new_socket (proxy.context, ZMQ_XSUB),   proxy.back = new_socket (proxy.context, ZMQ_XPUB),
      proxy.capture = new_socket (proxy.context, ZMQ_PUSH), new_socket (proxy.context, ZMQ_XPUB),
      new_socket (proxy.context, ZMQ_SUB),                  new_socket (proxy.context, ZMQ_PULL)};
    void *pub = sockets[3], *sub = sockets[4], *watch = sockets[5], *control = new_socket (proxy.context, ZMQ_PAIR);
    proxy.control = new_socket (proxy.context, ZMQ_PAIR);
    for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++) {
        set_int (sockets[i], ZMQ_SNDHWM, NARROW);
        set_int (sockets[i], ZMQ_RCVHWM, NARROW);
        set_int (sockets[i], ZMQ_SNDTIMEO, 20000);
        set_int (sockets[i], ZMQ_RCVTIMEO, 20000);
    }
    set_int (proxy.back, ZMQ_XPUB_NODROP, 1);
    set_int (pub, ZMQ_XPUB_NODROP, 1);
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "", 0) == 0);
    join_pair (proxy.front, pub, "inproc");
    join_pair (proxy.back, sub, "inproc");
    join_pair (proxy.capture, watch, "inproc");
    join_pair (proxy.control, control, "inproc");
    NEED (pthread_create (&thread, NULL, run_proxy, &proxy) == 0);
    take ("pub", pub, 0);
    take ("captured", watch, 0);
    NEED (pthread_create (&sender, NULL, flood, pub) == 0);
    int captured = 0, came = 0;
    for (int i = 0; i < FLOOD; i++) {
        captured += takes (watch, i);
        came += takes (sub, i);
    }
    pthread_join (sender, NULL);
    line ("%d parts came, %d were captured", came, captured);
    send_parts (control, "STATISTICS", NULL);
    for (int i = 0; i < 8; i++) {
        uint64_t value;
        NEED (zmq_recv (control, &value, sizeof value, 0) == sizeof value);
        line ("statistics %d: %lu", i, (unsigned long) value);
    }
    send_parts (control, "TERMINATE", NULL);
    pthread_join (thread, NULL);
    line ("the proxy returned %d", proxy.result);
    end_socket (control);
    end_socket (pub);
    end_socket (sub);
    end_socket (watch);
    end_context (proxy.context);
}

int main (void)
{
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        queue (TRANSPORTS[i]);
    forwarder ();
    steered ();
    narrow ();
    return 0;
}
