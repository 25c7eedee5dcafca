/*
 * Applications with a loop of their own, which sleeps on ZMQ_FD: nobody is woken again and again for nothing, and a child
 * that was forked changes nothing. The loops are quick and long enough for a library to do for them what it does for busy
 * ones only.
 */
#include "common.h"

#include <sys/wait.h>

#include "loops.h"

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
    calm_loops (POLL);
    calm_loops (EDGE);
    unwanted_requests (LEVEL);
    unwanted_requests (EDGE);
    forked (POLL);
    forked (EDGE);
    return 0;
}
