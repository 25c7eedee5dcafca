/* Sockets that move between threads, many sockets in many threads, sockets made and closed at once. Called by ctests/run. */
#include "common.h"
#include <limits.h>

static void *context;

struct baton
{
    void *socket;
    int number;
};

static void *one_step (void *argument)
{
    struct baton *baton = argument;
    char text[16];
    snprintf (text, sizeof text, "step %d", baton->number);
    send_parts (baton->socket, text, NULL);
    return NULL;
}

static void migrates (const char *transport)
{
    line ("-- a socket used by one thread after the other, %s", transport);
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    join_pair (pull, push, transport);
    for (int i = 0; i < 8; i++) {
        pthread_t thread;
        struct baton baton = {push, i};
        NEED (pthread_create (&thread, NULL, one_step, &baton) == 0);
        pthread_join (thread, NULL);
        take ("pull", pull, 0);
    }
    end_socket (push);
    end_socket (pull);
}

#define WORKERS 8
#define JOBS 4000

static void *work (void *endpoint)
{
    void *socket = new_socket (context, ZMQ_REP);
    NEED (zmq_connect (socket, endpoint) == 0);
    for (;;) {
        char text[16] = "";
        if (zmq_recv (socket, text, sizeof text - 1, 0) == -1)
            continue;
        if (strcmp (text, "end") == 0) {
            NEED (zmq_send (socket, "bye", 3, 0) == 3);
            break;
        }
        snprintf (text, sizeof text, "%d", atoi (text) * 3);
        NEED (zmq_send (socket, text, strlen (text), 0) != -1);
    }
    set_int (socket, ZMQ_LINGER, 2000);
    end_socket (socket);
    return NULL;
}

static void pool (const char *transport)
{
    char endpoint[256];
    pthread_t threads[WORKERS];
    void *dealer = new_socket (context, ZMQ_DEALER);
    bind_any (dealer, transport, endpoint);
    for (int i = 0; i < WORKERS; i++)
        NEED (pthread_create (&threads[i], NULL, work, endpoint) == 0);
    settle ();
    long sum = 0;
    int asked = 0;
    for (int answered = 0; answered < JOBS; answered++) {
        while (asked < JOBS && asked < answered + 100) {
            char text[16];
            snprintf (text, sizeof text, "%d", asked++);
            NEED (zmq_send (dealer, "", 0, ZMQ_SNDMORE) == 0);
            NEED (zmq_send (dealer, text, strlen (text), 0) != -1);
        }
        char text[16] = "";
        NEED (zmq_recv (dealer, text, sizeof text, 0) == 0);
        NEED (zmq_recv (dealer, text, sizeof text - 1, 0) > 0);
        sum += atol (text);
    }
    for (int i = 0; i < WORKERS; i++) {
        NEED (zmq_send (dealer, "", 0, ZMQ_SNDMORE) == 0);
        NEED (zmq_send (dealer, "end", 3, 0) == 3);
    }
    for (int i = 0; i < WORKERS; i++)
        pthread_join (threads[i], NULL);
    line ("-- %d jobs by %d threads over %s: %s", JOBS, WORKERS, transport, sum == 3L * JOBS * (JOBS - 1) / 2 ? "right" : "wrong");
    end_socket (dealer);
}

static void *come_and_go (void *endpoint)
{
    for (int i = 0; i < 30; i++) {
        void *push = new_socket (context, ZMQ_PUSH);
        set_int (push, ZMQ_LINGER, -1);
        NEED (zmq_connect (push, endpoint) == 0);
        NEED (zmq_send (push, "short visit", 11, 0) == 11);
        end_socket (push);
    }
    return NULL;
}

static void visitors (const char *transport)
{
    char endpoint[256], buffer[16];
    pthread_t threads[6];
    void *pull = new_socket (context, ZMQ_PULL);
    bind_any (pull, transport, endpoint);
    for (int i = 0; i < 6; i++)
        NEED (pthread_create (&threads[i], NULL, come_and_go, endpoint) == 0);
    int count = 0;
    while (count < 180 && zmq_recv (pull, buffer, sizeof buffer, 0) == 11)
        count++;
    for (int i = 0; i < 6; i++)
        pthread_join (threads[i], NULL);
    line ("-- %d of 180 short visits over %s", count, transport);
    end_socket (pull);
}

static void *on_little (void *transport)
{
    void *rep = new_socket (context, ZMQ_REP), *req = new_socket (context, ZMQ_REQ);
    join_pair (rep, req, transport);
    for (int i = 0; i < 40; i++) {
        char buffer[8];
        zmq_pollitem_t item = {req, 0, ZMQ_POLLIN, 0};
        NEED (zmq_send (req, "ask", 3, 0) == 3 && zmq_recv (rep, buffer, sizeof buffer, 0) == 3);
        NEED (zmq_send (rep, "answer", 6, 0) == 6 && zmq_poll (&item, 1, -1) == 1 && zmq_recv (req, buffer, sizeof buffer, 0) == 6);
    }
    end_socket (req);
    end_socket (rep);
    return transport;
}

/* The least stack that the system gives. What the library keeps for each thread must not take it. This is for a library that
   was built as it is installed (`make`): without optimisation (`cargo build`) it wants 28 KiB, and the thread dies here. */
static void small_stacks (char *transport)
{
    pthread_attr_t attributes;
    NEED (pthread_attr_init (&attributes) == 0 && pthread_attr_setstacksize (&attributes, PTHREAD_STACK_MIN) == 0);
    pthread_t thread;
    void *result = NULL;
    int error = pthread_create (&thread, &attributes, on_little, transport);
    if (error == 0)
        pthread_join (thread, &result);
    line ("-- 40 requests on the least stack, %s: %s", transport, error ? "no thread" : result ? "answered" : "not answered");
    pthread_attr_destroy (&attributes);
}

int main (void)
{
    context = new_context ();
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        small_stacks ((char *) TRANSPORTS[i]);
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        migrates (TRANSPORTS[i]);
        pool (TRANSPORTS[i]);
        visitors (TRANSPORTS[i]);
    }
    end_context (context);
    return 0;
}
