/*
 * A small service-oriented broker after the Majordomo idea, shared by majordomo.c and titanic.c.
 *
 * Clients (REQ) send  service, body...  and get  service, body...  Workers (DEALER) send READY, service once and then
 * REPLY, client, body... for each REQUEST, client, body... that they get. One ROUTER socket serves all of them: what a
 * peer's first words are tells what it is. Requests for a service without a free worker wait in the broker.
 * The service "mmi.service" answers by itself whether a service is there: 200 or 404.
 */
#ifndef OXIZMQ_EXAMPLES_MDP_H
#define OXIZMQ_EXAMPLES_MDP_H

#include "story.h"

#define BROKER "tcp://127.0.0.1:5606"
#define MOST 32

/* A list of messages with the name of a service in front: free workers, waiting requests. */
typedef struct {
    message_t item[MOST];
    int count;
} shelf_t;

static void put (shelf_t *shelf, const message_t *item)
{
    EXPECT (shelf->count < MOST);
    shelf->item[shelf->count++] = *item;
}

/* Takes the oldest one of a service from the shelf. */
static bool get (shelf_t *shelf, const char *service, message_t *item)
{
    for (int i = 0; i < shelf->count; i++)
        if (is (&shelf->item[i], 0, service)) {
            *item = shelf->item[i];
            memmove (&shelf->item[i], &shelf->item[i + 1], sizeof (message_t) * (size_t) (--shelf->count - i));
            return true;
        }
    return false;
}

static bool known (const shelf_t *shelf, const char *service)
{
    for (int i = 0; i < shelf->count; i++)
        if (is (&shelf->item[i], 0, service))
            return true;
    return false;
}

static void add (message_t *message, const message_t *source, int frame)
{
    append (message, source->frame[frame].data, source->frame[frame].size);
}

/* Marries requests and workers of a service while there are both. */
static void dispatch (void *socket, shelf_t *workers, shelf_t *requests, const char *service)
{
    message_t worker, request;
    while (known (workers, service) && get (requests, service, &request) && get (workers, service, &worker)) {
        message_t out = {0}; /* worker, REQUEST, client, body... */
        add (&out, &worker, 1);
        append (&out, "REQUEST", 7);
        for (int i = 1; i < request.count; i++)
            add (&out, &request, i);
        send_on (socket, &out);
    }
}

static void broker (void *context, void *argument)
{
    (void) argument;
    static __thread shelf_t workers, requests, services;
    void *socket = bound (context, ZMQ_ROUTER, BROKER);
    for (message_t in; receive (socket, &in);) {
        message_t note = {0}, out = {0};
        if (is (&in, 1, "")) { /* client, empty, service, body... */
            add (&note, &in, 2);
            if (is (&in, 2, "mmi.service")) {
                add (&out, &in, 0);
                append (&out, "", 0);
                add (&out, &in, 2);
                append (&out, known (&services, text (&in, 3)) ? "200" : "404", 3);
                send_on (socket, &out);
                continue;
            }
            add (&note, &in, 0);
            for (int i = 3; i < in.count; i++)
                add (&note, &in, i);
            put (&requests, &note);
            dispatch (socket, &workers, &requests, text (&in, 2));
        } else if (is (&in, 1, "READY")) { /* worker, READY, service */
            add (&note, &in, 2);
            if (!known (&services, text (&in, 2)))
                put (&services, &note);
            add (&note, &in, 0);
            put (&workers, &note);
            dispatch (socket, &workers, &requests, text (&in, 2));
        } else if (is (&in, 1, "REPLY")) { /* worker, REPLY, service, client, body... */
            add (&out, &in, 3);
            append (&out, "", 0);
            add (&out, &in, 2);
            for (int i = 4; i < in.count; i++)
                add (&out, &in, i);
            send_on (socket, &out);
            add (&note, &in, 2);
            add (&note, &in, 0);
            put (&workers, &note);
            dispatch (socket, &workers, &requests, text (&in, 2));
        }
    }
    zmq_close (socket);
    workers = requests = services = (shelf_t){.count = 0};
}

/* ---- the worker's side ---- */

static void *register_worker (void *context, const char *service)
{
    void *socket = connected (context, ZMQ_DEALER, BROKER);
    SEND (socket, "READY", service);
    return socket;
}

/* The next request: REQUEST, client, body... */
static bool next_request (void *socket, message_t *request)
{
    return receive (socket, request) && is (request, 0, "REQUEST");
}

/* Answers it: REPLY, service, client, body... */
static bool reply (void *socket, const char *service, const message_t *request, const message_t *body)
{
    message_t out = {0};
    append (&out, "REPLY", 5);
    append (&out, service, strlen (service));
    add (&out, request, 1);
    for (int i = 0; i < body->count; i++)
        add (&out, body, i);
    return send_on (socket, &out);
}

/* ---- the client's side ---- */

/* Asks a service; the answer without the service's name in front. Tries again as a Lazy Pirate does. */
static bool call (void *context, message_t *answer, const char *service, const message_t *body, int tries)
{
    message_t request = {0};
    append (&request, service, strlen (service));
    for (int i = 0; i < body->count; i++)
        add (&request, body, i);
    while (tries-- > 0) {
        void *socket = connected (context, ZMQ_REQ, BROKER);
        message_t in;
        send_on (socket, &request);
        bool answered = readable (socket, 500) && receive (socket, &in);
        zmq_close (socket);
        if (answered) {
            EXPECT (is (&in, 0, service));
            *answer = from (&in, 1);
            return true;
        }
    }
    return false;
}

/* CALL (context, &answer, "service", "body", ...) */
#define CALL(context, answer, service, ...) call_texts (context, answer, service, __VA_ARGS__, (const char *) NULL)

__attribute__ ((sentinel)) static bool call_texts (void *context, message_t *answer, const char *service, ...)
{
    message_t body = {0};
    va_list frames;
    va_start (frames, service);
    for (const char *frame; (frame = va_arg (frames, const char *));)
        append (&body, frame, strlen (frame));
    va_end (frames);
    return call (context, answer, service, &body, 4);
}

#endif
