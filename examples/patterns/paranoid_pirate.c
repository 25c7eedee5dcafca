/*
 * Paranoid Pirate: queue and workers watch each other by heartbeats.
 *
 * A worker (DEALER) says READY when it comes and HEARTBEAT while it is idle; the queue (ROUTER) forgets one of which it
 * has heard nothing for three beats, so that no request goes to a dead worker. The queue beats as well, and a worker
 * that hears nothing throws its socket away and connects anew, with a longer pause each time. Here a worker hangs, and
 * then the queue dies and comes back: the client sees neither.
 */
#include "story.h"

#define FRONT "tcp://127.0.0.1:5604"
#define BACK "tcp://127.0.0.1:5605"
#define BEAT 100 /* milliseconds */
#define LIVENESS 3

typedef struct {
    message_t id; /* one frame */
    long expires;
} worker_t;

typedef struct {
    worker_t list[8];
    int count;
} workers_t; /* free ones, the longest free first */

static void remove_worker (workers_t *workers, int at)
{
    memmove (&workers->list[at], &workers->list[at + 1], sizeof (worker_t) * (size_t) (--workers->count - at));
}

/* A sign of life: the worker moves to the end of the list. */
static void is_free (workers_t *workers, const message_t *from_worker)
{
    worker_t it = {.expires = now () + BEAT * LIVENESS};
    append (&it.id, from_worker->frame[0].data, from_worker->frame[0].size);
    for (int i = 0; i < workers->count; i++)
        if (workers->list[i].id.frame[0].size == it.id.frame[0].size
            && memcmp (text (&workers->list[i].id, 0), text (&it.id, 0), it.id.frame[0].size) == 0)
            remove_worker (workers, i--);
    EXPECT (workers->count < 8);
    workers->list[workers->count++] = it;
}

static void queue (void *context, void *argument)
{
    (void) argument;
    void *front = bound (context, ZMQ_ROUTER, FRONT), *back = bound (context, ZMQ_ROUTER, BACK);
    zmq_pollitem_t items[] = {{back, 0, ZMQ_POLLIN, 0}, {front, 0, ZMQ_POLLIN, 0}};
    workers_t workers = {.count = 0};
    long next_beat = now () + BEAT;

    for (;;) {
        long wait = next_beat - now ();
        items[1].revents = 0;
        if (zmq_poll (items, workers.count ? 2 : 1, wait > 0 ? wait : 0) == -1)
            break;
        message_t message;
        if (items[0].revents && receive (back, &message)) {
            is_free (&workers, &message); /* worker, READY  or  worker, HEARTBEAT  or  worker, client, empty, text... */
            message_t answer = from (&message, 1);
            if (answer.count > 1)
                send_on (front, &answer);
        }
        while (workers.count && workers.list[0].expires < now ()) {
            say ("queue: a worker is silent, forgotten");
            remove_worker (&workers, 0);
        }
        if (workers.count && items[1].revents && receive (front, &message)) {
            message_t request = workers.list[0].id;
            for (int i = 0; i < message.count; i++)
                append (&request, message.frame[i].data, message.frame[i].size);
            send_on (back, &request);
            remove_worker (&workers, 0);
        }
        if (now () >= next_beat) {
            for (int i = 0; i < workers.count; i++) {
                message_t beat = workers.list[i].id;
                append (&beat, "HEARTBEAT", 9);
                send_on (back, &beat);
            }
            next_beat = now () + BEAT;
        }
    }
    zmq_close (front);
    zmq_close (back);
}

static volatile bool has_hung;

static void worker (void *context, void *argument)
{
    const char *name = argument;
    long pause = BEAT;
    for (int served = 0;;) {
        void *socket = connected (context, ZMQ_DEALER, BACK);
        if (!socket)
            return;
        SEND (socket, "READY");
        int left = LIVENESS;
        zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};
        int events = 0;
        while (left > 0 && (events = zmq_poll (&item, 1, BEAT)) != -1) {
            message_t request; /* HEARTBEAT, or client, empty, text */
            if (events == 1 && receive (socket, &request)) {
                left = LIVENESS;
                pause = BEAT;
                if (request.count == 3) {
                    if (strcmp (name, "hanging") == 0 && ++served == 2) {
                        has_hung = true;
                        say ("%s: hangs over '%s'", name, text (&request, 2));
                        rest (BEAT * LIVENESS * 3);
                    }
                    append (&request, name, strlen (name));
                    send_on (socket, &request);
                }
            } else {
                left--;
                SEND (socket, "HEARTBEAT");
            }
        }
        zmq_close (socket);
        if (events == -1)
            return;
        say ("%s: the queue is silent, connecting anew in %ld ms", name, pause);
        rest (pause);
        pause = pause < 1000 ? pause * 2 : pause;
    }
}

static void ask (void *context, const char *request, message_t *answer)
{
    for (int try = 1;; try++) {
        EXPECT (try < 10);
        void *socket = connected (context, ZMQ_REQ, FRONT);
        SEND (socket, request);
        bool answered = readable (socket, 600) && receive (socket, answer);
        zmq_close (socket);
        if (answered)
            break;
        say ("client: '%s' again", request);
    }
    EXPECT (answer->count == 2 && is (answer, 0, request));
}

int main (void)
{
    void *context = zmq_ctx_new ();
    role_t *middle = start (queue, NULL);
    role_t *workers[] = {start (worker, "steady"), start (worker, "hanging")};
    char request[32];
    message_t answer;

    for (int i = 0, after = 0; after < 4; i++) {
        snprintf (request, sizeof request, "request %d", i);
        ask (context, request, &answer);
        after += has_hung;
        EXPECT (!has_hung || after > 1 || is (&answer, 1, "steady"));
        EXPECT (i < 1000);
        rest (5);
    }
    say ("every request was answered, also the one that the hanging worker had");

    stop (middle);
    say ("the queue has died");
    rest (BEAT * (LIVENESS + 2));
    middle = start (queue, NULL);
    say ("the queue is back, knowing nobody");
    ask (context, "after the crash", &answer);
    say ("the workers have found it");

    stop (workers[0]);
    stop (workers[1]);
    stop (middle);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
