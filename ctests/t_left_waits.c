/* Waits that were left and never finished: by siglongjmp(3), or because the thread was cancelled. Whoever waits in
   another way next, on the same socket, sleeps. Called by ctests/run. */
#define ZMQ_BUILD_DRAFT_API
#include "common.h"
#include "cancel.h"
#include <setjmp.h>
#include <signal.h>
#include <time.h>

static void *push, *pull;
static sigjmp_buf before;

static void leaves_by_jump (int number)
{
    (void) number;
    siglongjmp (before, 1);
}

static double processor_time (void)
{
    struct timespec time;
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void receives_soon (void)
{
    char text[16];
    set_int (pull, ZMQ_RCVTIMEO, 500);
    NEED (zmq_recv (pull, text, sizeof text, 0) == -1 && zmq_errno () == EAGAIN);
}

static void polls_soon (void)
{
    zmq_pollitem_t item = {pull, 0, ZMQ_POLLIN, 0};
    NEED (zmq_poll (&item, 1, 500) == 0);
}

static void waits_with_a_poller (void)
{
    zmq_poller_event_t event;
    void *poller = zmq_poller_new ();
    NEED (zmq_poller_add (poller, pull, NULL, ZMQ_POLLIN) == 0);
    NEED (zmq_poller_wait (poller, &event, 500) == -1 && zmq_errno () == EAGAIN);
    NEED (zmq_poller_destroy (&poller) == 0);
}

/* Something comes and is taken, and then nothing comes for half a second. */
static void is_calm (const char *name, void (*wait) (void))
{
    char text[16];
    send_parts (push, "text", NULL);
    while (zmq_recv (pull, text, sizeof text, ZMQ_DONTWAIT) != 4)
        usleep (1000);
    double start = processor_time ();
    wait ();
    double used = processor_time () - start;
    line ("-- %s: %s", name, used < 150 ? "sleeps" : "spins");
}

static void cleans_up_calmly (void *argument)
{
    (void) argument;
    is_calm ("cancelled in zmq_recv, zmq_poll to clean up", polls_soon);
}

static void receives_and_is_calm (struct job *job)
{
    pthread_cleanup_push (cleans_up_calmly, job);
    receives (job);
    pthread_cleanup_pop (0);
}

static void leaves_a_wait (const char *name, void (*act) (struct job *), void (*next) (void))
{
    void *own = new_context ();
    push = new_socket (own, ZMQ_PUSH);
    pull = new_socket (own, ZMQ_PULL);
    NEED (zmq_bind (pull, "inproc://left") == 0 && zmq_connect (push, "inproc://left") == 0);
    struct job job = {pull, NULL, act, 0};
    if (next == NULL)
        line ("-- %s: %d", name, is_cancelled (job, 50000));
    else {
        if (sigsetjmp (before, 1) == 0) {
            ualarm (50000, 0);
            act (&job);
        }
        is_calm (name, next);
    }
    end_socket (push);
    end_socket (pull);
    end_context (own);
}

#define CLIENTS 20
#define ROUNDS 200

static void *asks (void *argument)
{
    void **clients = argument;
    char text[16];
    for (int i = 0; i < ROUNDS; i++) {
        /* The server sleeps by then. */
        usleep (500);
        NEED (zmq_send (clients[i % CLIENTS], "ask", 3, 0) == 3 && zmq_recv (clients[i % CLIENTS], text, sizeof text, 0) == 6);
    }
    return NULL;
}

struct next
{
    const char *name;
    void (*wait) (void);
};

/* The same with so many connections that they are waited for together. What such a wait has begun stays with its thread. */
static void *among_many (void *argument)
{
    const struct next *next = argument;
    sigset_t alarm;
    NEED (sigemptyset (&alarm) == 0 && sigaddset (&alarm, SIGALRM) == 0 && pthread_sigmask (SIG_UNBLOCK, &alarm, NULL) == 0);
    char endpoint[256], id[16], text[16];
    void *own = new_context (), *clients[CLIENTS];
    pull = new_socket (own, ZMQ_ROUTER);
    bind_any (pull, "tcp", endpoint);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = new_socket (own, ZMQ_DEALER);
        NEED (zmq_connect (clients[i], endpoint) == 0);
    }
    push = clients[0];
    pthread_t thread;
    NEED (pthread_create (&thread, NULL, asks, clients) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        int size = zmq_recv (pull, id, sizeof id, 0);
        NEED (zmq_recv (pull, text, sizeof text, 0) == 3);
        NEED (zmq_send (pull, id, size, ZMQ_SNDMORE) == size && zmq_send (pull, "answer", 6, 0) == 6);
    }
    NEED (pthread_join (thread, NULL) == 0);
    struct job job = {pull, NULL, receives, 0};
    if (sigsetjmp (before, 1) == 0) {
        ualarm (50000, 0);
        receives (&job);
    }
    is_calm (next->name, next->wait);
    for (int i = 0; i < CLIENTS; i++)
        end_socket (clients[i]);
    end_socket (pull);
    end_context (own);
    return NULL;
}

int main (void)
{
    struct sigaction jump = {.sa_handler = leaves_by_jump};
    NEED (sigaction (SIGALRM, &jump, NULL) == 0);
    leaves_a_wait ("cancelled", receives_and_is_calm, NULL);
    leaves_a_wait ("from zmq_recv to zmq_poll", receives, polls_soon);
    leaves_a_wait ("from zmq_poll to zmq_recv", polls, receives_soon);
    leaves_a_wait ("from zmq_recv to zmq_poller_wait", receives, waits_with_a_poller);
    leaves_a_wait ("from zmq_poll to zmq_poller_wait", polls, waits_with_a_poller);
    struct next nexts[] = {
        {"among many, from zmq_recv to zmq_recv", receives_soon},
        {"among many, from zmq_recv to zmq_poll", polls_soon},
        {"among many, from zmq_recv to zmq_poller_wait", waits_with_a_poller},
    };
    sigset_t alarm;
    NEED (sigemptyset (&alarm) == 0 && sigaddset (&alarm, SIGALRM) == 0 && pthread_sigmask (SIG_BLOCK, &alarm, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        NEED (pthread_create (&thread, NULL, among_many, &nexts[i]) == 0 && pthread_join (thread, NULL) == 0);
    }
    return 0;
}
