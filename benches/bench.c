/*
 * One measurement of a ZeroMQ library: throughput of PUSH/PULL or round trips of REQ/REP.
 * benches/run calls it with LD_LIBRARY_PATH at the library to measure, once per case and round:
 *
 *     bench thr tcp|ipc|inproc SIZE MILLISECONDS      prints messages per second
 *     bench lat tcp|ipc|inproc SIZE MILLISECONDS      prints microseconds per round trip
 *     bench maps                                      prints the libzmq file that was loaded
 *
 * The measuring side binds and runs in the parent. Its peer is a child process, or for inproc a thread.
 * Every message carries a sequence number; a lost, reordered or short message fails the run.
 */
#include <zmq.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REQUIRE(condition) ((condition) ? (void) 0 : fail (__LINE__, #condition))

static void fail (int line, const char *condition)
{
    fprintf (stderr, "bench.c:%d: %s: %s\n", line, condition, zmq_strerror (zmq_errno ()));
    exit (1);
}

/* What the two sides share; lives in a page that a fork does not copy. */
struct shared
{
    atomic_int bound;
    atomic_int done;
    size_t size;
    int is_latency;
    char endpoint[256];
    void *context; /* only for inproc */
};

static struct shared *shared;

static double now (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static void *open_socket (void *context, int type)
{
    void *socket = zmq_socket (context, type);
    REQUIRE (socket != NULL);
    int linger = 0, timeout = 200;
    REQUIRE (zmq_setsockopt (socket, ZMQ_LINGER, &linger, sizeof linger) == 0);
    REQUIRE (zmq_setsockopt (socket, ZMQ_SNDTIMEO, &timeout, sizeof timeout) == 0);
    return socket;
}

/* Sends one message that starts with `sequence`; 0 when it could not be sent in time. */
static int send_one (void *socket, uint64_t sequence)
{
    zmq_msg_t message;
    REQUIRE (zmq_msg_init_size (&message, shared->size) == 0);
    memcpy (zmq_msg_data (&message), &sequence, sizeof sequence);
    if (zmq_msg_send (&message, socket, 0) == -1) {
        REQUIRE (zmq_errno () == EAGAIN);
        zmq_msg_close (&message);
        return 0;
    }
    return 1;
}

static void check (zmq_msg_t *message, uint64_t sequence)
{
    uint64_t found;
    REQUIRE (zmq_msg_size (message) == shared->size);
    memcpy (&found, zmq_msg_data (message), sizeof found);
    if (found != sequence) {
        fprintf (stderr, "message %llu came as %llu\n", (unsigned long long) sequence, (unsigned long long) found);
        exit (1);
    }
}

/* The peer: sends as fast as it can, or answers every request, until told to stop. */
static void *run_peer (void *unused)
{
    (void) unused;
    while (!atomic_load (&shared->bound))
        usleep (200);
    void *context = shared->context ? shared->context : zmq_ctx_new ();
    REQUIRE (context != NULL);
    void *socket = open_socket (context, shared->is_latency ? ZMQ_REP : ZMQ_PUSH);
    int timeout = 50;
    REQUIRE (zmq_setsockopt (socket, ZMQ_RCVTIMEO, &timeout, sizeof timeout) == 0);
    REQUIRE (zmq_connect (socket, shared->endpoint) == 0);

    if (shared->is_latency) {
        zmq_msg_t message;
        REQUIRE (zmq_msg_init (&message) == 0);
        while (!atomic_load_explicit (&shared->done, memory_order_relaxed)) {
            if (zmq_msg_recv (&message, socket, 0) == -1)
                REQUIRE (zmq_errno () == EAGAIN);
            else if (zmq_msg_send (&message, socket, 0) == -1)
                REQUIRE (zmq_errno () == EAGAIN);
        }
        zmq_msg_close (&message);
    } else {
        uint64_t sequence = 0;
        while (!atomic_load_explicit (&shared->done, memory_order_relaxed))
            sequence += (uint64_t) send_one (socket, sequence);
    }
    zmq_close (socket);
    if (!shared->context)
        zmq_ctx_term (context);
    return NULL;
}

static double measure_throughput (void *socket, double seconds)
{
    /* Reading the clock costs as much as a small message does. */
    const uint64_t stride = shared->size <= 4096 ? 256 : shared->size <= 65536 ? 16 : 1;
    zmq_msg_t message;
    REQUIRE (zmq_msg_init (&message) == 0);
    uint64_t sequence = 0;
    const double warm = now () + seconds * 0.15;
    do {
        for (uint64_t i = 0; i < stride; i++) {
            REQUIRE (zmq_msg_recv (&message, socket, 0) != -1);
            check (&message, sequence++);
        }
    } while (now () < warm);

    const uint64_t first = sequence;
    const double started = now ();
    double ended;
    do {
        for (uint64_t i = 0; i < stride; i++) {
            REQUIRE (zmq_msg_recv (&message, socket, 0) != -1);
            check (&message, sequence++);
        }
        ended = now ();
    } while (ended - started < seconds);
    zmq_msg_close (&message);
    return (double) (sequence - first) / (ended - started);
}

static void round_trip (void *socket, uint64_t sequence)
{
    zmq_msg_t answer;
    REQUIRE (send_one (socket, sequence));
    REQUIRE (zmq_msg_init (&answer) == 0);
    REQUIRE (zmq_msg_recv (&answer, socket, 0) != -1);
    check (&answer, sequence);
    zmq_msg_close (&answer);
}

static double measure_latency (void *socket, double seconds)
{
    uint64_t sequence = 0;
    while (sequence < 200)
        round_trip (socket, sequence++);
    const uint64_t first = sequence;
    const double started = now ();
    double ended;
    do {
        round_trip (socket, sequence++);
        ended = now ();
    } while (ended - started < seconds);
    return (ended - started) * 1e6 / (double) (sequence - first);
}

static int print_maps (void)
{
    int major, minor, patch;
    zmq_version (&major, &minor, &patch);
    char line[4096], last[4096] = "";
    FILE *maps = fopen ("/proc/self/maps", "r");
    if (!maps)
        return 1;
    while (fgets (line, sizeof line, maps)) {
        char *path = strchr (line, '/');
        if (path && strstr (path, "libzmq") && strcmp (path, last) != 0) {
            printf ("%d.%d.%d %s", major, minor, patch, path);
            memcpy (last, path, strlen (path) + 1);
        }
    }
    fclose (maps);
    return 0;
}

int main (int argc, char **argv)
{
    if (argc == 2 && strcmp (argv[1], "maps") == 0)
        return print_maps ();
    if (argc != 5) {
        fprintf (stderr, "usage: bench thr|lat tcp|ipc|inproc SIZE MILLISECONDS\n");
        return 2;
    }
    const char *transport = argv[2];
    const double seconds = atof (argv[4]) / 1000.0;
    const int is_inproc = strcmp (transport, "inproc") == 0;

    shared = mmap (NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE (shared != MAP_FAILED);
    shared->is_latency = strcmp (argv[1], "lat") == 0;
    shared->size = strtoul (argv[3], NULL, 10);
    REQUIRE (shared->size >= sizeof (uint64_t));

    pid_t child = 0;
    pthread_t thread;
    if (!is_inproc) {
        child = fork ();
        REQUIRE (child != -1);
        if (child == 0) {
            run_peer (NULL);
            return 0;
        }
    }

    void *context = zmq_ctx_new ();
    REQUIRE (context != NULL);
    void *socket = open_socket (context, shared->is_latency ? ZMQ_REQ : ZMQ_PULL);
    int timeout = 10000;
    REQUIRE (zmq_setsockopt (socket, ZMQ_RCVTIMEO, &timeout, sizeof timeout) == 0);
    REQUIRE (zmq_setsockopt (socket, ZMQ_SNDTIMEO, &timeout, sizeof timeout) == 0);
    char wanted[64];
    snprintf (wanted, sizeof wanted, "%s", "inproc://bench");
    if (strcmp (transport, "tcp") == 0)
        snprintf (wanted, sizeof wanted, "tcp://127.0.0.1:*");
    else if (strcmp (transport, "ipc") == 0)
        snprintf (wanted, sizeof wanted, "ipc://bench-%ld.ipc", (long) getpid ());
    REQUIRE (zmq_bind (socket, wanted) == 0);
    size_t length = sizeof shared->endpoint;
    REQUIRE (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, shared->endpoint, &length) == 0);
    if (is_inproc) {
        shared->context = context;
        REQUIRE (pthread_create (&thread, NULL, run_peer, NULL) == 0);
    }
    atomic_store (&shared->bound, 1);

    if (shared->is_latency)
        printf ("%.3f\n", measure_latency (socket, seconds));
    else
        printf ("%.0f\n", measure_throughput (socket, seconds));

    atomic_store (&shared->done, 1);
    if (is_inproc)
        pthread_join (thread, NULL);
    zmq_close (socket);
    int status = 0;
    if (child != 0)
        waitpid (child, &status, 0);
    zmq_ctx_term (context);
    return status == 0 ? 0 : 1;
}
