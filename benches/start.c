/* What it costs to begin: a process that is linked to the library, a context, its first socket. */
#include "bench.h"

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 100000 };

int measure_start (struct run *run)
{
    static double contexts[MOST], sockets[MOST];
    size_t count = 0;
    const double started = now ();
    double at;
    do {
        const double before = now ();
        void *context = zmq_ctx_new ();
        REQUIRE (context != NULL);
        const double between = now ();
        void *socket = zmq_socket (context, ZMQ_DEALER);
        REQUIRE (socket != NULL);
        at = now ();
        REQUIRE (zmq_close (socket) == 0 && zmq_ctx_term (context) == 0);
        contexts[count] = (between - before) * 1e6;
        sockets[count++] = (at - before) * 1e6;
    } while (at - started < run->seconds && count < MOST);
    printf ("context %.3f\nfirst-socket %.3f\n", median (contexts, count), median (sockets, count));
    return 0;
}

/*
 * The time of a process that ends at once: by the clock, and what it and the kernel for it spent, which does not depend
 * on when a busy machine let it run.
 */
static void spawn (const char *path, double seconds)
{
    static double times[MOST], spent[MOST];
    extern char **environ;
    size_t count = 0;
    const double started = now ();
    double at;
    do {
        char *arguments[] = {"bench", "nothing", NULL};
        pid_t child;
        int status;
        struct rusage usage;
        const double before = now ();
        REQUIRE (posix_spawn (&child, path, NULL, NULL, arguments, environ) == 0);
        REQUIRE (wait4 (child, &status, 0, &usage) == child && status == 0);
        at = now ();
        times[count] = (at - before) * 1e6;
        spent[count++] = (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6
                         + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    } while (at - started < seconds && count < MOST);
    printf ("clock %.1f\nprocessor %.1f\n", median (times, count), median (spent, count));
}

int measure_spawn (struct run *run)
{
    spawn ("/proc/self/exe", run->seconds);
    return 0;
}

int raw_spawn (struct run *run)
{
    spawn ("/bin/true", run->seconds);
    return 0;
}
