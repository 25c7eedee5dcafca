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

int main (void)
{
    struct sigaction jump = {.sa_handler = leaves_by_jump};
    NEED (sigaction (SIGALRM, &jump, NULL) == 0);
    leaves_a_wait ("cancelled", receives_and_is_calm, NULL);
    leaves_a_wait ("from zmq_recv to zmq_poll", receives, polls_soon);
    leaves_a_wait ("from zmq_poll to zmq_recv", polls, receives_soon);
    leaves_a_wait ("from zmq_recv to zmq_poller_wait", receives, waits_with_a_poller);
    leaves_a_wait ("from zmq_poll to zmq_poller_wait", polls, waits_with_a_poller);
    return 0;
}
