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

int main (void)
{
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        queue (TRANSPORTS[i]);
    forwarder ();
    steered ();
    return 0;
}
