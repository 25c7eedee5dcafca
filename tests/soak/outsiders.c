/*
 * The parts of the soak test where somebody else is at the other end: a plain connection, strangers who send noise, peers
 * who speak byte by byte, and other processes, which may be killed. See worlds.c.
 */
#define _GNU_SOURCE
#include "soak.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

extern char **environ;

/* STREAM: bytes of a plain connection come back as they went. */
void plain_bytes (struct world *world)
{
    char endpoint[256];
    void *context = make_context (world), *server = make_socket (context, ZMQ_STREAM, 0);
    set_int (server, ZMQ_STREAM_NOTIFY, 0);
    bind_anywhere (world, server, "t", endpoint);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    address.sin_port = htons ((uint16_t) atoi (strrchr (endpoint, ':') + 1));
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    WANT (fd != -1 && connect (fd, (struct sockaddr *) &address, sizeof address) == 0);
    size_t size = 1 + below (world, 1 << 17), sent = 0, back = 0;
    doing (world, "passing bytes");
    for (long start = now_ms (); back < size;) {
        WANT (now_ms () - start < NO_TIME_LEFT);
        unsigned char out[4096], in[4096];
        size_t count = size - sent < sizeof out ? size - sent : sizeof out;
        for (size_t at = 0; at < count; at++)
            out[at] = (unsigned char) ((sent + at) * 17);
        ssize_t moved = count ? send (fd, out, count, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
        sent += moved > 0 ? (size_t) moved : 0;
        await (&server, 1);
        while (echo (server, 0))
            ;
        while ((moved = recv (fd, in, sizeof in, MSG_DONTWAIT)) > 0)
            for (ssize_t at = 0; at < moved; at++)
                WANT (in[at] == (unsigned char) (back++ * 17));
    }
    close (fd);
    world->books.sent++;
    world->books.delivered++;
    end_socket (server);
    end_context (world, context);
}

static const unsigned char greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1, 'N', 'U', 'L', 'L'};

/* Strangers at the door of a PULL that has a good peer. */
void strangers (struct world *world)
{
    char endpoint[256];
    void *context = make_context (world), *pull = make_socket (context, ZMQ_PULL, 0), *push = make_socket (context, ZMQ_PUSH, 0);
    struct ledger *ledger = open_ledger ();
    ledger->strangers = 1;
    bind_anywhere (world, pull, "tw", endpoint);
    WANT (zmq_connect (push, endpoint) == 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    address.sin_port = htons ((uint16_t) atoi (strrchr (endpoint, ':') + 1));
    int kept[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    for (int round = 0; round < 40; round++) {
        doing (world, "disturbing");
        int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        WANT (fd != -1 && connect (fd, (struct sockaddr *) &address, sizeof address) == 0);
        unsigned char noise[512];
        size_t size = below (world, sizeof noise);
        for (size_t at = 0; at < size; at++)
            noise[at] = (unsigned char) below (world, 256);
        if (below (world, 2) && size >= 80) {
            memcpy (noise, greeting, sizeof greeting);
            noise[64] = (unsigned char) below (world, 8);
        }
        if (size)
            send (fd, noise, size, MSG_NOSIGNAL);
        if (below (world, 2)) {
            /* A reset instead of an end. */
            struct linger hard = {1, 0};
            setsockopt (fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        }
        int keep = (int) below (world, 16);
        if (keep < 8) {
            if (kept[keep] != -1)
                close (kept[keep]);
            kept[keep] = fd;
        } else
            close (fd);
        world->books.faults++;
        doing (world, "working meanwhile");
        for (int burst = 0; burst < 20; burst++)
            WANT (send_next (world, ledger, push, 0, 's', SMALL));
        for (long start = now_ms (); total (ledger->delivered) < total (ledger->sent);) {
            WANT (now_ms () - start < NO_TIME_LEFT);
            if (!receive_next (ledger, pull, NULL))
                await (&pull, 1);
        }
    }
    for (int at = 0; at < 8; at++)
        if (kept[at] != -1)
            close (kept[at]);
    end_socket (pull);
    end_socket (push);
    end_context (world, context);
    close_ledger (world, ledger);
}

/* Peers by hand whose bytes come one by one, and who are gone in the middle of a message: what was whole has come. */
void trickles (struct world *world)
{
    static const char ready[] = "\4\32\5READY\13Socket-Type\0\0\0\4PUSH";
    char endpoint[256];
    void *context = make_context (world), *pull = make_socket (context, ZMQ_PULL, 0);
    struct ledger *ledger = open_ledger ();
    bind_anywhere (world, pull, "t", endpoint);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    address.sin_port = htons ((uint16_t) atoi (strrchr (endpoint, ':') + 1));
    for (unsigned peer = 0; peer < 4; peer++) {
        int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), at_once = 1;
        WANT (fd != -1 && connect (fd, (struct sockaddr *) &address, sizeof address) == 0);
        WANT (setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once) == 0);
        unsigned char frame[256];
        doing (world, "saying hello byte by byte");
        WANT (send (fd, greeting, sizeof greeting, MSG_NOSIGNAL) == sizeof greeting);
        for (size_t at = 0; at + 1 < sizeof ready; at++)
            WANT (send (fd, ready + at, 1, MSG_NOSIGNAL) == 1);
        doing (world, "speaking byte by byte");
        for (int message = 1 + (int) below (world, 20); message > 0; message--) {
            size_t size = frame_next (world, ledger, peer, frame);
            for (size_t at = 0; at < size; at++) {
                WANT (send (fd, frame + at, 1, MSG_NOSIGNAL) == 1);
                if (below (world, 50) == 0)
                    receive_next (ledger, pull, NULL);
            }
        }
        for (long start = now_ms (); total (ledger->delivered) < total (ledger->sent);) {
            WANT (now_ms () - start < NO_TIME_LEFT);
            if (!receive_next (ledger, pull, NULL))
                await (&pull, 1);
        }
        /* Half of one that is never sent, and the end or a reset. */
        size_t size = frame_next (world, ledger, peer, frame);
        ledger->sent[peer]--;
        for (size_t at = 0; at < size - 1 - below (world, (uint32_t) size - 1); at++)
            WANT (send (fd, frame + at, 1, MSG_NOSIGNAL) == 1);
        struct linger hard = {(int) below (world, 2), 0};
        setsockopt (fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close (fd);
        world->books.faults++;
    }
    WANT (!receive_next (ledger, pull, NULL));
    end_socket (pull);
    end_context (world, context);
    close_ledger (world, ledger);
}

/* A child that sends: `soak child ENDPOINT COUNT PARENT`; with 0 it sends until it is killed, at the latest with its parent. */
int child (int argc, char **argv)
{
    WANT (argc == 5);
    WANT (prctl (PR_SET_PDEATHSIG, SIGKILL) == 0);
    /* The parent may have ended before that. */
    if (getppid () != atoi (argv[4]))
        return 1;
    uint64_t count = strtoull (argv[3], NULL, 10);
    void *context = zmq_ctx_new (), *push = zmq_socket (context, ZMQ_PUSH);
    set_int (push, ZMQ_LINGER, -1);
    WANT (zmq_connect (push, argv[2]) == 0);
    for (uint64_t number = 0; count == 0 || number < count; number++)
        WANT (zmq_send (push, &number, sizeof number, 0) == sizeof number);
    WANT (zmq_close (push) == 0 && zmq_ctx_term (context) == 0);
    return 0;
}

/* Processes that send: what a killed one has sent comes without a gap, and all of one that ends in peace. How much a killed one
   has sent nobody knows: the books have what came. */
void processes (struct world *world)
{
    char endpoint[256], count_text[32], parent[32];
    int kill_it = (int) below (world, 2), hwm = below (world, 2) ? 1000 : 1 + (int) below (world, 20);
    uint64_t count = kill_it ? 0 : 1 + below (world, 5000), next = 0;
    void *context = make_context (world), *pull = make_socket (context, ZMQ_PULL, hwm);
    bind_anywhere (world, pull, "tiw", endpoint);
    snprintf (count_text, sizeof count_text, "%llu", (unsigned long long) count);
    snprintf (parent, sizeof parent, "%d", (int) getpid ());
    char *arguments[] = {(char *) program, "child", endpoint, count_text, parent, NULL};
    pid_t pid;
    WANT (posix_spawn (&pid, program, NULL, NULL, arguments, environ) == 0);
    long start = now_ms (), live = (long) below (world, 300), ended = 0;
    doing (world, "receiving from a process");
    for (;;) {
        uint64_t number;
        snprintf (world->note, sizeof world->note, "%s, hwm %d, %llu of %llu came, %s, ended after %ld ms", endpoint, hwm,
                  (unsigned long long) next, (unsigned long long) count, kill_it ? "to be killed" : "in peace",
                  ended ? ended - start : 0);
        while (zmq_recv (pull, &number, sizeof number, ZMQ_DONTWAIT) != -1)
            WANT (number == next++);
        if (!kill_it && next == count && ended)
            break;
        if (kill_it && !ended && next > 0 && now_ms () - start > live)
            WANT (kill (pid, SIGKILL) == 0);
        int status = 0;
        if (!ended && waitpid (pid, &status, WNOHANG) == pid) {
            WANT (kill_it || status == 0);
            ended = now_ms ();
        }
        if (ended && kill_it && now_ms () - ended > 200)
            break;
        WANT (now_ms () - start < NO_TIME_LEFT);
        if (below (world, 4) == 0)
            rest_ms (1);
        else
            await (&pull, 1);
    }
    world->books.sent += next;
    world->books.delivered += next;
    world->books.faults += (uint64_t) kill_it;
    end_socket (pull);
    end_context (world, context);
}
