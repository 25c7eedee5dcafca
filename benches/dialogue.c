/*
 * Two ends and nothing else: bulk (PUSH/PULL), round trips (REQ/REP), one message now and then, several pairs at once.
 *
 * The measuring side binds and runs in the parent. Its peer is a child process, or for inproc a thread. Every message
 * carries a sequence number; a lost, reordered or short message fails the run.
 */
#include "bench.h"

#include <pthread.h>
#include <unistd.h>

struct peer
{
    atomic_int bound;
    atomic_int done;
    size_t size;
    int is_trip;
    int is_curve;
    double gap;
    char endpoint[256];
    char public_key[41], secret_key[41];
    void *context; /* only for inproc */
};

static void set_keys (struct peer *peer, void *socket, int is_server)
{
    if (!peer->is_curve)
        return;
    if (is_server) {
        set_int (socket, ZMQ_CURVE_SERVER, 1);
        REQUIRE (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, peer->secret_key, 41) == 0);
    } else {
        char public_key[41], secret_key[41];
        REQUIRE (zmq_curve_keypair (public_key, secret_key) == 0);
        REQUIRE (zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, peer->public_key, 41) == 0);
        REQUIRE (zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, public_key, 41) == 0);
        REQUIRE (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, secret_key, 41) == 0);
    }
}

/* Sends one message that starts with `sequence`; 0 when it could not be sent in time. */
static int send_one (struct peer *peer, void *socket, uint64_t sequence)
{
    zmq_msg_t message;
    REQUIRE (zmq_msg_init_size (&message, peer->size) == 0);
    memcpy (zmq_msg_data (&message), &sequence, sizeof sequence);
    if (zmq_msg_send (&message, socket, 0) == -1) {
        REQUIRE (zmq_errno () == EAGAIN);
        zmq_msg_close (&message);
        return 0;
    }
    return 1;
}

static void check (struct peer *peer, zmq_msg_t *message, uint64_t sequence)
{
    uint64_t found;
    REQUIRE (zmq_msg_size (message) == peer->size);
    memcpy (&found, zmq_msg_data (message), sizeof found);
    if (found != sequence) {
        fprintf (stderr, "message %llu came as %llu\n", (unsigned long long) sequence, (unsigned long long) found);
        exit (1);
    }
}

static void receive (struct peer *peer, void *socket, zmq_msg_t *message, uint64_t sequence)
{
    REQUIRE (zmq_msg_recv (message, socket, 0) != -1);
    check (peer, message, sequence);
}

/* The peer: sends as fast as it can, or now and then, or answers every request, until told to stop. */
static void run_peer (void *argument)
{
    struct peer *peer = argument;
    while (!atomic_load (&peer->bound))
        usleep (200);
    void *context = peer->context ? peer->context : zmq_ctx_new ();
    REQUIRE (context != NULL);
    void *socket = open_socket (context, peer->is_trip ? ZMQ_REP : ZMQ_PUSH);
    set_int (socket, ZMQ_RCVTIMEO, 50);
    set_int (socket, ZMQ_SNDTIMEO, 200);
    set_keys (peer, socket, 0);
    REQUIRE (zmq_connect (socket, peer->endpoint) == 0);

    if (peer->is_trip) {
        zmq_msg_t message;
        REQUIRE (zmq_msg_init (&message) == 0);
        while (!atomic_load_explicit (&peer->done, memory_order_relaxed)) {
            if (zmq_msg_recv (&message, socket, 0) == -1)
                REQUIRE (zmq_errno () == EAGAIN);
            else if (zmq_msg_send (&message, socket, 0) == -1)
                REQUIRE (zmq_errno () == EAGAIN);
        }
        zmq_msg_close (&message);
    } else if (peer->gap > 0) {
        usleep (100000);
        double next = now ();
        while (!atomic_load_explicit (&peer->done, memory_order_relaxed)) {
            while (now () < next)
                ;
            double sent = now ();
            REQUIRE (zmq_send (socket, &sent, sizeof sent, 0) == sizeof sent);
            next = sent + peer->gap;
        }
    } else {
        uint64_t sequence = 0;
        while (!atomic_load_explicit (&peer->done, memory_order_relaxed))
            sequence += (uint64_t) send_one (peer, socket, sequence);
    }
    zmq_close (socket);
    if (!peer->context)
        zmq_ctx_term (context);
}

static void *run_peer_thread (void *argument)
{
    run_peer (argument);
    return NULL;
}

static double bulk (struct peer *peer, void *socket, double seconds)
{
    /* Reading the clock costs as much as a small message does. */
    const uint64_t stride = peer->size <= 4096 ? 256 : peer->size <= 65536 ? 16 : 1;
    zmq_msg_t message;
    REQUIRE (zmq_msg_init (&message) == 0);
    uint64_t sequence = 0;
    const double warm = now () + seconds * 0.15;
    do {
        for (uint64_t i = 0; i < stride; i++)
            receive (peer, socket, &message, sequence++);
    } while (now () < warm);

    const uint64_t first = sequence;
    const double started = now ();
    double ended;
    do {
        for (uint64_t i = 0; i < stride; i++)
            receive (peer, socket, &message, sequence++);
        ended = now ();
    } while (ended - started < seconds);
    zmq_msg_close (&message);
    return (double) (sequence - first) / (ended - started);
}

static void round_trip (struct peer *peer, void *socket, uint64_t sequence)
{
    zmq_msg_t answer;
    REQUIRE (send_one (peer, socket, sequence));
    REQUIRE (zmq_msg_init (&answer) == 0);
    receive (peer, socket, &answer, sequence);
    zmq_msg_close (&answer);
}

static double trips (struct peer *peer, void *socket, double seconds)
{
    uint64_t sequence = 0;
    while (sequence < 200)
        round_trip (peer, socket, sequence++);
    const uint64_t first = sequence;
    const double started = now ();
    double ended;
    do {
        round_trip (peer, socket, sequence++);
        ended = now ();
    } while (ended - started < seconds);
    return (ended - started) * 1e6 / (double) (sequence - first);
}

static double one_way (void *socket, double seconds)
{
    static double delays[100000];
    size_t count = 0;
    double sent, started = 0;
    while (count < sizeof delays / sizeof *delays) {
        REQUIRE (zmq_recv (socket, &sent, sizeof sent, 0) == sizeof sent);
        const double received = now ();
        if (started == 0)
            started = received;
        if (received - started > seconds * 0.2)
            delays[count++] = (received - sent) * 1e6;
        if (received - started > seconds)
            break;
    }
    return median (delays, count);
}

static double measure (struct peer *peer, const char *transport, double seconds)
{
    const int is_inproc = strcmp (transport, "inproc") == 0;
    pid_t child = is_inproc ? 0 : start_child (run_peer, peer);
    void *context = zmq_ctx_new ();
    REQUIRE (context != NULL);
    void *socket = open_socket (context, peer->is_trip ? ZMQ_REQ : ZMQ_PULL);
    set_keys (peer, socket, 1);
    bind_somewhere (socket, transport, peer->endpoint);
    pthread_t thread;
    if (is_inproc) {
        peer->context = context;
        REQUIRE (pthread_create (&thread, NULL, run_peer_thread, peer) == 0);
    }
    atomic_store (&peer->bound, 1);
    const double result = peer->is_trip ? trips (peer, socket, seconds)
                          : peer->gap > 0 ? one_way (socket, seconds)
                                          : bulk (peer, socket, seconds);
    atomic_store (&peer->done, 1);
    if (is_inproc)
        pthread_join (thread, NULL);
    zmq_close (socket);
    if (child != 0)
        end_child (child);
    zmq_ctx_term (context);
    return result;
}

static struct peer *new_peer (struct run *run)
{
    struct peer *peer = shared_memory (sizeof *peer);
    if (run->argc == 2)
        peer->size = strtoul (run->argv[1], NULL, 10);
    REQUIRE (run->argc < 2 || peer->size >= sizeof (uint64_t));
    return peer;
}

int measure_bulk (struct run *run)
{
    struct peer *peer = new_peer (run);
    const char *transport = run->argv[0];
    if (strcmp (transport, "tcp+curve") == 0) {
        transport = "tcp";
        peer->is_curve = 1;
        REQUIRE (zmq_curve_keypair (peer->public_key, peer->secret_key) == 0);
    }
    printf ("thr %.0f\n", measure (peer, transport, run->seconds));
    return 0;
}

int measure_trip (struct run *run)
{
    struct peer *peer = new_peer (run);
    peer->is_trip = 1;
    printf ("lat %.3f\n", measure (peer, run->argv[0], run->seconds));
    return 0;
}

int measure_one_way (struct run *run)
{
    struct peer *peer = new_peer (run);
    peer->gap = atof (run->argv[0]) * 1e-6;
    printf ("oneway %.3f\n", measure (peer, "tcp", run->seconds));
    return 0;
}

struct pair
{
    double seconds, result;
};

static void run_pair (void *argument)
{
    struct pair *pair = argument;
    struct peer *peer = shared_memory (sizeof *peer);
    peer->size = 16;
    peer->is_trip = 1;
    pair->result = measure (peer, "tcp", pair->seconds);
}

int measure_pairs (struct run *run)
{
    enum { MOST = 16 };
    const int count = atoi (run->argv[0]);
    REQUIRE (count > 0 && count <= MOST);
    struct pair *pairs = shared_memory (sizeof *pairs * MOST);
    pid_t children[MOST];
    for (int i = 0; i < count; i++) {
        pairs[i].seconds = run->seconds;
        children[i] = start_child (run_pair, &pairs[i]);
    }
    double sum = 0;
    for (int i = 0; i < count; i++) {
        end_child (children[i]);
        sum += pairs[i].result;
    }
    printf ("pairs %.3f\n", sum / count);
    return 0;
}

/* All in one process: bulk by one thread, in hundreds; trips between two threads. */
int measure_fixed (struct run *run)
{
    struct peer *peer = shared_memory (sizeof *peer);
    const uint64_t count = strtoull (run->argv[1], NULL, 10);
    peer->size = 16;
    peer->is_trip = strcmp (run->argv[0], "trip") == 0;
    void *context = zmq_ctx_new ();
    REQUIRE (context != NULL);
    void *socket = open_socket (context, peer->is_trip ? ZMQ_REQ : ZMQ_PULL);
    const char *dash = strchr (run->argv[0], '-');
    bind_somewhere (socket, dash ? dash + 1 : "tcp", peer->endpoint);
    zmq_msg_t message;
    REQUIRE (zmq_msg_init (&message) == 0);
    if (peer->is_trip) {
        pthread_t thread;
        atomic_store (&peer->bound, 1);
        peer->context = context;
        REQUIRE (pthread_create (&thread, NULL, run_peer_thread, peer) == 0);
        for (uint64_t i = 0; i < count; i++)
            round_trip (peer, socket, i);
        atomic_store (&peer->done, 1);
        pthread_join (thread, NULL);
    } else {
        void *sender = open_socket (context, ZMQ_PUSH);
        REQUIRE (zmq_connect (sender, peer->endpoint) == 0);
        for (uint64_t i = 0; i < count; i += 100) {
            for (uint64_t j = i; j < i + 100; j++)
                REQUIRE (send_one (peer, sender, j));
            for (uint64_t j = i; j < i + 100; j++)
                receive (peer, socket, &message, j);
        }
        zmq_close (sender);
    }
    zmq_msg_close (&message);
    zmq_close (socket);
    zmq_ctx_term (context);
    return 0;
}
