/*
 * Event loops: zmq_poll over idle sockets, and ZMQ_FD in somebody else's poll. Also what an idle connection costs:
 * the wake-ups of its threads.
 */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

int measure_poll (struct run *run)
{
    const int count = atoi (run->argv[0]);
    REQUIRE (count > 0);
    struct rlimit limit;
    REQUIRE (getrlimit (RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    REQUIRE (setrlimit (RLIMIT_NOFILE, &limit) == 0);
    void *context = zmq_ctx_new ();
    REQUIRE (zmq_ctx_set (context, ZMQ_MAX_SOCKETS, count + 10) == 0);
    void *publisher = open_socket (context, ZMQ_PUB);
    char endpoint[256];
    bind_somewhere (publisher, "tcp", endpoint);
    zmq_pollitem_t *items = calloc ((size_t) count, sizeof *items);
    REQUIRE (items != NULL);
    for (int i = 0; i < count; i++) {
        items[i].socket = open_socket (context, ZMQ_SUB);
        items[i].events = ZMQ_POLLIN;
        REQUIRE (zmq_setsockopt (items[i].socket, ZMQ_SUBSCRIBE, "never", 5) == 0);
        REQUIRE (zmq_connect (items[i].socket, endpoint) == 0);
    }
    const double settled = now () + 0.2 + count * 0.0005;
    while (now () < settled) {
        REQUIRE (zmq_poll (items, count, 0) == 0);
        usleep (1000);
    }
    /* The median of batches: a neighbour's turn on the processor is no cost of ours. */
    static double batches[100000];
    size_t done = 0;
    const int stride = count >= 1000 ? 1 : 1000 / count;
    const double started = now ();
    double before = started;
    do {
        for (int i = 0; i < stride; i++)
            REQUIRE (zmq_poll (items, count, 0) == 0);
        const double after = now ();
        batches[done++] = (after - before) * 1e6 / stride;
        before = after;
    } while (before - started < run->seconds && done < sizeof batches / sizeof *batches);
    printf ("poll %.4f\n", median (batches, done));
    for (int i = 0; i < count; i++)
        zmq_close (items[i].socket);
    free (items);
    zmq_close (publisher);
    zmq_ctx_term (context);
    return 0;
}

/* ---- ZMQ_FD */

struct loop
{
    atomic_int bound[2];
    atomic_int done[2];
    char endpoint[2][256];
};

static void run_sender (void *argument)
{
    struct loop *loop = argument;
    while (!atomic_load (&loop->bound[0]))
        usleep (200);
    void *context = zmq_ctx_new (), *socket = open_socket (context, ZMQ_PUSH);
    set_int (socket, ZMQ_SNDTIMEO, 100);
    REQUIRE (zmq_connect (socket, loop->endpoint[0]) == 0);
    const char body[16] = "sixteen bytes..";
    while (!atomic_load_explicit (&loop->done[0], memory_order_relaxed))
        if (zmq_send (socket, body, sizeof body, 0) == -1)
            REQUIRE (zmq_errno () == EAGAIN);
    zmq_close (socket);
    zmq_ctx_term (context);
}

static void run_answerer (void *argument)
{
    struct loop *loop = argument;
    while (!atomic_load (&loop->bound[1]))
        usleep (200);
    void *context = zmq_ctx_new (), *socket = open_socket (context, ZMQ_DEALER);
    set_int (socket, ZMQ_RCVTIMEO, 50);
    REQUIRE (zmq_connect (socket, loop->endpoint[1]) == 0);
    char body[16];
    while (!atomic_load_explicit (&loop->done[1], memory_order_relaxed))
        if (zmq_recv (socket, body, sizeof body, 0) == -1)
            REQUIRE (zmq_errno () == EAGAIN);
        else
            REQUIRE (zmq_send (socket, body, sizeof body, 0) == sizeof body);
    zmq_close (socket);
    zmq_ctx_term (context);
}

/* Sleeps on the descriptor until a message can be received; as an event loop does it. */
static void wait_for_input (void *socket, int fd)
{
    for (;;) {
        int events;
        size_t size = sizeof events;
        REQUIRE (zmq_getsockopt (socket, ZMQ_EVENTS, &events, &size) == 0);
        if (events & ZMQ_POLLIN)
            return;
        struct pollfd item = {.fd = fd, .events = POLLIN};
        REQUIRE (poll (&item, 1, 10000) == 1);
    }
}

static int descriptor_of (void *socket)
{
    int fd;
    size_t size = sizeof fd;
    REQUIRE (zmq_getsockopt (socket, ZMQ_FD, &fd, &size) == 0);
    return fd;
}

int measure_fd (struct run *run)
{
    struct loop *loop = shared_memory (sizeof *loop);
    pid_t sender = start_child (run_sender, loop), answerer = start_child (run_answerer, loop);
    void *context = zmq_ctx_new ();
    char body[16] = "sixteen bytes..";

    void *socket = open_socket (context, ZMQ_PULL);
    int fd = descriptor_of (socket);
    bind_somewhere (socket, "tcp", loop->endpoint[0]);
    atomic_store (&loop->bound[0], 1);
    uint64_t count = 0;
    double started = 0, at = now (), warm = at + run->seconds * 0.2, end = warm + run->seconds;
    do {
        wait_for_input (socket, fd);
        for (int i = 0; i < 256 && zmq_recv (socket, body, sizeof body, ZMQ_DONTWAIT) != -1; i++)
            count++;
        at = now ();
        if (started == 0 && at >= warm) {
            started = at;
            count = 0;
        }
    } while (at < end);
    printf ("rate %.0f\n", (double) count / (at - started));
    atomic_store (&loop->done[0], 1);
    zmq_close (socket);
    end_child (sender);

    socket = open_socket (context, ZMQ_DEALER);
    fd = descriptor_of (socket);
    bind_somewhere (socket, "tcp", loop->endpoint[1]);
    atomic_store (&loop->bound[1], 1);
    count = 0;
    started = 0;
    warm = now () + run->seconds * 0.2;
    end = warm + run->seconds;
    do {
        REQUIRE (zmq_send (socket, body, sizeof body, 0) == sizeof body);
        wait_for_input (socket, fd);
        REQUIRE (zmq_recv (socket, body, sizeof body, ZMQ_DONTWAIT) == sizeof body);
        count++;
        at = now ();
        if (started == 0 && at >= warm) {
            started = at;
            count = 0;
        }
    } while (at < end);
    printf ("trip %.3f\n", (at - started) * 1e6 / (double) count);
    atomic_store (&loop->done[1], 1);
    zmq_close (socket);
    end_child (answerer);
    zmq_ctx_term (context);
    return 0;
}

/* ---- idle */

/* How often the threads of this process, without this one, have gone to sleep or were interrupted. */
static long switches (void)
{
    long sum = 0;
    DIR *tasks = opendir ("/proc/self/task");
    REQUIRE (tasks != NULL);
    for (struct dirent *entry; (entry = readdir (tasks)) != NULL;) {
        const long id = atol (entry->d_name);
        if (id == 0 || id == (long) getpid ())
            continue;
        char path[64], line[256];
        snprintf (path, sizeof path, "/proc/self/task/%ld/status", id);
        FILE *file = fopen (path, "r");
        while (file && fgets (line, sizeof line, file)) {
            long value;
            if (sscanf (line, "voluntary_ctxt_switches: %ld", &value) == 1)
                sum += value;
        }
        if (file)
            fclose (file);
    }
    closedir (tasks);
    return sum;
}

int measure_idle (struct run *run)
{
    struct loop *loop = shared_memory (sizeof *loop);
    pid_t answerer = start_child (run_answerer, loop);
    void *context = zmq_ctx_new (), *socket = open_socket (context, ZMQ_DEALER);
    bind_somewhere (socket, "tcp", loop->endpoint[1]);
    atomic_store (&loop->bound[1], 1);
    char body[16] = "sixteen bytes..";
    for (int i = 0; i < 100; i++) {
        REQUIRE (zmq_send (socket, body, sizeof body, 0) == sizeof body);
        REQUIRE (zmq_recv (socket, body, sizeof body, 0) == sizeof body);
    }
    usleep (20000);
    const long before = switches ();
    const double seconds = run->seconds < 1 ? 1 : run->seconds;
    usleep ((useconds_t) (seconds * 1e6));
    printf ("idle %.1f\n", (double) (switches () - before) / seconds);
    atomic_store (&loop->done[1], 1);
    zmq_close (socket);
    end_child (answerer);
    zmq_ctx_term (context);
    return 0;
}
