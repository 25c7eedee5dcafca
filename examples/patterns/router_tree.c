/*
 * A tree of routers: requests climb to the root and answers find the way back.
 *
 * Each ROUTER on the way puts the id of the peer that a message came from in front, each ROUTER on the way back takes
 * one off and sends to it. So the envelope of a request tells how many hops it came, and nobody has a table of routes.
 * Two leaf queues join in a root queue with two workers behind it; a client at a leaf knows only its leaf.
 */
#include "story.h"

#define LEAVES 2
#define CLIENTS 4
#define REQUESTS 25

static const char *const LEAF[LEAVES] = {"tcp://127.0.0.1:5621", "tcp://127.0.0.1:5622"};
#define ROOT "tcp://127.0.0.1:5623"
#define WORK "tcp://127.0.0.1:5624"

static void root (void *context, void *argument)
{
    (void) argument;
    void *front = bound (context, ZMQ_ROUTER, ROOT), *back = bound (context, ZMQ_DEALER, WORK);
    zmq_proxy (front, back, NULL);
    zmq_close (front);
    zmq_close (back);
}

static void leaf (void *context, void *argument)
{
    void *front = bound (context, ZMQ_ROUTER, argument), *back = connected (context, ZMQ_DEALER, ROOT);
    zmq_proxy (front, back, NULL);
    zmq_close (front);
    zmq_close (back);
}

/* A ROUTER as well, so that it sees the whole envelope. */
static void worker (void *context, void *argument)
{
    (void) argument;
    void *socket = connected (context, ZMQ_ROUTER, WORK);
    for (message_t request; receive (socket, &request);) {
        /* root queue (this hop), leaf queue, client, empty, text */
        EXPECT (request.count == 5 && is (&request, 3, ""));
        append (&request, "3 hops", 6);
        send_on (socket, &request);
    }
    zmq_close (socket);
}

static void client (void *context, void *argument)
{
    int number = *(int *) argument;
    void *socket = connected (context, ZMQ_REQ, LEAF[number % LEAVES]);
    for (int i = 0; i < REQUESTS; i++) {
        char request[64];
        message_t answer;
        snprintf (request, sizeof request, "client %d request %d", number, i);
        SEND (socket, request);
        EXPECT (receive (socket, &answer) && is (&answer, 0, request) && is (&answer, 1, "3 hops"));
    }
    zmq_close (socket);
}

int main (void)
{
    int numbers[CLIENTS];
    role_t *clients[CLIENTS], *leaves[LEAVES], *top = start (root, NULL);
    role_t *workers[] = {start (worker, NULL), start (worker, NULL)};
    for (int i = 0; i < LEAVES; i++)
        leaves[i] = start (leaf, (void *) LEAF[i]);
    for (int i = 0; i < CLIENTS; i++) {
        numbers[i] = i;
        clients[i] = start (client, &numbers[i]);
    }
    for (int i = 0; i < CLIENTS; i++)
        finish (clients[i]);
    say ("%d clients at %d leaves had %d answers each, over 3 hops", CLIENTS, LEAVES, REQUESTS);
    for (int i = 0; i < LEAVES; i++)
        stop (leaves[i]);
    stop (workers[0]);
    stop (workers[1]);
    stop (top);
    return 0;
}
