/*
 * Many peers of one ROUTER, and connections that come and go. Where a figure is the server's, its clients are plain
 * sockets that speak ZMTP by hand; raw_* are the same without any protocol, served by epoll.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY = 16, FRAME = BODY + 2 };

struct crowd
{
    atomic_int port;
    atomic_int connected;
    atomic_int go;
    atomic_int done;
    int peers, plain;
    double seconds, one, all, cycles;
    char endpoint[256];
    char public_key[41], secret_key[41];
    int is_curve;
};

static void allow_descriptors (void)
{
    struct rlimit limit;
    REQUIRE (getrlimit (RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    REQUIRE (setrlimit (RLIMIT_NOFILE, &limit) == 0);
}

static double resident (void)
{
    long size, pages;
    FILE *file = fopen ("/proc/self/statm", "r");
    REQUIRE (file != NULL && fscanf (file, "%ld %ld", &size, &pages) == 2);
    fclose (file);
    return (double) pages * (double) sysconf (_SC_PAGESIZE);
}

static void send_request (int fd)
{
    char frame[FRAME] = {0, BODY, 'r', 'e', 'q', 'u', 'e', 's', 't'};
    write_all (fd, frame, FRAME);
}

static void echo (int fd)
{
    char frame[FRAME];
    send_request (fd);
    read_all (fd, frame, FRAME);
}

static void run_crowd (void *argument)
{
    struct crowd *crowd = argument;
    while (atomic_load (&crowd->port) == 0)
        usleep (200);
    int *fds = malloc ((size_t) crowd->peers * sizeof *fds);
    REQUIRE (fds != NULL);
    for (int i = 0; i < crowd->peers; i++)
        fds[i] = crowd->plain ? raw_connect (crowd->port) : zmtp_connect (crowd->port, "DEALER");
    atomic_store (&crowd->connected, 1);
    while (!atomic_load (&crowd->go))
        usleep (200);
    for (int i = 0; i < crowd->peers; i++)
        echo (fds[i]);
    int at = 0;
    uint64_t count = 0;
    double started = now (), ended;
    do {
        for (int i = 0; i < 16; i++, at = (at + 1) % crowd->peers)
            echo (fds[at]);
        count += 16;
        ended = now ();
    } while (ended - started < crowd->seconds);
    crowd->one = (ended - started) * 1e6 / (double) count;

    count = 0;
    started = now ();
    do {
        for (int i = 0; i < crowd->peers; i++)
            send_request (fds[i]);
        char frame[FRAME];
        for (int i = 0; i < crowd->peers; i++)
            read_all (fds[i], frame, FRAME);
        count += (uint64_t) crowd->peers;
        ended = now ();
    } while (ended - started < crowd->seconds);
    crowd->all = (ended - started) * 1e6 / (double) count;
    atomic_store (&crowd->done, 1);
}

/* Sends back what comes until the peers say that they are done. */
static void answer (struct crowd *crowd, void *socket)
{
    zmq_msg_t id, body;
    REQUIRE (zmq_msg_init (&id) == 0 && zmq_msg_init (&body) == 0);
    while (!atomic_load_explicit (&crowd->done, memory_order_relaxed)) {
        if (zmq_msg_recv (&id, socket, 0) == -1) {
            REQUIRE (zmq_errno () == EAGAIN);
            continue;
        }
        REQUIRE (zmq_msg_recv (&body, socket, 0) == BODY);
        REQUIRE (zmq_msg_send (&id, socket, ZMQ_SNDMORE) != -1);
        REQUIRE (zmq_msg_send (&body, socket, 0) != -1);
    }
    zmq_msg_close (&id);
    zmq_msg_close (&body);
}

static void print_crowd (struct crowd *crowd)
{
    printf ("echo-one %.3f\necho-all %.3f\n", crowd->one, crowd->all);
}

int measure_peers (struct run *run)
{
    struct crowd *crowd = shared_memory (sizeof *crowd);
    crowd->peers = atoi (run->argv[0]);
    crowd->seconds = run->seconds;
    allow_descriptors ();
    pid_t child = start_child (run_crowd, crowd);
    void *context = zmq_ctx_new ();
    void *socket = open_socket (context, ZMQ_ROUTER);
    set_int (socket, ZMQ_BACKLOG, 1024);
    set_int (socket, ZMQ_RCVTIMEO, 50);
    char endpoint[256];
    bind_somewhere (socket, "tcp", endpoint);
    usleep (50000);
    const double memory = resident (), processor = cpu_time ();
    atomic_store (&crowd->port, port_of (endpoint));
    while (!atomic_load (&crowd->connected))
        usleep (1000);
    /* The last handshakes settle. */
    usleep (50000);
    printf ("handshake %.3f\n", (cpu_time () - processor) * 1e6 / crowd->peers);
    printf ("memory %.0f\n", (resident () - memory) / crowd->peers);
    atomic_store (&crowd->go, 1);

    answer (crowd, socket);
    printf ("memory-used %.0f\n", (resident () - memory) / crowd->peers);
    print_crowd (crowd);
    end_child (child);
    zmq_close (socket);
    zmq_ctx_term (context);
    return 0;
}

/* Accepts and echoes frames until `done`; says what a connection cost when all are there. */
static void serve_raw (int listener, atomic_int *done, int peers)
{
    const double processor = cpu_time ();
    int accepted = 0;
    int epoll = epoll_create1 (EPOLL_CLOEXEC);
    struct epoll_event events[256], event = {.events = EPOLLIN, .data.fd = listener};
    REQUIRE (epoll != -1 && epoll_ctl (epoll, EPOLL_CTL_ADD, listener, &event) == 0);
    while (!atomic_load_explicit (done, memory_order_relaxed)) {
        int count = epoll_wait (epoll, events, 256, 50);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                event.data.fd = accept4 (listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                REQUIRE (event.data.fd != -1 && epoll_ctl (epoll, EPOLL_CTL_ADD, event.data.fd, &event) == 0);
                if (++accepted == peers)
                    printf ("handshake %.3f\n", (cpu_time () - processor) * 1e6 / peers);
                continue;
            }
            char buffer[4096];
            ssize_t got = read (fd, buffer, sizeof buffer);
            if (got > 0)
                write_all (fd, buffer, (size_t) got);
            else
                close (fd);
        }
    }
    close (epoll);
}

int raw_peers (struct run *run)
{
    struct crowd *crowd = shared_memory (sizeof *crowd);
    crowd->peers = atoi (run->argv[0]);
    crowd->seconds = run->seconds;
    crowd->plain = 1;
    atomic_store (&crowd->go, 1);
    allow_descriptors ();
    pid_t child = start_child (run_crowd, crowd);
    int port, listener = raw_listen (&port);
    atomic_store (&crowd->port, port);
    serve_raw (listener, &crowd->done, crowd->peers);
    print_crowd (crowd);
    end_child (child);
    return 0;
}

/* ---- churn */

static void run_raw_clients (void *argument)
{
    struct crowd *crowd = argument;
    while (atomic_load (&crowd->port) == 0)
        usleep (200);
    const double started = now ();
    double ended;
    uint64_t count = 0;
    do {
        int fd = crowd->plain ? raw_connect (crowd->port) : zmtp_connect (crowd->port, "DEALER");
        echo (fd);
        /* Without lingering states, of which there would be tens of thousands. */
        struct linger linger = {1, 0};
        setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        close (fd);
        count++;
        ended = now ();
    } while (ended - started < crowd->seconds);
    crowd->cycles = (double) count / (ended - started);
    atomic_store (&crowd->done, 1);
}

static void run_clients (void *argument)
{
    struct crowd *crowd = argument;
    while (atomic_load (&crowd->port) == 0)
        usleep (200);
    void *context = zmq_ctx_new ();
    char public_key[41], secret_key[41];
    if (crowd->is_curve)
        REQUIRE (zmq_curve_keypair (public_key, secret_key) == 0);
    const double started = now ();
    double ended;
    uint64_t count = 0;
    do {
        void *socket = open_socket (context, ZMQ_DEALER);
        if (crowd->is_curve) {
            REQUIRE (zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, crowd->public_key, 41) == 0);
            REQUIRE (zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, public_key, 41) == 0);
            REQUIRE (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, secret_key, 41) == 0);
        }
        char body[BODY] = "request";
        REQUIRE (zmq_connect (socket, crowd->endpoint) == 0);
        REQUIRE (zmq_send (socket, body, BODY, 0) == BODY);
        REQUIRE (zmq_recv (socket, body, BODY, 0) == BODY);
        REQUIRE (zmq_close (socket) == 0);
        count++;
        ended = now ();
    } while (ended - started < crowd->seconds);
    crowd->cycles = (double) count / (ended - started);
    atomic_store (&crowd->done, 1);
    zmq_ctx_term (context);
}

int measure_churn (struct run *run)
{
    struct crowd *crowd = shared_memory (sizeof *crowd);
    crowd->seconds = run->seconds;
    crowd->is_curve = strcmp (run->argv[0], "curve") == 0;
    if (crowd->is_curve)
        REQUIRE (zmq_curve_keypair (crowd->public_key, crowd->secret_key) == 0);
    pid_t child = start_child (strcmp (run->argv[0], "server") == 0 ? run_raw_clients : run_clients, crowd);
    void *context = zmq_ctx_new ();
    void *socket = open_socket (context, ZMQ_ROUTER);
    set_int (socket, ZMQ_RCVTIMEO, 50);
    if (crowd->is_curve) {
        set_int (socket, ZMQ_CURVE_SERVER, 1);
        REQUIRE (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, crowd->secret_key, 41) == 0);
    }
    bind_somewhere (socket, "tcp", crowd->endpoint);
    atomic_store (&crowd->port, port_of (crowd->endpoint));
    answer (crowd, socket);
    printf ("churn %.0f\n", crowd->cycles);
    end_child (child);
    zmq_close (socket);
    zmq_ctx_term (context);
    return 0;
}

int raw_churn (struct run *run)
{
    struct crowd *crowd = shared_memory (sizeof *crowd);
    crowd->seconds = run->seconds;
    crowd->plain = 1;
    pid_t child = start_child (run_raw_clients, crowd);
    int port, listener = raw_listen (&port);
    atomic_store (&crowd->port, port);
    serve_raw (listener, &crowd->done, 0);
    printf ("churn %.0f\n", crowd->cycles);
    end_child (child);
    return 0;
}
