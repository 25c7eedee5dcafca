/*
 * One measurement of CURVE: throughput of encrypted PUSH/PULL, or how many peers a second come in.
 * benches/run calls it with LD_LIBRARY_PATH at the library to measure, once per case and round:
 *
 *     curve curve tcp|ipc SIZE MILLISECONDS      prints messages per second
 *     curve shake tcp|ipc 0 MILLISECONDS         prints handshakes per second
 *
 * The measuring side binds as the server and runs in the parent; its clients are a child process. Every message
 * carries a sequence number; a lost, reordered or short message fails the run. A handshake is a new socket that connects,
 * asks, is answered, and closes; a few are under way at any time, in one context.
 */
#include <zmq.h>

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

/* Handshakes under way at a time. */
#define WIDTH 16

static void fail (int line, const char *condition)
{
    fprintf (stderr, "curve.c:%d: %s: %s\n", line, condition, zmq_strerror (zmq_errno ()));
    exit (1);
}

/* What the two sides share; lives in a page that a fork does not copy. */
struct shared
{
    atomic_int bound;
    atomic_int done;
    char server_public[41];
    char endpoint[256];
};

static struct shared *shared;

static double now (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static void set_int (void *socket, int option, int value)
{
    REQUIRE (zmq_setsockopt (socket, option, &value, sizeof value) == 0);
}

static void *open_socket (void *context, int type)
{
    void *socket = zmq_socket (context, type);
    REQUIRE (socket != NULL);
    set_int (socket, ZMQ_LINGER, 0);
    set_int (socket, ZMQ_SNDTIMEO, 200);
    return socket;
}

static char client_public[41], client_secret[41];

static void *open_client (void *context, int type)
{
    void *socket = open_socket (context, type);
    REQUIRE (zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, shared->server_public, 41) == 0);
    REQUIRE (zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, client_public, 41) == 0);
    REQUIRE (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, client_secret, 41) == 0);
    REQUIRE (zmq_connect (socket, shared->endpoint) == 0);
    return socket;
}

/* Sends numbered messages as fast as it can until told to stop. */
static void run_sender (void *context, size_t size)
{
    void *socket = open_client (context, ZMQ_PUSH);
    uint64_t sequence = 0;
    while (!atomic_load_explicit (&shared->done, memory_order_relaxed)) {
        zmq_msg_t message;
        REQUIRE (zmq_msg_init_size (&message, size) == 0);
        memcpy (zmq_msg_data (&message), &sequence, sizeof sequence);
        if (zmq_msg_send (&message, socket, 0) != -1)
            sequence++;
        else {
            REQUIRE (zmq_errno () == EAGAIN);
            zmq_msg_close (&message);
        }
    }
    zmq_close (socket);
}

static void *open_asker (void *context)
{
    void *socket = open_client (context, ZMQ_DEALER);
    REQUIRE (zmq_send (socket, "?", 1, 0) == 1);
    return socket;
}

/* Comes in again and again until told to stop. */
static void run_visitors (void *context)
{
    zmq_pollitem_t items[WIDTH];
    memset (items, 0, sizeof items);
    for (int i = 0; i < WIDTH; i++) {
        items[i].socket = open_asker (context);
        items[i].events = ZMQ_POLLIN;
    }
    while (!atomic_load (&shared->done)) {
        REQUIRE (zmq_poll (items, WIDTH, 200) >= 0);
        for (int i = 0; i < WIDTH; i++) {
            if (!(items[i].revents & ZMQ_POLLIN))
                continue;
            char answer[8];
            REQUIRE (zmq_recv (items[i].socket, answer, sizeof answer, 0) == 1);
            zmq_close (items[i].socket);
            items[i].socket = open_asker (context);
        }
    }
    for (int i = 0; i < WIDTH; i++)
        zmq_close (items[i].socket);
}

static void receive (void *socket, uint64_t sequence, size_t size)
{
    zmq_msg_t message;
    uint64_t found;
    REQUIRE (zmq_msg_init (&message) == 0);
    REQUIRE (zmq_msg_recv (&message, socket, 0) != -1);
    REQUIRE (zmq_msg_size (&message) == size);
    memcpy (&found, zmq_msg_data (&message), sizeof found);
    REQUIRE (found == sequence);
    zmq_msg_close (&message);
}

/* Takes some messages, or lets one visitor in. */
static uint64_t serve (void *socket, uint64_t sequence, size_t size)
{
    if (size == 0) {
        char id[32], question[8];
        int length = zmq_recv (socket, id, sizeof id, 0);
        REQUIRE (length > 0);
        REQUIRE (zmq_recv (socket, question, sizeof question, 0) == 1);
        REQUIRE (zmq_send (socket, id, (size_t) length, ZMQ_SNDMORE) == length);
        REQUIRE (zmq_send (socket, "!", 1, 0) == 1);
        return sequence + 1;
    }
    /* Reading the clock costs as much as a small message does. */
    const uint64_t stride = size <= 4096 ? 256 : 16;
    for (uint64_t i = 0; i < stride; i++)
        receive (socket, sequence++, size);
    return sequence;
}

static double measure (void *socket, size_t size, double seconds)
{
    uint64_t sequence = 0;
    const double warm = now () + seconds * 0.15;
    do
        sequence = serve (socket, sequence, size);
    while (now () < warm);

    const uint64_t first = sequence;
    const double started = now ();
    double ended;
    do {
        sequence = serve (socket, sequence, size);
        ended = now ();
    } while (ended - started < seconds);
    return (double) (sequence - first) / (ended - started);
}

int main (int argc, char **argv)
{
    if (argc != 5 || (strcmp (argv[1], "curve") != 0 && strcmp (argv[1], "shake") != 0)) {
        fprintf (stderr, "usage: curve curve|shake tcp|ipc SIZE MILLISECONDS\n");
        return 2;
    }
    const int is_shake = strcmp (argv[1], "shake") == 0;
    const size_t size = is_shake ? 0 : strtoul (argv[3], NULL, 10);
    REQUIRE (is_shake || size >= sizeof (uint64_t));
    shared = mmap (NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE (shared != MAP_FAILED);
    char server_secret[41];
    REQUIRE (zmq_curve_keypair (shared->server_public, server_secret) == 0);

    const pid_t child = fork ();
    REQUIRE (child != -1);
    if (child == 0) {
        while (!atomic_load (&shared->bound))
            usleep (200);
        REQUIRE (zmq_curve_keypair (client_public, client_secret) == 0);
        void *context = zmq_ctx_new ();
        REQUIRE (context != NULL);
        if (is_shake)
            run_visitors (context);
        else
            run_sender (context, size);
        zmq_ctx_term (context);
        return 0;
    }

    void *context = zmq_ctx_new ();
    REQUIRE (context != NULL);
    void *socket = open_socket (context, is_shake ? ZMQ_ROUTER : ZMQ_PULL);
    set_int (socket, ZMQ_RCVTIMEO, 10000);
    set_int (socket, ZMQ_CURVE_SERVER, 1);
    REQUIRE (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, server_secret, 41) == 0);
    char wanted[64];
    snprintf (wanted, sizeof wanted, "tcp://127.0.0.1:*");
    if (strcmp (argv[2], "ipc") == 0)
        snprintf (wanted, sizeof wanted, "ipc://curve-%ld.ipc", (long) getpid ());
    REQUIRE (zmq_bind (socket, wanted) == 0);
    size_t length = sizeof shared->endpoint;
    REQUIRE (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, shared->endpoint, &length) == 0);
    atomic_store (&shared->bound, 1);

    printf ("%.0f\n", measure (socket, size, atof (argv[4]) / 1000.0));

    atomic_store (&shared->done, 1);
    zmq_close (socket);
    int status = 0;
    waitpid (child, &status, 0);
    zmq_ctx_term (context);
    return status == 0 ? 0 : 1;
}
