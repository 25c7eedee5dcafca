/* zmq_ctx_term and zmq_ctx_shutdown with threads blocked in send, recv, poll and proxy: ETERM. Called by ctests/run. */
#include "common.h"

enum work { RECEIVING, SENDING, POLLING, PROXYING, WORK_COUNT };
static const char *const WORK[] = {"recv", "send", "poll", "proxy"};

struct job
{
    void *context;
    enum work work;
    int result, code, after, after_code;
};

static void *blocked (void *argument)
{
    struct job *job = argument;
    char buffer[8];
    void *socket = zmq_socket (job->context, job->work == SENDING ? ZMQ_PUSH : ZMQ_DEALER), *second = NULL;
    NEED (socket != NULL);
    set_int (socket, ZMQ_LINGER, 0);
    zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};
    errno = 0;
    switch (job->work) {
        case RECEIVING: job->result = zmq_recv (socket, buffer, sizeof buffer, 0); break;
        case SENDING: job->result = zmq_send (socket, "x", 1, 0); break;
        case POLLING: job->result = zmq_poll (&item, 1, -1); break;
        default:
            second = zmq_socket (job->context, ZMQ_DEALER);
            NEED (second != NULL);
            set_int (second, ZMQ_LINGER, 0);
            job->result = zmq_proxy (socket, second, NULL);
    }
    job->code = zmq_errno ();
    job->after = zmq_send (socket, "x", 1, ZMQ_DONTWAIT);
    job->after_code = zmq_errno ();
    if (second)
        NEED (zmq_close (second) == 0);
    NEED (zmq_close (socket) == 0);
    return NULL;
}

static void interrupted_by (int (*end) (void *), const char *name)
{
    void *context = new_context ();
    struct job jobs[WORK_COUNT];
    pthread_t threads[WORK_COUNT];
    for (int i = 0; i < WORK_COUNT; i++) {
        jobs[i] = (struct job){context, (enum work) i, 0, 0, 0, 0};
        NEED (pthread_create (&threads[i], NULL, blocked, &jobs[i]) == 0);
    }
    settle ();
    line ("-- %s -> %d", name, end (context));
    for (int i = 0; i < WORK_COUNT; i++) {
        pthread_join (threads[i], NULL);
        line ("%s: %d %s, then send: %d %s", WORK[i], jobs[i].result, errno_name (jobs[i].code), jobs[i].after, errno_name (jobs[i].after_code));
    }
    if (end != zmq_ctx_term) {
        SHOW_POINTER (zmq_socket (context, ZMQ_REQ));
        SHOW (zmq_ctx_shutdown (context));
        SHOW (zmq_ctx_get (context, ZMQ_IO_THREADS));
        SHOW (zmq_ctx_term (context));
    }
}

static void every_call_after_shutdown (void)
{
    char buffer[8];
    int value = 0;
    size_t size = sizeof value;
    line ("-- calls on a socket after shutdown");
    void *context = new_context ();
    void *socket = new_socket (context, ZMQ_DEALER);
    NEED (zmq_bind (socket, "inproc://x") == 0);
    zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};
    SHOW (zmq_ctx_shutdown (context));
    SHOW (zmq_send (socket, "x", 1, ZMQ_DONTWAIT));
    SHOW (zmq_recv (socket, buffer, sizeof buffer, ZMQ_DONTWAIT));
    SHOW (zmq_bind (socket, "inproc://y"));
    SHOW (zmq_connect (socket, "inproc://x"));
    SHOW (zmq_unbind (socket, "inproc://x"));
    SHOW (zmq_disconnect (socket, "inproc://x"));
    SHOW (zmq_setsockopt (socket, ZMQ_LINGER, &value, sizeof value));
    SHOW (zmq_getsockopt (socket, ZMQ_TYPE, &value, &size));
    SHOW (zmq_getsockopt (socket, ZMQ_EVENTS, &value, &size));
    SHOW (zmq_poll (&item, 1, 100));
    SHOW (zmq_socket_monitor (socket, "inproc://m", ZMQ_EVENT_ALL));
    SHOW (zmq_close (socket));
    SHOW (zmq_ctx_term (context));
}

/* Who is about to close a socket may set its options until a call on it has met the end of the context. */
static void options_after_shutdown (void)
{
    int value = 0;
    size_t size = sizeof value;
    line ("-- options of a socket after shutdown");
    void *context = new_context (), *sub = new_socket (context, ZMQ_SUB);
    SHOW (zmq_socket_monitor (sub, "inproc://m", ZMQ_EVENT_ALL));
    SHOW (zmq_ctx_shutdown (context));
    SHOW (zmq_setsockopt (sub, ZMQ_LINGER, &value, sizeof value));
    SHOW (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "x", 1));
    SHOW (zmq_getsockopt (sub, ZMQ_TYPE, &value, &size));
    SHOW (zmq_socket_monitor (sub, NULL, 0));
    SHOW (zmq_getsockopt (sub, ZMQ_EVENTS, &value, &size));
    SHOW (zmq_setsockopt (sub, ZMQ_LINGER, &value, sizeof value));
    SHOW (zmq_getsockopt (sub, ZMQ_TYPE, &value, &size));
    SHOW (zmq_socket_monitor (sub, NULL, 0));
    SHOW (zmq_close (sub));
    SHOW (zmq_ctx_term (context));
}

static void *terminates (void *context)
{
    NEED (zmq_ctx_term (context) == 0);
    return NULL;
}

/* What would be sent to nobody for ever is given up by the thread that closes, though another one ends the context. */
static void linger_during_term (void)
{
    pthread_t thread;
    void *context = new_context (), *push = zmq_socket (context, ZMQ_PUSH);
    NEED (zmq_connect (push, "ipc:///nosuch/folder/of/sockets") == 0 && zmq_send (push, "x", 1, 0) == 1);
    NEED (pthread_create (&thread, NULL, terminates, context) == 0);
    rest (100);
    set_int (push, ZMQ_LINGER, 0);
    NEED (zmq_close (push) == 0);
    pthread_join (thread, NULL);
    line ("term ended");
}

static void *closes_later (void *socket)
{
    rest (200);
    NEED (zmq_close (socket) == 0);
    return NULL;
}

static void term_waits (void)
{
    pthread_t thread;
    void *context = new_context ();
    void *socket = new_socket (context, ZMQ_PUB);
    NEED (pthread_create (&thread, NULL, closes_later, socket) == 0);
    long started = milliseconds ();
    SHOW (zmq_ctx_term (context));
    line ("term waited for the socket: %d", milliseconds () - started >= 150);
    pthread_join (thread, NULL);
}

int main (void)
{
    interrupted_by (zmq_ctx_shutdown, "zmq_ctx_shutdown");
    interrupted_by (zmq_ctx_term, "zmq_ctx_term");
    every_call_after_shutdown ();
    options_after_shutdown ();
    linger_during_term ();
    term_waits ();
    for (int i = 0; i < 50; i++) {
        void *context = new_context ();
        void *a = zmq_socket (context, ZMQ_PUSH), *b = zmq_socket (context, ZMQ_PULL);
        NEED (zmq_bind (b, "tcp://127.0.0.1:*") == 0 && zmq_connect (a, "inproc://nobody") == 0);
        NEED (zmq_close (a) == 0 && zmq_close (b) == 0);
        NEED (zmq_ctx_term (context) == 0);
    }
    line ("fifty contexts came and went");
    return 0;
}
