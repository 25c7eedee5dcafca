/*
 * Capture: everything that passes a proxy is also sent to a third socket, for somebody to look at.
 *
 * Requests and answers appear there as the proxy sees them, with their envelopes. Here a PUB takes the copies, so that
 * listeners may come and go and the proxy never waits for them.
 */
#include "story.h"

#define FRONT "tcp://127.0.0.1:5651"
#define BACK "tcp://127.0.0.1:5652"
#define CAPTURE "tcp://127.0.0.1:5653"

static void proxy (void *context, void *argument)
{
    (void) argument;
    void *front = bound (context, ZMQ_ROUTER, FRONT), *back = bound (context, ZMQ_DEALER, BACK);
    void *capture = bound (context, ZMQ_PUB, CAPTURE);
    zmq_proxy (front, back, capture);
    zmq_close (front);
    zmq_close (back);
    zmq_close (capture);
}

static void upper (void *context, void *argument)
{
    (void) argument;
    void *socket = connected (context, ZMQ_REP, BACK);
    for (message_t request; receive (socket, &request);)
        SEND (socket, is (&request, 0, "hello") ? "HELLO" : "?");
    zmq_close (socket);
}

int main (void)
{
    void *context = zmq_ctx_new ();
    role_t *middle = start (proxy, NULL), *service = start (upper, NULL);
    void *ear = connected (context, ZMQ_SUB, CAPTURE), *client = connected (context, ZMQ_REQ, FRONT);
    set_text (ear, ZMQ_SUBSCRIBE, "");
    message_t answer, seen;

    /* A subscription takes a moment: ask until the ear hears something. */
    for (int i = 0; !readable (ear, 20); i++)
        EXPECT (i < 200 && SEND (client, "hello") && receive (client, &answer) && is (&answer, 0, "HELLO"));
    while (readable (ear, 100))
        receive (ear, &seen);

    EXPECT (SEND (client, "hello") && receive (client, &answer) && is (&answer, 0, "HELLO"));
    EXPECT (receive (ear, &seen) && seen.count == 3 && is (&seen, 1, "") && is (&seen, 2, "hello"));
    say ("captured: %d frames, the last one '%s'", seen.count, text (&seen, 2));
    EXPECT (receive (ear, &seen) && seen.count == 3 && is (&seen, 1, "") && is (&seen, 2, "HELLO"));
    say ("captured: %d frames, the last one '%s'", seen.count, text (&seen, 2));

    zmq_close (client);
    zmq_close (ear);
    stop (service);
    stop (middle);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
