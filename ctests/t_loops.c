/*
 * Applications with a loop of their own, which sleeps on ZMQ_FD: poll, select, epoll by level and by edge. Nothing that
 * comes is missed, nobody is woken again and again for nothing, and what comes while the application computes is
 * received. The loops are quick and long enough for a library to do for them what it does for busy ones only.
 */
#include "common.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>

enum { POLL, SELECT, LEVEL, EDGE, WAYS };
static const char *const WAY_NAMES[] = {"poll", "select", "epoll", "epoll by edge"};

/* One loop: a socket, its descriptor and how that is waited for. */
struct loop
{
    void *socket;
    int descriptor, way, set;
};

static struct loop loop_on (void *socket, int way)
{
    struct loop loop = {socket, get_int (socket, ZMQ_FD), way, -1};
    if (way == LEVEL || way == EDGE) {
        struct epoll_event event = {.events = EPOLLIN | (way == EDGE ? EPOLLET : 0u)};
        loop.set = epoll_create1 (EPOLL_CLOEXEC);
        NEED (loop.set != -1);
        NEED (epoll_ctl (loop.set, EPOLL_CTL_ADD, loop.descriptor, &event) == 0);
    }
    return loop;
}

static void end_loop (struct loop *loop)
{
    if (loop->set != -1)
        close (loop->set);
    NEED (get_int (loop->socket, ZMQ_FD) == loop->descriptor);
}

/* Sleeps until the descriptor says something; false after so many milliseconds. */
static int sleep_on (struct loop *loop, int timeout)
{
    int found = 0;
    if (loop->way == POLL) {
        struct pollfd item = {loop->descriptor, POLLIN, 0};
        found = poll (&item, 1, timeout);
    } else if (loop->way == SELECT) {
        fd_set set;
        struct timeval time = {timeout / 1000, timeout % 1000 * 1000};
        FD_ZERO (&set);
        FD_SET (loop->descriptor, &set);
        found = select (loop->descriptor + 1, &set, NULL, NULL, &time);
    } else {
        struct epoll_event event;
        found = epoll_wait (loop->set, &event, 1, timeout);
    }
    return found == 1;
}

/* Sleeps until ZMQ_EVENTS has one of these. False: the descriptor kept silent about it, or about everything. */
static int await (struct loop *loop, int events)
{
    while (!(get_int (loop->socket, ZMQ_EVENTS) & events))
        if (!sleep_on (loop, 10000))
            return 0;
    return 1;
}

/* The same for a loop that just receives, and asks for no events until there is nothing. */
static int receive_or_await (struct loop *loop, char *buffer, size_t size)
{
    for (;;) {
        int got = zmq_recv (loop->socket, buffer, size, ZMQ_DONTWAIT);
        if (got != -1)
            return got;
        NEED (zmq_errno () == EAGAIN);
        if (!sleep_on (loop, 10000))
            return -1;
    }
}

struct echo
{
    pthread_t thread;
    void *socket;
};

static void *echo (void *argument)
{
    struct echo *echo = argument;
    char buffer[64];
    for (;;) {
        int size = zmq_recv (echo->socket, buffer, sizeof buffer, 0);
        if (size == -1 && zmq_errno () == EAGAIN)
            continue;
        NEED (size != -1);
        if (size == 0)
            return NULL;
        NEED (zmq_send (echo->socket, buffer, (size_t) size, 0) == size);
    }
}

static void start_echo (struct echo *it, void *context, const char *endpoint)
{
    it->socket = new_socket (context, ZMQ_DEALER);
    NEED (zmq_connect (it->socket, endpoint) == 0);
    NEED (pthread_create (&it->thread, NULL, echo, it) == 0);
}

static void end_echo (struct echo *it)
{
    pthread_join (it->thread, NULL);
    end_socket (it->socket);
}

static void ask (void *socket, int number)
{
    NEED (zmq_send (socket, &number, sizeof number, 0) == sizeof number);
}

/* Questions and answers in quick succession; how many answers came. */
static int converse (struct loop *loop, int rounds, int by_events)
{
    int answers = 0;
    for (int i = 1; i <= rounds; i++) {
        int answer = 0;
        ask (loop->socket, i);
        if (by_events) {
            if (!await (loop, ZMQ_POLLIN))
                return answers;
            NEED (zmq_recv (loop->socket, &answer, sizeof answer, ZMQ_DONTWAIT) == sizeof answer);
        } else if (receive_or_await (loop, (char *) &answer, sizeof answer) == -1)
            return answers;
        answers += answer == i;
    }
    return answers;
}

static void dialogues (const char *transport)
{
    for (int way = 0; way < WAYS; way++)
        for (int by_events = 1; by_events >= 0; by_events--) {
            void *context = new_context (), *others = strcmp (transport, "inproc") ? new_context () : context;
            void *socket = new_socket (context, ZMQ_DEALER);
            char endpoint[256];
            struct echo peer;
            bind_any (socket, transport, endpoint);
            start_echo (&peer, others, endpoint);
            NEED (by_events || zmq_send (socket, "", 1, 0) == 1);
            struct loop loop = loop_on (socket, way);
            if (!by_events) {
                char buffer[8];
                NEED (await (&loop, ZMQ_POLLIN) && zmq_recv (socket, buffer, sizeof buffer, 0) == 1);
                /* It asks for no events, but has a library see that it is a loop first. */
                converse (&loop, 100, 1);
            }
            line ("%s, %s%s: %d answers", transport, WAY_NAMES[way], by_events ? "" : ", receiving",
                  converse (&loop, 1500, by_events));
            NEED (zmq_send (socket, "", 0, 0) == 0);
            end_echo (&peer);
            end_loop (&loop);
            end_socket (socket);
            if (others != context)
                end_context (others);
            end_context (context);
        }
}

/* Both ends are loops. */
static void *answering_loop (void *argument)
{
    struct loop *loop = argument;
    int number, count = 0;
    for (;;) {
        NEED (await (loop, ZMQ_POLLIN));
        while (zmq_recv (loop->socket, &number, sizeof number, ZMQ_DONTWAIT) != -1) {
            if (number == 0)
                return NULL;
            ask (loop->socket, number);
            /* Now and then it is away for longer than a library waits for it. */
            if (++count % 500 == 0)
                rest (5);
        }
    }
}

static void two_loops (void)
{
    void *context = new_context (), *other = new_context ();
    void *one = new_socket (context, ZMQ_PAIR), *two = new_socket (other, ZMQ_PAIR);
    pthread_t thread;
    join_pair (one, two, "tcp");
    struct loop asking = loop_on (one, EDGE), answering = loop_on (two, EDGE);
    NEED (pthread_create (&thread, NULL, answering_loop, &answering) == 0);
    line ("two loops: %d answers", converse (&asking, 4000, 1));
    ask (one, 0);
    pthread_join (thread, NULL);
    end_loop (&asking);
    end_loop (&answering);
    end_socket (one);
    end_socket (two);
    end_context (context);
    end_context (other);
}

/* Many senders, each with pauses of its own. */
#define SENDERS 24
#define EACH 400

static void *send_with_pauses (void *socket)
{
    for (int i = 0; i < EACH; i++) {
        int body[2] = {(int) ((uintptr_t) socket >> 6), i};
        NEED (zmq_send (socket, body, sizeof body, 0) == sizeof body);
        if (i % 3 == 0)
            usleep ((useconds_t) (i * 7 % 130));
    }
    return NULL;
}

static void many_senders (int way)
{
    void *context = new_context (), *others = new_context (), *pull = new_socket (context, ZMQ_PULL), *push[SENDERS];
    char endpoint[256];
    pthread_t threads[SENDERS];
    int next[SENDERS] = {0}, count = 0, wrong = 0;
    bind_any (pull, "tcp", endpoint);
    for (int i = 0; i < SENDERS; i++) {
        push[i] = new_socket (others, ZMQ_PUSH);
        NEED (zmq_connect (push[i], endpoint) == 0);
    }
    struct loop loop = loop_on (pull, way);
    for (int i = 0; i < SENDERS; i++)
        NEED (pthread_create (&threads[i], NULL, send_with_pauses, push[i]) == 0);
    while (count < SENDERS * EACH && await (&loop, ZMQ_POLLIN)) {
        int body[2], who = 0;
        NEED (zmq_recv (pull, body, sizeof body, ZMQ_DONTWAIT) == sizeof body);
        while (who < SENDERS - 1 && (int) ((uintptr_t) push[who] >> 6) != body[0])
            who++;
        wrong += body[1] != next[who]++;
        count++;
    }
    line ("many senders, %s: %d messages, %d out of order", WAY_NAMES[way], count, wrong);
    for (int i = 0; i < SENDERS; i++) {
        pthread_join (threads[i], NULL);
        end_socket (push[i]);
    }
    end_loop (&loop);
    end_socket (pull);
    end_context (others);
    end_context (context);
}

/* What peers send while the application is away, after a busy time. */
#define PEERS 3

static void *send_much (void *socket)
{
    static char body[65536];
    for (int i = 0; i < 300; i++)
        NEED (zmq_send (socket, body, sizeof body, 0) == sizeof body);
    return NULL;
}

static void away (void)
{
    void *context = new_context (), *others = new_context (), *router = new_socket (context, ZMQ_ROUTER), *peers[PEERS];
    char endpoint[256], buffer[8];
    pthread_t threads[PEERS];
    int count = 0;
    set_int (router, ZMQ_RCVHWM, 0);
    bind_any (router, "tcp", endpoint);
    struct loop loop = loop_on (router, POLL);
    for (int i = 0; i < PEERS; i++) {
        peers[i] = new_socket (others, ZMQ_DEALER);
        set_int (peers[i], ZMQ_SNDHWM, 1);
        set_int (peers[i], ZMQ_SNDTIMEO, 20000);
        NEED (zmq_connect (peers[i], endpoint) == 0);
    }
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < PEERS; i++)
            ask (peers[i], round);
        for (int i = 0; i < PEERS; i++) {
            NEED (await (&loop, ZMQ_POLLIN));
            zmq_msg_t id;
            zmq_msg_init (&id);
            NEED (zmq_msg_recv (&id, router, ZMQ_DONTWAIT) > 0);
            NEED (zmq_recv (router, buffer, sizeof buffer, ZMQ_DONTWAIT) == 4);
            NEED (zmq_msg_send (&id, router, ZMQ_SNDMORE) > 0);
            NEED (zmq_send (router, buffer, 4, 0) == 4);
        }
        for (int i = 0; i < PEERS; i++)
            NEED (zmq_recv (peers[i], buffer, sizeof buffer, 0) == 4);
    }
    for (int i = 0; i < PEERS; i++)
        NEED (pthread_create (&threads[i], NULL, send_much, peers[i]) == 0);
    /* Nobody calls the router until all is sent, which is more than the kernel holds. */
    for (int i = 0; i < PEERS; i++)
        pthread_join (threads[i], NULL);
    while (count < PEERS * 300 && await (&loop, ZMQ_POLLIN)) {
        NEED (zmq_recv (router, buffer, sizeof buffer, ZMQ_DONTWAIT) > 0);
        count += zmq_recv (router, buffer, sizeof buffer, ZMQ_DONTWAIT) == 65536;
    }
    line ("away: %d messages", count);
    for (int i = 0; i < PEERS; i++)
        end_socket (peers[i]);
    end_loop (&loop);
    end_socket (router);
    end_context (others);
    end_context (context);
}

/* How often an application is woken within 300 ms that does nothing about it but ask for the events. */
static const char *calmness (struct loop *loop)
{
    const long end = milliseconds () + 300;
    int wakes = 0;
    get_int (loop->socket, ZMQ_EVENTS);
    while (milliseconds () < end) {
        wakes += sleep_on (loop, 20);
        get_int (loop->socket, ZMQ_EVENTS);
    }
    static char text[32];
    snprintf (text, sizeof text, "%d wake-ups", wakes);
    return wakes <= 40 ? "calm" : text;
}

static void *send_for_a_while (void *socket)
{
    for (int i = 0; i < 250; i++) {
        ask (socket, i);
        rest (1);
    }
    return NULL;
}

static void calm_loops (int way)
{
    void *context = new_context (), *others = new_context (), *socket = new_socket (context, ZMQ_PAIR);
    void *peer = new_socket (others, ZMQ_PAIR);
    pthread_t thread;
    int number = 0, count = 0, sent = 0;
    char text[300];
    set_int (socket, ZMQ_RCVHWM, 50);
    join_pair (socket, peer, "tcp");
    struct loop loop = loop_on (socket, way), there = loop_on (peer, way);
    NEED (pthread_create (&thread, NULL, answering_loop, &there) == 0);
    NEED (converse (&loop, 300, 1) == 300);
    line ("%s: nothing to do: %s", WAY_NAMES[way], calmness (&loop));
    converse (&loop, 100, 1);
    ask (socket, 0);
    pthread_join (thread, NULL);
    NEED (pthread_create (&thread, NULL, send_for_a_while, peer) == 0);
    line ("%s: messages that nobody wants: %s", WAY_NAMES[way], calmness (&loop));
    pthread_join (thread, NULL);
    while (count < 250 && await (&loop, ZMQ_POLLIN))
        while (zmq_recv (socket, &number, sizeof number, ZMQ_DONTWAIT) != -1)
            count++;
    line ("%s: %d of them received", WAY_NAMES[way], count);

    /* Room. */
    static char body[50000];
    NEED (pthread_create (&thread, NULL, answering_loop, &there) == 0);
    converse (&loop, 300, 1);
    ask (socket, 0);
    pthread_join (thread, NULL);
    long last = milliseconds ();
    while (milliseconds () < last + 100)
        if (zmq_send (socket, body, sizeof body, ZMQ_DONTWAIT) != -1) {
            last = milliseconds ();
            sent++;
        }
    line ("%s: full: %s", WAY_NAMES[way], calmness (&loop));
    for (count = 0; count < sent; count++)
        NEED (zmq_recv (peer, body, sizeof body, 0) == sizeof body);
    line ("%s: room: %d", WAY_NAMES[way], await (&loop, ZMQ_POLLOUT));

    end_loop (&there);
    end_socket (peer);
    snprintf (text, sizeof text, "%s", calmness (&loop));
    line ("%s: the peer is gone: %s", WAY_NAMES[way], text);
    end_loop (&loop);
    end_socket (socket);
    end_context (others);
    end_context (context);
}

/* A REP that owes one client a reply does not receive from another. */
static void unwanted_requests (int way)
{
    void *context = new_context (), *others = new_context (), *rep = new_socket (context, ZMQ_REP);
    void *clients[2] = {new_socket (others, ZMQ_REQ), new_socket (others, ZMQ_REQ)};
    char endpoint[256];
    int number = 0, count = 0;
    bind_any (rep, "tcp", endpoint);
    NEED (zmq_connect (clients[0], endpoint) == 0 && zmq_connect (clients[1], endpoint) == 0);
    struct loop loop = loop_on (rep, way);
    for (int i = 0; i < 400; i++) {
        ask (clients[i % 2], i);
        NEED (await (&loop, ZMQ_POLLIN));
        NEED (zmq_recv (rep, &number, sizeof number, ZMQ_DONTWAIT) == sizeof number);
        if (i == 399) {
            ask (clients[0], i);
            line ("%s: it owes a reply: %s", WAY_NAMES[way], calmness (&loop));
        }
        ask (rep, number);
        NEED (zmq_recv (clients[i % 2], &number, sizeof number, 0) == sizeof number);
        count += number == i;
    }
    NEED (await (&loop, ZMQ_POLLIN));
    NEED (zmq_recv (rep, &number, sizeof number, ZMQ_DONTWAIT) == sizeof number);
    line ("%s: %d replies, and one request", WAY_NAMES[way], count);
    for (int i = 0; i < 2; i++)
        end_socket (clients[i]);
    end_loop (&loop);
    end_socket (rep);
    end_context (others);
    end_context (context);
}

/* A child that has inherited all descriptors, and keeps them, changes nothing for its parent. */
static void forked (int way)
{
    void *context = new_context (), *others = new_context (), *socket = new_socket (context, ZMQ_DEALER);
    char endpoint[256];
    struct echo peer;
    int ends[2], answers = 0;
    bind_any (socket, "tcp", endpoint);
    start_echo (&peer, others, endpoint);
    struct loop loop = loop_on (socket, way);
    converse (&loop, 300, 1);
    NEED (pipe (ends) == 0);
    const pid_t child = fork ();
    NEED (child != -1);
    if (child == 0) {
        char nothing;
        struct pollfd item = {loop.descriptor, POLLIN, 0};
        close (ends[1]);
        poll (&item, 1, 20);
        _exit (read (ends[0], &nothing, 1) == 0 ? 0 : 1);
    }
    close (ends[0]);
    answers = converse (&loop, 1000, 1);
    NEED (zmq_send (socket, "", 0, 0) == 0);
    end_echo (&peer);
    line ("%s, with a child: %d answers, %s", WAY_NAMES[way], answers, calmness (&loop));
    end_loop (&loop);
    end_socket (socket);
    end_context (others);
    end_context (context);
    close (ends[1]);
    int status = -1;
    NEED (waitpid (child, &status, 0) == child);
    line ("the child ended with %d", status);
}

int main (void)
{
    dialogues ("tcp");
    dialogues ("ipc");
    dialogues ("inproc");
    two_loops ();
    many_senders (POLL);
    many_senders (EDGE);
    away ();
    calm_loops (POLL);
    calm_loops (EDGE);
    unwanted_requests (LEVEL);
    unwanted_requests (EDGE);
    forked (POLL);
    forked (EDGE);
    return 0;
}
