/*
 * Loops of an application's own that sleep on ZMQ_FD by poll, select, epoll by level or by edge, and a peer that answers.
 * Included after common.h by the programs t_loops*.c.
 */
#ifndef OXIZMQ_CTESTS_LOOPS_H
#define OXIZMQ_CTESTS_LOOPS_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

enum { POLL, SELECT, LEVEL, EDGE, WAYS };
static const char *const WAY_NAMES[] = {"poll", "select", "epoll", "epoll by edge"};

/* One loop: a socket, its descriptor and how that is waited for. */
struct loop
{
    void *socket;
    int descriptor, way, set;
};

UNUSED static struct loop loop_on (void *socket, int way)
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

UNUSED static void end_loop (struct loop *loop)
{
    if (loop->set != -1)
        close (loop->set);
    NEED (get_int (loop->socket, ZMQ_FD) == loop->descriptor);
}

/* Sleeps until the descriptor says something; false after so many milliseconds. */
UNUSED static int sleep_on (struct loop *loop, int timeout)
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
UNUSED static int await (struct loop *loop, int events)
{
    while (!(get_int (loop->socket, ZMQ_EVENTS) & events))
        if (!sleep_on (loop, 10000))
            return 0;
    return 1;
}

/* The same for a loop that just receives, and asks for no events until there is nothing. */
UNUSED static int receive_or_await (struct loop *loop, char *buffer, size_t size)
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

UNUSED static void *echo (void *argument)
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

UNUSED static void start_echo (struct echo *it, void *context, const char *endpoint)
{
    it->socket = new_socket (context, ZMQ_DEALER);
    NEED (zmq_connect (it->socket, endpoint) == 0);
    NEED (pthread_create (&it->thread, NULL, echo, it) == 0);
}

UNUSED static void end_echo (struct echo *it)
{
    pthread_join (it->thread, NULL);
    end_socket (it->socket);
}

UNUSED static void ask (void *socket, int number)
{
    NEED (zmq_send (socket, &number, sizeof number, 0) == sizeof number);
}

/* Questions and answers in quick succession; how many answers came. */
UNUSED static int converse (struct loop *loop, int rounds, int by_events)
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

/* A loop that answers until it is asked 0. */
UNUSED static void *answering_loop (void *argument)
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

#endif
