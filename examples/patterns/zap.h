/*
 * A ZAP handler (RFC 27): the thread that a server's context asks whether a peer may come in. Shared by the programs
 * about security.
 *
 * The library sends  version, request id, domain, address, routing id, mechanism, credentials...  to
 * inproc://zeromq.zap.01 and wants  version, request id, status, text, user id, metadata  back: 200 lets the peer in.
 */
#ifndef OXIZMQ_EXAMPLES_ZAP_H
#define OXIZMQ_EXAMPLES_ZAP_H

#include "story.h"

typedef bool verdict_function (const message_t *request, char *user); /* user: room for 64 bytes */

typedef struct {
    void *socket;
    verdict_function *allows;
    pthread_t thread;
} zap_t;

static void *zap_thread (void *given)
{
    zap_t *zap = given;
    for (message_t request; receive (zap->socket, &request);) {
        char user[64] = "";
        bool allowed = is (&request, 0, "1.0") && zap->allows (&request, user);
        say ("ZAP: %s from %s: %s %s", text (&request, 5), text (&request, 3), allowed ? "welcome" : "not welcome", user);
        SEND (zap->socket, "1.0", text (&request, 1), allowed ? "200" : "400", allowed ? "OK" : "No", user, "");
    }
    zmq_close (zap->socket);
    return NULL;
}

/* To be called before the first bind of the server: while there is no handler, everybody who can encrypt is let in. */
static void start_zap (zap_t *zap, void *context, verdict_function *allows)
{
    *zap = (zap_t){.socket = bound (context, ZMQ_REP, "inproc://zeromq.zap.01"), .allows = allows};
    EXPECT (pthread_create (&zap->thread, NULL, zap_thread, zap) == 0);
}

static void end_zap (zap_t *zap)
{
    pthread_join (zap->thread, NULL); /* the context has been shut down */
}

#endif
