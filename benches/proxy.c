/*
 * zmq_proxy between a PUSH and a PULL: three threads of one process, so that what is measured is mostly the proxy.
 *
 * Every message carries a sequence number; a lost or reordered one fails the run.
 */
#include "bench.h"

#include <pthread.h>

enum { SIZE = 16 };

struct stage
{
    void *from, *to;
    atomic_int *done;
};

static void *forward (void *argument)
{
    struct stage *stage = argument;
    REQUIRE (zmq_proxy (stage->from, stage->to, NULL) == -1);
    zmq_close (stage->from);
    zmq_close (stage->to);
    return NULL;
}

static void *push (void *argument)
{
    struct stage *stage = argument;
    char body[SIZE] = "";
    uint64_t sequence = 0;
    while (!atomic_load_explicit (stage->done, memory_order_relaxed)) {
        memcpy (body, &sequence, sizeof sequence);
        if (zmq_send (stage->to, body, SIZE, 0) == SIZE)
            sequence++;
        else
            REQUIRE (zmq_errno () == EAGAIN);
    }
    zmq_close (stage->to);
    return NULL;
}

int measure_proxy (struct run *run)
{
    char endpoint[256];
    pthread_t proxy, pusher;
    atomic_int done = 0;
    void *context = zmq_ctx_new ();
    REQUIRE (context != NULL);
    struct stage middle = {open_socket (context, ZMQ_PULL), open_socket (context, ZMQ_PUSH), &done};
    struct stage first = {NULL, open_socket (context, ZMQ_PUSH), &done};
    void *socket = open_socket (context, ZMQ_PULL);
    set_int (first.to, ZMQ_SNDTIMEO, 100);
    bind_somewhere (middle.from, run->argv[0], endpoint);
    REQUIRE (zmq_connect (first.to, endpoint) == 0);
    if (strcmp (run->argv[0], "inproc") == 0)
        REQUIRE (zmq_bind (socket, strcpy (endpoint, "inproc://behind")) == 0);
    else
        bind_somewhere (socket, run->argv[0], endpoint);
    REQUIRE (zmq_connect (middle.to, endpoint) == 0);
    REQUIRE (pthread_create (&proxy, NULL, forward, &middle) == 0);
    REQUIRE (pthread_create (&pusher, NULL, push, &first) == 0);

    const double warm = now () + run->seconds * 0.15;
    double started = 0, ended = 0;
    uint64_t sequence = 0, begin = 0;
    do {
        char body[SIZE];
        uint64_t found;
        REQUIRE (zmq_recv (socket, body, SIZE, 0) == SIZE);
        memcpy (&found, body, sizeof found);
        REQUIRE (found == sequence);
        if (++sequence % 256 != 0)
            continue;
        ended = now ();
        if (started == 0 && ended > warm) {
            started = ended;
            begin = sequence;
        }
    } while (started == 0 || ended - started < run->seconds);
    printf ("proxy %.1f\n", (double) (sequence - begin) / (ended - started));

    atomic_store (&done, 1);
    pthread_join (pusher, NULL);
    zmq_close (socket);
    zmq_ctx_shutdown (context);
    pthread_join (proxy, NULL);
    zmq_ctx_term (context);
    return 0;
}
