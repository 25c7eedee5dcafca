/* The I/O threads of a context: how many there are, their names, processors and scheduling. Called by ctests/run. */
#define _GNU_SOURCE
#define ZMQ_BUILD_DRAFT_API 1
#include "common.h"

#include <sched.h>
#include <sys/syscall.h>

static int by_name (const void *a, const void *b)
{
    return strcmp (a, b);
}

/* The threads whose name tells that they do input and output; libzmq has another one that buries sockets. */
static void list (const char *what)
{
    char found[16][128];
    int count = 0;
    line ("-- %s", what);
    DIR *tasks = opendir ("/proc/self/task");
    NEED (tasks != NULL);
    for (struct dirent *entry; (entry = readdir (tasks)) && count < 16;) {
        char path[300], name[64] = "";
        int thread = atoi (entry->d_name), policy;
        if (entry->d_name[0] == '.' || thread == getpid ())
            continue;
        snprintf (path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen (path, "r");
        NEED (file && fgets (name, sizeof name, file));
        fclose (file);
        name[strcspn (name, "\n")] = 0;
        if (!strstr (name, "/IO"))
            continue;
        cpu_set_t set;
        struct sched_param parameters = {0};
        NEED (sched_getaffinity (thread, sizeof set, &set) == 0 && sched_getparam (thread, &parameters) == 0);
        policy = sched_getscheduler (thread);
        snprintf (found[count++], sizeof *found, "%s: %d processors, the first %d, policy %d, priority %d, nice %d", name, CPU_COUNT (&set),
                  CPU_ISSET (0, &set), policy, parameters.sched_priority, (int) (20 - syscall (SYS_getpriority, 0, thread)));
    }
    closedir (tasks);
    qsort (found, (size_t) count, sizeof *found, by_name);
    for (int i = 0; i < count; i++)
        line ("%s", found[i]);
}

/* Sockets with connections of their own on every I/O thread, so that none can be missing. */
static void use (void *context, int threads)
{
    void *sockets[8];
    char endpoint[256];
    for (int i = 0; i < threads; i++) {
        uint64_t affinity = 1ull << i;
        sockets[i * 2] = new_socket (context, ZMQ_PAIR), sockets[i * 2 + 1] = new_socket (context, ZMQ_PAIR);
        NEED (zmq_setsockopt (sockets[i * 2], ZMQ_AFFINITY, &affinity, sizeof affinity) == 0);
        NEED (zmq_setsockopt (sockets[i * 2 + 1], ZMQ_AFFINITY, &affinity, sizeof affinity) == 0);
        bind_any (sockets[i * 2], "tcp", endpoint);
        NEED (zmq_connect (sockets[i * 2 + 1], endpoint) == 0);
        send_parts (sockets[i * 2 + 1], "x", NULL);
        take ("pair", sockets[i * 2], 0);
    }
    rest (20);
    for (int i = 0; i < threads * 2; i++)
        end_socket (sockets[i]);
}

static void listed_while_used (void *context, int threads, const char *what)
{
    use (context, threads);
    list (what);
    end_context (context);
}

int main (void)
{
    void *context = new_context ();
    listed_while_used (context, 1, "one, as they are");

    context = new_context ();
    NEED (zmq_ctx_set (context, ZMQ_IO_THREADS, 3) == 0);
    listed_while_used (context, 3, "three");

    context = new_context ();
    SHOW (zmq_ctx_set_ext (context, ZMQ_THREAD_NAME_PREFIX, "its", 3));
    listed_while_used (context, 1, "with a name");

    context = new_context ();
    SHOW (zmq_ctx_set (context, ZMQ_THREAD_NAME_PREFIX, 7));
    listed_while_used (context, 1, "with a number");

    context = new_context ();
    SHOW (zmq_ctx_set (context, ZMQ_THREAD_AFFINITY_CPU_ADD, 0));
    listed_while_used (context, 1, "on the first processor");

    context = new_context ();
    SHOW (zmq_ctx_set (context, ZMQ_THREAD_AFFINITY_CPU_ADD, 0));
    SHOW (zmq_ctx_set (context, ZMQ_THREAD_AFFINITY_CPU_ADD, 1));
    SHOW (zmq_ctx_set (context, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 0));
    SHOW (zmq_ctx_set (context, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 5));
    listed_while_used (context, 1, "on the second processor");

    if (geteuid () == 0) {
        context = new_context ();
        SHOW (zmq_ctx_set (context, ZMQ_THREAD_SCHED_POLICY, SCHED_FIFO));
        SHOW (zmq_ctx_set (context, ZMQ_THREAD_PRIORITY, 1));
        listed_while_used (context, 1, "first in, first out");

        context = new_context ();
        SHOW (zmq_ctx_set (context, ZMQ_THREAD_PRIORITY, 3));
        listed_while_used (context, 1, "a priority alone");

        context = new_context ();
        SHOW (zmq_ctx_set (context, ZMQ_THREAD_SCHED_POLICY, SCHED_BATCH));
        listed_while_used (context, 1, "in batches");
    }
    return 0;
}
