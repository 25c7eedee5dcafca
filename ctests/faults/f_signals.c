/* Signals while a thread is in any of the calls: those that wait say EINTR, the others do their work, and no message is lost.
   Called by ctests/faults/run. */
#define ZMQ_BUILD_DRAFT_API
#include "faults.h"

#include <signal.h>
#include <sys/time.h>

static volatile int caught;

static void handler (int number)
{
    (void) number;
    caught++;
}

static pthread_t victim;
static volatile int waiting, returned;

/* Signals the thread until its call has come back: it may not have begun when the first one comes. */
static void *pester (void *unused)
{
    (void) unused;
    rest (20);
    while (!returned) {
        pthread_kill (victim, SIGUSR1);
        rest (3);
    }
    return NULL;
}

static void *context, *pull, *push, *full;

static int call (int which)
{
    char byte;
    zmq_pollitem_t item = {pull, 0, ZMQ_POLLIN, 0};
    zmq_poller_event_t event;
    switch (which) {
        case 0: return zmq_recv (pull, &byte, 1, 0);
        case 1: return zmq_send (full, "x", 1, 0);
        case 2: return zmq_poll (&item, 1, -1);
        case 3: {
            void *poller = zmq_poller_new ();
            NEED (zmq_poller_add (poller, pull, NULL, ZMQ_POLLIN) == 0);
            int result = zmq_poller_wait (poller, &event, -1), error = errno;
            zmq_poller_destroy (&poller);
            errno = error;
            return result;
        }
        case 4: return zmq_proxy (pull, push, NULL);
        case 5: {
            void *other = zmq_ctx_new (), *socket = zmq_socket (other, ZMQ_PAIR);
            int result = zmq_ctx_term (other), error = errno;
            zmq_close (socket);
            NEED (zmq_ctx_term (other) == 0);
            errno = error;
            return result;
        }
        default: {
            zmq_msg_t message;
            zmq_msg_init (&message);
            return zmq_msg_recv (&message, pull, 0);
        }
    }
}

static void interrupted (int restart)
{
    static const char *const names[] = {"zmq_recv", "zmq_send", "zmq_poll", "zmq_poller_wait", "zmq_proxy", "zmq_ctx_term", "zmq_msg_recv"};
    struct sigaction action = {.sa_handler = handler, .sa_flags = restart ? SA_RESTART : 0};
    NEED (sigaction (SIGUSR1, &action, NULL) == 0);
    for (int which = 0; which < 7; which++) {
        pthread_t other;
        returned = 0;
        NEED (pthread_create (&other, NULL, pester, NULL) == 0);
        long start = milliseconds ();
        int result = call (which), error = zmq_errno ();
        returned = 1;
        pthread_join (other, NULL);
        CHECK (result == -1 && error == EINTR && milliseconds () - start < PATIENCE, "%s says %d, %s", names[which], result, errno_name (error));
        line ("%s%s: EINTR", names[which], restart ? " with SA_RESTART" : "");
    }
}

#define MESSAGES 20000

static void *sends (void *socket)
{
    for (unsigned i = 0; i < MESSAGES; i++)
        while (zmq_send (socket, &i, sizeof i, 0) == -1)
            CHECK (zmq_errno () == EINTR, "sending says %s", errno_name (zmq_errno ()));
    return NULL;
}

/* A storm of signals to whatever thread the kernel chooses: never one of the library's. */
static void storm (const char *transport)
{
    char endpoint[256];
    struct itimerval often = {{0, 150}, {0, 150}}, never = {{0, 0}, {0, 0}};
    struct sigaction action = {.sa_handler = handler};
    NEED (sigaction (SIGALRM, &action, NULL) == 0);
    caught = 0;
    NEED (setitimer (ITIMER_REAL, &often, NULL) == 0);
    void *in = new_socket (context, ZMQ_PULL), *out = new_socket (context, ZMQ_PUSH);
    set_int (in, ZMQ_RCVTIMEO, PATIENCE);
    set_int (out, ZMQ_SNDTIMEO, PATIENCE);
    bind_any (in, transport, endpoint);
    NEED (zmq_connect (out, endpoint) == 0);
    pthread_t sender;
    NEED (pthread_create (&sender, NULL, sends, out) == 0);
    for (unsigned i = 0; i < MESSAGES; i++) {
        unsigned got = 0;
        while (zmq_recv (in, &got, sizeof got, 0) == -1)
            CHECK (zmq_errno () == EINTR, "receiving says %s", errno_name (zmq_errno ()));
        CHECK (got == i, "%u comes instead of %u", got, i);
    }
    pthread_join (sender, NULL);
    for (int i = 0; i < 50; i++) {
        NEED (zmq_disconnect (out, endpoint) == 0 && zmq_unbind (in, endpoint) == 0);
        bind_any (in, transport, endpoint);
        NEED (zmq_connect (out, endpoint) == 0);
    }
    end_socket (in);
    end_socket (out);
    NEED (setitimer (ITIMER_REAL, &never, NULL) == 0);
    CHECK (caught >= 5, "only %d signals", caught);
    line ("%s: every message comes, in order, and every other call does its work", transport);
}

int main (void)
{
    char endpoint[256];
    victim = pthread_self ();
    context = new_context ();
    pull = zmq_socket (context, ZMQ_PULL), push = zmq_socket (context, ZMQ_PUSH), full = zmq_socket (context, ZMQ_PUSH);
    bind_any (pull, "tcp", endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    for (int i = 0; i < 3; i++)
        set_int (i == 0 ? pull : i == 1 ? push : full, ZMQ_LINGER, 0);
    interrupted (0);
    interrupted (1);
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        storm (TRANSPORTS[i]);
    end_socket (pull);
    end_socket (push);
    end_socket (full);
    end_context (context);
    return 0;
}
