/*
 * Simple Pirate: a queue that knows which workers are free.
 *
 * Workers connect with REQ and say READY; from then on an answer to a client is also the sign that the worker is free
 * again. The queue (ROUTER in front, ROUTER behind) gives each request to the worker that has been free for longest,
 * and takes no request while nobody is free. A worker that dies takes one request with it; the client is a Lazy
 * Pirate, asks again and gets the answer from another one.
 */
#include "story.h"

#define FRONT "tcp://127.0.0.1:5602"
#define BACK "tcp://127.0.0.1:5603"

static void queue (void *context, void *argument)
{
    (void) argument;
    void *front = bound (context, ZMQ_ROUTER, FRONT), *back = bound (context, ZMQ_ROUTER, BACK);
    zmq_pollitem_t items[] = {{back, 0, ZMQ_POLLIN, 0}, {front, 0, ZMQ_POLLIN, 0}};
    message_t free_workers = {0}; /* their routing ids, the longest free one first */

    while (zmq_poll (items, free_workers.count ? 2 : 1, -1) != -1) {
        message_t message;
        if (items[0].revents && receive (back, &message)) {
            /* worker, empty, READY  or  worker, empty, client, empty, answer */
            append (&free_workers, message.frame[0].data, message.frame[0].size);
            message_t answer = from (&message, 2);
            if (!is (&answer, 0, "READY"))
                send_on (front, &answer);
        } else if (free_workers.count && items[1].revents && receive (front, &message)) {
            message_t request = {0};
            append (&request, free_workers.frame[0].data, free_workers.frame[0].size);
            append (&request, "", 0);
            for (int i = 0; i < message.count; i++)
                append (&request, message.frame[i].data, message.frame[i].size);
            free_workers = from (&free_workers, 1);
            send_on (back, &request);
        }
        items[1].revents = 0;
    }
    zmq_close (front);
    zmq_close (back);
}

/* Answers with its name; the one called "mortal" dies over its third request. */
static void worker (void *context, void *argument)
{
    const char *name = argument;
    void *socket = connected (context, ZMQ_REQ, BACK);
    SEND (socket, "READY");
    message_t request; /* client, empty, text */
    for (int count = 1; receive (socket, &request); count++) {
        if (strcmp (name, "mortal") == 0 && count == 3) {
            say ("%s: dies over '%s'", name, text (&request, 2));
            break;
        }
        message_t answer = request;
        append (&answer, name, strlen (name));
        send_on (socket, &answer);
    }
    zmq_close (socket);
}

int main (void)
{
    void *context = zmq_ctx_new ();
    role_t *middle = start (queue, NULL);
    role_t *workers[] = {start (worker, "mortal"), start (worker, "immortal")};
    int by_mortal = 0, by_immortal = 0, repeated = 0;

    for (int i = 0; by_mortal < 2 || by_immortal < 2 || repeated == 0; i++) {
        char request[32];
        message_t answer = {0};
        snprintf (request, sizeof request, "request %d", i);
        for (bool answered = false; !answered;) {
            void *socket = connected (context, ZMQ_REQ, FRONT);
            SEND (socket, request);
            answered = readable (socket, 700) && receive (socket, &answer);
            repeated += !answered;
            zmq_close (socket);
        }
        EXPECT (is (&answer, 0, request));
        by_mortal += is (&answer, 1, "mortal");
        by_immortal += is (&answer, 1, "immortal");
        EXPECT (i < 1000);
        rest (5);
    }
    say ("answers: %d by the mortal worker, %d by the other; %d asked again", by_mortal, by_immortal, repeated);
    EXPECT (by_mortal == 2);

    stop (workers[0]);
    stop (workers[1]);
    stop (middle);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
