/*
 * Random calls of the whole C interface with random arguments, by several threads at once: good handles, closed ones, handles
 * of another kind, null, sizes that nobody has. `abuse SECONDS [SEED]`, or `abuse - SEED` for one child alone; started by
 * `make abuse`. Each seed is a child process; it must neither die nor hang, no call may answer ENOTRECOVERABLE, which
 * would be a panic, and at the end all contexts end. Which calls there are is in calls.c.
 */
#define _GNU_SOURCE
#include "abuse.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long a child may take; it needs a fraction of a second. */
#define STUCK_MS 60000
/* Children at a time. */
#define SIDE_BY_SIDE 3

struct hands hands;
static struct abuser abusers[THREADS];
static uint64_t seed;

void fail (struct abuser *me, const char *what)
{
    printf ("FAIL seed %llu: %s: %s\n", (unsigned long long) seed, me->call, what);
    fflush (stdout);
    _exit (1);
}

static long now_ms (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

static void *abuse (void *argument)
{
    struct abuser *me = argument;
    for (int at = 0; at < MESSAGES; at++)
        zmq_msg_init (&me->messages[at]);
    for (int call = 0; call < CALLS; call++)
        call_anything (me);
    for (int at = 0; at < MESSAGES; at++)
        zmq_msg_close (&me->messages[at]);
    return NULL;
}

/* A call that ends with its context only. */
static void *wait_for_ever (void *argument)
{
    struct abuser *me = argument;
    void *one = hands.sockets[below (me, SOCKETS)], *two = hands.sockets[below (me, SOCKETS)];
    void *three = below (me, 2) ? hands.sockets[below (me, SOCKETS)] : NULL;
    me->call = "zmq_proxy";
    if (below (me, 2))
        zmq_proxy (one, two, three);
    else
        zmq_proxy_steerable (one, two, NULL, three);
    return NULL;
}

static void report_stuck (int signal)
{
    (void) signal;
    printf ("FAIL seed %llu hangs:", (unsigned long long) seed);
    for (int at = 0; at < THREADS; at++)
        printf (" %s", abusers[at].call ? abusers[at].call : "-");
    printf ("\n");
    fflush (stdout);
    abort ();
}

static int child (void)
{
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    signal (SIGALRM, report_stuck);
    alarm (STUCK_MS / 1000);
    signal (SIGPIPE, SIG_IGN);
    struct abuser *me = &abusers[0];
    for (int at = 0; at < THREADS; at++) {
        abusers[at].random = (seed * THREADS + (uint64_t) at + 1) * 0x9E3779B97F4A7C15u;
        abusers[at].theme = seed;
    }
    for (int at = 0; at < CONTEXTS; at++)
        hands.contexts[at] = zmq_ctx_new ();
    for (int at = 0; at < SOCKETS; at++)
        hands.sockets[at] = fresh_socket (me, hands.contexts[at % CONTEXTS]);
    for (int at = 0; at < POLLERS; at++)
        hands.pollers[at] = zmq_poller_new ();
    for (int at = 0; at < TIMERS; at++)
        hands.timers[at] = zmq_timers_new ();
    for (int at = 0; at < COUNTERS; at++)
        hands.counters[at] = zmq_atomic_counter_new ();

    int waits = below (me, 4) == 0, many = 1 + (int) below (me, THREADS);
    pthread_t threads[THREADS], waiter;
    struct abuser other = {.random = me->random ^ 0x5555, .theme = seed};
    if (waits)
        pthread_create (&waiter, NULL, wait_for_ever, &other);
    for (int at = 1; at < many; at++)
        pthread_create (&threads[at], NULL, abuse, &abusers[at]);
    abuse (me);
    for (int at = 1; at < many; at++)
        pthread_join (threads[at], NULL);

    me->call = "the end";
    for (int at = 0; at < CONTEXTS; at++)
        zmq_ctx_shutdown (hands.contexts[at]);
    if (waits)
        pthread_join (waiter, NULL);
    for (int at = 0; at < POLLERS; at++)
        zmq_poller_destroy ((void **) &hands.pollers[at]);
    for (int at = 0; at < TIMERS; at++)
        zmq_timers_destroy ((void **) &hands.timers[at]);
    for (int at = 0; at < COUNTERS; at++)
        zmq_atomic_counter_destroy ((void **) &hands.counters[at]);
    for (int at = 0; at < SOCKETS; at++)
        zmq_close (hands.sockets[at]);
    for (int at = 0; at < CONTEXTS; at++)
        while (zmq_ctx_term (hands.contexts[at]) == -1 && zmq_errno () == EINTR)
            ;
    return 0;
}

int main (int argc, char **argv)
{
    setvbuf (stdout, NULL, _IOLBF, BUFSIZ);
    seed = argc > 2 ? strtoull (argv[2], NULL, 10) : (uint64_t) time (NULL) * 1000000;
    if (argc > 1 && strcmp (argv[1], "-") == 0)
        return child ();
    long end = now_ms () + (long) ((argc > 1 ? atof (argv[1]) : 10) * 1000);
    uint64_t first = seed;
    int running = 0, bad = 0;
    struct {
        pid_t pid;
        uint64_t seed;
    } children[SIDE_BY_SIDE] = {{0, 0}};
    printf ("abuse: seeds from %llu\n", (unsigned long long) first);
    while (running || (now_ms () < end && !bad)) {
        for (int at = 0; at < SIDE_BY_SIDE && now_ms () < end && !bad; at++)
            if (!children[at].pid) {
                fflush (stdout);
                pid_t pid = fork ();
                if (pid == 0)
                    _exit (child ());
                if (pid == -1)
                    break;
                children[at].pid = pid;
                children[at].seed = seed++;
                running++;
            }
        int status = 0;
        pid_t pid = wait (&status);
        for (int at = 0; at < SIDE_BY_SIDE; at++)
            if (pid > 0 && children[at].pid == pid) {
                if (status != 0) {
                    printf ("FAIL seed %llu: status %d, signal %d (%s)\n", (unsigned long long) children[at].seed,
                            WIFEXITED (status) ? WEXITSTATUS (status) : -1, WIFSIGNALED (status) ? WTERMSIG (status) : 0,
                            WIFSIGNALED (status) ? strsignal (WTERMSIG (status)) : "exited");
                    bad++;
                }
                children[at].pid = 0;
                running--;
            }
    }
    printf ("%llu processes of up to %d threads with %d calls each, %d bad\n", (unsigned long long) (seed - first), THREADS, CALLS,
            bad);
    return bad > 0;
}
